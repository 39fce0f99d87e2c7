package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSARIF holds what a code host asks of a log before it shows it: SARIF
// 2.1.0, sections 3.13 (log), 3.14 (run), 3.27 (result) and 3.29 (location).
func TestSARIF(t *testing.T) {
	dir := copyPack(t, "rules/slow_member.grl", "F.Ticks >= 3 &&", "F.Ticks >= 3 && F.Ticks > 2 &&")
	if err := os.WriteFile(filepath.Join(dir, "tests", "shared_cause.yaml"), []byte("rule: shared_cause\ntests: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := checkPack(t.Context(), &out, dir, checkOptions{output: "sarif"}); err == nil {
		t.Error("rules check = nil, want an error for the rule without tests")
	}
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name, Version string
					Rules         []struct {
						ID                   string
						ShortDescription     struct{ Text string }
						DefaultConfiguration struct{ Level string }
					}
				}
			}
			ColumnKind string
			Results    []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	if err := d.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.Contains(log.Schema, "sarif-2.1.0") || len(log.Runs) != 1 {
		t.Fatalf("log of version %q, schema %q, %d runs", log.Version, log.Schema, len(log.Runs))
	}
	run := log.Runs[0]
	if run.Tool.Driver.Name != "evenkeel" || run.ColumnKind != "unicodeCodePoints" {
		t.Errorf("driver %q, columns %q", run.Tool.Driver.Name, run.ColumnKind)
	}
	for _, r := range run.Tool.Driver.Rules {
		if r.ID == "" || r.ShortDescription.Text == "" || r.DefaultConfiguration.Level == "" {
			t.Errorf("%+v lacks what a rule needs", r)
		}
	}
	var codes []string
	for _, r := range run.Results {
		codes = append(codes, r.RuleID+" "+r.Level)
		if r.RuleIndex < 0 || r.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID ||
			r.Message.Text == "" || len(r.Locations) != 1 {
			t.Errorf("result %+v has no rule, text or place", r)
			continue
		}
		at := r.Locations[0].PhysicalLocation
		if _, err := os.Stat(filepath.Join(dir, at.ArtifactLocation.URI)); err != nil || at.Region.StartLine < 1 || at.Region.StartColumn < 1 {
			t.Errorf("result %s at %+v: %v", r.RuleID, at, err)
		}
	}
	if got := strings.Join(codes, ", "); got != "E19 error, E19 error, W11 warning" {
		t.Errorf("results %s", got)
	}
}

func TestWarningsRefuseOnlyWhenAskedTo(t *testing.T) {
	dir := copyPack(t, "rules/slow_member.grl", "F.Ticks >= 3 &&", "F.Ticks >= 3 && F.Ticks > 2 &&")
	var out bytes.Buffer
	if err := checkPack(t.Context(), &out, dir, checkOptions{output: "text"}); err != nil {
		t.Errorf("rules check = %v, want nil", err)
	}
	want := `rules/slow_member.grl:7:21: rule slow_member: W11 F.Ticks > 2 follows from the rest of the condition
      F.Ticks >= 3 && F.Ticks > 2 &&
                      ^
  hint: leave it out
pack demo: 5 rules, `
	if !strings.HasPrefix(out.String(), want) || !strings.Contains(out.String(), "no error, 1 warning\n") {
		t.Errorf("rules check prints\n%s\nwant\n%s", out.String(), want)
	}
	err := checkPack(t.Context(), &out, dir, checkOptions{output: "text", strict: true})
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUnmet {
		t.Errorf("rules check --strict = %v, want exit code %d", err, exitUnmet)
	}
}

// TestRecordedFactsAreReviewed records 200 alarms that differ in what the pack
// asks for.
func TestRecordedFactsAreReviewed(t *testing.T) {
	p, err := readPack(packs["demo"])
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	for i := range 200 {
		fact := p.Tests[0].Fact
		fact.Ticks = 1 + i%2 // slow_member asks for 3
		if i%10 == 0 {
			fact.Effects = nil
		}
		f, err := testFact(&fact)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&factLines{&lines}).fact("past.csv", &f); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "facts.jsonl")
	if err := os.WriteFile(name, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := checkPack(t.Context(), &out, packs["demo"], checkOptions{output: "text", facts: name}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"rules/slow_member.grl:7:5: rule slow_member: W14 F.Ticks >= 3: 99.8 % of 200 recorded values of F.Ticks lie from 1 to 2\n",
		"W13 no rule applies to 20 of 200 recorded alarms, the first is sha256:",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("rules check --facts prints\n%s\nwant %s", out.String(), want)
		}
	}
	if err := os.WriteFile(name, append(lines.Bytes(), "{}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkPack(t.Context(), &out, packs["demo"], checkOptions{output: "text", facts: name}); err == nil ||
		!strings.Contains(err.Error(), "facts.jsonl:201: ") {
		t.Errorf("rules check --facts = %v, want an error of line 201", err)
	}
}

func FuzzReadFacts(f *testing.F) {
	f.Add([]byte(`{"source":"a","v":1}` + "\n"))
	f.Add([]byte(`{"source":`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if all, err := readFacts("facts.jsonl", bytes.NewReader(b)); err == nil {
			for i := range all {
				if _, err := all[i].Encode(); err != nil {
					t.Fatalf("fact %d does not encode: %v", i, err)
				}
			}
		}
	})
}
