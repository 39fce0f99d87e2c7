package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A process that dies while it writes leaves the file before it as the newest.
func TestAFileThatWasNotFinishedIsNone(t *testing.T) {
	dir := t.TempDir()
	learnFleet(t, dir)
	store := newBaselineStore(dir, "web")
	fail := func(f baselineFile, err error) { t.Errorf("%s: %v", f.name, err) }
	l, newest, err := store.newest(fail)
	if err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(store.dir, unfinished+"123")
	if err := os.WriteFile(half, l.Encode()[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, got, err := store.newest(fail); err != nil || got != newest {
		t.Errorf("newest = %v, %v, want %v", got, err, newest)
	}
	if _, err := store.save(l); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was not finished is still there: %v", err)
	}
}

// A file that cannot be put in its place leaves nothing behind.
func TestAFileIsWrittenWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken.json")
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(taken, []byte("all of it"), 0o600); err == nil {
		t.Error("a file in the place of a directory, want an error")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v, want the directory alone", entries, err)
	}
}

func TestABoundedNumberIsKept(t *testing.T) {
	dir := t.TempDir()
	learnFleet(t, dir)
	store := newBaselineStore(dir, "web")
	l, _, err := store.newest(func(f baselineFile, err error) { t.Errorf("%s: %v", f.name, err) })
	if err != nil {
		t.Fatal(err)
	}
	for v := range 2 * maxBaselines {
		l.Baseline.Version = 100 + v/2 // two files of each
		f, err := store.save(l)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(store.dir, f.name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("mode %v, %v, want it for its owner alone", info.Mode(), err)
		}
	}
	files, err := store.files()
	if err != nil || len(files) != maxBaselines {
		t.Fatalf("%d files, %v, want %d", len(files), err, maxBaselines)
	}
	seen := map[int]int{}
	for _, f := range files {
		seen[f.version]++
	}
	if newest := files[0].version; newest != 100+maxBaselines-1 || seen[newest] != 2 || seen[newest-1] != 1 || seen[102] != 1 {
		t.Errorf("files by version %v, want two of the newest and one of each other", seen)
	}
}

func TestTheDirectoryOfAGroupIsItsOwn(t *testing.T) {
	groups := []string{".", "..", "../web", "a/b", "a:b", "web", "web@fra1"}
	data, seen := t.TempDir(), map[string]bool{}
	for _, group := range groups {
		dir := groupDir(group)
		if seen[dir] || strings.Contains(dir, "/") || strings.HasPrefix(dir, ".") {
			t.Errorf("group %s has directory %q", group, dir)
		}
		seen[dir] = true
		if err := os.MkdirAll(filepath.Join(data, baselineDir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := storedGroups(data); err != nil || !slices.Equal(got, groups) {
		t.Errorf("groups %q, %v, want %q", got, err, groups)
	}
}

func TestDecodeRequestRefuses(t *testing.T) {
	label := `"from":"2026-05-01T00:00:00Z","to":"2026-05-01T01:00:00Z","group":"web","kind":"label","v":1`
	if _, err := decodeRequest([]byte(`{"by":"ana",` + label + `}`)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "EOF"},
		{"an unknown key", `{"by":"ana","force":true,` + label + `}`, `unknown field "force"`},
		{"more behind it", `{"by":"ana",` + label + `} {}`, "more behind it"},
		{"nobody", `{` + label + `}`, "neither a person nor an incident"},
		{"a person and an incident", `{"by":"ana","incident":"INC-1",` + label + `}`, "or both"},
		{"another version", `{"by":"ana","kind":"reset","reason":"x","v":2}`, "version 2 of the format"},
		{"two lines", `{"by":"ana","kind":"reset","reason":"x\ny","v":1}`, "want one line"},
		{"a reset without a reason", `{"by":"ana","kind":"reset","v":1}`, "a reset without a reason"},
		{"a reset by an incident", `{"incident":"INC-1","kind":"reset","reason":"x","v":1}`, "no person asked for"},
		{"a reset of a time", `{"by":"ana","kind":"reset","reason":"x","from":"2026-05-01T00:00:00Z","v":1}`, "a reset of a time"},
		{"a label that ends before it begins", `{"by":"ana","kind":"label","from":"2026-05-01T00:00:00Z","to":"2026-05-01T00:00:00Z","v":1}`, "ends after it began"},
		{"another kind", `{"by":"ana","kind":"forget","v":1}`, `kind "forget"`},
	} {
		if _, err := decodeRequest([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func FuzzDecodeRequest(f *testing.F) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	f.Add(encoded(baselineRequest{V: 1, Kind: requestReset, Group: "web", By: "ana", Reason: "new racks"}))
	f.Add(encoded(baselineRequest{V: 1, Kind: requestLabel, Group: "web", Incident: "INC-1", From: now, To: now.Add(time.Hour)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRequest(b)
		if err != nil {
			return
		}
		again, err := decodeRequest(encoded(r))
		if err != nil || !again.From.Equal(r.From) || !again.To.Equal(r.To) || again.who() != r.who() || again.Kind != r.Kind {
			t.Errorf("read again it is %+v, %v, want %+v", again, err, r)
		}
	})
}
