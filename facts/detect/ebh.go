package detect

import (
	"fmt"
	"slices"
)

// Discoveries returns which of K hypotheses "healthy" may be rejected
// together, so that of those rejected the expected share of healthy ones (the
// false discovery rate) is at most fdr. It is the e-BH procedure: the k*
// largest, where
//
//	k* = max{k : e_(k) ≥ K/(k·fdr)},  e_(k) the k-th largest.
//
// It asks nothing about how the hypotheses depend on each other, only that each
// e-value has a mean of at most 1 when its hypothesis is true, at one look that
// does not depend on the data. Looking at every epoch needs e-values that begin
// anew after each look; the largest e-value seen so far is none.
//
// Shapes: e holds one e-value for each hypothesis: all that were tested, not
// only those that look bad. Range: e ≥ 0, +Inf allowed; 0 < fdr < 1.
// The result holds indices of e, ascending; nil when nothing may be rejected.
// Equal e-values are rejected together or not at all.
// Cost: O(K log K) time, O(K) memory. It does not modify e.
// Errors: an e-value that is negative or no number, an fdr out of range.
//
// Source: R. Wang, A. Ramdas: False discovery rate control with e-values.
// Journal of the Royal Statistical Society B 84 (2022), arXiv:2009.02824
// (abstract); for a short proof R. Wang: Elementary proofs of several results on
// false discovery rate, arXiv:2201.09350 (abstract).
func Discoveries(e []float64, fdr float64) ([]int, error) {
	if !(fdr > 0 && fdr < 1) {
		return nil, fmt.Errorf("detect: discoveries: rate %v, want more than 0 and less than 1", fdr)
	}
	for i, v := range e {
		if !(v >= 0) {
			return nil, fmt.Errorf("detect: discoveries: e-value %d is %v, want 0 or more", i, v)
		}
	}
	sorted := slices.Sorted(slices.Values(e))
	for k := len(e); k > 0; k-- {
		least := sorted[len(e)-k]
		if float64(k)*fdr*least < float64(len(e)) {
			continue
		}
		var out []int
		for i, v := range e {
			if v >= least {
				out = append(out, i)
			}
		}
		return out, nil
	}
	return nil, nil
}
