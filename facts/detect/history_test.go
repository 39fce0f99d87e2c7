package detect

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// season makes the block means of members that follow one day: a common
// seasonal level, and noise of their own with heavy tails.
type season struct {
	rng    *rand.Rand
	h      *history
	series []*past
	block  int
	noise  func(s *season, y float64) float64   // makes a value of a level
	touch  func(block, member int, y []float64) // last word on the values
}

const seasonBlock = 5 * time.Minute

var seasonFeatures = []string{"request_rate", "latency_ms", "cpu_per_request", "memory_mb"}

func newSeason(seed uint64, members int) *season {
	s := &season{rng: rand.New(rand.NewPCG(seed, 7)),
		noise: func(s *season, y float64) float64 { return y + 0.05*s.t2() },
		h:     newHistory([]int{1, 3, 12}, seasonFeatures, seasonBlock)}
	for range members {
		s.series = append(s.series, newPast(s.h))
	}
	return s
}

// t2 returns a number of Student's t distribution with two degrees of freedom.
func (s *season) t2() float64 {
	return s.rng.NormFloat64() / math.Sqrt(s.rng.ExpFloat64())
}

func (s *season) poisson(mean float64) float64 {
	return (&synthetic{rng: s.rng}).poisson(mean)
}

// time returns the end of the block last taken in.
func (s *season) time() time.Time { return at(0).Add(time.Duration(s.block) * seasonBlock) }

// next takes in the next block.
func (s *season) next(t testing.TB) {
	t.Helper()
	s.block++
	day := 2 * math.Pi * float64(s.time().Unix()%86400) / 86400
	for i, p := range s.series {
		for k := range p.y {
			p.y[k] = s.noise(s, 3+float64(k)+math.Sin(day+float64(k)/2))
		}
		if s.touch != nil {
			s.touch(s.block, i, p.y)
		}
	}
	if err := s.h.observe(s.time(), s.series); err != nil {
		t.Fatalf("observe block %d: %v", s.block, err)
	}
}

// days takes in so many days, and returns the largest score of each series.
func (s *season) days(t testing.TB, n float64) []float64 {
	t.Helper()
	top := make([]float64, len(s.series))
	for range int(n * float64(24*time.Hour/seasonBlock)) {
		s.next(t)
		for i, p := range s.series {
			if p.judged {
				top[i] = max(top[i], p.u)
			}
		}
	}
	return top
}

func TestHistoryScores(t *testing.T) {
	hour := func(block int) int { return block / 12 % 24 }
	for _, tt := range []struct {
		name  string
		touch func(block, member int, y []float64)
		found []int // members that stand out, all others being quiet
	}{
		{"nothing, when nothing happens", nil, nil},
		{"a member that is off at three at night only, where it was not before",
			func(block, i int, y []float64) {
				if i == 2 && hour(block) == 3 {
					y[0] += 0.5
					y[2] -= 0.5
				}
			}, []int{2}},
		{"nobody, when the whole group surges",
			func(_, _ int, y []float64) { y[0] += 0.7; y[1] += 0.3 }, nil},
		{"the member that does not surge with the group",
			func(_, i int, y []float64) {
				if i != 1 {
					y[0] += 2
				}
			}, []int{1}},
		{"nobody, when values are missing",
			func(block, _ int, y []float64) {
				for k := range y {
					if (block+k)%5 == 0 {
						y[k] = math.NaN()
					}
				}
			}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSeason(1, 5)
			s.days(t, 9)
			healthy := s.days(t, 5)
			limit := 0.0
			for _, u := range healthy {
				limit = max(limit, u)
			}
			s.touch = tt.touch
			got := s.days(t, 1)
			for i, u := range got {
				want := false
				for _, j := range tt.found {
					want = want || i == j
				}
				if found := u > 1.3*limit; found != want {
					t.Errorf("member %d scored %.2f, %.2f at most in five days before: stands out %v, want %v", i, u, limit, found, want)
				}
			}
		})
	}
}

func TestHistoryNamesWhatIsBehindAScore(t *testing.T) {
	s := newSeason(2, 4)
	s.days(t, 4)
	if s.h.judge == nil {
		t.Fatal("no law after four days")
	}
	s.touch = func(_, i int, y []float64) {
		if i == 3 {
			y[1] -= 1
		}
	}
	s.next(t)
	p := s.series[3]
	got := s.h.effects(p, 2)
	if len(got) != 2 || got[0].feature != 1 || got[0].score > -0.5 {
		t.Fatalf("effects are %+v, want two, the first of them a fall of latency", got)
	}
	if off := got[0].y - got[0].usual; math.Abs(off+1) > 0.3 {
		t.Errorf("latency is %.2f off its usual value, want about -1", off)
	}
	if got := [...]int{s.h.direction(p, "latency_ms"), s.h.direction(p, "nobody's")}; got != [...]int{-1, 0} {
		t.Errorf("directions of latency and of an unknown feature are %d, want -1, 0", got)
	}
}
