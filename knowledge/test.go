package knowledge

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

const (
	maxTests  = 256 // in a file, which is about one rule
	maxBefore = 64  // facts ahead of the one that is decided on
)

// Test is one case: facts in, what must come of the last one.
type Test struct {
	File    string
	Line    int
	Rule    string // the rule the file is about
	Name    string // a sentence
	Before  []TestFact
	Fact    TestFact
	After   time.Duration     // from the last fact to the decision
	Fires   bool              // whether the condition of Rule holds
	Want    []string          // the verbs of all intents, in the order of the alphabet: nothing else may be wanted
	Derives map[string]string // derived values by name without their root, as decisions tell them; empty: it is not set
	Lacks   string            // the word for want of which Rule is undecided; empty: it is decided
}

// TestFact is a fact as a test tells it. What a test leaves out has the value of
// [defaultFact].
type TestFact struct {
	Ago       time.Duration // before the last fact; only in Before
	Kind      string
	State     string
	Member    string
	Cohort    string        // the fact is about it, and Member empty
	For       time.Duration // since the onset
	Expires   time.Duration // from the fact on
	Score     string        // decimal numbers
	Limit     string        // of Score: the threshold
	P         string        // decimal numbers; empty: not told
	E         string
	Statistic string // empty: not told

	Tier     string
	Epochs   int
	Ticks    int
	Declared string // a rate such as 1/30d, or none
	Certify  string
	Assured  string // empty: not told
	Members  int
	Present  int
	Alarmed  int
	Shift    string
	Standing string
	Verb     string
	Result   string
	AskedBy  string // the rule that asked for the act
	Status   string // of health
	Source   string // of somebody else's event
	Type     string
	Severity string
	Effects  map[string]TestEffect // by metric
}

// TestEffect is one metric's part in an imbalance; decimal numbers.
type TestEffect struct{ Value, Peers, Score string }

// defaultFact returns what a test need not say: the alarm of a member of a group
// of ten in which nothing else is wrong.
func defaultFact() TestFact {
	return TestFact{Kind: "imbalance", State: "alarm", Member: "web-07", For: 3 * time.Second, Expires: 3 * time.Second,
		Score: "9", Limit: "4", Tier: "T1", Epochs: 720, Ticks: 3, Declared: "1/30d", Certify: "1/30d",
		Members: 10, Present: 10, Alarmed: 1, Shift: "none", Standing: "in", Verb: "drain", Result: "done",
		Status: "ok", Source: "test", Type: "test"}
}

func (f TestFact) clone() TestFact {
	f.Effects = maps.Clone(f.Effects)
	return f
}

// tests reads a file of tests.
func (r *reader) tests(n ast.Node) []Test {
	rule := ""
	var out []Test
	r.mapping(n, "tests",
		field{"rule", true, r.text("rule", func(s string) error {
			rule = s
			if !ruleName.MatchString(s) {
				return errors.New("the name of a rule")
			}
			return nil
		})},
		field{"tests", true, func(n ast.Node) {
			r.list(n, "tests", maxTests, func(n ast.Node) { out = append(out, r.test(n, out)) })
		}},
	)
	for i := range out {
		out[i].Rule = rule
	}
	return out
}

var ruleName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{2,63}$`)

// test reads one test; earlier ones may be built upon.
func (r *reader) test(n ast.Node, earlier []Test) Test {
	line, _ := place(n)
	t := Test{File: r.file, Line: line, Fact: defaultFact(), Want: []string{}}
	// A test that is like another starts from that one's facts, whatever the
	// order of its keys.
	if m, ok := n.(*ast.MappingNode); ok {
		for _, v := range m.Values {
			if name, _ := scalar(v.Key); name == "like" {
				r.like(v.Value, &t, earlier)
			}
		}
	}
	r.mapping(n, "test",
		field{"name", true, r.text("name", func(s string) error {
			t.Name = s
			if slices.ContainsFunc(earlier, func(e Test) bool { return e.Name == s }) {
				return errors.New("a name that no other test of the file has")
			}
			return nil
		})},
		field{"like", false, func(ast.Node) {}},
		field{"before", false, func(n ast.Node) {
			t.Before = nil
			r.list(n, "before", maxBefore, func(n ast.Node) {
				f := defaultFact()
				r.fact(n, &f, true)
				t.Before = append(t.Before, f)
			})
		}},
		field{"fact", false, func(n ast.Node) { r.fact(n, &t.Fact, false) }},
		field{"after", false, r.text("after", func(s string) error { return parseDuration(s, &t.After, 0, time.Hour) })},
		field{"fires", true, r.text("fires", func(s string) error { return parseBool(s, &t.Fires, "true", "false") })},
		field{"want", false, r.words("want", &t.Want, verbs...)},
		field{"derives", false, func(n ast.Node) { r.derives(n, &t) }},
		field{"lacks", false, r.text("lacks", func(s string) error { t.Lacks = s; return nil })},
	)
	slices.Sort(t.Want)
	return t
}

// derives reads what a test wants rules to derive; "Name:" wants it not set.
func (r *reader) derives(n ast.Node, t *Test) {
	t.Derives = map[string]string{}
	r.entries(n, "derives", maxDerived, func(name string, n ast.Node) {
		if !derivedName.MatchString(name) {
			r.fail(n, "derives: found %.40q, want the name of a derived value without its root", name)
			return
		}
		t.Derives[name] = ""
		if _, unset := n.(*ast.NullNode); unset {
			return
		}
		r.text("derives."+name, func(s string) error {
			if t.Derives[name] = s; s == "" {
				return errors.New("a value, or nothing at all for one that is not set")
			}
			return nil
		})(n)
	})
}

func (r *reader) like(n ast.Node, t *Test, earlier []Test) {
	r.text("like", func(s string) error {
		i := slices.IndexFunc(earlier, func(e Test) bool { return e.Name == s })
		if i < 0 {
			return errors.New("the name of a test above")
		}
		t.Fact = earlier[i].Fact.clone()
		t.Before = slices.Clone(earlier[i].Before)
		t.After = earlier[i].After
		return nil
	})(n)
}

func (r *reader) fact(n ast.Node, f *TestFact, before bool) {
	word := func(name string, to *string, set ...string) field {
		return field{name, false, r.text(name, func(s string) error {
			*to = s
			if len(set) == 0 {
				return nil
			}
			return oneOf(s, set)
		})}
	}
	decimal := func(name string, to *string) field {
		return field{name, false, r.text(name, func(s string) error { return parseDecimal(s, to) })}
	}
	count := func(name string, to *int) field {
		return field{name, false, r.text(name, func(s string) error {
			if s == "0" {
				*to = 0
				return nil
			}
			return parseCount(s, to, 16384)
		})}
	}
	duration := func(name string, to *time.Duration, low time.Duration) field {
		return field{name, false, r.text(name, func(s string) error { return parseDuration(s, to, low, 24*time.Hour) })}
	}
	keys := []field{
		word("kind", &f.Kind, "imbalance", "absent", "membership", "outcome", "health", "external"),
		word("state", &f.State, "alarm", "clear", "watch"),
		word("member", &f.Member),
		duration("for", &f.For, 0), duration("expires", &f.Expires, time.Millisecond),
		decimal("score", &f.Score), decimal("threshold", &f.Limit), decimal("p", &f.P), decimal("e", &f.E),
		word("statistic", &f.Statistic, "peer", "anchor", "own", "evidence"), word("cohort", &f.Cohort),
		word("tier", &f.Tier, tiers...), count("epochs", &f.Epochs), count("ticks", &f.Ticks),
		rate("declared", &f.Declared, r), rate("certified", &f.Certify, r), rate("assured", &f.Assured, r),
		count("members", &f.Members), count("present", &f.Present), count("alarmed", &f.Alarmed),
		word("shift", &f.Shift, "none", "up", "down"),
		word("standing", &f.Standing, "in", "drain", "maint", "down", "absent"),
		word("verb", &f.Verb, "drain", "maint", "weight", "restore", "notify"),
		word("result", &f.Result, "done", "refused", "dry run", "failed", "undone", "escalated", "released"),
		word("asked_by", &f.AskedBy), word("status", &f.Status, "ok", "ageing", "degraded"),
		word("source", &f.Source), word("type", &f.Type), word("severity", &f.Severity),
		{"effect", false, func(n ast.Node) { r.effects(n, f) }},
	}
	if before {
		keys = append(keys, duration("ago", &f.Ago, 0))
	}
	r.mapping(n, "fact", keys...)
}

func (r *reader) effects(n ast.Node, f *TestFact) {
	const limit = 8 // metrics in a fact
	if f.Effects == nil {
		f.Effects = map[string]TestEffect{}
	}
	r.entries(n, "effect", limit, func(metric string, n ast.Node) {
		if _, ok := n.(*ast.NullNode); ok { // "metric:" takes it away from a test this one is like
			delete(f.Effects, metric)
			return
		}
		e := f.Effects[metric]
		decimal := func(name string, to *string) field {
			return field{name, *to == "", r.text(metric+"."+name, func(s string) error { return parseDecimal(s, to) })}
		}
		r.mapping(n, "effect."+metric, decimal("value", &e.Value), decimal("peers", &e.Peers),
			decimal("score", &e.Score))
		f.Effects[metric] = e
	})
	if len(f.Effects) > limit {
		r.fail(n, "effect: found %d metrics, want at most %d", len(f.Effects), limit)
	}
}

var (
	decimalForm = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$`)
	rateForm    = regexp.MustCompile(`^1/[1-9][0-9]{0,3}(d|h|m|s)$`)
)

func parseDecimal(s string, to *string) error {
	if !decimalForm.MatchString(s) {
		return errors.New("a decimal number such as 4.2")
	}
	*to = s
	return nil
}

func rate(name string, to *string, r *reader) field {
	return field{name, false, r.text(name, func(s string) error {
		if s != "none" && !rateForm.MatchString(s) {
			return errors.New("a rate such as 1/30d, or none")
		}
		*to = s
		return nil
	})}
}
