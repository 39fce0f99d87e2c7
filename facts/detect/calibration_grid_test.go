package detect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// gridLaws draw the score of member i in an epoch of which common is what all
// members share: three of alike members, one of members that differ, one with ties.
var gridLaws = []struct {
	name string
	draw func(rng *rand.Rand, i int, common float64) float64
}{
	{"normal", func(rng *rand.Rand, _ int, common float64) float64 { return 9 + common + rng.NormFloat64() }},
	{"t2", func(rng *rand.Rand, _ int, common float64) float64 {
		return math.Abs(common + rng.NormFloat64()/math.Sqrt(rng.ExpFloat64()))
	}},
	{"lognormal", func(rng *rand.Rand, _ int, common float64) float64 { return math.Exp(common + rng.NormFloat64()) }},
	{"own scales", func(rng *rand.Rand, i int, common float64) float64 {
		return float64(1+i%7) * math.Abs(common+rng.NormFloat64())
	}},
	{"ties", func(rng *rand.Rand, _ int, common float64) float64 {
		return 1 + math.Floor(math.Abs(common)) + math.Floor(rng.ExpFloat64())
	}},
}

// The thresholds keep their rate for each law, size and alpha: over a history
// that slides, realised/nominal is at most 1 and three standard errors, and
// over all sizes together at least 0.9 less as many; with ties too, since the
// hash breaks them.
func TestT1ThresholdsKeepTheRateOverTheGrid(t *testing.T) {
	const m, tried = 199, 3000
	alphas := []float64{0.1, 0.05, 0.01, 0.005} // alpha·(m+1) is whole for each
	for l, law := range gridLaws {
		t.Run(law.name, func(t *testing.T) {
			t.Parallel()
			var total [4]int
			sizes := []int{3, 5, 8, 30, 1000}
			for _, n := range sizes {
				rng := rand.New(rand.NewPCG(uint64(71+l), uint64(n)))
				alarms := slidingAlarms(m, tried, alphas, func(e int) peak {
					p := peak{tie: tie(law.name, fmt.Sprint(n), int64(e))}
					common := rng.NormFloat64()
					for i := range n {
						p.score = max(p.score, law.draw(rng, i, common))
					}
					return p
				})
				for a, alpha := range alphas {
					total[a] += alarms[a]
					ratio := float64(alarms[a]) / (alpha * tried)
					if se := math.Sqrt((1 - alpha) / (alpha * tried)); ratio > 1+3*se {
						t.Errorf("n = %d, alpha = %v: realised/nominal %.2f, want at most 1 + 3·%.2f", n, alpha, ratio, se)
					}
				}
			}
			for a, alpha := range alphas {
				expected := alpha * tried * float64(len(sizes))
				ratio, se := float64(total[a])/expected, math.Sqrt((1-alpha)/expected)
				if low := 0.9 - 3*se; ratio > 1+3*se || ratio < low {
					t.Errorf("alpha = %v, all sizes: realised/nominal %.2f, want %.2f to %.2f", alpha, ratio, low, 1+3*se)
				}
			}
		})
	}
}

// slidingAlarms returns for each alpha how many of the epochs tried exceed the
// threshold of the m before them.
func slidingAlarms(m, tried int, alphas []float64, draw func(e int) peak) []int {
	h := &epochs{keep: m}
	alarms := make([]int, len(alphas))
	for e := range m + tried {
		p := draw(e)
		if e >= m {
			for a, alpha := range alphas {
				if p.exceeds(h.threshold(alpha, false), 1) {
					alarms[a]++
				}
			}
		}
		h.add(p, nil)
	}
	return alarms
}

// An epoch that alarmed is learnt with the peak that it had. Left out, it lowers
// the threshold as the others slide out, and false alarms beget false alarms: a
// history that slides over 2/alpha epochs ends at several times the rate
// declared.
func TestFalseAlarmsAreLearntAsTheyWere(t *testing.T) {
	const alpha, m, tried = 0.1, 19, 6000
	rng := rand.New(rand.NewPCG(81, 82))
	for _, tt := range []struct {
		name        string
		leave       bool
		least, most float64 // realised/nominal
	}{
		{"with the peak that it had the rate stays", false, 0.9, 1.1},
		{"left out it runs away", true, 3, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &epochs{keep: m}
			alarms := 0
			for e := range m + tried {
				p := peak{1 + rng.Float64(), rng.Uint64()}
				if e >= m {
					if p.exceeds(h.threshold(alpha, false), 1) {
						alarms++
						if tt.leave {
							continue
						}
					}
				}
				h.add(p, nil)
			}
			if ratio := float64(alarms) / (alpha * tried); ratio < tt.least || ratio > tt.most {
				t.Errorf("realised/nominal %.2f, want %v to %v", ratio, tt.least, tt.most)
			}
		})
	}
}
