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
	head bool
	slot int
	text bool
}

func (b *indexer) take(i int32, p *part, t Type, head bool) {
	if t == Text {
		b.text(columnKey{head: head, slot: p.slot, text: true}, i, p)
		return
	}
	b.bound(columnKey{head: head, slot: p.slot}, i, p)
}

func (b *indexer) text(k columnKey, i int32, p *part) {
	c := b.texts[k]
	if c == nil {
		c = &textColumn{slot: k.slot, free: newSet(b.n), of: map[string]*textRules{}}
		for j := range int32(b.n) {
			c.free.add(j)
		}
		b.texts[k] = c
		b.keys = append(b.keys, k)
	}
	t := c.of[p.text]
	if t == nil {
		t = &textRules{}
		c.of[p.text] = t
	}
	if p.op == ast.OpNEq {
		t.barred = append(t.barred, i)
		return
	}
	c.free.remove(i)
	t.asked = append(t.asked, i)
}

func (b *indexer) bound(k columnKey, i int32, p *part) {
	c := b.ranges[k]
	if c == nil {
		c = &rangeColumn{slot: k.slot}
		b.ranges[k] = c
		b.keys = append(b.keys, k)
	}
	above := math.Nextafter(p.bound, math.Inf(1)) // the least value above it
	switch p.op {
	case ast.OpGTE, ast.OpEq:
		c.edges = append(c.edges, edge{at: p.bound, rule: i})
	case ast.OpGT:
		c.edges = append(c.edges, edge{at: above, rule: i})
	}
	switch p.op {
	case ast.OpLTE, ast.OpEq:
		c.edges = append(c.edges, edge{at: above, rule: i, upper: 1})
	case ast.OpLT:
		c.edges = append(c.edges, edge{at: p.bound, rule: i, upper: 1})
	}
}

// columns returns the columns of texts before those of numbers: they take less
// time and leave less.
func (b *indexer) columns() (head, texts, ranges []column) {
	for _, k := range b.keys {
		var c column
		if k.text {
			c = b.texts[k].finish()
		} else {
			c = b.ranges[k].finish(b.n)
		}
		switch {
		case k.head:
			head = append(head, c)
		case k.text:
			texts = append(texts, c)
		default:
			ranges = append(ranges, c)
		}
	}
	return head, texts, ranges
}
