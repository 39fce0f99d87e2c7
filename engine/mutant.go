package engine

import (
	"fmt"
	"slices"
)

// Mutant is a rule with one small mistake, which a test should notice.
type Mutant struct {
	Line, Column int
	What         string // what was changed: "F.Ticks >= 5 becomes F.Ticks > 5"
	Source       Source
}

// Mutants returns every mutant of a rule: a comparison with another operator, a
// number moved by one step, a part left out, && and || exchanged, a negation
// left out, a call or assignment left out, another value set. A mutant that means the same as the rule, as far
// as the analysis can tell, is no mutant; nor is one that the guard refuses.
// Notes are not left out: nothing follows from them.
//
// Cost: some 20 µs for each mutant, of which there are about 6 for each part.
func (o *Outline) Mutants() []Mutant {
	m := &mutator{tree: o.tree}
	m.same, m.known = o.tree.split(o.tree.when, false)
	o.tree.when.visit(m.condition)
	m.consequence()
	return m.out
}

type mutator struct {
	*tree
	same  boxes
	known bool // same was analysed
	out   []Mutant
}

// raw is the text of a term as it stands in the file.
func (m *mutator) raw(x *term) string {
	return string(m.text[m.tokens[x.from].pos:m.tokens[x.to-1].end])
}

// add replaces the tokens from from to to and keeps the result if it is
// another rule.
func (m *mutator) add(from, to int, with, what string) {
	at := m.at(from)
	s := Source{m.file, slices.Concat(m.text[:at.pos], []byte(with), m.text[m.tokens[to-1].end:])}
	w, errs := read(s, m.constants)
	if len(errs) > 0 {
		return
	}
	t, err := grow(w, m.derived)
	if err != nil {
		return
	}
	if b, ok := t.split(t.when, false); ok && m.known && b.within(m.same) && m.same.within(b) && t.does() == m.does() {
		return
	}
	m.out = append(m.out, Mutant{at.line, at.col, what, s})
}

// does is the consequence of a rule, spelled.
func (t *tree) does() string { return spell(t.tokens[t.written.then:]) }

// neighbours holds what each comparison is easily mistaken for.
var neighbours = map[string]string{"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}

// condition makes the mutants of one term of the condition.
func (m *mutator) condition(x *term) {
	becomes := func(with string) string { return m.bare(x) + " becomes " + with }
	switch {
	case x.compares():
		op := neighbours[x.op]
		m.add(x.sign, x.sign+1, op, becomes(m.spelled(x.kids[0])+" "+op+" "+m.spelled(x.kids[1])))
	case x.op == "&&" || x.op == "||":
		l, r := x.kids[0], x.kids[1]
		m.add(x.from, x.to, m.raw(r), m.spelled(l)+" is left out")
		m.add(x.from, x.to, m.raw(l), m.spelled(r)+" is left out")
		op := map[string]string{"&&": "||", "||": "&&"}[x.op]
		with := "((" + m.raw(l) + ") " + op + " (" + m.raw(r) + "))"
		m.add(x.from, x.to, with, x.op+" becomes "+op+" ahead of "+m.spelled(r))
	case x.op == "!":
		m.add(x.from, x.to, m.raw(x.kids[0]), "the ! of "+m.spelled(x)+" is left out")
	case x.op == isNumber:
		for _, steps := range []float64{-1, 1} {
			moved := move(x.name, steps)
			m.add(x.from, x.to, moved, m.spelled(x)+" becomes "+moved)
		}
	}
}

// consequence makes the mutants of what stands after then.
func (m *mutator) consequence() {
	for _, s := range m.then {
		if s.write == "" && s.value.name == "Note" {
			continue
		}
		m.add(s.from, s.to, `Note("left out");`, spell(m.tokens[s.from:s.to-1])+" is left out")
		if s.write == "" {
			continue
		}
		s.value.visit(m.condition)
		if w := m.word(s.write); s.value.op == isTruth {
			with := map[string]string{"true": "false", "false": "true"}[s.value.name]
			m.add(s.value.from, s.value.to, with, s.write+" = "+s.value.name+" becomes "+with)
		} else if s.value.op == isText && w != nil {
			for _, with := range w.Values {
				if with != s.value.name {
					m.add(s.value.from, s.value.to, `"`+with+`"`, fmt.Sprintf("%s = %q becomes %q", s.write, s.value.name, with))
				}
			}
		}
	}
}
