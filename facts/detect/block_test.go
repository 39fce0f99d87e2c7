package detect

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// blockGroup returns a fitted group of n members and its frames, at the end of
// a block.
func blockGroup(t *testing.T, n int) (*group, *synthetic) {
	t.Helper()
	c, err := Config{Env: "test", Group: "web", Warmup: 40 * time.Second, Epoch: 30 * time.Second, Settle: 2 * time.Second}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	g, s := newGroup(&c), newSynthetic(7, n)
	for !g.blockEnded {
		g.read(s.frame())
	}
	return g, s
}

func TestBlocksAreAsLongAsTheEpochAllows(t *testing.T) {
	for _, tt := range []struct {
		epoch time.Duration
		want  int
	}{{time.Second, 1}, {30 * time.Second, 6}, {time.Hour, 12}} {
		c := Config{Tick: time.Second, Epoch: tt.epoch}
		if got := c.blockTicks(); got != tt.want {
			t.Errorf("epoch %v: blocks of %d ticks, want %d", tt.epoch, got, tt.want)
		}
	}
}

func TestBlockMeansAreThoseOfItsTicks(t *testing.T) {
	g, s := blockGroup(t, 5)
	g.slideRate = 0
	n, d := len(g.members), len(g.features)
	want, common := make([]float64, n*d), make([]float64, d)
	for tick := range g.block.length {
		g.read(s.frame())
		for at, y := range g.y {
			want[at] += y / float64(g.block.length)
		}
		for k := range d {
			common[k] += medianOf(slices.Clone(g.y[k*n:(k+1)*n])) / float64(g.block.length)
		}
		if ended := tick == g.block.length-1; g.blockEnded != ended {
			t.Fatalf("tick %d of the block: ended %v, want %v", tick+1, g.blockEnded, ended)
		}
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*(1+math.Abs(b)) }
	for k := range d {
		if !near(g.common[k], common[k]) {
			t.Errorf("%s: common part %v, want %v", g.features[k].name, g.common[k], common[k])
		}
		for i, m := range g.members {
			if !m.blockOK || !near(m.blockY[k], want[k*n+i]) {
				t.Errorf("%s of %s: mean %v (whole: %v), want %v", g.features[k].name, m.name, m.blockY[k], m.blockOK, want[k*n+i])
			}
			if m.blockZ[k] != m.anchorZ[k] {
				t.Errorf("%s of %s: %v against the anchor, %v against the cell: want the same before anything slid",
					g.features[k].name, m.name, m.anchorZ[k], m.blockZ[k])
			}
		}
	}
}

func TestBlocksOfMembersThatComeAndGo(t *testing.T) {
	queue := slices.Index(syntheticMetrics, "queue_depth")
	for _, tt := range []struct {
		name    string
		at      int // tick of the block, from 1
		do      func(s *synthetic)
		whole   []bool // of the members in order of appearance
		missing []bool // queue_depth
	}{
		{"nothing happens", 1, func(*synthetic) {}, []bool{true, true, true, true}, make([]bool, 4)},
		{"a member that is away for a tick has no block", 3, func(s *synthetic) { s.away[1] = true },
			[]bool{true, false, true, true}, make([]bool, 4)},
		{"a value that is missing for a tick is missing in the block", 3, func(s *synthetic) {
			s.override = func(f *facts.Frame) { f.Row(2)[queue] = math.NaN() }
		}, []bool{true, true, true, true}, []bool{false, false, true, false}},
		{"a newcomer has none, and takes nothing from the others", 4, func(s *synthetic) {
			s.members, s.speed = append(s.members, "m0005"), append(s.speed, 1)
		}, []bool{true, true, true, true, false}, make([]bool, 5)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, s := blockGroup(t, 4)
			for tick := 1; tick <= g.block.length; tick++ {
				if s.override = nil; tick == tt.at {
					tt.do(s)
				}
				g.read(s.frame())
				clear(s.away)
			}
			k := slices.IndexFunc(g.features, func(f feature) bool { return f.name == "queue_depth" })
			for i, m := range g.members {
				if m.blockOK != tt.whole[i] {
					t.Errorf("%s: whole block %v, want %v", m.name, m.blockOK, tt.whole[i])
				}
				if m.blockOK && math.IsNaN(m.blockY[k]) != tt.missing[i] {
					t.Errorf("%s: queue_depth of the block %v, want missing: %v", m.name, m.blockY[k], tt.missing[i])
				}
			}
		})
	}
}
