package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

// rolling brings a second bundle into shadow, whose rule slow_member fired 360
// times in an hour of the backtest, at most.
func rolling(t *testing.T) (o *office, p *parcel) {
	t.Helper()
	o = newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	o.live(t, "the first")
	files := o.pack(t, "the second")
	digest, err := knowledge.BundleDigest(files)
	if err != nil {
		t.Fatal(err)
	}
	d := knowledge.Dossier{V: 1, Bundle: digest, Parent: o.governor.ledger.Live().Bundle, Hours: 1,
		Band: map[string]knowledge.Band{"slow_member": {Fired: 3600, Most: 3600}}}
	p = o.proposal(t, files, map[string]string{"evidence": knowledge.TextDigest(d.Encode())})
	p.dossier = d.Encode()
	for _, paper := range []*parcel{p, o.answer(t, "ben", "approve", p), o.answer(t, "cleo", "approve", p)} {
		if r := o.take(t, paper); r.Result != "taken" {
			t.Fatalf("%s: %s", r.Name, r.Why)
		}
	}
	if s := o.state(t, p); s != "shadow" {
		t.Fatalf("state %s, want shadow", s)
	}
	return o, p
}

func TestRolloutThatDoesOtherThanWasFoundIsHalted(t *testing.T) {
	fired := func(rule string) engine.Decision { return engine.Decision{Matched: []engine.Match{{Rule: rule}}} }
	for _, tt := range []struct {
		name string
		do   func(o *overseer, bundle string)
		want string
	}{
		{"a rule that fires on everything", func(o *overseer, _ string) {
			for range 4 {
				o.shadowed(facts.Fact{}, fired("error_burst"), nil)
			}
		}, "rule error_burst fired 4 times"},
		{"a rule that burns its budget", func(o *overseer, _ string) {
			for range 3 {
				o.shadowed(facts.Fact{}, engine.Decision{Refused: []engine.Refusal{{Rule: "slow_member"}}}, nil)
			}
		}, "slow_member could not be evaluated"},
		{"a rule that was put aside", func(o *overseer, _ string) {
			o.shadowed(facts.Fact{}, engine.Decision{Quarantined: []string{"slow_member"}}, nil)
		}, "slow_member was put aside"},
		{"decisions that are cut", func(o *overseer, _ string) {
			for range 3 {
				o.shadowed(facts.Fact{}, engine.Decision{Cut: engine.CutBySteps}, nil)
			}
		}, "longer than their budget"},
		{"a candidate that panics", func(o *overseer, _ string) {
			for range 3 {
				o.shadowed(facts.Fact{}, engine.Decision{}, errors.New("panic"))
			}
		}, "longer than their budget"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, p := rolling(t)
			tt.do(o.governor.overseer, "")
			o.pass(t, time.Second)
			c, err := o.governor.ledger.Change(knowledge.TextDigest(p.statements[0].Text), o.clock)
			if err != nil {
				t.Fatal(err)
			}
			if c.State != "halted" || !strings.Contains(strings.Join(c.Reasons, " "), tt.want) {
				t.Errorf("state %s for %q, want halted for %q", c.State, c.Reasons, tt.want)
			}
			if runs := o.runs(t, p); runs != "" {
				t.Errorf("it runs in %q, want nowhere", runs)
			}
			if last := o.turns[len(o.turns)-1]; last != "activation.halted" {
				t.Errorf("the groups turned last for %s", last)
			}
		})
	}
}

func TestRuleThatNeverFiresIsHaltedWhenItsStageEnds(t *testing.T) {
	o, p := rolling(t)
	o.pass(t, 9*time.Second)
	if s := o.state(t, p); s != "shadow" {
		t.Fatalf("state %s before the stage ends", s)
	}
	o.pass(t, time.Second)
	if s, runs := o.state(t, p), o.runs(t, p); s != "halted" || runs != "" {
		t.Errorf("state %s, running in %q, want halted and nowhere", s, runs)
	}
}

func TestRolloutThatDoesAsWasFoundGoesOn(t *testing.T) {
	o, p := rolling(t)
	for range 2 {
		for range 10 {
			o.governor.overseer.shadowed(facts.Fact{}, engine.Decision{Matched: []engine.Match{{Rule: "slow_member"}}}, nil)
			o.pass(t, time.Second)
		}
	}
	if s := o.state(t, p); s != "live" {
		t.Errorf("state %s, want live", s)
	}
}

func TestActsThatFailInARingHaltTheRollout(t *testing.T) {
	o, p := rolling(t)
	for range 10 {
		o.governor.overseer.shadowed(facts.Fact{}, engine.Decision{Matched: []engine.Match{{Rule: "slow_member"}}}, nil)
	}
	o.pass(t, 10*time.Second)
	if s := o.state(t, p); s != "ring1" {
		t.Fatalf("state %s, want ring1", s)
	}
	digest, err := knowledge.BundleDigest(p.bundle)
	if err != nil {
		t.Fatal(err)
	}
	d := engine.Decision{Env: "fra1", Group: "web-a", Version: digest, Mode: engine.Act}
	for _, member := range []string{"m1", "m2", "m3"} {
		d.Wanted = append(d.Wanted, engine.Want{Member: member, Verb: actions.Drain, Rules: []string{"slow_member"}})
	}
	o.governor.overseer.decided(facts.Fact{Group: "web-a"}, d)
	for _, i := range d.Intents() {
		o.governor.overseer.outcome(actions.Outcome{Act: i.ID(), Group: "web-a", Result: actions.Sent})
		o.governor.overseer.outcome(actions.Outcome{Act: i.ID(), Group: "web-a", Result: actions.Failed})
	}
	o.pass(t, time.Second)
	if s, runs := o.state(t, p), o.runs(t, p); s != "halted" || runs != "" {
		t.Errorf("state %s, running in %q, want halted and nowhere", s, runs)
	}
}

func TestImbalanceThatGrowsInARingHaltsTheRollout(t *testing.T) {
	o, p := rolling(t)
	alarmed := func(group string, n int) {
		f := facts.Fact{Group: group, GroupState: &facts.GroupState{Alarmed: n, Members: 10, Present: 10}, Expires: facts.At(o.clock.Add(time.Minute))}
		o.governor.overseer.decided(f, engine.Decision{Version: "h1:whatever"})
	}
	for range 10 {
		o.governor.overseer.shadowed(facts.Fact{}, engine.Decision{Matched: []engine.Match{{Rule: "slow_member"}}}, nil)
		for _, g := range officeGroups {
			alarmed(g, 0)
		}
		o.pass(t, time.Second)
	}
	for range 9 {
		alarmed("web-a", 8)
		alarmed("web-b", 0)
		o.pass(t, time.Second)
		if o.state(t, p) == "halted" {
			return
		}
	}
	t.Errorf("state %s, want halted", o.state(t, p))
}
