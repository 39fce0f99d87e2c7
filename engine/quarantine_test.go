package engine

import (
	"context"
	"errors"
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
	sound := Lift{Group: "web", Rule: "half_done", By: [2]string{"ben", "ana"}, Reason: "the fact was malformed"}
	if err := r.Lift(t.Context(), sound); err == nil {
		t.Error("a rule that is not put aside was lifted")
	}
	putAside(t, r)
	change := func(f func(*Lift)) Lift {
		l := sound
		f(&l)
		return l
	}
	for _, tt := range []struct {
		name string
		l    Lift
		want string
	}{
		{"one person", change(func(l *Lift) { l.By[0] = "ana" }), "ana speaks twice: want two people"},
		{"nobody", change(func(l *Lift) { l.By = [2]string{} }), `found person ""`},
		{"a second person without a name", change(func(l *Lift) { l.By[1] = " " }), `found person " "`},
		{"no reason", change(func(l *Lift) { l.Reason = "" }), "reason of 0 bytes"},
		{"a reason without end", change(func(l *Lift) { l.Reason = strings.Repeat("x", 257) }), "reason of 257 bytes"},
		{"another group", change(func(l *Lift) { l.Group = "db" }), `group "db" is not decided upon here`},
		{"another rule", change(func(l *Lift) { l.Rule = "sound" }), "rule sound: it is not put aside"},
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
	if err := r.Lift(context.Background(), Lift{Group: "web", Rule: "half_done", By: [2]string{"ana", "ben"}, Reason: "x"}); err == nil {
		t.Error("a rule of another version was lifted")
	}
	if got := r.verdictOf(t, "half_done"); got != "refused" {
		t.Errorf("in another version the rule is %s, want it evaluated", got)
	}
}
