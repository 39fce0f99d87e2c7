package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/engine/backtest"
	"github.com/evenkeel/evenkeel/knowledge"
)

// studyOptions are the flags with which a pack is studied.
type studyOptions struct {
	facts  string
	since  days
	budget time.Duration
	report string
}

func (o *studyOptions) flags(cmd *cobra.Command) {
	o.since = days(14 * 24 * time.Hour)
	f := cmd.Flags()
	f.StringVar(&o.facts, "facts", "", "play these recorded facts, one a line, in place of the log's")
	f.Var(&o.since, "since", "how far back the log's facts are played")
	f.DurationVar(&o.budget, "budget", 5*time.Minute, "longest time for planted mistakes")
	f.StringVar(&o.report, "report", "", "write the whole report of the backtest to this file, as JSON")
}

// study finds out what can be known about a pack before anybody approves it. An
// error means that it must not be proposed.
func (o *studyOptions) study(ctx context.Context, s *site, dir string, stderr io.Writer) (*knowledge.Dossier, error) {
	d := &knowledge.Dossier{V: 1, Parent: s.ledger.Live().Bundle}
	if err := o.check(ctx, d, dir); err != nil {
		return nil, err
	}
	if err := o.test(ctx, d, dir); err != nil {
		return nil, err
	}
	return d, o.play(ctx, d, s, dir, stderr)
}

// check runs the static checks.
func (o *studyOptions) check(ctx context.Context, d *knowledge.Dossier, dir string) error {
	r := checkReport{}
	all, err := r.read(ctx, dir, "")
	if err != nil {
		return err
	}
	d.Bundle = r.V
	for _, f := range all {
		if !engine.Code(f.Code).Doubtful() {
			return &exitError{exitRefused, fmt.Errorf("rules propose %s: %s", dir, f.text), "'evenkeel rules check " + dir + "' shows all"}
		}
		d.Warnings = append(d.Warnings, escapeLine(f.text))
	}
	return nil
}

// maxPlanted is how many planted mistakes are tried; of more, as many are drawn.
const maxPlanted = 5000

// test runs the tests, and finds out what they would notice.
func (o *studyOptions) test(ctx context.Context, d *knowledge.Dossier, dir string) error {
	b, err := newBench(dir)
	if err != nil {
		return err
	}
	r := testReport{}
	r.run(b)
	if r.Failed > 0 {
		return &exitError{exitRefused, fmt.Errorf("rules propose %s: %d of %d tests failed", dir, r.Failed, r.Failed+r.Passed), "'evenkeel rules test " + dir + "' shows them"}
	}
	d.Tests = knowledge.Share{Part: int64(r.Passed), Whole: int64(r.Passed)}
	covered, err := b.coverage()
	if err != nil {
		return err
	}
	for _, c := range covered {
		d.Coverage.Part += int64(c.Covered)
		d.Coverage.Whole += int64(c.Total)
	}
	m, err := b.mutate(ctx, testOptions{most: maxPlanted, seed: 1, budget: o.budget})
	if err != nil {
		return err
	}
	if m.NotRun > max(0, m.Total-maxPlanted) { // the dossier would depend on the machine
		return &exitError{exitFailed, fmt.Errorf("rules propose %s: %d of %d planted mistakes were not tried in %v", dir, m.NotRun, m.Total, o.budget), "give it more time: --budget"}
	}
	d.Mutation = knowledge.Share{Part: int64(m.Killed), Whole: int64(m.Killed + len(m.Survived))}
	return ctx.Err()
}

// play runs the pack beside what is live over recorded facts, if there are any.
func (o *studyOptions) play(ctx context.Context, d *knowledge.Dossier, s *site, dir string, stderr io.Writer) error {
	b := backtestOptions{facts: o.facts}
	if o.facts == "" {
		if s.empty() {
			return nil
		}
		b.log = auditSource{data: s.config.Data}
		b.since = stamp(s.now.Add(-time.Duration(o.since)))
	}
	candidate, err := backtestPack(dir)
	if err != nil {
		return err
	}
	var base *backtest.Pack
	if d.Parent != "none" {
		p, err := s.store.pack(d.Parent)
		if err != nil {
			return err
		}
		live, err := playable(p)
		if err != nil {
			return err
		}
		base = &live
	}
	r, err := b.play(ctx, candidate, base, stderr)
	if err != nil {
		return err
	}
	o.found(d, r)
	if o.report == "" {
		return nil
	}
	if err := os.WriteFile(o.report, r.Encode(), 0o644); err != nil {
		return fmt.Errorf("rules propose: %w", err)
	}
	return nil
}

// empty says whether there is no log yet.
func (s *site) empty() bool {
	logs, err := fs.Glob(os.DirFS(s.config.Data), "audit-*.db")
	return err != nil || len(logs) == 0
}

// found writes what a backtest showed into the dossier.
func (o *studyOptions) found(d *knowledge.Dossier, r *backtest.Report) {
	if r.Facts.Decided == 0 {
		return
	}
	d.Hours, d.Band = int64(r.Facts.Hours), map[string]knowledge.Band{}
	for _, rule := range r.Rules {
		if f := rule.Candidate; f != nil && f.Total > 0 {
			d.Band[rule.Rule] = knowledge.Band{Fired: f.Total, Most: f.High}
		}
	}
	d.Backtest = &knowledge.Backtest{Digest: r.Digest(), Facts: r.Facts.Decided}
	if r.Difference != nil {
		d.Backtest.Added, d.Backtest.Changed, d.Backtest.Removed = r.Difference.Added, r.Difference.Changed, r.Difference.Removed
	}
}

// printDossier shows a dossier to people.
func printDossier(w io.Writer, d *knowledge.Dossier) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	share := func(name, what string, s knowledge.Share) {
		fmt.Fprintf(t, "%s\t%d of %d %s\n", name, s.Part, s.Whole, what)
	}
	share("tests", "passed", d.Tests)
	share("coverage", "answers of conditions were seen", d.Coverage)
	share("mutation", "planted mistakes were noticed", d.Mutation)
	for i, warning := range d.Warnings {
		heading := ""
		if i == 0 {
			heading = "warnings"
		}
		fmt.Fprintf(t, "%s\t%s\n", heading, escapeLine(warning))
	}
	if b := d.Backtest; b == nil {
		fmt.Fprintf(t, "backtest\tnone: there were no recorded facts, so the rollout has no band to keep to\n")
	} else {
		fmt.Fprintf(t, "backtest\t%d facts in %d hours: %d decisions added, %d removed, %d changed\n", b.Facts, d.Hours, b.Added, b.Removed, b.Changed)
		fmt.Fprintf(t, "report\t%s\n", b.Digest)
	}
	for _, rule := range slices.Sorted(maps.Keys(d.Band)) {
		fmt.Fprintf(t, "band\t%s fired %d times, at most %d in an hour\n", rule, d.Band[rule].Fired, d.Band[rule].Most)
	}
	return t.Flush()
}
