package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Reference: the two-dimensional inverse by hand, and gonum's stat.Mahalanobis.
func TestQuadratic(t *testing.T) {
	q, err := newQuadratic(mat.NewSymDense(2, []float64{2, 0.6, 0.6, 1}), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := q.stat([]float64{1.5, -0.5}), 1.4918477657246267; math.Abs(got-want) > 1e-12 {
		t.Errorf("stat = %v, want %v", got, want)
	}
	rng := rand.New(rand.NewPCG(13, 14))
	for d := 1; d <= 18; d++ {
		sigma := randomCovariance(rng, d)
		var c mat.Cholesky
		if !c.Factorize(sigma) {
			t.Fatal("no Cholesky factor")
		}
		const length = 3
		if q, err = newQuadratic(sigma, length); err != nil {
			t.Fatal(err)
		}
		sums, mean := make([]float64, d), make([]float64, d)
		for k := range sums {
			sums[k] = 3 * rng.NormFloat64()
			mean[k] = sums[k] / length
		}
		want := stat.Mahalanobis(mat.NewVecDense(d, mean), mat.NewVecDense(d, nil), &c)
		if got := q.stat(sums); math.Abs(got-want) > 1e-9*(1+want) {
			t.Errorf("d = %d: stat = %v, want %v", d, got, want)
		}
		v := mat.NewVecDense(d, sums)
		if got := math.Sqrt(mat.Inner(v, q.inverse, v)); math.Abs(got-want) > 1e-9*(1+want) {
			t.Errorf("d = %d: by the inverse %v, want %v", d, got, want)
		}
	}
}

func randomCovariance(rng *rand.Rand, d int) *mat.SymDense {
	a := mat.NewDense(d, d+2, nil)
	for i := range d {
		for j := range d + 2 {
			a.Set(i, j, rng.NormFloat64())
		}
	}
	s := mat.NewSymDense(d, nil)
	s.SymOuterK(1/float64(d+2), a)
	for k := range d {
		s.SetSym(k, k, s.At(k, k)+0.05)
	}
	return s
}

func TestNewQuadraticRefusesNaN(t *testing.T) {
	if _, err := newQuadratic(mat.NewSymDense(1, []float64{math.NaN()}), 1); err == nil {
		t.Error("a covariance of NaN was taken, want an error")
	}
}

// normalTrace is residuals of n members over so many ticks: the first feature
// normal, the second its double, the third constant, the rest independent.
func normalTrace(rng *rand.Rand, n, ticks, d int) *trace {
	tr := &trace{features: make([]string, d), members: n}
	for k := range d {
		tr.features[k] = string(rune('a' + k))
	}
	for range ticks {
		tick := traceTick{at: len(tr.z)}
		for i := range n {
			tick.scored, tick.restart = append(tick.scored, int32(i)), append(tick.restart, false)
			first := rng.NormFloat64()
			for k := range d {
				switch k {
				case 0, 1:
					tr.z = append(tr.z, float32(first))
				case 2:
					tr.z = append(tr.z, 0)
				default:
					tr.z = append(tr.z, float32(rng.NormFloat64()))
				}
			}
		}
		tr.ticks = append(tr.ticks, tick)
	}
	return tr
}

func TestLawNormalisesEachWindow(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	windows := []int{1, 3, 8, 20}
	tr := normalTrace(rng, 8, 600, 6)
	l, err := learnLaw(windows, tr.features, []*trace{tr})
	if err != nil {
		t.Fatal(err)
	}
	values := make([][]float64, len(windows))
	tr.walk(l, func(j int, sums []float64) { values[j] = append(values[j], l.forms[j].stat(sums)) })
	for j, v := range values {
		slices.Sort(v)
		if q := stat.Quantile(normaliser, stat.Empirical, v, nil); math.Abs(q-1) > 1e-9 {
			t.Errorf("window %d: the 99 %% point of S is %v, want 1", windows[j], q)
		}
		if m := median(v); math.Abs(m-l.forms[j].typical) > 1e-9 {
			t.Errorf("window %d: typical %v, want the median %v", windows[j], l.forms[j].typical, m)
		}
	}
}

func TestLawOfLittleHistory(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	for _, ticks := range []int{1, 5, 25} { // the longest window is never full, or hardly
		tr := normalTrace(rng, 3, ticks, 5)
		l, err := learnLaw([]int{1, 3, 8, 20}, tr.features, []*trace{tr})
		if err != nil {
			t.Fatalf("%d ticks: %v", ticks, err)
		}
		for j, f := range l.forms {
			ones := []float64{5, 5, 0, 5, 5}
			if s := f.stat(ones); !(s > 0) || math.IsInf(s, 0) {
				t.Errorf("%d ticks, window %d: S = %v, want a positive number", ticks, l.windows[j], s)
			}
		}
	}
}
