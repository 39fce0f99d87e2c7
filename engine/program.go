package engine

import (
	"fmt"
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
	version   string
	tiers     []string              // of evidence that may take capacity away
	certified *facts.Rate           // what that evidence has to certify; nil: the declared rate
	rules     []rule                // in canonical order: salience descending, then name
	lib       *ast.KnowledgeLibrary // read only after Compile
	free      chan *instance
}

// Version returns the version given to [Compile].
func (p *Program) Version() string { return p.version }

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
	conjuncts []string // of the condition, as written
}

func newRule(w *written, e *ast.RuleEntry, spans map[*ast.Expression]span) rule {
	r := rule{name: w.name, salience: w.salience}
	for _, x := range conjuncts(e.WhenScope.Expression) {
		s := spans[x]
		r.conjuncts = append(r.conjuncts, spell(w.tokens[s.from:s.to]))
	}
	return r
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
		if t.kind == text {
			b.WriteString(`"` + t.text + `"`)
		} else {
			b.WriteString(t.text)
		}
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

// instance is a copy of the syntax trees, which keep the values of the last
// evaluation, with the sandbox they are evaluated in. One goroutine at a time
// may use it.
type instance struct {
	mem   *ast.WorkingMemory
	rules []bound
	box   *sandbox

	// Where the nodes that depend on the situation keep whether they were
	// evaluated; each once, since rules share nodes.
	reset []*bool

	// The nodes seen while the instance is built; true: it depends.
	exprs map[*ast.Expression]bool
	atoms map[*ast.ExpressionAtom]bool
}

// bound is a rule's tree in an instance.
type bound struct {
	entry     *ast.RuleEntry
	conjuncts []*ast.Expression
}

// acquire returns an idle instance, or a new one.
func (p *Program) acquire() (*instance, error) {
	select {
	case i := <-p.free:
		return i, nil
	default:
		return p.newInstance()
	}
}

// release takes an instance back, without what it decided about.
func (p *Program) release(i *instance) {
	i.box.clear()
	select {
	case p.free <- i:
	default:
	}
}

func (p *Program) newInstance() (*instance, error) {
	in := &instance{box: newSandbox(), exprs: map[*ast.Expression]bool{}, atoms: map[*ast.ExpressionAtom]bool{}}
	if len(p.rules) == 0 {
		return in, nil
	}
	kb, err := p.lib.NewKnowledgeBaseInstance(libraryName, libraryVersion)
	if err != nil {
		return nil, fmt.Errorf("engine: copy the rules of %s: %w", p.version, err)
	}
	in.mem = kb.WorkingMemory
	for i := range p.rules {
		e, ok := kb.RuleEntries[p.rules[i].name]
		if !ok {
			return nil, fmt.Errorf("engine: copy the rules of %s: rule %s is missing", p.version, p.rules[i].name)
		}
		in.bind(e)
	}
	in.exprs, in.atoms = nil, nil
	return in, nil
}

func (in *instance) bind(e *ast.RuleEntry) {
	in.rules = append(in.rules, bound{e, conjuncts(e.WhenScope.Expression)})
	in.expr(e.WhenScope.Expression)
	for _, x := range e.ThenScope.ThenExpressionList.ThenExpressions {
		in.atom(x.ExpressionAtom)
	}
}

// expr collects the nodes under e that must be evaluated anew for each
// decision, and says whether e is one of them.
func (in *instance) expr(e *ast.Expression) bool {
	varies, seen := in.exprs[e]
	if seen {
		return varies
	}
	switch {
	case e.ExpressionAtom != nil:
		varies = in.atom(e.ExpressionAtom)
	case e.SingleExpression != nil:
		varies = in.expr(e.SingleExpression)
	default:
		l, r := in.expr(e.LeftExpression), in.expr(e.RightExpression)
		varies = l || r
	}
	in.exprs[e] = varies
	if varies {
		in.reset = append(in.reset, &e.Evaluated)
	}
	return varies
}

func (in *instance) atom(a *ast.ExpressionAtom) bool {
	if a.Constant != nil {
		return false
	}
	if in.atoms[a] {
		return true
	}
	in.atoms[a] = true
	in.reset = append(in.reset, &a.Evaluated)
	if a.ExpressionAtom != nil {
		in.atom(a.ExpressionAtom)
	}
	if a.FunctionCall != nil && a.FunctionCall.ArgumentList != nil {
		for _, x := range a.FunctionCall.ArgumentList.Arguments {
			in.expr(x)
		}
	}
	return true
}

// begin reads the situation and makes every node that depends on it forget its
// value. What one rule reads, the next need not read again.
func (in *instance) begin(s situation) {
	in.box.fill(s)
	for _, evaluated := range in.reset {
		*evaluated = false
	}
}
