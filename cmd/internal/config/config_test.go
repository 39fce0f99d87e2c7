package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLoadReadsEveryKey(t *testing.T) {
	c, err := Load("testdata/evenkeel.yaml")
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	here := func(name string) string { return filepath.Join(dir, name) }
	if !strings.HasPrefix(c.Digest, "sha256:") || len(c.Digest) != 71 {
		t.Errorf("digest %q, want sha256: and 64 digits", c.Digest)
	}
	c.Digest = ""
	for i := range c.Groups {
		g := &c.Groups[i]
		if err := g.PackError(errors.New("no rules")); !strings.HasPrefix(err.Error(), "testdata/evenkeel.yaml:"+fmt.Sprint(g.packAt.Line)+":") ||
			!strings.Contains(err.Error(), "groups."+g.Name+".pack: no rules\n") || !strings.Contains(g.packAt.Source, "pack:") {
			t.Errorf("PackError of %s = %v, want the place of its pack", g.Name, err)
		}
		g.packAt = Error{}
	}
	want := &Config{
		Env: "fra1", Data: "/var/lib/evenkeel",
		Trust: "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
		NATS: NATS{URL: "tls://nats.example.net:4222", Creds: "/etc/evenkeel/engine.creds",
			TLS: TLS{CA: here("ca.pem"), Cert: here("engine.pem"), Key: here("engine.key")}},
		Console: Console{Listen: "127.0.0.1:8420"},
		Groups: []Group{{
			Name: "api", HAProxy: &HAProxy{Address: "tcp:127.0.0.1:9999", Backend: "api"},
			Tick: time.Second, Epoch: 6 * time.Minute, FalseAlarms: 30 * 24 * time.Hour, Mode: Observe, Pack: "/etc/evenkeel/packs/api",
		}, {
			Name: "mail", OTLP: &OTLP{Listen: "0.0.0.0:4318", TokenFile: here("mail.token"), Member: "host.name",
				Metrics: map[string]string{"http.server.request.duration": "request_seconds", "process.cpu.time": "cpu_s_per_s"},
				Stale:   30 * time.Second, TLS: TLS{Cert: here("mail.pem"), Key: here("mail.key")}},
			Tick: 10 * time.Second, Epoch: time.Hour, FalseAlarms: 30 * 24 * time.Hour, Mode: Observe, Pack: here("packs/mail"),
		}, {
			Name: "orders", PromQL: &PromQL{URL: "https://prometheus.example.net/team-a", Member: "pod",
				Queries: map[string]string{
					"cpu_seconds": `sum by (pod) (rate(process_cpu_seconds_total{job="orders"}[1m]))`,
					"in_flight":   `sum by (pod) (http_requests_in_flight{job="orders"})`,
					"orders":      `sum by (pod) (rate(orders_total[1m])) or on (pod) 0 * (up{job="orders"} == 1)`,
				},
				Delay: 10 * time.Second, Timeout: 3 * time.Second, BearerTokenFile: here("token"), CAFile: here("ca.pem")},
			Tick: 15 * time.Second, Epoch: 90 * time.Minute, FalseAlarms: 30 * 24 * time.Hour,
			Warmup: 2 * time.Hour, Margin: 1.1, Backfill: 14 * 24 * time.Hour, Mode: Observe,
			Features: []Feature{
				{Name: "cpu_per_order", Kind: "amount", Of: []string{"cpu_seconds"}, Per: []string{"orders"}, LessGrowth: "in_flight"},
				{Name: "order_rate", Kind: "rate", Of: []string{"orders"}}},
			DeclaredOnly: true, Ignore: []string{"go_goroutines"}, Cohorts: map[string]string{"orders-0": "v1", "orders-1": "v1", "orders-2": "v2"},
			Pack: here("packs/orders"),
		}, {
			Name: "web", HAProxy: &HAProxy{Address: "unix:/run/haproxy/admin.sock", Backend: "web"},
			Prometheus: &Prometheus{
				Members: map[string]string{"web-01": "http://10.0.0.11:9100/metrics", "web-02": "http://10.0.0.12:9100/metrics"},
				Metrics: map[string]string{"http_requests_in_flight": "in_flight", "process_cpu_seconds_total": "cpu_s_per_s", `http_requests_total{code=~"5.."}`: "failed"},
			},
			Tick: time.Second, Epoch: time.Minute, FalseAlarms: 30 * 24 * time.Hour, Mode: Act,
			Executor: &HAProxy{Address: "unix:/run/haproxy/admin.sock", Backend: "web"}, Pack: here("packs/web"),
		}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("Load:\n got %+v\nwant %+v", c, want)
	}
}

func TestDocumentationNamesEveryKeyOfTheExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"env", "data", "trust", "nats", "embedded", "url", "creds", "tls", "console", "listen", "groups", "source",
		"haproxy", "socket", "backend", "prometheus", "members", "metrics", "promql", "member", "queries", "delay", "timeout",
		"bearer_token_file", "basic_auth_file", "ca_file", "otlp", "token_file", "stale", "tick", "epoch", "false_alarms", "warmup", "margin", "backfill",
		"features", "kind", "of", "per", "less_growth", "automatic_features", "ignore", "cohorts", "mode", "executor", "pack"} {
		if !strings.Contains(string(doc), "  "+k+" ") && !strings.Contains(string(doc), "\t"+k) && !strings.Contains(string(doc), "  "+k+"\n") {
			t.Errorf("doc.go does not describe key %s", k)
		}
	}
}

func TestLoadRefusesWhatIsNotAFile(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, "long.yaml")
	if err := os.WriteFile(long, make([]byte, MaxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "no such file or directory",
		dir:                             "is a directory, want a file",
		long:                            "more than 1048576 bytes",
	} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%s) = %v, want an error with %q", path, err, want)
		}
	}
}

const least = "env: fra1\ndata: /d\ngroups:\n  web:\n    source: {haproxy: {socket: /s, backend: b}}\n    pack: p\n"

func TestParseComplains(t *testing.T) {
	line := func(s string) string { return least + "    " + s + "\n" } // line 7, in group web
	top := func(s string) string { return s + "\n" + least }           // line 1
	source := func(s string) string {                                  // line 5
		return strings.Replace(least, "source: {haproxy: {socket: /s, backend: b}}", "source: "+s, 1)
	}
	for _, tt := range []struct {
		name, text string
		want       []string // the first line of each complaint, without the file's name
	}{
		{"a file that is right", least, nil},
		{"comments, a marker and an empty line are nothing", "---\n# {[{[\n\n" + least, nil},
		{"an empty file", "", []string{"1:1: the file is empty, want at least env, data and groups"}},
		{"a file of comments", "# nothing\n", []string{"1:1: the file is empty, want at least env, data and groups"}},
		{"a list", "- a\n", []string{`1:1: found a list, want keys and values (key: value)`}},
		{"two documents", least + "---\nenv: x\n", []string{"8:1: found a second document, want one"}},
		{"what is not YAML", "env: [\n", []string{"1:6: not YAML: sequence end token ']' not found"}},
		{"a tab as indentation", "groups:\n\tweb: 1\n", []string{`2:1: found the control character '\t', want blanks and plain text`}},
		{"control characters", "env: a\x00\n", []string{`1:7: found the control character '\x00', want blanks and plain text`}},
		{"bytes that are not UTF-8", "env: \xff\n", []string{"1:1: found bytes that are not UTF-8, want plain text"}},
		{"a line without end", "env: " + strings.Repeat("a", maxLineBytes) + "\n", []string{"1:1: the line has 4101 bytes, want at most 4096"}},
		{"brackets without end", strings.Repeat("[", 100), []string{"1:17: found more than 16 brackets open at once, want fewer"}},
		{"nothing but an unknown key", "what: 1\n", []string{
			"1:1: unknown key what, want one of env, data, trust, nats, console, groups",
			"1:1: key env is missing", "1:1: key data is missing", "1:1: key groups is missing"}},

		{"a duration without a unit", line("tick: 1"), []string{`7:11: groups.web.tick: found "1", want a duration with a unit, such as 1s`}},
		{"a duration of two units", line("tick: 1m30s"), []string{`7:11: groups.web.tick: found "1m30s", want a duration with a unit, such as 1s`}},
		{"a tick that is too short", line("tick: 10ms"), []string{"7:11: groups.web.tick: found 10ms, want 100ms to 1m"}},
		{"a duration beyond every clock", line("epoch: 999999999d"), []string{`7:12: groups.web.epoch: found "999999999d", want less than 292 years`}},
		{"an epoch of too few ticks", line("tick: 10s\n    epoch: 60s"), []string{"8:12: groups.web.epoch: an epoch of 1m does not fit a tick of 10s, want whole ticks, at least 60"}},
		{"an epoch that is no whole number of ticks", line("epoch: 301s\n    tick: 2s"), []string{"7:12: groups.web.epoch: an epoch of 301s does not fit a tick of 2s, want whole ticks, at least 60"}},
		{"a key written wrong", line("tikc: 1s"), []string{"7:5: groups.web: unknown key tikc, want tick (one of source, tick, epoch, false_alarms, warmup, margin, backfill, features, automatic_features, ignore, cohorts, mode, executor, pack)"}},
		{"a key given twice", line("pack: q"), []string{"7:5: groups.web: key pack is already on line 6, want it once"}},
		{"a rate without a period", line("false_alarms: 1"), []string{`7:19: groups.web.false_alarms: found "1", want a rate, such as 1 per 30d`}},
		{"a rate without a unit", line("false_alarms: 1 per 30"), []string{`7:19: groups.web.false_alarms: found "1 per 30", want a rate, such as 1 per 30d`}},
		{"a rate that would page all night", line("false_alarms: 9 per 1h"), []string{`7:19: groups.web.false_alarms: found "9 per 1h", want between 1 per 1h and 1 per 3650d`}},
		{"epochs too short for the rate", line("epoch: 60s\n    false_alarms: 1 per 365d"), []string{
			"7:12: groups.web.epoch: there are 525600 epochs of 1m from one false alarm to the next, want at most 131072: choose longer epochs"}},
		{"a mode that does not exist", line("mode: on"), []string{`7:11: groups.web.mode: found "on", want observe, suggest or act`}},
		{"acting without a hand", line("mode: act"), []string{"5:5: groups.web: mode act without an executor, want the key executor, or mode suggest"}},
		{"an unknown executor", line("executor: {nginx: {}}"), []string{
			"7:15: groups.web.executor: key haproxy is missing",
			"7:16: groups.web.executor: unknown key nginx, want haproxy"}},
		{"a hand on another host's open socket", line("executor: {haproxy: {socket: 'tcp:10.0.0.1:9999', backend: b}}"), []string{
			`7:34: groups.web.executor.haproxy.socket: found "tcp:10.0.0.1:9999", want a path or a loopback address: this socket asks nobody who they are`}},

		{"an unknown source", source("{zabbix: {}}"), []string{"5:14: groups.web.source: unknown key zabbix, want one of haproxy, prometheus, promql, otlp"}},
		{"no source", source("{}"), []string{"5:13: groups.web.source: found none of haproxy, prometheus, promql and otlp, want at least one"}},
		{"nothing where a source should be", source(""), []string{"5:12: groups.web.source: found nothing, want keys and values (key: value)"}},
		{"a source without a backend", source("{haproxy: {socket: /s}}"), []string{"5:23: groups.web.source.haproxy: key backend is missing"}},
		{"a socket path that the kernel would cut", source("{haproxy: {socket: /" + strings.Repeat("s", 107) + ", backend: b}}"), []string{
			"5:32: groups.web.source.haproxy.socket: the path has 108 bytes, want at most 107: the kernel takes no more for a socket"}},
		{"members without an address", source("{prometheus: {members: {m01: 10.0.0.1}}}"), []string{
			`5:42: groups.web.source.prometheus.members.m01: found "10.0.0.1", want a URL, such as http://10.0.0.7:9100/metrics`}},
		{"no members", source("{prometheus: {members: {}}}"), []string{"5:36: groups.web.source.prometheus.members: found none, want at least one member"}},
		{"a metric that is no name", source("{prometheus: {members: {m01: 'http://h/m'}, metrics: {a: 'b c'}}}"), []string{
			`5:70: groups.web.source.prometheus.metrics.a: found "b c", want the name of a metric (letters, digits, _ and :)`}},

		{"a selection of label sets that is none", source(`{prometheus: {members: {m01: 'http://h/m'}, metrics: {'a{b=c}': x}}}`), []string{
			`5:67: groups.web.source.prometheus.metrics: found "a{b=c}", want the name of a metric, or NAME{label="value"} with =, !=, =~ or !~`}},
		{"a selection by what is no expression", source(`{prometheus: {members: {m01: 'http://h/m'}, metrics: {'a{b=~"("}': x}}}`), []string{
			`5:67: groups.web.source.prometheus.metrics: found "a{b=~\"(\"}", want a regular expression after ~: error parsing regexp: missing closing ): ` + "`(`"}},

		{"pushed metrics", source("{otlp: {listen: '127.0.0.1:4318', token_file: t}}"), nil},
		{"pushes without a token", source("{otlp: {listen: '127.0.0.1:4318'}}"), []string{"5:20: groups.web.source.otlp: key token_file is missing"}},
		{"pushes in the clear from everywhere", source("{otlp: {listen: ':4318', token_file: t}}"), []string{
			`5:29: groups.web.source.otlp.listen: found ":4318", want HOST:PORT, such as 127.0.0.1:4318`}},
		{"pushes in the clear from elsewhere", source("{otlp: {listen: '10.0.0.1:4318', token_file: t}}"), []string{
			`5:29: groups.web.source.otlp.listen: found "10.0.0.1:4318", want a loopback address or a tls section: tokens are not taken in the clear`}},
		{"our certificate without its key", source("{otlp: {listen: '0.0.0.0:4318', token_file: t, tls: {cert: c}}}"), []string{
			"5:65: groups.web.source.otlp.tls: key key is missing"}},
		{"an attribute that is none", source("{otlp: {listen: 'localhost:4318', token_file: t, member: 'a b'}}"), []string{
			`5:70: groups.web.source.otlp.member: found "a b", want a name such as http.server.request.duration`}},
		{"values that are stale before they are seen", source("{otlp: {listen: 'localhost:4318', token_file: t, stale: 500ms}}"), []string{
			"5:69: groups.web.source.otlp.stale: what is stale after 500ms is not there at each tick of 1s, want a tick or more"}},

		{"a server and its queries", source("{promql: {url: 'http://h:9090', queries: {cpu: cpu}}}"), nil},
		{"a server that is asked nothing", source("{promql: {url: 'http://h:9090'}}"), []string{"5:22: groups.web.source.promql: key queries is missing"}},
		{"a server nowhere", source("{promql: {url: 'h:9090', queries: {cpu: cpu}}}"), []string{
			`5:28: groups.web.source.promql.url: found "h:9090", want a URL, such as http://127.0.0.1:9090`}},
		{"a server with credentials in its address", source("{promql: {url: 'https://u:p@h', queries: {cpu: cpu}}}"), []string{
			"5:28: groups.web.source.promql.url: found a user or password in the address, want none: they belong into the file named by basic_auth_file"}},
		{"a token in the clear", source("{promql: {url: 'http://h:9090', queries: {cpu: cpu}, bearer_token_file: t}}"), []string{
			`5:28: groups.web.source.promql.url: found "http://h:9090", want https://…: credentials are not sent in the clear`}},
		{"two kinds of credentials", source("{promql: {url: 'https://h', queries: {cpu: cpu}, bearer_token_file: t, basic_auth_file: b}}"), []string{
			"5:22: groups.web.source.promql: found bearer_token_file and basic_auth_file, want one of them"}},
		{"an empty query", source("{promql: {url: 'http://h', queries: {cpu: ''}}}"), []string{
			"5:55: groups.web.source.promql.queries.cpu: found nothing, want a PromQL expression with one series for each member"}},
		{"a label that is none", source("{promql: {url: 'http://h', member: 'a-b', queries: {cpu: cpu}}}"), []string{
			`5:48: groups.web.source.promql.member: found "a-b", want the name of a label, such as instance`}},
		{"a delay that makes every fact old", source("{promql: {url: 'http://h', queries: {cpu: cpu}, delay: 30s}}"), []string{
			"5:68: groups.web.source.promql.delay: a delay of 30s is longer than a tick of 15s, want at most a tick: what is found would be out of date when it is told"}},
		{"a delay beside a balancer", source("{haproxy: {socket: /s, backend: b}, promql: {url: 'http://h', queries: {cpu: cpu}, delay: 30s}}"), nil},
		{"a past that nobody remembers", line("backfill: 14d"), []string{
			"7:15: groups.web.backfill: only a Prometheus server remembers, want promql as the only source"}},
		{"a past of too many ticks", strings.Replace(source("{promql: {url: 'http://h', queries: {cpu: cpu}}}"), "    pack: p", "    tick: 1s\n    pack: p\n    backfill: 100d", 1), []string{
			"8:15: groups.web.backfill: 100d has 8640000 ticks of 1s, want at most 1048576"}},

		{"a warm-up too short to fit anything", line("tick: 10s\n    warmup: 1m"), []string{"8:13: groups.web.warmup: a warm-up of 1m does not fit a tick of 10s, want whole ticks, at least 60"}},
		{"a margin that loosens", line("margin: 0.9"), []string{`7:13: groups.web.margin: found "0.9", want a number from 1 to 100, such as 1.1`}},
		{"a margin that is no number", line("margin: 1e1"), []string{`7:13: groups.web.margin: found "1e1", want a number from 1 to 100, such as 1.1`}},

		{"features of every kind", line("features: {a: {kind: rate, of: [x]}, b: {kind: share, of: [x], per: [y]}, c: {kind: plain, of: [x], per: [y]}}"), nil},
		{"a feature without a kind", line("features: {a: {of: [x]}}"), []string{"7:19: groups.web.features.a: key kind is missing"}},
		{"a feature of an unknown kind", line("features: {a: {kind: ratio, of: [x]}}"), []string{
			`7:26: groups.web.features.a.kind: found "ratio", want one of rate, level, scale, plain, amount, share, time`}},
		{"a ratio without a denominator", line("features: {a: {kind: amount, of: [x]}}"), []string{
			"7:26: groups.web.features.a.kind: found amount without a denominator, want the key per"}},
		{"a rate with a denominator", line("features: {a: {kind: rate, of: [x], per: [y]}}"), []string{
			"7:46: groups.web.features.a.per: found a denominator of a rate, want none, or one of the kinds amount, share, time, plain"}},
		{"a growth without a denominator", line("features: {a: {kind: rate, of: [x], less_growth: g}}"), []string{
			"7:54: groups.web.features.a.less_growth: found a growth to take off, but no denominator, want the key per"}},
		{"a feature of a text", line("features: {a: {kind: rate, of: x}}"), []string{
			`7:36: groups.web.features.a.of: found "x", want a list of metrics, such as [a, b]`}},
		{"a feature of nothing", line("features: {a: {kind: rate, of: []}}"), []string{"7:36: groups.web.features.a.of: found 0, want 1 to 256 metrics"}},
		{"a metric twice", line("features: {a: {kind: rate, of: [x, x]}}"), []string{"7:40: groups.web.features.a.of: found x twice, want it once"}},
		{"a metric over itself", line("features: {a: {kind: share, of: [x], per: [y, x]}}"), []string{
			"7:51: groups.web.features.a.per: found x, which stands under of too, want it once"}},
		{"a list in a list", line("ignore: [[x]]"), []string{"7:14: groups.web.ignore: found a list, want the name of a metric"}},
		{"a feature given twice", line("features: {a: {kind: rate, of: [x]}, a: {kind: rate, of: [y]}}"), []string{
			"7:42: groups.web.features: key a is already on line 7, want it once"}},
		{"no features at all", line("automatic_features: false"), []string{
			"7:25: groups.web.automatic_features: found false without features, want the key features: there would be none"}},
		{"an answer that is neither", line("automatic_features: no"), []string{`7:25: groups.web.automatic_features: found "no", want true or false`}},
		{"a member in two cohorts", line("cohorts: {v1: [m1, m2], v2: [m2]}"), []string{
			"7:34: groups.web.cohorts.v2: found m2, which is in cohort v1 too, want it in one"}},
		{"a cohort of nobody", line("cohorts: {v1: []}"), []string{"7:19: groups.web.cohorts.v1: found 0, want 1 to 16384 members"}},

		{"a console for everybody", top("console: {listen: 0.0.0.0:8420}"), []string{
			`1:19: console.listen: found "0.0.0.0:8420", want a loopback address such as 127.0.0.1:8420: the console cannot tell who is asking; reach it by ssh -L`}},
		{"a console without a host", top("console: {listen: ':8420'}"), []string{`1:19: console.listen: found ":8420", want HOST:PORT, such as 127.0.0.1:8420`}},
		{"a port that cannot be", top("console: {listen: '127.0.0.1:99999'}"), []string{`1:19: console.listen: found "127.0.0.1:99999", want HOST:PORT, such as 127.0.0.1:8420`}},
		{"a broker here and there", top("nats: {embedded: true, url: 'nats://localhost:4222'}"), []string{"1:7: nats: found embedded and url, want one of them"}},
		{"a broker nowhere", top("nats: {}"), []string{"1:7: nats: found neither embedded nor url, want one of them"}},
		{"an embedded broker that is not", top("nats: {embedded: false}"), []string{`1:18: nats.embedded: found "false", want true, or the key url instead`}},
		{"an open way to a broker elsewhere", top("nats: {url: 'nats://10.0.0.1:4222'}"), []string{
			`1:13: nats.url: found "nats://10.0.0.1:4222", want tls://… or a tls section: the way to another host is not protected`}},
		{"credentials without a broker", top("nats: {creds: /c}"), []string{"1:7: nats: found creds or tls without url, want url too: the embedded broker cannot be reached from outside"}},
		{"half a certificate", top("nats: {url: 'tls://h:1', tls: {cert: c}}"), []string{"1:31: nats.tls: found one of cert and key, want both or none"}},
		{"a digest that is none", top("trust: sha256:1"), []string{`1:8: trust: found "sha256:1", want sha256: and 64 hexadecimal digits`}},
		{"a path that is empty", strings.Replace(least, "/d", "''", 1), []string{"2:7: data: found nothing, want a path"}},
		{"a list where a name should be", strings.Replace(least, "fra1", "[a]", 1), []string{"1:6: env: found a list, want a name"}},
		{"a name with a point", strings.Replace(least, "fra1", "a.b", 1), []string{`1:6: env: found "a.b", want a name of letters, digits, _ and -, at most 63`}},
		{"an anchor", strings.Replace(least, "fra1", "&a fra1", 1), []string{"1:6: env: found an anchor or alias, want a name"}},
		{"a tag", strings.Replace(least, "fra1", "!!str fra1", 1), []string{"1:6: env: found a tag, want a name"}},
		{"a text of several lines", strings.Replace(least, "fra1", "|\n  a", 1), []string{"1:6: env: found a text of several lines, want a name"}},
		{"a merge key", least + "<<: {env: x}\n", []string{"7:1: found an anchor or alias as a key, want a plain name"}},
		{"two complaints at once, in order of the lines", line("tick: 1") + "env: x\n", []string{
			`7:11: groups.web.tick: found "1", want a duration with a unit, such as 1s`,
			"8:1: key env is already on line 1, want it once"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f.yaml", "/etc", []byte(tt.text))
			var got []string
			if all, ok := errors.AsType[Errors](err); ok {
				for _, e := range all {
					first, _, _ := strings.Cut(e.Error(), "\n")
					got = append(got, strings.TrimPrefix(first, "f.yaml:"))
				}
			} else if err != nil {
				t.Fatalf("Parse: %v, want complaints", err)
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("Parse(%q):\n got %s\nwant %s", tt.text, strings.Join(got, "\n     "), strings.Join(tt.want, "\n     "))
			}
		})
	}
}

func TestErrorShowsTheLineAndACaret(t *testing.T) {
	_, err := Parse("evenkeel.yaml", "/etc", []byte(least+"    tick: 1\n"))
	want := "evenkeel.yaml:7:11: groups.web.tick: found \"1\", want a duration with a unit, such as 1s\n" +
		"    7 |     tick: 1\n" +
		"      |           ^"
	if err == nil || err.Error() != want {
		t.Errorf("Parse = %q, want %q", err, want)
	}
}

func TestNoComplaintRepeatsAPassword(t *testing.T) {
	for _, text := range []string{
		"nats: {url: 'tls://user:hunter2@h:4222'}\n" + least,
		"nats: {url: 'ftp://user:hunter2@h:4222'}\n" + least,
		strings.Replace(least, "source: {haproxy: {socket: /s, backend: b}}", "source: {prometheus: {members: {m: 'http://u:hunter2@h/m'}}}", 1),
		strings.Replace(least, "source: {haproxy: {socket: /s, backend: b}}", "source: {prometheus: {members: {m: 'http://u:hunter2@h/%zz'}}}", 1),
		strings.Replace(least, "source: {haproxy: {socket: /s, backend: b}}", "source: {promql: {url: 'http://u:hunter2@h', queries: {a: a}}}", 1),
		strings.Replace(least, "source: {haproxy: {socket: /s, backend: b}}", "source: {promql: {url: 'u:hunter2@h', queries: {a: a}}}", 1),
	} {
		_, err := Parse("f.yaml", "/etc", []byte(text))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Parse(%q) = %v, want a complaint without the password", text, err)
		}
	}
}

func TestComplaintsAreBounded(t *testing.T) {
	_, err := Parse("f.yaml", "/etc", []byte(least+strings.Repeat("    what: 1\n", 100)))
	all, _ := errors.AsType[Errors](err)
	if len(all) != MaxErrors {
		t.Errorf("%d complaints, want %d", len(all), MaxErrors)
	}
}

func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("testdata/evenkeel.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	for _, s := range []string{least, "", "a: [", "? {a: b}\n: 1", "<<: *x", "%YAML 1.2\n---\na: 1", "a: |\n  b", "- - - -", "\"\\x", "a: !!int 'x'", "é: 1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f.yaml", "/etc", text)
		if err == nil {
			if len(c.Groups) == 0 || c.Env == "" || c.Data == "" || c.Console.Listen == "" {
				t.Errorf("Parse(%q) = %+v, want a complete configuration", text, c)
			}
			return
		}
		all, ok := errors.AsType[Errors](err)
		if !ok || len(all) == 0 || len(all) > MaxErrors {
			t.Fatalf("Parse(%q) = %v, want 1 to %d complaints", text, err, MaxErrors)
		}
		for _, e := range all {
			if e.Line < 1 || e.Column < 1 || e.Text == "" {
				t.Errorf("Parse(%q): complaint %+v has no place or text", text, e)
			}
		}
	})
}
