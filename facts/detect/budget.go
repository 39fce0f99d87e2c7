package detect

import "math"

const (
	// budgetCeiling is B: peaks count up to e^8, 3,000 times what is usual in
	// health. One above it is never held back, but by the rest of its budget.
	budgetCeiling = 8
	// budgetSlack is how much of B is used up before a test's threshold is
	// raised: 12 alarms more than its rate allows. A test that keeps its rate
	// is then hardly held back: in simulations it loses 1 % of its alarms with a
	// history of 2/alpha epochs, and 3 to 4 % with a long one (budget_test.go).
	budgetSlack = 6
	// budgetStep is η. An alarm raises the threshold by half a unit of log
	// peak, by two thirds; 1/alpha quiet epochs lower it by as much.
	budgetStep = 0.5
)

// budget is T5: it keeps the share of alarmed epochs near alpha for any data
// at all, drifting, seasonal or chosen by an adversary. With s the logarithm of
// an epoch's peak, clipped to [0, B],
//
//	q ← q + η·(1{s > q} − alpha).
//
// The q stays within [−η·alpha, B + η·(1−alpha)], since it only grows while
// below B and only falls while above 0; and after T epochs it has moved by η
// times the number of excesses less alpha·T. Hence
//
//	|excesses/T − alpha| ≤ (B + η)/(η·T).
//
// A test with a threshold c of its own gives it the peaks relative to c, see
// [above], and alarms only when both are exceeded: in at most the share
// alpha + (B + η)/(η·T) of the T epochs that it learns from. Those are not all: an
// alarm that stands from the beginning of an epoch to its end is the same alarm
// still, and one that somebody saw to was none of the test's mistakes. Were e^q itself a second threshold on
// the peaks, it would swing about the quantile that c estimates, far wider than
// peaks in health do, and half of the alarms that c allows would be lost.
//
// Source: I. Gibbs, E. Candès: Adaptive conformal inference under distribution
// shift. NeurIPS 2021, arXiv:2106.00170 (abstract); and A. Angelopoulos, R. F.
// Barber, S. Bates: Online conformal prediction with decaying step sizes,
// arXiv:2402.01139 (abstract), whose guarantee is for arbitrary sequences, too.
type budget struct {
	alpha    float64 // share of epochs that may alarm, in (0, 1)
	q        float64
	epochs   int // T
	excesses int
}

// above returns a peak as the budget of a test with the threshold c sees it:
// nothing when it is 0 or below c, else e^budgetSlack times its ratio to c.
func above(peak, c float64) float64 {
	if !(peak >= c && peak > 0) {
		return 0
	}
	const e6 = 403.428793492735 // e^budgetSlack
	return e6 * (peak / c)
}

// exceeds reports whether a peak is above e^q. It is monotone: once true of the
// running peak of an epoch it is true of the epoch's.
func (b *budget) exceeds(peak float64) bool { return clippedLog(peak) > b.q }

// threshold returns the peak above which a test with the threshold c may
// alarm: c itself while the budget lasts, +Inf when it is used up.
func (b *budget) threshold(c float64) float64 {
	if b.q >= budgetCeiling {
		return math.Inf(1)
	}
	return c * math.Exp(max(0, b.q-budgetSlack))
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
