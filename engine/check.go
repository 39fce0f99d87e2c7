package engine

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// maxNodes bounds the syntax tree of a rule, and so the cost of evaluating it.
const maxNodes = 256

// checker reads a rule's syntax tree and the tokens of its file in step. Where
// they differ, the parser understood something else than two people read
// (E01); where they agree, every node has a place in the file, and its type
// and names are checked against the vocabulary.
//
// The parser merges nodes whose texts it takes for equal, so this is also the
// proof that none of this rule's nodes was merged with a different one.
type checker struct {
	w     *written
	allow Allow
	i     int // next token
	nodes int
	lost  bool // tree and tokens differ: nothing after it can be placed
	errs  Errors
	spans map[*ast.Expression]span
	then  bool     // inside the consequence
	sets  []string // derived values set so far
}

// span is the tokens of a node: from inclusive, to exclusive.
type span struct{ from, to int }

// typed is what is known about a node's value.
type typed struct {
	t       Type // empty: an error was reported already
	literal *ast.Constant
	word    *Word // a field or method read directly
	fixed   bool  // the same in every situation
}

// check returns what is wrong with a parsed rule, and the tokens of each of its
// expressions.
func check(w *written, e *ast.RuleEntry, allow Allow) (map[*ast.Expression]span, Errors) {
	c := &checker{w: w, allow: allow, i: w.when, spans: map[*ast.Expression]span{}}
	if e.RuleName != w.name || e.Salience != w.salience ||
		e.WhenScope == nil || e.WhenScope.Expression == nil ||
		e.ThenScope == nil || e.ThenScope.ThenExpressionList == nil {
		c.i = 0
		c.differs("the header")
		return nil, c.errs
	}
	at := c.here()
	when := c.expr(e.WhenScope.Expression)
	c.want(Truth, when, at, "the condition")
	if when.t == Truth && when.fixed && len(c.errs) == 0 {
		c.fail(at, e07, "the condition is the same for every fact", "")
	}
	c.take("then")
	c.then = true
	for _, x := range e.ThenScope.ThenExpressionList.ThenExpressions {
		c.statement(x)
	}
	c.take("}")
	if !c.lost && c.i != len(w.tokens) {
		c.differs("the end")
	}
	return c.spans, c.errs
}

func (c *checker) here() token { return c.w.at(c.i) }

func (c *checker) fail(at token, code Code, msg, hint string) {
	if !c.lost {
		c.errs = append(c.errs, c.w.err(at, code, msg, hint))
	}
}

// differs gives up: tree and text tell two stories.
func (c *checker) differs(what string) {
	c.fail(c.here(), e01, fmt.Sprintf("the parser understood %s where %s is written", what, c.here()),
		"write the expression differently, or in a rule of its own")
	c.lost = true
}

// take moves over a mark, keyword or word that the tree says comes next.
func (c *checker) take(s string) token {
	t := c.here()
	if c.lost {
		return t
	}
	if t.kind == text || t.kind == number || t.text != s {
		c.differs(s)
		return t
	}
	c.i++
	return t
}

func (c *checker) node(at token) {
	c.nodes++
	if c.nodes == maxNodes+1 {
		c.fail(at, e17, fmt.Sprintf("more than %d nodes", maxNodes), "split the rule")
	}
}

func (c *checker) want(t Type, got typed, at token, what string) {
	if got.t == "" || got.t == t || t == Number && got.t == Count {
		return
	}
	c.fail(at, e02, fmt.Sprintf("%s is a %s, want a %s", what, got.t, t), "")
}

func (c *checker) expr(e *ast.Expression) typed {
	if c.lost || e == nil {
		return typed{}
	}
	at := c.here()
	c.node(at)
	s := span{from: c.i}
	var out typed
	switch {
	case e.ExpressionAtom != nil:
		out = c.atom(e.ExpressionAtom)
	case e.SingleExpression != nil:
		if e.Negated {
			c.take("!")
		}
		c.take("(")
		out = c.expr(e.SingleExpression)
		if e.Negated {
			c.want(Truth, out, at, "what ! negates")
		}
		c.take(")")
	case e.LeftExpression != nil && e.RightExpression != nil:
		out = c.binary(e, at)
	default:
		c.differs("nothing")
	}
	s.to = c.i
	c.spans[e] = s
	return out
}

func (c *checker) atom(a *ast.ExpressionAtom) typed {
	if c.lost {
		return typed{}
	}
	at := c.here()
	c.node(at)
	switch {
	case a.ArrayMapSelector != nil:
		c.fail(at, e17, "index selectors are not admitted", "")
		c.lost = true
	case a.Constant != nil:
		return c.constant(a.Constant)
	case a.Variable != nil:
		return c.field(a.Variable, at)
	case a.FunctionCall != nil && a.ExpressionAtom == nil:
		c.take(a.FunctionCall.FunctionName)
		return c.call(a.FunctionCall, a.FunctionCall.FunctionName, at)
	case a.FunctionCall != nil:
		if name := c.path(a.ExpressionAtom, a.FunctionCall.FunctionName, at); name != "" {
			return c.call(a.FunctionCall, name, at)
		}
	case a.ExpressionAtom != nil && a.VariableName != "":
		if name := c.path(a.ExpressionAtom, a.VariableName, at); name != "" {
			return c.known(name, at)
		}
	case a.ExpressionAtom != nil && a.Negated:
		c.take("!")
		out := c.atom(a.ExpressionAtom)
		c.want(Truth, out, at, "what ! negates")
		return typed{t: Truth, fixed: out.fixed}
	default:
		c.differs("nothing")
	}
	return typed{}
}

// path moves over "root.name" and returns it; "" when on is not a bare root.
func (c *checker) path(on *ast.ExpressionAtom, name string, at token) string {
	root := rootOf(on)
	if root == "" {
		c.fail(at, e04, "method or field of a literal or of a result",
			"only F.Field, F.Method(…), C.Field and D.Field are admitted")
		c.lost = true
		return ""
	}
	c.take(root)
	c.take(".")
	c.take(name)
	return root + "." + name
}

// rootOf returns the name of an atom that is a bare variable, or "".
func rootOf(a *ast.ExpressionAtom) string {
	if a == nil || a.Variable == nil || a.Variable.Variable != nil || a.Variable.ArrayMapSelector != nil || a.Negated {
		return ""
	}
	return a.Variable.Name
}

func (c *checker) field(v *ast.Variable, at token) typed {
	switch {
	case v.ArrayMapSelector != nil || v.Variable != nil && v.Variable.Variable != nil:
		c.fail(at, e04, "field of a field", "only F.Field, C.Field and D.Field are admitted")
		c.lost = true
		return typed{}
	case v.Variable == nil:
		c.take(v.Name)
		c.fail(at, e02, "unknown name "+v.Name,
			"read the fact as F.Field, its context as C.Field; texts stand in double quotes")
		return typed{}
	}
	c.take(v.Variable.Name)
	c.take(".")
	c.take(v.Name)
	return c.known(v.Variable.Name+"."+v.Name, at)
}

func (c *checker) known(name string, at token) typed {
	w := findIn(c.allow.Derived, name)
	switch {
	case w == nil:
		hint := "see 'evenkeel rules vocabulary' for the fields there are"
		if strings.HasPrefix(name, derivedRoot+".") {
			hint = "declare it under derived in pack.yaml"
		}
		c.fail(at, e02, "unknown field "+name, hint)
		return typed{}
	case w.Args != nil:
		c.fail(at, e02, fmt.Sprintf("%s is a method, want %s(\"metric\")", name, name), "")
		return typed{}
	}
	return typed{t: w.Type, word: w}
}

func (c *checker) constant(k *ast.Constant) typed {
	v := k.Value
	switch {
	case k.IsNil || !v.IsValid():
		c.fail(c.here(), e03, "nil is not a value", "")
		c.lost = true
		return typed{}
	case v.Kind() == reflect.String:
		if t := c.here(); t.kind != text || t.text != v.String() {
			c.differs(strconv.Quote(v.String()))
			return typed{}
		}
		c.i++
		return typed{t: Text, literal: k, fixed: true}
	case v.Kind() == reflect.Bool:
		c.take(strconv.FormatBool(v.Bool()))
		return typed{t: Truth, literal: k, fixed: true}
	}
	spelled, t := "", Number
	if v.CanInt() {
		spelled, t = strconv.FormatInt(v.Int(), 10), Count
	} else {
		spelled = strconv.FormatFloat(v.Float(), 'f', -1, 64)
	}
	if strings.HasPrefix(spelled, "-") {
		c.take("-")
		spelled = spelled[1:]
	}
	if n := c.here(); n.kind != number || n.text != spelled {
		c.differs(spelled)
		return typed{}
	}
	c.i++
	return typed{t: t, literal: k, fixed: true}
}
