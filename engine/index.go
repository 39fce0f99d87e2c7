package engine

import "github.com/hyperjumptech/grule-rule-engine/ast"

// index finds the rules of a stratum that may hold, from the parts of their
// conditions that compare a slot with a literal. For each slot a column knows
// which rules a value rules out; what no column rules out is a candidate. So
// the cost is that of a few words a rule, however selective the parts are, and
// no sample of facts is needed to choose among them. Slots that few rules read
// and few facts tell have lists in place of columns: see [sparse].
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
	texts   []column // of all others
	ranges  []column
	readers []reader // the slots that rules read
	sparse  *sparse  // the slots that have no columns and readers
}

// reader is the rules that read a slot.
type reader struct {
	slot  int
	rules set
}

// search returns the candidates, in the first of the three sets, which are at
// least as large as the stratum, and in the second those of them of which parts
// that the index can use may not hold: they read an unknown word or a sparse slot
// that is told, or they are so few that asking them takes less time than the
// columns that are left.
func (x *index) search(r *row, candidates, unknown, scratch set) (all, unsure set) {
	n := len(x.all)
	candidates, unknown, scratch = candidates[:n], unknown[:n], scratch[:n]
	copy(candidates, x.all)
	for _, c := range x.head {
		c.narrow(candidates, scratch, r)
	}
	some := x.sparse.ask(unknown, r)
	for i := range x.readers {
		if r.known[x.readers[i].slot] {
			continue
		}
		some = true
		for k, w := range x.readers[i].rules {
			unknown[k] |= w
		}
	}
	if some {
		unknown.intersect(candidates)
	}
	candidates.intersect(x.sparse.left)
	for _, c := range x.texts {
		c.narrow(candidates, scratch, r)
	}
	few := candidates.count() <= fewRules
	if !few {
		for _, c := range x.ranges {
			c.narrow(candidates, scratch, r)
		}
	}
	if some {
		for k, w := range unknown {
			candidates[k] |= w
		}
	}
	if few {
		copy(unknown, candidates)
	}
	return candidates, unknown
}

// fewRules is how many rules are asked one by one in less time than the columns
// of numbers take: their conditions lie apart in memory, the columns do not.
const fewRules = 4

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

// newIndex returns the index of a stratum's rules.
func newIndex(rules []rule, s *slots) *index {
	b := &indexer{n: len(rules), texts: map[columnKey]*textColumn{}, ranges: map[columnKey]*rangeColumn{}}
	x := &index{all: newSet(len(rules))}
	readers := make([][]int32, s.count())
	for i := range rules {
		x.all.add(int32(i))
		for _, slot := range rules[i].reads {
			if of := readers[slot]; len(of) == 0 || of[len(of)-1] != int32(i) {
				readers[slot] = append(of, int32(i))
			}
		}
	}
	x.sparse = newSparse(rules, readers, s)
	for i := range rules {
		head := true
		for _, p := range rules[i].parts {
			head = head && p != nil && s.certain(p.slot)
			if p != nil && !x.sparse.has(p.slot) {
				b.take(int32(i), p, s.kind(p.slot), head)
			}
		}
	}
	for slot, of := range readers {
		if len(of) > 0 && !s.certain(slot) && !x.sparse.has(slot) {
			x.readers = append(x.readers, newReader(slot, of, len(rules)))
		}
	}
	x.head, x.texts, x.ranges = b.columns()
	return x
}

// newReader returns the reader of a slot, of n rules those listed.
func newReader(slot int, rules []int32, n int) reader {
	r := reader{slot, newSet(n)}
	for _, i := range rules {
		r.rules.add(i)
	}
	return r
}
