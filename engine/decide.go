package engine

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Decide evaluates every rule once, in canonical order, on the fact that was
// applied last, and settles what they propose. It uses no clock, network, map
// order or global: the same program, memory and reading of the clock give the
// same decision, byte for byte. now is read in milliseconds.
//
// It does not change m. An error means that no fact was applied yet, or that
// the rules could not be copied; there is no decision then.
func (p *Program) Decide(now time.Time, m *Memory) (Decision, error) {
	if m.fact == nil {
		return Decision{}, errors.New("engine: decide: no fact was applied to the memory")
	}
	in, err := p.acquire()
	if err != nil {
		return Decision{}, err
	}
	defer p.release(in)
	now = facts.At(now).Time
	in.box.fill(situation{now: now, fact: m.fact, mem: m})
	d := p.newDecision(now, m)
	in.box.context(d.Context)
	d.Quarantined = p.quarantined(m)
	var all []claim
	for l := range p.strata {
		for i := range in.survivors(p, &p.strata[l]) {
			if name := p.rules[i].name; m.aside[name] != p.version {
				all = append(all, in.evaluate(i, &p.rules[i], &d)...)
			}
		}
	}
	p.settle(&d, all, m.fact)
	d.trim()
	return d, nil
}

// claim is a proposal with the rule that made it.
type claim struct {
	proposal
	rule     string
	salience int
}

// evaluate judges one rule and returns what it proposes. All of a rule's calls
// count, or none: a rule whose consequence fails halfway is refused.
func (in *instance) evaluate(i int, r *rule, d *Decision) []claim {
	b, box := &in.rules[i], in.box
	match, err := in.judge(i)
	if err == nil && !match {
		return nil
	}
	if err == nil {
		err = b.entry.Execute(context.Background(), box, in.mem)
	}
	if err != nil {
		d.miss(r.name, box, err)
		return nil
	}
	d.Matched = append(d.Matched, Match{Rule: r.name, Salience: r.salience, When: b.explain(r)})
	var out []claim
	for _, x := range box.proposed {
		out = append(out, claim{x, r.name, r.salience})
	}
	for _, x := range box.assigned {
		in.derive(x, r, d)
	}
	for _, x := range box.vetoed {
		d.Vetoes = append(d.Vetoes, Veto{Reason: x.reason, Rule: r.name, Verb: x.verb})
	}
	for _, x := range box.noted {
		d.Notes = append(d.Notes, Note{Rule: r.name, Text: x})
	}
	return out
}

// miss records why a rule was not evaluated to the end. The evaluator flattens
// errors to text, so the sandbox is asked first.
func (d *Decision) miss(name string, box *sandbox, err error) {
	switch {
	case box.exceeded:
		d.Refused = append(d.Refused, Refusal{name, "budget of " + strconv.Itoa(box.limit) + " steps exceeded"})
	case box.absent != "":
		d.Undecided = append(d.Undecided, Undecided{box.absent, name})
	default:
		why := strings.ToValidUTF8(err.Error(), "?")
		d.Refused = append(d.Refused, Refusal{name, why[:min(len(why), 256)]})
	}
}

// explain returns the parts of a condition that held, with the values of their
// left sides.
func (b *bound) explain(r *rule) []Conjunct {
	out := make([]Conjunct, len(r.conjuncts))
	for i, s := range r.conjuncts {
		out[i] = Conjunct{If: s}
		if l := b.conjuncts[i].LeftExpression; l != nil && l.Value.IsValid() {
			out[i].Value = show(l.Value)
		}
	}
	return out
}

// show writes a value as the log holds values: text, or a decimal number.
func show(v reflect.Value) string {
	switch {
	case !v.IsValid():
		return ""
	case v.Kind() == reflect.String:
		return v.String()
	case v.CanFloat():
		return string(facts.Number(v.Float()))
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	}
	return ""
}

// context writes what the fields of C say.
func (b *sandbox) context(into map[string]string) {
	for i := range b.words {
		if name, ok := strings.CutPrefix(b.words[i].Name, "C."); ok && b.row.known[i] {
			into[name] = show(b.leafs[i].v)
		}
	}
}
