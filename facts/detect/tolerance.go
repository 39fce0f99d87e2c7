package detect

import (
	"math"

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
