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
var packs = map[string]string{"web": "../../testdata/packs/web", "demo": "packs/demo"}

func TestPacksAreRight(t *testing.T) {
	for name, dir := range packs {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := checkPack(t.Context(), &out, dir, checkOptions{output: "text"}); err != nil {
				t.Errorf("rules check %s: %v\n%s", dir, err, out.String())
			}
			out.Reset()
			if err := testPack(&out, dir, "text"); err != nil {
				t.Errorf("rules test %s: %v\n%s", dir, err, out.String())
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

// copyPack returns a copy of the web pack with one text replaced by another.
func copyPack(t *testing.T, file, from, to string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(packs["web"])); err != nil {
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

// TestEveryConjunctIsTested loosens each part of each condition, one by one,
// and wants a test of the pack to notice.
func TestEveryConjunctIsTested(t *testing.T) {
	for _, m := range []struct{ file, from, to string }{
		{"black_hole", `F.Kind == "imbalance" && `, ``},
		{"black_hole", `F.State == "alarm" && `, ``},
		{"black_hole", ` && F.Member != ""`, ``},
		{"black_hole", "F.CertifiedPerHour <= F.DeclaredPerHour &&", ""},
		{"black_hole", "F.Ticks >= 2", "F.Ticks >= 1"},
		{"black_hole", `F.Score("bytes_per_request") < 0 && `, ``},
		{"black_hole", `F.Ratio("bytes_per_request") < 0.8`, `F.Ratio("bytes_per_request") <= 0.8`},
		{"black_hole", `F.Score("success_per_request") < 0 && `, ``},
		{"black_hole", `F.Ratio("success_per_request") < 0.8`, `F.Ratio("success_per_request") <= 0.8`},
		{"black_hole", `F.Score("downstream_per_request") < 0 && `, ``},
		{"black_hole", `F.Ratio("downstream_per_request") < 0.8`, `F.Ratio("downstream_per_request") < 0.81`},
		{"black_hole", `F.Score("completions_per_request") < 0 && `, ``},
		{"black_hole", `F.Ratio("completions_per_request") < 0.8`, `F.Ratio("completions_per_request") <= 0.8`},
		{"black_hole", `F.Score("in_flight") > 0 && `, ``},
		{"black_hole", `F.Ratio("in_flight") > 3`, `F.Ratio("in_flight") >= 3`},
		{"error_burst", `F.Kind == "imbalance" && `, ``},
		{"error_burst", `F.State == "alarm" && `, ``},
		{"error_burst", ` && F.Member != ""`, ``},
		{"error_burst", "F.CertifiedPerHour <= F.DeclaredPerHour &&", ""},
		{"error_burst", "F.Ticks >= 2", "F.Ticks >= 1"},
		{"error_burst", `F.Score("error_rate") > 0 &&`, ``},
		{"error_burst", `F.Value("error_rate") > 0.05`, `F.Value("error_rate") >= 0.05`},
		{"error_burst", `F.Peers("error_rate") * 3`, `F.Peers("error_rate") * 2.9`},
		{"slow_member", `F.Kind == "imbalance" && `, ``},
		{"slow_member", `F.State == "alarm" && `, ``},
		{"slow_member", ` && F.Member != ""`, ``},
		{"slow_member", "F.CertifiedPerHour <= F.DeclaredPerHour &&", ""},
		{"slow_member", "F.Ticks >= 5", "F.Ticks >= 4"},
		{"slow_member", `F.Score("latency_ms") > 0 && `, ``},
		{"slow_member", `F.Score("cpu_per_request") > 0 && `, ``},
		{"slow_member", `F.Ratio("cpu_per_request") > 2`, `F.Ratio("cpu_per_request") >= 2`},
		{"slow_member", `F.Ratio("latency_ms") > 1.5`, `F.Ratio("latency_ms") >= 1.5`},
		{"shared_cause", `F.Kind == "imbalance" && `, ``},
		{"shared_cause", ` && F.State == "alarm"`, ``},
		{"shared_cause", `F.Shift != "none" ||`, ``},
		{"shared_cause", `F.Shift != "none"`, `F.Shift == "up"`},
		{"shared_cause", `C.AlarmedMembers >= 2 && `, ``},
		{"shared_cause", `C.AlarmedMembers * 10 >= C.Members * 3`, `C.AlarmedMembers * 10 >= C.Members * 2`},
		{"shared_cause", `C.AlarmedMembers * 10 >= C.Members * 3`, `C.AlarmedMembers * 10 > C.Members * 3`},
		{"restore_after_quiet", `F.Kind == "membership" && `, ``},
		{"restore_after_quiet", ` && F.Member != ""`, ``},
		{"restore_after_quiet", `F.Standing == "drain" &&`, ``},
		{"restore_after_quiet", "C.OutSeconds >= 600", "C.OutSeconds >= 599"},
		{"restore_after_quiet", "C.OutSeconds >= 600", "C.OutSeconds > 600"},
		{"restore_after_quiet", "C.QuietSeconds >= 300", "C.QuietSeconds >= 299"},
		{"restore_after_quiet", "C.QuietSeconds >= 300", "C.QuietSeconds > 300"},
	} {
		t.Run(m.file+" with "+m.from+" as "+m.to, func(t *testing.T) {
			dir := copyPack(t, "rules/"+m.file+".grl", m.from, m.to)
			var out bytes.Buffer
			err := testPack(&out, dir, "text")
			if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUnmet {
				t.Errorf("rules test = %v, want a test that fails", err)
			}
		})
	}
}

func TestRulesCheckPrintsPlaceCaretAndHint(t *testing.T) {
	dir := copyPack(t, "rules/slow_member.grl", "F.Ticks", "F.Tocks")
	var out bytes.Buffer
	err := checkPack(t.Context(), &out, dir, checkOptions{output: "text"})
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitFailed {
		t.Errorf("rules check = %v, want exit code %d", err, exitFailed)
	}
	want := `rules/slow_member.grl:8:5: rule slow_member: E02 unknown field F.Tocks
      F.Tocks >= 5 &&
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
	err := testPack(&out, dir, "json")
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUnmet {
		t.Errorf("rules test = %v, want exit code %d", err, exitUnmet)
	}
	var r testReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Failed != 1 || r.Passed < 50 || r.Pack != "web" || !strings.HasPrefix(r.V, "h1:") {
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
