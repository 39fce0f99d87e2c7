package detect

import (
	"slices"
	"time"
)

// Closed is what became of one epoch.
type Closed struct {
	Start  time.Time // end of the last tick before it
	Learnt bool      // its peaks entered the histories: nobody was alarmed or acted in it, and most of it was judged
	Tests  []ClosedTest
}

// ClosedTest is one test in an epoch: what it saw, and what it held that
// against. Scores are dimensionless.
type ClosedTest struct {
	Test      string  // peer, anchor, own or common
	Joined    bool    // it could raise alarms in the epoch
	Peak      float64 // largest score of any member; 0: none was scored
	Alpha     float64 // probability of a false alarm that the threshold is for
	Threshold float64 // of the history, margin included (T1 or T2)
	Budget    float64 // of the alert budget (T5); 0: not in use. An alarm needs a score above both
	Epochs    int     // healthy epochs behind the threshold
	P         float64 // conformal p-value of the peak among them, in (0, 1]
	Members   []ClosedMember
}

// ClosedMember is one member in an epoch under one test.
type ClosedMember struct {
	Name      string
	Peak      float64 // largest score
	Threshold float64 // of the member's own epochs for Alpha; 0: it has none yet
	P         float64 // conformal p-value of the peak among the member's own epochs, in (0, 1]
}

// closing is the last epoch that was closed, and the cells that its members
// are held against.
type closing struct {
	done  bool // at the last tick
	epoch Closed
	cells [tests][]memberPeak
	past  [tests][][]memberPeak // which no history changes in place
}

// Closed returns what became of the epoch that the last frame closed, and
// whether it closed one. It is of use after each [Detector.Observe]; an epoch
// of which nobody asks costs hardly anything.
// Cost: O(N log N) for N cells of members and epochs, at most 65,536 a test.
func (d *Detector) Closed() (Closed, bool) {
	c := &d.closing
	if !c.done {
		return Closed{}, false
	}
	out := c.epoch
	out.Tests = slices.Clone(out.Tests)
	for i := range out.Tests {
		t := &out.Tests[i]
		own := map[string][]peak{}
		for _, cells := range c.past[i] {
			for _, o := range cells {
				own[o.member] = append(own[o.member], o.peak)
			}
		}
		for _, m := range c.cells[i] {
			past := own[m.member]
			member := ClosedMember{Name: m.member, Peak: m.score, P: 1}
			if len(past) > 0 {
				h := epochs{whole: past}
				h.sort()
				rank, of := h.rank(m.peak)
				member.Threshold, member.P = d.cfg.Margin*h.threshold(t.Alpha, false).score, float64(rank)/float64(of)
			}
			t.Members = append(t.Members, member)
		}
	}
	return out, true
}

// note takes down the epoch that ends, before anything is learnt from it.
func (c *closing) note(d *Detector, learnt bool) {
	c.done = true
	c.epoch = Closed{Start: d.epoch.start, Learnt: learnt, Tests: make([]ClosedTest, tests)}
	for i := range d.tests {
		t := &d.tests[i]
		whole := d.whole(i)
		rank, of := t.history.rank(whole)
		out := ClosedTest{Test: testNames[i], Joined: t.joined && d.armed(), Peak: whole.score, Alpha: t.alpha, Epochs: t.history.behind(d.pools(i)),
			Threshold: d.cfg.Margin * t.limit.score, P: float64(rank) / float64(of)}
		if t.budget != nil {
			out.Budget = t.budget.threshold(out.Threshold)
		}
		c.epoch.Tests[i] = out
		c.cells[i] = d.cells(i)
		c.past[i] = t.history.cells
	}
}
