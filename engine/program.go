package engine

import (
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// maxInstances bounds the idle copies of the syntax trees that a program
// keeps: as many as cores that are likely to decide at the same time.
const maxInstances = 16

// Program is a version that was checked and is ready to decide. It may be used
// by several goroutines at once: each decision borrows an instance of its own
// and makes one when none is idle.
type Program struct {
	version    string
	tiers      []string    // of evidence that may take capacity away
	certified  *facts.Rate // what that evidence has to certify; nil: the declared rate
	rules      []rule      // in canonical order: stratum, salience descending, name
	slots      *slots
	parameters []Word
	strata     []stratum
	lib        *ast.KnowledgeLibrary // read only after Compile
	free       chan *instance
}

// Version returns the version given to [Compile].
func (p *Program) Version() string { return p.version }

// Vocabulary returns every word that the program's rules may use: those of
// [Vocabulary], the pack's derived values and its parameters. The caller may keep
// and change the slice.
func (p *Program) Vocabulary() []Word {
	return slices.Concat(p.slots.words, p.parameters, calls[:])
}

// Rules returns the names of the rules in the order in which they are
// evaluated.
func (p *Program) Rules() []string {
	out := make([]string, len(p.rules))
	for i := range p.rules {
		out[i] = p.rules[i].name
	}
	return out
}

// rule is what does not change about a rule.
type rule struct {
	name      string
	salience  int
	critical  bool
	stratum   int
	conjuncts []string // of the condition, as written
	tests     []test   // one for each conjunct
	rest      []test   // those of conjuncts that the index cannot use
	parts     []*part  // the conjunct as the index can use it; nil: it cannot
	reads     []int    // slots that the condition reads
	uses      []int    // slots that the consequence reads
	writes    []int    // derived values that the consequence sets
}

func newRule(w *written, e *ast.RuleEntry, spans map[*ast.Expression]span, s *slots, critical []string) rule {
	r := rule{name: w.name, salience: w.salience, critical: slices.Contains(critical, w.name)}
	c := filterer{s}
	for _, x := range conjuncts(e.WhenScope.Expression) {
		at := spans[x]
		r.conjuncts = append(r.conjuncts, spellNamed(w.tokens[at.from:at.to]))
		r.tests = append(r.tests, c.test(x))
		r.parts = append(r.parts, c.part(x))
		if r.parts[len(r.parts)-1] == nil {
			r.rest = append(r.rest, r.tests[len(r.tests)-1])
		}
	}
	r.reads = c.reads(e.WhenScope.Expression, nil)
	for _, x := range e.ThenScope.ThenExpressionList.ThenExpressions {
		if x.Assignment == nil {
			r.uses = c.readsOf(x.ExpressionAtom, r.uses)
			continue
		}
		r.uses = c.reads(x.Assignment.Expression, r.uses)
		r.writes = append(r.writes, s.word(derivedRoot+"."+x.Assignment.Variable.Name))
	}
	return r
}

// passes says what the evaluator would find conjuncts to be together: it is
// asked unless the answer is no.
func passes(tests []test, x *row) opinion {
	for _, t := range tests {
		if a := t(x); a != yes {
			return a
		}
	}
	return yes
}

// conjuncts returns the parts of a condition that must all hold.
func conjuncts(e *ast.Expression) []*ast.Expression {
	switch {
	case e.SingleExpression != nil && !e.Negated:
		return conjuncts(e.SingleExpression)
	case e.LeftExpression != nil && e.Operator == ast.OpAnd:
		return append(conjuncts(e.LeftExpression), conjuncts(e.RightExpression)...)
	}
	return []*ast.Expression{e}
}

// spell writes tokens with the blanks a person would.
func spell(ts []token) string {
	var b strings.Builder
	for i, t := range ts {
		if i > 0 && spaced(ts, i) {
			b.WriteByte(' ')
		}
		b.WriteString(t.literal())
	}
	return b.String()
}

// spaced says whether a blank stands before token i.
func spaced(ts []token, i int) bool {
	is := func(t token, marks string) bool { return t.kind == mark && strings.Contains(marks, t.text) }
	switch a, b := ts[i-1], ts[i]; {
	case is(a, "(.!"), is(b, ").,"), is(b, "(") && a.kind == word:
		return false
	case is(a, "-"): // a sign, unless there is something to subtract from
		return i > 1 && (ts[i-2].kind != mark || ts[i-2].text == ")")
	}
	return true
}
