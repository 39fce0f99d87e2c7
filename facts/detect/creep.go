package detect

import (
	"cmp"
	"math"
	"slices"
)

// creepScales is how many epochs the scale of creep looks back: long against
// the creep that it is to show.
const creepScales = 100

// drift is how far a member is from its anchor: the fading means, over about
// an epoch, of the residuals of its blocks against the anchor cells. A block
// counts for slideReach at most, and not at all while another test raises the
// alarm: what is sudden is no creep, and must not be remembered as such.
type drift struct {
	mean   []float64 // one a feature
	blocks int       // behind it
}

// creep is the statistic of the anchor test: what sliding cells would learn as
// normal.
//
//	U = √(1/d·Σ_k v_k²), v_k = sign(w_k)·log(1 + |w_k|/s_k)
//
// with w the drift and s_k the fading mean of its median size among the
// members. The logarithm keeps a member that is unlike the others in one
// feature from hiding what creeps in another.
type creep struct {
	blocks  int       // in an epoch
	seen    int       // blocks
	scale   []float64 // s, one a feature
	scratch []float64
}

func newCreep(features, blocks int) creep {
	return creep{blocks: max(1, blocks), scale: make([]float64, features)}
}

// observe takes in the block that has ended, and scores the members: 0 for one
// whose drift is not known yet, or that was not there for the whole block.
// Cost: O(n·d), no allocation once every member has been seen.
func (c *creep) observe(members []*member) {
	c.seen++
	for _, m := range members {
		if m.blockOK && (!m.hold || m.creeping) {
			m.drift.add(m.anchorZ, c.blocks)
		}
	}
	rate := max(1/float64(c.seen), 1/float64(creepScales*c.blocks))
	for k := range c.scale {
		s := c.scratch[:0]
		for _, m := range members {
			if m.blockOK && !m.hold && m.drift.blocks >= c.blocks {
				s = append(s, math.Abs(m.drift.mean[k]))
			}
		}
		c.scratch = s
		if len(s) > 0 {
			selectNth(s, len(s)/2)
			c.scale[k] += float64(rate * (s[len(s)/2] - c.scale[k]))
		}
	}
	for _, m := range members {
		m.score[anchorTest] = 0
		if m.blockOK && m.drift.blocks >= c.blocks {
			m.score[anchorTest] = c.score(&m.drift)
		}
	}
}

// add takes in a block's residuals; a missing one is no evidence.
func (w *drift) add(z []float64, blocks int) {
	if w.mean == nil {
		w.mean = make([]float64, len(z))
	}
	w.blocks++
	rate := max(1/float64(w.blocks), 1/float64(blocks))
	for k, v := range z[:len(w.mean)] {
		if math.IsNaN(v) {
			v = 0
		}
		w.mean[k] += float64(rate * (bounded(v, slideReach) - w.mean[k]))
	}
}

// reset forgets the drift: the member has a new anchor.
func (w *drift) reset() {
	clear(w.mean)
	w.blocks = 0
}

func (c *creep) score(w *drift) float64 {
	total := 0.0
	for k := range c.scale {
		v := c.part(w, k)
		total += float64(v * v)
	}
	return math.Sqrt(total / float64(len(c.scale)))
}

// part returns v_k.
func (c *creep) part(w *drift, k int) float64 {
	if c.scale[k] == 0 {
		return 0
	}
	return math.Copysign(log1p(math.Abs(w.mean[k])/c.scale[k]), w.mean[k])
}

// shares returns each feature's part in U, in the unit of U and signed, the
// largest first.
func (c *creep) shares(w *drift) []share {
	out := make([]share, len(c.scale))
	for k := range out {
		out[k] = share{k, c.part(w, k) / math.Sqrt(float64(len(c.scale)))}
	}
	slices.SortFunc(out, func(a, b share) int {
		return cmp.Or(cmp.Compare(math.Abs(b.score), math.Abs(a.score)), cmp.Compare(a.feature, b.feature))
	})
	return out
}
