package engine

import (
	"math"
	"reflect"

	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// quantity is a compiled expression of numbers. What the evaluator computes in
// 64-bit integers is whole, and both results are returned; ok is false when a
// word is unknown.
type quantity struct {
	whole bool
	read  func(*row) (f float64, i int64, ok bool)
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
	return func(x *row) opinion {
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

func literalText(e *ast.Expression) (string, bool) {
	k := literal(e)
	if k == nil || k.Value.Kind() != reflect.String {
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
