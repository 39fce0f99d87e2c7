package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/evenkeel/evenkeel/facts"
)

// The form of the features that are there is that of their own covariance,
// whatever is in the place of the others.
func TestFormWithoutFeaturesIsThatOfTheRest(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	var work []float64
	for d := 2; d <= 9; d++ {
		sigma := randomCovariance(rng, d)
		q, err := newQuadratic(sigma, 3)
		if err != nil {
			t.Fatal(err)
		}
		var lacks, there []int
		for k := range d {
			if k == 0 || k < d-1 && rng.IntN(2) == 0 {
				lacks = append(lacks, k)
			} else {
				there = append(there, k)
			}
		}
		small, sums, rest := mat.NewSymDense(len(there), nil), make([]float64, d), make([]float64, len(there))
		for k := range sums {
			sums[k] = 5 * rng.NormFloat64()
		}
		for i, a := range there {
			rest[i] = sums[a]
			for j, b := range there {
				small.SetSym(i, j, sigma.At(a, b))
			}
		}
		own, err := newQuadratic(small, 3)
		if err != nil {
			t.Fatal(err)
		}
		want := own.stat(rest)
		if got := q.without(lacks, q.stat(sums), sums, &work); math.Abs(got-want) > 1e-9*(1+want) {
			t.Errorf("d = %d without %v: S = %v, want %v", d, lacks, got, want)
		}
		p := q.inverseWithout(lacks)
		for i, a := range there {
			for j, b := range there {
				if got, want := p.At(a, b), own.inverse.At(i, j); math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
					t.Errorf("d = %d without %v: inverse covariance %v of %d and %d, want %v", d, lacks, got, a, b, want)
				}
			}
		}
		for _, s := range attribute(p, sums) {
			if slices.Contains(lacks, s.feature) && s.score != 0 {
				t.Errorf("d = %d: a part of %v for %d, which is missing", d, s.score, s.feature)
			}
		}
	}
}

func TestWindowsDoWithoutWhatIsMissing(t *testing.T) {
	nan := math.NaN()
	usual := []int{0, 2} // the second is missing for two ticks now and then
	var m missing
	for i, tt := range []struct {
		z               [2]float64
		one, three, all []int
	}{
		{[2]float64{1, nan}, nil, nil, nil},
		{[2]float64{1, nan}, nil, nil, nil},
		{[2]float64{1, nan}, []int{1}, []int{1}, []int{1}},
		{[2]float64{nan, 1}, []int{0}, []int{0, 1}, []int{0, 1}},
		{[2]float64{1, 1}, nil, []int{0, 1}, []int{0, 1}},
		{[2]float64{1, 1}, nil, []int{0}, []int{0, 1}},
		{[2]float64{1, 1}, nil, nil, []int{0, 1}},
		{[2]float64{1, 1}, nil, nil, []int{0}},
		{[2]float64{1, 1}, nil, nil, nil},
	} {
		m.add(tt.z[:], []int{0, 1}, usual, 5)
		for _, w := range []struct {
			length int
			want   []int
		}{{1, tt.one}, {3, tt.three}, {5, tt.all}} {
			if got := m.in(w.length, nil); !slices.Equal(got, w.want) {
				t.Errorf("tick %d: a window of %d is without %v, want %v", i, w.length, got, w.want)
			}
		}
	}
	m.add([]float64{nan, nan}, []int{0, -1}, usual, 5)
	m.whole()
	if got := m.in(5, nil); got != nil {
		t.Errorf("windows that begin anew are without %v, want nothing", got)
	}
}

// copies is a group of which one metric, that wanders, is another's copy, and
// both go with a third, until tick vanish; then what gone says is missing.
type copies struct {
	*synthetic
	level  [8]float64
	vanish int
	gone   func(rng *rand.Rand, tick, member int) bool
	sick   int // member whose first two metrics are 0; -1: none
}

func (c *copies) frame() *facts.Frame {
	base := c.synthetic.frame()
	f := facts.NewFrame(base.Time, base.Group, base.Members, []string{"a", "a_copy", "b", "c"})
	for i := range f.Members {
		c.level[i] += 2*c.rng.NormFloat64() - 0.1*c.level[i]
		a := 100 + c.level[i]
		b := a/3 + 0.5*c.rng.NormFloat64()
		row := []float64{a, a, b, 30 + 3*c.rng.NormFloat64()}
		if i == c.sick {
			row[0], row[2] = 0, 0
		}
		if c.ticks > c.vanish && c.gone(c.rng, c.ticks, i) {
			row[1] = math.NaN()
		}
		copy(f.Row(i), row)
	}
	return f
}

func TestACopyThatVanishesIsNoEvidence(t *testing.T) {
	const aged, health = 2400, 2000 // ticks
	for _, tt := range []struct {
		name string
		gone func(rng *rand.Rand, tick, member int) bool
	}{
		{"for everybody", func(*rand.Rand, int, int) bool { return true }},
		{"for one member", func(_ *rand.Rand, _, member int) bool { return member == 2 }},
		{"for half of the members", func(_ *rand.Rand, _, member int) bool { return member%2 == 0 }},
		{"for some time and again", func(_ *rand.Rand, tick, member int) bool { return tick/7%3 == member%3 }},
		{"at random", func(rng *rand.Rand, _, _ int) bool { return rng.IntN(4) == 0 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &copies{synthetic: newSynthetic(51, 8), vanish: aged, gone: tt.gone, sick: -1}
			d := quick(t, func(c *Config) {
				c.Warmup, c.Epoch, c.Margin = 100*time.Second, 20*time.Second, 1.2
				c.Alpha = 0.01
				c.Shares = Shares{Anchor: 0.01} // what gathers over epochs alarms in health as often as is declared
			})
			alarms := func() (who []string) {
				for _, f := range observe(t, d, s.frame()) {
					if f.Kind == facts.Imbalance && f.State == facts.Alarm {
						who = append(who, f.Member)
					}
				}
				return who
			}
			for range aged + health {
				if who := alarms(); who != nil {
					t.Fatalf("tick %d: alarm of %v in health", s.ticks, who)
				}
			}
			s.sick = 2
			for range 5 {
				if who := alarms(); who != nil {
					if who[0] != s.members[2] {
						t.Errorf("alarm of %v, want %s first", who, s.members[2])
					}
					return
				}
			}
			t.Error("no alarm within 5 ticks of a fault in what is left")
		})
	}
}

func TestWhatIsMissingTakesNoMemoryPerTick(t *testing.T) {
	s := crowd(40, 16)
	more := s.override
	s.override = func(f *facts.Frame) {
		more(f)
		for i := range f.Members {
			if s.rng.IntN(3) == 0 {
				f.Row(i)[slices.Index(f.Metrics, "queue_depth")] = math.NaN()
			}
			if s.ticks%5 == i%5 {
				f.Row(i)[slices.Index(f.Metrics, "threads_usage")] = math.NaN()
			}
		}
	}
	l := judged(t, crowd(40, 16))
	l.record(s)
	for range 40 {
		l.tick(t)
	}
	var quiet, allocating int
	for range 40 {
		epoch := l.detector.epoch.start
		told := 0
		allocs := allocations(1, func() { told += l.tick(t) })
		if told > 0 || l.detector.epoch.start != epoch {
			continue
		}
		if quiet++; allocs > 0 {
			allocating++
		}
	}
	if quiet < 20 || allocating > 0 {
		t.Errorf("%d of %d quiet pairs of ticks allocated, want none of 20 or more", allocating, quiet)
	}
}

func TestWhatIsMissingAfterAResume(t *testing.T) {
	s := newSynthetic(52, 5)
	whole := joinedAtClose(t, s, func(c *Config) { c.Slide = -1 })
	part := resumed(t, whole, nil)
	s.override = func(f *facts.Frame) {
		if s.ticks%10 < 7 {
			blank(f, "be_cpu", "m0002")
		}
	}
	for range 40 {
		f := s.frame()
		observe(t, whole, f)
		observe(t, part, f)
	}
	for i, m := range whole.group.members {
		if o := part.group.members[i]; m.u != o.u {
			t.Errorf("%s scores %v after a resume, want %v", m.name, o.u, m.u)
		}
	}
}
