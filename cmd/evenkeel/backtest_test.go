package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/engine/backtest"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

// webPack is the pack that the commands are tried on.
var webPack = filepath.Join("..", "..", "testdata", "packs", "web")

// hollowFact returns an alarm about a member that does half of the work.
func hollowFact(at time.Time, member string) facts.Fact {
	return facts.Fact{V: 1, Env: "test", Group: "web", Kind: facts.Imbalance, State: facts.Alarm, Member: member,
		Time: facts.At(at), Onset: facts.At(at.Add(-5 * time.Second)), Expires: facts.At(at.Add(3 * time.Second)),
		Detector: facts.Detector{Build: "test", ID: "det-a", Params: facts.Digest(nil)},
		Evidence: &facts.Evidence{Certified: facts.Rate(30 * 24 * time.Hour), Declared: facts.Rate(30 * 24 * time.Hour),
			Epochs: 720, Margin: "1", Score: "9", Threshold: "4", Ticks: 5, Tier: "T1"},
		GroupState: &facts.GroupState{Alarmed: 1, Members: 10, Present: 10, Shift: "none"},
		Effect:     []facts.Effect{{Metric: "bytes_per_request", Value: "40", Peers: "80", Score: "-5"}}}
}

// nobodysGuard lets nothing through: the facts of a log matter here.
type nobodysGuard struct{}

func (nobodysGuard) Submit(context.Context, actions.Intent) (actions.Outcome, error) {
	return actions.Outcome{}, nil
}

// factsInLog has an engine handle facts, an hour after each other, and returns
// the directory of its log, the facts as a file, and when the first was handled.
func factsInLog(t *testing.T, n int) (data, file string, first time.Time) {
	t.Helper()
	first = time.Date(2026, 11, 20, 5, 0, 0, 0, time.UTC)
	now := first
	data = t.TempDir()
	log, err := openAudit(data, "test", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	pack, err := backtestPack(webPack)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Config{Env: "test", Log: log, Guard: nobodysGuard{}, Now: func() time.Time { return now },
		Groups: map[string]engine.Group{"web": {Program: pack.Program, Mode: engine.Act}}})
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	for i := range n {
		f := hollowFact(now, fmt.Sprintf("m%02d", i%10))
		b, err := f.Encode()
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(b, '\n'))
		if err := e.Handle(t.Context(), f, ""); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "facts.jsonl")
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return data, file, first
}

// backtestOf runs the command and returns its report.
func backtestOf(t *testing.T, args ...string) *backtest.Report {
	t.Helper()
	code, out, errs := evenkeelRun(t, append([]string{"rules", "backtest", "-o", "json"}, args...)...)
	if code != exitDone {
		t.Fatalf("rules backtest %v = %d: %s", args, code, errs)
	}
	r, err := backtest.Decode([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	if want := "evidence " + r.Digest() + "\n"; !strings.HasSuffix(errs, want) {
		t.Errorf("stderr %q, want %q", errs, want)
	}
	return r
}

func TestBacktestReadsTheLogAsAFile(t *testing.T) {
	const n = 40
	data, file, first := factsInLog(t, n)
	fromFile := backtestOf(t, webPack, "--facts", file)
	if fromFile.Facts.Decided != n || fromFile.Candidate.Intents != n || fromFile.Facts.Hours != n {
		t.Errorf("facts %+v and %d intents, want %d of each, one an hour", fromFile.Facts, fromFile.Candidate.Intents, n)
	}
	if all := backtestOf(t, webPack, "--data", data); all.Digest() != fromFile.Digest() {
		t.Errorf("report of the log %s, want that of the file %s", all.Digest(), fromFile.Digest())
	}
	at := func(hours int) string { return first.Add(time.Duration(hours) * time.Hour).Format(time.RFC3339) }
	for _, tt := range []struct {
		name          string
		args          []string
		decided, past int64
	}{
		{"from a time on, with the day before remembered", []string{"--since", at(30)}, 10, 25},
		{"up to a time", []string{"--until", at(30)}, 31, 0},
		{"between two", []string{"--since", at(10), "--until", at(19)}, 10, 10},
		{"from an entry on", []string{"--since", "60"}, 10, 25}, // each fact is two entries
		{"up to an entry", []string{"--until", "19"}, 10, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := backtestOf(t, append([]string{webPack, "--data", data}, tt.args...)...)
			if r.Facts.Decided != tt.decided || r.Facts.Past != tt.past {
				t.Errorf("%d facts decided, %d remembered, want %d and %d", r.Facts.Decided, r.Facts.Past, tt.decided, tt.past)
			}
		})
	}
}

// TestBacktestKeepsItsEvidence compares with a version that a data directory
// keeps, and keeps the report there under the digest that it printed.
func TestBacktestKeepsItsEvidence(t *testing.T) {
	data, file, _ := factsInLog(t, 12)
	files, err := knowledge.ReadBundle(os.DirFS(webPack))
	if err != nil {
		t.Fatal(err)
	}
	kept := store{data}
	version, err := kept.putBundle(files)
	if err != nil {
		t.Fatal(err)
	}
	r := backtestOf(t, webPack, "--against", version, "--data", data)
	if r.Base == nil || r.Base.Version != version || *r.Difference != (backtest.Difference{}) {
		t.Errorf("base %+v, difference %+v, want version %s and none", r.Base, r.Difference, version)
	}
	if again := backtestOf(t, webPack, "--against", version, "--store", data, "--facts", file); again.Digest() != r.Digest() {
		t.Errorf("report with --store %s, want %s", again.Digest(), r.Digest())
	}
	digest, err := kept.putDossier(r.Encode())
	if err != nil || digest != r.Digest() {
		t.Errorf("kept as %s (%v), want %s", digest, err, r.Digest())
	}
}

func TestBacktestFindsFactsInRecordings(t *testing.T) {
	dir, faulty := fleetRecordings(t)
	learn := []string{"--calibrate", filepath.Join(dir, "h*.csv.gz"), "--alpha", "1/10", "--epoch", "10s", "--warmup", "20s"}
	r := backtestOf(t, append([]string{webPack, "--recording", faulty}, learn...)...)
	if r.Facts.Kinds["imbalance"] == 0 || len(r.Targets) != 1 || r.Targets[0].Member != "m3" {
		t.Errorf("facts %+v, targets %+v, want imbalances, and m3", r.Facts, r.Targets)
	}
	facts, err := runDetect(t, append([]string{faulty, "-o", "jsonl"}, learn...)...)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "facts.jsonl")
	if err := os.WriteFile(file, []byte(facts), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := backtestOf(t, webPack, "--facts", file); again.Digest() != r.Digest() {
		t.Errorf("report of the facts that detect prints %s, want that of the recording %s", again.Digest(), r.Digest())
	}
}

func TestBacktestIsInterrupted(t *testing.T) {
	_, file, _ := factsInLog(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs strings.Builder
	code := run(ctx, []string{"rules", "backtest", webPack, "--facts", file}, &out, &errs)
	if code != exitInterrupted || out.Len() > 0 || !strings.Contains(errs.String(), "interrupted: there is no report") {
		t.Errorf("interrupted: exit %d, printed %q and %q, want %d and no report", code, out.String(), errs.String(), exitInterrupted)
	}
}

// TestBacktestPageIsWellFormed reads the page as XML, with names that would be
// tags, and looks for what would be fetched.
func TestBacktestPageIsWellFormed(t *testing.T) {
	const bad = `<script>"&'`
	hours := make([]backtest.Hour, 3*chartBins+1)
	for i := range hours {
		hours[i] = backtest.Hour{Base: &backtest.Count{Intents: 1}, Candidate: backtest.Count{Intents: int64(i), Acts: 1}, Hour: fmt.Sprint(bad, i)}
	}
	side := backtest.Side{Pack: bad, Version: bad, Acts: map[string]int64{bad: 1}, Refused: map[string]int64{bad: 2}}
	one := &backtest.Report{Candidate: side, Engine: bad, Hours: hours, Rules: []backtest.Rule{{Rule: bad, Candidate: &backtest.Firings{Total: 1}}},
		Targets: []backtest.Target{{Group: bad, Member: bad, Base: &backtest.Count{}}}, Unlisted: 7}
	two := *one
	two.Base, two.Difference = &side, &backtest.Difference{Added: 3}
	for name, r := range map[string]*backtest.Report{"one pack": one, "two packs": &two, "no facts": {}} {
		var page bytes.Buffer
		if err := backtestHTML(&page, r); err != nil {
			t.Fatal(err)
		}
		if bars := strings.Count(page.String(), "<rect "); bars > 4*chartBins || r.Hours != nil && bars < 2*chartBins/3 {
			t.Errorf("%s: %d bars, want some, at most %d", name, bars, 4*chartBins)
		}
		for _, fetched := range []string{"<script", "<link", "src=", "href=", "url(", "@import"} {
			if strings.Contains(page.String(), fetched) {
				t.Errorf("%s: the page has %s", name, fetched)
			}
		}
		d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(page.String(), "<!DOCTYPE html>\n")))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		var text bytes.Buffer
		if err := backtestText(&text, r); err != nil || !strings.Contains(text.String(), r.Digest()) {
			t.Errorf("%s: text %q, %v, want the digest in it", name, text.String(), err)
		}
	}
}

func TestProgressLine(t *testing.T) {
	for _, tt := range []struct {
		name            string
		facts, done, of int64
		want            string
	}{
		{"a third of a file", 30_000, 100, 300, "[########----------------]  33 %  30000 facts, 3000/s, 20s left"},
		{"all of it", 90_000, 300, 300, "[########################] 100 %  90000 facts, 9000/s, 0s left"},
		{"a log that grew", 90_000, 301, 300, "[########################] 100 %  90000 facts, 9000/s, 0s left"},
		{"recordings, whose facts nobody knows before", 50, 0, 0, "50 facts, 5/s"},
		{"a beginning", 0, 0, 300, "0 facts, 0/s"},
	} {
		if got := progressLine(tt.facts, tt.done, tt.of, 10*time.Second); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	p := newProgress(io.Discard)
	p.whole(3)
	p.begin()
	p.advance(1)
	p.count()
	p.end() // no terminal: nothing to wait for
}

func FuzzAcceptedFact(f *testing.F) {
	fact := hollowFact(time.Date(2026, 11, 22, 5, 51, 46, 0, time.UTC), "m01")
	b, err := fact.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(fmt.Appendf(nil, `{"fact":%s,"id":%q}`, b, facts.Digest(b)))
	f.Add([]byte(`{"fact":{},"id":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := acceptedFact(audit.Stored{Type: "fact.accepted", Body: body}, false)
		if err != nil {
			return
		}
		if id, err := got.Fact.ID(); err != nil || id != got.ID {
			t.Errorf("%q is taken as fact %s, want %s (%v)", body, got.ID, id, err)
		}
	})
}
