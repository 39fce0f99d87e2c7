package detect

import (
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

func TestCellsFollowTheirMember(t *testing.T) {
	const n, sick, blocks = 5, 2, 200
	usage := slices.Index(syntheticMetrics, "threads_usage")
	shifted := func(by float64) func(*facts.Frame) {
		return func(f *facts.Frame) { f.Row(sick)[usage] += by }
	}
	for _, tt := range []struct {
		name     string
		rate     float64
		hold     bool
		by       float64 // added to one member's usage, of which the scale is .02
		moved    [2]float64
		residual [2]float64 // against the sliding cell, at the end
		anchored [2]float64 // and against the anchor
	}{
		{"a small offset is learnt, but not by the anchor", 0.05, false, 0.02, [2]float64{0.015, 0.025}, [2]float64{-1, 1}, [2]float64{0.4, 2}},
		{"a large one no faster than slideReach allows", 0.001, false, 2, [2]float64{0, 2 * 200 * 0.001 * 0.03 * 1.3}, [2]float64{50, 200}, [2]float64{50, 200}},
		{"a member on hold is not followed", 0.05, true, 0.02, [2]float64{0, 0}, [2]float64{0.4, 2}, [2]float64{0.4, 2}},
		{"nobody is followed at rate zero", 0, false, 0.02, [2]float64{0, 0}, [2]float64{0.4, 2}, [2]float64{0.4, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, s := blockGroup(t, n)
			g.slideRate = tt.rate
			m := g.members[sick]
			k := slices.IndexFunc(g.features, func(f feature) bool { return f.name == "threads_usage" })
			m.hold = tt.hold
			s.override = shifted(tt.by)
			for range blocks * g.block.length {
				g.read(s.frame())
			}
			within := func(what string, got float64, want [2]float64) {
				t.Helper()
				if !(got >= want[0] && got <= want[1]) {
					t.Errorf("%s %v, want %v to %v", what, got, want[0], want[1])
				}
			}
			within("offset moved by", m.cells[k].a-m.anchor[k].a, tt.moved)
			within("residual", m.blockZ[k], tt.residual)
			within("residual against the anchor", m.anchorZ[k], tt.anchored)
		})
	}
}

func TestScalesFollowNoiseUpAndNoFurtherDownThanTheAnchor(t *testing.T) {
	noise := newSynthetic(3, 1).rng
	c, anchor := cell{g: 1, inverse: 1}, 1.0
	follow := func(sd float64, steps int) float64 {
		for range steps {
			c.follow(0, sd*noise.NormFloat64()*c.inverse, 0.01, 1, anchor)
		}
		return 1 / c.inverse
	}
	for _, tt := range []struct {
		name      string
		sd        float64
		low, high float64
	}{
		{"the noise of the baseline changes little", 1, 1, 1.3},
		{"ten times as much is followed", 10, 8, 13},
		{"and given up when it ends", 1, 1, 1.3},
		{"but not below the baseline's", 0.01, 1, 1},
	} {
		if got := follow(tt.sd, 2000); !(got >= tt.low && got <= tt.high) {
			t.Errorf("%s: scale %v after noise of %v, want %v to %v", tt.name, got, tt.sd, tt.low, tt.high)
		}
	}
	before := c
	c.follow(1e300, -1e300, 0.01, 1, anchor)
	if a, s := c.a-before.a, before.inverse/c.inverse; a > 0.0201 || s > 1.011 {
		t.Errorf("one burst moved the offset by %v and the scale by a factor of %v, want at most .02 and 1.01", a, s)
	}
}

func TestSlideIsADayOrTwentyFourEpochsUnlessSaid(t *testing.T) {
	for _, tt := range []struct {
		name               string
		epoch, slide, want time.Duration
		err                bool
	}{
		{"short epochs slide over a day", time.Minute, 0, 24 * time.Hour, false},
		{"long ones over twenty-four", 2 * time.Hour, 0, 48 * time.Hour, false},
		{"as told", time.Hour, 2 * time.Hour, 2 * time.Hour, false},
		{"negative is never", time.Hour, -1, -1, false},
		{"less than an epoch would learn what it has to find", time.Hour, time.Minute, 0, true},
	} {
		c, err := Config{Env: "test", Group: "web", Tick: 10 * time.Second, Epoch: tt.epoch, Slide: tt.slide}.withDefaults()
		if (err != nil) != tt.err || err == nil && c.Slide != tt.want {
			t.Errorf("%s: slide %v, error %v; want %v, error: %v", tt.name, c.Slide, err, tt.want, tt.err)
		}
	}
}
