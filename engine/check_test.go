package engine

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// parsed returns a rule as the guard and the parser see it.
func parsed(t *testing.T, s Source) (*written, *ast.RuleEntry) {
	t.Helper()
	w, found := guard(s)
	if len(found) > 0 {
		t.Fatal(found)
	}
	e, found := parse(w)
	if len(found) > 0 {
		t.Fatal(found)
	}
	return w, e
}

// TestFidelity changes a tree behind the back of its text, as the parser does
// when it merges nodes, and wants every change found.
func TestFidelity(t *testing.T) {
	s := one(`!(F.Ticks > 2 && F.Margin < 1.5) || (F.Score("request_rate") > 4 && !Known("F.Standing") && -3 < F.Ticks)`)
	if w, e := parsed(t, s); true {
		if _, errs := check(w, e, everything); len(errs) > 0 {
			t.Fatalf("an unchanged tree: %v", errs)
		}
	}
	constant := func(e *ast.Expression) *ast.Constant { return e.ExpressionAtom.Constant }
	left := func(e *ast.Expression) *ast.Expression { return e.LeftExpression }
	for _, tt := range []struct {
		name   string
		change func(*ast.RuleEntry)
	}{
		{"an integer", func(e *ast.RuleEntry) {
			constant(left(left(e.WhenScope.Expression).SingleExpression).RightExpression).Value = reflect.ValueOf(int64(3))
		}},
		{"an integer for a fraction", func(e *ast.RuleEntry) {
			constant(left(e.WhenScope.Expression).SingleExpression.RightExpression.RightExpression).Value = reflect.ValueOf(int64(1))
		}},
		{"a fraction, in the seventh decimal", func(e *ast.RuleEntry) {
			constant(left(e.WhenScope.Expression).SingleExpression.RightExpression.RightExpression).Value = reflect.ValueOf(1.5000001)
		}},
		{"the sign of a number", func(e *ast.RuleEntry) {
			constant(left(e.WhenScope.Expression.RightExpression.SingleExpression.RightExpression)).Value = reflect.ValueOf(int64(3))
		}},
		{"an operator", func(e *ast.RuleEntry) { left(left(e.WhenScope.Expression).SingleExpression).Operator = ast.OpGTE }},
		{"the logic", func(e *ast.RuleEntry) { e.WhenScope.Expression.Operator = ast.OpAnd }},
		{"a negation", func(e *ast.RuleEntry) { left(e.WhenScope.Expression).Negated = false }},
		{"a field", func(e *ast.RuleEntry) {
			left(left(left(e.WhenScope.Expression).SingleExpression)).ExpressionAtom.Variable.Name = "Epochs"
		}},
		{"a root", func(e *ast.RuleEntry) {
			left(left(left(e.WhenScope.Expression).SingleExpression)).ExpressionAtom.Variable.Variable.Name = "C"
		}},
		{"two sides", func(e *ast.RuleEntry) {
			x := left(e.WhenScope.Expression).SingleExpression
			x.LeftExpression, x.RightExpression = x.RightExpression, x.LeftExpression
		}},
		{"a string", func(e *ast.RuleEntry) {
			call := e.ThenScope.ThenExpressionList.ThenExpressions[0].ExpressionAtom.FunctionCall
			call.ArgumentList.Arguments[2].ExpressionAtom.Constant.Value = reflect.ValueOf("becausE")
		}},
		{"a call", func(e *ast.RuleEntry) {
			e.ThenScope.ThenExpressionList.ThenExpressions[0].ExpressionAtom.FunctionCall.FunctionName = "Veto"
		}},
		{"a statement less", func(e *ast.RuleEntry) { e.ThenScope.ThenExpressionList.ThenExpressions = nil }},
		{"a statement more", func(e *ast.RuleEntry) {
			l := e.ThenScope.ThenExpressionList
			l.ThenExpressions = append(l.ThenExpressions, l.ThenExpressions[0])
		}},
		{"the salience", func(e *ast.RuleEntry) { e.Salience++ }},
		{"the name", func(e *ast.RuleEntry) { e.RuleName = "rule_two" }},
		{"no condition", func(e *ast.RuleEntry) { e.WhenScope.Expression = nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, e := parsed(t, s)
			tt.change(e)
			if _, errs := check(w, e, everything); len(errs) == 0 || errs[0].Code != e01 {
				t.Errorf("check = %v, want E01", errs)
			}
		})
	}
}

// TestFidelityFindsMergedNumbers lets two numbers through which the parser merges
// within a rule: the guard refuses them, and this is the second line.
func TestFidelityFindsMergedNumbers(t *testing.T) {
	w, found := guard(one("F.Evidence < 0.5 && F.Evidence < 0.25"))
	if len(found) > 0 {
		t.Fatal(found)
	}
	for written, number := range map[string]string{"0.5": "0.000000001", "0.25": "0.0000001"} {
		w.text = bytes.ReplaceAll(w.text, []byte(written), []byte(number))
		for i := range w.tokens {
			if w.tokens[i].text == written {
				w.tokens[i].text = number
			}
		}
	}
	_, errs := inspect(w, everything)
	var codes []Code
	for _, e := range errs {
		codes = append(codes, e.Code)
	}
	if len(codes) != 1 || codes[0] != e01 {
		t.Errorf("codes = %v, want E01 for the second number, which is the first", codes)
	}
}
