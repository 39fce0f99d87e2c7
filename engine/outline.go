package engine

import (
	"math"
	"strconv"
	"strings"
)

// Outline is a rule as it is written, for those who test it: its parts, its
// bounds and its mutants. It needs no parser.
type Outline struct{ tree *tree }

// Part is a comparison or question within a condition.
type Part struct {
	Text         string
	Line, Column int
}

// Bound is a comparison of one word with a number.
type Bound struct {
	Part
	Word   string  // F.Field, C.Field, D.Field, or F.Method with its metric
	Metric string  // of a method; empty: a field
	At     float64 // the number
	Step   float64 // the next value: 1 of a count, else the last decimal of the number as written
}

// NewOutline returns a rule of a version as it is written, with the values of the
// version's parameters. Errors are [Errors]: what the guard refuses has no
// outline.
func NewOutline(s Source, allow Allow) (*Outline, error) {
	w, errs := read(s, constantsOf(allow.Parameters))
	if len(errs) > 0 {
		return nil, errs.sorted()
	}
	t, err := grow(w, allow.Derived)
	if err != nil {
		return nil, Errors{err}
	}
	return &Outline{t}, nil
}

// Name returns the name of the rule.
func (o *Outline) Name() string { return o.tree.name }

// Parts returns the parts of the condition, in the order of the text.
func (o *Outline) Parts() []Part {
	leaves := o.tree.leaves()
	out := make([]Part, len(leaves))
	for i, x := range leaves {
		out[i] = o.part(x)
	}
	return out
}

func (o *Outline) part(x *term) Part {
	at := o.tree.at(x.from)
	return Part{o.tree.bare(x), at.line, at.col}
}

// Bounds returns the comparisons of one word with a number, in the order of the
// text.
func (o *Outline) Bounds() []Bound {
	var out []Bound
	for _, x := range o.tree.leaves() {
		b, ok := o.tree.threshold(x)
		if !ok {
			continue
		}
		step := 1.0
		if b.word.Type != Count {
			step = stepOf(x)
		}
		out = append(out, Bound{Part: o.part(x), Word: b.word.Name, Metric: b.metric, At: b.at, Step: step})
	}
	return out
}

// stepOf is one of the last decimal of the number that a comparison is with.
func stepOf(x *term) float64 {
	decimals := 0
	x.visit(func(y *term) {
		if _, after, ok := strings.Cut(y.name, "."); y.op == isNumber && ok {
			decimals = max(decimals, len(after))
		}
	})
	return math.Pow10(-decimals)
}

// move returns a number as written, moved by one step of its last decimal.
func move(literal string, steps float64) string {
	decimals := 0
	if _, after, ok := strings.Cut(literal, "."); ok {
		decimals = len(after)
	}
	v, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return literal
	}
	s := strconv.FormatFloat(v+steps*math.Pow10(-decimals), 'f', decimals, 64)
	v, err = strconv.ParseFloat(s, 64) // again, for the one spelling: 0.9, not 0.90
	if err != nil {
		return literal
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
