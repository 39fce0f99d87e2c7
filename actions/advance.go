package actions

import (
	"context"
	"fmt"
	"time"
)

// shows reports whether the member is as the act wants it.
func (a *life) shows(m Member) bool {
	switch a.verb {
	case Drain:
		return m.Standing == Drained
	case Maint:
		return m.Standing == InMaintenance
	case Weight:
		return m.Standing == InService && m.Weight == a.weight
	default:
		return m.Standing == InService
	}
}

// undone reports whether the member is as it was before the act.
func (a *life) undone(m Member) bool {
	return m.Standing == InService && (a.verb != Weight || m.Weight == a.prior)
}

// idles reports whether a member in the state the act wants gets no work.
func (a *life) idles() bool {
	return a.verb == Drain || a.verb == Maint || a.verb == Weight && a.weight == 0
}

// advance takes one open act a step further, given its group as read back.
// Errors are the log's: the act stays where it is and is looked at again.
func (gr *group) advance(ctx context.Context, l *life, inv Inventory, now time.Time) {
	if l.verb.removes() && gr.ledger.restoring(l.intent.Member) != nil {
		return // the restore decides
	}
	m, ok := inv.member(l.intent.Member)
	if !ok {
		gr.end(ctx, l, Released, "the member is no longer in the group")
		return
	}
	switch l.phase {
	case sending:
		gr.resolve(ctx, l, inv, m)
	case verifying:
		gr.verify(ctx, l, inv, m, now)
	case holding:
		gr.reconcile(ctx, l, inv, m, now)
	case undoing:
		gr.undo(ctx, l, inv, m, now)
	case escalated:
		if l.undone(m) {
			gr.end(ctx, l, Released, "back in service by another hand")
		}
	}
}

// resolve settles a call whose answer was lost, by what is seen.
func (gr *group) resolve(ctx context.Context, l *life, inv Inventory, m Member) {
	switch {
	case l.shows(m) && !(l.verb == Restore && gr.weighted(l, m)):
		_ = gr.record(ctx, actorGuard, l.id, &resultBody{Act: l.id, Answer: answerSeen, Detail: "read back after the deadline",
			Group: gr.Name, Instance: inv.Instance, Member: m.Name})
	case l.why == whyReapply:
		_ = gr.record(ctx, actorGuard, l.id, &resultBody{Act: l.id, Answer: answerNotApplied, Detail: "read back after the deadline",
			Group: gr.Name, Member: m.Name})
	default:
		gr.end(ctx, l, Failed, "no effect: read back after the deadline")
	}
}

// weighted reports whether the restore l is to give a weight back and has not.
func (gr *group) weighted(l *life, m Member) bool {
	own := gr.ledger.owner(l.intent.Member)
	return own != nil && own.verb == Weight && m.Weight != own.prior
}

// verify looks for the effect: the standing read back and, for a member taken
// out, no work assigned between two readings.
func (gr *group) verify(ctx context.Context, l *life, inv Inventory, m Member, now time.Time) {
	switch effective, why := gr.effective(l, m, now); {
	case effective && l.verb == Restore:
		gr.restored(ctx, l, m)
	case effective:
		detail := fmt.Sprintf("read back: %s", m.Standing)
		if l.why == whyReapply {
			detail = "applied again after the balancer restarted; " + detail
		}
		gr.tell(ctx, l, gr.outcome(l.id, l.intent, Done, "", detail))
	case l.verb.removes() && inv.Instance != l.instance && l.undone(m):
		gr.reapply(ctx, l, inv, m, now)
	case now.Before(gr.deadline(l, gr.Limits.Verify)):
	case l.verb == Restore:
		gr.escalate(ctx, l, fmt.Sprintf("not back in service within %v: %s", gr.Limits.Verify, why))
	default:
		gr.miss(ctx, l, why)
	}
}

func (gr *group) effective(l *life, m Member, now time.Time) (bool, string) {
	if !l.shows(m) || l.verb == Restore && gr.weighted(l, m) {
		delete(gr.reads, l.id)
		return false, fmt.Sprintf("standing %s, weight %d", m.Standing, m.Weight)
	}
	if !l.idles() {
		return true, ""
	}
	r, ok := gr.reads[l.id]
	if !ok || r.assigned != m.Assigned {
		gr.reads[l.id] = reading{now, m.Assigned}
	}
	return ok && r.assigned == m.Assigned && now.Sub(r.at) >= gr.Limits.Settle,
		fmt.Sprintf("standing %s, but %d requests assigned and growing", m.Standing, m.Assigned)
}

// restored ends a restore and the act it undid, in one record.
func (gr *group) restored(ctx context.Context, l *life, m Member) {
	bodies := []any{gr.outcome(l.id, l.intent, Done, "", fmt.Sprintf("read back: %s", m.Standing))}
	if own := gr.ledger.owner(l.intent.Member); own != nil {
		bodies = append(bodies, gr.outcome(own.id, own.intent, Released, "", "put back by "+l.intent.Rule))
	}
	gr.tell(ctx, l, bodies...)
}

// miss turns an act without effect into its undoing.
func (gr *group) miss(ctx context.Context, l *life, detail string) {
	_ = gr.record(ctx, actorGuard, l.id, &resultBody{Act: l.id, Answer: answerMissed, Group: gr.Name, Member: l.intent.Member,
		Detail: clip(fmt.Sprintf("no effect within %v: %s", gr.Limits.Verify, detail), maxText)})
}

// reconcile compares what is held with what is seen. A hold that another hand
// ended is let go; one that the balancer forgot is put back, if the limits
// allow it; one that lasted long enough ends.
func (gr *group) reconcile(ctx context.Context, l *life, inv Inventory, m Member, now time.Time) {
	over := !now.Before(l.held.Add(gr.Limits.Hold))
	switch {
	case l.undone(m) && over:
		gr.end(ctx, l, Released, fmt.Sprintf("held for %v, and in service", gr.Limits.Hold))
	case l.shows(m) && over:
		if gr.Limits.Release {
			gr.putBack(ctx, l, inv, m, whyRelease)
		} else {
			gr.escalate(ctx, l, fmt.Sprintf("held for %v: put it back, or keep it out by your own hand", gr.Limits.Hold))
		}
	case l.shows(m):
		if inv.Instance != l.instance {
			_ = gr.record(ctx, actorGuard, l.id, &resultBody{Act: l.id, Answer: answerSeen, Detail: "the hold outlived a restart of the balancer",
				Group: gr.Name, Instance: inv.Instance, Member: m.Name})
		}
	case l.undone(m) && inv.Instance != l.instance:
		gr.reapply(ctx, l, inv, m, now)
	default:
		gr.end(ctx, l, Released, fmt.Sprintf("by another hand: standing %s, weight %d", m.Standing, m.Weight))
	}
}

// reapply puts a hold back that a restarted balancer forgot, through the limits
// of the moment. What holds it back is recorded when it changes; the hold waits.
func (gr *group) reapply(ctx context.Context, l *life, inv Inventory, m Member, now time.Time) {
	r := gr.stopped(l.verb, l.intent.Rule, now)
	if !r.yes() {
		r = gr.unapproved(ctx, l.intent)
	}
	if !r.yes() {
		r = gr.judgeRate(now)
	}
	if !r.yes() {
		r = gr.judgeGroup(inv, m.Name, 0)
	}
	if r.yes() {
		gr.holdBack(ctx, l, whyReapply, r)
		return
	}
	a := gr.act(l, l.verb, m)
	a.Weight = l.weight
	gr.send(ctx, l, a, whyReapply, inv)
}

// undo puts the member back unless it is back, or another hand has it.
func (gr *group) undo(ctx context.Context, l *life, inv Inventory, m Member, now time.Time) {
	switch {
	case l.undone(m) && l.why == whyRelease:
		gr.end(ctx, l, Released, fmt.Sprintf("held for %v", gr.Limits.Hold))
	case l.undone(m):
		detail := fmt.Sprintf("no effect within %v", gr.Limits.Verify)
		gr.tell(ctx, l, gr.outcome(l.id, l.intent, Undone, "", detail+": put back"),
			gr.outcome(l.id, l.intent, Escalated, "", detail+" and put back: look at the member and its balancer"))
	case !l.shows(m):
		gr.end(ctx, l, Released, fmt.Sprintf("by another hand: standing %s, weight %d", m.Standing, m.Weight))
	case !now.Before(gr.deadline(l, gr.Limits.Undo)):
		gr.escalate(ctx, l, fmt.Sprintf("not put back within %v: standing %s", gr.Limits.Undo, m.Standing))
	default:
		gr.putBack(ctx, l, inv, m, l.why)
	}
}

// putBack undoes l, again after a growing pause while it does not succeed. Only
// a freeze holds it back.
func (gr *group) putBack(ctx context.Context, l *life, inv Inventory, m Member, w why) {
	now := gr.guard.now()
	if r := gr.stopped(Restore, l.intent.Rule, now); r.yes() {
		gr.holdBack(ctx, l, w, r)
		return
	}
	if l.phase == undoing && now.Before(l.sent.Add(l.pause())) {
		return
	}
	gr.send(ctx, l, gr.back(l, m), w, inv)
}

// send records a call that the guard makes by itself, and makes it unless the
// recording took too long, or it takes capacity and may not be made any more.
func (gr *group) send(ctx context.Context, l *life, a Act, w why, inv Inventory) {
	if gr.record(ctx, actorGuard, l.id, sentOf(a, w)) != nil {
		return
	}
	var r refusal
	if w == whyReapply {
		if r = gr.unapproved(ctx, l.intent); !r.yes() {
			r = gr.stopped(a.Verb, l.intent.Rule, gr.guard.now())
		}
	}
	if !r.yes() && !gr.guard.now().Before(a.Deadline) {
		r = refuse(limitStale, "recorded too late")
	}
	if r.yes() {
		_ = gr.record(ctx, actorGuard, l.id, &resultBody{Act: l.id, Answer: answerNotApplied, Detail: clip(r.detail, maxText),
			Group: gr.Name, Member: a.Member})
		return
	}
	_ = gr.call(ctx, l, a, inv.Instance)
}

// holdBack records that a limit keeps the guard from what it owes an act, when
// the limit is another than before.
func (gr *group) holdBack(ctx context.Context, l *life, w why, r refusal) {
	if r.limit == l.limit {
		return
	}
	b := gr.guard.refusal(l.id, l.intent, r)
	b.Why = w
	_ = gr.record(ctx, actorGuard, l.id, b)
}

// end closes an act.
func (gr *group) end(ctx context.Context, l *life, r Result, detail string) {
	gr.tell(ctx, l, gr.outcome(l.id, l.intent, r, "", detail))
}

// escalate hands an act to a human.
func (gr *group) escalate(ctx context.Context, l *life, detail string) {
	gr.tell(ctx, l, gr.outcome(l.id, l.intent, Escalated, "", detail))
}

// tell records outcomes of an act.
func (gr *group) tell(ctx context.Context, l *life, outcomes ...any) {
	if gr.record(ctx, actorGuard, l.id, outcomes...) == nil {
		delete(gr.reads, l.id)
	}
}
