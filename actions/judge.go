package actions

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// refusal is a limit that holds an act back, and why; the zero value lets it pass.
type refusal struct{ limit, detail string }

func (r refusal) yes() bool { return r.limit != "" }

func refuse(limit, format string, args ...any) refusal {
	return refusal{limit, fmt.Sprintf(format, args...)}
}

// judgeIntent applies the limits that need no look at the group.
func (gr *group) judgeIntent(ctx context.Context, in Intent, now time.Time) refusal {
	switch bad := in.check(); {
	case bad != "":
		return refusal{limitIntent, bad}
	case gr.guard.env != "" && in.Env != gr.guard.env:
		return refuse(limitIntent, "made for environment %.40q, this is %q", in.Env, gr.guard.env)
	case in.Expires.Sub(now) > maxLife:
		return refuse(limitIntent, "expires %s from now, want at most %v", in.Expires.Sub(now).Round(time.Second), maxLife)
	case !slices.Contains(gr.Limits.Verbs, in.Verb) && (in.Verb != Restore || !in.byOperator()):
		return refuse(limitVerb, "%s is not among the verbs of this group: %q", in.Verb, gr.Limits.Verbs)
	}
	if r := gr.fresh(in, now); r.yes() {
		return r
	}
	if in.Verb == Notify {
		return gr.unapproved(ctx, in)
	}
	if r := gr.stopped(in.Verb, in.Rule, now); r.yes() {
		return r
	}
	if r := gr.unapproved(ctx, in); r.yes() {
		return r
	}
	if !gr.settled {
		return refuse(limitRecovery, "acts open at the start are not settled yet: wait for the read-back")
	}
	if in.Verb.removes() {
		return gr.judgePace(in, now)
	}
	return refusal{}
}

// fresh holds back what rests on facts that are too old. It is asked again
// right before the executor is called.
func (gr *group) fresh(in Intent, now time.Time) refusal {
	if !now.Before(in.Expires) {
		return refuse(limitStale, "expired %v ago", now.Sub(in.Expires).Round(time.Millisecond))
	}
	if !in.Verb.removes() || in.byOperator() {
		return refusal{}
	}
	switch age := now.Sub(in.Seen.At); {
	case age > gr.Limits.Stale:
		return refuse(limitStale, "the newest fact is %v old, want at most %v", age.Round(time.Millisecond), gr.Limits.Stale)
	case age < -gr.Limits.Skew:
		return refuse(limitStale, "the newest fact is %v ahead of this clock, want at most %v", -age.Round(time.Millisecond), gr.Limits.Skew)
	}
	return refusal{}
}

// stopped asks the stop switch about what a rule wants. Putting back waits for a
// freeze only.
func (gr *group) stopped(v Verb, rule string, now time.Time) refusal {
	st, on := gr.guard.stop.over(gr.Name, rule, now)
	switch {
	case !on:
		return refusal{}
	case st.Freeze:
		return refuse(limitFreeze, "frozen by %s: %s", st.By, st.Reason)
	case !v.removes():
		return refusal{}
	case st.Scope == Everything:
		return refuse(limitStop, "stopped by %s: %s", st.By, st.Reason)
	}
	return refuse(limitStop, "%s is stopped by %s: %s", st.Scope, st.By, st.Reason)
}

// unapproved asks whether what an intent wants may be done now. What puts back
// needs nobody's leave.
func (gr *group) unapproved(ctx context.Context, in Intent) refusal {
	if gr.guard.verify == nil || in.Verb == Restore {
		return refusal{}
	}
	if err := gr.guard.verify(ctx, in, gr.Limits); err != nil {
		return refuse(limitUnapproved, "%v", err)
	}
	return refusal{}
}

// judgePace applies the limits on how soon and how often.
func (gr *group) judgePace(in Intent, now time.Time) refusal {
	if up := now.Sub(gr.started); up < gr.Limits.WarmUp {
		return refuse(limitWarmUp, "started %v ago, want %v", up.Round(time.Second), gr.Limits.WarmUp)
	}
	if in.Seen.Shift != "" && in.Seen.Shift != "none" {
		return refuse(limitPanic, "the whole group moved %s together", in.Seen.Shift)
	}
	if a := gr.ledger.owner(in.Member); a != nil {
		return refuse(limitHeld, "%s by %s is %s since %s", a.verb, a.intent.Rule, a.phase, stamp(a.since).Format(time.RFC3339))
	}
	h := gr.ledger.members[in.Member]
	if h == nil {
		h = &history{}
	}
	tried := h.attempts
	if now.Sub(h.last) >= incidentMemory {
		tried = 0
	}
	if tried >= gr.Limits.Attempts {
		return refuse(limitAttempts, "taken out %d times, limit %d, until it was left alone for %v", tried, gr.Limits.Attempts, incidentMemory)
	}
	if since := now.Sub(h.ended); since < gr.Limits.Cooldown {
		return refuse(limitCooldown, "the last act ended %v ago, want %v", since.Round(time.Second), gr.Limits.Cooldown)
	}
	return gr.judgeRate(now)
}

func (gr *group) judgeRate(now time.Time) refusal {
	for _, r := range []struct {
		limit int
		d     time.Duration
		name  string
	}{{gr.Limits.PerMinute, time.Minute, "minute"}, {gr.Limits.PerHour, time.Hour, "hour"}} {
		if n := gr.ledger.spentSince(now.Add(-r.d)); n >= r.limit {
			return refuse(limitRate, "%d acts in the last %s, limit %d", n, r.name, r.limit)
		}
	}
	return refusal{}
}

// judgeNotice applies the limit on how often a human is told the same.
func (gr *group) judgeNotice(in Intent, now time.Time) refusal {
	at, told := gr.ledger.noted[in.Rule+"\x00"+in.Member]
	if since := now.Sub(at); told && since < gr.Limits.Cooldown {
		return refuse(limitCooldown, "told %v ago, want %v", since.Round(time.Second), gr.Limits.Cooldown)
	}
	return refusal{}
}

// judgeSeen applies the limits that look at the group, and returns the member
// as it is seen.
func (gr *group) judgeSeen(in Intent, inv Inventory) (Member, refusal) {
	m, ok := inv.member(in.Member)
	if !ok {
		return m, refuse(limitTarget, "no member %.40q among the %d of the group", in.Member, len(inv.Members))
	}
	r := gr.judgeMember(in, m)
	if !r.yes() && in.Verb.removes() {
		r = gr.judgeGroup(inv, in.Member, in.Seen.Alarmed)
	}
	return m, r
}

// judgeGroup applies the limits on the group as it would be after the member
// is taken out. alarmed is how many members the detectors call sick.
func (gr *group) judgeGroup(inv Inventory, member string, alarmed int) refusal {
	size, l := len(inv.Members), gr.Limits
	peak := size
	for _, s := range gr.sizes {
		peak = max(peak, s.size)
	}
	if size*100 < peak*(100-l.MembershipDrop) {
		return refuse(limitDrop, "%d members, %d within the last %v: shrank by more than %d%%", size, peak, membershipMemory, l.MembershipDrop)
	}
	out, healthy, down := gr.after(inv, member)
	if sick := max(alarmed, down); sick >= 2 && sick*100 >= l.Panic*size {
		return refuse(limitPanic, "%d of %d members look sick, limit %d%%: a shared cause, or the observer", sick, size, l.Panic)
	}
	room := size * l.MaxOut / 100
	if room == 0 && l.AllowOne {
		room = 1
	}
	if out > room {
		return refuse(limitCap, "%d of %d members would be out, limit %d (%d%%)", out, size, room, l.MaxOut)
	}
	if healthy < l.MinHealthy {
		return refuse(limitHealthy, "%d members would be left in service, want %d", healthy, l.MinHealthy)
	}
	return refusal{}
}

// after counts the group as it is when member is out too: out by anyone's hand
// or by an act of ours, whatever its phase; healthy; and down by the balancer's
// own checks.
func (gr *group) after(inv Inventory, member string) (out, healthy, down int) {
	for _, m := range inv.Members {
		if !m.Up && m.Standing == InService {
			down++
		}
		if m.Name == member || m.Standing != InService || !m.Up || m.Weight == 0 || gr.ledger.owner(m.Name) != nil {
			out++
		} else {
			healthy++
		}
	}
	return out, healthy, down
}

// judgeMember applies the limits on the member as it is seen.
func (gr *group) judgeMember(in Intent, m Member) refusal {
	if in.Verb.removes() {
		w, _ := in.weight()
		switch {
		case m.Standing != InService:
			return refuse(limitStanding, "the member is in standing %s by another hand, want %s", m.Standing, InService)
		case in.Verb == Weight && w == m.Weight:
			return refuse(limitStanding, "the weight is %d already", w)
		}
		return refusal{}
	}
	own := gr.ledger.owner(m.Name)
	switch {
	case gr.ledger.restoring(m.Name) != nil:
		return refuse(limitBusy, "the member is being put back already")
	case own != nil && (own.phase == sending || own.phase == undoing):
		return refuse(limitBusy, "the %s by %s is %s: wait for its read-back", own.verb, own.intent.Rule, own.phase)
	case in.byOperator():
		return refusal{}
	case own == nil:
		return refuse(limitOwner, "no act of ours took it out")
	case own.phase == escalated:
		return refuse(limitOwner, "a human owns it since %s", stamp(own.since).Format(time.RFC3339))
	case !own.shows(m) && !own.undone(m):
		return refuse(limitOwner, "the member is in standing %s by another hand", m.Standing)
	}
	return refusal{}
}
