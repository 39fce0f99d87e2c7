package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestWithoutIsTheMedianOfTheOthers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 40 {
		for range 50 {
			s := make([]float64, n)
			for i := range s {
				s[i] = math.Round(4 * rng.NormFloat64()) // with ties
			}
			m := middleOf(slices.Clone(s))
			for i, y := range s {
				want := medianOf(slices.Delete(slices.Clone(s), i, i+1))
				if got := m.without(y); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
					t.Fatalf("without(%v) of %v = %v, want %v", y, s, got, want)
				}
			}
		}
	}
}

func TestSelectNth(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	shapes := map[string]func(i, n int) float64{
		"random":    func(int, int) float64 { return rng.NormFloat64() },
		"ascending": func(i, _ int) float64 { return float64(i) },
		"falling":   func(i, _ int) float64 { return -float64(i) },
		"equal":     func(int, int) float64 { return 7 },
		"two":       func(i, _ int) float64 { return float64(i % 2) },
		"organ":     func(i, n int) float64 { return float64(min(i, n-i)) },
	}
	for name, shape := range shapes {
		for _, n := range []int{1, 2, 12, 13, 100, 1001} {
			s := make([]float64, n)
			for i := range s {
				s[i] = shape(i, n)
			}
			want := slices.Sorted(slices.Values(s))
			for _, k := range []int{0, n / 3, n / 2, n - 1} {
				got := slices.Clone(s)
				selectNth(got, k)
				if got[k] != want[k] || slices.Max(got[:k+1]) > got[k] || slices.Min(got[k:]) < got[k] {
					t.Errorf("%s, n = %d: selectNth(%d) gives %v, want %v with the smaller before it", name, n, k, got[k], want[k])
				}
			}
		}
	}
}
