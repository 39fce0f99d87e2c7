package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// Each test here is one claim of the literature that the detector rests on,
// by the section of the package documentation that states it.

// within reports whether k of n is within four standard errors of p.
func within(k, n int, p float64) bool {
	return math.Abs(float64(k)-float64(n)*p) <= 4*math.Sqrt(float64(n)*p*(1-p))
}

// laws draw the peak of one epoch. Within an epoch everything depends on
// everything: the claims allow it.
func laws(rng *rand.Rand) map[string]func() float64 {
	return map[string]func() float64{
		"normal":    rng.NormFloat64,
		"lognormal": func() float64 { return math.Exp(2 * rng.NormFloat64()) },
		"t2": func() float64 {
			return rng.NormFloat64() / math.Sqrt((rng.ExpFloat64()))
		},
		"ties": func() float64 { return math.Floor(3 * rng.ExpFloat64()) },
	}
}

// Thresholds, T1: with exchangeable epochs, P(any alarm in the epoch) ≤ alpha; equal
// to ⌊alpha(m+1)⌋/(m+1), ties included, by the hashed tie-break.
func TestT1KeepsTheDeclaredRate(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for name, draw := range laws(rng) {
		for _, m := range []int{9, 39} {
			for _, alpha := range []float64{0.1, 0.25} {
				const epochsTried = 4000
				alarms := 0
				for e := range epochsTried {
					h := &epochs{}
					for i := range m {
						h.add(peak{10 + draw(), tie(name, "", int64(e*200+i))}, nil)
					}
					next := peak{10 + draw(), tie(name, "", int64(e*200+m))}
					if next.exceeds(h.threshold(alpha, false), 1) {
						alarms++
					}
				}
				// Below 1/(m+1) the largest peak is the threshold, at 1/(m+1).
				want := math.Max(1, math.Floor(alpha*float64(m+1)+1e-9)) / float64(m+1)
				if !within(alarms, epochsTried, want) {
					t.Errorf("%s, m = %d, alpha = %v: %d of %d epochs alarmed, want the share %.4f",
						name, m, alpha, alarms, epochsTried, want)
				}
			}
		}
	}
}

// Thresholds, T1, early alarm: the running maximum exceeds the threshold at some tick
// if and only if the epoch's maximum does, so that no waiting is needed.
func TestT1EarlyAlarmCostsNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	h := historyOf(1, 2, 3, 4, 5, 6, 7, 8, 9)
	c := h.threshold(0.1, false)
	for range 2000 {
		early, whole := false, peak{}
		for range 60 {
			p := peak{10 * rng.Float64() * rng.Float64(), 0}
			early = early || p.exceeds(c, 1)
			if p.compare(whole) > 0 {
				whole = p
			}
		}
		if early != whole.exceeds(c, 1) {
			t.Fatalf("early alarm %v, alarm of the epoch %v", early, !early)
		}
	}
}

// Thresholds, T2: under permutations of members and of epochs, the pooled p-value of a
// cell, #{cells at least as large}/(n(m+1)), is super-uniform, whatever the
// epoch does to all its members at once.
func TestT2PooledCellsAreSuperUniform(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	for _, n := range []int{3, 10, 30} {
		const m, tried = 10, 2000
		for _, alpha := range []float64{0.1, 0.05} {
			hits := 0
			for range tried {
				var cells []float64
				for range m + 1 {
					common := rng.NormFloat64() // of the epoch
					for range n {
						cells = append(cells, common+rng.NormFloat64())
					}
				}
				own := cells[len(cells)-1-rng.IntN(n)]
				larger := 0
				for _, c := range cells {
					if c >= own {
						larger++
					}
				}
				if float64(larger) <= alpha*float64(len(cells)) {
					hits++
				}
			}
			if limit := alpha*tried + 4*math.Sqrt(alpha*tried); float64(hits) > limit {
				t.Errorf("n = %d, alpha = %v: p ≤ alpha in %d of %d, want at most %.0f", n, alpha, hits, tried, limit)
			}
		}
	}
}

// Thresholds, T2 as it is used: the expected number of members falsely alarmed in an
// epoch is at most alpha.
func TestT2BoundsTheFalselyAlarmed(t *testing.T) {
	rng := rand.New(rand.NewPCG(27, 28))
	for _, n := range []int{3, 10, 30} {
		const m, tried, alpha = 19, 1500, 0.1
		alarmed := 0
		for range tried {
			h := &epochs{}
			var next []memberPeak
			for e := range m + 1 {
				var whole peak
				var cells []memberPeak
				for range n {
					p := peak{math.Exp(rng.NormFloat64()), rng.Uint64()}
					cells = append(cells, memberPeak{peak: p})
					if p.compare(whole) > 0 {
						whole = p
					}
				}
				if e == m {
					next = cells
				} else {
					h.add(whole, cells)
				}
			}
			c := h.threshold(alpha, true)
			if t1 := h.threshold(alpha, false); c.compare(t1) < 0 {
				t.Fatal("the threshold of T2 is below that of T1")
			}
			for _, p := range next {
				if p.exceeds(c, 1) {
					alarmed++
				}
			}
		}
		// A sum of n·tried cells with positive dependence: six standard errors.
		if limit := alpha*tried + 6*math.Sqrt(alpha*tried); float64(alarmed) > limit {
			t.Errorf("n = %d: %d members alarmed in %d epochs, want at most %.0f", n, alarmed, tried, limit)
		}
	}
}

// Residuals: a sick member cannot drag its own reference, and one of four or more
// hardly moves that of the others.
func TestLeaveOneOutMedianResistsASickMember(t *testing.T) {
	for n := 3; n <= 12; n++ {
		s := make([]float64, n)
		for i := range s {
			s[i] = 3 + 0.01*float64(i)
		}
		healthy := middleOf(slices.Clone(s)).without(s[0])
		own := middleOf(slices.Clone(s)).without(s[n-1])
		s[n-1] = 1e6
		m := middleOf(slices.Clone(s))
		if got := m.without(1e6); got != own {
			t.Errorf("n = %d: the sick member's reference moved from %v to %v", n, own, got)
		}
		if got := m.without(s[0]); n >= 4 && math.Abs(got-healthy) > 0.02 {
			t.Errorf("n = %d: a healthy member's reference moved from %v to %v", n, healthy, got)
		}
	}
}

// Attribution: t_k = h_k²/P_kk is the drop in S² if feature k were replaced by its best
// linear prediction from the others.
func TestAttributionIsTheDropUnderBestLinearPrediction(t *testing.T) {
	rng := rand.New(rand.NewPCG(29, 30))
	for d := 2; d <= 8; d++ {
		sigma := randomCovariance(rng, d)
		q, err := newQuadratic(sigma, 1)
		if err != nil {
			t.Fatal(err)
		}
		w := make([]float64, d)
		for k := range w {
			w[k] = 3 * rng.NormFloat64()
		}
		s := q.stat(w)
		for _, share := range attribute(q.inverse, w) {
			k := share.feature
			if math.Signbit(share.score) != math.Signbit(w[k]) {
				t.Errorf("d = %d: feature %d has the sign of %v, want that of %v", d, k, share.score, w[k])
			}
			replaced := slices.Clone(w)
			replaced[k] = predict(t, sigma, w, k)
			after := q.stat(replaced)
			if got, want := share.score*share.score, s*s-after*after; math.Abs(got-want) > 1e-8*(1+s*s) {
				t.Errorf("d = %d: t_%d = %v, want the drop %v", d, k, got, want)
			}
		}
	}
}

// predict returns Σ_{k,o}·Σ_{o,o}⁻¹·w_o, o the features other than k.
func predict(t *testing.T, sigma *mat.SymDense, w []float64, k int) float64 {
	t.Helper()
	d := len(w)
	var others []int
	for j := range d {
		if j != k {
			others = append(others, j)
		}
	}
	soo, sok, wo := mat.NewSymDense(d-1, nil), mat.NewVecDense(d-1, nil), mat.NewVecDense(d-1, nil)
	for a, i := range others {
		for b, j := range others {
			soo.SetSym(a, b, sigma.At(i, j))
		}
		sok.SetVec(a, sigma.At(i, k))
		wo.SetVec(a, w[i])
	}
	var beta mat.VecDense
	if err := beta.SolveVec(soo, sok); err != nil {
		t.Fatal(err)
	}
	return mat.Dot(&beta, wo)
}

// Scores: pure ranks saturate, and the logarithmic tail restores the size of what
// is far out; a single spike cannot set the scale of the rest.
func TestRanksAreBoundedAndTheTailIsNot(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	var h, spiked histogram
	for i := range 4000 {
		z := rng.NormFloat64()
		h.add(z)
		if i%400 == 0 {
			z = 1e6
		}
		spiked.add(z)
	}
	clean, dirty := newRanks(&h), newRanks(&spiked)
	if a, b := clean.score(2), dirty.score(2); math.Abs(a-b) > 0.1 {
		t.Errorf("score(2) is %.3f, and %.3f with one spike in 400", a, b)
	}
	if near, far := clean.score(9), clean.score(90); far-near < 3 {
		t.Errorf("score(9) = %.2f, score(90) = %.2f: the tail does not tell them apart", near, far)
	}
}
