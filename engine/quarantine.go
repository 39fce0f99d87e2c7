package engine

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// When a rule is put aside.
const (
	faultsToLeave  = 3 // refusals within faultWindow
	faultWindow    = 10 * time.Minute
	maxFaultyRules = MaxRules // rules whose faults are remembered: all of a version
)

// maxLiftReason bounds the reason that people give.
const maxLiftReason = 256

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
	for _, r := range d.Refused {
		if r.Why == notReached {
			continue
		}
		if len(m.faults) >= maxFaultyRules {
			clear(m.faults)
		}
		at := append(m.faults[r.Rule], d.Clock.Time)
		if len(at) > faultsToLeave {
			at = at[1:]
		}
		m.faults[r.Rule] = at
		if len(at) == faultsToLeave && d.Clock.Sub(at[0]) <= faultWindow {
			m.aside[r.Rule] = d.Version
		}
	}
}

// lift takes a rule back that was put aside, and forgets its faults.
func (m *Memory) lift(rule string) {
	delete(m.aside, rule)
	delete(m.faults, rule)
}

// Lift is two people's word that a rule which was put aside may be evaluated
// again in the version that is in force.
type Lift struct {
	Group, Rule string
	By          [2]string // the names of two people, in any order
	Reason      string    // 1 to 256 bytes
}

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

// Lift ends the quarantine of a rule, beginning with the next decision. It is
// recorded before it takes effect; who the people are is for the caller to
// prove.
//
// An error means that the rule is not put aside in that group, that two people
// did not speak, or that their word could not be recorded; the rule stays where
// it is.
func (e *Engine) Lift(ctx context.Context, l Lift) error {
	by := slices.Sorted(slices.Values(l.By[:]))
	for _, name := range by {
		if !personName.MatchString(name) {
			return fmt.Errorf("engine: lift rule %.64s: found person %.64q, want two names of letters, digits and . _ @ -", l.Rule, name)
		}
	}
	if by[0] == by[1] {
		return fmt.Errorf("engine: lift rule %.64s: %s speaks twice: want two people", l.Rule, by[0])
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
	version := g.live.Load().Program.version
	if aside, ok := g.memory.aside[l.Rule]; !ok || aside != version {
		return fmt.Errorf("engine: lift rule %.64s: it is not put aside in group %s", l.Rule, l.Group)
	}
	_, err := e.log.Append(ctx, audit.Entry{Type: "quarantine.lifted", Actor: actor, Corr: l.Rule,
		Body: liftedBody{By: by, Env: e.env, Group: l.Group, Reason: l.Reason, Rule: l.Rule, Version: version}})
	if err != nil {
		return fmt.Errorf("engine: record that rule %s is lifted: %w", l.Rule, err)
	}
	g.memory.lift(l.Rule)
	return nil
}
