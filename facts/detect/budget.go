package detect

import "math"

const (
	// budgetCeiling is B: peaks count up to e^8, 3,000 times what is usual in
	// health. One above it is never held back, but by the rest of its budget.
	budgetCeiling = 8
	// budgetStep is η. An alarm raises the threshold by half a unit of log
	// peak, by two thirds; 1/alpha quiet epochs lower it by as much.
	budgetStep = 0.5
)

// budget is T5: a second threshold that keeps the share of alarmed epochs near
// alpha for any data at all, drifting, seasonal or chosen by an adversary. With
// s the logarithm of an epoch's peak, clipped to [0, B],
//
//	q ← q + η·(1{s > q} − alpha).
//
// The q stays within [−η·alpha, B + η·(1−alpha)], since it only grows while
// below B and only falls while above 0; and after T epochs it has moved by η
// times the number of excesses less alpha·T. Hence
//
//	|excesses/T − alpha| ≤ (B + η)/(η·T).
//
// A test that alarms only when a peak exceeds its own threshold and this one
// alarms in at most the share alpha + (B + η)/(η·T) of the epochs.
//
// Source: I. Gibbs, E. Candès: Adaptive conformal inference under distribution
// shift. NeurIPS 2021; and A. Angelopoulos, R. F. Barber, S. Bates: Online
// conformal prediction with decaying step sizes, arXiv:2402.01139 (abstract and
// introduction), for the guarantee on arbitrary sequences.
type budget struct {
	alpha    float64 // share of epochs that may alarm, in (0, 1)
	q        float64
	epochs   int // T
	excesses int
}

// exceeds reports whether a peak is above the budget's threshold. It is monotone: once true
// of the running peak of an epoch it is true of the epoch's.
func (b *budget) exceeds(peak float64) bool { return clippedLog(peak) > b.q }

// threshold returns the peak above which the budget lets an alarm pass, 0 when
// it lets any.
func (b *budget) threshold() float64 {
	if b.q < 0 {
		return 0
	}
	return math.Exp(b.q)
}

// observe takes in the peak of an epoch that has ended.
func (b *budget) observe(peak float64) {
	b.epochs++
	move := -b.alpha
	if b.exceeds(peak) {
		b.excesses++
		move = 1 - b.alpha
	}
	b.q += float64(budgetStep * move)
}

// bound returns the share of alarmed epochs that is not passed after those
// seen so far: at most 1, and falling to alpha.
func (b *budget) bound() float64 {
	if b.epochs == 0 {
		return 1
	}
	return min(1, b.alpha+(budgetCeiling+budgetStep)/(budgetStep*float64(b.epochs)))
}

// clippedLog returns log peak within [0, budgetCeiling]; what is no number is
// no peak.
func clippedLog(peak float64) float64 {
	if !(peak > 1) {
		return 0
	}
	return min(math.Log(peak), budgetCeiling)
}
