package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// tight lets the next decision of p take so many look-ups.
func tight(t *testing.T, p *Program, steps int) {
	t.Helper()
	in := p.acquire()
	in.box.whole = steps
	p.release(in)
}

// busy is a program of n rules of six look-ups and more; the first wants to
// drain, the second to tell.
func busy(t *testing.T, n int) *Program {
	t.Helper()
	rules := []Source{source("drain_it", 9, "F.Ticks > 1 && F.Epochs > 1", `Propose("drain", F.Member, "x");`),
		source("tell", 8, "F.Ticks > 1 && F.Epochs > 1", `Propose("notify", F.Member, "x");`)}
	for i := range n - 2 {
		rules = append(rules, source(fmt.Sprintf("rule_%03d", i), 7, "F.Ticks > 1 && F.Epochs > 1", `Note("x");`))
	}
	return mustCompile(t, rules...)
}

// wanted lists the verbs of a decision.
func wanted(d Decision) string {
	var out []string
	for _, w := range d.Wanted {
		out = append(out, string(w.Verb))
	}
	return strings.Join(out, " ")
}

func TestStepsOfADecisionEndIt(t *testing.T) {
	p := busy(t, 5)
	if d := decide(t, p, at(0), alarm("web-07")); d.Cut != "" || wanted(d) != "drain notify" {
		t.Fatalf("with steps enough: cut %q, wants %s", d.Cut, wanted(d))
	}
	tight(t, p, 17)
	d := decide(t, p, at(0), alarm("web-07"))
	if d.Cut != CutBySteps || len(d.Matched) != 3 || len(d.Notes) != 1 {
		t.Errorf("cut %q after %d rules, want it by steps after 3 of 5", d.Cut, len(d.Matched))
	}
	want := []Refusal{{"rule_001", notReached}, {"rule_002", notReached}}
	if !slices.Equal(d.Refused, want) {
		t.Errorf("refused %v, want %v", d.Refused, want)
	}
	if wanted(d) != "notify" || !slices.Equal(d.Conflicts, []Conflict{{Lost: "drain_it", Verb: "drain", Why: whyCut}}) {
		t.Errorf("wants %s, conflicts %v; want the drain lost and the human told", wanted(d), d.Conflicts)
	}
}

func TestRulesThatWereNotReachedAreNotPutAside(t *testing.T) {
	p := busy(t, 4)
	tight(t, p, 1)
	m := NewMemory("test", "web", Act)
	for i := range faultsToLeave + 1 {
		apply(t, m, alarm("web-07", when(time.Duration(i)*time.Second)))
		d := must(p.Decide(at(time.Duration(i)*time.Second), m))
		if d.Cut != CutBySteps || len(d.Refused) != 3 || d.Quarantined != nil {
			t.Fatalf("decision %d: cut %q, refused %v, put aside %v", i, d.Cut, d.Refused, d.Quarantined)
		}
		m.Record(&d)
	}
}

func TestDeadlineRefusesTheWholeDecision(t *testing.T) {
	p := busy(t, 40) // more than lookEvery look-ups
	m := NewMemory("test", "web", Act)
	apply(t, m, alarm("web-07"))
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	d, err := p.DecideWithin(late, at(0), m)
	if err != nil || d.Cut != CutByTime || d.Matched != nil || d.Wanted != nil || d.Refused != nil || d.Notes != nil {
		t.Fatalf("DecideWithin = %s, %v; want nothing but the cut", d.Encode(), err)
	}
	again, err := p.Again(&d, m)
	if err != nil || again.Digest() != d.Digest() {
		t.Errorf("made again: %s, %v; want the same bytes", again.Encode(), err)
	}
	whole := must(p.Decide(at(0), m)) // the instance is sound afterwards
	if again := must(p.Again(&whole, m)); whole.Cut != "" || again.Digest() != whole.Digest() || len(whole.Matched) != 24 {
		t.Errorf("a whole decision made again: %s, want %s", again.Encode(), whole.Encode())
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if d, err := p.DecideWithin(stopped, at(0), m); !errors.Is(err, context.Canceled) {
		t.Errorf("DecideWithin of a context that was cancelled = %s, %v; want the cause", d.Encode(), err)
	}
}

// A decision that was cut by time is recorded, and the fact with it, so that
// what is remembered is whole; what it would have done is not done.
func TestDecisionWithoutTimeIsRecordedAndDoesNothing(t *testing.T) {
	r := newRig(t, Act, source("drain_it", 9, "F.Ticks > 1", `Propose("drain", F.Member, "x");`))
	if err := r.Load("web", busy(t, 40), Act); err != nil {
		t.Fatal(err)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if err := r.Handle(late, alarm("web-07"), ""); err != nil {
		t.Fatal(err)
	}
	last := string(r.log.entries[len(r.log.entries)-1].Bytes)
	if r.log.types() != "fact.accepted decision" || r.Stats().Cut != 1 || !strings.Contains(last, `"cut":"time"`) || len(r.guard.got) != 0 {
		t.Errorf("log %s, ends with %s; %d intents, want a record that was cut and none", r.log.types(), last, len(r.guard.got))
	}
	r.handle(t, alarm("web-07", func(f *facts.Fact) { f.Evidence.Epochs++ }))
	if len(r.guard.got) == 0 {
		t.Error("the next fact with time enough is not acted on")
	}
}
