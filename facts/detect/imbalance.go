package detect

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
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
		} else if over := d.exceeds(m.u, m.name); over || m.alarm.standing {
			c = m.alarm.judge(over, d.order.last, d.shows(m))
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
		state := facts.Alarm
		switch c.change {
		case cleared:
			state = facts.Clear
		case left:
			state = facts.Watch
		}
		out = append(out, d.imbalance(state, m.name, m, &m.alarm))
	}
	return out
}

// pairAlarm judges a group of which two members are left: each is the other's
// only peer, so that nothing tells which of them is sick.
func (d *Detector) pairAlarm(out []facts.Fact) []facts.Fact {
	var worst *member
	for _, i := range d.group.byName {
		m := d.group.members[i]
		if c := m.alarm.leave(); c != nothing {
			d.epoch.note(c)
			out = append(out, d.imbalance(facts.Watch, m.name, nil, &m.alarm))
		}
		if m.scored && (worst == nil || m.u > worst.u) {
			worst = m
		}
	}
	over := d.exceeds(worst.u, "")
	if !over && !d.pair.standing {
		return out
	}
	c := d.pair.judge(over, d.order.last, d.shows(worst))
	d.epoch.note(c)
	state := facts.Alarm
	if c == cleared {
		state = facts.Clear
	}
	return append(out, d.imbalance(state, "", worst, &d.pair))
}

// imbalance returns the fact about an alarm; scored is the member it was seen
// at, nil when it cannot be scored at this tick.
func (d *Detector) imbalance(state facts.State, member string, scored *member, a *alarm) facts.Fact {
	f := d.fact(facts.Imbalance, state, member)
	f.Onset = facts.At(a.onset)
	tier := "T1"
	if d.cfg.Pool {
		tier = "T2"
	}
	f.Evidence = &facts.Evidence{Declared: d.cfg.declared(), Certified: d.certified(), Epochs: d.history.len(),
		Margin: facts.Number(d.cfg.Margin), Threshold: facts.Number(d.cfg.Margin * d.limit.score),
		Score: "0", Ticks: a.over, Tier: tier}
	if scored == nil || !scored.scored {
		return f
	}
	f.Evidence.Score = facts.Number(scored.u)
	f.Effect = d.effects(slices.Index(d.group.members, scored))
	f.Window = d.window(scored)
	return f
}

// window returns the digest of the numbers behind a member's score.
func (d *Detector) window(m *member) string {
	h := sha256.New()
	for _, w := range m.win.sum(m.best, len(d.judge.law.features)) {
		putFloat(h, w)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
