package actions

import (
	"context"
	"fmt"
	"time"
)

// idle is how often a group without open acts is read, only to know its size.
const idle = 10 * time.Second

// run advances the group's open acts until ctx ends.
func (gr *group) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-gr.wake:
		case <-timer.C:
		}
		gr.out.deliver(ctx, gr.guard.tell)
		timer.Reset(gr.step(ctx))
		gr.out.deliver(ctx, gr.guard.tell)
	}
}

// step does what is due and returns how long nothing else is.
func (gr *group) step(ctx context.Context) time.Duration {
	gr.mu.Lock()
	defer gr.unlock()
	if gr.catchUp(context.WithoutCancel(ctx)) != nil {
		return gr.sweep // a log that cannot be read: nothing moves
	}
	gr.adopt()
	inv, err := gr.observe(ctx)
	for _, l := range gr.ledger.open() {
		now := gr.guard.now()
		switch {
		case gr.ledger.acts[l.id] != l || gr.flight(l, now) > 0:
		case err != nil:
			gr.blind(ctx, l, now)
		default:
			gr.advance(ctx, l, inv, now)
		}
	}
	now := gr.guard.now()
	if err != nil {
		return max(time.Millisecond, min(gr.down.next.Sub(now), backoffLast))
	}
	gr.settled = gr.settled || !gr.unresolved()
	return gr.next(now)
}

// flight returns how long to wait until a call of l whose answer is unknown is
// certainly over: a late call of ours, or of a guard that died, must not fall
// behind its own read-back. A call from before the start is given its whole
// lease again, whatever the clock says.
func (gr *group) flight(l *life, now time.Time) time.Duration {
	if !l.flying {
		return 0
	}
	until := l.until
	if gr.before(l) {
		until = gr.started.Add(max(l.lease, gr.Limits.Lease))
	}
	return min(until.Sub(now)+gr.Limits.Skew, time.Minute+gr.Limits.Skew)
}

// before reports whether the act's last call is older than this guard.
func (gr *group) before(l *life) bool { return l.sent.Before(stamp(gr.started)) }

// unresolved reports whether a call from before the start is not settled.
func (gr *group) unresolved() bool {
	for _, l := range gr.ledger.acts {
		if l.flying && gr.before(l) {
			return true
		}
	}
	return false
}

// next returns when the group is to be looked at again.
func (gr *group) next(now time.Time) time.Duration {
	wait := idle
	for _, l := range gr.ledger.acts {
		due := gr.sweep
		switch l.phase {
		case sending, verifying:
			due = gr.Limits.Settle
		case undoing:
			due = max(gr.Limits.Settle, l.sent.Add(l.pause()).Sub(now))
		}
		wait = min(wait, max(due, gr.flight(l, now)))
	}
	return wait
}

// deadline returns when a phase that lasts d is over; time before the start
// does not count, nobody was looking.
func (gr *group) deadline(l *life, d time.Duration) time.Time {
	if l.since.Before(gr.started) {
		return gr.started.Add(d)
	}
	return l.since.Add(d)
}

// blind advances an act whose group cannot be read. Nothing changes but who is
// told: what had no proven effect in time is to be put back when the balancer
// answers, and a human owns it when it does not.
func (gr *group) blind(ctx context.Context, l *life, now time.Time) {
	silent := fmt.Sprintf("the balancer does not answer: %v", gr.down.err)
	switch l.phase {
	case sending:
		if !now.Before(gr.deadline(l, gr.Limits.Undo)) {
			gr.escalate(ctx, l, "not known to be applied: "+silent)
		}
	case verifying:
		switch {
		case now.Before(gr.deadline(l, gr.Limits.Verify)):
		case l.verb == Restore:
			gr.escalate(ctx, l, "not known to be back in service: "+silent)
		default:
			gr.miss(ctx, l, silent)
		}
	case undoing:
		if !now.Before(gr.deadline(l, gr.Limits.Undo)) {
			gr.escalate(ctx, l, "not put back: "+silent)
		}
	case holding:
		if !now.Before(l.held.Add(gr.Limits.Hold)) && !gr.Limits.Release {
			gr.escalate(ctx, l, fmt.Sprintf("held for %v, and %s", gr.Limits.Hold, silent))
		}
	}
}
