package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

// The world of a test. Its clock stands still at the last fact.
const (
	testEnv   = "test"
	testGroup = "web"
)

func testTime() time.Time { return time.Date(2026, 11, 22, 5, 51, 46, 0, time.UTC) }

// testWorld returns the memory that a test's facts leave, and the reading of the
// clock at which it is decided.
func testWorld(t *knowledge.Test) (*engine.Memory, time.Time, error) {
	m := engine.NewMemory(testEnv, testGroup, engine.Act)
	for _, tf := range append(slices.Clone(t.Before), t.Fact) {
		f, err := testFact(&tf)
		if err != nil {
			return nil, time.Time{}, err
		}
		id, err := f.ID()
		if err != nil {
			return nil, time.Time{}, err
		}
		if _, err := m.Apply(f, id); err != nil {
			return nil, time.Time{}, err
		}
	}
	return m, testTime().Add(t.After), nil
}

// decideTest returns what a program decides on a test's facts.
func decideTest(program *engine.Program, t *knowledge.Test) (*engine.Decision, error) {
	m, now, err := testWorld(t)
	if err != nil {
		return nil, err
	}
	d, err := program.Decide(now, m)
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// runPackTest returns what went otherwise than the test says.
func runPackTest(program *engine.Program, t *knowledge.Test) []string {
	d, err := decideTest(program, t)
	if err != nil {
		return []string{err.Error()}
	}
	return judge(d, t)
}

// fired says whether the condition of a rule held.
func fired(d *engine.Decision, rule string) bool {
	return slices.ContainsFunc(d.Matched, func(m engine.Match) bool { return m.Rule == rule })
}

func judge(d *engine.Decision, t *knowledge.Test) []string {
	var why []string
	got := []string{}
	for _, w := range d.Wanted {
		got = append(got, string(w.Verb))
	}
	slices.Sort(got)
	if !slices.Equal(got, t.Want) {
		why = append(why, fmt.Sprintf("intents %v, want %v", got, t.Want))
	}
	if got := fired(d, t.Rule); got != t.Fires {
		why = append(why, fmt.Sprintf("fires %t, want %t", got, t.Fires))
	}
	lacks := ""
	for _, u := range d.Undecided {
		if u.Rule == t.Rule {
			lacks = u.Field
		}
	}
	if lacks != t.Lacks {
		why = append(why, fmt.Sprintf("lacks %q, want %q", lacks, t.Lacks))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Derives)) {
		got := ""
		if i := slices.IndexFunc(d.Derived, func(x engine.Derived) bool { return x.Field == "D."+name }); i >= 0 {
			got = d.Derived[i].Value
		}
		if got != t.Derives[name] {
			why = append(why, fmt.Sprintf("derives D.%s %q, want %q", name, got, t.Derives[name]))
		}
	}
	for _, r := range d.Refused {
		why = append(why, fmt.Sprintf("rule %s was refused: %s", r.Rule, r.Why))
	}
	return why
}

// testFact makes the fact that a test tells of.
func testFact(t *knowledge.TestFact) (facts.Fact, error) {
	at := testTime().Add(-t.Ago)
	f := facts.Fact{
		V: 1, Env: testEnv, Group: testGroup, Kind: facts.Kind(t.Kind), State: facts.State(t.State), Member: t.Member, Cohort: t.Cohort,
		Time: facts.At(at), Onset: facts.At(at.Add(-t.For)), Expires: facts.At(at.Add(t.Expires)),
		Detector: facts.Detector{Build: "test", ID: "test", Params: facts.Digest(nil)},
	}
	if t.Cohort != "" {
		f.Member = ""
	}
	switch f.Kind {
	case facts.Imbalance:
		return f, addEvidence(&f, t)
	case facts.Membership:
		f.Members = []facts.MemberState{{Name: t.Member, State: t.Standing}}
		if t.Member == "" {
			f.Members = testMembers(t.Members)
		}
	case facts.Result:
		f.Outcome = &facts.OutcomeInfo{Act: facts.Digest([]byte("act")), Result: t.Result, Rule: t.AskedBy, Verb: t.Verb}
	case facts.Health:
		f.Health = &facts.HealthInfo{Status: t.Status}
	case facts.External:
		f.External = &facts.ExternalInfo{Digest: facts.Digest(nil), Severity: t.Severity, Source: t.Source, Type: t.Type}
	}
	return f, nil
}

func addEvidence(f *facts.Fact, t *knowledge.TestFact) error {
	declared, err := facts.ParseRate(t.Declared)
	if err != nil {
		return err
	}
	certified, err := facts.ParseRate(t.Certify)
	if err != nil {
		return err
	}
	f.Evidence = &facts.Evidence{Certified: certified, Declared: declared, E: facts.Decimal(t.E), Epochs: t.Epochs, Margin: "1",
		P: facts.Decimal(t.P), Score: facts.Decimal(t.Score), Statistic: facts.Statistic(t.Statistic),
		Threshold: facts.Decimal(t.Limit), Ticks: t.Ticks, Tier: t.Tier}
	if t.Assured != "" {
		if f.Evidence.Assured, err = facts.ParseRate(t.Assured); err != nil {
			return err
		}
	}
	f.GroupState = &facts.GroupState{Alarmed: t.Alarmed, Members: t.Members, Present: t.Present, Shift: t.Shift}
	for metric, e := range t.Effects {
		f.Effect = append(f.Effect, facts.Effect{Metric: metric, Value: facts.Decimal(e.Value),
			Peers: facts.Decimal(e.Peers), Score: facts.Decimal(e.Score)})
	}
	slices.SortFunc(f.Effect, func(a, b facts.Effect) int { return strings.Compare(a.Metric, b.Metric) })
	return nil
}

func testMembers(n int) []facts.MemberState {
	out := make([]facts.MemberState, n)
	for i := range out {
		out[i] = facts.MemberState{Name: fmt.Sprintf("web-%05d", i+1), State: facts.StandingIn}
	}
	return out
}
