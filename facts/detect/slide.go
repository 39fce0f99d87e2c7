package detect

import "math"

const (
	// defaultSlideEpochs and a day, whichever is longer, is how slowly cells
	// follow their members: long against any fault that has to be seen.
	defaultSlideEpochs = 24
	// slideReach is the residual, in robust standard deviations, beyond which
	// a block or a tick pulls a cell no harder: a member that is far off is not
	// followed faster than one that is a little off.
	slideReach = 2
	// noisy is beyond which a tick says no more about a member's scale.
	noisy = 3
	// usual is the mean size of a standard normal number.
	usual = 0.8
)

// slide lets the cells of every member that is not held follow it by the block
// that has ended, at a rate λ that is the block's length over the time constant:
//
//	a ← a + λ·ψ(z̄)·s/precision,  ψ(z) = max(−2, min(2, z))
//	s ← max(s_anchor, s/(1 − λ·ψ₁(min(|z|, 3)/0.8 − 1))),  ψ₁ at most ±1
//
// with z̄ the residual of the block's means and z that of its last tick. Each is
// a Robbins-Monro step to the location, and the scale, at which the mean of a
// bounded function is zero (Huber's M-estimates), so that no burst moves a cell
// by more than 2λ standard deviations or a factor 1/(1−λ).
//
// The scale never falls below the one that the baseline began with: a metric
// that stands still for a week must not make its next move a wonder.
//
// Slopes stay: over one slide the load moves as it did in the warm-up. Nor is
// there a scale for each level of load beside the precision: on the recordings
// of testdata/real, whose noise differs by a factor of 1.8 between fifths of the
// load, it made the promised rates worse, or, bounded from below as here, nothing
// better.
//
// Cost: O(n·d), once a block. No allocation.
//
// Source: P. J. Huber, Robust estimation of a location parameter, Annals of
// Mathematical Statistics 35 (1964); H. Robbins, S. Monro, A stochastic
// approximation method, ibid. 22 (1951).
func (g *group) slide() {
	if g.slideRate == 0 {
		return
	}
	g.slideCohorts()
	precision, n := g.block.den, len(g.members)
	for i, m := range g.members {
		if !m.blockOK || m.hold {
			continue
		}
		for k := range g.live {
			if z := m.blockZ[k]; !math.IsNaN(z) {
				m.cells[k].follow(z, m.z[k], g.slideRate, precision[k*n+i], m.anchor[k].inverse)
			}
		}
	}
}

// follow takes one step of slide: mean is the residual of the block's means,
// last that of its last tick, most the inverse of the least scale.
func (c *cell) follow(mean, last, rate, precision, most float64) {
	c.a += float64(rate*bounded(mean, slideReach)) / float64(precision*c.inverse)
	wide := min(math.Abs(last), noisy)/usual - 1
	c.inverse = min(most, c.inverse*(1-float64(rate*bounded(wide, 1))))
}

// bounded returns x, or reach with its sign when it is further from zero.
func bounded(x, reach float64) float64 { return min(max(x, -reach), reach) }
