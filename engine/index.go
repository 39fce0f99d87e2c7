package engine

import (
	"cmp"
	"iter"
	"math"
	"math/bits"
	"slices"

	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// set is a set of rules of one layer: bit i is the i-th rule.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) add(i int32)    { s[i>>6] |= 1 << (i & 63) }
func (s set) remove(i int32) { s[i>>6] &^= 1 << (i & 63) }

func (s set) intersect(t set) {
	t = t[:len(s)]
	for i := range s {
		s[i] &= t[i]
	}
}

// index finds the rules of a layer that may hold, from the parts of their
// conditions that compare a slot with a literal. For each slot a column knows
// which rules a value rules out; what no column rules out is a candidate. So
// the cost is that of a few words a rule, however selective the parts are, and
// no sample of facts is needed to choose among them.
//
// It is an over-approximation of the rules that the evaluator would find true
// or could not decide. A rule that reads an unknown word is a candidate
// whatever its other parts say, unless one that comes before any word that can
// be unknown rules it out: the evaluator would have stopped there.
//
// Source of the method: Lakshman and Stiliadis, "High-speed policy-based packet
// forwarding using efficient multi-dimensional range matching", SIGCOMM 1998
// (bit vectors); O'Neil and Quass, "Improved query performance with variant
// indexes", SIGMOD 1997 (range encoding).
type index struct {
	all     set
	head    []column // of the parts that come before any word that can be unknown
	tail    []column // of all others
	readers []reader // the slots that rules read
}

// column rules out candidates by the value of one slot.
type column interface {
	narrow(candidates, scratch set, r *row)
}

// reader is the rules that read a slot.
type reader struct {
	slot  int
	rules set
}

// search returns the candidates, in the first of the three sets, which are at
// least as large as the layer.
func (x *index) search(r *row, candidates, unknown, scratch set) set {
	n := len(x.all)
	candidates, unknown, scratch = candidates[:n], unknown[:n], scratch[:n]
	copy(candidates, x.all)
	for _, c := range x.head {
		c.narrow(candidates, scratch, r)
	}
	some := false
	for i := range x.readers {
		if r.known[x.readers[i].slot] {
			continue
		}
		if !some {
			clear(unknown)
			some = true
		}
		for k, w := range x.readers[i].rules {
			unknown[k] |= w
		}
	}
	if some {
		unknown.intersect(candidates)
	}
	for _, c := range x.tail {
		c.narrow(candidates, scratch, r)
	}
	if some {
		for k, w := range unknown {
			candidates[k] |= w
		}
	}
	return candidates
}

// all yields the members of s, in order.
func (s set) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for k, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(k<<6 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// part is a part of a condition that compares a slot with a literal.
type part struct {
	slot  int
	op    int // of ast, with the slot on the left
	text  string
	bound float64
}

// swapped holds the operators with their sides swapped.
var swapped = map[int]int{
	ast.OpGT: ast.OpLT, ast.OpLT: ast.OpGT, ast.OpGTE: ast.OpLTE, ast.OpLTE: ast.OpGTE,
	ast.OpEq: ast.OpEq, ast.OpNEq: ast.OpNEq,
}

// part returns a conjunct as the index can use it.
func (c filterer) part(e *ast.Expression) *part {
	if e.LeftExpression == nil || e.RightExpression == nil || swapped[e.Operator] == 0 {
		return nil
	}
	l, r, op := bare(e.LeftExpression), bare(e.RightExpression), e.Operator
	if literal(l) != nil {
		l, r, op = r, l, swapped[op]
	}
	slot := c.slot(l)
	if slot < 0 || literal(r) == nil {
		return nil
	}
	if s, ok := literalText(r); ok {
		return &part{slot: slot, op: op, text: s}
	}
	if f, _, _, ok := literalNumber(r); ok && op != ast.OpNEq {
		return &part{slot: slot, op: op, bound: f}
	}
	return nil
}

// newIndex returns the index of a layer's rules.
func newIndex(rules []rule, s *slots) *index {
	b := &indexer{n: len(rules), texts: map[columnKey]*textColumn{}, ranges: map[columnKey]*rangeColumn{}}
	x := &index{all: newSet(len(rules))}
	readers := make([]set, s.count())
	for i := range rules {
		x.all.add(int32(i))
		for _, slot := range rules[i].reads {
			if readers[slot] == nil {
				readers[slot] = newSet(len(rules))
			}
			readers[slot].add(int32(i))
		}
		head := true
		for _, p := range rules[i].parts {
			head = head && p != nil && p.slot < len(s.words) && s.words[p.slot].certain
			if p != nil {
				b.take(int32(i), p, s.kind(p.slot), head)
			}
		}
	}
	for slot, rules := range readers {
		if rules != nil && (slot >= len(s.words) || !s.words[slot].certain) {
			x.readers = append(x.readers, reader{slot, rules})
		}
	}
	x.head, x.tail = b.columns()
	return x
}

// indexer collects the columns of an index.
type indexer struct {
	n      int
	keys   []columnKey
	texts  map[columnKey]*textColumn
	ranges map[columnKey]*rangeColumn
}

type columnKey struct {
	head  bool
	slot  int
	below bool // an upper bound
	text  bool
}

func (b *indexer) take(i int32, p *part, t Type, head bool) {
	switch {
	case t == Text:
		b.text(columnKey{head: head, slot: p.slot, text: true}, i, p)
	case p.op == ast.OpEq:
		b.bound(columnKey{head: head, slot: p.slot}, i, p.bound, false)
		b.bound(columnKey{head: head, slot: p.slot, below: true}, i, p.bound, false)
	default:
		below := p.op == ast.OpLT || p.op == ast.OpLTE
		b.bound(columnKey{head: head, slot: p.slot, below: below}, i, p.bound, p.op == ast.OpGT || p.op == ast.OpLT)
	}
}

func (b *indexer) text(k columnKey, i int32, p *part) {
	c := b.texts[k]
	if c == nil {
		c = &textColumn{slot: k.slot, free: newSet(b.n), asked: map[string][]int32{}, barred: map[string][]int32{},
			dense: map[string]set{}}
		for j := range int32(b.n) {
			c.free.add(j)
		}
		b.texts[k] = c
		b.keys = append(b.keys, k)
	}
	if p.op == ast.OpNEq {
		c.barred[p.text] = append(c.barred[p.text], i)
		return
	}
	c.free.remove(i)
	c.asked[p.text] = append(c.asked[p.text], i)
}

func (b *indexer) bound(k columnKey, i int32, at float64, strict bool) {
	c := b.ranges[k]
	if c == nil {
		c = &rangeColumn{slot: k.slot, sign: 1}
		if k.below {
			c.sign = -1
		}
		b.ranges[k] = c
		b.keys = append(b.keys, k)
	}
	at *= c.sign
	if strict { // the least value above it
		at = math.Nextafter(at, math.Inf(1))
	}
	c.bounds = append(c.bounds, edge{at, i})
}

func (b *indexer) columns() (head, tail []column) {
	for _, k := range b.keys {
		var c column
		if k.text {
			c = b.texts[k].finish()
		} else {
			c = b.ranges[k].finish(b.n)
		}
		if k.head {
			head = append(head, c)
		} else {
			tail = append(tail, c)
		}
	}
	return head, tail
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
