package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

// everyReport asks for all that 'rules test' can say.
func everyReport(output string) testOptions {
	return testOptions{output: output, bounds: true, cover: true, mutate: true, most: 5000, budget: time.Hour}
}

// TestShippedPacksNoticeEveryMistake holds the tests of the packs that are
// shipped to every mistake that can be planted, and to both answers of every
// part.
func TestShippedPacksNoticeEveryMistake(t *testing.T) {
	for name, dir := range packs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := testPack(t.Context(), &out, dir, everyReport("json")); err != nil {
				t.Fatal(err)
			}
			var r testReport
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if r.Mutation.Score < 100 || r.Mutation.Total < 50 || r.Mutation.NotRun > 0 {
				t.Errorf("score %.1f %% of %d, %d not run, survived: %+v", r.Mutation.Score, r.Mutation.Total, r.Mutation.NotRun, r.Mutation.Survived)
			}
			for _, c := range r.Cover {
				if len(c.Missed) > 0 {
					t.Errorf("coverage of %s: missed %+v", c.Rule, c.Missed)
				}
			}
			if len(r.Bounds) < 15 {
				t.Errorf("%d generated tests, want three for each of 5 bounds and more", len(r.Bounds))
			}
			for _, b := range r.Bounds {
				if b.Fires != b.Want {
					t.Errorf("%+v is decided otherwise than written", b)
				}
			}
		})
	}
}

func TestRulesTestNamesWhatSurvives(t *testing.T) {
	dir := copyPack(t, "tests/slow_member.yaml", "    fact: {effect: {latency_ms: {value: 39}}}\n", "    fact: {effect: {latency_ms: {value: 38}}}\n")
	var out bytes.Buffer
	o := everyReport("text")
	o.score = 100
	err := testPack(t.Context(), &out, dir, o)
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUnmet || !strings.Contains(err.Error(), "99.5 % of the mistakes noticed, want 100 %") {
		t.Errorf("rules test --min-score 100 = %v, want exit code %d", err, exitUnmet)
	}
	for _, want := range []string{
		`survived  rules/slow_member.grl:9:59: rule slow_member: F.Ratio("latency_ms") > 1.5 becomes F.Ratio("latency_ms") >= 1.5`,
		"195 of 196 mistakes noticed (99.5 %)\n",
		"coverage  slow_member: 18 of 18 (100 %)\n",
		"bound  slow_member: F.Ticks >= 3 (like five times the service time for three ticks)\n      at 2 does not fire\n      at 3 fires\n      at 4 fires\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("rules test prints\n%s\nwant %s", out.String(), want)
		}
	}
}

func TestRulesTestDrawsMistakesBySeed(t *testing.T) {
	draw := func(seed uint64) (*mutationReport, []string) {
		b, err := newBench(packs["demo"])
		if err != nil {
			t.Fatal(err)
		}
		b.pack.Tests = nil // nothing is noticed: the survivors are what was drawn
		o := everyReport("text")
		o.most, o.seed = 20, seed
		r, err := b.mutate(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		var what []string
		for _, m := range r.Survived {
			what = append(what, m.What)
		}
		return r, what
	}
	r, first := draw(1)
	if _, again := draw(1); len(first) != 20 || strings.Join(first, ";") != strings.Join(again, ";") {
		t.Errorf("seed 1 draws %v, then %v", first, again)
	}
	if _, other := draw(2); strings.Join(first, ";") == strings.Join(other, ";") {
		t.Errorf("seeds 1 and 2 draw the same: %v", first)
	}
	if r.NotRun != r.Total-20 {
		t.Errorf("%d of %d not run, want all but 20", r.NotRun, r.Total)
	}
}

func TestRulesTestStopsWhenItsTimeIsUp(t *testing.T) {
	b, err := newBench(packs["demo"])
	if err != nil {
		t.Fatal(err)
	}
	o := everyReport("text")
	o.budget = time.Nanosecond
	if r, err := b.mutate(t.Context(), o); err != nil || r.NotRun != r.Total {
		t.Errorf("mutate = %+v, %v, want none run", r, err)
	}
	code, _, errs := evenkeelRun(t, "rules", "test", packs["demo"], "--mutate", "--budget", "1ns", "--min-score", "1")
	if code != exitUnmet || !strings.Contains(errs, "mistakes tried in 1ns, want all of them for a score") {
		t.Errorf("rules test without time for its mistakes: exit %d, %s, want %d", code, errs, exitUnmet)
	}
}

func TestCoverageNamesWhatNoTestSaw(t *testing.T) {
	b, err := newBench(packs["demo"])
	if err != nil {
		t.Fatal(err)
	}
	only := []knowledge.Test{}
	for _, x := range b.pack.Tests {
		if x.Rule == "restore_after_quiet" && x.Fires {
			only = append(only, x)
		}
	}
	b.pack.Tests = only
	all, err := b.coverage()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		switch {
		case c.Rule != "restore_after_quiet":
			if c.Covered != 0 {
				t.Errorf("%s has no test, and covers %d", c.Rule, c.Covered)
			}
		case c.Covered != 6 || len(c.Missed) != 6 || c.Missed[1] != (coverMiss{5, 6, false, `F.Kind == "membership"`}):
			t.Errorf("coverage = %+v, want every part seen true and none false", c)
		}
	}
}

func TestJUnit(t *testing.T) {
	dir := copyPack(t, "tests/slow_member.yaml", "want: [drain]", "want: [restore]")
	var out bytes.Buffer
	o := everyReport("junit")
	if err := testPack(t.Context(), &out, dir, o); err == nil {
		t.Error("rules test = nil, want a failed test")
	}
	var r junitReport
	if err := xml.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	tests, failures := 0, 0
	for _, s := range r.Suites {
		if s.Tests != len(s.Cases) {
			t.Errorf("suite %s tells of %d tests and has %d", s.Name, s.Tests, len(s.Cases))
		}
		tests += s.Tests
		for _, c := range s.Cases {
			if c.Failure != nil {
				failures++
				if c.Name != "five times the service time for three ticks" || c.File != "tests/slow_member.yaml" || c.Failure.Message != "intents [drain], want [restore]" {
					t.Errorf("case %+v failed: %+v", c, c.Failure)
				}
			}
		}
	}
	if failures != 1 || r.Failures != 1 || r.Tests != tests || r.Name != "demo" {
		t.Errorf("%s: %d of %d failed, told %d of %d", r.Name, failures, tests, r.Failures, r.Tests)
	}
}

// pieces hands what a watch prints to the test, piece by piece.
type pieces chan string

func (w pieces) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func TestWatchRunsAgainWhenAFileChanges(t *testing.T) {
	dir := copyPack(t, "pack.yaml", "name: demo", "name: demo")
	ctx, cancel := context.WithCancel(t.Context())
	look, out, done := make(chan time.Time), make(pieces), make(chan error)
	go func() { done <- watchTicks(ctx, out, dir, testOptions{output: "text"}, look) }()
	round := func() string {
		var all strings.Builder
		for {
			select {
			case look <- time.Time{}:
			case s := <-out:
				if strings.HasPrefix(s, "waiting") {
					return all.String()
				}
				all.WriteString(s)
			}
		}
	}
	if got := round(); !strings.HasPrefix(got, "70 passed, 0 failed\n") {
		t.Errorf("first round prints %q", got)
	}
	for range 3 { // nothing changed: nothing is run, and the next tick is taken
		look <- time.Time{}
	}
	name := filepath.Join(dir, "tests", "slow_member.yaml")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.Replace(b, []byte("want: [drain]"), []byte("want: [restore]"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := round(); !strings.HasPrefix(got, "FAIL  slow_member: ") || !strings.Contains(got, "1 of 70 tests failed\n") {
		t.Errorf("second round prints %q", got)
	}
	rule := filepath.Join(dir, "rules", "slow_member.grl")
	if b, err = os.ReadFile(rule); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rule, bytes.Replace(b, []byte("when\n"), []byte("when\n    F.Ticks >= 0 &&\n"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := round(); !strings.Contains(got, "rule slow_member: E07 F.Ticks >= 0 is always true\n") {
		t.Errorf("third round prints %q", got)
	}
	if err := os.Remove(filepath.Join(dir, "pack.yaml")); err != nil {
		t.Fatal(err)
	}
	if got := round(); !strings.Contains(got, "pack.yaml: is missing") {
		t.Errorf("fourth round prints %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("watch = %v, want nil when it is ended", err)
	}
}

func TestRulesTestRefusesFlagsThatSayNothing(t *testing.T) {
	for _, o := range []testOptions{
		{output: "xml", most: 1, budget: 1}, {output: "text", score: 90, most: 1, budget: 1}, {output: "text", mutate: true, score: 101, most: 1, budget: 1},
		{output: "text", budget: 1}, {output: "text", most: 1}, {output: "json", watch: true, most: 1, budget: 1},
	} {
		if e, ok := errors.AsType[*exitError](o.check()); !ok || e.code != exitUsage {
			t.Errorf("check(%+v) = %v, want exit code %d", o, e, exitUsage)
		}
	}
}
