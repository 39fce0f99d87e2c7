package detect

import (
	"fmt"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
)

// membership appends who is in the group, at every change and every few
// seconds, and each member that is not in service.
func (d *Detector) membership(out []facts.Fact) []facts.Fact {
	r, g := &d.report, d.group
	changed := len(r.standings) != len(g.members)
	for at, i := range g.byName {
		changed = changed || r.standings[at] != g.members[i].standing || r.names[at] != g.members[i].name
	}
	if !changed && d.order.last.Sub(r.membership) < membershipEvery {
		return out
	}
	if len(g.members) == 0 {
		return out
	}
	r.membership = d.order.last
	r.standings, r.names = r.standings[:0], r.names[:0]
	states := make([]facts.MemberState, 0, min(len(g.members), maxMembersTold))
	room := maxMembersTold // those out of service come first
	for _, i := range g.byName {
		if g.members[i].standing != facts.StandingIn {
			room--
		}
	}
	for _, i := range g.byName {
		m := g.members[i]
		r.standings, r.names = append(r.standings, m.standing), append(r.names, m.name)
		if m.standing == facts.StandingIn {
			if room--; room < 0 {
				continue
			}
		}
		if len(states) < maxMembersTold {
			states = append(states, facts.MemberState{Name: m.name, State: m.standing})
		}
	}
	expires := facts.At(d.order.last.Add(2*membershipEvery + freshTicks*d.cfg.Tick))
	tell := func(member string, states []facts.MemberState) {
		f := d.fact(facts.Membership, facts.Watch, member)
		f.Members, f.Expires = states, expires
		out = append(out, f)
	}
	tell("", states)
	for _, s := range states {
		if s.State != facts.StandingIn {
			tell(s.Name, []facts.MemberState{s})
		}
	}
	return out
}

// health appends how far the detector is, at every change of its status or of
// where the group moves, and every minute. It is ageing while the declared rate
// cannot be certified, degraded while less than half of the members in service
// are judged.
func (d *Detector) health(out []facts.Fact) []facts.Fact {
	r := &d.report
	in, scored := d.judged()
	status := facts.Healthy
	_, certain := d.certifiedAlpha()
	switch {
	case d.judge == nil:
		status = facts.Ageing
	case 2*scored < in || scored < 2:
		status = facts.Degraded
	case !certain:
		status = facts.Ageing
	}
	shift := d.shiftWord()
	moved := r.shift != "" && shift != r.shift
	if status == r.status && !moved && d.order.last.Sub(r.health) < healthEvery {
		return out
	}
	r.status, r.shift, r.health = status, shift, d.order.last
	var detail string
	switch {
	case !d.group.fitted:
		detail = fmt.Sprintf("warm-up: fitting members, tick %d of %d", d.group.ticks, d.cfg.ticks(d.cfg.Warmup))
	case d.judge == nil:
		detail = "warm-up: learning what health looks like"
	case status == facts.Degraded:
		detail = fmt.Sprintf("%d of %d members in service are judged", scored, in)
	default:
		detail = d.age()
	}
	if d.resumption != "" {
		detail += "; " + d.resumption
	}
	if moved {
		detail += "; shift of the whole group: " + shift
	}
	f := d.fact(facts.Health, facts.Watch, "")
	f.Health = &facts.HealthInfo{Status: status, Detail: detail}
	f.Expires = facts.At(d.order.last.Add(2*healthEvery + freshTicks*d.cfg.Tick))
	return append(out, f)
}

// age tells what the healthy epochs seen so far certify, which tests have
// joined, and how the p-values of members are taken.
func (d *Detector) age() string {
	peer := &d.tests[peerTest]
	text := fmt.Sprintf("certified %s of %s: %d healthy epochs of %s", d.certified(), d.cfg.declared(), peer.history.behind(d.cfg.Pool),
		strings.TrimPrefix(facts.Rate(d.cfg.Epoch).String(), "1/"))
	for i, name := range [tests]string{peerTest: "", anchorTest: "anchor", ownTest: "own", commonTest: "common"} {
		if t := &d.tests[i]; t.joined && i != peerTest {
			text += fmt.Sprintf(", %d for %s", t.history.len(), name)
		}
	}
	if d.slow.joined {
		text += ", slow evidence"
	}
	if peer.history.len() == 0 {
		return text
	}
	if d.alike(peerTest) {
		return text + "; members alike, p-values pooled"
	}
	return text + "; members differ, p-values by member"
}

// judged returns how many members are in service, and how many of them are
// scored at this tick.
func (d *Detector) judged() (in, scored int) {
	for _, m := range d.group.members {
		if m.standing == facts.StandingIn {
			in++
		}
		if m.scored {
			scored++
		}
	}
	return in, scored
}
