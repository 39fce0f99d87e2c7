package detect

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Reference: math.Log, whose error is below one unit in the last place.
func TestLogarithmIsWithinItsError(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	check := func(x float64) {
		want := math.Log(x)
		e := math.Abs(logarithm(x)-want) / max(1, math.Abs(want))
		if e > 0x1p-51 {
			t.Fatalf("logarithm(%v) = %v, want %v within 2⁻⁵¹", x, logarithm(x), want)
		}
	}
	for range 200000 {
		check(math.Exp(700 * (2*rng.Float64() - 1)))
		check(1 + rng.NormFloat64()/100)
		check(0.4 + 2*rng.Float64())
	}
	for _, x := range []float64{1, 2, 0.5, 1e-9, 0x1p-1022, math.MaxFloat64, math.Nextafter(1, 0), math.Nextafter(1, 2), math.Nextafter(2, 0)} {
		check(x)
	}
}

func TestLogarithmOfWhatIsNoNumber(t *testing.T) {
	if v := logarithm(1); v != 0 {
		t.Errorf("logarithm(1) = %v, want 0", v)
	}
	if v := logarithm(math.NaN()); !math.IsNaN(v) {
		t.Errorf("logarithm(NaN) = %v, want NaN", v)
	}
	if v := logarithm(math.Inf(1)); !math.IsInf(v, 1) {
		t.Errorf("logarithm(+Inf) = %v, want +Inf", v)
	}
}

func BenchmarkLogarithm(b *testing.B) {
	var x [256]float64
	for i := range x {
		x[i] = 1 + float64(i*i)/7
	}
	for name, f := range map[string]func(float64) float64{"table": logarithm, "math": math.Log} {
		b.Run(name, func(b *testing.B) {
			sum := 0.0
			for i := range b.N {
				sum += f(x[i%len(x)])
			}
			if math.IsNaN(sum) {
				b.Fatal("NaN")
			}
		})
	}
}
