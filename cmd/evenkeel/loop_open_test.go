package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/audit"
)

func TestLoopTellsWhatChangedSinceTheLastRun(t *testing.T) {
	dir := t.TempDir()
	for _, digest := range []string{"sha256:a", "sha256:a", "sha256:b"} {
		_, _, stop := testLoop(t, newFleet(), func(c *loopConfig) { c.Data, c.Digest = dir, digest })
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
	n := types(verified(t, dir))
	if n[typeStart] != 3 || n[typeStop] != 3 || n[typeConfig] != 1 || n[typeGap] != 0 {
		t.Errorf("entries %v, want 3 starts, 3 stops, 1 change, no gap", n)
	}
}

func TestLoopRecordsThatTheBrokerLostFacts(t *testing.T) {
	dir := t.TempDir()
	f := newFleet()
	l, _, stop := testLoop(t, f, func(c *loopConfig) { c.Data = dir })
	eventually(t, "facts are recorded", func() bool { return l.engine.Stats().Accepted > 3 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, busDir)); err != nil {
		t.Fatal(err)
	}
	_, _, stop = testLoop(t, f, func(c *loopConfig) { c.Data = dir })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n := types(verified(t, dir)); n[typeGap] != 1 {
		t.Errorf("entries %v, want one gap", n)
	}
}

func TestOpenLoopRefusesADamagedLog(t *testing.T) {
	dir := t.TempDir()
	_, _, stop := testLoop(t, newFleet(), func(c *loopConfig) { c.Data = filepath.Join(dir, "good") })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(dir, "damaged")
	if err := os.CopyFS(damaged, os.DirFS(filepath.Join(dir, "good"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(damaged, "audit.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(damaged, "audit-*.db"))
	if err != nil || len(files) != 1 {
		t.Fatalf("log files %v, %v, want one", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte(`"type":"system.start"`), []byte(`"type":"system.stort"`))
	if err := os.WriteFile(files[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = openLoop(t.Context(), testConfig(t, damaged))
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitTampered || !errors.Is(err, audit.ErrTampered) {
		t.Errorf("openLoop = %v, want a log that was tampered with, exit code %d", err, exitTampered)
	}
}

// testConfig returns a loop over a new fleet, with its log in dir.
func testConfig(t *testing.T, dir string) loopConfig {
	t.Helper()
	pack, err := readDemoPack()
	if err != nil {
		t.Fatal(err)
	}
	f := newFleet()
	return loopConfig{Data: dir, Env: "test", Groups: []loopGroup{{Name: "web", Source: f, Executor: f, Pack: pack}}}
}

func TestOpenLoopRefuses(t *testing.T) {
	taken := t.TempDir()
	testLoop(t, newFleet(), func(c *loopConfig) { c.Data = taken })
	for _, tt := range []struct {
		name   string
		change func(*loopConfig)
		want   string
	}{
		{"a log that another process writes", func(c *loopConfig) { c.Data = taken }, "in use"},
		{"a data directory that is a file", func(c *loopConfig) { c.Data = "loop_test.go" }, "not a directory"},
		{"acting without a hand", func(c *loopConfig) { c.Groups[0].Executor = nil }, "mode act without an executor"},
		{"an address that is not ours", func(c *loopConfig) { c.Console = "192.0.2.1:1" }, "cannot assign requested address"},
		{"a broker that is not there", func(c *loopConfig) { c.Bus.URL = "nats://127.0.0.1:1" }, "broker out of reach"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testConfig(t, t.TempDir())
			tt.change(&c)
			_, err := openLoop(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("openLoop = %v, want an error with %q", err, tt.want)
			}
		})
	}
}
