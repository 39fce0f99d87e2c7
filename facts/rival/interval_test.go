package rival

import (
	"math"
	"testing"
)

func TestClopperPearsonAgainstClosedForms(t *testing.T) {
	for _, tt := range []struct {
		name      string
		k, n      int
		low, high float64
	}{
		{"nothing tried", 0, 0, 0, 1},
		{"none of thirty", 0, 30, 0, 1 - math.Pow(0.025, 1.0/30)},
		{"all of thirty", 30, 30, math.Pow(0.025, 1.0/30), 1},
		{"one of one", 1, 1, 0.025, 1},
		// 2p − p² = 1 − (1−p)² and p² in closed form.
		{"one of two", 1, 2, 1 - math.Sqrt(0.975), math.Sqrt(0.975)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			low, high := clopperPearson(tt.k, tt.n, 0.95)
			if math.Abs(low-tt.low) > 1e-9 || math.Abs(high-tt.high) > 1e-9 {
				t.Errorf("clopperPearson(%d, %d) = %v, %v, want %v, %v", tt.k, tt.n, low, high, tt.low, tt.high)
			}
		})
	}
}

func TestClopperPearsonLeavesEqualTails(t *testing.T) {
	for _, n := range []int{7, 30, 1000} {
		for _, k := range []int{1, n / 3, n - 1} {
			low, high := clopperPearson(k, n, 0.9)
			if above, below := 1-atMost(k-1, n, low), atMost(k, n, high); math.Abs(above-0.05) > 1e-6 || math.Abs(below-0.05) > 1e-6 {
				t.Errorf("%d of %d: tails %v and %v, want 0.05 each", k, n, above, below)
			}
			if share := float64(k) / float64(n); low >= share || high <= share {
				t.Errorf("%d of %d: %v to %v does not hold %v", k, n, low, high, share)
			}
		}
	}
}

func TestParseProbability(t *testing.T) {
	for text, want := range map[string]float64{"1/30": 1.0 / 30, "0.05": 0.05, "1/2": 0.5} {
		if got, err := ParseProbability(text); err != nil || got != want {
			t.Errorf("ParseProbability(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "1", "30", "1/0", "1/x", "NaN", "-0.1"} {
		if got, err := ParseProbability(text); err == nil {
			t.Errorf("ParseProbability(%q) = %v, want an error", text, got)
		}
	}
}
