package engine

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxBoxes bounds the alternatives into which a condition is split. Beyond it a
// rule is reported as not analysed, never as free of defects.
const maxBoxes = 64

// box is one alternative of a condition: what it admits of each reading, all at
// once. A reading that is not in it may have any value. The key of a reading is
// how it is written, with the terms of a sum in the order of their names.
type box map[string]limit

// and returns what both boxes admit; nil when that is nothing.
func (b box) and(o box) box {
	out := maps.Clone(b)
	for key, l := range o {
		if mine, ok := out[key]; ok {
			l = mine.and(l)
		}
		if l.empty() {
			return nil
		}
		out[key] = l
	}
	for key, l := range out {
		// A rule that reads an unknown word does not match.
		if known, ok := strings.CutPrefix(key, `Known("`); ok && slices.Contains(l.texts, "false") {
			if _, read := out[strings.TrimSuffix(known, `")`)]; read {
				return nil
			}
		}
	}
	return out
}

// within says whether o admits everything that b does.
func (b box) within(o box) bool {
	for key, l := range o {
		if mine, ok := b[key]; !ok || !mine.within(l) {
			return false
		}
	}
	return true
}

// boxes is a condition as alternatives; none: it is never true.
type boxes []box

// everything that any condition admits.
var always = boxes{box{}}

func (bs boxes) and(os boxes) (boxes, bool) {
	var out boxes
	for _, b := range bs {
		for _, o := range os {
			if x := b.and(o); x != nil {
				out = append(out, x)
			}
			if len(out) > maxBoxes {
				return nil, false
			}
		}
	}
	return out, true
}

// within says whether each alternative is within one of the others. It may say
// no of what is within several together.
func (bs boxes) within(os boxes) bool {
	return !slices.ContainsFunc(bs, func(b box) bool {
		return !slices.ContainsFunc(os, b.within)
	})
}

// split returns the alternatives of a condition, or of its negation; false when
// they are too many.
func (t *tree) split(x *term, negated bool) (boxes, bool) {
	switch {
	case x.op == "!":
		return t.split(x.kids[0], !negated)
	case x.op == "&&" || x.op == "||":
		l, ok := t.split(x.kids[0], negated)
		r, ok2 := t.split(x.kids[1], negated)
		if !ok || !ok2 {
			return nil, false
		}
		if (x.op == "&&") != negated {
			return l.and(r)
		}
		return slices.Concat(l, r), len(l)+len(r) <= maxBoxes
	case x.op == isTruth:
		if (x.name == "true") != negated {
			return always, true
		}
		return nil, true
	}
	key, l := t.reading(x, negated)
	if l.empty() {
		return nil, true
	}
	if key == "" {
		return always, true
	}
	return boxes{{key: l}}, true
}

// opposite holds the negation of each comparison.
var opposite = map[string]string{"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}

// mirrored holds each comparison with its sides swapped.
var mirrored = map[string]string{"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}

// reading returns which reading a comparison or call is about, and what it
// admits of it. An empty key is about none: the limit alone decides.
func (t *tree) reading(x *term, negated bool) (string, limit) {
	if !x.compares() {
		return t.spelled(x), truths(!negated)
	}
	op := x.op
	if negated {
		op = opposite[op]
	}
	l, r := x.kids[0], x.kids[1]
	if t.isTextual(l) || t.isTextual(r) {
		return t.textual(l, r, op)
	}
	sum := t.sum(l)
	sum.add(t.sum(r), -1)
	return sum.reading(op)
}

func (t *tree) isTextual(x *term) bool {
	if x.op == isText {
		return true
	}
	w := t.word(x.name)
	return x.op == isWord && w != nil && w.Type == Text
}

func (t *tree) textual(l, r *term, op string) (string, limit) {
	if l.op == isText {
		l, r = r, l
	}
	if r.op != isText { // two words
		names := []string{t.spelled(l), t.spelled(r)}
		slices.Sort(names)
		return strings.Join(names, " == "), truths(op == "==")
	}
	out := limit{isText: true, texts: []string{r.name}, others: op == "!="}
	if w := t.word(l.name); w != nil && w.Values != nil {
		out = out.and(limit{isText: true, texts: slices.Sorted(slices.Values(w.Values))})
	}
	return t.spelled(l), out
}

// sum is a number as a sum of readings, each with its factor, and a constant.
type sum struct {
	of     map[string]float64
	full   map[string]limit // what each reading may be
	offset float64
}

func (s *sum) add(o sum, factor float64) {
	s.offset += factor * o.offset
	for key, k := range o.of {
		s.of[key] += factor * k
		s.full[key] = o.full[key]
		if s.of[key] == 0 {
			delete(s.of, key)
		}
	}
}

// sum reads a term as a sum. What is not linear is a reading of its own.
func (t *tree) sum(x *term) sum {
	out := sum{of: map[string]float64{}, full: map[string]limit{}}
	switch x.op {
	case isNumber:
		out.offset, _ = strconv.ParseFloat(x.name, 64) // the guard admitted it
		return out
	case "+", "-", "*", "/":
		l, r := t.sum(x.kids[0]), t.sum(x.kids[1])
		switch {
		case x.op == "+", x.op == "-":
			out.add(l, 1)
			out.add(r, map[string]float64{"+": 1, "-": -1}[x.op])
			return out
		case x.op == "/" && len(r.of) == 0 && r.offset != 0:
			out.add(l, 1/r.offset)
			return out
		case x.op == "*" && len(r.of) == 0:
			out.add(l, r.offset)
			return out
		case x.op == "*" && len(l.of) == 0:
			out.add(r, l.offset)
			return out
		}
	}
	key, full := t.spelled(x), anyNumber(false)
	if w := t.word(x.name); w != nil && (x.op == isWord || x.op == isCall) {
		full, _ = rangeOf(w)
		if w.Name == "Abs" {
			full.low = 0
		}
	}
	out.of[key], out.full[key] = 1, full
	return out
}

// reading returns what "s op 0" admits, and of which reading: of a word by
// itself where there is only one.
func (s *sum) reading(op string) (string, limit) {
	keys := slices.Sorted(maps.Keys(s.of))
	if len(keys) == 0 {
		if l := bounded(op, 0, false); bounded("==", s.offset, false).within(l) {
			return "", limit{high: 1}
		}
		return "", limit{low: 1} // admits nothing
	}
	first := s.of[keys[0]]
	if first < 0 {
		op = mirrored[op]
	}
	whole := len(keys) == 1 && s.full[keys[0]].whole
	l := bounded(op, -s.offset/first, whole)
	full := anyNumber(false)
	full.low, full.high = 0, 0
	var name strings.Builder
	for i, key := range keys {
		k := s.of[key] / first
		if i > 0 {
			name.WriteString(" + " + strconv.FormatFloat(k, 'g', -1, 64) + " * ")
		}
		name.WriteString(key)
		full = full.plus(s.full[key], k)
	}
	if len(keys) == 1 {
		full = s.full[keys[0]]
	}
	return name.String(), l.and(full)
}

// plus returns the sums of what l admits and k times what o admits.
func (l limit) plus(o limit, k float64) limit {
	low, high, lowOpen, highOpen := k*o.low, k*o.high, o.lowOpen, o.highOpen
	if k < 0 {
		low, high, lowOpen, highOpen = high, low, highOpen, lowOpen
	}
	if math.IsNaN(l.low+low) || math.IsNaN(l.high+high) {
		return anyNumber(false)
	}
	return limit{low: l.low + low, high: l.high + high, lowOpen: l.lowOpen || lowOpen, highOpen: l.highOpen || highOpen}
}
