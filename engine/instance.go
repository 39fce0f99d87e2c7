package engine

import (
	"context"
	"fmt"
	"iter"

	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// instance is a copy of the syntax trees, which keep the values of the last
// evaluation, with the sandbox they are evaluated in. One goroutine at a time
// may use it.
type instance struct {
	mem   *ast.WorkingMemory
	rules []bound
	box   *sandbox

	candidates, unknown, scratch set // of the index
}

// bound is a rule's tree in an instance.
type bound struct {
	entry     *ast.RuleEntry
	conjuncts []*ast.Expression

	// Where the nodes that depend on the situation keep whether they were
	// evaluated. Rules share nodes: each rule forgets all that it will read.
	reset []*bool
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
	n := len(p.rules)
	in := &instance{box: newSandbox(p.slots), candidates: newSet(n), unknown: newSet(n), scratch: newSet(n)}
	if n == 0 {
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
		in.rules = append(in.rules, bind(e))
	}
	return in, nil
}

func bind(e *ast.RuleEntry) bound {
	b := bound{entry: e, conjuncts: conjuncts(e.WhenScope.Expression)}
	b.expr(e.WhenScope.Expression)
	for _, x := range e.ThenScope.ThenExpressionList.ThenExpressions {
		switch {
		case x.Assignment != nil:
			b.expr(x.Assignment.Expression)
		default:
			b.atom(x.ExpressionAtom)
		}
	}
	return b
}

// expr collects the nodes under e that must be evaluated anew for each
// decision, and says whether e is one of them.
func (b *bound) expr(e *ast.Expression) bool {
	varies := false
	switch {
	case e.ExpressionAtom != nil:
		varies = b.atom(e.ExpressionAtom)
	case e.SingleExpression != nil:
		varies = b.expr(e.SingleExpression)
	default:
		l, r := b.expr(e.LeftExpression), b.expr(e.RightExpression)
		varies = l || r
	}
	if varies {
		b.reset = append(b.reset, &e.Evaluated)
	}
	return varies
}

func (b *bound) atom(a *ast.ExpressionAtom) bool {
	if a.Constant != nil {
		return false
	}
	b.reset = append(b.reset, &a.Evaluated)
	if a.ExpressionAtom != nil {
		b.atom(a.ExpressionAtom)
	}
	if a.FunctionCall != nil && a.FunctionCall.ArgumentList != nil {
		for _, x := range a.FunctionCall.ArgumentList.Arguments {
			b.expr(x)
		}
	}
	return true
}

// survivors yields the rules of a stratum that index and filter leave to the
// evaluator, in canonical order.
func (in *instance) survivors(p *Program, l *stratum) iter.Seq[int] {
	row := &in.box.row
	return func(yield func(int) bool) {
		for i := range l.index.search(row, in.candidates, in.unknown, in.scratch).all() {
			if i += l.from; p.rules[i].filter(row) != no && !yield(i) {
				return
			}
		}
	}
}

// judge lets the evaluator say whether a rule's condition holds.
func (in *instance) judge(i int) (bool, error) {
	for _, evaluated := range in.rules[i].reset {
		*evaluated = false
	}
	in.box.begin()
	ctx := context.Background() // the evaluator asks for one; steps are the budget, not time
	return in.rules[i].entry.Evaluate(ctx, in.box, in.mem)
}
