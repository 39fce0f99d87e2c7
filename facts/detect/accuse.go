package detect

import (
	"slices"

	"github.com/evenkeel/evenkeel/facts"
)

// A cohort is out of balance as one when its median is unlike that of the other
// cohorts, by the statistic, the law and the threshold of the members' test; or
// when half of its members alarm, at least two. Then the cohort is told and not
// its members: what they have in common is no fault of each, and no capacity
// may be taken from all of them for it. That includes a member that is unlike
// its own cohort at the time, since a common cause does not hit all alike.
//
// With two cohorts that have names nothing tells which of them moved, and the
// alarm is the group's; the one with a name stands for itself beside those of
// no cohort. Of three only the one that is furthest off is told: the others are
// held up to it.

// tally is what speaks against a cohort.
type tally struct {
	judged bool    // its median is, at this tick
	over   bool    // the cohort is out of balance at this tick
	by     int     // the test that shows it
	seen   *member // at which it was seen last: a median, or one of its members
	as     string  // the name of the latter
	size   int     // its members that are scored, and those that left while alarmed
	out    int     // of them, those whose alarm stands, and those that left
	worst  *member // whose alarm stands, with the largest score; nil: nobody's
}

// addCohorts adds this tick's medians to the test of the peers. A calibration
// of recordings has no peaks of cohorts, nor does T2 count them: there they are
// told only when their members alarm.
func (d *Detector) addCohorts() {
	for _, c := range d.group.cohorts {
		c.judged = c.scored && d.learns() && !d.cfg.Pool
		if !c.judged {
			c.restarted = true
			c.away()
			continue
		}
		if c.restarted {
			c.restart()
			c.restarted = false
		}
		d.judge.addBeside(c.track, c.z)
	}
}

// accuse judges the cohorts, after their members, and appends the facts about
// them. Cost: O(cohorts), and while an alarm stands O(n).
func (d *Detector) accuse(out []facts.Fact) []facts.Fact {
	g := d.group
	if len(g.cohorts) == 1 {
		return out
	}
	for _, c := range g.cohorts {
		c.over = false
	}
	if len(d.judge.tracks) > 2 {
		d.accuseMedians()
		d.accuseTogether()
	}
	for _, c := range g.cohorts {
		out = d.tellCohort(out, c)
	}
	return out
}

// accuseMedians finds the cohorts whose median is unlike the others'.
func (d *Detector) accuseMedians() {
	g := d.group
	judged, worst := 0, g.cohorts[0]
	for _, c := range g.cohorts {
		if c.judged {
			judged++
			if !worst.judged || c.u > worst.u {
				worst = c
			}
		}
	}
	for _, c := range g.cohorts {
		if c.judged && (judged > 3 || c == worst) && d.over(peerTest, &c.member, "") {
			b := g.blamed(c, judged)
			b.over, b.by, b.seen, b.as = true, peerTest, &c.member, ""
		}
	}
}

// blamed returns the cohort that the alarm of the median of c is about.
func (g *group) blamed(c *cohort, judged int) *cohort {
	if judged != 2 {
		return c
	}
	rest := g.cohorts[0]
	if !rest.judged { // both have a name
		return rest
	}
	for _, other := range g.cohorts[1:] {
		if other.judged {
			return other
		}
	}
	return c
}

// accuseTogether finds the cohorts of which half of the members alarm.
func (d *Detector) accuseTogether() {
	g := d.group
	for _, c := range g.cohorts {
		c.size, c.out, c.worst = 0, 0, nil
	}
	if !slices.ContainsFunc(g.members, func(m *member) bool { return m.alarm.standing }) {
		return
	}
	for _, i := range g.byName {
		m := g.members[i]
		c := g.named(m.name)
		if m.scored || m.alarm.gone {
			c.size++
		}
		if m.alarm.standing || m.alarm.gone {
			c.out++
		}
		if m.alarm.standing && (c.worst == nil || m.u > c.worst.u) {
			c.worst = m
		}
	}
	for _, c := range g.cohorts[1:] {
		if !c.over && c.worst != nil && c.out > 1 && 2*c.out >= c.size {
			c.over, c.by, c.seen, c.as = true, c.worst.alarm.test, c.worst, c.worst.name
		}
	}
}

// tellCohort takes this tick's verdict on a cohort in.
func (d *Detector) tellCohort(out []facts.Fact, c *cohort) []facts.Fact {
	var change change
	switch {
	case c.over:
		change = c.alarm.judge(true, c.by, d.order.last, d.shows(c.by, c.seen))
	case !c.alarm.standing:
		return out
	case !c.seen.scored || len(d.judge.tracks) == 2:
		change = c.alarm.leave()
	default:
		change = c.alarm.judge(false, c.by, d.order.last, 0)
	}
	d.epoch.note(change)
	return append(out, d.imbalance(stateOf(change), accused{cohort: c.name, as: c.as}, c.seen, &c.alarm))
}

// mutes reports whether m is told by its cohort's alarm in place of its own.
func (g *group) mutes(m *member) bool {
	c := g.named(m.name)
	return c != g.cohorts[0] && c.alarm.standing
}
