package engine

import "github.com/hyperjumptech/grule-rule-engine/ast"

// opinion is what a compiled condition says of a row.
type opinion int8

const (
	no    opinion = iota // the evaluator would find it false
	yes                  // the evaluator would find it true
	maybe                // it reads what is unknown, or was not compiled: the evaluator has to say
)

// test is a condition, or a part of one, compiled to a function. It reads a
// row in the order in which the evaluator reads the situation, and stops where
// the evaluator does, so that it never says no where the evaluator would come
// upon an unknown word first.
type test func(*row) opinion

// filterer compiles the conditions of a program.
type filterer struct{ slots *slots }

func unsure(*row) opinion { return maybe }

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
	return func(r *row) opinion {
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
	return func(r *row) opinion {
		if x := a(r); x != yes {
			return x
		}
		return b(r)
	}
}

func or(a, b test) test {
	return func(r *row) opinion {
		if x := a(r); x != no {
			return x
		}
		return b(r)
	}
}

func is(b bool) opinion {
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
		return func(r *row) opinion { return is(r.known[slot]) }
	}
	slot := c.slotOf(a)
	if slot < 0 || c.slots.kind(slot) != Truth {
		return unsure
	}
	return func(r *row) opinion {
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
	return func(x *row) opinion {
		lf, li, okL := l.read(x)
		rf, ri, okR := r.read(x)
		if !okL || !okR {
			return maybe
		}
		return is(holds(pick(lf, li), pick(rf, ri)))
	}
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
