package backtest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
)

// t0 is an hour's beginning.
var t0 = time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)

// fact returns a fact about a member of the group web.
func fact(at time.Duration, kind facts.Kind, member string, change ...func(*facts.Fact)) Fact {
	f := facts.Fact{V: 1, Env: "test", Group: "web", Kind: kind, State: facts.Watch, Member: member,
		Time: facts.At(t0.Add(at)), Onset: facts.At(t0.Add(at - 5*time.Second)), Expires: facts.At(t0.Add(at + 3*time.Second)),
		Detector: facts.Detector{Build: "test", ID: "det-a", Params: facts.Digest(nil)}}
	for _, c := range change {
		c(&f)
	}
	return Fact{Fact: f}
}

// alarm returns an alarm about a member of ten.
func alarm(at time.Duration, member, score string, change ...func(*facts.Fact)) Fact {
	return fact(at, facts.Imbalance, member, append([]func(*facts.Fact){func(f *facts.Fact) {
		f.State = facts.Alarm
		f.Evidence = &facts.Evidence{Certified: facts.Rate(30 * 24 * time.Hour), Declared: facts.Rate(30 * 24 * time.Hour),
			Epochs: 720, Margin: "1", Score: facts.Decimal(score), Threshold: "4", Ticks: 5, Tier: "T1"}
		f.GroupState = &facts.GroupState{Alarmed: 1, Members: 10, Present: 10, Shift: "none"}
	}}, change...)...)
}

func roster(at time.Duration, standings ...string) Fact {
	return fact(at, facts.Membership, "", func(f *facts.Fact) {
		for i, s := range standings {
			f.Members = append(f.Members, facts.MemberState{Name: fmt.Sprintf("m%02d", i), State: s})
		}
	})
}

func outcome(at time.Duration, member, verb, result string) Fact {
	return fact(at, facts.Result, member, func(f *facts.Fact) {
		f.Outcome = &facts.OutcomeInfo{Act: facts.Digest([]byte("act")), Result: result, Verb: verb}
	})
}

// feed gives facts, with their identities.
func feed(all ...Fact) Feed {
	return func(_ context.Context, take func(Recorded) error) error {
		for _, f := range all {
			err := take(func() (_ Fact, err error) {
				f.ID, err = f.Fact.ID()
				return f, err
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// rule is one rule of a pack: its name, condition and consequence.
type rule struct{ name, when, then string }

// pack compiles rules that may drain, restore and notify.
func pack(t testing.TB, version string, rules ...rule) Pack {
	t.Helper()
	var sources []engine.Source
	for i, r := range rules {
		sources = append(sources, engine.Source{Name: "rules/" + r.name + ".grl",
			Text: fmt.Appendf(nil, "rule %s salience %d { when %s then %s }", r.name, len(rules)-i, r.when, r.then)})
	}
	limits := actions.DefaultLimits()
	limits.Verbs = []actions.Verb{actions.Drain, actions.Restore, actions.Notify}
	p, err := engine.Compile(version, sources, engine.Allow{Verbs: limits.Verbs, Tiers: []string{"T1"}})
	if err != nil {
		t.Fatal(err)
	}
	return Pack{Name: "web", Program: p, Limits: limits}
}

// over returns the pack with one rule that drains above a score.
func over(t testing.TB, score string) Pack {
	return pack(t, "h1:over-"+score, rule{"too_far", `F.Kind == "imbalance" && F.Evidence > ` + score, `Propose("drain", F.Member, "far off");`})
}

func mustRun(t testing.TB, c Config) *Report {
	t.Helper()
	c.Engine = "test"
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWorld(t *testing.T) {
	in := func(n int) []string { return strings.Split(strings.Repeat("in ", n-1)+"in", " ") }
	for _, tt := range []struct {
		name  string
		facts []Fact
		want  string // in service, out by another hand, down
	}{
		{"members that an alarm counts are there without a name", []Fact{alarm(0, "m01", "9")}, "10 0 0"},
		{"those that it does not find present are out", []Fact{alarm(0, "m01", "9",
			func(f *facts.Fact) { f.GroupState.Present = 7 })}, "7 3 0"},
		{"a late count changes nothing", []Fact{alarm(time.Second, "m01", "9"), alarm(0, "m01", "8",
			func(f *facts.Fact) { f.GroupState.Present = 7 })}, "10 0 0"},
		{"a roster says who is there", []Fact{alarm(0, "x", "9"), roster(1, in(4)...)}, "4 0 0"},
		{"and in which standing", []Fact{roster(0, "in", "drain", "maint", "down", "absent")}, "1 3 1"},
		{"whom our hand took out is in service", []Fact{roster(0, "in", "drain"), outcome(1, "m01", "drain", "done")}, "2 0 0"},
		{"until it put the member back", []Fact{roster(0, "in", "drain"), outcome(1, "m01", "drain", "done"),
			outcome(2, "m01", "restore", "done")}, "1 1 0"},
		{"or a human took it over", []Fact{roster(0, "in", "drain"), outcome(1, "m01", "drain", "done"),
			outcome(2, "m01", "drain", "escalated")}, "1 1 0"},
		{"a refused act is none", []Fact{roster(0, "in", "drain"), outcome(1, "m01", "drain", "refused")}, "1 1 0"},
		{"one member's standing changes", []Fact{roster(0, "in", "in"), fact(1, facts.Membership, "m01",
			func(f *facts.Fact) { f.Members = []facts.MemberState{{Name: "m01", State: "down"}} })}, "1 0 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			for _, f := range tt.facts {
				w.inventory() // what is remembered of it must not outlive the fact
				w.apply(&f.Fact)
			}
			var in, out, down int
			for _, m := range w.inventory() {
				switch {
				case m.Standing != actions.InService:
					out++
				case !m.Up:
					down++
				default:
					in++
				}
			}
			if got := fmt.Sprint(in, out, down); got != tt.want || in+out+down != w.size() {
				t.Errorf("in service, out, down: got %s of %d, want %s", got, w.size(), tt.want)
			}
		})
	}
}
