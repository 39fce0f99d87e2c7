package engine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts"
)

// When a rule is put aside.
const (
	faultsToLeave  = 3 // refusals within faultWindow
	faultWindow    = 10 * time.Minute
	maxFaultyRules = MaxRules // rules whose faults are remembered: all of a version
)

// The bounds of a lift.
const (
	liftPeople    = 2
	maxLiftPeople = 16 // more than speak up about one rule
	maxLiftReason = 256
)

// quarantined returns the rules of p that the memory puts aside, in canonical
// order.
func (p *Program) quarantined(m *Memory) []string {
	if len(m.aside) == 0 {
		return nil
	}
	var out []string
	for i := range p.rules {
		if name := p.rules[i].name; m.aside[name] == p.version {
			out = append(out, name)
		}
	}
	return out
}

// Record takes in a decision that was recorded: a rule that was refused
// [faultsToLeave] times within [faultWindow] is put aside until another version
// is loaded or two people lift it (see [Engine.Lift]).
func (m *Memory) Record(d *Decision) {
	for _, name := range d.Quarantined {
		m.aside[name] = d.Version
	}
	for _, r := range m.leaving(d) {
		m.aside[r.Rule] = d.Version
	}
	for _, r := range d.Refused {
		if r.Why == notReached {
			continue
		}
		if len(m.faults) >= maxFaultyRules {
			clear(m.faults)
		}
		m.faults[r.Rule] = m.faultsWith(r.Rule, d.Clock.Time)
	}
}

// leaving returns the refusals of a decision that put their rules aside.
func (m *Memory) leaving(d *Decision) []Refusal {
	var out []Refusal
	for _, r := range d.Refused {
		at := m.faultsWith(r.Rule, d.Clock.Time)
		if r.Why != notReached && len(at) == faultsToLeave && d.Clock.Sub(at[0]) <= faultWindow && m.aside[r.Rule] != d.Version {
			out = append(out, r)
		}
	}
	return out
}

// faultsWith returns when a rule failed lately, with one more time.
func (m *Memory) faultsWith(rule string, t time.Time) []time.Time {
	at := append(slices.Clip(m.faults[rule]), t)
	return at[max(0, len(at)-faultsToLeave):]
}

// lift takes a rule back that was put aside, and forgets its faults.
func (m *Memory) lift(rule string) {
	delete(m.aside, rule)
	delete(m.faults, rule)
}

// begunBody is what is recorded of a rule that was put aside; keys sorted.
type begunBody struct {
	Decision string `json:"decision"` // sha256:…, in which it failed the last time
	Env      string `json:"env"`
	Group    string `json:"group"`
	Rule     string `json:"rule"`
	Version  string `json:"version"`
	Why      string `json:"why"` // of the last refusal
}

const (
	typeBegun  = "quarantine.begun"
	typeLifted = "quarantine.lifted"
)

// asideLife is how long the fact that a rule was put aside may be on its way.
// Every decision says so anyway.
const asideLife = time.Hour

// begun returns the entries that tell which rules a decision puts aside.
func begun(d *Decision, digest string, leaving []Refusal) []audit.Entry {
	var out []audit.Entry
	for _, r := range leaving {
		out = append(out, audit.Entry{Type: typeBegun, Actor: actor, Corr: r.Rule,
			Body: begunBody{digest, d.Env, d.Group, r.Rule, d.Version, r.Why}})
	}
	return out
}

// asideFact is the alarm about a rule that was put aside. The same decision
// gives the same fact.
func asideFact(d *Decision, r Refusal) facts.Fact {
	return facts.Fact{
		V: 1, Kind: facts.Health, State: facts.Alarm, Env: d.Env, Group: d.Group,
		Time: d.Clock, Onset: d.Clock, Expires: facts.At(d.Clock.Add(asideLife)),
		Detector: facts.Detector{ID: actor, Params: facts.Digest([]byte(d.Version))},
		Health:   &facts.HealthInfo{Status: facts.Degraded, Detail: oneLine("rule " + r.Rule + " was put aside: " + r.Why)},
	}
}

// oneLine returns s without control characters, which no fact holds.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// Lift is people's word that a rule which was put aside may be evaluated again.
type Lift struct {
	Group, Rule string
	Version     string   // in which it was put aside
	By          []string // the names of two people or more, each once, in any order, whose signatures were verified
	Reason      string   // 1 to 256 bytes
}

// ErrNotAside reports a lift of a rule that is not put aside in the version that
// is in force in its group. It may be another time, when that version is again.
var ErrNotAside = errors.New("it is not put aside")

// liftedBody is what is recorded of a lift; keys sorted.
type liftedBody struct {
	By      []string `json:"by"`
	Env     string   `json:"env"`
	Group   string   `json:"group"`
	Reason  string   `json:"reason"`
	Rule    string   `json:"rule"`
	Version string   `json:"version"`
}

var personName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

// checkPeople refuses what is not the names of two people or more, sorted.
func checkPeople(by []string) error {
	if len(by) < liftPeople || len(by) > maxLiftPeople {
		return fmt.Errorf("found %d people, want %d to %d", len(by), liftPeople, maxLiftPeople)
	}
	for i, name := range by {
		if !personName.MatchString(name) {
			return fmt.Errorf("found person %.64q, want names of letters, digits and . _ @ -", name)
		}
		if i > 0 && name == by[i-1] {
			return fmt.Errorf("%s speaks twice: want %d people", name, liftPeople)
		}
	}
	return nil
}

// Lift ends the quarantine of a rule, beginning with the next decision. It is
// recorded before it takes effect. That the people are who they are, may speak
// and meant this rule in the version that is in force is for the caller to
// prove, by their signatures: the engine only counts them.
//
// An error means that the rule is not put aside in that group and version
// ([ErrNotAside]), that two people did not speak, or that their word could not be
// recorded; the rule stays where it is.
func (e *Engine) Lift(ctx context.Context, l Lift) error {
	by := slices.Sorted(slices.Values(l.By))
	if err := checkPeople(by); err != nil {
		return fmt.Errorf("engine: lift rule %.64s: %w", l.Rule, err)
	}
	if l.Reason == "" || len(l.Reason) > maxLiftReason {
		return fmt.Errorf("engine: lift rule %.64s: reason of %d bytes, want 1 to %d", l.Rule, len(l.Reason), maxLiftReason)
	}
	g, known := e.groups[l.Group]
	if !known {
		return fmt.Errorf("engine: lift rule %.64s: group %.64q is not decided upon here", l.Rule, l.Group)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if aside := g.memory.aside[l.Rule]; aside == "" || aside != l.Version || aside != g.live.Load().Program.version {
		return fmt.Errorf("engine: lift rule %.64s of %.64s: %w in group %s", l.Rule, l.Version, ErrNotAside, l.Group)
	}
	_, err := e.log.Append(ctx, audit.Entry{Type: typeLifted, Actor: actor, Corr: l.Rule,
		Body: liftedBody{By: by, Env: e.env, Group: l.Group, Reason: l.Reason, Rule: l.Rule, Version: l.Version}})
	if err != nil {
		return fmt.Errorf("engine: record that rule %s is lifted: %w", l.Rule, err)
	}
	g.memory.lift(l.Rule)
	return nil
}
