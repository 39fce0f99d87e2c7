package engine

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// t0 is when the world of the tests stands still.
var t0 = time.Date(2026, 11, 22, 5, 51, 46, 0, time.UTC)

func at(d time.Duration) time.Time { return t0.Add(d) }

// fact returns a fact about a member of the group web, with its evidence if it
// is an imbalance, changed by change.
func fact(kind facts.Kind, state facts.State, member string, change ...func(*facts.Fact)) facts.Fact {
	f := facts.Fact{
		V: 1, Env: "test", Group: "web", Kind: kind, State: state, Member: member,
		Time: facts.At(t0), Onset: facts.At(at(-5 * time.Second)), Expires: facts.At(at(3 * time.Second)),
		Detector: facts.Detector{Build: "test", ID: "det-a", Params: facts.Digest(nil)},
	}
	if kind == facts.Imbalance {
		f.Evidence = &facts.Evidence{Certified: facts.Rate(30 * 24 * time.Hour), Declared: facts.Rate(30 * 24 * time.Hour),
			Epochs: 720, Margin: "1", Score: "9.12", Threshold: "4.2", Ticks: 5, Tier: "T1"}
		f.GroupState = &facts.GroupState{Alarmed: 1, Members: 10, Present: 10, Shift: "none"}
		f.Effect = []facts.Effect{
			{Metric: "request_rate", Value: "212", Peers: "41", Score: "4.9"},
			{Metric: "bytes_per_request", Value: "120", Peers: "9200", Score: "-4.4"},
		}
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func alarm(member string, change ...func(*facts.Fact)) facts.Fact {
	return fact(facts.Imbalance, facts.Alarm, member, change...)
}

// when sets the time of a fact, and moves its onset and expiry along.
func when(d time.Duration) func(*facts.Fact) {
	return func(f *facts.Fact) {
		shift := at(d).Sub(f.Time.Time)
		f.Time, f.Onset, f.Expires = facts.At(at(d)), facts.At(f.Onset.Add(shift)), facts.At(f.Expires.Add(shift))
	}
}

func standingOf(member, state string, change ...func(*facts.Fact)) facts.Fact {
	f := fact(facts.Membership, facts.Watch, member, change...)
	f.Members = []facts.MemberState{{Name: member, State: state}}
	return f
}

func outcomeOf(member, verb, result string, change ...func(*facts.Fact)) facts.Fact {
	f := fact(facts.Result, facts.Watch, member, change...)
	f.Outcome = &facts.OutcomeInfo{Act: facts.Digest([]byte("act")), Result: result, Verb: verb, Rule: "black_hole"}
	return f
}

func idOf(t testing.TB, f facts.Fact) string {
	t.Helper()
	id, err := f.ID()
	if err != nil {
		t.Fatalf("the test's own fact: %v", err)
	}
	return id
}

func apply(t testing.TB, m *Memory, all ...facts.Fact) {
	t.Helper()
	for _, f := range all {
		if _, err := m.Apply(f, idOf(t, f)); err != nil {
			t.Fatalf("Apply: %v", err)
		}
	}
}

// decide returns the decision on the last of the given facts.
func decide(t testing.TB, p *Program, now time.Time, all ...facts.Fact) Decision {
	t.Helper()
	m := NewMemory("test", "web", Act)
	apply(t, m, all...)
	d, err := p.Decide(now, m)
	if err != nil {
		t.Fatalf("Decide: %v", err)
	}
	return d
}

// verdict says in a word what became of the rule.
func verdict(d Decision, rule string) string {
	for _, m := range d.Matched {
		if m.Rule == rule {
			return "matched"
		}
	}
	for _, u := range d.Undecided {
		if u.Rule == rule {
			return "undecided: " + u.Field
		}
	}
	for _, r := range d.Refused {
		if r.Rule == rule {
			return "refused: " + r.Why
		}
	}
	for _, q := range d.Quarantined {
		if q == rule {
			return "put aside"
		}
	}
	return "not matched"
}
