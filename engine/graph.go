package engine

import (
	"fmt"
	"slices"
	"strings"
)

// Graph is how the rules of a version depend on each other: a rule that reads a
// derived value comes after those that write it.
type Graph struct {
	Rules []GraphRule // by stratum, then in the order of evaluation
	Edges []GraphEdge // in the order of the rules
}

// GraphRule is a rule with what it reads and does.
type GraphRule struct {
	Name     string   `json:"name"`
	Salience int      `json:"salience"`
	Stratum  int      `json:"stratum"` // from 0; a rule reads what lower strata wrote
	Reads    []string `json:"reads"`   // words of its condition and calls, by name, each once
	Writes   []string `json:"writes,omitempty"`
	Effects  []string `json:"effects"` // its calls, such as "Propose drain"
}

// GraphEdge says that one rule reads what another writes.
type GraphEdge struct {
	From  string `json:"from"` // the writer
	To    string `json:"to"`
	Field string `json:"field"`
}

// NewGraph returns how the rules depend on each other. Rules that the guard
// refuses, or that wait for each other, are errors of type [Errors].
func NewGraph(rules []Source) (*Graph, error) {
	trees, errs := growAll(rules, nil)
	if len(errs) > 0 {
		return nil, errs.sorted()
	}
	var studies []*study
	for _, t := range trees {
		studies = append(studies, &study{tree: t, deeds: deedsOf(t)})
	}
	g, errs := arrange(studies)
	return g, errs.sorted()
}

// growAll returns the trees of rules in canonical order.
func growAll(rules []Source, c constants) ([]*tree, Errors) {
	ws, errs := guardAll(rules, c)
	var out []*tree
	for _, w := range ws {
		t, err := grow(w)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, t)
	}
	return out, errs
}

// arrange sorts rules into strata, and reports cycles (E16) and derived values
// that two rules of one stratum write (E05).
func arrange(rules []*study) (*Graph, Errors) {
	writers := map[string][]int{}
	for i, r := range rules {
		for _, d := range r.deeds {
			if d.call == "=" {
				writers[d.what] = append(writers[d.what], i)
			}
		}
	}
	g := &Graph{}
	after := make([][]int, len(rules)) // the rules that each waits for
	for i, r := range rules {
		n := r.node()
		for _, word := range n.Reads {
			for _, w := range writers[word] {
				after[i] = append(after[i], w)
				g.Edges = append(g.Edges, GraphEdge{rules[w].name, r.name, word})
			}
		}
		g.Rules = append(g.Rules, n)
	}
	errs := g.stratify(rules, after)
	errs = append(errs, writtenTwice(g, rules)...)
	slices.SortStableFunc(g.Rules, func(a, b GraphRule) int { return a.Stratum - b.Stratum })
	return g, errs
}

// node lists what a rule reads and does.
func (s *study) node() GraphRule {
	n := GraphRule{Name: s.name, Salience: s.salience, Reads: []string{}, Effects: []string{}}
	read := func(x *term) {
		if w := find(x.name); x.op == isWord || x.op == isCall && w != nil && w.method != nil {
			n.Reads = append(n.Reads, s.bare(x))
		}
	}
	s.when.visit(read)
	for _, st := range s.then {
		st.value.visit(read)
	}
	for _, d := range s.deeds {
		if d.call == "=" {
			n.Writes = append(n.Writes, d.what)
		} else if e := strings.TrimSpace(d.call + " " + d.what); !slices.Contains(n.Effects, e) {
			n.Effects = append(n.Effects, e)
		}
	}
	for _, l := range []*[]string{&n.Reads, &n.Writes} {
		slices.Sort(*l)
		*l = slices.Compact(*l)
	}
	return n
}

// bare is a reading without the parentheses around it.
func (t *tree) bare(x *term) string {
	from, to := x.from, x.to
	for t.at(from).kind == mark && t.at(from).text == "(" {
		from, to = from+1, to-1
	}
	return spellNamed(t.tokens[from:to])
}

// stratify gives each rule the number of the longest chain of rules before it.
// Rules on a cycle are errors.
func (g *Graph) stratify(rules []*study, after [][]int) Errors {
	const open, done = 1, 2
	state := make([]int, len(rules))
	var errs Errors
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		for _, j := range after[i] {
			if state[j] == open {
				errs = append(errs, rules[i].err(rules[i].at(1), E16,
					fmt.Sprintf("waits for a value of rule %s, which waits for it", rules[j].name),
					"let the values that a rule reads come from rules that do not read its own"))
				continue
			}
			if state[j] != done {
				visit(j)
			}
			g.Rules[i].Stratum = max(g.Rules[i].Stratum, g.Rules[j].Stratum+1)
		}
		state[i] = done
	}
	for i := range rules {
		if state[i] == 0 {
			visit(i)
		}
	}
	return errs
}

// writtenTwice reports fields that two rules write when it is not plain whose
// value stands: that of the higher salience, which must not come later.
func writtenTwice(g *Graph, rules []*study) Errors {
	writers := map[string][]int{}
	var errs Errors
	for i, r := range rules {
		for _, d := range r.deeds {
			if d.call != "=" {
				continue
			}
			for _, w := range writers[d.what] { // rules come by salience, descending
				if rules[w].salience > r.salience && g.Rules[w].Stratum <= g.Rules[i].Stratum {
					continue
				}
				errs = append(errs, r.err(r.at(d.at), E05, fmt.Sprintf("%s is written by rule %s too, with salience %d",
					d.what, rules[w].name, rules[w].salience),
					"give them different saliences, the higher one to the rule of the lower stratum"))
			}
			writers[d.what] = append(writers[d.what], i)
		}
	}
	return errs
}
