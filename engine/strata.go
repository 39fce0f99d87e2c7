package engine

import (
	"cmp"
	"fmt"
	"maps"
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
// strata. ws holds the rules as written, in the order of p.rules. Errors are
// those of [layer].
func (p *Program) stratify(ws []*written) Errors {
	rules := make([]layered, len(p.rules))
	for i, r := range p.rules {
		rules[i] = layered{ws[i], p.slots.derivedAmong(slices.Concat(r.reads, r.uses)), p.slots.derivedAmong(r.writes)}
	}
	at, errs := layer(rules)
	if len(errs) > 0 {
		return errs
	}
	for i := range p.rules {
		p.rules[i].stratum = at[i]
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

// derivedAmong returns the names of those slots that are derived values.
func (s *slots) derivedAmong(slots []int) []string {
	var out []string
	for _, slot := range slots {
		if s.derived(slot) {
			out = append(out, s.words[slot].Name)
		}
	}
	return out
}

// layered is what the stratum of a rule depends on.
type layered struct {
	*written
	reads  []string // derived values that it reads or asks for
	writes []string // derived values that it sets
}

// layer returns the stratum of each rule: a rule stands in a later one than
// every rule that sets what it reads. So each rule is evaluated at most once,
// and evaluation ends. Rules come by salience, descending.
//
// An error is a circle (E16), or two rules that contend for a derived value
// (E05).
func layer(rules []layered) ([]int, Errors) {
	l := &layerer{rules: rules, writers: map[string][]int{}, height: map[string]int{}}
	for i, r := range rules {
		for _, d := range r.writes {
			l.writers[d] = append(l.writers[d], i)
		}
	}
	strata := make([]int, len(rules))
	for i := range rules {
		strata[i] = l.stratum(i)
	}
	l.contenders(strata)
	return strata, l.errs
}

// layerer finds the stratum of each rule.
type layerer struct {
	rules   []layered
	writers map[string][]int // derived value → rules that set it
	height  map[string]int   // derived value → stratum of the last rule that sets it, plus one
	path    []string         // derived values whose height is being found
	errs    Errors
}

// stratum is the height of the highest derived value that a rule reads.
func (l *layerer) stratum(i int) int {
	out := 0
	for _, d := range l.rules[i].reads {
		out = max(out, l.of(d, i))
	}
	return out
}

// of returns the height of a derived value that rule i reads.
func (l *layerer) of(d string, i int) int {
	if h, known := l.height[d]; known {
		return h
	}
	if at := slices.Index(l.path, d); at >= 0 {
		l.circle(append(slices.Clone(l.path[at:]), d), i)
		return 0
	}
	l.path = append(l.path, d)
	h := 0
	for _, w := range l.writers[d] {
		h = max(h, l.stratum(w)+1)
	}
	l.path = l.path[:len(l.path)-1]
	l.height[d] = h
	return h
}

// circle reports that rule i reads the last of the values of which each is set
// by a rule that reads the next.
func (l *layerer) circle(values []string, i int) {
	w := l.rules[i].written
	l.errs = append(l.errs, w.err(w.at(w.when), e16,
		"derived values depend on each other in a circle: "+strings.Join(values, " needs "),
		"let one of the rules read the fact instead"))
}

// contenders reports rules that set the same value and of which it is not plain
// whose counts: the salience of the one evaluated first has to be the higher.
func (l *layerer) contenders(strata []int) {
	for _, d := range slices.Sorted(maps.Keys(l.writers)) {
		all := l.writers[d]
		slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(strata[a], strata[b]) })
		for k := 1; k < len(all); k++ {
			a, b := l.rules[all[k-1]].written, l.rules[all[k]].written
			if a.salience > b.salience {
				continue
			}
			l.errs = append(l.errs, b.err(b.at(b.then), e05,
				fmt.Sprintf("%s is set by rule %s too, with salience %d", d, a.name, a.salience),
				"give them different saliences, the higher one to the rule that is evaluated first"))
		}
	}
}
