package engine

import (
	"context"
	"errors"
	"fmt"
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
// It does not change m. An error means that no fact was applied yet; there
// is no decision then.
func (p *Program) Decide(now time.Time, m *Memory) (Decision, error) {
	return p.DecideWithin(context.Background(), now, m)
}

// DecideWithin is [Program.Decide] with a bound on the time it takes, which the
// number of look-ups bounds already: for a machine that stands still. Where a
// decision was then would depend on the machine, so that nothing of it counts:
// when the deadline of ctx has passed, the decision is one that no rule was
// evaluated for and that wants nothing (see [Decision.Cut]). A ctx that ended
// for another reason is an error, and there is no decision.
func (p *Program) DecideWithin(ctx context.Context, now time.Time, m *Memory) (Decision, error) {
	d, _, err := p.decide(ctx, now, m)
	return d, err
}

// Work is what a decision took, and which rules ended in what. The numbers of
// rules are those of [Program.Rules], ascending; none is left out, while the
// lists of a [Decision] are bounded. Rules that a cut left out are in none.
type Work struct {
	Steps     int // look-ups of the rules that are listed here
	Fired     []int
	Undecided []int
	Refused   []int
}

// DecideCounted is [Program.Decide], and says what it took. As a decision, the
// work is the same wherever and whenever it is done again.
func (p *Program) DecideCounted(now time.Time, m *Memory) (Decision, Work, error) {
	return p.decide(context.Background(), now, m)
}

func (p *Program) decide(ctx context.Context, now time.Time, m *Memory) (d Decision, w Work, err error) {
	if m.fact == nil {
		return d, w, errors.New("engine: decide: no fact was applied to the memory")
	}
	in := p.acquire()
	defer p.release(in)
	if d, w, err = p.decideIn(ctx, in, now, m); err == nil {
		d.trim()
	}
	return d, w, err
}

// decideIn decides in an instance, and returns the decision with everything in
// its lists.
func (p *Program) decideIn(ctx context.Context, in *instance, now time.Time, m *Memory) (d Decision, w Work, err error) {
	now = facts.At(now).Time
	in.box.fill(situation{now: now, fact: m.fact, mem: m})
	in.box.done = ctx.Done()
	d = p.newDecision(now, m)
	in.box.context(d.Context)
	in.box.suppose(&d)
	d.Quarantined = p.quarantined(m)
	all := in.run(p, p.strata, m, &d, &w)
	if in.box.late {
		if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
			return Decision{}, w, fmt.Errorf("engine: decide on %s of %s: %w", m.fact.Kind, m.group, err)
		}
		return p.late(now, m), w, nil
	}
	w.Steps = in.box.spent
	p.settle(&d, all, in.box.supposedFact())
	p.advise(&d)
	return d, w, nil
}

// count takes in the rule that was evaluated last, after which the lists of d
// are as they are.
func (w *Work) count(rule int, d *Decision) {
	switch {
	case len(d.Matched) > len(w.Fired):
		w.Fired = append(w.Fired, rule)
	case len(d.Undecided) > len(w.Undecided):
		w.Undecided = append(w.Undecided, rule)
	case len(d.Refused) > len(w.Refused):
		w.Refused = append(w.Refused, rule)
	}
}

// Again makes a recorded decision again, from the memory that it was made from.
// The same program gives the same bytes.
func (p *Program) Again(recorded *Decision, m *Memory) (Decision, error) {
	if recorded.Cut == CutByTime && m.fact != nil {
		d := p.late(recorded.Clock.Time, m)
		d.trim()
		return d, nil
	}
	return p.Decide(recorded.Clock.Time, m)
}

// late is the decision for which there was no time.
func (p *Program) late(now time.Time, m *Memory) Decision {
	d := p.newDecision(now, m)
	d.Cut, d.Quarantined = CutByTime, p.quarantined(m)
	p.advise(&d)
	return d
}

// run evaluates the rules of strata in canonical order, as far as the budget
// goes, and returns what they propose.
func (in *instance) run(p *Program, strata []stratum, m *Memory, d *Decision, w *Work) []claim {
	var all []claim
	for l := range strata {
		for i := range in.survivors(p, &strata[l]) {
			if m.aside[p.rules[i].name] == p.version {
				continue
			}
			if !in.lacks(i, &p.rules[i], d) {
				all = append(all, in.evaluate(i, &p.rules[i], d)...)
			}
			w.count(i, d)
			if in.box.late {
				return nil
			}
			if in.box.used() && i+1 < len(p.rules) {
				p.cut(m, d, i+1)
				return all
			}
		}
	}
	return all
}

// cut refuses the rules from one on.
func (p *Program) cut(m *Memory, d *Decision, from int) {
	d.Cut = CutBySteps
	for _, r := range p.rules[from:] {
		if m.aside[r.name] != p.version {
			d.Refused = append(d.Refused, Refusal{r.name, notReached})
		}
	}
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
	box := in.box
	match, err := in.judge(i)
	if err == nil && !match {
		return nil
	}
	if err == nil {
		err = in.rules[i].entry.Execute(context.Background(), box, in.mem)
	}
	box.count()
	if err != nil {
		d.miss(r.name, box, err)
		return nil
	}
	d.Matched = append(d.Matched, Match{Rule: r.name, Salience: r.salience, When: in.rules[i].explain(r)})
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

// context writes what the fields of C say, those that no rule reads too.
func (b *sandbox) context(into map[string]string) {
	for _, i := range b.row.slots.told {
		b.row.put(i, b.words[i].field(&b.sit))
		if b.row.known[i] {
			into[strings.TrimPrefix(b.words[i].Name, "C.")] = show(b.leafs[i].v)
		}
	}
}
