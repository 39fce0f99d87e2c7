package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// mutationReport says which mistakes the tests notice.
type mutationReport struct {
	Killed   int            `json:"killed"`
	NotRun   int            `json:"not_run,omitempty"` // beyond --mutants or --budget
	Score    float64        `json:"score"`             // percent of those run
	Survived []mutantResult `json:"survived"`
	Total    int            `json:"total"`
}

// run returns how many mistakes were tried.
func (r *mutationReport) run() int { return r.Killed + len(r.Survived) }

// mutantResult is a mistake that no test of its rule noticed.
type mutantResult struct {
	Column int    `json:"column"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Rule   string `json:"rule"`
	Text   string `json:"text"`
	What   string `json:"what"`
}

// planted is a mistake in one rule of a pack.
type planted struct {
	rule string
	engine.Mutant
}

// mutate plants mistakes in the rules, one at a time, and runs the tests of the
// rule, which must notice. Each runs with those rules alone that have a part in
// what comes of the tests.
func (b *bench) mutate(ctx context.Context, o testOptions) (*mutationReport, error) {
	var all []planted
	for _, rule := range b.program.Rules() {
		for _, m := range b.outlines[rule].Mutants() {
			all = append(all, planted{rule, m})
		}
	}
	r := &mutationReport{Total: len(all), Survived: []mutantResult{}, Score: 100}
	if len(all) > o.most {
		draw := rand.New(rand.NewPCG(o.seed, 0))
		draw.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:o.most]
	}
	r.NotRun = r.Total - len(all)
	company, err := b.company()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.budget)
	defer cancel()
	for i, m := range all {
		if ctx.Err() != nil {
			r.NotRun += len(all) - i
			break
		}
		noticed, err := b.notices(m, company[m.rule])
		switch {
		case err != nil:
			return nil, err
		case noticed:
			r.Killed++
		default:
			r.Survived = append(r.Survived, mutantResult{m.Column, m.Source.Name, m.Line, m.rule, string(m.Source.Text), m.What})
		}
	}
	if r.run() > 0 {
		r.Score = 100 * float64(r.Killed) / float64(r.run())
	}
	slices.SortStableFunc(r.Survived, func(a, b mutantResult) int {
		return cmp.Or(cmp.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column)
	})
	return r, nil
}

// company returns, for each rule, the files of the rules that decide together
// with it in its tests: those that fire in one, and those that a mistake in it
// can make fire, because they read what it writes, or what they write.
func (b *bench) company() (map[string][]engine.Source, error) {
	sources := packSources(b.pack)
	g, err := engine.NewGraph(sources)
	if err != nil {
		return nil, err
	}
	out := map[string][]engine.Source{}
	for rule := range b.outlines {
		with := map[string]bool{rule: true}
		below(g, rule, with)
		for _, t := range b.testsOf(rule) {
			d, err := decideTest(b.program, &t)
			if err != nil {
				return nil, err
			}
			for _, m := range d.Matched {
				with[m.Rule] = true
			}
		}
		for _, s := range sources {
			if with[ruleOf(s.Name)] {
				out[rule] = append(out[rule], s)
			}
		}
	}
	return out, nil
}

// below adds the rules that read what a rule writes, and those that read what
// these write.
func below(g *engine.Graph, rule string, to map[string]bool) {
	for _, e := range g.Edges {
		if e.From == rule && !to[e.To] {
			to[e.To] = true
			below(g, e.To, to)
		}
	}
}

// notices says whether a test of the rule fails on the mistake. A mistake that
// does not compile is noticed.
func (b *bench) notices(m planted, company []engine.Source) (bool, error) {
	if seen, err := b.misread(m); seen || err != nil {
		return seen, err
	}
	with := slices.Clone(company)
	for i := range with {
		if with[i].Name == m.Source.Name {
			with[i] = m.Source
		}
	}
	p, err := b.mutants.Compile(b.pack.Digest, with, b.allow)
	if _, ok := errors.AsType[engine.Errors](err); ok {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(b.testsOf(m.rule), func(t knowledge.Test) bool {
		return len(runPackTest(p, &t)) > 0
	}), nil
}

// misread says whether the condition with the mistake, as it is written, answers
// otherwise in a test of the rule than the test wants. That is most of what tests
// notice, and takes a fraction of the time of compiling the mistake.
func (b *bench) misread(m planted) (bool, error) {
	o, err := engine.NewOutline(m.Source, b.allow)
	if err != nil {
		return true, nil // refused, so noticed
	}
	for _, t := range b.testsOf(m.rule) {
		world, now, err := testWorld(&t)
		if err != nil {
			return false, err
		}
		asked, err := b.program.Ask(o, now, world, nil)
		if err != nil {
			return false, err
		}
		if (asked.All == engine.Yes) != t.Fires || (asked.All == engine.Unknown) != (t.Lacks != "") {
			return true, nil
		}
	}
	return false, nil
}

func printMutation(w io.Writer, r *mutationReport) {
	if r == nil {
		return
	}
	for _, m := range r.Survived {
		fmt.Fprintf(w, "survived  %s:%d:%d: rule %s: %s\n", m.File, m.Line, m.Column, m.Rule, m.What)
	}
	left := ""
	if r.NotRun > 0 {
		left = fmt.Sprintf(", %d not tried", r.NotRun)
	}
	fmt.Fprintf(w, "%d of %d mistakes noticed (%.1f %%)%s\n", r.Killed, r.run(), r.Score, left)
}
