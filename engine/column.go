package engine

import (
	"cmp"
	"math"
	"slices"
)

// column rules out candidates by the value of one slot.
type column interface {
	narrow(candidates, scratch set, r *row)
}

// textColumn is the comparisons of a slot with texts.
type textColumn struct {
	slot int
	free set // rules that ask for no text
	of   map[string]*textRules
}

// textRules is what the rules say of one text.
type textRules struct {
	asked, barred []int32 // rules that ask for it, and that exclude it
	left          set     // what it leaves, where the lists are longer than a set
}

func (c *textColumn) finish() column {
	for _, t := range c.of {
		if len(t.asked)+len(t.barred) > len(c.free) {
			t.left = slices.Clone(c.free)
			t.leave(t.left)
		}
	}
	return c
}

// leave changes the rules that ask for no text to those that the text leaves.
func (t *textRules) leave(free set) {
	for _, i := range t.asked {
		free.add(i)
	}
	for _, i := range t.barred {
		free.remove(i)
	}
}

func (c *textColumn) narrow(candidates, scratch set, r *row) {
	if !r.known[c.slot] {
		return
	}
	left := c.free
	if t := c.of[r.texts[c.slot]]; t != nil {
		if left = t.left; left == nil {
			copy(scratch, c.free)
			t.leave(scratch)
			left = scratch
		}
	}
	candidates.intersect(left)
}

// rangeColumn is the bounds of a slot, cut into blocks in the order of their
// edges. Where a value lies tells the block, a mask what all other blocks leave,
// and the edges of the block are compared one by one, without a branch.
type rangeColumn struct {
	slot   int
	edges  []edge
	starts []float64 // the first edge of each block
	masks  []set     // what the edges of all other blocks leave, when the value lies in this block
	block  int       // edges
}

// edge is where a rule's bound begins or ceases to hold: a lower bound holds for
// values from at on, an upper one for values before it.
type edge struct {
	at   float64
	rule int32
	// upper is 1 for an upper bound and 0 for a lower one.
	upper uint32
}

// removes returns 1 when v is outside the bound, else 0.
func (e *edge) removes(v float64) uint64 {
	var from uint32
	if v >= e.at {
		from = 1
	}
	return uint64(from ^ e.upper ^ 1)
}

// A block has half as many edges as a mask has words, within limits that keep
// both the comparisons and the masks few: 10,000 rules of ten bounds each have
// masks of 4 MB.
const minBlock, maxBlock = 8, 32

func (c *rangeColumn) finish(n int) column {
	slices.SortFunc(c.edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rule, b.rule), cmp.Compare(a.upper, b.upper))
	})
	mask := newSet(n)
	for i := range mask {
		mask[i] = math.MaxUint64
	}
	c.block = min(max(len(mask)/2, minBlock), maxBlock)
	// Upper bounds of earlier blocks do not hold, lower bounds of later ones neither.
	for b := range slices.Chunk(c.edges, c.block) {
		c.starts, c.masks = append(c.starts, b[0].at), append(c.masks, slices.Clone(mask))
		for _, e := range b {
			if e.upper == 1 {
				mask.remove(e.rule)
			}
		}
	}
	for i := range mask {
		mask[i] = math.MaxUint64
	}
	for b := len(c.masks) - 1; b >= 0; b-- {
		c.masks[b].intersect(mask)
		for _, e := range c.edges[b*c.block : min((b+1)*c.block, len(c.edges))] {
			if e.upper == 0 {
				mask.remove(e.rule)
			}
		}
	}
	return c
}

func (c *rangeColumn) narrow(candidates, _ set, r *row) {
	if !r.known[c.slot] {
		return
	}
	v := r.nums[c.slot]
	b := max(countUpTo(c.starts, v)-1, 0)
	candidates.intersect(c.masks[b])
	block := c.edges[b*c.block : min((b+1)*c.block, len(c.edges))]
	for i := range block {
		e := &block[i]
		candidates[e.rule>>6] &^= e.removes(v) << (e.rule & 63)
	}
}

// countUpTo returns how many of the ascending values are at most v. Its steps do
// not depend on v: a processor does not have to guess them.
func countUpTo(ascending []float64, v float64) int {
	low := 0
	for n := len(ascending); n > 0; {
		half := (n + 1) / 2
		if ascending[low+half-1] <= v {
			low += half
		}
		n -= half
	}
	return low
}
