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
	slot   int
	free   set                // rules that ask for no text
	asked  map[string][]int32 // text → rules that ask for it
	barred map[string][]int32 // text → rules that exclude it
	dense  map[string]set     // text → what it leaves, where the lists are longer than a set
}

func (c *textColumn) finish() column {
	for _, of := range []map[string][]int32{c.asked, c.barred} {
		for s := range of {
			if len(c.asked[s])+len(c.barred[s]) > len(c.free) {
				c.dense[s] = newSet(len(c.free) * 64)
				c.leave(c.dense[s], s)
			}
		}
	}
	return c
}

// leave writes what a text leaves.
func (c *textColumn) leave(into set, s string) {
	copy(into, c.free)
	for _, i := range c.asked[s] {
		into.add(i)
	}
	for _, i := range c.barred[s] {
		into.remove(i)
	}
}

func (c *textColumn) narrow(candidates, scratch set, r *row) {
	if !r.known[c.slot] {
		return
	}
	left, ok := c.dense[r.texts[c.slot]]
	if !ok {
		left = scratch
		c.leave(left, r.texts[c.slot])
	}
	candidates.intersect(left)
}

// rangeColumn is the lower bounds of a slot, or with sign -1 the upper bounds,
// negated to be lower ones. A value satisfies the first of them.
type rangeColumn struct {
	slot   int
	sign   float64
	bounds []edge // as they come

	at    []float64 // ascending
	rules []int32   // whose bound it is
	// masks[b] leaves the rules all of whose bounds here are among the first
	// b blocks.
	masks []set
	block int
}

// edge is a bound of a rule: the least value that satisfies it.
type edge struct {
	at   float64
	rule int32
}

// A block is how many bounds a mask stands for: about as many single steps as a
// mask has words, within limits that keep both the steps and the masks few.
const minBlock, maxBlock = 8, 64

func (c *rangeColumn) finish(n int) column {
	slices.SortFunc(c.bounds, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rule, b.rule))
	})
	mask := newSet(n)
	for i := range mask {
		mask[i] = math.MaxUint64
	}
	c.block = min(max(len(mask), minBlock), maxBlock)
	for _, x := range c.bounds {
		c.at, c.rules = append(c.at, x.at), append(c.rules, x.rule)
	}
	for b := (len(c.rules) - 1) / c.block; b >= 0; b-- {
		for _, i := range c.rules[b*c.block : min((b+1)*c.block, len(c.rules))] {
			mask.remove(i)
		}
		c.masks = append(c.masks, slices.Clone(mask))
	}
	slices.Reverse(c.masks)
	c.bounds = nil
	return c
}

func (c *rangeColumn) narrow(candidates, _ set, r *row) {
	if !r.known[c.slot] {
		return
	}
	v := c.sign * r.nums[c.slot]
	lo, hi := 0, len(c.at)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); v >= c.at[mid] {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	next := (lo + c.block - 1) / c.block
	if next < len(c.masks) {
		candidates.intersect(c.masks[next])
	}
	for _, i := range c.rules[lo:min(next*c.block, len(c.rules))] {
		candidates.remove(i)
	}
}
