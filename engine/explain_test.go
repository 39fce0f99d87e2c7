package engine

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// why returns the account of a rule in the decision on a fact.
func why(t testing.TB, p *Program, rule string, f facts.Fact, suppose ...string) Account {
	t.Helper()
	m := NewMemory("test", "web", Act)
	apply(t, m, f)
	return accountOf(t, p, rule, m, suppose...)
}

func accountOf(t testing.TB, p *Program, rule string, m *Memory, suppose ...string) Account {
	t.Helper()
	q := Question{Rules: []string{rule}}
	for _, s := range suppose {
		q.Suppose = append(q.Suppose, must(p.Suppose(s)))
	}
	e := must(p.Explain(t0, m, q))
	if len(e.Asked) != 1 || e.Asked[0].Rule != rule {
		t.Fatalf("asked about %s, told of %+v", rule, e.Asked)
	}
	return e.Asked[0]
}

// failing spells the clauses that do not hold, with what they lack.
func failing(all []Clause) string {
	var out []string
	for _, c := range all {
		switch {
		case c.Holds():
		case c.Of != nil:
			out = append(out, fmt.Sprintf("1 of %d: (%s)", c.Branches, failing(c.Of)))
		default:
			s := c.If
			if c.Not {
				s = "not " + s
			}
			if c.Unknown != "" {
				s += " ? " + c.Unknown
			} else if c.Value != "" {
				s += " [" + c.Value + " " + c.Margin + "]"
			}
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

func TestExplainShowsWhatAConditionLacks(t *testing.T) {
	for _, tt := range []struct {
		when string
		want string // what does not hold
	}{
		{"F.Ticks > 4", ""},
		{"F.Ticks > 5", "F.Ticks > 5 [5 0]"},
		{"7 <= F.Ticks", "7 <= F.Ticks [5 -2]"},
		{"F.Ticks == 8", "F.Ticks == 8 [5 -3]"},
		{"F.Ticks < 5 && F.Epochs < 700", "F.Ticks < 5 [5 0], F.Epochs < 700 [720 -20]"},
		{`F.Tier == "T2"`, `F.Tier == "T2" ["T1" ]`},
		{`F.Member != "web-07"`, `F.Member != "web-07" ["web-07" ]`},
		{"!(F.Ticks > 4)", "not F.Ticks > 4 [5 -1]"},
		{"!(F.Ticks > 4 || F.Epochs > 9)", "not F.Ticks > 4 [5 -1], not F.Epochs > 9 [720 -711]"},
		{"!(F.Ticks > 4 && F.Epochs > 9)", "1 of 2: (not F.Ticks > 4 [5 -1])"},
		{"!(!(F.Ticks > 5))", "F.Ticks > 5 [5 0]"},
		{"(F.Ticks > 50 || F.Ticks > 6 || F.Ticks > 60)", "1 of 3: (F.Ticks > 6 [5 -1])"},
		{"(F.Ticks > 6 && F.Ticks > 7) || F.Ticks > 99", "1 of 2: (F.Ticks > 99 [5 -94])"},
		{`F.Score("request_rate") > 0 && F.Ratio("request_rate") > 9`, `F.Ratio("request_rate") > 9 [5.17073 -3.82927]`},
		{`F.Ratio("nothing") > 9`, `F.Ratio("nothing") > 9 ? F.Ratio("nothing")`},
		{`Known("F.PValue")`, `Known("F.PValue")`},
		{`!Known("F.Ticks")`, `not Known("F.Ticks")`},
		{`F.Value("request_rate") < F.Peers("request_rate") * 3`, `F.Value("request_rate") < F.Peers("request_rate") * 3 [212 -89]`},
		{"Max(F.Ticks, F.PValue) > 1", "Max(F.Ticks, F.PValue) > 1 ? F.PValue"},
	} {
		t.Run(tt.when, func(t *testing.T) {
			a := why(t, mustCompile(t, one(tt.when)), "rule_one", alarm("web-07"))
			if got := failing(a.When); got != tt.want || (tt.want == "") != (a.Verdict == RuleMatched) {
				t.Errorf("%s, lacks %s\nwant %s", a.Verdict, got, tt.want)
			}
		})
	}
}

// TestWhyNotNamesTheTrueCause changes one thing at a time in a world in which a
// rule acts, and wants that thing named.
func TestWhyNotNamesTheTrueCause(t *testing.T) {
	healthy := pair()
	with := func(more ...Source) []Source { return append(slices.Clone(healthy), more...) }
	veto := source("veto", 7, "F.Ticks > 1", `Veto("drain", "x");`)
	for _, tt := range []struct {
		name  string
		rules []Source
		fact  func(*facts.Fact)
		world func(*Program, *Memory)
		ask   string
		want  Cause
		by    string // what else the account has to say
	}{
		{name: "nothing is wrong", want: Acted, by: `"wants":["drain"]`},
		{name: "a part of the condition", fact: func(f *facts.Fact) { f.Evidence.Ticks = 1 }, ask: "black_hole", want: ByCondition,
			by: `"answer":"no","bound":"2","if":"F.Ticks \u003e= 2","margin":"-1","unit":"ticks","value":"1"`},
		{name: "a word that is unknown", rules: with(source("late", 3, "F.PValue < 0.5", `Note("x");`)), ask: "late", want: ByUnknown, by: `"field":"F.PValue"`},
		{name: "a metric that is not there", rules: with(source("late", 3, `F.Ratio("x") > 2`, `Note("x");`)), ask: "late", want: ByUnknown, by: `"field":"F.Ratio(\"x\")"`},
		{name: "what the rule before did not derive", fact: func(f *facts.Fact) { f.Evidence.Score = "4.3" }, want: ByDerived,
			by: `"inputs":[{"by":"black_hole","field":"D.Diagnosis","value":"black_hole"},{"by":"black_hole","field":"D.Confidence","value":"0.255952"},{"field":"D.Sure","from":[{"cause":"derived"`},
		{name: "what the rule before that did not derive", fact: func(f *facts.Fact) { f.Evidence.Ticks = 0 }, want: ByDerived, by: `"rule":"slow","salience":80,"verdict":"not matched"`},
		{name: "a derived value that is another", fact: func(f *facts.Fact) { f.Evidence.Ticks = 1 }, rules: []Source{healthy[3],
			source("act", 1000, `D.Diagnosis == "black_hole"`, `Propose("drain", F.Member, "x");`)}, want: ByDerived, by: `"value":"\"slow\""`},
		{name: "quarantine", world: func(p *Program, m *Memory) { m.aside["act"] = p.version }, want: Cause(RuleQuarantined)},
		{name: "quarantine of the rule before", world: func(p *Program, m *Memory) { m.aside["sure"] = p.version }, want: ByDerived, by: `"rule":"sure","salience":500,"verdict":"quarantined"`},
		{name: "a rule that cannot be evaluated", fact: func(f *facts.Fact) { f.Member = "" }, want: Cause(RuleRefused), by: "drain is proposed by a fact about no member"},
		{name: "a veto", rules: with(veto), want: whyVeto, by: `"winner":"veto"`},
		{name: "a proposal of higher salience", rules: with(source("maint", 1001, "F.Ticks > 1", `Propose("maint", F.Member, "x");`)), want: whySalience, by: `"winner":"maint"`},
		{name: "a less invasive proposal", rules: []Source{source("act", 1, "F.Ticks > 1", `Propose("maint", F.Member, "x");`),
			source("drain", 1, "F.Ticks > 1", `Propose("drain", F.Member, "x");`)}, want: whyClass, by: `"winner":"drain"`},
		{name: "a proposal that excludes it", rules: with(source("back", 1000, "F.Ticks > 1", `Propose("restore", F.Member, "x");`)), want: whyEscalated},
		{name: "evidence of another tier", fact: func(f *facts.Fact) { f.Evidence.Tier = "T4" }, want: whyTier},
		{name: "evidence that certifies too little", fact: func(f *facts.Fact) { f.Evidence.Certified = facts.Rate(time.Hour) }, want: whyAgeing},
		{name: "the mode of the group", world: func(_ *Program, m *Memory) { m.mode = Suggest }, want: ByMode, by: `"wants":["drain"]`},
		{name: "it proposes nothing", rules: with(veto), ask: "veto", want: WithoutIntent},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := alarm("web-07")
			if tt.fact != nil {
				tt.fact(&f)
			}
			rules, ask := tt.rules, tt.ask
			if rules == nil {
				rules = healthy
			}
			if ask == "" {
				ask = "act"
			}
			p, m := diagnose(t, rules...), NewMemory("test", "web", Act)
			apply(t, m, f)
			if tt.world != nil {
				tt.world(p, m)
			}
			a := accountOf(t, p, ask, m)
			if got := must(json.Marshal(a)); a.Cause != tt.want || !strings.Contains(string(got), tt.by) {
				t.Errorf("cause %q, want %q and %s in\n%s", a.Cause, tt.want, tt.by, got)
			}
		})
	}
}

func TestSuppositionsChangeOneWord(t *testing.T) {
	p := diagnose(t, append(pair(), source("ratio", 1, `F.Ratio("bytes_per_request") > 2 && F.Ratio("x") > 3 && C.OutMembers == 4`, `Propose("notify", F.Member, "x");`))...)
	for _, tt := range []struct {
		name    string
		ask     string
		suppose []string
		want    Verdict
		cause   Cause
	}{
		{"nothing", "act", nil, RuleMatched, Acted},
		{"a measurement", "act", []string{"F.Margin=1"}, RuleUndecided, ByDerived},
		{"a count", "black_hole", []string{"F.Ticks=1"}, RuleNotMatched, ByCondition},
		{"a derived value that rules would set", "act", []string{"D.Sure=false"}, RuleNotMatched, ByDerived},
		{"a derived text", "act", []string{"D.Diagnosis=slow"}, RuleNotMatched, ByDerived},
		{"methods and memory", "ratio", []string{`F.Ratio("bytes_per_request")=2.5`, "F.Ratio(x)=4", "C.OutMembers=4"}, RuleMatched, Acted},
		{"a method that is no effect of the fact", "ratio", []string{"F.Ratio(x)=4"}, RuleNotMatched, ByCondition},
		{"evidence by which acts are judged", "act", []string{"F.Tier=T4"}, RuleMatched, whyTier},
		{"a rate by which acts are judged", "act", []string{"F.CertifiedPerHour=1"}, RuleMatched, whyAgeing},
		{"a declared rate", "act", []string{"F.CertifiedPerHour=1", "F.DeclaredPerHour=2"}, RuleMatched, Acted},
		{"the mode", "act", []string{"C.Mode=observe"}, RuleMatched, ByMode},
		{"a text", "act", []string{"F.Member=web-01"}, RuleMatched, Acted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := why(t, p, tt.ask, alarm("web-07"), tt.suppose...); a.Verdict != tt.want || a.Cause != tt.cause {
				t.Errorf("%s, because of %s; want %s, %s: lacks %s", a.Verdict, a.Cause, tt.want, tt.cause, failing(a.When))
			}
		})
	}
	m := NewMemory("test", "web", Act)
	apply(t, m, alarm("web-07"))
	before := must(p.Decide(t0, m))
	e := must(p.Explain(t0, m, Question{Suppose: []Supposition{must(p.Suppose("F.Member=web-01")), must(p.Suppose("F.Ratio(x)=1")), must(p.Suppose("F.Standing=in"))}}))
	if w := e.Decision.Wanted; len(w) != 1 || w[0].Member != "web-01" {
		t.Errorf("wanted %+v, want a drain of web-01", w)
	}
	if after := must(p.Decide(t0, m)); after.Digest() != before.Digest() {
		t.Errorf("what was supposed is left in the next decision:\n%s\nwant\n%s", after.Encode(), before.Encode())
	}
}

func TestSupposeWantsTypeAndRange(t *testing.T) {
	p := diagnose(t, pair()...)
	for _, tt := range []struct{ text, want string }{
		{"F.Ticks", "want a word, = and a value"},
		{"F.Tick=5", `no word "F.Tick"`},
		{"Max=5", `no word "Max"`},
		{"D.Nothing=5", `no word "D.Nothing"`},
		{"F.Ratio=5", `want one such as`},
		{"F.Ticks(x)=5", `no word "F.Ticks(x)"`},
		{"F.Ratio(x=5", `no word "F.Ratio(x"`},
		{"F.Ratio(a b)=5", "metric name"},
		{"F.Ticks=5.5", "F.Ticks is a count, want a whole number"},
		{"F.Ticks=-1", "want a value in the range ≥ 0"},
		{"F.Ticks==5", "want a number"},
		{"F.Margin=NaN", "want a number"},
		{"F.Margin=1e999", "want a number"},
		{"F.PValue=0", "want a value in the range > 0 to 1"},
		{"F.Tier=T9", "want one of T1, T2"},
		{"D.Sure=perhaps", "want true or false"},
		{"D.Diagnosis=tired", "want one of black_hole, slow"},
		{"C.DrainsLastHour=257", "range 0 to 256"},
		{"F.Member=" + strings.Repeat("x", 300), "want a word, = and a value"},
	} {
		if _, err := p.Suppose(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Suppose(%.40q) = %v, want %q", tt.text, err, tt.want)
		}
	}
}

// TestExplainIsTheDecision wants from Explain the very decision of Decide, and
// accounts that agree with it, over rules and facts of every kind.
func TestExplainIsTheDecision(t *testing.T) {
	for program := range 12 {
		r := maker{rand.New(rand.NewPCG(41, uint64(program)))}
		rules := r.rules(40)
		p := diagnose(t, rules...)
		for range 60 {
			m, now := r.memory(t), at(time.Duration(r.IntN(9))*250*time.Millisecond)
			if r.IntN(4) == 0 {
				m.aside[fmt.Sprintf("rule_%03d", r.IntN(40))] = p.version
			}
			want := must(p.Decide(now, m))
			e := must(p.Explain(now, m, Question{Rules: p.Rules()}))
			if e.Decision.Digest() != want.Digest() {
				t.Fatalf("explained\n%s\nwant\n%s", e.Decision.Encode(), want.Encode())
			}
			in := p.acquire()
			all, _, err := p.decideIn(t.Context(), in, now, m)
			p.release(in)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range e.Asked {
				says := strings.SplitN(verdict(all, a.Rule), ":", 2)[0]
				if says == "put aside" {
					says = string(RuleQuarantined)
				}
				holds := !slices.ContainsFunc(a.When, func(c Clause) bool { return !c.Holds() })
				if says != string(a.Verdict) || a.Verdict == RuleMatched && !holds || a.Verdict == RuleNotMatched && (holds || a.Failing == 0) {
					t.Fatalf("rule %s: the decision says %s, the account %+v", a.Rule, says, a)
				}
			}
		}
	}
}

func TestExplainRefusesWhatItCannotTell(t *testing.T) {
	p := diagnose(t, pair()...)
	if _, err := p.Explain(t0, NewMemory("test", "web", Act), Question{}); err == nil {
		t.Error("Explain without a fact = nil, want an error")
	}
	m := NewMemory("test", "web", Act)
	apply(t, m, alarm("web-07"))
	if _, err := p.Explain(t0, m, Question{Rules: []string{"nothing"}}); err == nil || !strings.Contains(err.Error(), `no rule "nothing" in version h1:test`) {
		t.Errorf("Explain of a rule that is not there = %v, want it named", err)
	}
}

func TestNearMissesAreTheNearest(t *testing.T) {
	p := mustCompile(t,
		source("matched", 1, "F.Ticks > 1", `Note("x");`),
		source("far", 9, "F.Ticks > 500", `Note("x");`),
		source("two_parts", 8, "F.Ticks > 5 && F.Epochs > 720", `Note("x");`),
		source("near", 7, "F.Ticks > 6", `Note("x");`),
		source("nearer", 6, "F.Epochs > 721", `Note("x");`),
		source("other_kind", 5, `F.Kind == "outcome"`, `Note("x");`),
		source("not_this_kind", 5, `!(F.Kind == "imbalance")`, `Note("x");`),
		source("undecided", 5, "F.PValue > 1", `Note("x");`),
		source("one_of_two", 4, `F.Kind == "outcome" || F.Ticks > 7`, `Note("x");`),
		source("another_text", 3, `F.Tier == "T2"`, `Note("x");`),
	)
	m := NewMemory("test", "web", Act)
	apply(t, m, alarm("web-07"))
	var got []string
	for _, a := range must(p.Explain(t0, m, Question{})).Near {
		got = append(got, fmt.Sprint(a.Rule, " ", a.Failing))
	}
	if want := []string{"nearer 1", "near 1", "one_of_two 1", "another_text 1", "far 1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("near misses %q, want %q", got, want)
	}
}

func BenchmarkExplain(b *testing.B) {
	for _, n := range []int{100, 1_000, 5_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := mustCompile(b, benchRules(n)...)
			m := NewMemory("test", "web", Act)
			apply(b, m, alarm("web-07"))
			must(p.Explain(t0, m, Question{})) // reads the rules' texts
			b.ReportAllocs()
			for b.Loop() {
				if e := must(p.Explain(t0, m, Question{})); len(e.Near) != nearMisses {
					b.Fatalf("%d near misses, want %d", len(e.Near), nearMisses)
				}
			}
		})
	}
}

func TestWhatHoldsAWholeDecisionBackIsNamed(t *testing.T) {
	allow := allowDerived()
	allow.Critical = []string{"sure"}
	allow.Parameters = []Parameter{{Word: Word{Name: "P.Slow", Type: Number}, Value: "9"}}
	p := must(Compile("h1:test", append(pair(), source("drain", 1, "F.Ticks > 1", `Propose("drain", F.Member, "x");`),
		source("late", 2, "F.Ticks > P.Slow", `Note("x");`)), allow))
	m := NewMemory("test", "web", Act)
	apply(t, m, alarm("web-07"))
	if a := accountOf(t, p, "late", m); failing(a.When) != "F.Ticks > P.Slow (9) [5 -4]" {
		t.Errorf("late lacks %s, want the parameter and its value", failing(a.When))
	}
	m.aside["sure"] = p.version
	if a := accountOf(t, p, "drain", m); a.Cause != ByCritical || len(a.Wants) != 1 {
		t.Errorf("cause %s of %+v, want that a critical rule is put aside", a.Cause, a)
	}
	delete(m.aside, "sure")
	in := p.acquire()
	in.box.whole = 0 // look-ups of all rules
	p.release(in)
	if a := accountOf(t, p, "drain", m); a.Cause != Cause(RuleRefused) || a.Why != notReached {
		t.Errorf("cause %s, %q, want that it was not reached", a.Cause, a.Why)
	}
}
