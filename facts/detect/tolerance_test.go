package detect

import (
	"math"
	"testing"
)

// Reference values: with k = 1, 1 − delta^(1/m); others from qbeta(1−delta, k, m+1−k) by
// bisection of the binomial tail, see binomialTail.
func TestAssured(t *testing.T) {
	for _, tt := range []struct {
		name  string
		m, k  int
		delta float64
		want  float64
	}{
		{"299 epochs assure one in a hundred", 299, 1, 0.05, 0.009969},
		{"298 do not quite", 298, 1, 0.05, 0.010002},
		{"2995 assure one in a thousand", 2995, 1, 0.05, 0.0009997},
		{"no epochs assure nothing", 0, 1, 0.05, 1},
		{"a threshold below all peaks neither", 10, 11, 0.05, 1},
		{"there is no threshold above all", 10, 0, 0.05, 1},
		{"certainty is not to be had", 10, 1, 0, 1},
		{"no number is out of range", 10, 1, math.NaN(), 1},
		{"one epoch", 1, 1, 0.05, 0.95},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := assured(tt.m, tt.k, tt.delta); math.Abs(got-tt.want) > 1e-6 {
				t.Errorf("assured(%d, %d, %v) = %v, want %v", tt.m, tt.k, tt.delta, got, tt.want)
			}
		})
	}
}

// binomialTail returns P(X < k) for X of Binomial(m, p), which is the chance
// that a rate above p gives a threshold at the k-th largest: the definition
// that the Beta quantile solves.
func binomialTail(m, k int, p float64) float64 {
	sum := 0.0
	for i := range k {
		a, _ := math.Lgamma(float64(m + 1))
		b, _ := math.Lgamma(float64(i + 1))
		c, _ := math.Lgamma(float64(m - i + 1))
		sum += math.Exp(a - b - c + float64(i)*math.Log(p) + float64(m-i)*math.Log1p(-p))
	}
	return sum
}

func TestAssuredSolvesTheBinomialTailAndIsMonotone(t *testing.T) {
	for _, m := range []int{1, 2, 9, 59, 299, 5000, maxEpochs} {
		for _, delta := range []float64{0.5, 0.05, 0.001} {
			before := 0.0
			for _, k := range []int{1, 2, 3, 7, 50, 200} {
				if k > m {
					continue
				}
				p := assured(m, k, delta)
				if got := binomialTail(m, k, p); math.Abs(got-delta) > 1e-6 {
					t.Errorf("assured(%d, %d, %v) = %v, where the tail is %v", m, k, delta, p, got)
				}
				if p <= before {
					t.Errorf("assured(%d, %d, %v) = %v, want more than %v at a smaller k", m, k, delta, p, before)
				}
				before = p
				if m > k && assured(m-1, k, delta) <= p {
					t.Errorf("assured(%d, %d, %v) is not above that of one epoch more", m-1, k, delta)
				}
			}
		}
	}
}
