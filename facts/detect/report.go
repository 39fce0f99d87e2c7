package detect

import (
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

const (
	// membershipEvery and healthEvery are how often facts that did not change
	// are repeated, for those that came later.
	membershipEvery = 10 * time.Second
	healthEvery     = time.Minute
	// freshTicks is how long an alarm may be believed without being repeated.
	freshTicks = 3
	// maxMembersTold bounds the names in one membership fact: what fits in
	// facts.MaxFactBytes with the longest names. The counts are always whole.
	maxMembersTold = 400
)

// report is what was published last, and what stays the same in every fact.
type report struct {
	detector   facts.Detector
	learnt     [2]int    // what its params were computed from
	membership time.Time // when it was told last
	standings  []string  // then, by name
	names      []string
	health     time.Time
	status     string
	shift      string
}

// fact returns a fact of the group at this tick, about a member unless it is "".
func (d *Detector) fact(kind facts.Kind, state facts.State, member string) facts.Fact {
	if learnt := [2]int{d.learnt, d.group.fits}; d.report.detector.Params == "" || learnt != d.report.learnt {
		d.report.detector.Params, d.report.learnt = d.params(), learnt
	}
	now := facts.At(d.order.last)
	return facts.Fact{V: 1, Kind: kind, State: state, Env: d.cfg.Env, Group: d.cfg.Group, Member: member,
		Time: now, Onset: now, Expires: facts.At(now.Add(freshTicks * d.cfg.Tick)),
		Detector: d.report.detector, GroupState: d.groupState()}
}

func (d *Detector) groupState() *facts.GroupState {
	s := &facts.GroupState{Members: len(d.group.members), Alarmed: d.standing(), Shift: d.shiftWord()}
	for _, m := range d.group.members {
		if m.standing == facts.StandingIn {
			s.Present++
		}
	}
	return s
}

// about puts what is due about membership and health in front of the alarms.
func (d *Detector) about(alarms []facts.Fact) []facts.Fact {
	out := d.health(d.membership(nil))
	if out == nil {
		return alarms
	}
	return append(out, alarms...)
}

// params returns the digest of the configuration and of everything learnt.
func (d *Detector) params() string {
	h, c := newDigest(), &d.cfg
	h.line(c.Env, c.Group, int64(c.Tick), int64(c.Epoch), c.Alpha, int64(c.Warmup), int64(c.Settle), int64(c.Slide), c.Margin, c.MinEpochs, c.Shares, c.Horizon, c.Pool, c.Windows,
		c.Features, c.DeclaredOnly, c.Ignore, c.Cohorts)
	for _, i := range d.group.byName {
		m := d.group.members[i]
		h.line(m.name)
		h.cells(m.cells)
	}
	for _, c := range d.group.cohorts {
		h.cells(c.cells)
	}
	if d.judge != nil {
		for k, r := range d.judge.law.ranks {
			h.line(d.judge.law.features[k])
			for _, v := range r.v {
				h.float(float64(v))
			}
		}
		for _, q := range d.judge.law.forms {
			for _, v := range q.root {
				h.float(v)
			}
		}
	}
	for i := range d.tests {
		for _, p := range d.tests[i].history.whole {
			h.float(p.score)
		}
	}
	return h.String()
}
