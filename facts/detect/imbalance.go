package detect

import (
	"cmp"
	"slices"

	"github.com/evenkeel/evenkeel/facts"
)

// alarms appends the facts about imbalance.
func (d *Detector) alarms(out []facts.Fact) []facts.Fact {
	if !d.armed() {
		return out
	}
	if len(d.judge.tracks) == 2 {
		return d.pairAlarm(d.accuse(out))
	}
	changes := d.judgeMembers()
	if c := d.pair.leave(); c != nothing { // there are more than two now, or fewer
		d.epoch.note(c)
		out = append(out, d.imbalance(facts.Watch, accused{}, nil, &d.pair))
	}
	out = d.accuse(out)
	slices.SortStableFunc(changes, func(a, b changed) int {
		return cmp.Or(cmp.Compare(a.change, b.change), cmp.Compare(b.member.u, a.member.u))
	})
	for _, c := range changes {
		if state, tells := d.tells(c); tells {
			out = append(out, d.imbalance(state, accused{member: c.member.name, as: c.member.name}, c.member, &c.member.alarm))
		}
	}
	return out
}

// changed is what an alarm did at this tick.
type changed struct {
	member *member
	change change
}

// judgeMembers judges the members by all tests, in the order of their names.
func (d *Detector) judgeMembers() []changed {
	var out []changed
	for _, i := range d.group.byName {
		m := d.group.members[i]
		c := nothing
		if !m.scored {
			c = m.alarm.leave()
		} else {
			m.alarm.gone = false
			if t, over := d.verdict(m); over || m.alarm.standing {
				c = m.alarm.judge(over, t, d.order.last, d.shows(t, m))
			}
		}
		if c != nothing {
			out = append(out, changed{m, c})
		}
		d.epoch.note(c)
	}
	return out
}

// tells returns the state of the fact about a member's change, and whether there
// is one: while its cohort is told in its place, it is told once, as something
// to watch.
func (d *Detector) tells(c changed) (facts.State, bool) {
	a, before := &c.member.alarm, c.member.alarm.muted
	a.muted = c.change == stands && d.group.mutes(c.member)
	if a.muted {
		return facts.Watch, !before
	}
	return stateOf(c.change), !before || c.change == stands
}

// stateOf returns the state of the fact that tells of a change.
func stateOf(c change) facts.State {
	switch c {
	case cleared:
		return facts.Clear
	case left:
		return facts.Watch
	}
	return facts.Alarm
}

// verdict returns the test that the scores of m exceed by most, and whether
// there is one. Evidence over epochs comes last: what it shows of this epoch was
// seen before it.
func (d *Detector) verdict(m *member) (most int, over bool) {
	excess := 0.0
	for t := range d.tests[:commonTest] {
		if !d.over(t, m, m.name) {
			continue
		}
		c, _ := d.tests[t].threshold(d.cfg.Margin)
		if e := m.score[t] / c; !over || e > excess {
			most, over, excess = t, true, e
		}
	}
	if !over && d.slow.against(m.name) {
		return slowTest, true
	}
	return most, over
}

// over reports whether the score of m under test t is evidence against the
// named member, or the group when there is no name.
func (d *Detector) over(t int, m *member, name string) bool {
	return d.tests[t].joined && d.exceeds(t, m.score[t], name)
}

// accused is whom an alarm is about: a member, a cohort, or with neither the
// group.
type accused struct {
	member, cohort string
	as             string // name under which the tests know whom it was seen at; empty: as no member
}

// imbalance returns the fact about an alarm; scored is the member, or the median
// of a cohort, that it was seen at, nil when it cannot be scored at this tick.
func (d *Detector) imbalance(state facts.State, who accused, scored *member, a *alarm) facts.Fact {
	f := d.fact(facts.Imbalance, state, who.member)
	f.Cohort = who.cohort
	f.Onset = facts.At(a.onset)
	if scored != nil && !scored.scored {
		scored = nil
	}
	f.Evidence = d.evidence(who.as, scored, a)
	if scored == nil {
		return f
	}
	f.Effect = d.effects(a.test, scored)
	f.Window = d.window(a.test, scored)
	return f
}

// window returns the digest of the numbers behind a member's score.
func (d *Detector) window(t int, m *member) string {
	numbers := m.win.sum(m.best, len(d.judge.law.features))
	switch t {
	case anchorTest:
		numbers = m.drift.mean
	case ownTest:
		numbers = m.past.y
	}
	h := newDigest()
	for _, w := range numbers {
		h.float(w)
	}
	return h.String()
}
