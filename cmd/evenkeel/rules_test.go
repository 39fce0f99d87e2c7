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

// packs are the packs that this module ships.
var packs = map[string]string{
	"cache":       "../../testdata/packs/cache",
	"demo":        "packs/demo",
	"notify-only": "../../testdata/packs/notify-only",
	"storage":     "../../testdata/packs/storage",
	"storm":       "../../testdata/packs/storm",
	"web":         "../../testdata/packs/web",
}

// TestEveryPackIsTestedAndExplained holds each pack that is shipped for use to its
// README: what people may change has to be found there.
func TestEveryPackIsTestedAndExplained(t *testing.T) {
	dirs, err := os.ReadDir("../../testdata/packs")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		dir := packs[d.Name()]
		if dir == "" {
			t.Errorf("testdata/packs/%s is not among the packs that are tested", d.Name())
			continue
		}
		p, err := readPack(dir)
		if err != nil {
			t.Fatal(err)
		}
		words := []string{}
		for _, f := range p.Rules {
			words = append(words, ruleOf(f.Name))
		}
		for _, v := range p.Parameters {
			words = append(words, v.Name)
		}
		for _, w := range words {
			if !strings.Contains(p.Readme, "| `"+w+"`") && !strings.Contains(p.Readme, ", `"+w+"`") {
				t.Errorf("%s: no line of a table of the README begins with %s", d.Name(), w)
			}
		}
	}
}

func TestPacksAreRight(t *testing.T) {
	for name, dir := range packs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := checkPack(t.Context(), &out, dir, checkOptions{output: "text", strict: true}); err != nil {
				t.Errorf("rules check --strict %s: %v\n%s", dir, err, out.String())
			}
			p, err := readPack(dir)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := packLimits(p); err != nil {
				t.Errorf("limits of %s: %v", dir, err)
			}
		})
	}
	p, err := readDemoPack()
	if err != nil || p.Name != "demo" {
		t.Errorf("readDemoPack() = %v, %v, want the pack demo", p, err)
	}
}

// copyPack returns a copy of the demo pack with one text replaced by another.
func copyPack(t *testing.T, file, from, to string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(packs["demo"])); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, file)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(from)) {
		t.Fatalf("%s does not hold %q", file, from)
	}
	if err := os.WriteFile(name, bytes.Replace(b, []byte(from), []byte(to), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRulesCheckPrintsPlaceCaretAndHint(t *testing.T) {
	dir := copyPack(t, "rules/slow_member.grl", "F.Ticks", "F.Tocks")
	var out bytes.Buffer
	err := checkPack(t.Context(), &out, dir, checkOptions{output: "text"})
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitFailed {
		t.Errorf("rules check = %v, want exit code %d", err, exitFailed)
	}
	want := `rules/slow_member.grl:7:5: rule slow_member: E02 unknown field F.Tocks
      F.Tocks >= 3 &&
      ^
  hint: see 'evenkeel rules vocabulary' for the fields there are
`
	if out.String() != want {
		t.Errorf("rules check prints\n%s\nwant\n%s", out.String(), want)
	}
}

func TestRulesCheckWantsTests(t *testing.T) {
	dir := copyPack(t, "tests/slow_member.yaml", "rule: slow_member", "rule: other_rule")
	var out bytes.Buffer
	if err := checkPack(t.Context(), &out, dir, checkOptions{output: "json"}); err == nil {
		t.Error("rules check = nil, want an error")
	}
	var r checkReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Errors) != 3 || r.Errors[0].Code != "E19" || r.Errors[0].Rule != "slow_member" || r.Errors[2].Rule != "other_rule" {
		t.Errorf("errors = %+v, want slow_member without tests, and tests without a rule", r.Errors)
	}
}

func TestRulesTestTellsWhatWentOtherwise(t *testing.T) {
	dir := copyPack(t, "tests/slow_member.yaml", "want: [drain]", "want: [restore]")
	var out bytes.Buffer
	err := testPack(t.Context(), &out, dir, testOptions{output: "json"})
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUnmet {
		t.Errorf("rules test = %v, want exit code %d", err, exitUnmet)
	}
	var r testReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Failed != 1 || r.Passed < 50 || r.Pack != "demo" || !strings.HasPrefix(r.V, "h1:") {
		t.Errorf("report of %d failed and %d passed of %s %s", r.Failed, r.Passed, r.Pack, r.V)
	}
	for _, x := range r.Tests {
		if len(x.Why) > 0 && (x.Why[0] != "intents [drain], want [restore]" || x.Line != 3) {
			t.Errorf("%+v, want the intents", x)
		}
	}
}

func TestRulesOfAPackThatIsNotThere(t *testing.T) {
	for _, dir := range []string{filepath.Join(t.TempDir(), "none"), "rules_test.go"} {
		if err := checkPack(t.Context(), &bytes.Buffer{}, dir, checkOptions{output: "text"}); err == nil {
			t.Errorf("rules check %s = nil, want an error", dir)
		}
	}
}
