package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// call checks a call whose name was taken already.
func (c *checker) call(f *ast.FunctionCall, name string, at token) typed {
	c.take("(")
	var args []typed
	var places []token
	if f.ArgumentList != nil {
		for i, x := range f.ArgumentList.Arguments {
			if i > 0 {
				c.take(",")
			}
			places = append(places, c.here())
			args = append(args, c.expr(x))
		}
	}
	c.take(")")
	if c.lost {
		return typed{}
	}
	w := find(name)
	if w == nil {
		c.fail(at, e02, "unknown function "+name, "see 'evenkeel rules vocabulary' for the functions there are")
		return typed{}
	}
	if w.Args == nil {
		c.fail(at, e02, name+" is a field, want it without parentheses", "")
		return typed{}
	}
	if len(args) != len(w.Args) {
		c.fail(at, e02, fmt.Sprintf("%s has %d arguments, want %d", name, len(args), len(w.Args)), w.Doc)
		return typed{}
	}
	fixed := len(args) > 0 && w.method == nil && name != "Known"
	for i, a := range args {
		c.want(w.Args[i], a, places[i], fmt.Sprintf("argument %d of %s", i+1, name))
		fixed = fixed && a.fixed
	}
	c.use(w, args, places, at)
	return typed{t: w.Type, word: w, fixed: fixed}
}

// use checks what a call is used for, beyond the types of its arguments.
func (c *checker) use(w *Word, args []typed, places []token, at token) {
	if (w.Type == None) != c.then {
		c.fail(at, e02, fmt.Sprintf("%s stands on the wrong side of then", w.Name), w.Doc)
		return
	}
	for i, a := range args {
		literal := w.Args[i] == Text && !(w.Name == "Propose" && i == 1)
		if literal && a.t == Text && a.literal == nil {
			c.fail(places[i], e02, fmt.Sprintf("argument %d of %s, want a text in double quotes", i+1, w.Name), "")
			return
		}
	}
	switch w.Name {
	case "Propose":
		c.verb(args[0], places[0], false)
		if args[1].word == nil || args[1].word.Name != "F.Member" {
			c.fail(places[1], e02, "argument 2 of Propose, want F.Member",
				"a rule acts on the member its fact is about")
		}
	case "Veto":
		c.verb(args[0], places[0], true)
	case "Known":
		if k := args[0].literal; k != nil {
			if f := findIn(c.allow.Derived, k.Value.String()); f == nil || f.Args != nil {
				c.fail(places[0], e02, fmt.Sprintf("unknown field %q", k.Value.String()), "")
			}
		}
	default:
		if w.method != nil {
			c.metric(args[0], places[0])
		}
	}
}

func (c *checker) metric(a typed, at token) {
	if a.literal == nil {
		return
	}
	if err := facts.CheckName("metric", a.literal.Value.String()); err != nil {
		c.fail(at, e02, err.Error(), "")
	}
}

// verb checks a verb against the vocabulary and the pack.
func (c *checker) verb(a typed, at token, veto bool) {
	if a.literal == nil {
		return
	}
	v := actions.Verb(a.literal.Value.String())
	switch {
	case veto && classes[v] == 0:
		c.fail(at, e20, fmt.Sprintf("veto of %q, want drain or maint", v),
			"giving capacity back and telling a human are never vetoed")
	case !veto && v == actions.Weight:
		c.fail(at, e20, "weight cannot be proposed in vocabulary 1", "")
	case !veto && !slices.Contains(c.allow.Verbs, v):
		c.fail(at, e20, fmt.Sprintf("verb %q is not among the pack's: %s", v, joinVerbs(c.allow.Verbs)),
			"permit it in pack.yaml, or propose another")
	}
}

func joinVerbs(verbs []actions.Verb) string {
	if len(verbs) == 0 {
		return "none"
	}
	out := make([]string, len(verbs))
	for i, v := range verbs {
		out[i] = string(v)
	}
	return strings.Join(out, ", ")
}

func (c *checker) statement(x *ast.ThenExpression) {
	if c.lost {
		return
	}
	at := c.here()
	switch {
	case x.Assignment != nil:
		c.assignment(x.Assignment, at)
	case x.ExpressionAtom == nil:
		c.differs("nothing")
	default:
		if got := c.atom(x.ExpressionAtom); got.t != None && got.t != "" {
			c.fail(at, e02, "a statement without effect", "after then stand Propose, Veto and Note")
		}
		c.take(";")
	}
}
