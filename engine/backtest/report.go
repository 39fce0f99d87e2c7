package backtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/facts"
)

// The bounds of a report.
const (
	// MaxReportBytes bounds the encoding of a report: every hour, rule and target
	// that it may list takes some hundred bytes.
	MaxReportBytes = 32 << 20

	reportVersion = 1
	maxListed     = 1000 // targets; the rest are counted
)

// ErrReport reports bytes that are not the encoding of a report.
var ErrReport = errors.New("malformed backtest report")

// Report says what a pack, or two, made of recorded facts. Counts are of facts
// that were decided upon unless said otherwise. Field order is the sorted order
// of the keys: the encoding relies on it.
type Report struct {
	Base       *Side       `json:"base,omitempty"`
	Candidate  Side        `json:"candidate"`
	Difference *Difference `json:"difference,omitempty"` // from base to candidate
	Engine     string      `json:"engine"`               // the build that decided
	Facts      Facts       `json:"facts"`
	Hours      []Hour      `json:"hours"`   // that have facts, in order
	Rules      []Rule      `json:"rules"`   // that did something, by name
	Targets    []Target    `json:"targets"` // of intents, those that differ most first
	Unlisted   int         `json:"unlisted_targets"`
	V          int         `json:"v"` // 1
	Vocabulary int         `json:"vocabulary"`
}

// Facts are the facts of a run.
type Facts struct {
	Count      int64            `json:"count"` // given, in all
	Decided    int64            `json:"decided"`
	Digest     string           `json:"digest"`     // sha256:… of the lines "ID", or "ID  N" of the N-th recording, of all that were given
	Duplicates int64            `json:"duplicates"` // handled before, not decided upon again
	First      string           `json:"first"`      // time of the first that was decided upon; empty: none was
	Full       int64            `json:"full"`       // of members beyond those that a memory holds, refused
	Groups     int              `json:"groups"`
	Hours      int              `json:"hours"` // that have facts
	Kinds      map[string]int64 `json:"kinds"` // of those that were decided upon
	Last       string           `json:"last"`
	Late       int64            `json:"late"` // out of date when they came, refused
	Past       int64            `json:"past"` // remembered only
}

// Side is what one pack made of the facts.
type Side struct {
	Acts         map[string]int64 `json:"acts"`  // let through, by verb
	Aside        int64            `json:"aside"` // times that a rule was put aside, and not evaluated
	Fired        int64            `json:"fired"`
	Intents      int64            `json:"intents"`
	Pack         string           `json:"pack"`
	Refused      map[string]int64 `json:"refused"`       // intents held back, by limit
	RefusedRules int64            `json:"refused_rules"` // times that a rule could not be evaluated
	Rules        int              `json:"rules"`
	Silent       int              `json:"silent"`    // rules that never fired
	Steps        int64            `json:"steps"`     // look-ups that rules made
	Undecided    int64            `json:"undecided"` // times that a rule read a word that was unknown
	Version      string           `json:"version"`
	Worst        Worst            `json:"worst"`
}

// Worst is the hour in which most members would have been taken out; of equal
// ones that with most intents, and the first of these.
type Worst struct {
	Acts    int64  `json:"acts"`
	Hour    string `json:"hour"` // empty: nothing was wanted in any
	Intents int64  `json:"intents"`
}

// Difference counts facts on which the packs want something else: Added where
// only the candidate wants anything, Removed where only the base does, Changed
// where both do, and not the same.
type Difference struct {
	Added   int64 `json:"added"`
	Changed int64 `json:"changed"`
	Removed int64 `json:"removed"`
}

// Count is what a pack wanted within an hour or for a target.
type Count struct {
	Acts    int64 `json:"acts"` // that take a member out and were let through
	Intents int64 `json:"intents"`
	Refused int64 `json:"refused"` // intents held back
}

// Hour is an hour of UTC.
type Hour struct {
	Base       *Count `json:"base,omitempty"`
	Candidate  Count  `json:"candidate"`
	Difference `json:"difference"`
	Facts      int64  `json:"facts"`
	Hour       string `json:"hour"` // its beginning
}

// Target is whom the facts were about on which a pack wanted something.
type Target struct {
	Base       *Count `json:"base,omitempty"`
	Candidate  Count  `json:"candidate"`
	Difference `json:"difference"`
	Env        string `json:"env"`
	Group      string `json:"group"`
	Member     string `json:"member"` // empty: a cohort or the whole group
}

// Rule is a rule that fired, or could not be evaluated, in either pack. Its
// difference counts facts: Added where it fired in the candidate only, Removed
// where it fired in the base only, Changed where it fired in both and what was
// wanted is not the same.
type Rule struct {
	Base       *Firings `json:"base,omitempty"`      // nil: the pack has no such rule
	Candidate  *Firings `json:"candidate,omitempty"` // nil: the pack has no such rule
	Difference `json:"difference"`
	Rule       string `json:"rule"`
}

// Firings is what one rule did. Low and High are its predicted band: the fewest
// and the most firings in an hour, over the hours that have facts. When hours are
// alike, the next one has more than High with a probability of at most one in one
// more than the number of these hours.
type Firings struct {
	Acts      int64 `json:"acts"` // let through, of intents that it asked for first
	High      int64 `json:"high"`
	Hours     int64 `json:"hours"`   // in which it fired
	Intents   int64 `json:"intents"` // that it asked for first
	Low       int64 `json:"low"`
	Refused   int64 `json:"refused"` // times that it could not be evaluated
	Total     int64 `json:"total"`
	Undecided int64 `json:"undecided"` // times that it read a word that was unknown
}

// Encode returns the one encoding of r: JSON, keys sorted, no blanks.
func (r *Report) Encode() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		panic("backtest: a report always encodes: " + err.Error()) // texts and integers only
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Digest returns "sha256:" and the digest of r's encoding: the evidence that a
// proposal names.
func (r *Report) Digest() string { return facts.Digest(r.Encode()) }

// Decode returns the report whose encoding b is. It refuses, with an error that
// wraps [ErrReport], anything [Report.Encode] would not have written.
func Decode(b []byte) (*Report, error) {
	if len(b) > MaxReportBytes {
		return nil, fmt.Errorf("backtest: report of %d bytes, want at most %d: %w", len(b), MaxReportBytes, ErrReport)
	}
	var r Report
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return nil, fmt.Errorf("backtest: %w: byte %d: %w", ErrReport, d.InputOffset(), err)
	}
	if r.V != reportVersion {
		return nil, fmt.Errorf("backtest: %w: v is %d, want %d", ErrReport, r.V, reportVersion)
	}
	if again := r.Encode(); !bytes.Equal(again, b) {
		return nil, fmt.Errorf("backtest: %w: %d bytes, want the %d of its canonical encoding", ErrReport, len(b), len(again))
	}
	return &r, nil
}
