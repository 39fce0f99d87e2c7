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

// faulty is a rule that notes, then cannot drain nobody.
func faulty() []Source {
	return []Source{source("half_done", 4, "F.AgeSeconds < 9", `Propose("drain", F.Member, "x");`), source("sound", 1, "F.Ticks > 1", `Note("x");`)}
}

// putAside lets the rule half_done fail three times.
func putAside(t *testing.T, r *rig) {
	t.Helper()
	for range faultsToLeave {
		another := int(r.Stats().Accepted)
		r.handle(t, alarm("", func(f *facts.Fact) { f.Evidence.Epochs = another }))
	}
	if got := r.verdictOf(t, "half_done"); got != "put aside" {
		t.Fatalf("after %d faults the rule is %s, want it put aside", faultsToLeave, got)
	}
}

func (r *rig) handle(t *testing.T, f facts.Fact) {
	t.Helper()
	if err := r.Handle(t.Context(), f, ""); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) verdictOf(t *testing.T, rule string) string {
	t.Helper()
	d := r.decideOn(t, alarm("", when(time.Second)))
	return strings.SplitN(verdict(d, rule), ":", 2)[0]
}

func TestQuarantineIsLiftedByTwoPeople(t *testing.T) {
	r := newRig(t, Act, faulty()...)
	sound := Lift{Group: "web", Rule: "half_done", Version: "h1:test", By: []string{"ben", "ana"}, Reason: "the fact was malformed"}
	if err := r.Lift(t.Context(), sound); !errors.Is(err, ErrNotAside) {
		t.Errorf("a rule that is not put aside was lifted: %v", err)
	}
	putAside(t, r)
	change := func(f func(*Lift)) Lift {
		l := sound
		l.By = slices.Clone(sound.By)
		f(&l)
		return l
	}
	for _, tt := range []struct {
		name string
		l    Lift
		want string
	}{
		{"one person", change(func(l *Lift) { l.By[0] = "ana" }), "ana speaks twice: want 2 people"},
		{"nobody", change(func(l *Lift) { l.By = nil }), "found 0 people, want 2"},
		{"one name", change(func(l *Lift) { l.By = l.By[:1] }), "found 1 people, want 2"},
		{"one of three twice", change(func(l *Lift) { l.By = append(l.By, "ana") }), "ana speaks twice"},
		{"a second person without a name", change(func(l *Lift) { l.By[1] = " " }), `found person " "`},
		{"no reason", change(func(l *Lift) { l.Reason = "" }), "reason of 0 bytes"},
		{"a reason without end", change(func(l *Lift) { l.Reason = strings.Repeat("x", 257) }), "reason of 257 bytes"},
		{"another group", change(func(l *Lift) { l.Group = "db" }), `group "db" is not decided upon here`},
		{"another rule", change(func(l *Lift) { l.Rule = "sound" }), "rule sound of h1:test: it is not put aside"},
		{"another version", change(func(l *Lift) { l.Version = "h1:next" }), "rule half_done of h1:next: it is not put aside"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := r.Lift(t.Context(), tt.l); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Lift = %v, want %q", err, tt.want)
			}
			if got := r.verdictOf(t, "half_done"); got != "put aside" {
				t.Errorf("the rule is %s, want it put aside", got)
			}
		})
	}
	r.log.fail = errors.New("disk full")
	if err := r.Lift(t.Context(), sound); !errors.Is(err, r.log.fail) || r.verdictOf(t, "half_done") != "put aside" {
		t.Errorf("Lift without a record = %v, want it refused and the rule put aside", err)
	}
	r.log.fail = nil
	if err := r.Lift(t.Context(), sound); err != nil {
		t.Fatal(err)
	}
	if got := r.verdictOf(t, "half_done"); got != "refused" {
		t.Errorf("lifted, the rule is %s, want it evaluated and refused", got)
	}
	again := newRig(t, Act, faulty()...)
	if err := again.Restore(t.Context(), r.log); err != nil {
		t.Fatal(err)
	}
	if got := again.verdictOf(t, "half_done"); got != "refused" {
		t.Errorf("after a restart the rule is %s, want it as before", got)
	}
	putAside(t, r) // it takes three faults again
}

func TestQuarantineHoldsForItsVersionOnly(t *testing.T) {
	r := newRig(t, Act, faulty()...)
	putAside(t, r)
	next, err := Compile("h1:next", faulty(), everything)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Load("web", next, Act); err != nil {
		t.Fatal(err)
	}
	if err := r.Lift(context.Background(), Lift{Group: "web", Rule: "half_done", Version: "h1:test", By: []string{"ana", "ben"}, Reason: "x"}); !errors.Is(err, ErrNotAside) {
		t.Errorf("a rule of another version was lifted: %v", err)
	}
	if got := r.verdictOf(t, "half_done"); got != "refused" {
		t.Errorf("in another version the rule is %s, want it evaluated", got)
	}
}

// Neither the time that passes nor the end of a process lifts a rule, and the
// record says since when it is put aside, and why.
func TestQuarantineOutlivesTheProcess(t *testing.T) {
	r := newRig(t, Act, faulty()...)
	var alarms []facts.Fact
	r.onAside = func(f facts.Fact) { alarms = append(alarms, f) }
	putAside(t, r)
	if got := strings.Count(r.log.types(), typeBegun); got != 1 || len(alarms) != 1 {
		t.Fatalf("%d entries and %d alarms say that the rule was put aside, want one of each", got, len(alarms))
	}
	h := alarms[0].Health
	if _, err := alarms[0].Encode(); err != nil || alarms[0].State != facts.Alarm || h.Status != facts.Degraded ||
		h.Detail != "rule half_done was put aside: drain is proposed by a fact about no member" {
		t.Errorf("alarm %+v, %v", h, err)
	}
	want := []PutAside{{"web", "half_done", facts.At(t0), "h1:test", "drain is proposed by a fact about no member",
		facts.Digest(r.log.entries[slices.Index(strings.Fields(r.log.types()), typeBegun)].Bytes)}}
	if got, err := Aside(t.Context(), r.log); err != nil || !slices.Equal(got, want) {
		t.Errorf("Aside = %v, %v; want %v", got, err, want)
	}
	for _, later := range []time.Duration{time.Minute, 30 * time.Hour} {
		again := newRig(t, Act, faulty()...)
		again.clock = at(later)
		if err := again.Restore(t.Context(), r.log); err != nil {
			t.Fatal(err)
		}
		if got := again.verdictOf(t, "half_done"); got != "put aside" {
			t.Errorf("%v later the rule is %s, want it put aside", later, got)
		}
	}
	if err := r.Lift(t.Context(), Lift{Group: "web", Rule: "half_done", Version: "h1:test", By: []string{"ben", "ana"}, Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	if got, err := Aside(t.Context(), r.log); err != nil || len(got) != 0 {
		t.Errorf("Aside after the lift = %v, %v", got, err)
	}
}

// A decision lists 24 rules that are put aside; a restart knows the others too.
func TestQuarantineOfManyRulesOutlivesTheProcess(t *testing.T) {
	const rules = maxListed + 6
	var all []Source
	for i := range rules {
		all = append(all, source(fmt.Sprintf("rule_%02d", i), 1, "F.Ticks > 1", `Propose("drain", F.Member, "x");`))
	}
	r := newRig(t, Act, all...)
	for i := range 2 * faultsToLeave { // as many as a decision lists, then the rest
		r.handle(t, alarm("", func(f *facts.Fact) { f.Evidence.Epochs = i }))
	}
	again := newRig(t, Act, all...)
	again.clock = at(2 * time.Hour)
	if err := again.Restore(t.Context(), r.log); err != nil {
		t.Fatal(err)
	}
	d := again.decideOn(t, alarm("", when(time.Second)))
	if n := len(d.Quarantined) + d.Unlisted; n != rules || d.Refused != nil {
		t.Errorf("%d rules put aside after the restart, %v refused; want %d and none", n, d.Refused, rules)
	}
}

// Without a critical rule nothing is done, and the decision says on account of
// which.
func TestCriticalRulesThatAreMissingLeaveAdviceOnly(t *testing.T) {
	rules := append(faulty(), source("drain_it", 2, "F.Ticks > 1 && F.Member != \"\"", `Propose("drain", F.Member, "x");`))
	allow := everything
	allow.Critical = []string{"half_done"}
	p := must(Compile("h1:test", rules, allow))
	r := newRig(t, Act, faulty()...)
	if err := r.Load("web", p, Act); err != nil {
		t.Fatal(err)
	}
	r.handle(t, alarm("web-07"))
	if len(r.guard.got) != 1 {
		t.Fatalf("%d intents while all is well, want that of both rules", len(r.guard.got))
	}
	putAside(t, r)
	before := len(r.guard.got)
	r.handle(t, alarm("web-08"))
	d := r.decideOn(t, alarm("web-08", when(time.Second)))
	if len(r.guard.got) != before || !slices.Equal(d.Advise, []string{"half_done"}) || d.Acts() || len(d.Wanted) == 0 {
		t.Errorf("%d intents more, advise only for %v, acts %t, wants %v; want advice only", len(r.guard.got)-before, d.Advise, d.Acts(), d.Wanted)
	}
}
