package backtest

import (
	"cmp"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
)

// report makes the report of what was counted.
func (t *tally) report(c *Config, groups int) *Report {
	r := &Report{Engine: c.Engine, Facts: t.facts, Hours: []Hour{}, V: reportVersion, Vocabulary: engine.VocabularyVersion}
	r.Facts.Digest = "sha256:" + hex.EncodeToString(t.digest.Sum(nil))
	r.Facts.Groups, r.Facts.Hours = groups, len(t.hours)
	if t.facts.Decided > 0 {
		r.Facts.First, r.Facts.Last = facts.At(t.first).String(), facts.At(t.last).String()
	}
	for _, at := range slices.Sorted(maps.Keys(t.hours)) {
		r.Hours = append(r.Hours, *t.hours[at])
	}
	for _, s := range t.sides {
		s.finish(len(t.hours))
	}
	r.Candidate = t.sides[0].side
	r.Candidate.Worst = worst(r.Hours, func(h *Hour) *Count { return &h.Candidate })
	if len(t.sides) > 1 {
		base := t.sides[1].side
		base.Worst = worst(r.Hours, func(h *Hour) *Count { return h.Base })
		r.Base, r.Difference = &base, &t.diff
	}
	r.Rules = t.listRules()
	r.Targets, r.Unlisted = t.listTargets()
	return r
}

// finish completes the counts of a pack, of facts in so many hours.
func (s *sideTally) finish(hours int) {
	for at, n := range s.cells {
		f := &s.firings[at.rule]
		if f.Hours++; f.Hours == 1 || n < f.Low {
			f.Low = n
		}
		f.High = max(f.High, n)
	}
	for i := range s.firings {
		f := &s.firings[i]
		if f.Hours < int64(hours) {
			f.Low = 0
		}
		if f.Total == 0 {
			s.side.Silent++
		}
		s.side.Fired += f.Total
		s.side.Undecided += f.Undecided
		s.side.RefusedRules += f.Refused
	}
}

// worst returns the worst hour of a pack.
func worst(hours []Hour, of func(*Hour) *Count) Worst {
	var w Worst
	for i := range hours {
		c := of(&hours[i])
		if c.Acts > w.Acts || c.Acts == w.Acts && c.Intents > w.Intents {
			w = Worst{c.Acts, hours[i].Hour, c.Intents}
		}
	}
	return w
}

// listRules returns the rules that did anything, by name.
func (t *tally) listRules() []Rule {
	did := map[string]bool{}
	for _, s := range t.sides {
		for i, f := range s.firings {
			if f.Total+f.Undecided+f.Refused > 0 {
				did[s.names[i]] = true
			}
		}
	}
	out := []Rule{}
	for _, name := range slices.Sorted(maps.Keys(did)) {
		r := Rule{Rule: name, Candidate: t.sides[0].of(name)}
		if len(t.sides) > 1 {
			r.Base = t.sides[1].of(name)
		}
		if d := t.rules[name]; d != nil {
			r.Difference = *d
		}
		out = append(out, r)
	}
	return out
}

// of returns what a rule did, nil when the pack has none of that name.
func (s *sideTally) of(name string) *Firings {
	i, known := s.numbers[name]
	if !known {
		return nil
	}
	return &s.firings[i]
}

// listTargets returns the targets that differ most, and how many more there are.
func (t *tally) listTargets() ([]Target, int) {
	weight := func(x *Target) (differs, intents int64) {
		intents = x.Candidate.Intents
		if x.Base != nil {
			intents += x.Base.Intents
		}
		return x.Added + x.Changed + x.Removed, intents
	}
	all := make([]Target, 0, len(t.targets))
	for _, x := range t.targets {
		all = append(all, *x)
	}
	slices.SortFunc(all, func(a, b Target) int {
		da, ia := weight(&a)
		db, ib := weight(&b)
		return cmp.Or(cmp.Compare(db, da), cmp.Compare(ib, ia), cmp.Compare(a.Env, b.Env),
			cmp.Compare(a.Group, b.Group), cmp.Compare(a.Member, b.Member))
	})
	listed := all[:min(len(all), maxListed)]
	return listed, len(all) - len(listed)
}
