package config

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// source reads where a group's frames come from.
func (d *decoder) source(path string, n ast.Node, g *Group) {
	before := len(d.errs)
	d.mapping(n, path,
		key{"haproxy", false, func(path string, n ast.Node) { g.HAProxy = d.haproxy(path, n, false) }},
		key{"prometheus", false, func(path string, n ast.Node) {
			p := &Prometheus{Members: map[string]string{}, Metrics: map[string]string{}}
			g.Prometheus = p
			d.mapping(n, path,
				key{"members", true, d.table(p.Members, "member", MaxMembers, checkMember, checkExposition)},
				key{"metrics", false, d.table(p.Metrics, "metric", MaxMetrics, checkSelector, checkMetric)},
			)
		}},
		key{"promql", false, func(path string, n ast.Node) { g.PromQL = d.promql(path, n) }},
		key{"otlp", false, func(path string, n ast.Node) { g.OTLP = d.otlp(path, n) }},
	)
	if g.HAProxy == nil && g.Prometheus == nil && g.PromQL == nil && g.OTLP == nil && len(d.errs) == before {
		d.fail(n, path, "found none of haproxy, prometheus, promql and otlp, want at least one")
	}
}

// otlp reads where members push their metrics.
func (d *decoder) otlp(path string, n ast.Node) *OTLP {
	o := &OTLP{Metrics: map[string]string{}}
	secured := hasKey(n, "tls")
	d.mapping(n, path,
		key{"listen", true, d.value("HOST:PORT", func(s string) error { o.Listen = s; return checkPushAddress(s, secured) })},
		key{"token_file", true, d.path(&o.TokenFile)},
		key{"member", false, d.value("a resource attribute", func(s string) error { o.Member = s; return checkAttribute(s) })},
		key{"metrics", false, d.table(o.Metrics, "metric", MaxMetrics, checkAttribute, checkMetric)},
		key{"stale", false, d.duration(&o.Stale, minTick, maxStale)},
		key{"tls", false, func(path string, n ast.Node) {
			d.mapping(n, path, key{"cert", true, d.path(&o.TLS.Cert)}, key{"key", true, d.path(&o.TLS.Key)})
		}},
	)
	return o
}

// promql reads how a Prometheus server is asked.
func (d *decoder) promql(path string, n ast.Node) *PromQL {
	p := &PromQL{Queries: map[string]string{}}
	secret := hasKey(n, "bearer_token_file") || hasKey(n, "basic_auth_file")
	d.mapping(n, path,
		key{"url", true, d.value("a URL", func(s string) error { p.URL = s; return checkServer(s, secret) })},
		key{"member", false, d.value("a label", func(s string) error { p.Member = s; return checkLabel(s) })},
		key{"queries", true, d.table(p.Queries, "query", MaxMetrics, checkMetric, checkQuery)},
		key{"delay", false, d.duration(&p.Delay, time.Millisecond, maxTick)},
		key{"timeout", false, d.duration(&p.Timeout, minTimeout, maxTick)},
		key{"bearer_token_file", false, d.path(&p.BearerTokenFile)},
		key{"basic_auth_file", false, d.path(&p.BasicAuthFile)},
		key{"ca_file", false, d.path(&p.CAFile)},
	)
	if hasKey(n, "bearer_token_file") && hasKey(n, "basic_auth_file") {
		d.fail(n, path, "found bearer_token_file and basic_auth_file, want one of them")
	}
	return p
}

// haproxy reads where a balancer is; local says that it must be on this host.
func (d *decoder) haproxy(path string, n ast.Node, local bool) *HAProxy {
	h := &HAProxy{}
	d.mapping(n, path,
		key{"socket", true, d.value(wantSocket, func(s string) (err error) { h.Address, err = parseSocket(s, d.dir, local); return err })},
		key{"backend", true, d.value("the name of a backend", func(s string) error { h.Backend = s; return checkMember(s) })},
	)
	return h
}
