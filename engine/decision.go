package engine

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
)

// Decision is what a program concluded from a memory: what it wants done and
// why, what it did not do and why not. That no rule matched is a decision too.
//
// Its encoding is canonical, holds no floats and no clock but the reading it
// was given: the same program, memory and reading give the same bytes. Field
// order is key order.
type Decision struct {
	Advise      []string          `json:"advise_only,omitempty"` // critical rules that were put aside or refused: nothing is done
	Clock       facts.Time        `json:"clock"`                 // the reading decided at
	Conflicts   []Conflict        `json:"conflicts,omitempty"`
	Context     map[string]string `json:"context"`           // what the fields of C said
	Cut         Cut               `json:"cut,omitempty"`     // why rules were not evaluated; empty: all were
	Derived     []Derived         `json:"derived,omitempty"` // values set by rules, in order
	Env         string            `json:"env"`
	Expires     facts.Time        `json:"expires"` // of the fact; nothing is done after it
	Facts       []string          `json:"facts"`   // ids
	Group       string            `json:"group"`
	Wanted      []Want            `json:"intents,omitempty"`
	Matched     []Match           `json:"matched,omitempty"`
	Mode        Mode              `json:"mode"`
	Notes       []Note            `json:"notes,omitempty"`
	Quarantined []string          `json:"quarantined,omitempty"` // rules put aside, not evaluated
	Refused     []Refusal         `json:"refused,omitempty"`     // rules that could not be evaluated
	Rules       int               `json:"rules"`                 // in the version
	Seen        Seen              `json:"seen"`
	Undecided   []Undecided       `json:"undecided,omitempty"` // rules that read what is not known
	Unlisted    int               `json:"unlisted,omitempty"`  // elements of the lists beyond those listed
	V           int               `json:"v"`                   // 1
	Version     string            `json:"version"`
	Vetoes      []Veto            `json:"vetoes,omitempty"`
}

// Cut says why a decision stopped before the last rule. A veto may be among the
// rules it did not come to, so that a decision which was cut tells humans at
// most.
type Cut string

// The cuts.
const (
	// CutBySteps: the rules together took too many look-ups. Those that were not
	// evaluated are among the refused; what the others said is told.
	CutBySteps Cut = "steps"
	// CutByTime: the machine stood still. Which rules had been evaluated says
	// nothing about the rules, so that none counts.
	CutByTime Cut = "time"
)

// notReached is [Refusal.Why] of the rules that a cut left out: it is no fault
// of theirs.
const notReached = "not evaluated: the rules before it took too many steps"

// Seen is the group as the decision saw it, for the guard.
type Seen struct {
	Alarmed int        `json:"alarmed"`
	At      facts.Time `json:"at"` // of the newest fact
	Members int        `json:"members"`
	Present int        `json:"present"`
	Shift   string     `json:"shift"`
}

// Match is a rule whose condition held.
type Match struct {
	Rule     string     `json:"rule"`
	Salience int        `json:"salience"`
	When     []Conjunct `json:"when"`
}

// Conjunct is a part of a condition that held, as written in the rule.
type Conjunct struct {
	If    string `json:"if"`
	Value string `json:"value,omitempty"` // of its left side, when the part is a comparison
}

// Derived is a derived value that was set.
type Derived struct {
	Field string   `json:"field"`
	Over  []string `json:"over,omitempty"` // rules of lower salience that would have set it too
	Rule  string   `json:"rule"`
	Value string   `json:"value"`
}

// Want is an intent before it has an identity.
type Want struct {
	Member string       `json:"member"`
	Reason string       `json:"reason"`
	Rules  []string     `json:"rules"` // that asked for it, the first in order first
	Verb   actions.Verb `json:"verb"`
}

// Conflict is a proposal that did not stand.
type Conflict struct {
	Lost   string       `json:"lost"` // the rule whose proposal it was
	Verb   actions.Verb `json:"verb"`
	Why    string       `json:"why"`              // veto, cut, tier, ageing, salience, class or escalated
	Winner string       `json:"winner,omitempty"` // the rule that won
}

// Veto is a rule's veto on a verb.
type Veto struct {
	Reason string       `json:"reason"`
	Rule   string       `json:"rule"`
	Verb   actions.Verb `json:"verb"`
}

// Note is a rule's remark.
type Note struct {
	Rule string `json:"rule"`
	Text string `json:"text"`
}

// Refusal is a rule that could not be evaluated, for a reason that is the
// evaluator's or the rule's own.
type Refusal struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
}

// Undecided is a rule that read a word which is unknown in the situation.
type Undecided struct {
	Field string `json:"field"`
	Rule  string `json:"rule"`
}

// Encode returns the canonical encoding of d: JSON, keys sorted, no blanks.
func (d *Decision) Encode() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		panic("engine: a decision always encodes: " + err.Error()) // strings, integers and times only
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Digest returns "sha256:" and the digest of d's encoding.
func (d *Decision) Digest() string { return facts.Digest(d.Encode()) }

// Acts says whether the intents go to the guard: the mode is act, and no
// critical rule was missing.
func (d *Decision) Acts() bool { return d.Mode == Act && len(d.Advise) == 0 }

// advise notes which critical rules had no say.
func (p *Program) advise(d *Decision) {
	if len(d.Quarantined)+len(d.Refused) == 0 { // as nearly always: do not look at thousands of rules
		return
	}
	for i := range p.rules {
		r := &p.rules[i]
		if r.critical && (slices.Contains(d.Quarantined, r.name) ||
			slices.ContainsFunc(d.Refused, func(x Refusal) bool { return x.Rule == r.name })) {
			d.Advise = append(d.Advise, r.name)
		}
	}
}

// Intents returns what the decision wants done, in order. They follow from the
// decision's encoding alone.
func (d *Decision) Intents() []actions.Intent {
	if len(d.Wanted) == 0 {
		return nil
	}
	id := d.Digest()
	out := make([]actions.Intent, len(d.Wanted))
	for i, w := range d.Wanted {
		out[i] = actions.Intent{
			Decision: id, Env: d.Env, Expires: d.Expires.Time, Facts: d.Facts, Group: d.Group, Member: w.Member,
			Reason: w.Reason, Rule: w.Rules[0], Time: d.Clock.Time, V: 1, Verb: w.Verb, Version: d.Version,
			Seen: actions.Seen{Alarmed: d.Seen.Alarmed, At: d.Seen.At.Time, Members: d.Seen.Members,
				Present: d.Seen.Present, Shift: d.Seen.Shift},
		}
	}
	return out
}

// newDecision returns the decision before any rule was evaluated.
func (p *Program) newDecision(now time.Time, m *Memory) Decision {
	s := m.seen(now)
	return Decision{
		Clock: facts.At(now), Context: map[string]string{}, Env: m.env, Expires: m.fact.Expires, Facts: []string{m.id},
		Group: m.group, Mode: m.mode, Rules: len(p.rules), V: 1, Version: p.version,
		Seen: Seen{Alarmed: s.Alarmed, At: facts.At(s.At), Members: s.Members, Present: s.Present, Shift: s.Shift},
	}
}
