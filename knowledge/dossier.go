package knowledge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The bounds of a dossier: a band for each of 10,000 rules, and what the checks
// had to say.
const (
	maxDossierBytes = 4 << 20
	maxBands        = 10_000
	maxWarnings     = 1000
)

// dossierVersion is the only version of the form.
const dossierVersion = 1

// Dossier is what was found about a bundle before anybody approved it. Approvers
// read it, and sign the proposal that names its digest. The rollout is held to
// its band. Field order is the sorted order of the keys: the encoding relies on
// it.
type Dossier struct {
	Backtest *Backtest       `json:"backtest,omitempty"` // against the parent; nil: there were no recorded facts
	Band     map[string]Band `json:"band"`               // by rule; empty without a backtest
	Bundle   string          `json:"bundle"`             // h1: digest
	Coverage Share           `json:"coverage"`           // answers of conditions that tests saw, of those there are
	Hours    int64           `json:"hours"`              // of recorded facts behind the band; 0: there is none
	Mutation Share           `json:"mutation"`           // planted mistakes that tests noticed, of those planted
	Parent   string          `json:"parent"`             // h1: digest, or "none"
	Tests    Share           `json:"tests"`              // that passed, of those there are
	V        int             `json:"v"`                  // 1
	Warnings []string        `json:"warnings"`           // of the static checks, a line each; errors would have ended it
}

// Share is a part of a whole, both counts.
type Share struct {
	Part  int64 `json:"part"`
	Whole int64 `json:"whole"`
}

// Backtest is what running the bundle and its parent on recorded facts showed:
// facts on which only the bundle wants something, both do and not the same, or
// only the parent does.
type Backtest struct {
	Added   int64  `json:"added"`
	Changed int64  `json:"changed"`
	Digest  string `json:"digest"` // sha256: of the whole report
	Facts   int64  `json:"facts"`  // that were decided upon
	Removed int64  `json:"removed"`
}

// Band is how often a rule is expected to fire, everywhere together.
type Band struct {
	Fired int64 `json:"fired"` // in all the hours of the dossier
	Most  int64 `json:"most"`  // in one of them
}

// Encode returns the one encoding of d: JSON, keys sorted, no blanks, ended by a
// line feed. Its digest is [TextDigest] of these bytes.
func (d *Dossier) Encode() []byte {
	e := *d
	if e.Band == nil {
		e.Band = map[string]Band{}
	}
	if e.Warnings == nil {
		e.Warnings = []string{}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		panic("knowledge: a dossier always encodes: " + err.Error()) // texts and integers only
	}
	return b.Bytes()
}

// DecodeDossier reads what [Dossier.Encode] wrote, and nothing else.
func DecodeDossier(b []byte) (*Dossier, error) {
	d := &Dossier{}
	err := fmt.Errorf("%d bytes, want at most %d", len(b), maxDossierBytes)
	if len(b) <= maxDossierBytes {
		err = json.Unmarshal(b, d)
	}
	if err == nil && !bytes.Equal(d.Encode(), b) {
		err = errors.New("not in the one form that a dossier has")
	}
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return nil, fmt.Errorf("knowledge: dossier: %w", err)
	}
	return d, nil
}

func (d *Dossier) check() error {
	var c complaints
	c.want(d.V == dossierVersion, "version %d, want %d", d.V, dossierVersion)
	c.want(formBundle.holds(d.Bundle), "bundle %.80q, want %s", d.Bundle, formBundle.want)
	c.want(formParent.holds(d.Parent), "parent %.80q, want %s", d.Parent, formParent.want)
	for name, s := range map[string]Share{"coverage": d.Coverage, "mutation": d.Mutation, "tests": d.Tests} {
		c.want(s.Part >= 0 && s.Part <= s.Whole, "%s: %d of %d", name, s.Part, s.Whole)
	}
	if t := d.Backtest; t != nil {
		c.want(formDigest.holds(t.Digest), "backtest %.80q, want %s", t.Digest, formDigest.want)
		c.want(min(t.Added, t.Changed, t.Removed, t.Facts) >= 0, "backtest with negative counts")
	}
	c.want(d.Hours >= 0 && d.Hours <= maxHours && (d.Hours > 0 || len(d.Band) == 0), "band over %d hours", d.Hours)
	c.want(len(d.Band) <= maxBands, "%d bands, want at most %d", len(d.Band), maxBands)
	for rule, b := range d.Band {
		c.want(ruleName.MatchString(rule), "band of %.80q, want the name of a rule", rule)
		c.want(b.Most >= 0 && b.Most <= b.Fired && b.Fired <= maxFired && b.Most*d.Hours >= b.Fired,
			"rule %.80s fired %d times in %d hours, at most %d in one", rule, b.Fired, d.Hours, b.Most)
	}
	c.want(len(d.Warnings) <= maxWarnings, "%d warnings, want at most %d", len(d.Warnings), maxWarnings)
	for _, w := range d.Warnings {
		c.want(w != "" && !strings.ContainsFunc(w, unseen), "warning %.80q, want one line", w)
	}
	if len(c) > 0 {
		return errors.New(c[0])
	}
	return nil
}

// What a backtest can have counted: ten years, and a firing on each of a thousand
// facts a second for a month.
const (
	maxHours = 10 * 366 * 24
	maxFired = 1000 * 86_400 * 31
)

// Fits returns an error unless the dossier is the one that the proposal names,
// and about the same bundle and parent.
func (d *Dossier) Fits(proposal Statement) error {
	var c complaints
	digest := TextDigest(d.Encode())
	c.want(proposal.Field("evidence") == digest, "proposal names the dossier %s, this one is %s", proposal.Field("evidence"), digest)
	c.want(proposal.Field("bundle") == d.Bundle, "dossier is about the bundle %s, proposal is for %s", d.Bundle, proposal.Field("bundle"))
	c.want(proposal.Field("parent") == d.Parent, "dossier compares with %s, proposal replaces %s", d.Parent, proposal.Field("parent"))
	if len(c) > 0 {
		return errors.New("knowledge: " + strings.Join(c, "; "))
	}
	return nil
}
