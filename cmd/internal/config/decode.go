package config

import (
	"cmp"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// What holds when the file does not say.
const (
	defaultListen      = "127.0.0.1:8420"
	defaultTick        = time.Second
	defaultQueryTick   = 15 * time.Second // of a Prometheus server: as it scrapes
	defaultDelay       = 5 * time.Second  // of its knowledge, and no more than a tick
	defaultEpoch       = 6 * time.Minute
	defaultEpochTicks  = 360 // at least: long beside the longest window of the test
	defaultFalseAlarms = 30 * 24 * time.Hour
)

const (
	minTick       = 100 * time.Millisecond // below it a balancer's own counters are too coarse
	maxTick       = time.Minute            // above it a black hole has swallowed the group before the second reading
	minEpochTicks = 60                     // an epoch must be longer than the longest window of the test
	maxStale      = time.Hour              // an older value says nothing about now
	maxEpoch      = 24 * time.Hour         // a rate is certified by whole epochs; longer ones would take years
	maxEpochs     = 131072                 // from one false alarm to the next: what a detector can count
	minWarmup     = 60                     // ticks: from fewer nothing can be fitted that holds
	maxWarmup     = 7 * 24 * time.Hour     // a week has every hour and day in it
	minBackfill   = time.Hour
	maxBackfill   = 400 * 24 * time.Hour // longer than servers remember
	maxPastTicks  = 1 << 20              // of a backfill: minutes of reading
	minTimeout    = 100 * time.Millisecond
)

func (d *decoder) config(n ast.Node) *Config {
	c := &Config{Console: Console{Listen: defaultListen}}
	d.mapping(n, "",
		key{"env", true, d.value("a name", func(s string) error { c.Env = s; return checkName(s) })},
		key{"data", true, d.path(&c.Data)},
		key{"trust", false, d.value("a digest", func(s string) error { c.Trust = s; return checkDigest(s) })},
		key{"nats", false, func(path string, n ast.Node) { d.nats(path, n, &c.NATS) }},
		key{"console", false, func(path string, n ast.Node) {
			d.mapping(n, path, key{"listen", true, d.value("HOST:PORT", func(s string) error {
				c.Console.Listen = s
				return checkListen(s)
			})})
		}},
		key{"groups", true, func(path string, n ast.Node) {
			d.each(n, path, "group", MaxGroups, checkName, func(name, path string, n ast.Node) {
				c.Groups = append(c.Groups, d.group(name, path, n))
			})
		}},
	)
	slices.SortFunc(c.Groups, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	return c
}

func (d *decoder) nats(path string, n ast.Node, to *NATS) {
	tls := hasKey(n, "tls")
	d.mapping(n, path,
		key{"embedded", false, d.value("true", checkEmbedded)},
		key{"url", false, d.value("an address", func(s string) error { to.URL = s; return checkBroker(s, tls) })},
		key{"creds", false, d.path(&to.Creds)},
		key{"tls", false, func(path string, n ast.Node) {
			d.mapping(n, path, key{"ca", false, d.path(&to.TLS.CA)}, key{"cert", false, d.path(&to.TLS.Cert)}, key{"key", false, d.path(&to.TLS.Key)})
			if hasKey(n, "cert") != hasKey(n, "key") {
				d.fail(n, path, "found one of cert and key, want both or none")
			}
		}},
	)
	embedded, external := hasKey(n, "embedded"), hasKey(n, "url")
	switch {
	case embedded && external:
		d.fail(n, path, "found embedded and url, want one of them")
	case !external && (tls || hasKey(n, "creds")):
		d.fail(n, path, "found creds or tls without url, want url too: the embedded broker cannot be reached from outside")
	case !embedded && !external:
		d.fail(n, path, "found neither embedded nor url, want one of them")
	}
}

func (d *decoder) group(name, path string, n ast.Node) Group {
	g := Group{Name: name, FalseAlarms: defaultFalseAlarms, Mode: Observe}
	before := len(d.errs)
	d.mapping(n, path,
		key{"source", true, func(path string, n ast.Node) { d.source(path, n, &g) }},
		key{"tick", false, d.duration(&g.Tick, minTick, maxTick)},
		key{"epoch", false, d.duration(&g.Epoch, minTick*minEpochTicks, maxEpoch)},
		key{"false_alarms", false, d.value(wantRate, func(s string) (err error) { g.FalseAlarms, err = parseRate(s); return err })},
		key{"warmup", false, d.duration(&g.Warmup, minTick*minWarmup, maxWarmup)},
		key{"margin", false, d.value(wantMargin, func(s string) (err error) { g.Margin, err = parseMargin(s); return err })},
		key{"backfill", false, d.duration(&g.Backfill, minBackfill, maxBackfill)},
		key{"features", false, func(path string, n ast.Node) { d.features(path, n, &g) }},
		key{"automatic_features", false, d.value("true or false", func(s string) error { g.DeclaredOnly = s == "false"; return checkBool(s) })},
		key{"ignore", false, func(path string, n ast.Node) { g.Ignore = texts(d.list(n, path, "metric", MaxMetrics, checkMetric)) }},
		key{"cohorts", false, func(path string, n ast.Node) { d.cohorts(path, n, &g) }},
		key{"mode", false, d.value(wantMode, func(s string) error { g.Mode = Mode(s); return checkMode(g.Mode) })},
		key{"executor", false, func(path string, n ast.Node) {
			d.mapping(n, path, key{"haproxy", true, func(path string, n ast.Node) { g.Executor = d.haproxy(path, n, true) }})
		}},
		key{"pack", true, func(path string, n ast.Node) {
			d.path(&g.Pack)(path, n)
			line, column := position(n)
			g.packAt = d.at(line, column, path)
		}},
	)
	if len(d.errs) == before { // what follows compares values that must be right by themselves
		g.complete()
		d.fits(path, n, &g)
	}
	return g
}

// queriesOnly reports whether a Prometheus server is all there is.
func (g *Group) queriesOnly() bool {
	return g.PromQL != nil && g.HAProxy == nil && g.Prometheus == nil && g.OTLP == nil
}

// complete fills in what depends on other values.
func (g *Group) complete() {
	if g.Tick == 0 {
		g.Tick = defaultTick
		if g.queriesOnly() {
			g.Tick = defaultQueryTick
		}
	}
	if g.Epoch == 0 {
		g.Epoch = max(defaultEpoch, defaultEpochTicks*g.Tick)
	}
	if g.PromQL != nil && g.PromQL.Delay == 0 {
		g.PromQL.Delay = min(defaultDelay, g.Tick)
	}
}

// fits compares the values of a group with each other.
func (d *decoder) fits(path string, n ast.Node, g *Group) {
	epoch := place(n, "epoch")
	if g.Epoch%g.Tick != 0 || g.Epoch < minEpochTicks*g.Tick {
		d.fail(epoch, path+".epoch", "an epoch of %s does not fit a tick of %s, want whole ticks, at least %d", short(g.Epoch), short(g.Tick), minEpochTicks)
	}
	if k := g.FalseAlarms / g.Epoch; k > maxEpochs {
		d.fail(epoch, path+".epoch", "there are %d epochs of %s from one false alarm to the next, want at most %d: choose longer epochs", k, short(g.Epoch), maxEpochs)
	}
	if g.Warmup%g.Tick != 0 || g.Warmup > 0 && g.Warmup < minWarmup*g.Tick {
		d.fail(place(n, "warmup"), path+".warmup", "a warm-up of %s does not fit a tick of %s, want whole ticks, at least %d", short(g.Warmup), short(g.Tick), minWarmup)
	}
	if g.OTLP != nil && g.OTLP.Stale > 0 && g.OTLP.Stale < g.Tick {
		d.fail(place(n, "source", "otlp", "stale"), path+".source.otlp.stale",
			"what is stale after %s is not there at each tick of %s, want a tick or more", short(g.OTLP.Stale), short(g.Tick))
	}
	if g.queriesOnly() && g.PromQL.Delay > g.Tick {
		d.fail(place(n, "source", "promql", "delay"), path+".source.promql.delay",
			"a delay of %s is longer than a tick of %s, want at most a tick: what is found would be out of date when it is told", short(g.PromQL.Delay), short(g.Tick))
	}
	switch {
	case g.Backfill > 0 && !g.queriesOnly():
		d.fail(place(n, "backfill"), path+".backfill", "only a Prometheus server remembers, want promql as the only source")
	case g.Backfill/g.Tick > maxPastTicks:
		d.fail(place(n, "backfill"), path+".backfill", "%s has %d ticks of %s, want at most %d", short(g.Backfill), g.Backfill/g.Tick, short(g.Tick), maxPastTicks)
	}
	if g.DeclaredOnly && len(g.Features) == 0 {
		d.fail(place(n, "automatic_features"), path+".automatic_features", "found false without features, want the key features: there would be none")
	}
	if g.Mode == Act && !hasKey(n, "executor") {
		d.fail(n, path, "mode act without an executor, want the key executor, or mode suggest")
	}
}

// value returns a reader that hands a scalar, as it is written, to set.
func (d *decoder) value(want string, set func(string) error) func(string, ast.Node) {
	return func(path string, n ast.Node) {
		s, ok := scalar(n)
		if !ok {
			d.fail(n, path, "found %s, want %s", describe(n), want)
		} else if err := set(s); err != nil {
			d.fail(n, path, "%v", err)
		}
	}
}

func (d *decoder) path(to *string) func(string, ast.Node) {
	return d.value("a path", func(s string) error { *to = resolve(s, d.dir); return checkPath(s) })
}

// duration returns a reader that stores a duration between low and high.
func (d *decoder) duration(to *time.Duration, low, high time.Duration) func(string, ast.Node) {
	return d.value(wantDuration, func(s string) error {
		v, err := parseDuration(s)
		if err == nil {
			err = checkRange(s, v, low, high)
		}
		if err == nil {
			*to = v
		}
		return err
	})
}

// table returns a reader of name: value pairs.
func (d *decoder) table(to map[string]string, what string, limit int, name, value func(string) error) func(string, ast.Node) {
	return func(path string, n ast.Node) {
		d.each(n, path, what, limit, name, func(name, path string, n ast.Node) {
			d.value("a text", func(s string) error { to[name] = s; return value(s) })(path, n)
		})
	}
}
