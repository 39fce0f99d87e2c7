package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// testForms are the forms of output of 'rules test'.
var testForms = []string{"text", "json", "junit"}

// testOptions are the flags of 'rules test'.
type testOptions struct {
	output string
	bounds bool // run generated tests at each bound
	cover  bool // report what the tests reach
	mutate bool // report which mistakes the tests notice
	score  int  // percent of the mutants that must be noticed; 0: any
	most   int  // mutants that are tried
	seed   uint64
	budget time.Duration // for the mutants
	watch  bool
	all    bool // print the tests that pass too

	// draft keeps what was found out about the rules from one run of a watch to
	// the next, and has each run say what is doubtful; nil: neither.
	draft *engine.Draft
}

func rulesTestCommand() *cobra.Command {
	o := testOptions{}
	cmd := &cobra.Command{
		Use:   "test DIR",
		Short: "Run a pack's tests, and say what they do not test",
		Long: `Run a pack's tests: facts in, and what must come of the last one.

--bounds moves a fact that fires a rule to each of the rule's numbers, just below
and just above, and says what fires there. --cover says which parts of a condition
no test saw true, or false. --mutate plants mistakes in the rules, one at a time,
and says which ones no test of the rule notices.

Exit code 3 when a test fails, when there is none, or when the score is below
--min-score or not known within --budget; 1 when the pack cannot be read or compiled.`,
		Example: `  evenkeel rules test packs/web --mutate --min-score 90
  evenkeel rules test packs/web -o junit > report.xml
  evenkeel rules test packs/web --watch --cover`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if o.watch {
				return watchPack(cmd.Context(), cmd.OutOrStdout(), args[0], o)
			}
			return testPack(cmd.Context(), cmd.OutOrStdout(), args[0], o)
		},
	}
	outputFlag(cmd, &o.output, testForms...)
	f := cmd.Flags()
	f.BoolVar(&o.bounds, "bounds", false, "generate tests at each bound of each rule")
	f.BoolVar(&o.cover, "cover", false, "say which parts of a condition no test saw true, or false")
	f.BoolVar(&o.mutate, "mutate", false, "say which planted mistakes no test notices")
	f.IntVar(&o.score, "min-score", 0, "percent of the mistakes that must be noticed, with --mutate")
	f.IntVar(&o.most, "mutants", maxPlanted, "mistakes that are tried at most, drawn by --seed when there are more")
	f.Uint64Var(&o.seed, "seed", 1, "of the draw")
	f.DurationVar(&o.budget, "budget", 5*time.Minute, "longest time for the mistakes")
	f.BoolVarP(&o.all, "verbose", "v", false, "list the tests that pass, too")
	f.BoolVarP(&o.watch, "watch", "w", false, "run again whenever a file of the pack changes")
	return cmd
}

func (o *testOptions) check() error {
	err := checkOutput(o.output, testForms...)
	switch {
	case err != nil:
		return err
	case o.score < 0 || o.score > 100 || o.score > 0 && !o.mutate:
		err = fmt.Errorf("min-score %d, want 0 to 100 together with --mutate", o.score)
	case o.most < 1 || o.budget <= 0:
		err = fmt.Errorf("mutants %d in %v, want at least one and some time", o.most, o.budget)
	case o.watch && o.output != "text":
		err = fmt.Errorf("output %q of a watch, want text", o.output)
	default:
		return nil
	}
	return &exitError{exitUsage, err, "see 'evenkeel rules test --help'"}
}

// testReport is what 'rules test -o json' prints.
type testReport struct {
	Bounds   []boundResult   `json:"bounds,omitempty"`
	Cover    []coverResult   `json:"coverage,omitempty"`
	Failed   int             `json:"failed"`
	Mutation *mutationReport `json:"mutation,omitempty"`
	Pack     string          `json:"pack"`
	Passed   int             `json:"passed"`
	Tests    []testResult    `json:"tests"`
	V        string          `json:"version"`
}

type testResult struct {
	File string   `json:"file"`
	Line int      `json:"line"`
	Name string   `json:"name"`
	Rule string   `json:"rule"`
	Why  []string `json:"why,omitempty"` // empty: it passed

	took time.Duration
}

// bench is a pack on which tests are run.
type bench struct {
	pack     *knowledge.Pack
	allow    engine.Allow
	program  *engine.Program
	outlines map[string]*engine.Outline // by rule
	mutants  engine.Draft               // of versions with a mistake
}

func newBench(dir string) (*bench, error) { return newBenchOf(dir, new(engine.Draft)) }

func newBenchOf(dir string, draft *engine.Draft) (*bench, error) {
	p, err := readPack(dir)
	if err != nil {
		return nil, packError(dir, err)
	}
	b := &bench{pack: p, outlines: map[string]*engine.Outline{}}
	if b.allow, err = packAllow(p); err != nil {
		return nil, err
	}
	if b.program, err = draft.Compile(p.Digest, packSources(p), b.allow); err != nil {
		return nil, packError(dir, err)
	}
	for _, s := range packSources(p) {
		o, err := engine.NewOutline(s, b.allow)
		if err != nil {
			return nil, packError(dir, err)
		}
		b.outlines[o.Name()] = o
	}
	return b, nil
}

// testsOf returns the tests of a rule.
func (b *bench) testsOf(rule string) []knowledge.Test {
	var out []knowledge.Test
	for _, t := range b.pack.Tests {
		if t.Rule == rule {
			out = append(out, t)
		}
	}
	return out
}

func testPack(ctx context.Context, w io.Writer, dir string, o testOptions) error {
	draft := o.draft
	if draft == nil {
		draft = new(engine.Draft)
	}
	b, err := newBenchOf(dir, draft)
	if err != nil {
		return err
	}
	if o.draft != nil {
		for _, e := range draft.Survey(packSources(b.pack), b.allow) {
			fmt.Fprintln(w, e)
		}
	}
	r := testReport{Pack: b.pack.Name, V: b.pack.Digest, Tests: []testResult{}}
	r.run(b)
	if o.bounds {
		if r.Bounds, err = b.bounds(); err != nil {
			return err
		}
	}
	if o.cover {
		if r.Cover, err = b.coverage(); err != nil {
			return err
		}
	}
	if o.mutate && r.Failed == 0 {
		if r.Mutation, err = b.mutate(ctx, o); err != nil {
			return err
		}
	}
	switch o.output {
	case "json":
		err = printJSON(w, r)
	case "junit":
		err = printJUnit(w, r)
	default:
		err = printTests(w, r, o.all)
	}
	if err != nil {
		return err
	}
	return r.verdict(dir, o)
}

// run runs the tests of the pack.
func (r *testReport) run(b *bench) {
	for _, t := range b.pack.Tests {
		began := time.Now()
		why := runPackTest(b.program, &t)
		if len(why) == 0 {
			r.Passed++
		} else {
			r.Failed++
		}
		r.Tests = append(r.Tests, testResult{t.File, t.Line, t.Name, t.Rule, why, time.Since(began)})
	}
}

// verdict is the exit of 'rules test'.
func (r *testReport) verdict(dir string, o testOptions) error {
	unmet := func(err error) error { return &exitError{exitUnmet, err, ""} }
	wrong := 0
	for _, x := range r.Bounds {
		if x.Fires != x.Want {
			wrong++
		}
	}
	switch {
	case len(r.Tests) == 0: // 0 of 0 is no proof of anything
		return unmet(fmt.Errorf("rules test %s: there is no test, want some for each rule in tests/RULE.yaml", dir))
	case r.Failed > 0:
		return unmet(fmt.Errorf("rules test %s: %d of %d tests failed", dir, r.Failed, r.Failed+r.Passed))
	case wrong > 0:
		return unmet(fmt.Errorf("rules test %s: %s decided otherwise than written", dir, count(wrong, "bound")))
	case r.Mutation != nil && o.score > 0 && r.Mutation.run() < min(r.Mutation.Total, o.most): // a slow machine must not raise the score
		return unmet(fmt.Errorf("rules test %s: %d of %d mistakes tried in %v, want all of them for a score: give a longer --budget",
			dir, r.Mutation.run(), min(r.Mutation.Total, o.most), o.budget))
	case r.Mutation != nil && r.Mutation.Score < float64(o.score):
		return unmet(fmt.Errorf("rules test %s: %.1f %% of the mistakes noticed, want %d %%", dir, r.Mutation.Score, o.score))
	}
	return nil
}

// packError is the error of a pack that is not good enough to be used.
func packError(dir string, err error) error {
	if e, ok := errors.AsType[*exitError](err); ok { // it knows the next step better
		return e
	}
	return &exitError{exitFailed, err, "see 'evenkeel rules check " + dir + "'"}
}

// printTests prints what failed, and with all what passed.
func printTests(w io.Writer, r testReport, all bool) error {
	for _, t := range r.Tests {
		if len(t.Why) == 0 && !all {
			continue
		}
		verdict := "pass"
		if len(t.Why) > 0 {
			verdict = "FAIL"
		}
		fmt.Fprintf(w, "%s  %s: %s\n", verdict, t.Rule, t.Name)
		for _, why := range t.Why {
			fmt.Fprintf(w, "      %s:%d: %s\n", t.File, t.Line, why)
		}
	}
	printBounds(w, r.Bounds)
	printCoverage(w, r.Cover)
	printMutation(w, r.Mutation)
	_, err := fmt.Fprintf(w, "%d passed, %d failed\nversion %s\n", r.Passed, r.Failed, r.V)
	return err
}
