package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesFmtTellsOrRewrites(t *testing.T) {
	dir := copyPack(t, "rules/slow_member.grl", "    F.Ticks >= 3 &&\n", "    F.Ticks>=3\n    &&\n")
	var out bytes.Buffer
	err := formatPack(&out, dir, fmtOptions{check: true})
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitUnmet {
		t.Errorf("rules fmt --check = %v, want exit code %d", err, exitUnmet)
	}
	if err := formatPack(&out, dir, fmtOptions{list: true}); err != nil || out.String() != "rules/slow_member.grl\n" {
		t.Errorf("rules fmt -l = %v, prints %q", err, out.String())
	}
	out.Reset()
	want := `diff rules/slow_member.grl rules/slow_member.grl
--- rules/slow_member.grl
+++ rules/slow_member.grl
@@ -4,8 +4,7 @@
 rule slow_member "answers right, at a much higher price than its peers" salience 70 {
   when
     F.Kind == "imbalance" && F.State == "alarm" && F.Member != "" &&
-    F.Ticks>=3
-    &&
+    F.Ticks >= 3 &&
     (
       (F.Score("latency_ms") > 0 && F.Ratio("latency_ms") > 1.5) ||
       (F.Score("cpu_per_request") > 0 && F.Ratio("cpu_per_request") > 2)
`
	if err := formatPack(&out, dir, fmtOptions{diff: true}); err != nil || out.String() != want {
		t.Errorf("rules fmt -d = %v, prints\n%s\nwant\n%s", err, out.String(), want)
	}
	if err := formatPack(&out, dir, fmtOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "rules", "slow_member.grl"))
	if err != nil {
		t.Fatal(err)
	}
	original, err := os.ReadFile(filepath.Join(packs["demo"], "rules", "slow_member.grl"))
	if err != nil || !bytes.Equal(got, original) {
		t.Errorf("rules fmt wrote\n%s\nwant\n%s", got, original)
	}
	if err := formatPack(&out, dir, fmtOptions{check: true}); err != nil {
		t.Errorf("rules fmt --check after rules fmt = %v", err)
	}
}

func TestRulesFmtRefusesWhatItCannotRead(t *testing.T) {
	dir := copyPack(t, "rules/slow_member.grl", "F.Ticks >= 3 &&", "F.Ticks >= >= 3 &&")
	err := formatPack(io.Discard, dir, fmtOptions{})
	if err == nil || !strings.Contains(err.Error(), "rules/slow_member.grl:7:16: rule slow_member: E00 syntax") {
		t.Errorf("rules fmt = %v, want the place of the error", err)
	}
}

func TestRulesGraph(t *testing.T) {
	var out bytes.Buffer
	if err := graphPack(&out, packs["demo"], "text"); err != nil {
		t.Fatal(err)
	}
	want := `stratum 0
  shared_cause, salience 100
    reads  C.AlarmedMembers, C.Members, F.Kind, F.Shift, F.State
    calls  Veto drain, Note shared cause: look at what the members have in common
`
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("rules graph prints\n%s\nwant\n%s", out.String(), want)
	}
	out.Reset()
	if err := graphPack(&out, packs["demo"], "svg"); err != nil {
		t.Fatal(err)
	}
	names := 0
	for d := xml.NewDecoder(&out); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("rules graph -o svg: %v", err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if a.Value == "name" {
					names++
				}
				if a.Name.Local == "href" || strings.HasPrefix(a.Value, "http") && a.Name.Local != "xmlns" {
					t.Errorf("the drawing refers to %s", a.Value)
				}
			}
		}
	}
	if names != 5 {
		t.Errorf("the drawing has %d rules, want 5", names)
	}
}
