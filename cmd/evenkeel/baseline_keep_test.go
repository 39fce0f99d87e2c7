package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
)

// keptLoop runs a loop that keeps what it learns in dir.
func keptLoop(t *testing.T, f *fleet, dir string) (*loop, *story, func() error) {
	t.Helper()
	return testLoop(t, f, func(c *loopConfig) { c.Data, c.Keep = dir, true })
}

// learnFleet has a loop learn a baseline into dir, and returns its fleet.
func learnFleet(t *testing.T, dir string) *fleet {
	t.Helper()
	f := newFleet()
	f.last = baselineTicks
	_, _, stop := keptLoop(t, f, dir)
	eventually(t, "a baseline", func() bool { return f.ticks() >= baselineTicks && f.settled() })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	f.last = 0
	return f
}

// entriesOf returns the bodies of the log's entries of a type.
func entriesOf[T any](t *testing.T, dir, typ string) (out []T) {
	t.Helper()
	for _, e := range verified(t, dir) {
		if e.Type != typ {
			continue
		}
		var b T
		if err := json.Unmarshal(e.Body, &b); err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func TestARestartKeepsWhatWasLearnt(t *testing.T) {
	dir := t.TempDir()
	f := learnFleet(t, dir)
	before, _, err := newBaselineStore(dir, "web").newest(func(f baselineFile, err error) { t.Errorf("%s: %v", f.name, err) })
	if err != nil || before == nil {
		t.Fatalf("newest = %v, %v, want what was learnt", before, err)
	}
	frames := f.ticks()
	f.fallsIll(frames + 5)
	l, s, stop := keptLoop(t, f, dir)
	if kept := entriesOf[versionBody](t, dir, typeLoaded); len(kept) != 1 || kept[0].Version != before.Baseline.Version || kept[0].Epochs != before.Tests[0].Epochs {
		t.Errorf("loaded %+v, want version %d with %d epochs", kept, before.Baseline.Version, before.Tests[0].Epochs)
	}
	eventually(t, "an alarm", func() bool { return !s.firstAlarm().IsZero() })
	if n := f.tickOf(s.firstAlarm()) - frames; n > 30 {
		t.Errorf("%d frames until the alarm, want few: the baseline was kept", n)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := l.keepers["web"].detector.Learnt(); got.Tests[0].Epochs < before.Tests[0].Epochs || got.Baseline.Version < before.Baseline.Version {
		t.Errorf("it went on with %+v of version %d, want from %+v of version %d on", got.Tests[0], got.Baseline.Version, before.Tests[0], before.Baseline.Version)
	}
	versions := entriesOf[versionBody](t, dir, typeVersion)
	if len(versions) == 0 || versions[0].Version != 1 || versions[0].Reason != "fitted" || versions[0].Group != "web" || !strings.HasPrefix(versions[0].Digest, "sha256:") {
		t.Errorf("versions %+v, want the first, fitted", versions)
	}
}

// damage changes a byte in the middle of a file.
func damage(t *testing.T, s *baselineStore, f baselineFile) {
	t.Helper()
	path := filepath.Join(s.dir, f.name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedBaselineIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	f := learnFleet(t, dir)
	store := newBaselineStore(dir, "web")
	files, err := store.files()
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v, want two or more", files, err)
	}
	damage(t, store, files[0])
	_, _, stop := keptLoop(t, f, dir)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	refused, loaded := entriesOf[refusedBody](t, dir, typeBaselineRefused), entriesOf[versionBody](t, dir, typeLoaded)
	if len(refused) != 1 || refused[0].File != files[0].name || len(loaded) != 1 || loaded[0].File != files[1].name {
		t.Errorf("refused %+v and loaded %+v, want %s and %s", refused, loaded, files[0].name, files[1].name)
	}
	if files, err = store.files(); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.name != refused[0].File {
			damage(t, store, f)
		}
	}
	_, _, stop = keptLoop(t, f, dir)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if loaded := entriesOf[versionBody](t, dir, typeLoaded); len(loaded) != 1 {
		t.Errorf("loaded %+v, want nothing from damaged files", loaded)
	}
}

func TestABaselineOfAnotherConfigurationIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	f := learnFleet(t, dir)
	_, _, stop := testLoop(t, f, func(c *loopConfig) {
		c.Data, c.Keep, c.Groups[0].Detect.Epoch = dir, true, 40*time.Second
	})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	refused, loaded := entriesOf[refusedBody](t, dir, typeBaselineRefused), entriesOf[versionBody](t, dir, typeLoaded)
	if len(refused) == 0 || !strings.Contains(refused[0].Why, "of epoch 20s, want 40s") || len(loaded) > 0 {
		t.Errorf("refused %+v and loaded %+v, want the epochs told, and nothing", refused, loaded)
	}
}

// What people ask for is carried out by a daemon that runs, and recorded.
func TestRequestsAreCarriedOut(t *testing.T) {
	dir := t.TempDir()
	f := newFleet()
	l, _, stop := keptLoop(t, f, dir)
	eventually(t, "a baseline", func() bool { return f.ticks() >= baselineTicks })
	store := newBaselineStore(dir, "web")
	now := f.clock()
	for i, r := range []baselineRequest{
		{V: 1, Kind: requestReset, Group: "web", By: "ana", Reason: "new racks"},
		{V: 1, Kind: requestLabel, Group: "web", By: "ben", From: now.Add(-time.Hour).UTC(), To: now.UTC()},
		{V: 1, Kind: requestLabel, Group: "other", By: "ben", From: now.Add(-time.Hour).UTC(), To: now.UTC()},
	} {
		if err := store.ask(r, now.Add(time.Duration(i))); err != nil {
			t.Fatal(err)
		}
	}
	junk := filepath.Join(store.dir, requestDir, "junk.json")
	if err := os.WriteFile(junk, []byte(`{"v":1,"kind":"forget all"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all requests are taken up", func() bool {
		left, err := store.requests()
		return err == nil && len(left) == 0
	})
	bad, err := os.ReadDir(filepath.Join(store.dir, requestDir, badDir))
	if err != nil || len(bad) != 2 {
		t.Errorf("put aside %v, %v, want two", bad, err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if got := l.keepers["web"].detector.Baseline(); got.Version < 2 {
		t.Errorf("version %+v, want ana's reset to have begun one", got)
	}
	labels, resets := entriesOf[requestBody](t, dir, "baseline.label"), entriesOf[requestBody](t, dir, "baseline.reset")
	if len(labels) != 1 || labels[0].Epochs == 0 || labels[0].Request.By != "ben" || len(resets) != 1 || resets[0].Request.Reason != "new racks" {
		t.Errorf("labels %+v and resets %+v, want ben's and ana's", labels, resets)
	}
	if refused := entriesOf[refusedBody](t, dir, typeBaselineRefused); len(refused) != 2 {
		t.Errorf("refused %+v, want two", refused)
	}
	if versions := entriesOf[versionBody](t, dir, typeVersion); !slices.ContainsFunc(versions, func(v versionBody) bool { return v.Reason == "ana: new racks" }) {
		t.Errorf("versions %+v, want ana's among them", versions)
	}
}

// What is asked for while nothing runs is carried out at the next start.
func TestRequestsWaitForTheNextStart(t *testing.T) {
	dir := t.TempDir()
	f := learnFleet(t, dir)
	store := newBaselineStore(dir, "web")
	if err := store.ask(baselineRequest{V: 1, Kind: requestReset, Group: "web", By: "ana", Reason: "moved"}, f.clock()); err != nil {
		t.Fatal(err)
	}
	_, _, stop := keptLoop(t, f, dir)
	eventually(t, "it is taken up", func() bool { left, err := store.requests(); return err == nil && len(left) == 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if resets := entriesOf[requestBody](t, dir, "baseline.reset"); len(resets) != 1 {
		t.Errorf("resets %+v, want one", resets)
	}
}

func TestSuspends(t *testing.T) {
	for _, tt := range []struct {
		verb   actions.Verb
		result actions.Result
		want   bool
	}{
		{actions.Drain, actions.Sent, true},
		{actions.Drain, actions.Released, true},
		{actions.Restore, actions.Done, true},
		{actions.Weight, actions.Undone, true},
		{actions.Drain, actions.Refused, false},
		{actions.Drain, actions.DryRun, false},
		{actions.Notify, actions.Sent, false},
	} {
		k := &keeper{}
		l := &loop{keepers: map[string]*keeper{"web": k}}
		l.acted(actions.Outcome{Group: "other", Verb: tt.verb, Result: tt.result})
		if k.acted.Load() {
			t.Errorf("%s %s of another group was told", tt.verb, tt.result)
		}
		l.acted(actions.Outcome{Group: "web", Verb: tt.verb, Result: tt.result})
		if got := k.acted.Load(); got != tt.want {
			t.Errorf("%s %s: told %v, want %v", tt.verb, tt.result, got, tt.want)
		}
	}
}

// Nothing is learnt from the epoch of an act: the detector hears of it.
func TestActsSuspendLearning(t *testing.T) {
	f := newFleet()
	f.fallsIll(baselineTicks)
	l, s, stop := testLoop(t, f, func(*loopConfig) {})
	eventually(t, "a drain", func() bool { return s.outcomes(actions.Drain, actions.Done) > 0 })
	eventually(t, "the detector has heard of it", func() bool { return !l.keepers["web"].acted.Load() })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}
