package engine

import (
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
	trees, errs := growAll(rules, nil, nil)
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
func growAll(rules []Source, c constants, derived []Word) ([]*tree, Errors) {
	ws, errs := guardAll(rules, c)
	var out []*tree
	for _, w := range ws {
		t, err := grow(w, derived)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, t)
	}
	return out, errs
}

// arrange sorts rules into strata. Errors are those of [layer].
func arrange(rules []*study) (*Graph, Errors) {
	g := &Graph{}
	all := make([]layered, len(rules))
	writers := map[string][]string{}
	for i, r := range rules {
		n := r.node()
		g.Rules = append(g.Rules, n)
		all[i] = layered{r.written, n.Reads, n.Writes}
		for _, d := range n.Writes {
			writers[d] = append(writers[d], n.Name)
		}
	}
	strata, errs := layer(all)
	for i := range g.Rules {
		n := &g.Rules[i]
		n.Stratum = strata[i]
		for _, word := range n.Reads {
			for _, w := range writers[word] {
				g.Edges = append(g.Edges, GraphEdge{w, n.Name, word})
			}
		}
	}
	slices.SortStableFunc(g.Rules, func(a, b GraphRule) int { return a.Stratum - b.Stratum })
	return g, errs
}

// node lists what a rule reads and does.
func (s *study) node() GraphRule {
	n := GraphRule{Name: s.name, Salience: s.salience, Reads: []string{}, Effects: []string{}}
	read := func(x *term) {
		if w := find(x.name); x.op == isWord || x.op == isCall && w != nil && w.method != nil {
			n.Reads = append(n.Reads, s.bare(x))
		} else if x.name == "Known" && len(x.kids) == 1 {
			n.Reads = append(n.Reads, x.kids[0].name)
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
