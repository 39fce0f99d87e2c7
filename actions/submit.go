package actions

import (
	"context"
	"errors"
	"fmt"
)

// submit judges and carries out one intent of the group.
func (gr *group) submit(ctx context.Context, id string, in Intent) (Outcome, error) {
	gr.mu.Lock()
	o, err := gr.decide(ctx, id, in)
	gr.unlock()
	gr.out.deliver(context.WithoutCancel(ctx), gr.guard.tell)
	return o, err
}

func (gr *group) decide(ctx context.Context, id string, in Intent) (Outcome, error) {
	if err := gr.catchUp(context.WithoutCancel(ctx)); err != nil {
		return Outcome{}, err
	}
	gr.adopt()
	if o, ok := gr.ledger.known[id]; ok {
		return o, nil
	}
	if r := gr.judgeIntent(ctx, in, gr.guard.now()); r.yes() {
		return gr.refuse(ctx, id, in, r)
	}
	if in.Verb == Notify {
		return gr.notify(ctx, id, in)
	}
	inv, err := gr.observe(ctx)
	if err != nil {
		return gr.refuse(ctx, id, in, refuse(limitUnreachable, "read back: %v", err))
	}
	m, r := gr.judgeSeen(in, inv)
	if r.yes() {
		return gr.refuse(ctx, id, in, r)
	}
	return gr.carryOut(ctx, id, in, inv, m)
}

// refuse records that a limit held the intent back. What a human must know of,
// a panic or a member that was tried often enough, is told once an incident.
func (gr *group) refuse(ctx context.Context, id string, in Intent, r refusal) (Outcome, error) {
	b := gr.guard.refusal(id, in, r)
	bodies := []any{b}
	h := gr.ledger.members[in.Member]
	if r.limit == limitAttempts && h != nil && !h.told ||
		r.limit == limitPanic && gr.guard.now().Sub(gr.ledger.panic) >= incidentMemory {
		bodies = []any{gr.outcome(id, in, Escalated, r.limit, r.detail), b}
	}
	if err := gr.record(ctx, in.actor(), id, bodies...); err != nil {
		return Outcome{}, err
	}
	return b.outcome(), nil
}

// notify records that a human is to be told; the outcome is the telling.
func (gr *group) notify(ctx context.Context, id string, in Intent) (Outcome, error) {
	if r := gr.judgeNotice(in, gr.guard.now()); r.yes() {
		return gr.refuse(ctx, id, in, r)
	}
	o := gr.outcome(id, in, Done, "", in.Reason)
	if err := gr.record(ctx, in.Rule, id, &intentBody{Act: id, Group: gr.Name, Intent: in, Member: in.Member}, o); err != nil {
		return Outcome{}, err
	}
	return *o, nil
}

// carryOut makes the intent durable, asks the limits that may have changed
// while it was written, calls the executor and records the answer.
func (gr *group) carryOut(ctx context.Context, id string, in Intent, inv Inventory, m Member) (Outcome, error) {
	out, _, _ := gr.after(inv, in.Member)
	act := gr.act(&life{id: id, intent: in}, in.Verb, m)
	act.Weight, _ = in.weight()
	if own := gr.ledger.owner(in.Member); in.Verb == Restore && own != nil {
		act = gr.back(own, m)
		act.ID = id
	}
	if in.Expires.Before(act.Deadline) {
		act.Deadline = stamp(in.Expires)
	}
	err := gr.record(ctx, in.Rule, id, &intentBody{Act: id, Group: gr.Name, Instance: inv.Instance, Intent: in, Member: in.Member,
		Out: out, PriorWeight: m.Weight, Size: len(inv.Members)}, sentOf(act, whyAct))
	if err != nil {
		return Outcome{}, err
	}
	gr.nudge()
	r := gr.unapproved(ctx, in)
	now := gr.guard.now()
	if !r.yes() {
		r = gr.fresh(in, now)
	}
	if !r.yes() {
		r = gr.stopped(in.Verb, in.Rule, now)
	}
	if !r.yes() && !now.Before(act.Deadline) {
		r = refuse(limitStale, "recording it took longer than its lease of %v", gr.Limits.Lease)
	}
	if r.yes() {
		return gr.refuse(ctx, id, in, r)
	}
	err = gr.call(ctx, gr.ledger.acts[id], act, inv.Instance)
	return gr.ledger.known[id], err
}

// act returns a call about l's member, which was seen as m.
func (gr *group) act(l *life, v Verb, m Member) Act {
	gr.seq++
	return Act{ID: l.id, Group: gr.Name, Member: l.intent.Member, Verb: v, Expect: m.Generation,
		Fence: Fence{gr.guard.epoch, gr.seq}, Deadline: stamp(gr.guard.now().Add(gr.Limits.Lease))}
}

// back returns the call that undoes l on its member, which was seen as m.
func (gr *group) back(l *life, m Member) Act {
	a := gr.act(l, Restore, m)
	if l.verb == Weight {
		a.Verb, a.Weight = Weight, l.prior
	}
	return a
}

func sentOf(a Act, w why) *sentBody {
	return &sentBody{Act: a.ID, Deadline: a.Deadline, Epoch: a.Fence.Epoch, Expect: a.Expect, Group: a.Group,
		Member: a.Member, Seq: a.Fence.Seq, Verb: a.Verb, Weight: a.Weight, Why: w}
}

// call makes a recorded call and records its answer. The call has its own
// deadline: whoever submitted may have gone. If the answer cannot be recorded
// the error says so, and the act is read back like one whose answer was lost.
func (gr *group) call(ctx context.Context, l *life, a Act, instance string) error {
	left := a.Deadline.Sub(gr.guard.now())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), left)
	err := gr.Executor.Apply(ctx, a)
	cancel()
	b := &resultBody{Act: l.id, Answer: answerApplied, Group: gr.Name, Instance: instance, Member: a.Member}
	bodies := []any{b}
	if err != nil {
		b.Detail, b.Instance = clip(err.Error(), maxText), ""
		b.Answer = answerUnknown
	}
	first := l.phase == sending && l.why == whyAct
	switch {
	case errors.Is(err, ErrDryRun):
		b.Answer = answerNotApplied
		bodies = append(bodies, gr.outcome(l.id, l.intent, DryRun, "", "would have been applied"))
	case errors.Is(err, ErrNotApplied):
		b.Answer = answerNotApplied
		if first {
			bodies = append(bodies, gr.outcome(l.id, l.intent, Failed, "", b.Detail))
		}
	}
	delete(gr.reads, l.id)
	if err := gr.record(ctx, actorGuard, l.id, bodies...); err != nil {
		return fmt.Errorf("%w: the %s of %s was sent: it will be read back", err, a.Verb, a.Member)
	}
	return nil
}

func (inv Inventory) member(name string) (Member, bool) {
	for _, m := range inv.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}
