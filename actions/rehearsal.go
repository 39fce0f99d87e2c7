package actions

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Rehearsal plays the guard of one group: it judges intents by the very limits
// that [Guard.Submit] judges by, and remembers what it let through, but has no
// log, machine or clock. It answers what would have been let through.
//
// Every act that is let through succeeds at once. One that has been held for as
// long as the limits allow counts as put back, whoever would have done so. The
// stop switch is off, every act has leave, and the guard has been running for longer than its
// warm-up. The same calls give the same answers. One goroutine at a time may use
// it.
type Rehearsal struct {
	gr    *group
	now   time.Time
	acts  int
	ready bool // a first reading of the clock was given
}

// NewRehearsal returns the rehearsal of a group's guard in which nothing
// happened yet. An error means that the limits are not valid.
func NewRehearsal(group string, l Limits) (*Rehearsal, error) {
	if err := l.Check(); err != nil {
		return nil, fmt.Errorf("actions: rehearse group %.40q: %w", group, err)
	}
	r := &Rehearsal{}
	r.gr = newRehearsed(group, l, func() time.Time { return r.now })
	return r, nil
}

func newRehearsed(name string, l Limits, now func() time.Time) *group {
	return &group{Group: Group{Name: name, Limits: l}, guard: &Guard{now: now, stop: newStopSwitch("")}, ledger: newLedger(), settled: true}
}

// Observe tells the time, and how many members the group has now, as
// the guard reads them every few seconds. The clock never goes back: a reading
// before an earlier one counts as that.
func (r *Rehearsal) Observe(now time.Time, members int) {
	r.advance(now)
	r.gr.saw(r.now, members)
}

// Submit judges an intent at a reading of the clock. seen returns the members as
// they would be without any act of the rehearsal, and is asked only when the
// limits on the intent alone let it pass.
//
// The outcome is Refused, with the limit, or Done. Each intent is a new one: it
// is not compared with those before it.
func (r *Rehearsal) Submit(now time.Time, in Intent, seen func() []Member) Outcome {
	r.advance(now)
	r.acts++
	id := fmt.Sprint("rehearsed ", r.acts)
	no := r.gr.judgeIntent(context.Background(), in, r.now) // nobody is asked for leave
	var prior int
	switch {
	case no.yes():
	case in.Verb == Notify:
		no = r.gr.judgeNotice(in, r.now)
	default:
		inv := r.inventory(seen())
		r.gr.saw(r.now, len(inv.Members))
		var m Member
		m, no = r.gr.judgeSeen(in, inv)
		prior = m.Weight
	}
	if no.yes() {
		return r.gr.guard.refusal(id, in, no).outcome()
	}
	return r.succeed(id, in, prior)
}

// succeed folds the whole life of an act, as the log would tell it.
func (r *Rehearsal) succeed(id string, in Intent, prior int) Outcome {
	gr, l := r.gr, r.gr.ledger
	own := l.owner(in.Member)
	done := gr.outcome(id, in, Done, "", "")
	l.add(r.now, &intentBody{Act: id, Group: gr.Name, Intent: in, Member: in.Member, PriorWeight: prior})
	l.add(r.now, &resultBody{Act: id, Answer: answerApplied, Group: gr.Name, Member: in.Member})
	l.add(r.now, done)
	if in.Verb == Restore && own != nil {
		l.add(r.now, gr.outcome(own.id, own.intent, Released, "", ""))
	}
	return *done
}

// advance sets the clock and ends the holds that are over.
func (r *Rehearsal) advance(now time.Time) {
	if !r.ready {
		r.ready = true
		r.now, r.gr.started = now, now.Add(-r.gr.Limits.WarmUp)
	}
	if now.After(r.now) {
		r.now = now
	}
	for _, a := range r.gr.ledger.open() {
		if end := a.held.Add(r.gr.Limits.Hold); !r.now.Before(end) {
			r.release(end, a)
		}
	}
}

func (r *Rehearsal) release(at time.Time, a *life) {
	r.gr.ledger.add(at, r.gr.outcome(a.id, a.intent, Released, "", ""))
}

// inventory returns the members as they are with the acts of the rehearsal. An
// act whose member is gone is over.
func (r *Rehearsal) inventory(members []Member) Inventory {
	inv := Inventory{Group: r.gr.Name, Members: slices.Clone(members)}
	for _, a := range r.gr.ledger.open() {
		i := slices.IndexFunc(inv.Members, func(m Member) bool { return m.Name == a.intent.Member })
		if i < 0 {
			r.release(r.now, a)
			continue
		}
		switch m := &inv.Members[i]; a.verb {
		case Drain:
			m.Standing = Drained
		case Maint:
			m.Standing = InMaintenance
		case Weight:
			m.Weight = a.weight
		}
	}
	return inv
}
