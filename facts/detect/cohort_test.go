package detect

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// cohortGroup returns a fitted group whose first members are of cohorts of the
// given sizes, the rest of none. Each cohort has a level of threads_usage of
// its own, that wanders with its own noise.
func cohortGroup(t *testing.T, n int, sizes ...int) (*group, *synthetic) {
	t.Helper()
	s := newSynthetic(11, n)
	of, number := map[string]string{}, make([]int, n)
	at := 0
	for c, size := range sizes {
		for range size {
			of[s.members[at]], number[at] = fmt.Sprintf("rack-%d", c+1), c+1
			at++
		}
	}
	usage := slices.Index(syntheticMetrics, "threads_usage")
	s.override = func(f *facts.Frame) {
		levels := make([]float64, len(sizes)+1)
		for c := range levels {
			levels[c] = 0.1*float64(c) + 0.05*s.rng.NormFloat64()
		}
		for r, m := range f.Members {
			f.Row(r)[usage] += levels[number[slices.Index(s.members, m)]]
		}
	}
	c, err := Config{Env: "test", Group: "web", Warmup: 200 * time.Second, Cohorts: of, Settle: time.Second}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	g := newGroup(&c)
	for !g.fitted {
		g.read(s.frame())
	}
	return g, s
}

// usageOf returns the scale of what is left of threads_usage over some ticks,
// of each member in units of usage, and of the cohorts by name.
func usageOf(g *group, s *synthetic, ticks int) (members []float64, cohorts map[string]float64) {
	k := slices.IndexFunc(g.features, func(f feature) bool { return f.name == "threads_usage" })
	members, cohorts = make([]float64, len(g.members)), map[string]float64{}
	for range ticks {
		g.read(s.frame())
		for i, m := range g.members {
			if m.scored {
				members[i] += math.Abs(m.z[k]/m.cells[k].inverse) / float64(ticks)
			}
		}
		for _, c := range g.cohorts {
			if c.scored {
				cohorts[c.name] += math.Abs(c.z[k]) / float64(ticks)
			}
		}
	}
	return members, cohorts
}

func TestMembersAreHeldUpToTheirCohort(t *testing.T) {
	// usage itself has a noise of .02; a cohort's level one of .05, which is
	// seen by whoever is held up to another cohort's
	const own, foreign = 0.025, 0.035
	for _, tt := range []struct {
		name  string
		n     int
		sizes []int
		away  int   // members of the first cohort that leave after the fit
		alike []int // members that are held up to their like
		not   []int
	}{
		{"two racks", 10, []int{5, 5}, 0, []int{0, 4, 5, 9}, nil},
		{"a rack and the rest", 12, []int{6}, 0, []int{0, 5, 6, 11}, nil},
		{"a rack of three is of the rest", 12, []int{5, 3}, 0, []int{0, 4}, []int{5, 6, 7}},
		{"a rack that is left with three has its expected level", 15, []int{5, 5, 5}, 2, []int{5, 9, 10}, []int{2, 3, 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, s := cohortGroup(t, tt.n, tt.sizes...)
			for i := range tt.away {
				s.away[i] = true
			}
			left, _ := usageOf(g, s, 300)
			for _, i := range tt.alike {
				if !(left[i] > 0 && left[i] < own) {
					t.Errorf("%s: %.3f is left, want below %v", g.members[i].name, left[i], own)
				}
			}
			for _, i := range tt.not {
				if !(left[i] > foreign && left[i] < 0.1) {
					t.Errorf("%s: %.3f is left, want %v to .1: no better, and no level of its own", g.members[i].name, left[i], foreign)
				}
			}
		})
	}
}

func TestACohortThatMovesIsSeenAsOne(t *testing.T) {
	g, s := cohortGroup(t, 15, 5, 5, 5)
	_, before := usageOf(g, s, 100)
	usage, old := slices.Index(syntheticMetrics, "threads_usage"), s.override
	s.override = func(f *facts.Frame) {
		old(f)
		for r := 5; r < 10; r++ {
			f.Row(r)[usage] += 0.5
		}
	}
	members, after := usageOf(g, s, 100)
	for name, z := range before {
		if !(z > 0.3 && z < 1.5) {
			t.Errorf("%s before: mean residual %.2f, want about .8", name, z)
		}
	}
	if len(before) != 3 || !(after["rack-2"] > 4 && after["rack-2"] > 1.5*max(after["rack-1"], after["rack-3"])) {
		t.Errorf("mean residuals %v, want that of rack-2 to stand out", after)
	}
	for i, left := range members {
		if left > 0.05 {
			t.Errorf("%s: %.3f is left, want members to move with their cohort", g.members[i].name, left)
		}
	}
}

func TestCohortsTakeNoMemoryPerTick(t *testing.T) {
	g, s := cohortGroup(t, 40, 10, 10, 10)
	frames := []*facts.Frame{s.frame(), s.frame(), s.frame()}
	for _, f := range frames {
		g.read(f)
	}
	at := 0
	if got := allocations(30, func() { g.read(frames[at%3]); at++ }); got > 0 {
		t.Errorf("%v allocations a tick, want none", got)
	}
}
