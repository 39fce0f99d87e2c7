package detect

import "github.com/evenkeel/evenkeel/facts"

// The tests of a detector, each of one statistic.
const (
	peerTest   = iota  // a member against the others now
	anchorTest         // against the others, as it was to them when the baseline was made
	ownTest            // against itself at this hour
	commonTest         // the whole group against its own past: never an imbalance
	tests              // how many
	slowTest   = tests // evidence over epochs, which has no threshold of its own
)

// statisticOf names the statistic of each test in facts.
var statisticOf = [...]facts.Statistic{facts.StatisticPeer, facts.StatisticAnchor, facts.StatisticOwn, "", facts.StatisticSlow}

// test is one statistic with its calibration (T1) and its share of alpha. Each
// learns from all healthy epochs in which it had something to judge. The peer
// test alarms from the start; another joins when its history could certify its
// share,
//
//	(m + 1)·alpha·share ≥ 1,
//
// which depends on the number m of its epochs alone, never on what they were
// like. Until then its share is the peer test's.
type test struct {
	part    float64 // share of alpha that it has when it joins
	history epochs
	budget  *budget // T5; nil: with a calibration from recordings

	joined bool
	alpha  float64 // probability of a false alarm in an epoch that it may have; of use when joined
	limit  peak    // what a score has to exceed

	compared bool // alike is known of the history as it is
	alike    bool // the members' peaks do not tell them apart

	// of the running epoch
	live  bool    // somebody has a score at this tick
	ticks int     // with that
	peak  float64 // largest score, of the common part
	above float64 // the largest score relative to the thresholds that were in force, as the budget sees it
}

// joins reports whether the history could certify its share of alpha.
func (t *test) joins(alpha float64) bool {
	const rounding = 1e-9
	return float64(t.history.len()+1)*alpha*t.part >= 1-rounding
}

// relearn sets the threshold for the probability alpha anew.
func (t *test) relearn(alpha float64, pool bool) {
	t.alpha, t.compared = alpha, false
	if t.history.len() > 0 {
		t.limit = t.history.threshold(alpha, pool)
	}
	if t.budget != nil {
		t.budget.alpha = alpha
	}
}

// weigh holds the largest score so far of the running epoch against the
// threshold, before that changes, and at the end of the epoch.
func (t *test) weigh(score, margin float64) {
	t.above = max(t.above, above(score, margin*t.limit.score))
}

// learn takes in an epoch.
func (t *test) learn(e lesson) {
	t.history.addAt(e.start, e.whole, e.cells)
	if t.budget != nil && e.armed {
		t.budget.observe(e.above)
	}
}

// lesson is what an epoch teaches a test.
type lesson struct {
	start int64 // Unix milliseconds
	whole peak
	cells []memberPeak
	armed bool    // the test could alarm in it
	above float64 // the peak relative to the thresholds in force, as the budget sees it
}

// exceeds reports whether a peak is evidence: above the threshold of the
// history times margin (T1, T2) and above that of the budget (T5).
func (t *test) exceeds(p peak, margin float64) bool {
	return p.exceeds(t.limit, margin) && (t.budget == nil || t.budget.exceeds(above(p.score, margin*t.limit.score)))
}

// threshold returns the larger of the two thresholds, and whether it is the
// budget's.
func (t *test) threshold(margin float64) (c float64, budget bool) {
	c = margin * t.limit.score
	if t.budget == nil {
		return c, false
	}
	if q := t.budget.threshold(c); q > c {
		return q, true
	}
	return c, false
}

// clear begins a new epoch.
func (t *test) clear() { t.ticks, t.peak, t.above = 0, 0, 0 }
