package engine

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// operators spells the parser's operators; those that the guard refuses are
// missing.
var operators = map[int]string{
	ast.OpMul: "*", ast.OpDiv: "/", ast.OpAdd: "+", ast.OpSub: "-",
	ast.OpGT: ">", ast.OpLT: "<", ast.OpGTE: ">=", ast.OpLTE: "<=", ast.OpEq: "==", ast.OpNEq: "!=",
	ast.OpAnd: "&&", ast.OpOr: "||",
}

func (c *checker) binary(e *ast.Expression, at token) typed {
	op, ok := operators[e.Operator]
	if !ok {
		c.differs("an operator that is not admitted")
		return typed{}
	}
	l := c.expr(e.LeftExpression)
	sign := c.take(op)
	rightAt := c.here()
	r := c.expr(e.RightExpression)
	if c.lost || l.t == "" || r.t == "" {
		return typed{t: result(op)}
	}
	switch op {
	case "&&", "||":
		c.logic(e, op, sign, l, r, at, rightAt)
	case "*", "/", "+", "-":
		c.want(Number, l, at, "the left side of "+op)
		c.want(Number, r, rightAt, "the right side of "+op)
		if op == "/" && (r.literal == nil || isZero(r.literal.Value)) {
			c.fail(rightAt, e08, "division by something that may be zero, want a number other than 0",
				"multiply the other side instead")
		}
		if op != "/" && l.t == Count && r.t == Count {
			return typed{t: Count, fixed: l.fixed && r.fixed}
		}
	default:
		c.comparison(op, sign, l, r)
	}
	return typed{t: result(op), fixed: l.fixed && r.fixed}
}

func result(op string) Type {
	switch op {
	case "*", "/", "+", "-":
		return Number
	}
	return Truth
}

func isZero(v reflect.Value) bool {
	return v.CanFloat() && v.Float() == 0 || v.CanInt() && v.Int() == 0
}

func (c *checker) logic(e *ast.Expression, op string, sign token, l, r typed, at, rightAt token) {
	c.want(Truth, l, at, "the left side of "+op)
	c.want(Truth, r, rightAt, "the right side of "+op)
	for _, side := range []*ast.Expression{e.LeftExpression, e.RightExpression} {
		if side.ExpressionAtom == nil && side.SingleExpression == nil &&
			(side.Operator == ast.OpAnd || side.Operator == ast.OpOr) && side.Operator != e.Operator {
			c.fail(sign, e03, "&& and || mixed without parentheses", "write the parentheses that you mean")
		}
	}
	for i, side := range []typed{l, r} {
		if side.t == Truth && side.fixed && len(c.errs) == 0 {
			c.fail([]token{at, rightAt}[i], e07, "this part of the condition is the same for every fact", "")
		}
	}
}

func (c *checker) comparison(op string, sign token, l, r typed) {
	numeric := func(t Type) bool { return t == Number || t == Count }
	equality := op == "==" || op == "!="
	switch {
	case l.t == Text && r.t == Text && equality:
		c.textValue(sign, l, r)
		c.textValue(sign, r, l)
	case l.t == Text && r.t == Text:
		c.fail(sign, e02, "texts are compared by == and != only", "")
	case l.t == Truth && r.t == Truth:
		c.fail(sign, e02, "comparison of truth values", "write the condition itself, or ! in front of it")
	case !numeric(l.t) || !numeric(r.t):
		c.fail(sign, e02, fmt.Sprintf("comparison of a %s with a %s, which is never true", l.t, r.t), "")
	case equality && (l.t == Number || r.t == Number):
		c.fail(sign, e09, "a measurement compared by "+op, "write < or > with the bound that you mean")
	}
}

// textValue refuses the comparison of a word that has a closed set of values
// with a literal outside it: a slip of the pen that would never fire.
func (c *checker) textValue(sign token, field, other typed) {
	if field.word == nil || field.word.Values == nil || other.literal == nil {
		return
	}
	if s := other.literal.Value.String(); !slices.Contains(field.word.Values, s) {
		c.fail(sign, e06,
			fmt.Sprintf("%s is never %q, want one of %s", field.word.Name, s, strings.Join(field.word.Values, ", ")), "")
	}
}
