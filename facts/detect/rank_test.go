package detect

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Reference: Python 3.11.7, statistics.NormalDist().inv_cdf(p).
func TestScoreIsTheNormalScoreOfTheRank(t *testing.T) {
	for _, tt := range []struct{ p, want float64 }{
		{0.5, 0}, {0.9, 1.2815515655446008}, {0.975, 1.9599639845400536}, {0.995, 2.5758293035489},
	} {
		// A grid point with the share p of the residuals below it and none at it.
		var h histogram
		const n = 1e6
		h.counts[rankReach*rankGrid-9] = math.Round(n * tt.p)
		h.counts[rankReach*rankGrid+9] = n - h.counts[rankReach*rankGrid-9]
		h.n = n
		if got := newRanks(&h).score(0); math.Abs(got-tt.want) > 1e-4 {
			t.Errorf("score with the share %v below = %v, want %v", tt.p, got, tt.want)
		}
	}
}

func TestScoresOfHealthAreStandardNormal(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for name, draw := range map[string]func() float64{
		"normal":      rng.NormFloat64,
		"exponential": func() float64 { return rng.ExpFloat64() - 1 },
		"two peaks":   func() float64 { return rng.NormFloat64()/4 + float64(2*rng.IntN(2)) - 1 },
	} {
		var h histogram
		z := make([]float64, 20000)
		for i := range z {
			z[i] = draw()
			h.add(z[i])
		}
		r := newRanks(&h)
		var sum, squares float64
		for _, x := range z {
			v := r.score(x)
			sum += v
			if math.Abs(x) <= r.z99 {
				squares += v * v
			}
		}
		if mean, second := sum/20000, squares/20000; math.Abs(mean) > 0.1 || math.Abs(second-1) > 0.15 {
			t.Errorf("%s: mean %.3f, second moment within the 99 %% point %.3f, want 0 and 1", name, mean, second)
		}
	}
}

func TestScore(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var h histogram
	for range 5000 {
		h.add(rng.NormFloat64())
	}
	r := newRanks(&h)
	last := math.Inf(-1)
	for z := -1000.0; z <= 1000; z += 0.05 {
		v := r.score(z)
		if v < last {
			t.Fatalf("score falls from %v to %v at z = %v", last, v, z)
		}
		if v != exact(v) {
			t.Fatalf("score(%v) = %v is off the grid", z, v)
		}
		last = v
	}
	for _, z := range []float64{math.MaxFloat64, math.Inf(1)} {
		if v := r.score(z); !(v > 3 && v < 256) {
			t.Errorf("score(%v) = %v, want above 3 and below 256", z, v)
		}
		if v := r.score(-z); !(v < -3 && v > -256) {
			t.Errorf("score(%v) = %v, want below -3 and above -256", -z, v)
		}
	}
	if got, want := r.score(10*r.z99)-r.score(5*r.z99), tailWeight*math.Log(2); math.Abs(got-want) > 0.3 {
		t.Errorf("the tail grows by %.3f from 5 to 10 z99, want about %.3f", got, want)
	}
}

func TestConstantResidualsScoreZero(t *testing.T) {
	var h histogram
	for range 300 {
		h.add(0)
	}
	r := newRanks(&h)
	if v := r.score(0); v != 0 {
		t.Errorf("score(0) = %v, want 0", v)
	}
	if v := r.score(8); v < 3 {
		t.Errorf("score(8) = %v, want what was never seen to tell", v)
	}
}

func TestHistogramsAddUp(t *testing.T) {
	var a, b, both histogram
	for i := range 100 {
		z := float64(i-50) / 7
		both.add(z)
		if i%3 == 0 {
			a.add(z)
		} else {
			b.add(z)
		}
	}
	a.merge(&b)
	if a != both {
		t.Error("the merged histogram differs from that of all residuals")
	}
}
