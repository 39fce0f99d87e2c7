package detect

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/mathext"
)

// assured returns T4: the rate of false alarms per epoch that holds with
// confidence 1−delta given the calibration at hand, when the threshold is the
// k-th largest of m healthy peaks, 1 ≤ k ≤ m, 0 < delta < 1.
//
// What T1 promises is an average over calibrations. Given this one, with
// epochs that are independent and alike, the chance that the next peak exceeds
// the k-th largest of m is Beta(k, m+1−k) distributed, whatever the law of the
// peaks; assured is its (1−delta)-quantile. It falls with m and delta and grows
// with k. Out of range, nothing is assured: 1.
// Cost: O(1), some microseconds.
//
// Source: S. Bates, E. Candès, L. Lei, Y. Romano, M. Sesia: Testing for
// outliers with conformal p-values, arXiv:2104.08279 (abstract), of p-values
// that are valid given the calibration. The law is that of a uniform order
// statistic, as in any tolerance interval.
func assured(m, k int, delta float64) float64 {
	if k < 1 || k > m || !(delta > 0 && delta < 1) {
		return 1
	}
	if k == 1 { // 1 − delta^(1/m), without the digits that a difference loses
		return -math.Expm1(math.Log(delta) / float64(m))
	}
	return mathext.InvRegIncBeta(float64(k), float64(m+1-k), 1-delta)
}

// tolerated returns the largest k whose threshold, the k-th largest of m
// healthy peaks, assures the rate alpha with confidence 1−delta; 0 when not
// even the largest does.
// Cost: O(log m) times that of [assured].
func tolerated(m int, alpha, delta float64) int {
	return sort.Search(m, func(i int) bool { return !(assured(m, i+1, delta) <= alpha) })
}

// assuredBy returns the number of healthy epochs after which the rate alpha,
// 0 < alpha < 1, can be assured with confidence 1−delta, 0 < delta < 1:
// ⌈ln delta/ln(1−alpha)⌉.
func assuredBy(alpha, delta float64) int {
	const rounding = 1e-12 // of a quotient that is whole
	return int(math.Ceil(math.Log(delta) / math.Log1p(-alpha) * (1 - rounding)))
}
