package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// The kinds of features: what they are made of decides how their noise depends
// on the number of requests behind them.
var (
	ratioKinds = []string{"amount", "share", "time"} // per something
	otherKinds = []string{"rate", "level", "scale", "plain"}
	plainKind  = "plain" // may be per something
)

func checkKind(s string) error {
	if !slices.Contains(ratioKinds, s) && !slices.Contains(otherKinds, s) {
		return fmt.Errorf("found %.60q, want one of %s", s, strings.Join(slices.Concat(otherKinds, ratioKinds), ", "))
	}
	return nil
}

// features reads how a group's features are made of its metrics.
func (d *decoder) features(path string, n ast.Node, g *Group) {
	d.each(n, path, "feature", MaxMetrics, checkMetric, func(name, path string, n ast.Node) {
		f := Feature{Name: name}
		var of, per []item
		before := len(d.errs)
		d.mapping(n, path,
			key{"kind", true, d.value("a kind of feature", func(s string) error { f.Kind = s; return checkKind(s) })},
			key{"of", true, func(path string, n ast.Node) { of = d.list(n, path, "metric", MaxMetrics, checkMetric) }},
			key{"per", false, func(path string, n ast.Node) { per = d.list(n, path, "metric", MaxMetrics, checkMetric) }},
			key{"less_growth", false, d.value("the name of a metric", func(s string) error { f.LessGrowth = s; return checkMetric(s) })},
		)
		f.Of, f.Per = texts(of), texts(per)
		if len(d.errs) == before {
			d.feature(path, n, &f, per)
		}
		g.Features = append(g.Features, f)
	})
}

// feature compares the values of a feature with each other.
func (d *decoder) feature(path string, n ast.Node, f *Feature, per []item) {
	ratio := slices.Contains(ratioKinds, f.Kind)
	switch {
	case ratio && len(per) == 0:
		d.fail(place(n, "kind"), path+".kind", "found %s without a denominator, want the key per", f.Kind)
	case !ratio && f.Kind != plainKind && len(per) > 0:
		d.fail(place(n, "per"), path+".per", "found a denominator of a %s, want none, or one of the kinds %s, %s",
			f.Kind, strings.Join(ratioKinds, ", "), plainKind)
	case f.LessGrowth != "" && len(per) == 0:
		d.fail(place(n, "less_growth"), path+".less_growth", "found a growth to take off, but no denominator, want the key per")
	}
	for _, m := range per {
		if slices.Contains(f.Of, m.text) {
			d.fail(m.at, path+".per", "found %s, which stands under of too, want it once", m.text)
		}
	}
}

// cohorts reads which members are of one kind.
func (d *decoder) cohorts(path string, n ast.Node, g *Group) {
	g.Cohorts = map[string]string{}
	d.each(n, path, "cohort", MaxMembers, checkMember, func(name, path string, n ast.Node) {
		for _, m := range d.list(n, path, "member", MaxMembers, checkMember) {
			if other, twice := g.Cohorts[m.text]; twice {
				d.fail(m.at, path, "found %s, which is in cohort %s too, want it in one", m.text, other)
				continue
			}
			g.Cohorts[m.text] = name
		}
	})
}
