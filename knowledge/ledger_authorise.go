package knowledge

import (
	"strings"
	"time"
)

// Authorise answers the actuator: may an act that the pack's rule asks for be
// done in the group now? Every signature and approval was judged when the log's
// entries were applied, as of their time; what can have changed since is judged
// here: what runs, how far its rollout has come, who is still enrolled, what
// stands stopped, what is in doubt.
//
// The live bundle goes on under a register that has expired or was replaced: its
// approvals are judged as of its activation. Nothing new starts then.
//
// rule is the name of the rule. Cost: a few microseconds.
func (l *Ledger) Authorise(pack *Pack, group, rule string, clock time.Time) Verdict {
	now := l.now(clock)
	v := l.carries(pack, group, now)
	var w complaints
	for _, scope := range []string{"all", "group/" + group, "rule/" + rule} {
		if s := l.stands(scope); s != nil {
			w.want(false, "%s is stopped by %s: %s", scope, s.by, s.why)
		}
	}
	if end := l.live.Observe; l.glass == nil && pack.Digest == l.live.Bundle && !end.IsZero() && !now.Before(end) {
		w.want(false, "only observing since %s: %s", formatTime(end), l.live.Tainted)
	}
	if d := l.owed; d != nil && !now.Before(d.by) {
		w.want(false, "only observing since %s: nobody else has reviewed the break-glass by %s", formatTime(d.by), strings.Join(d.openers, ", "))
	}
	v.Reasons = append(v.Reasons, w...)
	v.Accepted = len(v.Reasons) == 0
	return v
}

// carries answers which approval an act by the pack in the group rests on, with
// the reasons for which it rests on none.
func (l *Ledger) carries(pack *Pack, group string, now time.Time) Verdict {
	v := Verdict{Approvers: []string{}, Reasons: []string{}}
	runs := l.Runs(group, pack)
	if pack.Digest != runs || runs == none {
		v.Reasons = []string{"group " + group + " runs the bundle " + runs + ", the act is by " + pack.Digest}
		return v
	}
	c := l.carrier
	switch r := l.rollout(); {
	case l.glass != nil:
		c = l.glass.standby
		if why := l.glassOver(now); why != "" {
			v.Reasons = append(v.Reasons, "the break-glass is over: "+why)
		}
	case r != nil && r.plan.Field("bundle") == runs && runs != l.live.Bundle:
		c = r
		if why := l.breaks(c, now); len(why) > 0 {
			v.Reasons = append(v.Reasons, "its rollout is over: "+strings.Join(why, "; "))
		}
	}
	v.Proposal = l.live.Proposal
	if c != nil {
		v.Approvers, v.Plan = c.approvers, c.plan
		if c != l.carrier {
			v.Proposal = c.digest
		}
	}
	return v
}
