package engine

import (
	"context"
	"fmt"
	"iter"

	"github.com/hyperjumptech/grule-rule-engine/ast"
	"github.com/hyperjumptech/grule-rule-engine/pkg"
)

// instance is a copy of the syntax trees, which keep the values of the last
// evaluation, with the sandbox they are evaluated in. One goroutine at a time
// may use it.
type instance struct {
	of    []rule
	rules []*bound           // one for each, nil until it is judged
	mem   *ast.WorkingMemory // empty: what depends on the situation is forgotten before each rule
	box   *sandbox

	candidates, unknown, scratch set // of the index
}

// bound is a rule's tree in an instance.
type bound struct {
	entry     *ast.RuleEntry
	conjuncts []*ast.Expression

	// Where the nodes that depend on the situation keep whether they were
	// evaluated.
	reset []*bool
	reads []reading
	looks int // what reading all of the slots costs
}

// reading is a node that reads a slot. Its value is the slot's place in the row,
// so it counts as evaluated as long as the slot is known; when it is not, the
// evaluator has to find that out.
type reading struct {
	evaluated *bool
	known     *bool
}

// acquire returns an idle instance, or a new one.
func (p *Program) acquire() *instance {
	select {
	case i := <-p.free:
		return i
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

// newInstance returns an instance that copies each rule when it comes to be
// judged: most are out of the question whenever several goroutines decide.
func (p *Program) newInstance() *instance {
	n := len(p.rules)
	return &instance{of: p.rules, rules: make([]*bound, n), box: newSandbox(p.slots),
		mem:        ast.NewWorkingMemory(libraryName, libraryVersion),
		candidates: newSet(n), unknown: newSet(n), scratch: newSet(n)}
}

// copy makes the instance's own copy of a rule's tree.
func (in *instance) copy(i int) error {
	r := &in.of[i]
	e := r.entry.Clone(pkg.NewCloneTable())
	if e.GetSnapshot() != r.entry.GetSnapshot() {
		return fmt.Errorf("copy rule %s: the copy differs", r.name)
	}
	in.rules[i] = bind(e, in.box)
	return nil
}

// looksOfSlot is the look-ups of a slot where the evaluator makes them: its root
// and its name. They are charged for all that a rule reads before it is judged.
const looksOfSlot = 2

// binder binds a rule's tree to the row of a sandbox.
type binder struct {
	*bound
	filterer
	box *sandbox
}

func bind(e *ast.RuleEntry, box *sandbox) *bound {
	b := binder{&bound{entry: e, conjuncts: conjuncts(e.WhenScope.Expression)}, filterer{box.row.slots}, box}
	b.expr(e.WhenScope.Expression)
	for _, x := range e.ThenScope.ThenExpressionList.ThenExpressions {
		switch {
		case x.Assignment != nil:
			b.expr(x.Assignment.Expression)
		default:
			b.atom(x.ExpressionAtom)
		}
	}
	return b.bound
}

// expr collects the nodes under e that must be evaluated anew for each
// decision, and says whether e is one of them.
func (b *binder) expr(e *ast.Expression) bool {
	varies := false
	switch slot := b.slot(e); {
	case slot >= 0:
		b.atom(e.ExpressionAtom)
		e.Value = b.box.leafs[slot].v
		b.read(&e.Evaluated, slot)
		return true
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

// read has a node evaluated whenever the slot that it reads is known.
func (b *binder) read(evaluated *bool, slot int) {
	if b.slots.certain(slot) {
		*evaluated = true
		return
	}
	b.bound.reads = append(b.bound.reads, reading{evaluated, &b.box.row.known[slot]})
}

func (b *binder) atom(a *ast.ExpressionAtom) bool {
	if a.Constant != nil {
		return false
	}
	if slot := b.slotOf(a); slot >= 0 {
		b.looks += looksOfSlot
		if a.ExpressionAtom != nil { // the root: found anew where the slot is unknown, so that each time takes as many look-ups
			b.reset = append(b.reset, &a.ExpressionAtom.Evaluated)
		}
		a.Value, a.ValueNode = b.box.leafs[slot].v, &b.box.leafs[slot]
		b.read(&a.Evaluated, slot)
		return true
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
		candidates, unsure := l.index.search(row, in.candidates, in.unknown, in.scratch)
		for i := range candidates.all() {
			r := &p.rules[l.from+i]
			tests := r.rest
			if unsure.has(i) {
				tests = r.tests
			}
			if passes(tests, row) != no && !yield(l.from+i) {
				return
			}
		}
	}
}

// judge lets the evaluator say whether a rule's condition holds.
func (in *instance) judge(i int) (bool, error) {
	in.box.begin()
	if in.rules[i] == nil {
		if err := in.copy(i); err != nil {
			return false, err
		}
	}
	b := in.rules[i]
	for _, evaluated := range b.reset {
		*evaluated = false
	}
	for _, r := range b.reads {
		*r.evaluated = *r.known
	}
	if err := in.box.charge(b.looks); err != nil {
		return false, err
	}
	ctx := context.Background() // the evaluator asks for one; steps are the budget, not time
	return b.entry.Evaluate(ctx, in.box, in.mem)
}
