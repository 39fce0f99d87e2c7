package detect

import (
	"math"
	"slices"
)

// maxHistoryCells bounds the history of the warm-up, in features of members at
// ticks, to 64 MiB: a group so large that this is less than maxSamples ticks is
// fitted from fewer.
const maxHistoryCells = 1 << 23

// moment is what the fit needs of one tick of the warm-up: the terms of the
// members that were peers.
type moment struct {
	peers    []int
	weight   []float64 // relative to the largest
	num, den []float32 // len(peers) × features that are to be fitted
}

// terms returns the terms of feature k of the j-th peer, of a history that
// begins with feature first of d.
func (t *moment) terms(j, k, first, d int) (num, den float64) {
	at := j*(d-first) + k - first
	return float64(t.num[at]), float64(t.den[at])
}

// keep remembers this tick for the fit. A tick with a single peer says nothing
// about residuals.
func (g *group) keep() {
	n := len(g.members)
	g.shareWeights()
	var t moment
	for i, m := range g.members {
		if !m.peer {
			continue
		}
		t.peers = append(t.peers, i)
		t.weight = append(t.weight, m.share)
		for k := g.live; k < len(g.features); k++ {
			t.num = append(t.num, float32(g.num[k*n+i]))
			t.den = append(t.den, float32(g.den[k*n+i]))
		}
	}
	if len(t.peers) < 2 {
		return
	}
	if cells := len(t.num) * (len(g.history) + 1); cells > maxHistoryCells && len(g.history) >= 4*minSamples {
		for i := range len(g.history) / 2 {
			g.history[i] = g.history[2*i+1]
		}
		clear(g.history[len(g.history)/2:])
		g.history = g.history[:len(g.history)/2]
		g.stride *= 2
	}
	if len(g.history) >= 2*maxSamples { // nobody could be fitted so far: what is old goes
		g.history = append(g.history[:0], g.history[maxSamples:]...)
	}
	g.history = append(g.history, t)
}

// fit learns the group's ratios and scales, and the cells of every member that
// was a peer for at least half of the warm-up. It reports whether there were
// at least two of them; the warm-up goes on otherwise.
func (g *group) fit() bool {
	seen := make([]int, len(g.members))
	for _, t := range g.history {
		for _, i := range t.peers {
			seen[i]++
		}
	}
	ready := 0
	for i := range seen {
		if seen[i] < g.enough() {
			seen[i] = 0
			continue
		}
		ready++
	}
	if ready < 2 {
		return false
	}
	for i, m := range g.members {
		if seen[i] > 0 {
			m.cells = make([]cell, 0, len(g.features))
			m.restarted = true
		}
	}
	g.part()
	g.fitFeatures()
	return true
}

// fitFeatures fits the features that are not, of every member that has cells,
// from the history.
func (g *group) fitFeatures() {
	samples := make([][]sample, len(g.members))
	work := make([]float64, 0, len(g.history))
	for k := g.live; k < len(g.features); k++ {
		g.rho, g.scale, g.floor = append(g.rho, g.baselineRatio(k)), append(g.scale, 0), append(g.floor, 0)
		g.replay(k, samples)
		g.fitFeature(k, samples, work)
	}
	for _, m := range g.members {
		if m.cells != nil {
			m.anchor = append(m.anchor, m.cells[g.live:]...)
		}
		m.samples = nil // of fewer features
	}
	g.live, g.history = len(g.features), nil
	g.fits++
}

// enough is the number of ticks that a member is fitted from at least.
func (g *group) enough() int {
	return max(minSamples, min(g.warmup/g.stride, maxSamples)/2)
}

// baselineRatio returns the sum of feature k's numerators over that of its
// denominators, so that the busy count more; 0 when there is no denominator.
func (g *group) baselineRatio(k int) float64 {
	if g.features[k].den.sum == nil {
		return 0
	}
	d := len(g.features)
	var num, den float64
	for _, t := range g.history {
		for j := range t.peers {
			a, b := t.terms(j, k, g.live, d)
			if !math.IsNaN(a) && !math.IsNaN(b) {
				num += a
				den += b
			}
		}
	}
	if den <= 0 {
		return 0
	}
	return max(num/den, 0)
}

// replay turns the history into samples of feature k, one slice a member.
func (g *group) replay(k int, samples [][]sample) {
	d, f := len(g.features), &g.features[k]
	for i := range samples {
		samples[i] = samples[i][:0]
	}
	y := make([]float64, len(g.members))
	for _, t := range g.history {
		for j, i := range t.peers {
			num, den := t.terms(j, k, g.live, d)
			y[i] = f.measure(num, den, t.weight[j], g.rho[k])
		}
		g.gather(t.peers)
		g.levels(t.peers, y)
		g.sampleCohorts()
		for j, i := range t.peers {
			mu := g.reference(g.members[i], k, y[i])
			_, den := t.terms(j, k, g.live, d)
			samples[i] = append(samples[i], sample{y[i], mu, f.precision(den, mu)})
		}
	}
}

// fitFeature fits feature k of every member that has cells.
func (g *group) fitFeature(k int, samples [][]sample, work []float64) {
	var squares, fitted float64
	fits := make([]fit, len(g.members))
	var precisions []float64
	for i, m := range g.members {
		if m.cells == nil {
			continue
		}
		fits[i] = fitCell(samples[i], work)
		if fits[i].n >= minSamples {
			fitted++
			squares += float64(fits[i].s * fits[i].s)
		}
		for _, x := range samples[i] {
			if x.seen() {
				precisions = append(precisions, x.precision)
			}
		}
	}
	if fitted > 0 {
		g.scale[k] = math.Sqrt(squares / fitted)
	}
	g.floor[k] = 1
	typical := 1.0
	if len(precisions) > 0 {
		typical = medianOf(precisions)
		g.floor[k] = g.features[k].floor(typical)
	}
	g.fitCohorts(g.scale[k]/typical, g.floor[k]/typical, work)
	for i, m := range g.members {
		if m.cells != nil {
			m.cells = append(m.cells, fits[i].cell(g.scale[k], g.floor[k]))
		}
	}
}

// sampleLate collects samples of a member that joined after the warm-up, or
// was hardly there in it, and fits it when there are enough.
func (g *group) sampleLate(i int) {
	m, n, d := g.members[i], len(g.members), g.live
	for k := range d {
		y, mu := g.y[k*n+i], g.mu[k*n+i]
		m.samples = append(m.samples, sample{y, mu, g.features[k].precision(g.den[k*n+i], mu)})
	}
	ticks := len(m.samples) / d
	if ticks < g.enough() {
		return
	}
	m.cells, m.restarted = make([]cell, d), true
	own, work := make([]sample, ticks), make([]float64, 0, ticks)
	for k := range d {
		for t := range own {
			own[t] = m.samples[t*d+k]
		}
		m.cells[k] = fitCell(own, work).cell(g.scale[k], g.floor[k])
	}
	m.anchor, m.samples = slices.Clone(m.cells), nil
	g.fits++
}
