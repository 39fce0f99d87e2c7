package detect

import (
	"math"
	"math/rand/v2"
	"testing"
)

// samplesOf makes n samples of y = a + g·mu + noise, with mu over the range.
func samplesOf(rng *rand.Rand, n int, a, g, noise, span float64) []sample {
	out := make([]sample, n)
	for i := range out {
		mu := 3 + span*rng.Float64()
		out[i] = sample{a + g*mu + noise*rng.NormFloat64(), mu, 1}
	}
	return out
}

func TestFitCell(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	spoil := func(s []sample, share float64) []sample {
		for i := range int(share * float64(len(s))) {
			s[i].y += 8
		}
		return s
	}
	missing := samplesOf(rng, 200, 0.4, 1, 0.1, 1)
	for i := range 100 {
		missing[i].y = math.NaN()
	}
	constant := samplesOf(rng, 60, 2, 0, 0, 1)
	for _, tt := range []struct {
		name            string
		samples         []sample
		a, g, s         float64
		tolA, tolG, tol float64
	}{
		{"an offset", samplesOf(rng, 400, 0.5, 1, 0.1, 0.1), 0.5, 1, 0.1, 0.5, 0.1, 0.02},
		{"a slope that the load has shown", samplesOf(rng, 400, 0, 1.3, 0.05, 2), 0, 1.3, 0.05, 0.2, 0.05, 0.01},
		{"a slope that it has not stays near 1", samplesOf(rng, 40, 0, 1, 0.2, 0.01), 0, 1, 0.2, 0.2, 0.02, 0.08},
		{"a tenth of outliers", spoil(samplesOf(rng, 400, 0.5, 1, 0.1, 0.1), 0.1), 0.5, 1, 0.1, 0.5, 0.1, 0.04},
		{"missing samples", missing, 0.4, 1, 0.1, 0.4, 0.1, 0.03},
		{"a constant metric", constant, 2, 0, 0, 4, 1, 0.05},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := fitCell(tt.samples, make([]float64, 0, len(tt.samples)))
			at := 3.5 // the residual at a typical mu is what counts
			if got, want := f.a+f.g*at, tt.a+tt.g*at; math.Abs(got-want) > 0.1 {
				t.Errorf("fit at %v = %v, want %v", at, got, want)
			}
			if math.Abs(f.a-tt.a) > tt.tolA || math.Abs(f.g-tt.g) > tt.tolG || math.Abs(f.s-tt.s) > tt.tol {
				t.Errorf("fitCell = %+v, want a %v, g %v, s %v", f, tt.a, tt.g, tt.s)
			}
		})
	}
}

func TestFitCellNeedsSamples(t *testing.T) {
	f := fitCell(make([]sample, minSamples-1), nil)
	if c := f.cell(2, 0.1); c != alike(2) {
		t.Errorf("cell of %d samples = %+v, want the group's: %+v", f.n, c, alike(2))
	}
	if c := f.cell(0, 0.1); c != alike(0.1) {
		t.Errorf("cell of a group that never moved = %+v, want the floor", c)
	}
}

func TestCellScaleIsDrawnToTheGroup(t *testing.T) {
	f := fit{g: 1, s: 0.1, n: 40}
	got, want := 1/f.cell(0.3, 0.01).inverse, math.Sqrt((40*0.01+scaleSamples*0.09)/(40+scaleSamples))
	if math.Abs(got-want) > 1e-12 {
		t.Errorf("scale = %v, want %v", got, want)
	}
}

func TestResidualOfWhatIsMissing(t *testing.T) {
	c := alike(0.5)
	for _, x := range [][2]float64{{math.NaN(), 1}, {1, math.NaN()}} {
		if z := c.z(x[0], x[1], 2); !math.IsNaN(z) {
			t.Errorf("z(%v, %v) = %v, want NaN", x[0], x[1], z)
		}
	}
	if z := c.z(2, 1, 3); z != 6 {
		t.Errorf("z(2, 1) at precision 3 and scale 0.5 = %v, want 6", z)
	}
}
