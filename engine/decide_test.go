package engine

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// pool returns rules enough that their order, were it left to chance, would
// show.
func pool() []Source {
	rules := []Source{
		source("veto_maint", 100, `F.Kind == "imbalance"`, `Veto("maint", "not in this pool");`),
		source("lost_maint", 90, `F.Margin > 1.5`, `Propose("maint", F.Member, "far above the threshold");`),
		source("unknown", 80, `F.Standing == "in"`, `Propose("drain", F.Member, "x");`),
	}
	for i := range 20 {
		rules = append(rules, source(fmt.Sprintf("rule_%02d", i), i%4, fmt.Sprintf("F.Ticks >= %d", i%7),
			fmt.Sprintf(`Propose("drain", F.Member, "reason %d"); Note("note %d");`, i, i)))
	}
	return rules
}

func TestSameInputSameBytes(t *testing.T) {
	rules := pool()
	want := ""
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 10 {
		random.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		p := mustCompile(t, rules...)
		for range 100 {
			d := decide(t, p, at(time.Second), alarm("web-01", when(-time.Second)), alarm("web-07"))
			if want == "" {
				want = string(d.Encode())
			}
			if got := string(d.Encode()); got != want {
				t.Fatalf("round %d: decision\n%s\nwant\n%s", round, got, want)
			}
		}
	}
}

func TestConcurrentDecisionsAreTheSame(t *testing.T) {
	p := mustCompile(t, pool()...)
	one, two := decide(t, p, at(0), alarm("web-07")), decide(t, p, at(0), alarm("web-08", func(f *facts.Fact) { f.Evidence.Ticks = 1 }))
	want, other := one.Digest(), two.Digest()
	for _, procs := range []int{1, 2} {
		before := runtime.GOMAXPROCS(procs)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 50 {
					f, digest := alarm("web-07"), want
					if i%2 == 1 {
						f, digest = alarm("web-08", func(f *facts.Fact) { f.Evidence.Ticks = 1 }), other
					}
					m := NewMemory("test", "web", Act)
					if _, err := m.Apply(f, facts.Digest(must(f.Encode()))); err != nil {
						t.Error(err)
					}
					if d, err := p.Decide(at(0), m); err != nil || d.Digest() != digest {
						t.Errorf("GOMAXPROCS %d: decision %s (%v), want %s", procs, d.Digest(), err, digest)
					}
				}
			})
		}
		wg.Wait()
		runtime.GOMAXPROCS(before)
	}
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

func TestDecideDoesNotChangeTheMemory(t *testing.T) {
	p := mustCompile(t, pool()...)
	m, same := NewMemory("test", "web", Act), NewMemory("test", "web", Act)
	for _, x := range []*Memory{m, same} {
		apply(t, x, standingOf("web-01", facts.StandingDrain), alarm("web-07"))
	}
	if _, err := p.Decide(at(0), m); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m, same) {
		t.Errorf("memory after Decide:\n%+v\nwant\n%+v", m, same)
	}
}

func TestNothingDecidedIsADecision(t *testing.T) {
	for _, p := range []*Program{mustCompile(t), mustCompile(t, one("F.Ticks > 99"))} {
		d := decide(t, p, at(0), alarm("web-07"))
		if d.Matched != nil || d.Intents() != nil || d.V != 1 || len(d.Facts) != 1 || d.Rules != len(p.Rules()) {
			t.Errorf("decision = %s, want one without matches", d.Encode())
		}
	}
	if _, err := mustCompile(t).Decide(at(0), NewMemory("test", "web", Act)); err == nil {
		t.Error("Decide without a fact = nil, want an error")
	}
}

// TestDecisionIsTheExpectedText is the format that is stored: it changes with v
// only. UPDATE=1 writes the file anew.
func TestDecisionIsTheExpectedText(t *testing.T) {
	p := mustCompile(t, pool()[:8]...)
	d := decide(t, p, at(1500*time.Millisecond), standingOf("web-01", facts.StandingDrain, when(-time.Minute)), alarm("web-07"))
	got := bytes.ReplaceAll(d.Encode(), []byte(`,"`), []byte(",\n\""))
	const name = "testdata/decision.txt"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, bytes.TrimSpace(want)) {
		t.Errorf("decision\n%s\nwant\n%s", got, want)
	}
}

func TestRulesThatFailAreNeverSilent(t *testing.T) {
	const drain = `Propose("drain", F.Member, "x");`
	p := mustCompile(t,
		source("absent", 5, `F.Result == "done"`, drain),
		source("half_done", 4, "F.AgeSeconds < 9", `Note("before"); `+drain),
		source("sound", 3, "F.AgeSeconds < 9", `Note("sound");`))
	group := alarm("") // about no member: half_done notes, then cannot drain
	d := decide(t, p, at(0), group)
	for rule, want := range map[string]string{
		"absent": "undecided: F.Result", "half_done": "refused: drain is proposed by a fact about no member", "sound": "matched",
	} {
		if got := verdict(d, rule); got != want {
			t.Errorf("rule %s: %s, want %s", rule, got, want)
		}
	}
	if len(d.Notes) != 1 || d.Notes[0].Rule != "sound" {
		t.Errorf("notes = %v, want none of the rule that failed halfway", d.Notes)
	}
}

func TestStepBudgetEndsARule(t *testing.T) {
	p := mustCompile(t, one("F.Ticks > 1 && F.Epochs > 1 && F.Margin > 1"))
	in := p.acquire()
	in.box.limit = 4
	p.release(in)
	for range 2 { // the instance is sound afterwards
		if got, want := verdict(decide(t, p, at(0), alarm("web-07")), "rule_one"), "refused: budget of 4 steps exceeded"; got != want {
			t.Errorf("rule: %s, want %s", got, want)
		}
	}
}

func TestPanicOfTheEvaluatorIsRefused(t *testing.T) {
	p := mustCompile(t, one("F.Ticks > 1"), source("other", 0, "F.Epochs > 1", `Note("x");`))
	in := p.acquire()
	in.rules[0].entry.WhenScope.Expression.RightExpression = &ast.Expression{ExpressionAtom: &ast.ExpressionAtom{Constant: &ast.Constant{}}} // damage
	p.release(in)
	d := decide(t, p, at(0), alarm("web-07"))
	if got := verdict(d, "rule_one"); !strings.Contains(got, "recovered") || verdict(d, "other") != "matched" {
		t.Errorf("damaged rule: %s, other: %s; want it refused and the other matched", got, verdict(d, "other"))
	}
}

func TestRuleThatFailsThreeTimesIsPutAside(t *testing.T) {
	p := mustCompile(t, source("half_done", 4, "F.AgeSeconds < 999", `Propose("drain", F.Member, "x");`))
	m := NewMemory("test", "web", Act)
	step := func(after time.Duration) string {
		apply(t, m, alarm("", when(after)))
		d := must(p.Decide(at(after), m))
		m.Record(&d)
		return strings.SplitN(verdict(d, "half_done"), ":", 2)[0]
	}
	var got []string
	for _, after := range []time.Duration{0, time.Minute, 11 * time.Minute, 12 * time.Minute, 13 * time.Minute, 2 * time.Hour} {
		got = append(got, step(after))
	}
	want := []string{"refused", "refused", "refused", "refused", "refused", "put aside"} // 11, 12 and 13 minutes are the three
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the rule was %v, want %v", got, want)
	}
	next, err := Compile("h1:next", []Source{source("half_done", 4, "F.AgeSeconds < 999", `Note("x");`)}, everything)
	if err != nil {
		t.Fatal(err)
	}
	if got := verdict(must(next.Decide(at(0), m)), "half_done"); got != "matched" {
		t.Errorf("in another version the rule is %s, want matched", got)
	}
}

func TestExplanationHoldsTheValues(t *testing.T) {
	p := mustCompile(t, one(`F.Kind == "imbalance" && (F.Margin > 1.5 && F.Score("bytes_per_request") < -1) && (F.Ticks > 1 || F.Ticks < 0)`))
	d := decide(t, p, at(0), alarm("web-07"))
	want := []Conjunct{{`F.Kind == "imbalance"`, "imbalance"}, {"F.Margin > 1.5", "2.17143"},
		{`F.Score("bytes_per_request") < -1`, "-4.4"}, {"F.Ticks > 1 || F.Ticks < 0", ""}}
	if len(d.Matched) != 1 || !reflect.DeepEqual(d.Matched[0].When, want) {
		t.Errorf("matched = %+v, want %+v", d.Matched, want)
	}
}

func TestDecisionFitsIntoAnEntryWhateverTheVersion(t *testing.T) {
	var rules []Source
	long := strings.Repeat("x", maxStringBytes)
	for i := range 300 {
		rules = append(rules, source(fmt.Sprintf("rule_%03d_%s", i, strings.Repeat("n", 50)), 1, "F.Ticks > 1",
			fmt.Sprintf(`Note("%s"); Veto("maint", "%s"); Propose("maint", F.Member, "%s"); Propose("drain", F.Member, "%03d%s");`, long, long, long, i, long[3:])))
	}
	for i := range 100 {
		rules = append(rules, source(fmt.Sprintf("lost_%03d_%s", i, strings.Repeat("n", 50)), 1, `F.Result == "done"`, `Note("x");`))
	}
	d := decide(t, mustCompile(t, rules...), at(0), alarm("web-07"))
	if n := len(d.Encode()); n > 60<<10 {
		t.Errorf("decision of %d bytes, want at most 60 KiB", n)
	}
	if d.Unlisted == 0 || len(d.Intents()) != 1 {
		t.Errorf("unlisted = %d, intents = %d; want what was cut counted, and one intent", d.Unlisted, len(d.Intents()))
	}
}

func TestSandboxIsSealed(t *testing.T) {
	b := newSandbox(newSlots(nil))
	b.fill(situation{now: t0, fact: new(alarm("web-07")), mem: NewMemory("test", "web", Act)})
	if err := errors.Join(b.Add("F", 5)); !errors.Is(err, errSealed) {
		t.Errorf("Add = %v, want %v", err, errSealed)
	}
	if err := b.AddJSON("F", []byte("5")); !errors.Is(err, errSealed) {
		t.Errorf("AddJSON = %v, want %v", err, errSealed)
	}
	for _, key := range []string{"", "f", "G", "Knowledge"} {
		if n := b.Get(key); n != nil {
			t.Errorf("Get(%q) = %v, want nothing", key, n)
		}
	}
	b.Retract("rule_one")
	b.Complete()
	if b.IsRetracted("rule_one") || b.IsComplete() || b.GetKeys() != nil {
		t.Error("the sandbox keeps what a rule told it, want nothing kept")
	}
	f := b.Get("F")
	for _, err := range []error{
		f.SetObjectValueByField("Kind", reflect.ValueOf("x")), f.SetArrayValueAt(0, reflect.ValueOf(1)),
		f.SetMapValueAt(reflect.ValueOf(1), reflect.ValueOf(1)), f.AppendValue(nil),
		b.Get("D").SetObjectValueByField("Diagnosis", reflect.ValueOf("x")),
	} {
		if !errors.Is(err, errSealed) {
			t.Errorf("a change of F = %v, want %v", err, errSealed)
		}
	}
}

// TestWorkNamesEveryRule wants what a decision's bounded lists leave out.
func TestWorkNamesEveryRule(t *testing.T) {
	const fires, lacks = maxListed + 6, 3
	var rules []Source
	for i := range fires {
		rules = append(rules, source(fmt.Sprintf("rule_a%02d", i), 1, "F.Ticks > 1", `Note("x");`))
	}
	rules = append(rules, source("rule_b", 1, "F.Ticks > 99", `Note("x");`))
	for i := range lacks {
		rules = append(rules, source(fmt.Sprintf("rule_c%02d", i), 1, `F.Result == "done"`, `Note("x");`))
	}
	p := mustCompile(t, rules...)
	m := NewMemory("test", "web", Act)
	apply(t, m, alarm("web-07"))
	d, w, err := p.DecideCounted(t0, m)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Matched) != maxListed || len(w.Fired) != fires || w.Fired[0] != 0 || w.Fired[fires-1] != fires-1 {
		t.Errorf("%d matches listed, fired %v, want %d and all of %d", len(d.Matched), w.Fired, maxListed, fires)
	}
	if len(w.Undecided) != lacks || w.Undecided[0] != fires+1 || len(w.Refused) != 0 {
		t.Errorf("undecided %v, refused %v, want the last %d and none", w.Undecided, w.Refused, lacks)
	}
	again := must(p.Decide(t0, m))
	if w.Steps == 0 || again.Digest() != d.Digest() {
		t.Errorf("%d steps, digest %s, want some and %s", w.Steps, d.Digest(), again.Digest())
	}
}
