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
		return d.pairAlarm(out)
	}
	type told struct {
		member int
		change change
	}
	var changes []told
	for _, i := range d.group.byName {
		m := d.group.members[i]
		c := nothing
		if !m.scored {
			c = m.alarm.leave()
		} else if t, over := d.verdict(m); over || m.alarm.standing {
			c = m.alarm.judge(over, t, d.order.last, d.shows(t, m))
		}
		if c != nothing {
			changes = append(changes, told{i, c})
		}
		d.epoch.note(c)
	}
	if c := d.pair.leave(); c != nothing { // there are more than two now, or fewer
		d.epoch.note(c)
		out = append(out, d.imbalance(facts.Watch, "", nil, &d.pair))
	}
	slices.SortStableFunc(changes, func(a, b told) int {
		return cmp.Or(cmp.Compare(a.change, b.change),
			cmp.Compare(d.group.members[b.member].u, d.group.members[a.member].u))
	})
	for _, c := range changes {
		m := d.group.members[c.member]
		out = append(out, d.imbalance(stateOf(c.change), m.name, m, &m.alarm))
	}
	return out
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

// imbalance returns the fact about an alarm; scored is the member it was seen
// at, nil when it cannot be scored at this tick.
func (d *Detector) imbalance(state facts.State, member string, scored *member, a *alarm) facts.Fact {
	f := d.fact(facts.Imbalance, state, member)
	f.Onset = facts.At(a.onset)
	if scored != nil && !scored.scored {
		scored = nil
	}
	f.Evidence = d.evidence(member, scored, a)
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
