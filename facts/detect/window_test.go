package detect

import (
	"math/rand/v2"
	"testing"
)

func TestWindowSumsNeverDrift(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	const d, ticks = 3, 5000
	lengths := []int{1, 3, 8, 20}
	w := newWindow(lengths, d)
	var history [][d]float64
	v := make([]float64, d)
	for i := range ticks {
		if rng.IntN(1500) == 0 {
			w.restart()
			history = nil
		}
		for k := range v {
			v[k] = exact(100 * rng.NormFloat64())
		}
		w.add(v)
		history = append(history, [d]float64(v))
		for j, length := range lengths {
			if w.full(j) != (len(history) >= length) {
				t.Fatalf("tick %d: window of %d is full: %v after %d ticks", i, length, w.full(j), len(history))
			}
			for k := range d {
				want := 0.0
				for _, past := range history[max(0, len(history)-length):] {
					want += past[k]
				}
				if got := w.sum(j, d)[k]; got != want {
					t.Fatalf("tick %d: sum of the last %d = %v, want exactly %v", i, length, got, want)
				}
			}
		}
	}
}

func TestExact(t *testing.T) {
	for _, tt := range []struct{ v, want float64 }{
		{0, 0}, {1, 1}, {-2.5, -2.5}, {0x1p-15, 0x1p-15}, {1.2 * 0x1p-15, 0x1p-15}, {-0.8 * 0x1p-15, -0x1p-15},
		{255.99999, 256}, {0x1p-20, 0},
	} {
		if got := exact(tt.v); got != tt.want {
			t.Errorf("exact(%v) = %v, want %v", tt.v, got, tt.want)
		}
	}
}
