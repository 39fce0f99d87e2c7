package detect

import (
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

func TestDeclaredFeatures(t *testing.T) {
	cpu := Feature{Name: "cpu_per_order", Form: FormAmount, Of: []string{"cpu_s"}, Per: []string{"orders"}, LessGrowth: "open_orders"}
	for _, tt := range []struct {
		name    string
		config  Config
		metrics []string
		want    []string // name: numerators / denominators - gauge
	}{
		{"what is declared comes first, and its metrics are not scored by themselves",
			Config{Features: []Feature{cpu}}, []string{"cpu_s", "disk_ms", "hx_stot", "open_orders", "orders"},
			[]string{"cpu_per_order: cpu_s / orders - open_orders", "request_rate: hx_stot", "disk_ms: disk_ms", "open_orders: open_orders"}},
		{"it may be all", Config{Features: []Feature{cpu}, DeclaredOnly: true}, []string{"cpu_s", "disk_ms", "hx_stot", "orders"},
			[]string{"cpu_per_order: cpu_s / orders"}},
		{"it replaces a known feature of its name", Config{Features: []Feature{{Name: "request_rate", Form: FormRate, Of: []string{"orders"}}}},
			[]string{"hx_stot", "orders"}, []string{"request_rate: orders"}},
		{"it does so before its metrics come", Config{Features: []Feature{{Name: "request_rate", Form: FormRate, Of: []string{"orders"}}}},
			[]string{"hx_qcur", "hx_stot"}, []string{"queue: hx_qcur"}},
		{"metrics that are missing are left out of a sum", Config{Features: []Feature{{Name: "errors", Form: FormRate, Of: []string{"e4", "e5"}}}},
			[]string{"e5"}, []string{"errors: e5"}},
		{"without its denominator there is none", Config{Features: []Feature{cpu}}, []string{"cpu_s"}, nil},
		{"a known metric may be ignored, and the next of its kind is used", Config{Ignore: []string{"hx_stot"}}, []string{"be_requests", "hx_stot"},
			[]string{"request_rate: be_requests"}},
		{"an unknown metric may be ignored", Config{Ignore: []string{"disk_ms"}}, []string{"disk_ms", "net_ms"}, []string{"net_ms: net_ms"}},
		{"a unit of one's own may have a denominator", Config{Features: []Feature{{Name: "full", Form: FormPlain, Of: []string{"used"}, Per: []string{"size"}}}},
			[]string{"size", "used"}, []string{"full: used / size"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, f := range tt.config.features(tt.metrics) {
				text := f.name + ": " + strings.Join(f.num.sum, " + ")
				if f.den.sum != nil {
					text += " / " + strings.Join(f.den.sum, " + ")
				}
				if f.den.lessGrowth != "" {
					text += " - " + f.den.lessGrowth
				}
				got = append(got, text)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("features(%v):\n got %q\nwant %q", tt.metrics, got, tt.want)
			}
		})
	}
}

func TestConfigRefusesFeatures(t *testing.T) {
	of := func(m ...string) []string { return m }
	for _, tt := range []struct {
		name   string
		config Config
		want   string
	}{
		{"no name", Config{Features: []Feature{{Form: FormRate, Of: of("a")}}}, `detect: facts: feature name ""`},
		{"an unknown form", Config{Features: []Feature{{Name: "f", Form: "ratio", Of: of("a")}}},
			`detect: feature f: form "ratio", want one of ["rate" "level" "amount" "share" "time" "scale" "plain"]`},
		{"made of nothing", Config{Features: []Feature{{Name: "f", Form: FormRate}}}, "detect: feature f: made of no metric, want at least one"},
		{"a ratio without a denominator", Config{Features: []Feature{{Name: "f", Form: FormShare, Of: of("a")}}},
			"detect: feature f: form share without a denominator, want the metrics that it is per"},
		{"a mean of nothing", Config{Features: []Feature{{Name: "f", Form: FormTime, Of: of("a")}}}, "form time without a denominator"},
		{"a rate per something", Config{Features: []Feature{{Name: "f", Form: FormRate, Of: of("a"), Per: of("b")}}},
			"detect: feature f: form rate with a denominator, want none, or one of the forms amount, share, time, plain"},
		{"a growth of nothing", Config{Features: []Feature{{Name: "f", Form: FormRate, Of: of("a"), LessGrowth: "g"}}},
			"detect: feature f: growth of g to take off, but no denominator to take it off"},
		{"a metric twice", Config{Features: []Feature{{Name: "f", Form: FormShare, Of: of("a"), Per: of("b", "a")}}},
			"detect: feature f: metric a stands in it twice, want it once"},
		{"a metric that is no name", Config{Features: []Feature{{Name: "f", Form: FormRate, Of: of("a b")}}}, `detect: feature f: facts: metric name "a b"`},
		{"a gauge that is no name", Config{Features: []Feature{{Name: "f", Form: FormShare, Of: of("a"), Per: of("b"), LessGrowth: "g g"}}}, `metric name "g g"`},
		{"a name twice", Config{Features: []Feature{{Name: "f", Form: FormRate, Of: of("a")}, {Name: "f", Form: FormRate, Of: of("b")}}},
			"detect: feature f is declared twice, want it once"},
		{"too many", Config{Features: make([]Feature, facts.MaxMetrics+1)}, "detect: 257 features, want at most 256"},
		{"nothing but what is not there", Config{DeclaredOnly: true}, "detect: declared features only, but none is declared: want at least one"},
		{"to ignore what is no name", Config{Ignore: of("a b")}, `detect: ignore: facts: metric name "a b"`},
		{"a cohort of no member", Config{Cohorts: map[string]string{"": "v1"}}, `detect: cohort v1: facts: member name ""`},
		{"a cohort that is no name", Config{Cohorts: map[string]string{"m1": "v 1"}}, `detect: cohort of member m1: facts: cohort name "v 1"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Env, tt.config.Group = "test", "web"
			if _, err := New(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New: %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestFormsAreInTheOrderOfTheirNumbers(t *testing.T) {
	for f, want := range map[Form]form{FormRate: formRate, FormLevel: formLevel, FormAmount: formAmount, FormShare: formShare,
		FormTime: formTime, FormScale: formScale, FormPlain: formPlain} {
		if got, ok := f.form(); got != want || !ok {
			t.Errorf("form %s is %d, %v, want %d", f, got, ok, want)
		}
	}
}

// A fault that only a declared ratio shows has to be found by it.
func TestDeclaredFeatureFindsItsFault(t *testing.T) {
	s := newSynthetic(5, 5)
	d := quick(t, func(c *Config) {
		c.Features = []Feature{{Name: "rows_per_order", Form: FormAmount, Of: []string{"db_rows"}, Per: []string{"orders"}}}
		c.DeclaredOnly = true
	})
	found := false
	for range 400 {
		f := s.frame()
		own := facts.NewFrame(f.Time, f.Group, f.Members, []string{"db_rows", "orders"})
		for i := range own.Members {
			orders := s.poisson(40)
			rows := s.poisson(20 * orders)
			if f.Time.After(at(300)) && i == 2 {
				rows = 0
			}
			copy(own.Row(i), []float64{rows, orders})
		}
		out, err := d.Observe(own)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range out {
			if x.Kind != facts.Imbalance || x.State != facts.Alarm {
				continue
			}
			if x.Member != own.Members[2] || x.Effect[0].Metric != "rows_per_order" {
				t.Fatalf("alarm of %s on %+v, want %s on rows_per_order", x.Member, x.Effect, own.Members[2])
			}
			found = true
		}
	}
	if !found {
		t.Error("no alarm, want one")
	}
}
