package engine

import (
	"fmt"
	"slices"
)

// What a term is, when it is not an operator.
const (
	isWord   = "word" // F.Field, C.Field or D.Field
	isCall   = "call" // F.Method(…) or Function(…)
	isNumber = "number"
	isText   = "text"
	isTruth  = "truth"
)

// term is a node of a rule as it is written, for what reads rules without
// running them: the analysis, the mutants, the layout. It is read from the
// tokens that the guard admitted, by the parser's own precedence, so that no
// reader of rules needs the parser.
type term struct {
	op       string // an operator, or what the term is
	name     string // of a word or call; of a literal: its text
	sign     int    // token of the operator
	from, to int    // tokens, to exclusive, with the parentheses around it
	kids     []*term
}

// statement is one call or assignment after then.
type statement struct {
	write    string // the field that it assigns; empty: a call
	value    *term  // the call, or what is assigned
	from, to int    // tokens, with the semicolon
}

// tree is a rule as it is written.
type tree struct {
	*written
	when    *term
	then    []statement
	derived []Word // that the version declares
}

// grower reads a tree from tokens.
type grower struct {
	w   *written
	i   int
	err *Error
}

// grow returns a guarded rule as a tree, or where its syntax is wrong.
func grow(w *written, derived []Word) (*tree, *Error) {
	g := &grower{w: w, i: w.when}
	t := &tree{written: w, when: g.expression(0), derived: derived}
	g.take("then")
	for g.err == nil && g.i < len(w.tokens)-1 {
		t.then = append(t.then, g.statement())
	}
	if g.err == nil && len(t.then) == 0 {
		g.fail("a call")
	}
	g.take("}")
	if g.err != nil {
		return nil, g.err
	}
	return t, nil
}

func (g *grower) fail(want string) {
	if g.err == nil {
		at := g.w.at(g.i)
		g.err = g.w.err(at, e00, fmt.Sprintf("syntax: found %s, want %s", at, want), "")
	}
}

func (g *grower) is(s string) bool {
	t := g.w.at(g.i)
	return t.kind != text && t.kind != number && t.text == s
}

func (g *grower) take(s string) {
	if !g.is(s) {
		g.fail(s)
		return
	}
	g.i++
}

// levels holds the binary operators, those that bind weakest first.
var levels = [][]string{{"||"}, {"&&"}, {"==", "!=", "<", "<=", ">", ">="}, {"+", "-"}, {"*", "/"}}

func (g *grower) expression(level int) *term {
	if level == len(levels) {
		return g.operand()
	}
	left := g.expression(level + 1)
	for g.err == nil && slices.ContainsFunc(levels[level], g.is) {
		sign := g.i
		g.i++
		right := g.expression(level + 1)
		if g.err == nil {
			left = &term{op: g.w.at(sign).text, sign: sign, from: left.from, to: right.to, kids: []*term{left, right}}
		}
	}
	return left
}

func (g *grower) operand() *term {
	from := g.i
	switch t := g.w.at(g.i); {
	case g.is("!"):
		g.i++
		kid := g.operand()
		return &term{op: "!", sign: from, from: from, to: g.i, kids: []*term{kid}}
	case g.is("("):
		g.i++
		kid := g.expression(0)
		g.take(")")
		if g.err != nil {
			return nil
		}
		kid.from, kid.to = from, g.i
		return kid
	case t.kind == text:
		g.i++
		return &term{op: isText, name: t.text, from: from, to: g.i}
	case g.is("true"), g.is("false"):
		g.i++
		return &term{op: isTruth, name: t.text, from: from, to: g.i}
	case g.is("-"), t.kind == number:
		return g.number()
	case t.kind == word:
		return g.word()
	}
	g.fail("a word, a literal or (")
	return nil
}

func (g *grower) number() *term {
	from, sign := g.i, ""
	if g.is("-") {
		sign = "-"
		g.i++
	}
	n := g.w.at(g.i)
	if n.kind != number {
		g.fail("a number")
		return nil
	}
	g.i++
	return &term{op: isNumber, name: sign + n.text, from: from, to: g.i}
}

func (g *grower) word() *term {
	t := &term{op: isWord, name: g.w.at(g.i).text, from: g.i}
	g.i++
	if g.is(".") {
		g.i++
		if g.w.at(g.i).kind != word {
			g.fail("the name of a field")
			return nil
		}
		t.name += "." + g.w.at(g.i).text
		g.i++
	}
	if g.is("(") {
		t.op = isCall
		g.i++
		for g.err == nil && !g.is(")") {
			if len(t.kids) > 0 {
				g.take(",")
			}
			t.kids = append(t.kids, g.expression(0))
		}
		g.take(")")
	}
	t.to = g.i
	return t
}

func (g *grower) statement() statement {
	s := statement{from: g.i}
	s.value = g.operand()
	if g.err == nil && g.is("=") && s.value.op == isWord {
		g.i++
		s.write, s.value = s.value.name, g.expression(0)
	}
	g.take(";")
	s.to = g.i
	return s
}

// chain returns the parts that op joins in t, in the order of the text; t
// itself when op does not join it.
func (t *term) chain(op string) []*term {
	if t.op != op {
		return []*term{t}
	}
	return append(t.kids[0].chain(op), t.kids[1].chain(op)...)
}

// visit calls f for t and every term below it, those on the left first.
func (t *term) visit(f func(*term)) {
	f(t)
	for _, k := range t.kids {
		k.visit(f)
	}
}

// spelled writes the tokens of a term the one way.
func (t *tree) spelled(x *term) string { return spell(t.tokens[x.from:x.to]) }

// compares says whether a term is a comparison.
func (t *term) compares() bool { return slices.Contains(levels[2], t.op) }

// word returns a word that the rule may use, or nil.
func (t *tree) word(name string) *Word { return findIn(t.derived, name) }
