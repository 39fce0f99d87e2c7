package knowledge

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// maxBreakglass is the longest time that one person may have a standby run.
	maxBreakglass = time.Hour
	// afterReview is how soon somebody else must have looked at what was done
	// by break-glass; until they do, nothing more is done by rules.
	afterReview = 72 * time.Hour
)

// order is what one person may have done at once: a rollback or break-glass
// that was taken in and is to be carried out by the next step.
type order struct {
	receipt
	s  Statement
	of *change // that it names

	done  time.Time // it was carried out; zero: it was not
	live  Live      // what was live then
	under int       // versions of the register that there were then
}

// glass is a break-glass that is open.
type glass struct {
	standby      *change
	since, until time.Time
}

// duty is a review that is owed after break-glass by somebody other than those
// who did it.
type duty struct {
	since   time.Time // of the last break-glass
	by      time.Time // when it is due, since the first
	openers []string
}

// admitOrder judges a rollback or break-glass as if it were carried out now.
func (l *Ledger) admitOrder(s Statement, r receipt, now time.Time) (func(time.Time), error) {
	c := l.change(s.Field("proposal"))
	o := &order{receipt: r, s: s, of: c}
	switch {
	case c == nil:
		return nil, fmt.Errorf("the proposal %s is not known here", s.Field("proposal"))
	case len(c.orders) == maxOrders:
		return nil, fmt.Errorf("%d rollbacks and break-glasses name this proposal already", maxOrders)
	case len(l.orders) > 0:
		return nil, errors.New("another rollback or break-glass is about to be carried out")
	}
	r.Name = string(s.Kind) + "-" + s.Field("person") + ".txt"
	if why := l.forbids(o, now); why != "" {
		return nil, errors.New(why)
	}
	return func(at time.Time) {
		r.at = at
		o.receipt = r
		c.orders = append(c.orders, r)
		l.orders = append(l.orders, o)
	}, nil
}

// forbids says why an order is not to be carried out, "" when it is.
func (l *Ledger) forbids(o *order, now time.Time) string {
	if o.s.Kind == Breakglass {
		return strings.Join(l.forbidsGlass(o, now), "; ")
	}
	if v := l.judgeRollback(o, now); !v.Accepted {
		return strings.Join(v.Reasons, "; ")
	}
	switch {
	case l.before != nil:
		return l.taint(l.before)
	case len(l.thefts) > 0:
		return "a key was stolen, and the approvals of the parent are not known any more"
	}
	return ""
}

// judgeRollback puts a rollback to the gate, with the papers of what it undoes.
func (l *Ledger) judgeRollback(o *order, now time.Time) Verdict {
	if l.carrier != o.of {
		return refuse(fmt.Errorf("the proposal %s did not make live what is live", o.of.digest))
	}
	return l.chain.judge(l.asOrdered(o, now))
}

// asOrdered is what the gate is asked of a rollback: as things stand, or as they
// stood when it was carried out.
func (l *Ledger) asOrdered(o *order, now time.Time) Question {
	live, under := l.live, len(l.registers)
	if !o.done.IsZero() {
		live, under, now = o.live, o.under, o.done
	}
	return Question{Trust: l.trust, Env: l.env, Registers: l.registers[:under],
		Statements: append(l.texts(o.of.papers[:o.of.said]), l.believed(o.SignedText, o.at)),
		Bundle:     o.s.Field("bundle"), Active: live.Bundle, Seq: live.Seq, Since: live.Since, Now: now}
}

// rollback returns the rollback with the digest, if it is to be carried out or
// made live what is live.
func (l *Ledger) rollback(digest string) *order {
	for _, o := range append([]*order{l.undo}, l.orders...) {
		if o != nil && o.s.Kind == Rollback && o.digest == digest {
			return o
		}
	}
	return nil
}

// forbidsGlass says why a break-glass is not to be carried out: it must name a
// standby that two people approved, under a register that still holds, and what
// is live. A freeze and a stop hold it like anything that starts something.
func (l *Ledger) forbidsGlass(o *order, now time.Time) []string {
	c := o.of
	if c.stage != stateStandby || c.ended != "" {
		return []string{fmt.Sprintf("the proposal %s is no standby that was approved", c.digest)}
	}
	_, digest, _ := l.register(now)
	w := complaints(l.unfit(c, now))
	(&gate{Question: Question{Env: l.env, Bundle: c.plan.Field("bundle"), Active: l.live.Bundle, Seq: l.live.Seq}, digest: digest}).
		fits(&w, paper{o.s, o.digest})
	life, made := o.s.Span("life"), o.s.Time("time")
	w.want(life > 0 && life <= maxBreakglass, "break-glass for %v, want at most %v", life, maxBreakglass)
	w.want(!made.Add(maxBreakglass).Before(now), "break-glass was signed at %s, want within %v", formatTime(made), maxBreakglass)
	w.want(l.glass == nil, "a standby bundle runs by break-glass already")
	policy, err := l.policy()
	w.want(err == nil, "%v", err)
	for _, f := range policy.Freeze {
		w.want(now.Before(f.From) || now.After(f.To), "frozen from %s to %s", formatTime(f.From), formatTime(f.To))
	}
	return append(w, l.stopped()...)
}

// unfit says why a standby cannot be used any more.
func (l *Ledger) unfit(c *change, now time.Time) []string {
	var w complaints
	_, digest, err := l.register(now)
	w.want(err == nil, "%v", err)
	w.want(c.plan.Field("trust") == digest, "the people register was replaced since the standby was approved")
	if why := l.taint(c); why != "" {
		w = append(w, why)
	}
	return w
}

// glassOver says why the break-glass that is open ends now, "" when none does.
func (l *Ledger) glassOver(now time.Time) string {
	switch g := l.glass; {
	case g == nil:
		return ""
	case !now.Before(g.until):
		return "its time was over at " + formatTime(g.until)
	case g.standby.ended != "":
		return g.standby.why
	default:
		return strings.Join(l.unfit(g.standby, now), "; ")
	}
}

// dueOrder carries out a rollback or break-glass, or drops one that may not be
// carried out any more.
func (l *Ledger) dueOrder(now time.Time) (Step, bool) {
	if len(l.orders) == 0 {
		return Step{}, false
	}
	o := l.orders[0]
	s := Step{Proposal: o.digest, Bundle: o.s.Field("bundle"), Parent: l.live.Bundle, Seq: o.s.Number("seq"),
		Why: o.s.Field("person") + ": " + o.s.Field("why")}
	switch why := l.forbids(o, now); {
	case why != "":
		s.Type, s.Why = typeExpired, why
	case o.s.Kind == Breakglass:
		s.Type = typeOpened
	default:
		s.Type, s.Stage = typeRolledback, stageAll
	}
	return s, true
}
