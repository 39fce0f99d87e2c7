package engine

import (
	"fmt"
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
	free       chan *instance
	grove      func() *grove // the rules as they are written; read when first asked for
}

func newProgram(version string, allow Allow) *Program {
	return &Program{version: version, tiers: slices.Clone(allow.Tiers), certified: allow.Certified,
		slots: newSlots(allow.Derived), parameters: wordsOf(allow.Parameters), free: make(chan *instance, maxInstances)}
}

// warm keeps a whole instance for the first decision, and so finds out that every
// rule can be copied.
func (p *Program) warm() error {
	first := p.newInstance()
	for i := range p.rules {
		if err := first.copy(i); err != nil {
			return fmt.Errorf("engine: compile version %q: %w", p.version, err)
		}
	}
	p.free <- first
	return nil
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
	entry     *ast.RuleEntry // read only: instances copy it
	conjuncts []string       // of the condition, as written
	tests     []test         // one for each conjunct
	rest      []test         // those of conjuncts that the index cannot use
	parts     []*part        // the conjunct as the index can use it; nil: it cannot
	reads     []int          // slots that the condition reads
	uses      []int          // slots that the consequence reads
	writes    []int          // derived values that the consequence sets
}

func newRule(x *syntax, s *slots, critical []string) rule {
	r := rule{name: x.name, salience: x.salience, critical: slices.Contains(critical, x.name),
		entry: x.entry, conjuncts: x.conjuncts}
	c := filterer{s}
	e := x.entry
	for _, y := range conjuncts(e.WhenScope.Expression) {
		r.tests = append(r.tests, c.test(y))
		r.parts = append(r.parts, c.part(y))
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
