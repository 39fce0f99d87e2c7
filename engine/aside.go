package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts"
)

// PutAside is a rule that is not evaluated until two people lift it.
type PutAside struct {
	Group   string     `json:"group"`
	Rule    string     `json:"rule"`
	Since   facts.Time `json:"since"`   // when it was recorded
	Version string     `json:"version"` // h1:…, in which it is put aside
	Why     string     `json:"why"`     // of the last refusal; empty: the log does not tell
	Digest  string     `json:"digest"`  // sha256:… of the bytes of the entry that says so; what two people resume. Empty: as above
}

// Aside reads a log for the rules that are put aside in the version that decided
// last in their group, by group and name.
//
// All of the log is read, from its end to its beginning. Errors are those of the
// log, or of an entry that is not what its type says.
func Aside(ctx context.Context, h History) ([]PutAside, error) {
	a := newAsideReader(nil)
	if err := a.read(ctx, h, h.Size()); err != nil {
		return nil, fmt.Errorf("engine: rules put aside: %w", err)
	}
	return a.result(), nil
}

// asideReader folds a log from its end. Of each rule the newest word counts.
type asideReader struct {
	open     map[string]bool // groups asked for that are not known yet
	all      bool            // every group is asked for
	versions map[spot]string // of the last decision
	known    map[ruleSpot]bool
	aside    map[ruleSpot]PutAside
}

// ruleSpot is a rule of a group.
type ruleSpot struct {
	spot
	rule string
}

// newAsideReader returns a reader that is done when it knows the groups; none:
// when it has read everything, and knows since when.
func newAsideReader(groups []string) *asideReader {
	a := &asideReader{open: map[string]bool{}, all: len(groups) == 0, versions: map[spot]string{},
		known: map[ruleSpot]bool{}, aside: map[ruleSpot]PutAside{}}
	for _, g := range groups {
		a.open[g] = true
	}
	return a
}

func (a *asideReader) done() bool { return !a.all && len(a.open) == 0 }

// read takes in the entries below to, the last first, until it is done.
func (a *asideReader) read(ctx context.Context, h History, to int64) error {
	if a.done() {
		return nil
	}
	for r, err := range audit.Backward(ctx, h, to) {
		if err != nil {
			return err
		}
		if err := a.take(r); err != nil {
			return fmt.Errorf("entry %d: %w", r.Seq, err)
		}
		if a.done() {
			break
		}
	}
	return nil
}

// take takes in the entry before those it was given.
func (a *asideReader) take(r audit.Record) error {
	s, err := audit.Decode(r.Bytes)
	if err != nil {
		return err
	}
	switch s.Type {
	case "decision":
		return a.decision(s)
	case typeBegun:
		var b begunBody
		if err := json.Unmarshal(s.Body, &b); err != nil {
			return err
		}
		a.tell(ruleSpot{spot{s.Env, b.Group}, b.Rule}, &PutAside{b.Group, b.Rule, facts.At(r.Time), b.Version, b.Why, facts.Digest(r.Bytes)})
	case typeLifted:
		var b liftedBody
		if err := json.Unmarshal(s.Body, &b); err != nil {
			return err
		}
		a.tell(ruleSpot{spot{s.Env, b.Group}, b.Rule}, nil)
	}
	return nil
}

// tell takes in what became of a rule, unless something later did. nil: it was
// lifted.
func (a *asideReader) tell(key ruleSpot, p *PutAside) {
	if old, listed := a.aside[key]; listed && p != nil && old.Version == p.Version && old.Why == "" {
		a.aside[key] = *p // the decision that listed it told neither since when nor why
	}
	if a.known[key] || !a.all && !a.open[key.group] {
		return
	}
	a.known[key] = true
	if p != nil {
		a.aside[key] = *p
	}
}

// decision takes in the last decision of a group, which lists what is put aside.
func (a *asideReader) decision(s audit.Stored) error {
	var b struct {
		Decision struct {
			Clock       facts.Time `json:"clock"`
			Group       string     `json:"group"`
			Quarantined []string   `json:"quarantined"`
			Version     string     `json:"version"`
		} `json:"decision"`
	}
	if err := json.Unmarshal(s.Body, &b); err != nil {
		return err
	}
	d := &b.Decision
	at := spot{s.Env, d.Group}
	if _, later := a.versions[at]; later {
		return nil
	}
	a.versions[at] = d.Version
	for _, rule := range d.Quarantined {
		a.tell(ruleSpot{at, rule}, &PutAside{Group: d.Group, Rule: rule, Since: d.Clock, Version: d.Version})
	}
	if len(d.Quarantined) < maxListed { // else there may be more than it lists
		delete(a.open, d.Group)
	}
	return nil
}

func (a *asideReader) result() []PutAside {
	maps.DeleteFunc(a.aside, func(key ruleSpot, p PutAside) bool { return a.versions[key.spot] != p.Version })
	out := slices.Collect(maps.Values(a.aside))
	slices.SortFunc(out, func(p, q PutAside) int { return cmp.Or(cmp.Compare(p.Group, q.Group), cmp.Compare(p.Rule, q.Rule)) })
	return out
}
