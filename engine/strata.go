package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// stratum is a stretch of the rules in canonical order: what they read was set by
// rules of strata before it, if at all.
type stratum struct {
	from, to int // rules: from inclusive, to exclusive
	index    *index
}

// stratify orders the rules by stratum, salience and name, and cuts them into
// strata: a rule stands in a later stratum than every rule that sets what it
// reads. So each rule is evaluated at most once, and evaluation ends.
//
// An error is a circle (E16), or two rules that contend for a derived value
// (E05). ws holds the rules as written, in the order of p.rules.
func (p *Program) stratify(ws []*written) Errors {
	s := &stratifier{p: p, ws: ws, writers: map[int][]int{}, height: map[int]int{}}
	for i := range p.rules {
		for _, slot := range p.rules[i].writes {
			s.writers[slot] = append(s.writers[slot], i)
		}
	}
	for i := range p.rules {
		p.rules[i].stratum = s.stratum(i)
	}
	s.contenders()
	if len(s.errs) > 0 {
		return s.errs
	}
	slices.SortStableFunc(p.rules, func(a, b rule) int { return cmp.Compare(a.stratum, b.stratum) })
	for from := 0; from < len(p.rules); {
		to := from + 1
		for to < len(p.rules) && p.rules[to].stratum == p.rules[from].stratum {
			to++
		}
		p.strata = append(p.strata, stratum{from, to, newIndex(p.rules[from:to], p.slots)})
		from = to
	}
	return nil
}

// stratifier finds the stratum of each rule.
type stratifier struct {
	p       *Program
	ws      []*written
	writers map[int][]int // derived value → rules that set it
	height  map[int]int   // derived value → stratum of the last rule that sets it, plus one
	path    []int         // derived values whose height is being found
	errs    Errors
}

// stratum is the height of the highest derived value that a rule reads.
func (s *stratifier) stratum(i int) int {
	out := 0
	r := &s.p.rules[i]
	for _, slot := range slices.Concat(r.reads, r.uses) {
		if s.p.slots.derived(slot) {
			out = max(out, s.of(slot, i))
		}
	}
	return out
}

// of returns the height of a derived value that rule i reads.
func (s *stratifier) of(slot, i int) int {
	if h, known := s.height[slot]; known {
		return h
	}
	if at := slices.Index(s.path, slot); at >= 0 {
		s.circle(append(slices.Clone(s.path[at:]), slot), i)
		return 0
	}
	s.path = append(s.path, slot)
	h := 0
	for _, w := range s.writers[slot] {
		h = max(h, s.stratum(w)+1)
	}
	s.path = s.path[:len(s.path)-1]
	s.height[slot] = h
	return h
}

// circle reports that rule i reads the last of the values of which each is set
// by a rule that reads the next.
func (s *stratifier) circle(values []int, i int) {
	names := make([]string, len(values))
	for k, slot := range values {
		names[k] = s.p.slots.words[slot].Name
	}
	w := s.ws[i]
	s.errs = append(s.errs, w.err(w.at(w.when), E16,
		"derived values depend on each other in a circle: "+strings.Join(names, " needs "),
		"let one of the rules read the fact instead"))
}

// contenders reports rules that set the same value and of which it is not plain
// whose counts: the salience of the one evaluated first has to be the higher.
func (s *stratifier) contenders() {
	for slot := range s.p.slots.words {
		all := s.writers[slot]
		slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(s.p.rules[a].stratum, s.p.rules[b].stratum) })
		for k := 1; k < len(all); k++ {
			a, b := &s.p.rules[all[k-1]], &s.p.rules[all[k]]
			if a.salience > b.salience {
				continue
			}
			w := s.ws[all[k]]
			s.errs = append(s.errs, w.err(w.at(w.then), E05,
				fmt.Sprintf("%s is set by rule %s too, with salience %d", s.p.slots.words[slot].Name, a.name, a.salience),
				"give them different saliences, the higher one to the rule that is evaluated first"))
		}
	}
}
