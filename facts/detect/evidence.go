package detect

import (
	"slices"

	"github.com/evenkeel/evenkeel/facts"
)

// evidence returns the test behind a fact about an alarm; scored is the member,
// or the median of a cohort, that it was seen at, nil: nobody can be scored.
// member is its name, empty when it is none, or one of two.
func (d *Detector) evidence(member string, scored *member, a *alarm) *facts.Evidence {
	e := &facts.Evidence{Assured: d.assured(), Baseline: d.baseline.Digest, Declared: d.cfg.declared(), Certified: d.certified(),
		Margin: facts.Number(d.cfg.Margin), Score: "0", Statistic: statisticOf[a.test], Ticks: a.over, Tier: "T1"}
	if a.test == slowTest {
		s, epochs := d.slow.sequential.of(member)
		if d.slow.against(member) { // as it was when it was told: it began anew since
			s = d.slow.alarm
		}
		e.Tier, e.Epochs = "T3", epochs
		e.Score, e.Threshold, e.Margin = facts.Number(s.r), facts.Number(s.level), "1"
		return e
	}
	t := &d.tests[a.test]
	c, budget := t.threshold(d.cfg.Margin)
	e.Threshold, e.Epochs = facts.Number(min(c, beyondReach)), t.history.behind(d.pools(a.test))
	switch {
	case budget:
		e.Tier = "T5"
	case d.pools(a.test):
		e.Tier = "T2"
	}
	if scored == nil {
		return e
	}
	e.Score = facts.Number(scored.score[a.test])
	most := peak{scored.peaks[a.test], tie(d.cfg.Group, member, d.epoch.start.UnixMilli())}
	e.P = facts.Number(d.p(a.test, memberPeak{member, most}))
	e.E = facts.Number(d.slow.sequential.bets.mean(t.history.rank(most)))
	return e
}

// beyondReach is the threshold that a fact tells when the budget is used up and
// no score would do.
const beyondReach = 1e9

// p returns the conformal p-value of the largest score c of a member so far in
// this epoch: among the cells of all members when nothing tells their peaks
// apart, else among its own (T2). Of a group of two, without a name, it is
// among the epochs' maxima.
func (d *Detector) p(t int, c memberPeak) float64 {
	h := &d.tests[t].history
	if c.member == "" {
		rank, of := h.rank(c.peak)
		return float64(rank) / float64(of)
	}
	if !d.alike(t) {
		return selfP(h.cells, c)
	}
	now := d.cells(t)
	if !slices.ContainsFunc(now, func(o memberPeak) bool { return o.member == c.member }) {
		now = append(now, c)
	}
	return pooledP(h.cells, now, c)
}

// alikeLevel is the level of the test whether members are alike: so low that
// a member is told apart only when it clearly is.
const alikeLevel = 0.01

// alike reports whether nothing tells the peaks of the members apart under
// test i, so that their p-values may be pooled.
// Cost: that of [compareMembers] once an epoch in which it is asked, then O(1).
func (d *Detector) alike(i int) bool {
	t := &d.tests[i]
	if !t.compared {
		unlike := compareMembers(t.history.cells)
		t.compared, t.alike = true, len(unlike) == 0 || unlike[0].p > alikeLevel
	}
	return t.alike
}
