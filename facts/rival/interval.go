package rival

import "math"

// clopperPearson returns the exact confidence interval of a binomial
// proportion of which k in n were seen: the proportions p under which neither k
// or more nor k or fewer are rarer than (1−confidence)/2. For n = 0 it is
// [0, 1]. Range: 0 ≤ low ≤ k/n ≤ high ≤ 1. It wants 0 ≤ k ≤ n and a
// confidence in (0, 1). Cost: O(n).
//
// Source: C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial
// limits illustrated in the case of the binomial", Biometrika 26 (1934) 404-413.
func clopperPearson(k, n int, confidence float64) (low, high float64) {
	tail := (1 - confidence) / 2
	low, high = 0, 1
	if k > 0 {
		low = bisect(func(p float64) bool { return 1-atMost(k-1, n, p) < tail })
	}
	if k < n {
		high = bisect(func(p float64) bool { return atMost(k, n, p) >= tail })
	}
	return low, high
}

// atMost returns P(X ≤ k) of a binomial X of n trials with probability p in (0, 1).
func atMost(k, n int, p float64) float64 {
	sum := 0.0
	whole, _ := math.Lgamma(float64(n) + 1)
	for i := range k + 1 {
		a, _ := math.Lgamma(float64(i) + 1)
		b, _ := math.Lgamma(float64(n-i) + 1)
		sum += math.Exp(whole - a - b + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return min(sum, 1)
}

// bisect returns the p in (0, 1) up to which holds is true, as near as a
// float64 near 1 can tell.
func bisect(holds func(p float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 52 {
		if p := (low + high) / 2; holds(p) {
			low = p
		} else {
			high = p
		}
	}
	return (low + high) / 2
}
