package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// command runs the program and returns its exit code and what it said.
func command(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out syncBuffer
	code := run(t.Context(), args, &out, &out)
	return code, out.String()
}

func TestAStopHoldsUntilTwoPeopleResume(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, stopFile)
	var said syncBuffer
	begin := func() (*loop, func() error) {
		l, _, end := testLoop(t, newFleet(), func(c *loopConfig) { c.Data, c.Logger = dir, slog.New(slog.NewTextHandler(&said, nil)) })
		return l, end
	}
	stopped := func(l *loop) string { return strings.Join(l.report().Notes, "\n") }
	expect := func(code int, want string, args ...string) {
		t.Helper()
		if got, text := command(t, append(args, "--data", dir)...); got != code || !strings.Contains(text, want) {
			t.Errorf("evenkeel %s = %d:\n%s\nwant %d and %q", strings.Join(args, " "), got, text, code, want)
		}
	}
	l, end := begin()
	if note := stopped(l); note != "" {
		t.Errorf("notes %q before anybody stops, want none", note)
	}
	expect(exitDone, "nothing is taken out any more", "stop", "--by", "ana", "--reason", "an upgrade")
	expect(exitDone, "nothing is taken out any more", "stop", "--by", "ben", "--reason", "me too")
	eventually(t, "the stop is said", func() bool { return strings.Contains(said.String(), "level=WARN msg=stopped") })
	if note := stopped(l); !strings.Contains(note, "by ana: an upgrade") || !strings.Contains(note, "evenkeel resume") {
		t.Errorf("notes %q, want who stopped, why, and what ends it", note)
	}
	eventually(t, "the stop is recorded", func() bool { return types(verified(t, dir))["stop"] == 1 })
	expect(exitRefused, "remove it first", "resume", "--by", "ana", "--by", "ben", "--reason", "done")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	expect(exitFailed, "in use", "resume", "--by", "ana", "--by", "ben", "--reason", "done")
	if err := end(); err != nil {
		t.Fatal(err)
	}

	said = syncBuffer{}
	l, end = begin()
	if note := stopped(l); !strings.Contains(note, "by ana: an upgrade") {
		t.Errorf("notes %q after a restart without the file, want the stop", note)
	}
	eventually(t, "the stop is said at the start", func() bool { return strings.Contains(said.String(), "level=WARN msg=stopped") })
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(said.String(), "msg=stopped"); n != 1 {
		t.Errorf("the stop is said %d times, want once", n)
	}

	expect(exitRefused, "two different people", "resume", "--by", "ana", "--by", " Ana", "--reason", "done")
	expect(exitDone, "by ana: an upgrade", "resume", "--by", "ana", "--by", "ben", "--reason", "done")
	expect(exitUnmet, "nothing is stopped", "resume", "--by", "ana", "--by", "ben", "--reason", "done")
	l, _ = begin()
	if note := stopped(l); note != "" {
		t.Errorf("notes %q after the resume, want none", note)
	}
	if n := types(verified(t, dir)); n["stop"] != 1 || n["resume"] != 1 {
		t.Errorf("entries %v, want one stop and one resume", n)
	}
}

func TestStopAndResumeRefuse(t *testing.T) {
	empty := t.TempDir()
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"a stop of nobody knows what", []string{"stop", "--by", "ana", "--reason", "r"}, exitUsage, "no data directory given"},
		{"a stop by nobody", []string{"stop", "--data", empty, "--reason", "r"}, exitUsage, "0 names given, want 1"},
		{"a stop by a name that is empty", []string{"stop", "--data", empty, "--by", " ", "--reason", "r"}, exitUsage, `name "", want one line`},
		{"a stop without a reason", []string{"stop", "--data", empty, "--by", "ana"}, exitUsage, "add --reason TEXT"},
		{"a reason of two lines", []string{"stop", "--data", empty, "--by", "ana", "--reason", "a\nb"}, exitUsage, "want one line"},
		{"a stop where nothing runs", []string{"stop", "--data", empty, "--by", "ana", "--reason", "r"}, exitFailed, "no log in"},
		{"a resume by one person", []string{"resume", "--data", empty, "--by", "ana", "--reason", "r"}, exitUsage, "1 names given, want 2"},
		{"a resume where nothing runs", []string{"resume", "--data", empty, "--by", "ana", "--by", "ben", "--reason", "r"}, exitFailed, "no audit-00000000.db"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code, text := command(t, tt.args...); code != tt.code || !strings.Contains(text, tt.want) {
				t.Errorf("evenkeel %q = %d:\n%s\nwant %d and %q", tt.args, code, text, tt.code, tt.want)
			}
		})
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) != 0 {
		t.Errorf("left behind %v, %v, want nothing", left, err)
	}
}

func TestLoopIsNotReadyWhenTheStoreIsGone(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := testLoop(t, newFleet(), func(c *loopConfig) { c.Data = dir })
	eventually(t, "ready", func() bool { return l.report().Ready() })
	if err := os.Rename(filepath.Join(dir, busDir), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "not ready, because of the store", func() bool {
		for _, c := range l.report().Checks {
			if c.Part == partStore && !c.OK {
				return true
			}
		}
		return false
	})
}
