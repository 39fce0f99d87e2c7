package detect

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
)

// Validity needs a stationary sequence of scores and nothing else: the largest
// U of an epoch exceeds the conformal threshold of those before it at the
// declared rate, whatever the noise, the season and the size of the group. In
// the first week, while levels and scales settle, it does so more rarely.
func TestHistoryKeepsTheDeclaredRate(t *testing.T) {
	const alpha, epoch, days, settled, seeds, memory = 0.1, 6, 14, 7, 3, 150
	noises := []struct {
		name string
		of   func(s *season, y float64) float64
	}{
		{"t2", func(s *season, y float64) float64 { return y + 0.05*s.t2() }},
		{"Poisson", func(s *season, y float64) float64 { return log1p(s.poisson(math.Exp(y) - 1)) }},
	}
	for _, n := range []int{1, 4} {
		for _, noise := range noises {
			t.Run(fmt.Sprintf("%d members, %s", n, noise.name), func(t *testing.T) {
				t.Parallel()
				var alarms, epochs [2]float64 // in the first week, and after it
				for seed := range uint64(seeds) {
					s := newSeason(seed+1, n)
					s.noise = noise.of
					var peaks []float64
					for e := range days * 288 / epoch {
						peak := slices.Max(s.days(t, epoch/288.0))
						if peak == 0 {
							continue
						}
						if ref := slices.Clone(peaks[max(0, len(peaks)-memory):]); len(ref) >= 1/alpha {
							week := min(1, e*epoch/288/settled)
							epochs[week]++
							slices.Sort(ref)
							if peak > ref[int(math.Ceil((1-alpha)*float64(len(ref)+1)))-1] {
								alarms[week]++
							}
						}
						peaks = append(peaks, peak)
					}
				}
				// Epochs of a few windows depend on each other a little: twice the
				// binomial variance.
				slack := 3 * math.Sqrt(2*alpha*(1-alpha)/epochs[1])
				if got := alarms[1] / epochs[1]; math.Abs(got-alpha) > slack {
					t.Errorf("%.3f of %v epochs alarmed, want %v ± %.3f", got, epochs[1], alpha, slack)
				}
				if got := alarms[0] / epochs[0]; got > alpha+slack {
					t.Errorf("%.3f of %v epochs alarmed in the first week, want at most %v", got, epochs[0], alpha)
				}
			})
		}
	}
}

// What comes slowly is learnt, and is not unlike the series itself: that is for
// the anchor baseline to tell.
func TestHistoryForgivesADriftThatIsSlowAgainstItsMemory(t *testing.T) {
	s := newSeason(4, 5)
	s.days(t, 10)
	limit := slices.Max(s.days(t, 4))
	s.touch = func(block, i int, y []float64) {
		if i == 0 {
			y[0] += 0.05 / 7 * float64(block-14*288) / 288 // a standard deviation a week
		}
	}
	if got := s.days(t, 28)[0]; got > 1.3*limit {
		t.Errorf("a member that drifts by a standard deviation a week scored %.2f, want at most 1.3 times the %.2f of before", got, limit)
	}
}

// The hour counts: who is busy every night at three is itself at three, and
// beside itself at noon.
func TestHistoryKnowsTheHour(t *testing.T) {
	s := newSeason(5, 4)
	busy := func(from int) func(int, int, []float64) {
		return func(_, i int, y []float64) {
			if h := int(s.hour()); i == 1 && h >= from && h < from+2 {
				y[0] += 0.6
			}
		}
	}
	s.touch = busy(2)
	s.days(t, 10)
	limit := slices.Max(s.days(t, 4))
	if got := s.days(t, 1)[1]; got > 1.3*limit {
		t.Errorf("at its usual hour the member scored %.2f, want at most 1.3 times the %.2f of before", got, limit)
	}
	s.touch = busy(12)
	if got := s.days(t, 1)[1]; got < 1.3*limit {
		t.Errorf("at an unusual hour the member scored %.2f, want more than 1.3 times the %.2f of before", got, limit)
	}
}

// Members of one group differ in how noisy they are, and in how they take a
// surge: neither puts them in the wrong.
func TestASurgePutsNobodyInTheWrong(t *testing.T) {
	for _, tt := range []struct {
		name  string
		moved func(member int) float64
	}{
		{"all by the same", func(int) float64 { return 2 }},
		{"the noisier the more", func(i int) float64 { return 2 + 0.4*float64(i) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSeason(11, 6)
			noisy := func(_, i int, y []float64) {
				for k := range y {
					y[k] += 0.01 * float64(i) * s.t2()
				}
			}
			s.touch = noisy
			s.days(t, 9)
			limit := slices.Max(s.days(t, 5))
			s.touch = func(block, i int, y []float64) {
				noisy(block, i, y)
				y[0] += tt.moved(i)
			}
			for i, u := range s.days(t, 0.2) {
				if u > 1.3*limit {
					t.Errorf("member %d scored %.2f, want at most 1.3 times the %.2f of before", i, u, limit)
				}
			}
		})
	}
}

// A single series, such as the middle of a group, has nobody to share a move
// with: it is judged on the whole of it, and tells the direction.
func TestTheCommonPartTellsWhichWayItMoved(t *testing.T) {
	for _, tt := range []struct {
		name          string
		load, latency float64
		want          int
	}{
		{"load up", 1, 0, 1},
		{"load down, latency up", -1, 1, -1},
		{"latency up alone", 0, 1, 1},
		{"latency down alone", 0, -1, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSeason(6, 1)
			s.days(t, 8)
			limit := slices.Max(s.days(t, 3))
			s.touch = func(_, _ int, y []float64) { y[0] += tt.load; y[1] += tt.latency }
			if got := slices.Max(s.days(t, 0.1)); got < 1.3*limit {
				t.Errorf("scored %.2f, want more than 1.3 times the %.2f of before", got, limit)
			}
			if got := cmp.Or(s.h.direction(s.series[0], requestRate), s.h.direction(s.series[0], "latency_ms")); got != tt.want {
				t.Errorf("direction is %d, want %d", got, tt.want)
			}
		})
	}
}

func TestHistoryIsFiniteWhateverItIsShown(t *testing.T) {
	s := newSeason(7, 3)
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -1e30, 1e30, 0, math.SmallestNonzeroFloat64}
	s.touch = func(_, i int, y []float64) {
		for k := range y {
			if s.rng.IntN(3) == 0 {
				y[k] = odd[s.rng.IntN(len(odd))]
			}
		}
	}
	for range 3 * 288 {
		s.next(t)
		for i, p := range s.series {
			if p.judged && (math.IsNaN(p.u) || math.IsInf(p.u, 0)) {
				t.Fatalf("block %d: member %d scored %v", s.block, i, p.u)
			}
		}
	}
}

func TestTheSameBlocksGiveTheSameScores(t *testing.T) {
	run := func() (out []uint64) {
		s := newSeason(8, 6)
		for range 3 * 288 {
			s.next(t)
			for _, p := range s.series {
				if p.judged {
					out = append(out, math.Float64bits(p.u))
				}
			}
		}
		return out
	}
	if a, b := run(), run(); !slices.Equal(a, b) {
		t.Error("two runs over the same blocks differ")
	}
}

// What is kept for the law does not grow with time, and covers all of it.
func TestTheSampleOfALawIsBounded(t *testing.T) {
	s := newSeason(9, lawSeries+3)
	stride := 0
	for range 16 {
		s.days(t, 0.5)
		if n := len(s.h.sample.runs); n > lawRuns {
			t.Fatalf("%d runs are kept, want at most %d", n, lawRuns)
		}
		for _, r := range s.h.sample.runs {
			if len(r.ticks) > lawRun || len(r.z) > lawRun*lawSeries*len(seasonFeatures) {
				t.Fatalf("a run has %d blocks and %d numbers, want at most %d and %d", len(r.ticks), len(r.z), lawRun, lawRun*lawSeries*4)
			}
		}
		stride = s.h.sample.stride
	}
	if stride != 8 {
		t.Errorf("after eight days one run in %d is taken, want 8: of 64 runs half of 16 are kept", stride)
	}
	if got := s.h.version; got != 5 {
		t.Errorf("%d laws were learnt, want 5: after 4, 8, 16, 32 and 64 runs", got)
	}
}

func TestAQuietBlockAllocatesNothing(t *testing.T) {
	s := newSeason(10, 20)
	s.days(t, 3)
	for s.h.sample.turn != 1 { // a run has just begun
		s.next(t)
	}
	y := slices.Clone(s.series[0].y)
	got := allocations(lawRun-4, func() {
		s.block++
		for _, p := range s.series {
			copy(p.y, y)
		}
		if err := s.h.observe(s.time(), s.series); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a block, want none", got)
	}
}
