package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/actions"
)

// nearMisses bounds the rules that an explanation lists because they nearly
// matched.
const nearMisses = 5

// Question is what is asked of a decision besides what became of it. The zero
// value asks nothing else.
type Question struct {
	Rules   []string      // why nothing came of them
	Suppose []Supposition // what if: words that read otherwise
}

// Explanation is a decision with its reasons. Fields are in the order of the
// keys.
type Explanation struct {
	Asked    []Account `json:"asked,omitempty"` // the rules of the question, in its order
	Decision Decision  `json:"decision"`
	Near     []Account `json:"near,omitempty"` // at most nearMisses that did not match, the nearest first
	Told     []Account `json:"told,omitempty"` // all that matched, could not be decided, or were not evaluated, in the order of evaluation
}

// Account is what became of a rule, and why.
type Account struct {
	Cause    Cause          `json:"cause"` // why nothing came of it
	Failing  int            `json:"failing,omitempty"`
	Field    string         `json:"field,omitempty"`  // of a rule that was not decided: the word that is unknown
	Inputs   []Input        `json:"inputs,omitempty"` // derived values that its condition reads
	Lost     []Conflict     `json:"lost,omitempty"`   // its proposals that did not stand
	Rule     string         `json:"rule"`
	Salience int            `json:"salience"`
	Verdict  Verdict        `json:"verdict"`
	Wants    []actions.Verb `json:"wants,omitempty"` // its proposals that stood
	When     []Clause       `json:"when"`
	Why      string         `json:"why,omitempty"` // in the evaluator's words, of a rule that was refused
}

// Input is a derived value that a rule reads, and where it came from.
type Input struct {
	By    string    `json:"by,omitempty"` // the rule that set it
	Field string    `json:"field"`
	From  []Account `json:"from,omitempty"` // where it was not set: the rules that would have, each told of once
	Value string    `json:"value,omitempty"`
}

// Verdict is what became of a rule in a decision.
type Verdict string

// The verdicts.
const (
	RuleMatched     Verdict = "matched"
	RuleNotMatched  Verdict = "not matched"
	RuleUndecided   Verdict = "undecided"   // it read a word that is unknown in the situation
	RuleRefused     Verdict = "refused"     // it cost too much or failed
	RuleQuarantined Verdict = "quarantined" // it failed too often
)

// Cause is why a rule did nothing. Besides those here it is the word of
// [Conflict.Why] of its first proposal that did not stand, or the verdict of a
// rule that is refused or quarantined.
type Cause string

// The causes.
const (
	Acted         Cause = "none"      // what it proposes is done
	ByCondition   Cause = "condition" // part of its condition does not hold
	ByUnknown     Cause = "unknown"   // it reads a word that is unknown
	ByDerived     Cause = "derived"   // it waits for what another rule derives
	ByMode        Cause = "mode"      // the group only observes or suggests
	ByCritical    Cause = "critical"  // a critical rule is quarantined or refused, so that the decision only advises
	WithoutIntent Cause = "no intent" // it matched, and proposes nothing
)

// Explain decides as [Program.Decide] does, for the same now and m, and says why.
// Explanation.Decision is what Decide returns; if the question supposes nothing.
//
// Near misses are the rules with the fewest parts of their condition that do not
// hold, and of those the ones that lack least, each part measured in the scale of
// its word. Where one of several alternatives is enough, the nearest of them
// counts. Rules about another kind of fact are not near.
//
// It does not change m. Errors are those of Decide, and that a rule is asked
// about which the program does not have. Cost: see BenchmarkExplain; the first
// call reads the rules' texts again, some 50 µs for each.
func (p *Program) Explain(now time.Time, m *Memory, q Question) (*Explanation, error) {
	if m.fact == nil {
		return nil, errors.New("engine: explain: no fact was applied to the memory")
	}
	for _, name := range q.Rules {
		if _, ok := p.grove().at[name]; !ok {
			return nil, fmt.Errorf("engine: explain: no rule %.64q in version %s", name, p.version)
		}
	}
	in := p.acquire()
	defer p.release(in)
	in.box.supposed = q.Suppose
	d, _, err := p.decideIn(context.Background(), in, now, m)
	if err != nil {
		return nil, err
	}
	x := newExplainer(p, in, &d)
	out := &Explanation{Near: x.near()}
	for _, name := range q.Rules {
		out.Asked = append(out.Asked, x.account(name))
	}
	for i := range p.rules {
		if name := p.rules[i].name; x.verdicts[name] != "" {
			out.Told = append(out.Told, x.account(name))
		}
	}
	d.trim()
	out.Decision = d
	return out, nil
}

// explainer knows what became of each rule in one decision.
type explainer struct {
	*evaluator
	*grove
	p        *Program
	d        *Decision          // with everything in its lists
	verdicts map[string]Verdict // of each rule that the decision tells of
	told     map[string]bool    // rules that the account in hand tells of
}

func newExplainer(p *Program, in *instance, d *Decision) *explainer {
	x := &explainer{evaluator: newEvaluator(nil, in.box.sit, in.box.derived()), grove: p.grove(), p: p, d: d, verdicts: map[string]Verdict{}}
	x.seen = nil
	for _, s := range in.box.supposed {
		x.words[wordKey{s.word.Name, s.metric}] = s.value
	}
	for _, r := range d.Matched {
		x.verdicts[r.Rule] = RuleMatched
	}
	for _, r := range d.Undecided {
		x.verdicts[r.Rule] = RuleUndecided
	}
	for _, r := range d.Refused {
		x.verdicts[r.Rule] = RuleRefused
	}
	for _, name := range d.Quarantined {
		x.verdicts[name] = RuleQuarantined
	}
	return x
}

// near returns the near misses.
func (x *explainer) near() []Account {
	type miss struct {
		rule string
		lack
	}
	var found []miss
	for i := range x.p.rules {
		name := x.p.rules[i].name
		if x.verdicts[name] != "" {
			continue
		}
		x.tree = x.trees[i]
		g := x.lack(x.tree.when, true)
		at := len(found)
		for at > 0 && g.nearer(found[at-1].lack) {
			at--
		}
		if at < nearMisses && g.bridged() {
			found = slices.Insert(found, at, miss{name, g})
			found = found[:min(len(found), nearMisses)]
		}
	}
	var out []Account
	for _, f := range found {
		out = append(out, x.account(f.rule))
	}
	return out
}

// account tells of one rule.
func (x *explainer) account(name string) Account {
	x.told = map[string]bool{}
	return x.tell(name)
}

func (x *explainer) tell(name string) Account {
	x.told[name] = true
	r := &x.p.rules[x.at[name]]
	x.tree = x.trees[x.at[name]]
	a := Account{Rule: name, Salience: r.salience, Verdict: x.verdicts[name], When: x.clauses(x.tree.when, true)}
	if a.Verdict == "" {
		a.Verdict, a.Failing = RuleNotMatched, x.lack(x.tree.when, true).failing
	}
	switch a.Verdict {
	case RuleMatched:
		x.outcome(&a)
	case RuleNotMatched:
		a.Cause = ByCondition
		if firstFailing(a.When).derived {
			a.Cause = ByDerived
		}
	case RuleUndecided:
		i := slices.IndexFunc(x.d.Undecided, func(u Undecided) bool { return u.Rule == name })
		a.Cause, a.Field = ByUnknown, x.d.Undecided[i].Field
		if slot := indexOf(x.p.slots.words, a.Field); x.p.slots.derived(slot) {
			a.Cause = ByDerived
		}
	case RuleRefused:
		i := slices.IndexFunc(x.d.Refused, func(r Refusal) bool { return r.Rule == name })
		a.Cause, a.Why = Cause(RuleRefused), x.d.Refused[i].Why
	default:
		a.Cause = Cause(a.Verdict)
	}
	a.Inputs = x.inputs(r)
	return a
}

// outcome says what came of a rule that matched.
func (x *explainer) outcome(a *Account) {
	for _, c := range x.d.Conflicts {
		if c.Lost == a.Rule {
			a.Lost = append(a.Lost, c)
		}
	}
	for _, w := range x.d.Wanted {
		if slices.Contains(w.Rules, a.Rule) {
			a.Wants = append(a.Wants, w.Verb)
		}
	}
	switch {
	case len(a.Lost) > 0:
		a.Cause = Cause(a.Lost[0].Why)
	case len(a.Wants) == 0:
		a.Cause = WithoutIntent
	case len(x.d.Advise) > 0:
		a.Cause = ByCritical
	case x.d.Mode != Act:
		a.Cause = ByMode
	default:
		a.Cause = Acted
	}
}

// firstFailing returns the first clause that does not hold; of alternatives it
// is that of the nearest.
func firstFailing(all []Clause) Clause {
	for _, c := range all {
		switch {
		case c.Holds():
		case len(c.Of) > 0:
			return firstFailing(c.Of)
		default:
			return c
		}
	}
	return Clause{}
}

// inputs tells of the derived values that a rule's condition reads.
func (x *explainer) inputs(r *rule) []Input {
	var out []Input
	for _, slot := range slices.Compact(slices.Sorted(slices.Values(r.reads))) {
		if !x.p.slots.derived(slot) {
			continue
		}
		in := Input{Field: x.p.slots.words[slot].Name}
		if i := slices.IndexFunc(x.d.Derived, func(d Derived) bool { return d.Field == in.Field }); i >= 0 {
			in.By, in.Value = x.d.Derived[i].Rule, x.d.Derived[i].Value
			out = append(out, in)
			continue
		}
		for i := range x.p.rules {
			if w := &x.p.rules[i]; slices.Contains(w.writes, slot) && !x.told[w.name] {
				in.From = append(in.From, x.tell(w.name))
			}
		}
		out = append(out, in)
	}
	return out
}

// say writes a value of the word as a decision holds it.
func (w *Word) say(v value) string {
	switch w.Type {
	case Text:
		return v.s
	case Truth:
		return strconv.FormatBool(v.n != 0)
	}
	return decimalOf(v)
}

// grove is the rules of a program as they are written.
type grove struct {
	trees []*tree        // in the order of evaluation
	at    map[string]int // where in it a rule is, by name
}

// grow reads the rules' texts again. They were compiled before.
func (p *Program) grow(rules []Source, c constants, derived []Word) *grove {
	g := &grove{trees: make([]*tree, len(p.rules)), at: make(map[string]int, len(p.rules))}
	for i := range p.rules {
		g.at[p.rules[i].name] = i
	}
	trees, _ := growAll(rules, c, derived) // the compiler refused whatever is wrong here
	for _, t := range trees {
		g.trees[g.at[t.name]] = t
	}
	return g
}
