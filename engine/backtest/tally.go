package backtest

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/actions"
)

// The bounds of what is counted.
const (
	maxHours   = 24 * 400 // more than a year
	maxTargets = 1 << 17
	maxCells   = 1 << 22 // hours in which a rule fired, over all rules of both packs: some 200 MB
)

// tally counts what came of the facts. Facts come in order, so it is the same
// whatever order they were decided in.
type tally struct {
	digest  hash.Hash
	facts   Facts
	first   time.Time
	last    time.Time
	diff    Difference
	sides   []*sideTally
	rules   map[string]*Difference
	hours   map[int64]*Hour // by hours since 1970
	targets map[targetKey]*Target
}

type targetKey struct{ env, group, member string }

// sideTally is what is counted of one pack.
type sideTally struct {
	side    Side
	names   []string
	firings []Firings      // by rule
	numbers map[string]int // of rules
	cells   map[cell]int64 // firings
}

type cell struct {
	rule int32
	hour int32
}

func newTally(packs []*Pack) *tally {
	t := &tally{digest: sha256.New(), facts: Facts{Kinds: map[string]int64{}}, rules: map[string]*Difference{},
		hours: map[int64]*Hour{}, targets: map[targetKey]*Target{}}
	for _, p := range packs {
		names := p.Program.Rules()
		s := &sideTally{names: names, firings: make([]Firings, len(names)), numbers: map[string]int{}, cells: map[cell]int64{},
			side: Side{Acts: map[string]int64{}, Refused: map[string]int64{}, Pack: p.Name, Rules: len(names), Version: p.Program.Version()}}
		for i, name := range names {
			s.numbers[name] = i
		}
		t.sides = append(t.sides, s)
	}
	return t
}

// add counts a fact.
func (t *tally) add(e *entry) error {
	f := &e.fact
	t.facts.Count++
	line := f.ID + "\n"
	if e.stream > 0 {
		line = fmt.Sprintf("%s  %d\n", f.ID, e.stream)
	}
	_, _ = io.WriteString(t.digest, line) // a hash takes everything
	if e.fate == decided {
		e.fate = e.judged[0].fate // the same in both: it follows from the facts alone
	}
	switch e.fate {
	case past:
		t.facts.Past++
	case duplicate:
		t.facts.Duplicates++
	case late:
		t.facts.Late++
	case full:
		t.facts.Full++
	default:
		return t.decided(e)
	}
	return nil
}

// decided counts a fact that was decided upon.
func (t *tally) decided(e *entry) error {
	t.facts.Decided++
	t.facts.Kinds[string(e.fact.Kind)]++
	if at := e.fact.Time.Time; t.facts.Decided == 1 {
		t.first, t.last = at, at
	} else if at.Before(t.first) {
		t.first = at
	} else if at.After(t.last) {
		t.last = at
	}
	hour := e.judged[0].clock.Unix() / int64(time.Hour/time.Second)
	h := t.hours[hour]
	if h == nil {
		if len(t.hours) == maxHours {
			return fmt.Errorf("facts of more than %d hours: ask for a shorter time", maxHours)
		}
		h = &Hour{Hour: stamp(time.Unix(hour*int64(time.Hour/time.Second), 0))}
		if len(t.sides) > 1 {
			h.Base = &Count{}
		}
		t.hours[hour] = h
	}
	h.Facts++
	d := t.compare(e)
	t.diff.add(d)
	h.Difference.add(d)
	target, err := t.target(e)
	if err != nil {
		return err
	}
	if target != nil {
		target.Difference.add(d)
	}
	counts := [2][2]*Count{{&h.Candidate, nil}, {h.Base, nil}}
	if target != nil {
		counts[0][1], counts[1][1] = &target.Candidate, target.Base
	}
	for i, s := range t.sides {
		if err := s.add(&e.judged[i], int32(hour), counts[i]); err != nil {
			return err
		}
	}
	t.compareRules(e, d)
	return nil
}

// target returns whom the fact is about, nil when no pack wants anything.
func (t *tally) target(e *entry) (*Target, error) {
	if len(e.judged[0].intents)+len(e.judged[1].intents) == 0 {
		return nil, nil
	}
	f := &e.fact
	key := targetKey{f.Env, f.Group, f.Member}
	if x := t.targets[key]; x != nil {
		return x, nil
	}
	if len(t.targets) == maxTargets {
		return nil, fmt.Errorf("intents for more than %d members: ask for a shorter time", maxTargets)
	}
	x := &Target{Env: f.Env, Group: f.Group, Member: f.Member}
	if len(t.sides) > 1 {
		x.Base = &Count{}
	}
	t.targets[key] = x
	return x, nil
}

// compare says how what the packs want differs.
func (t *tally) compare(e *entry) Difference {
	if len(t.sides) < 2 {
		return Difference{}
	}
	candidate, base := verbs(e.judged[0].intents), verbs(e.judged[1].intents)
	switch {
	case slices.Equal(candidate, base):
		return Difference{}
	case len(base) == 0:
		return Difference{Added: 1}
	case len(candidate) == 0:
		return Difference{Removed: 1}
	}
	return Difference{Changed: 1}
}

// verbs returns what is wanted, sorted: it is wanted of the member that the fact
// is about.
func verbs(intents []wish) []actions.Verb {
	out := make([]actions.Verb, len(intents))
	for i, w := range intents {
		out[i] = w.verb
	}
	slices.Sort(out)
	return out
}

// compareRules counts the rules that fired in one pack only.
func (t *tally) compareRules(e *entry, d Difference) {
	if len(t.sides) < 2 {
		return
	}
	fired := func(side int, rule string) bool {
		i, known := t.sides[side].numbers[rule]
		return known && slices.Contains(e.judged[side].work.Fired, i)
	}
	for _, i := range e.judged[0].work.Fired {
		if name := t.sides[0].names[i]; !fired(1, name) {
			t.rule(name).Added++
		} else if d != (Difference{}) {
			t.rule(name).Changed++
		}
	}
	for _, i := range e.judged[1].work.Fired {
		if name := t.sides[1].names[i]; !fired(0, name) {
			t.rule(name).Removed++
		}
	}
}

func (t *tally) rule(name string) *Difference {
	d := t.rules[name]
	if d == nil {
		d = &Difference{}
		t.rules[name] = d
	}
	return d
}

func (d *Difference) add(o Difference) {
	d.Added, d.Changed, d.Removed = d.Added+o.Added, d.Changed+o.Changed, d.Removed+o.Removed
}

// add counts what one pack made of a fact. Counts that are nil are none.
func (s *sideTally) add(j *judged, hour int32, counts [2]*Count) error {
	s.side.Steps += int64(j.work.Steps)
	s.side.Aside += int64(j.aside)
	for _, i := range j.work.Fired {
		s.firings[i].Total++
		s.cells[cell{int32(i), hour}]++
	}
	if len(s.cells) > maxCells {
		return fmt.Errorf("rules fired in more than %d hours, summed over rules: ask for a shorter time", maxCells)
	}
	for _, i := range j.work.Undecided {
		s.firings[i].Undecided++
	}
	for _, i := range j.work.Refused {
		s.firings[i].Refused++
	}
	for _, w := range j.intents {
		s.wish(w, counts)
	}
	return nil
}

func (s *sideTally) wish(w wish, counts [2]*Count) {
	s.side.Intents++
	f := &s.firings[s.numbers[w.rule]]
	f.Intents++
	takes := w.limit == "" && (w.verb == actions.Drain || w.verb == actions.Maint || w.verb == actions.Weight)
	if w.limit == "" {
		s.side.Acts[string(w.verb)]++
		f.Acts++
	} else {
		s.side.Refused[w.limit]++
	}
	for _, c := range counts {
		switch {
		case c == nil:
			continue
		case takes:
			c.Acts++
		case w.limit != "":
			c.Refused++
		}
		c.Intents++
	}
}

// stamp writes an hour or an instant.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
