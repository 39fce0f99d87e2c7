package detect

import "math"

const (
	// defaultBlockTicks is the length of a block: long enough that slow things
	// cost nothing beside what is done at every tick.
	defaultBlockTicks = 12
	// blocksInEpoch is the least number of blocks in an epoch, so that what is
	// looked at per block is looked at several times in an epoch.
	blocksInEpoch = 5
)

// blockTicks is the number of ticks in a block, at least 1.
func (c *Config) blockTicks() int {
	return max(1, min(defaultBlockTicks, c.ticks(c.Epoch)/blocksInEpoch))
}

// block adds up what the members of a group show over a whole number of ticks,
// counted from the fit. All that is slow (sliding, history, creep) looks at
// the means of blocks, so that a tick costs a few additions a cell.
type block struct {
	length int // ticks
	at     int // ticks in the running block

	// Sums over the running block, metric-major as in [group]. A value that
	// is missing at one tick makes the sum NaN, which is the cell's block
	// missing. Those of a member that was not scored at every tick are without
	// meaning.
	// At the end of the block den becomes the precision that goes with its means.
	y, mu, den []float64
	common     []float64 // of the whole group's median, one a feature
}

// blockMeans are what a member's last block shows, one number a feature, NaN
// where it is missing. They are valid while blockOK.
type blockMeans struct {
	blockOK    bool      // the member was scored at every tick of the block
	blockTicks int       // of the running block it was scored at
	blockY     []float64 // means of y
	blockZ     []float64 // normalised residuals of the means against the sliding cells
	anchorZ    []float64 // and against the anchor cells
}

// resize makes room for n members and d features. Member i was member from[i],
// and had its sums there, or is new when that is negative. nil: all begin anew.
func (b *block) resize(n, d int, from []int) {
	old, before := min(d, len(b.common)), 0 // features and members
	if len(b.common) > 0 {
		before = len(b.y) / len(b.common)
	}
	if from == nil {
		b.at, old = 0, 0
	}
	b.common = append(make([]float64, 0, d), b.common[:old]...)[:d]
	for _, sums := range []*[]float64{&b.y, &b.mu, &b.den} {
		was := *sums
		*sums = make([]float64, n*d)
		for i, at := range from {
			for k := 0; k < old && at >= 0; k++ {
				(*sums)[k*n+i] = was[k*before+at]
			}
		}
	}
}

// sumBlock adds this tick to the block, and ends it when it is full.
// Cost: three additions a cell; at the end of a block O(n·d). No allocation.
func (g *group) sumBlock() {
	b := &g.block
	b.at++
	for _, m := range g.members {
		if m.scored {
			m.blockTicks++
		}
	}
	accumulate(b.y, g.y)
	accumulate(b.mu, g.mu)
	accumulate(b.den, g.den)
	if b.at < b.length {
		return
	}
	g.endBlock()
}

func accumulate(sums, x []float64) {
	for i, v := range x[:len(sums)] {
		sums[i] += v
	}
}

// endBlock leaves the means of the block to members and group.
func (g *group) endBlock() {
	b, n, d := &g.block, len(g.members), len(g.features)
	length := float64(b.length)
	for k := range g.live {
		g.common[k] = b.common[k] / length
	}
	for i, m := range g.members {
		if m.blockOK = m.blockTicks == b.length; m.blockOK {
			for k := range d {
				m.blockY[k], m.blockZ[k], m.anchorZ[k] = b.y[k*n+i]/length, math.NaN(), math.NaN()
			}
			for k := range g.live {
				at := k*n + i
				mu := b.mu[at] / length
				precision := g.features[k].precision(b.den[at]/length, mu)
				b.den[at] = precision
				m.blockZ[k] = m.cells[k].z(m.blockY[k], mu, precision)
				m.anchorZ[k] = m.anchor[k].z(m.blockY[k], mu, precision)
			}
		}
		m.blockTicks = 0
	}
	g.blockEnded = true
}

// begin starts the next block.
func (b *block) begin() {
	clear(b.y)
	clear(b.mu)
	clear(b.den)
	clear(b.common)
	b.at = 0
}

// median returns the median of the sample; NaN when there are fewer than two.
func (m middle) median() float64 {
	switch {
	case m.n < 2:
		return math.NaN()
	case m.n%2 == 0:
		return (m.a + m.c) / 2
	}
	return m.b
}
