package engine

import (
	"math"

	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// answer is what a compiled condition says of a row.
type answer int8

const (
	no    answer = iota // the evaluator would find it false
	yes                 // the evaluator would find it true
	maybe               // it reads what is unknown, or was not compiled: the evaluator has to say
)

// test is a condition, or a part of one, compiled to a function. It reads a
// row in the order in which the evaluator reads the situation, and stops where
// the evaluator does, so that it never says no where the evaluator would come
// upon an unknown word first.
type test func(*row) answer

// quantity is a compiled expression of numbers. What the evaluator computes in
// 64-bit integers is whole, and both results are returned; ok is false when a
// word is unknown.
type quantity struct {
	whole bool
	read  func(*row) (f float64, i int64, ok bool)
}

// filterer compiles the conditions of a program.
type filterer struct{ slots *slots }

func unsure(*row) answer { return maybe }

func (c filterer) test(e *ast.Expression) test {
	switch {
	case e.ExpressionAtom != nil:
		return c.atom(e.ExpressionAtom)
	case e.SingleExpression != nil && e.Negated:
		return not(c.test(e.SingleExpression))
	case e.SingleExpression != nil:
		return c.test(e.SingleExpression)
	}
	switch e.Operator {
	case ast.OpAnd:
		return and(c.test(e.LeftExpression), c.test(e.RightExpression))
	case ast.OpOr:
		return or(c.test(e.LeftExpression), c.test(e.RightExpression))
	}
	return c.comparison(e)
}

func not(x test) test {
	return func(r *row) answer {
		switch x(r) {
		case no:
			return yes
		case yes:
			return no
		}
		return maybe
	}
}

func and(a, b test) test {
	return func(r *row) answer {
		if x := a(r); x != yes {
			return x
		}
		return b(r)
	}
}

func or(a, b test) test {
	return func(r *row) answer {
		if x := a(r); x != no {
			return x
		}
		return b(r)
	}
}

func is(b bool) answer {
	if b {
		return yes
	}
	return no
}

// atom compiles an atom that is a truth value.
func (c filterer) atom(a *ast.ExpressionAtom) test {
	if a.Negated && a.ExpressionAtom != nil {
		return not(c.atom(a.ExpressionAtom))
	}
	if slot := c.known(a); slot >= 0 {
		return func(r *row) answer { return is(r.known[slot]) }
	}
	slot := c.slotOf(a)
	if slot < 0 || c.slots.kind(slot) != Truth {
		return unsure
	}
	return func(r *row) answer {
		if !r.known[slot] {
			return maybe
		}
		return is(r.truth[slot])
	}
}

func (c filterer) comparison(e *ast.Expression) test {
	if l, ok := c.text(e.LeftExpression); ok {
		r, ok := c.text(e.RightExpression)
		if !ok || e.Operator != ast.OpEq && e.Operator != ast.OpNEq {
			return unsure
		}
		return equality(l, r, e.Operator == ast.OpEq)
	}
	l, okL := c.number(e.LeftExpression)
	r, okR := c.number(e.RightExpression)
	if !okL || !okR {
		return unsure
	}
	if l.whole && r.whole {
		return compare(e.Operator, l, r, func(_ float64, i int64) int64 { return i })
	}
	return compare(e.Operator, l, r, func(f float64, _ int64) float64 { return f })
}

// compare compiles a comparison of the results that pick chooses.
func compare[N int64 | float64](op int, l, r quantity, pick func(float64, int64) N) test {
	var holds func(a, b N) bool
	switch op {
	case ast.OpGT:
		holds = func(a, b N) bool { return a > b }
	case ast.OpGTE:
		holds = func(a, b N) bool { return a >= b }
	case ast.OpLT:
		holds = func(a, b N) bool { return a < b }
	case ast.OpLTE:
		holds = func(a, b N) bool { return a <= b }
	case ast.OpEq:
		holds = func(a, b N) bool { return a == b }
	case ast.OpNEq:
		holds = func(a, b N) bool { return a != b }
	default:
		return unsure
	}
	return func(x *row) answer {
		lf, li, okL := l.read(x)
		rf, ri, okR := r.read(x)
		if !okL || !okR {
			return maybe
		}
		return is(holds(pick(lf, li), pick(rf, ri)))
	}
}

// phrase is a compiled expression of text: a slot, or a literal when it is -1.
type phrase struct {
	slot    int
	literal string
}

func (p phrase) read(r *row) (string, bool) {
	if p.slot < 0 {
		return p.literal, true
	}
	return r.texts[p.slot], r.known[p.slot]
}

func equality(l, r phrase, want bool) test {
	return func(x *row) answer {
		a, okL := l.read(x)
		b, okR := r.read(x)
		if !okL || !okR {
			return maybe
		}
		return is((a == b) == want)
	}
}

func (c filterer) text(e *ast.Expression) (phrase, bool) {
	e = bare(e)
	if s, ok := literalText(e); ok {
		return phrase{-1, s}, true
	}
	slot := c.slot(e)
	return phrase{slot: slot}, slot >= 0 && c.slots.kind(slot) == Text
}

func (c filterer) number(e *ast.Expression) (quantity, bool) {
	e = bare(e)
	if f, i, whole, ok := literalNumber(e); ok {
		return quantity{whole, func(*row) (float64, int64, bool) { return f, i, true }}, true
	}
	if slot := c.slot(e); slot >= 0 {
		t := c.slots.kind(slot)
		return quantity{t == Count, func(r *row) (float64, int64, bool) {
			return r.nums[slot], r.ints[slot], r.known[slot]
		}}, t == Count || t == Number
	}
	if a := e.ExpressionAtom; a != nil {
		return c.measure(a)
	}
	if e.LeftExpression == nil || e.RightExpression == nil {
		return quantity{}, false
	}
	l, okL := c.number(e.LeftExpression)
	r, okR := c.number(e.RightExpression)
	if !okL || !okR {
		return quantity{}, false
	}
	return arithmetic(e.Operator, l, r)
}

// measure compiles Max, Min and Abs.
func (c filterer) measure(a *ast.ExpressionAtom) (quantity, bool) {
	if a.FunctionCall == nil || a.ExpressionAtom != nil || a.FunctionCall.ArgumentList == nil {
		return quantity{}, false
	}
	var args []quantity
	for _, x := range a.FunctionCall.ArgumentList.Arguments {
		q, ok := c.number(x)
		if !ok {
			return quantity{}, false
		}
		args = append(args, q)
	}
	var of func(a, b float64) float64
	switch name := a.FunctionCall.FunctionName; {
	case name == "Max" && len(args) == 2:
		of = math.Max
	case name == "Min" && len(args) == 2:
		of = math.Min
	case name == "Abs" && len(args) == 1:
		of = func(a, _ float64) float64 { return math.Abs(a) }
		args = append(args, args[0])
	default:
		return quantity{}, false
	}
	return quantity{false, func(r *row) (float64, int64, bool) {
		x, _, okX := args[0].read(r)
		y, _, okY := args[1].read(r)
		return of(x, y), 0, okX && okY
	}}, true
}

// arithmetic computes as the evaluator does: integers wrap around, and divide
// as floats. Each result is returned before it is used, so that no two
// operations are fused.
func arithmetic(op int, l, r quantity) (quantity, bool) {
	whole := l.whole && r.whole
	var floats func(a, b float64) float64
	ints := func(int64, int64) int64 { return 0 }
	switch op {
	case ast.OpMul:
		floats, ints = func(a, b float64) float64 { return a * b }, func(a, b int64) int64 { return a * b }
	case ast.OpAdd:
		floats, ints = func(a, b float64) float64 { return a + b }, func(a, b int64) int64 { return a + b }
	case ast.OpSub:
		floats, ints = func(a, b float64) float64 { return a - b }, func(a, b int64) int64 { return a - b }
	case ast.OpDiv:
		floats, whole = func(a, b float64) float64 { return a / b }, false
	default:
		return quantity{}, false
	}
	return quantity{whole, func(x *row) (float64, int64, bool) {
		lf, li, okL := l.read(x)
		rf, ri, okR := r.read(x)
		if whole {
			i := ints(li, ri)
			return float64(i), i, okL && okR
		}
		return floats(lf, rf), 0, okL && okR
	}}, true
}

// bare returns an expression without the parentheses around it.
func bare(e *ast.Expression) *ast.Expression {
	for e.SingleExpression != nil && !e.Negated {
		e = e.SingleExpression
	}
	return e
}

// slot returns the slot of an expression that is a field, a derived value, or a
// method of a literal metric; else -1.
func (c filterer) slot(e *ast.Expression) int {
	if e.ExpressionAtom == nil {
		return -1
	}
	return c.slotOf(e.ExpressionAtom)
}

func (c filterer) slotOf(a *ast.ExpressionAtom) int {
	switch {
	case a.Constant != nil || a.Negated:
	case a.Variable != nil && a.Variable.Variable != nil:
		return c.slots.word(a.Variable.Variable.Name + "." + a.Variable.Name)
	case a.FunctionCall != nil && a.ExpressionAtom != nil && a.FunctionCall.ArgumentList != nil:
		args := a.FunctionCall.ArgumentList.Arguments
		if metric, ok := literalText(args[0]); ok && len(args) == 1 {
			return c.slots.call(rootOf(a.ExpressionAtom)+"."+a.FunctionCall.FunctionName, metric)
		}
	case a.ExpressionAtom != nil && a.VariableName != "":
		return c.slots.word(rootOf(a.ExpressionAtom) + "." + a.VariableName)
	}
	return -1
}

// known returns the slot of which an atom asks whether it is known, or -1.
func (c filterer) known(a *ast.ExpressionAtom) int {
	f := a.FunctionCall
	if f == nil || a.ExpressionAtom != nil || f.FunctionName != "Known" || f.ArgumentList == nil {
		return -1
	}
	name, _ := literalText(f.ArgumentList.Arguments[0])
	return c.slots.word(name)
}

// reads appends the slots that an expression reads or asks about.
func (c filterer) reads(e *ast.Expression, to []int) []int {
	switch {
	case e.ExpressionAtom != nil:
		return c.readsOf(e.ExpressionAtom, to)
	case e.SingleExpression != nil:
		return c.reads(e.SingleExpression, to)
	case e.LeftExpression != nil && e.RightExpression != nil:
		return c.reads(e.RightExpression, c.reads(e.LeftExpression, to))
	}
	return to
}

func (c filterer) readsOf(a *ast.ExpressionAtom, to []int) []int {
	if slot := max(c.slotOf(a), c.known(a)); slot >= 0 {
		return append(to, slot)
	}
	if a.ExpressionAtom != nil {
		to = c.readsOf(a.ExpressionAtom, to)
	}
	if a.FunctionCall != nil && a.FunctionCall.ArgumentList != nil {
		for _, x := range a.FunctionCall.ArgumentList.Arguments {
			to = c.reads(x, to)
		}
	}
	return to
}

func literalText(e *ast.Expression) (string, bool) {
	k := literal(e)
	if k == nil || k.Value.Kind().String() != "string" {
		return "", false
	}
	return k.Value.String(), true
}

func literalNumber(e *ast.Expression) (f float64, i int64, whole, ok bool) {
	k := literal(e)
	switch {
	case k == nil:
		return 0, 0, false, false
	case k.Value.CanInt():
		return float64(k.Value.Int()), k.Value.Int(), true, true
	case k.Value.CanFloat():
		return k.Value.Float(), 0, false, true
	}
	return 0, 0, false, false
}

func literal(e *ast.Expression) *ast.Constant {
	e = bare(e)
	if e.ExpressionAtom == nil {
		return nil
	}
	return e.ExpressionAtom.Constant
}
