package detect

import (
	"math"
	"time"
)

// Learnt is all that a detector has learnt of a group, to be stored and to be
// resumed from, see [Config.Learnt]: what members are like to their peers, the
// law of the residuals, the histories of all tests with their budgets, the
// evidence over epochs, and every member's own past. It does not change, and
// may be shared.
//
// Not in it is what belongs to the hour: the running epoch, windows and alarms.
type Learnt struct {
	LearntInfo
	state learntState
}

// LearntInfo says what was learnt, of whom and when.
type LearntInfo struct {
	Baseline  Baseline     `json:"baseline"`
	Certified float64      `json:"certified"` // least probability of a false alarm in an epoch that the joined tests certify; 1: none
	Declared  float64      `json:"declared"`  // alpha then
	Env       string       `json:"env"`
	Epoch     int64        `json:"epoch_ns"`
	Features  []string     `json:"features"`
	Group     string       `json:"group"`
	Members   []string     `json:"members"` // in order of their first appearance
	Taken     time.Time    `json:"taken"`   // end of the last tick seen
	Tests     []LearntTest `json:"tests"`
	Tick      int64        `json:"tick_ns"`
	Windows   []int        `json:"windows"` // ticks
}

// LearntTest says how far one test was. Its threshold is computed anew when it
// is resumed, from the same epochs.
type LearntTest struct {
	Alpha     float64 `json:"alpha"`     // probability of a false alarm in an epoch that it may have; of use when joined
	Certified float64 `json:"certified"` // least one that its epochs certify, in (0, 1]
	Epochs    int     `json:"epochs"`    // healthy ones behind the threshold
	Joined    bool    `json:"joined"`    // it can raise alarms
	Test      string  `json:"test"`      // peer, anchor, own or common
	Threshold float64 `json:"threshold"` // score, dimensionless; 0: there is none yet, or nothing exceeds it
}

// testNames names the tests for people.
var testNames = [tests]string{"peer", "anchor", "own", "common"}

// Learnt returns what the detector has learnt by the last frame; nil before it
// judges, and with a [Calibration], which is kept by itself. The detector may
// go on meanwhile: nothing is shared.
// Cost: O(members·features·24 + members·epochs), for 10,000 members with 20
// features some 50 MB.
func (d *Detector) Learnt() *Learnt {
	if d.resumed != nil { // no frame yet
		return d.resumed
	}
	if d.judge == nil || !d.learns() {
		return nil
	}
	alpha, _ := d.certifiedAlpha()
	l := &Learnt{LearntInfo: LearntInfo{Baseline: d.baseline, Certified: alpha, Declared: d.cfg.Alpha, Env: d.cfg.Env,
		Epoch: int64(d.cfg.Epoch), Features: d.group.featureNames(), Group: d.cfg.Group, Taken: d.order.last.UTC(),
		Tick: int64(d.cfg.Tick), Windows: d.cfg.Windows}}
	l.Baseline.Since = l.Baseline.Since.UTC()
	for _, m := range d.group.members {
		l.Members = append(l.Members, m.name)
	}
	for i := range d.tests {
		t := &d.tests[i]
		out := LearntTest{Test: testNames[i], Alpha: t.alpha, Certified: t.history.certifies(d.pools(i)), Epochs: t.history.behind(d.pools(i)), Joined: t.joined}
		if c := d.cfg.Margin * t.limit.score; !math.IsInf(c, 0) {
			out.Threshold = c
		}
		l.Tests = append(l.Tests, out)
	}
	l.state = d.state()
	return l
}

// Cell says what one member's feature is in health:
//
//	(y − Offset − Slope·μ)·precision/Scale
//
// has standard deviation 1, with y and μ, the median of the others, as in the
// package documentation.
type Cell struct {
	Member string  `json:"member"`
	Offset float64 `json:"offset"`
	Scale  float64 `json:"scale"`
	Slope  float64 `json:"slope"`
}

// Cells returns what the feature is with each member that is fitted, in the
// order of Members; nil when there is no such feature. Cost: O(members).
func (l *Learnt) Cells(feature string) []Cell {
	var out []Cell
	for k, name := range l.Features {
		if name != feature {
			continue
		}
		for i := range l.state.Members {
			if m := &l.state.Members[i]; len(m.Cells) > 0 {
				c := m.Cells.cell(k)
				out = append(out, Cell{Member: l.Members[i], Offset: c.a, Slope: c.g, Scale: 1 / c.inverse})
			}
		}
	}
	return out
}
