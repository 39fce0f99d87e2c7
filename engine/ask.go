package engine

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Asked is what a rule says in a situation.
type Asked struct {
	Fires bool      // what the program finds: index, filter and evaluator
	All   Answer    // what the condition says as it is written, read by another reader
	Parts []*Answer // what each part of it says, as [Outline.Parts]; nil: it was not reached
}

// Ask asks one rule of the program, for those who test it, what it says of the
// memory at a reading of the clock. The rules of the strata below derive values
// first, as in a decision; given holds numbers and counts that the rule reads in
// place of those, by their names.
//
// An error means that no fact was applied to the memory, that the program has no
// such rule, or that no rule could set what is given.
func (p *Program) Ask(o *Outline, now time.Time, m *Memory, given map[string]float64) (Asked, error) {
	i := slices.IndexFunc(p.rules, func(r rule) bool { return r.name == o.Name() })
	if i < 0 || m.fact == nil {
		return Asked{}, fmt.Errorf("engine: ask rule %.64s: want a rule of the program, and a fact", o.Name())
	}
	in := p.acquire()
	defer p.release(in)
	s := situation{now: facts.At(now).Time, fact: m.fact, mem: m}
	in.box.fill(s)
	d := p.newDecision(now, m)
	in.run(p, p.strata[:p.rules[i].stratum], m, &d, &Work{})
	for name, v := range given {
		if err := in.box.give(name, v); err != nil {
			return Asked{}, fmt.Errorf("engine: ask rule %s: %w", o.Name(), err)
		}
	}
	var out Asked
	for k := range in.survivors(p, &p.strata[p.rules[i].stratum]) {
		if k == i {
			holds, err := in.judge(i)
			out.Fires = holds && err == nil
		}
	}
	e := newEvaluator(o.tree, s, in.box.derived())
	out.All = e.ask(o.tree.when)
	leaves := o.tree.leaves()
	out.Parts = make([]*Answer, len(leaves))
	for i, x := range leaves {
		if a, ok := e.seen[x]; ok {
			out.Parts[i] = &a
		}
	}
	return out, nil
}

// give sets a derived value that is a number or count.
func (b *sandbox) give(name string, v float64) error {
	slot := b.row.slots.word(name)
	if slot < 0 || !b.row.slots.derived(slot) || b.words[slot].Type != Number && b.words[slot].Type != Count {
		return fmt.Errorf("%s is no derived number", name)
	}
	if !b.row.slots.admits(slot, v) {
		return fmt.Errorf("%s is never %v, want a %s of %s", name, v, b.words[slot].Type, cmp.Or(b.words[slot].Range, "any size"))
	}
	b.row.put(slot, num(v))
	return nil
}

// derived returns the derived values that are known, by their names.
func (b *sandbox) derived() map[string]value {
	out := map[string]value{}
	for i := range b.words {
		if b.row.slots.derived(i) && b.row.known[i] {
			out[b.words[i].Name] = value{n: b.row.nums[i], s: b.row.texts[i], known: true}
		}
	}
	return out
}
