package engine

import (
	"math"

	"github.com/hyperjumptech/grule-rule-engine/ast"
)

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
