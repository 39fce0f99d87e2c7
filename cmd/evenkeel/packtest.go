package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

func rulesTestCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "test DIR",
		Short: "Run a pack's tests",
		Long: `Run a pack's tests: facts in, and what must come of the last one. Exit code 3
when one fails, 1 when the pack cannot be read or compiled.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			return testPack(cmd.OutOrStdout(), args[0], output)
		},
	}
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// testReport is what 'rules test -o json' prints.
type testReport struct {
	Failed int          `json:"failed"`
	Pack   string       `json:"pack"`
	Passed int          `json:"passed"`
	Tests  []testResult `json:"tests"`
	V      string       `json:"version"`
}

type testResult struct {
	File string   `json:"file"`
	Line int      `json:"line"`
	Name string   `json:"name"`
	Rule string   `json:"rule"`
	Why  []string `json:"why,omitempty"` // empty: it passed
}

func testPack(w io.Writer, dir, output string) error {
	p, err := readPack(dir)
	if err != nil {
		return packError(dir, err)
	}
	program, err := compilePack(p)
	if err != nil {
		return packError(dir, err)
	}
	r := testReport{Pack: p.Name, V: p.Digest, Tests: []testResult{}}
	for _, t := range p.Tests {
		why, err := runPackTest(program, &t)
		if err != nil {
			why = []string{err.Error()}
		}
		if len(why) == 0 {
			r.Passed++
		} else {
			r.Failed++
		}
		r.Tests = append(r.Tests, testResult{File: t.File, Line: t.Line, Name: t.Name, Rule: t.Rule, Why: why})
	}
	if output == "json" {
		err = printJSON(w, r)
	} else {
		err = printTests(w, r)
	}
	if err == nil && r.Failed > 0 {
		err = &exitError{exitUnmet,
			fmt.Errorf("rules test %s: %d of %d tests failed", dir, r.Failed, r.Failed+r.Passed), ""}
	}
	return err
}

// packError is the error of a pack that is not good enough to be used.
func packError(dir string, err error) error {
	return &exitError{exitFailed, err, "see 'evenkeel rules check " + dir + "'"}
}

func printTests(w io.Writer, r testReport) error {
	for _, t := range r.Tests {
		verdict := "pass"
		if len(t.Why) > 0 {
			verdict = "FAIL"
		}
		fmt.Fprintf(w, "%s  %s: %s\n", verdict, t.Rule, t.Name)
		for _, why := range t.Why {
			fmt.Fprintf(w, "      %s:%d: %s\n", t.File, t.Line, why)
		}
	}
	_, err := fmt.Fprintf(w, "%d passed, %d failed\nversion %s\n", r.Passed, r.Failed, r.V)
	return err
}

// The world of a test. Its clock stands still at the last fact.
const (
	testEnv   = "test"
	testGroup = "web"
)

func testTime() time.Time { return time.Date(2026, 11, 22, 5, 51, 46, 0, time.UTC) }

// runPackTest returns what went otherwise than the test says.
func runPackTest(program *engine.Program, t *knowledge.Test) ([]string, error) {
	m := engine.NewMemory(testEnv, testGroup, engine.Act)
	for _, tf := range append(slices.Clone(t.Before), t.Fact) {
		f, err := testFact(&tf)
		if err != nil {
			return nil, err
		}
		id, err := f.ID()
		if err != nil {
			return nil, err
		}
		if _, err := m.Apply(f, id); err != nil {
			return nil, err
		}
	}
	d, err := program.Decide(testTime().Add(t.After), m)
	if err != nil {
		return nil, err
	}
	return judge(&d, t), nil
}

func judge(d *engine.Decision, t *knowledge.Test) []string {
	var why []string
	got := []string{}
	for _, w := range d.Wanted {
		got = append(got, string(w.Verb))
	}
	slices.Sort(got)
	if !slices.Equal(got, t.Want) {
		why = append(why, fmt.Sprintf("intents %v, want %v", got, t.Want))
	}
	if fired := slices.ContainsFunc(d.Matched,
		func(m engine.Match) bool { return m.Rule == t.Rule }); fired != t.Fires {
		why = append(why, fmt.Sprintf("fires %t, want %t", fired, t.Fires))
	}
	lacks := ""
	for _, u := range d.Undecided {
		if u.Rule == t.Rule {
			lacks = u.Field
		}
	}
	if lacks != t.Lacks {
		why = append(why, fmt.Sprintf("lacks %q, want %q", lacks, t.Lacks))
	}
	for _, r := range d.Refused {
		why = append(why, fmt.Sprintf("rule %s was refused: %s", r.Rule, r.Why))
	}
	return why
}

// testFact makes the fact that a test tells of.
func testFact(t *knowledge.TestFact) (facts.Fact, error) {
	at := testTime().Add(-t.Ago)
	f := facts.Fact{
		V: 1, Env: testEnv, Group: testGroup, Kind: facts.Kind(t.Kind), State: facts.State(t.State), Member: t.Member,
		Time: facts.At(at), Onset: facts.At(at.Add(-t.For)), Expires: facts.At(at.Add(t.Expires)),
		Detector: facts.Detector{Build: "test", ID: "test", Params: facts.Digest(nil)},
	}
	switch f.Kind {
	case facts.Imbalance:
		return f, addEvidence(&f, t)
	case facts.Membership:
		f.Members = []facts.MemberState{{Name: t.Member, State: t.Standing}}
		if t.Member == "" {
			f.Members = testMembers(t.Members)
		}
	case facts.Result:
		f.Outcome = &facts.OutcomeInfo{Act: facts.Digest([]byte("act")), Result: t.Result, Verb: t.Verb}
	case facts.Health:
		f.Health = &facts.HealthInfo{Status: "ok"}
	case facts.External:
		f.External = &facts.ExternalInfo{Digest: facts.Digest(nil), Source: "test", Type: "test"}
	}
	return f, nil
}

func addEvidence(f *facts.Fact, t *knowledge.TestFact) error {
	declared, err := facts.ParseRate(t.Declared)
	if err != nil {
		return err
	}
	certified, err := facts.ParseRate(t.Certify)
	if err != nil {
		return err
	}
	f.Evidence = &facts.Evidence{Certified: certified, Declared: declared, Epochs: t.Epochs, Margin: "1",
		Score: facts.Decimal(t.Score), Threshold: facts.Decimal(t.Limit), Ticks: t.Ticks, Tier: t.Tier}
	f.GroupState = &facts.GroupState{Alarmed: t.Alarmed, Members: t.Members, Present: t.Present, Shift: t.Shift}
	for metric, e := range t.Effects {
		f.Effect = append(f.Effect, facts.Effect{Metric: metric, Value: facts.Decimal(e.Value),
			Peers: facts.Decimal(e.Peers), Score: facts.Decimal(e.Score)})
	}
	slices.SortFunc(f.Effect, func(a, b facts.Effect) int { return strings.Compare(a.Metric, b.Metric) })
	return nil
}

func testMembers(n int) []facts.MemberState {
	out := make([]facts.MemberState, n)
	for i := range out {
		out[i] = facts.MemberState{Name: fmt.Sprintf("web-%05d", i+1), State: facts.StandingIn}
	}
	return out
}
