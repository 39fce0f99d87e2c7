package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

// TestARealRunIsMadeAgain lets a daemon drain a sick member and put it back, and
// restarts it. Then the log tells all of it.
func TestARealRunIsMadeAgain(t *testing.T) {
	f, data := newFleet(), t.TempDir()
	here := func(c *loopConfig) { c.Data = data }
	_, s, stop := testLoop(t, f, here)
	eventually(t, "a baseline", func() bool { return f.ticks() >= baselineTicks })
	f.do(func() { f.sick = 6 })
	eventually(t, "m07 is drained, and put back", func() bool { return s.outcomes(actions.Drain, actions.Released) > 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	l, _, stop := testLoop(t, f, here)
	eventually(t, "decisions after the restart", func() bool { return l.engine.Stats().Accepted > 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	entries := verified(t, data)
	n := types(entries)
	code, out, errs := evenkeelRun(t, "replay", "--data", data, "-o", "json")
	var r replayReport
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitDone {
		t.Fatalf("replay: exit %d, %s%v", code, errs, err)
	}
	if n["memory.restored"] != 2 || r.Decisions != n["decision"] || r.Same != r.Decisions || r.Decisions == 0 {
		t.Errorf("%+v, want all %d decisions the same, over %d starts", r, n["decision"], n["memory.restored"])
	}
	sent := ""
	for _, e := range entries {
		if e.Type == "action.sent" && sent == "" {
			sent = strconv.FormatInt(e.Seq, 10)
		}
	}
	code, out, errs = evenkeelRun(t, "explain", sent, "--data", data, "--not", "slow_member")
	if code != exitDone {
		t.Fatalf("explain: exit %d, %s", code, errs)
	}
	for _, want := range []string{"on imbalance alarm of m07, group web, mode act", "the same bytes", "wants drain m07, by black_hole",
		"  DONE", "why not slow_member: its condition does not hold", "matched: black_hole", "bytes_per_request", "  samples ", "  detector ",
		"admitted: 1 of 10 out after it", "drain asked of the balancer", "RELEASED"} {
		if !strings.Contains(out, want) {
			t.Errorf("explain %s lacks %q:\n%s", sent, want, out)
		}
	}
}

// TestWhatIsNotMadeAgainIsSaidLoudly records what another program decided under
// the name of the pack.
func TestWhatIsNotMadeAgainIsSaidLoudly(t *testing.T) {
	dir := t.TempDir()
	data, packDir := filepath.Join(dir, "data"), filepath.Join(dir, "pack")
	copyDemoPack(t, packDir)
	if err := decidedInto(data, packDir); err != nil {
		t.Fatal(err)
	}
	pack, err := readPack(packDir)
	if err != nil {
		t.Fatal(err)
	}
	allow, err := packAllow(pack)
	if err != nil {
		t.Fatal(err)
	}
	var rules []engine.Source
	for _, r := range packSources(pack) {
		rules = append(rules, engine.Source{Name: r.Name, Text: bytes.ReplaceAll(r.Text, []byte("F.Ticks >= 1"), []byte("F.Ticks >= 0"))})
	}
	other, err := engine.Compile(pack.Digest, rules, allow)
	if err != nil {
		t.Fatal(err)
	}
	if err := decideAll(data, other, []facts.Fact{sickFact("m09", 0)}); err != nil {
		t.Fatal(err)
	}
	code, out, errs := evenkeelRun(t, "explain", "12", "--data", data, "--pack", packDir)
	if code != exitFailed || !strings.Contains(out, "NOT WHAT WAS RECORDED") || !strings.Contains(errs, "conflicts: recorded [{") {
		t.Errorf("explain: exit %d, want %d and that it differs\n%s%s", code, exitFailed, out, errs)
	}
	code, out, errs = evenkeelRun(t, "replay", "--data", data, "--pack", packDir)
	if code != exitFailed || !strings.Contains(out, "entry 12 DIFFERS at ") || !strings.Contains(out, "same       4 byte for byte") ||
		!strings.Contains(out, "verdict    DIFFERENT") || !strings.Contains(errs, "replay: 1 of 5 decisions differ") {
		t.Errorf("replay: exit %d, want %d and the entry that differs\n%s%s", code, exitFailed, out, errs)
	}
}

// TestPacksInTheDataDirectoryAreFound decides again without being told where
// the pack is.
func TestPacksInTheDataDirectoryAreFound(t *testing.T) {
	dir := t.TempDir()
	data, packDir := filepath.Join(dir, "data"), filepath.Join(dir, "pack")
	copyDemoPack(t, packDir)
	if err := decidedInto(data, packDir); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := evenkeelRun(t, "replay", "--data", data); code != exitFailed || !strings.Contains(errs, "none of that digest in the data directory") {
		t.Errorf("replay without the pack: exit %d, %s", code, errs)
	}
	files, err := knowledge.ReadBundle(os.DirFS(packDir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (store{data}).putBundle(files); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := evenkeelRun(t, "replay", "--data", data); code != exitDone || !strings.Contains(out, "same       4 byte for byte") {
		t.Errorf("replay with the pack in the data directory: exit %d, %s%s", code, out, errs)
	}
}

func TestFirstDifference(t *testing.T) {
	for _, tt := range []struct{ want, found, at string }{
		{`{"a":1}`, `{"a":1}`, "<nil>"},
		{`{"a":1}`, `{"a":2}`, "a: recorded 1, now 2"},
		{`{"a":1,"b":{"c":[1,{"d":"x"}]}}`, `{"a":1,"b":{"c":[1,{"d":"y"}]}}`, `b.c[1].d: recorded "x", now "y"`},
		{`{"a":[1]}`, `{"a":[1,2]}`, "a[1]: recorded nothing, now 2"},
		{`{"a":1}`, `{"b":1}`, "a: recorded 1, now nothing"},
		{`{"a":{}}`, `{"a":[]}`, "a: recorded {}, now []"},
		{`{"a":1}`, `{"a": 1}`, `the encoding: recorded {"a":1}, now {"a": 1}`},
		{`{`, `{"a":1}`, `the encoding: recorded {, now {"a":1}`},
	} {
		if got := fmt.Sprint(firstDifference([]byte(tt.want), []byte(tt.found))); got != tt.at {
			t.Errorf("firstDifference(%s, %s) = %s, want %s", tt.want, tt.found, got, tt.at)
		}
	}
}
