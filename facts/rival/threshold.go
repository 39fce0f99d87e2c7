package rival

import (
	"math"
	"slices"
	"time"
)

// peaks returns the largest score of any member in each of the complete epochs
// after the warm-up, 0 where nobody had a positive one.
func peaks(r *Run, scores [][]float64, epoch time.Duration) []float64 {
	if len(r.ticks) == 0 {
		return nil
	}
	out := make([]float64, int(r.ticks[len(r.ticks)-1].at.Sub(r.start)/epoch))
	for t, tick := range r.ticks {
		e := epochOf(tick.at, r.start, epoch)
		if e >= len(out) {
			break
		}
		for _, s := range scores[t] {
			if s > out[e] {
				out[e] = s
			}
		}
	}
	return out
}

// epochOf returns the number of the epoch (start+e·epoch, start+(e+1)·epoch]
// that a time after start is in.
func epochOf(at, start time.Time, epoch time.Duration) int { return int((at.Sub(start) - 1) / epoch) }

// threshold returns what a score has to exceed for a false alarm in an epoch to
// have at most the probability alpha: the ⌈(1−alpha)(m+1)⌉-th smallest of the
// peaks of m healthy epochs, or their largest when that many do not certify
// alpha; see Thresholds in the documentation of package detect. With no epoch
// there is nothing to exceed: +Inf.
func threshold(healthy []float64, alpha float64) float64 {
	if len(healthy) == 0 {
		return math.Inf(1)
	}
	sorted := slices.Sorted(slices.Values(healthy))
	const rounding = 1e-9
	k := max(1, int(math.Floor(alpha*float64(len(sorted)+1)+rounding)))
	return sorted[max(0, len(sorted)-k)]
}
