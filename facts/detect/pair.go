package detect

import "github.com/evenkeel/evenkeel/facts"

// pairAlarm judges a group of which two members are left: each is the other's
// only peer, so that nothing between them tells which is sick. Only their own
// pasts may: a member that is unlike itself, beside one that is not, has a name.
func (d *Detector) pairAlarm(out []facts.Fact) []facts.Fact {
	var two [2]*member
	n, unlike := 0, 0
	for _, i := range d.group.byName {
		if m := d.group.members[i]; m.scored {
			two[n] = m
			n++
			if d.over(ownTest, m, m.name) {
				unlike++
			}
		}
	}
	for _, i := range d.group.byName {
		m := d.group.members[i]
		named := m.scored && unlike == 1 && m == worseOf(two, ownTest)
		var c change
		if m.scored && (named || m.alarm.test == ownTest && m.alarm.standing) {
			c = m.alarm.judge(named, ownTest, d.order.last, d.shows(ownTest, m))
		} else {
			c = m.alarm.leave()
		}
		d.epoch.note(c)
		if c != nothing {
			out = append(out, d.imbalance(stateOf(c), accused{member: m.name, as: m.name}, m, &m.alarm))
		}
	}
	return d.groupAlarm(out, two, unlike == 2)
}

// groupAlarm judges the two as a group without a name; unlike says that both
// are unlike themselves.
func (d *Detector) groupAlarm(out []facts.Fact, two [2]*member, unlike bool) []facts.Fact {
	worst, test, over := worseOf(two, peerTest), peerTest, false
	for _, t := range [...]int{peerTest, anchorTest} {
		if w := worseOf(two, t); !over && d.over(t, w, "") {
			worst, test, over = w, t, true
		}
	}
	if !over {
		switch {
		case unlike:
			test, over = ownTest, true
		case d.slow.against(""):
			test, over = slowTest, true
		}
	}
	if !over && !d.pair.standing {
		return out
	}
	c := d.pair.judge(over, test, d.order.last, d.shows(test, worst))
	d.epoch.note(c)
	return append(out, d.imbalance(stateOf(c), accused{}, worst, &d.pair))
}

// worseOf returns which of the two has the larger score under test t, the
// first of equals.
func worseOf(two [2]*member, t int) *member {
	if two[1].score[t] > two[0].score[t] {
		return two[1]
	}
	return two[0]
}
