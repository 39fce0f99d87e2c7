package knowledge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// Step is the next thing that happens without a human: a stage of a rollout
// begins, or ends for good. It happens by being recorded ([Step.Entry]) and
// applied; then groups run what [Ledger.Runs] says.
type Step struct {
	Type     string // of its entry, such as activation.shadow
	Proposal string // digest of the change, or of the rollback or break-glass
	Bundle   string // what it is about
	Parent   string // what is live, and stays or comes back
	Seq      uint64 // of the activation that it belongs to
	Stage    string // of the rollout; "" where there is none
	Why      string
}

// Entry returns the entry that records the step. groups are those that run
// something else because of it, for people to read.
func (s Step) Entry(groups []string) audit.Entry {
	if groups == nil {
		groups = []string{}
	}
	return audit.Entry{Type: s.Type, Actor: "rollout", Corr: s.Proposal,
		Body: stepBody{s.Bundle, groups, s.Parent, s.Proposal, s.Seq, s.Stage, plain(s.Why)[0]}}
}

// Begins reports whether the step begins what the gate has to accept: a rollout,
// a standby that may be used, or a rollback.
func (s Step) Begins() bool {
	return s.Type == typeShadow || s.Type == typeStandby || s.Type == typeRolledback
}

// Further reports whether the step takes a rollout on to its next stage.
func (s Step) Further() bool { return s.Type == typeRing || s.Type == typeActivated }

// Back reports whether the step ends what groups run because of its bundle.
func (s Step) Back() bool { return s.Type == typeHalted || s.Type == typeClosed }

func (l *Ledger) step(typ string, c *change, stage, why string) Step {
	return Step{typ, c.digest, c.plan.Field("bundle"), l.live.Bundle, c.plan.Number("seq"), stage, why}
}

// Due returns what must happen now, if anything must. What returns an
// environment to where it was comes before what takes it further. After its
// entry was applied the caller asks again.
func (l *Ledger) Due(clock time.Time) (Step, bool) {
	now := l.now(clock)
	if l.env == "" {
		return Step{}, false
	}
	for _, due := range []func(time.Time) (Step, bool){l.dueBack, l.dueOrder, l.dueEnd, l.dueOn, l.dueBegin} {
		if s, ok := due(now); ok {
			return s, true
		}
	}
	return Step{}, false
}

// Halt returns the step that ends the rollout under way and returns to its
// parent, for a reason that the caller saw. It needs nobody's approval.
func (l *Ledger) Halt(why string) (Step, bool) {
	c := l.rollout()
	if c == nil {
		return Step{}, false
	}
	return l.step(typeHalted, c, c.stage, why), true
}

// dueBack ends a break-glass that is over, and a rollout that the gate would
// not let go on.
func (l *Ledger) dueBack(now time.Time) (Step, bool) {
	if why := l.glassOver(now); why != "" {
		return l.step(typeClosed, l.glass.standby, "", why), true
	}
	if c := l.rollout(); c != nil {
		if why := l.breaks(c, now); len(why) > 0 {
			return l.step(typeHalted, c, c.stage, strings.Join(why, "; ")), true
		}
	}
	return Step{}, false
}

// breaks says why a rollout under way must end. The gate is asked again, under
// the register in force, of the same papers: what it rests on must still stand.
// A freeze does not end it, but holds it where it is. A stop given since it
// began ends it: somebody saw something.
func (l *Ledger) breaks(c *change, now time.Time) []string {
	v := l.judge(c, c.plan.Field("trust"), false, now)
	why := []string{}
	if !v.Accepted {
		why = slices.Clone(v.Reasons)
	}
	if c.no != "" && !slices.Contains(why, c.no) { // whoever said it may have left since
		why = append(why, c.no)
	}
	for _, s := range l.stops {
		if s.ended.IsZero() && s.seq > c.entry {
			why = append(why, fmt.Sprintf("stopped by %s: %s", s.by, s.why))
		}
	}
	if l.glass != nil {
		why = append(why, "a standby bundle runs by break-glass")
	}
	return why
}

// holds says why a rollout under way does not come to its next stage now,
// besides its time.
func (l *Ledger) holds(c *change, now time.Time) []string {
	why := l.breaks(c, now)
	if policy, err := l.policy(); err == nil && c.plan.Field("kind") != "rollback" {
		for _, w := range policy.Freeze {
			if !now.Before(w.From) && !now.After(w.To) {
				why = append(why, fmt.Sprintf("frozen from %s to %s", formatTime(w.From), formatTime(w.To)))
			}
		}
	}
	return why
}

// dueOn takes a rollout to its next stage.
func (l *Ledger) dueOn(now time.Time) (Step, bool) {
	c := l.rollout()
	if c == nil || l.goesOn(c, now) != nil {
		return Step{}, false
	}
	_, next := c.next()
	typ := typeRing
	if next.Name == stageAll {
		typ = typeActivated
	}
	return l.step(typ, c, next.Name, "dwelt long enough"), true
}

// goesOn returns why a rollout may not come to its next stage, nil when it may.
func (l *Ledger) goesOn(c *change, now time.Time) error {
	stage, _ := c.next()
	if end := c.since.Add(stage.Dwell); now.Before(end) {
		return fmt.Errorf("it stays in stage %s until %s", c.stage, formatTime(end))
	}
	if why := l.holds(c, now); len(why) > 0 {
		return errors.New(strings.Join(why, "; "))
	}
	return nil
}

// dueEnd ends a change that cannot begin any more, or a standby that cannot be
// used any more.
func (l *Ledger) dueEnd(now time.Time) (Step, bool) {
	for _, c := range l.changes {
		if c.ended != "" {
			continue
		}
		if c.stage == stateStandby {
			if why := l.unfit(c, now); len(why) > 0 {
				return l.step(typeStale, c, "", strings.Join(why, "; ")), true
			}
			continue
		}
		if state, why := l.over(c, now); state != "" && c.open() {
			typ := typeStale
			if state == "expired" {
				typ = typeExpired
			}
			return l.step(typ, c, "", why), true
		}
	}
	return Step{}, false
}

// over returns the state in which a change that has not begun ends now, and why.
// An expired register ends none: it can be renewed, though that makes the
// change stale.
func (l *Ledger) over(c *change, now time.Time) (state, why string) {
	_, digest, err := l.register(now)
	switch need, end := c.dwell(), c.plan.Time("expires"); {
	case err == nil && c.plan.Field("trust") != digest:
		return "stale", "the people register was replaced: it needs to be proposed and approved again"
	case c.plan.Field("parent") != l.live.Bundle || c.plan.Number("seq") != l.live.Seq+1:
		return "stale", fmt.Sprintf("live is %s with sequence %d", l.live.Bundle, l.live.Seq)
	case now.After(end):
		return "expired", "expired at " + formatTime(end)
	case now.Add(need).After(end):
		return "expired", fmt.Sprintf("its rollout takes %v and would not be over at %s, when it expires", need, formatTime(end))
	}
	return "", ""
}

// dwell returns how long the rollout takes at least. A standby has none.
func (c *change) dwell() time.Duration {
	total := time.Duration(0)
	if c.plan.Field("kind") == "standby" {
		return total
	}
	for _, s := range c.plan.Rollout() {
		total += s.Dwell
	}
	return total
}

// dueBegin begins the rollout of a change that has its approvals, or makes it a
// standby, or notes that it waits for its time. Of two that may begin, the one
// proposed first does; the other waits, and is stale when that one is live.
func (l *Ledger) dueBegin(now time.Time) (Step, bool) {
	for _, c := range l.changes {
		if !c.open() {
			continue
		}
		standby := c.plan.Field("kind") == "standby"
		switch _, err := l.begins(c, now); {
		case err == nil && standby:
			return l.step(typeStandby, c, "", "approved"), true
		case err == nil:
			return l.step(typeShadow, c, stageShadow, "approved"), true
		case !c.scheduled && l.tell(c, now).State == stateScheduled:
			return l.step(typeScheduled, c, "", "approved, not before "+c.plan.Field("not-before")), true
		}
	}
	return Step{}, false
}

// begins returns the verdict by which a change may begin, or why it may not.
func (l *Ledger) begins(c *change, now time.Time) (Verdict, error) {
	_, digest, err := l.register(now)
	if err != nil {
		return Verdict{}, err
	}
	if state, why := l.over(c, now); state != "" {
		return Verdict{}, fmt.Errorf("%s: %s", state, why)
	}
	v := l.judge(c, digest, true, now)
	if !v.Accepted {
		return v, errors.New(strings.Join(v.Reasons, "; "))
	}
	if why := l.waits(c, now); len(why) > 0 {
		return v, errors.New(strings.Join(why, "; "))
	}
	return v, nil
}

// waits says what a change with all its approvals waits for.
func (l *Ledger) waits(c *change, now time.Time) []string {
	if c.plan.Field("kind") == "standby" {
		return nil
	}
	why := slices.Clone(l.stopped())
	if other := l.rollout(); other != nil {
		why = append(why, "the change "+other.digest+" is being rolled out")
	}
	if l.glass != nil {
		why = append(why, "a standby bundle runs by break-glass")
	}
	if len(l.orders) > 0 {
		why = append(why, "a rollback or break-glass comes first")
	}
	return why
}
