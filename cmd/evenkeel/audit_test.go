package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// auditLog returns a directory with a log of 30 entries, ten seconds apart,
// which is still being written to.
func auditLog(t *testing.T) (dir string, l *audit.Log) {
	t.Helper()
	dir = t.TempDir()
	now := time.Date(2026, 11, 22, 5, 51, 0, 0, time.UTC)
	l, err := audit.Open(dir, audit.Options{Origin: "evenkeel.example/fra1/audit", Env: "fra1", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for i := range 30 {
		kind := []string{"fact.accepted", "decision", "action.sent"}[i%3]
		if _, err := l.Append(t.Context(), audit.Entry{Type: kind, Actor: "engine", Corr: "sha256:0123456789abcdef", Body: map[string]any{"n": i, "text": "a\u009bb"}}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(10 * time.Second)
	}
	return dir, l
}

// evenkeelRun runs the program and returns what it printed.
func evenkeelRun(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestAuditShowSelectsEntries(t *testing.T) {
	dir, _ := auditLog(t)
	for _, tt := range []struct {
		name  string
		args  []string
		want  int // entries
		first string
	}{
		{"all of them", nil, 30, `"seq":0,`},
		{"one type", []string{"--type", "decision"}, 10, `"seq":1,`},
		{"a family of types", []string{"--type", "fact"}, 10, `"seq":0,`},
		{"two types", []string{"--type", "fact,decision"}, 20, `"seq":0,`},
		{"numbers, both ends included", []string{"--from", "5", "--to", "9"}, 5, `"seq":5,`},
		{"times, both ends included", []string{"--from", "2026-11-22T05:52:00Z", "--to", "2026-11-22T06:52:30+01:00"}, 4, `"seq":6,`},
		{"the last three", []string{"--last", "3"}, 3, `"seq":27,`},
		{"the last two of a type", []string{"--last", "2", "--type", "action"}, 2, `"seq":26,`},
		{"more than there are", []string{"--last", "100", "--to", "3"}, 4, `"seq":0,`},
		{"none", []string{"--from", "1000"}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := evenkeelRun(t, append([]string{"audit", "show", "--data", dir, "-o", "jsonl"}, tt.args...)...)
			if code != exitDone || strings.Count(out, "\n") != tt.want || !strings.Contains(strings.SplitN(out, "\n", 2)[0], tt.first) {
				t.Errorf("audit show = %d, %d lines, %s\n%s", code, strings.Count(out, "\n"), errs, out)
			}
		})
	}
}

func TestAuditShowPrintsEntriesAsStored(t *testing.T) {
	dir, l := auditLog(t)
	var want strings.Builder
	if err := l.Scan(t.Context(), 0, -1, func(r audit.Record) error {
		want.Write(r.Bytes)
		return want.WriteByte('\n')
	}); err != nil {
		t.Fatal(err)
	}
	if _, out, _ := evenkeelRun(t, "audit", "show", "--data", dir, "-o", "jsonl"); out != want.String() {
		t.Errorf("audit show -o jsonl =\n%s, want\n%s", out, want.String())
	}
	_, out, _ := evenkeelRun(t, "audit", "show", "--data", dir, "--last", "1")
	const table = "SEQ      TIME                     TYPE             ACTOR          CORR           BODY\n" +
		`29       2026-11-22T05:55:50.000Z action.sent      engine         0123456789abc… {"n":29,"text":"a·b"}` + "\n"
	if out != table {
		t.Errorf("audit show =\n%s, want\n%s", out, table)
	}
}

func TestAuditVerify(t *testing.T) {
	dir, l := auditLog(t)
	code, out, errs := evenkeelRun(t, "audit", "verify", "--data", dir)
	if code != exitDone || !strings.Contains(out, "entries  30\n") || !strings.Contains(out, "verdict  verified") {
		t.Errorf("audit verify = %d, %s%s", code, out, errs)
	}
	code, out, _ = evenkeelRun(t, "audit", "verify", "--data", dir, "-o", "json")
	var report struct {
		V, Entries int
		Root       string
		Verified   bool
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != exitDone || !report.Verified || report.Entries != 30 || report.V != 1 || report.Root == "" {
		t.Errorf("audit verify -o json = %d, %s, %v", code, out, err)
	}

	seen := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.WriteFile(seen, l.Checkpoint(), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := evenkeelRun(t, "audit", "verify", "--data", dir, "--seen", seen, "--key", filepath.Join(dir, "audit.pub")); code != exitDone {
		t.Errorf("audit verify --seen = %d, %s%s", code, out, errs)
	}
}

func TestAuditVerifyReportsTampering(t *testing.T) {
	live, _ := auditLog(t)
	for _, tt := range []struct {
		name   string
		tamper func(b []byte) []byte
		want   string
	}{
		{"a changed word", func(b []byte) []byte {
			return []byte(strings.ReplaceAll(string(b), `"n":12,`, `"n":21,`))
		}, "one of entries 0 to 29 was altered"},
		{"a file cut short", func(b []byte) []byte { return b[:9000] }, "cut short"},
		{"a file that is none", func([]byte) []byte { return []byte("none") }, "neither of its two meta pages is whole"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir() // a copy
			for _, name := range []string{"audit-00000000.db", "audit.pub"} {
				b, err := os.ReadFile(filepath.Join(live, name))
				if err != nil {
					t.Fatal(err)
				}
				if name != "audit.pub" {
					b = tt.tamper(b)
				}
				if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, out, errs := evenkeelRun(t, "audit", "verify", "--data", dir, "-o", "json")
			var report audit.Report
			if err := json.Unmarshal([]byte(out), &report); err != nil || report.Verified || len(report.Findings) == 0 {
				t.Errorf("audit verify printed %s, %v", out, err)
			}
			if code != exitTampered || !strings.Contains(errs, tt.want) || !strings.Contains(errs, "audit-00000000.db") || strings.Contains(errs, "goroutine") {
				t.Errorf("audit verify = %d, %s, want %d and %q", code, errs, exitTampered, tt.want)
			}
		})
	}
}

func TestAuditProve(t *testing.T) {
	dir, _ := auditLog(t)
	proof := filepath.Join(t.TempDir(), "7.tlog-proof")
	key := filepath.Join(dir, "audit.pub")
	if code, out, errs := evenkeelRun(t, "audit", "prove", "7", "--data", dir, "-O", proof); code != exitDone {
		t.Fatalf("audit prove = %d, %s%s", code, out, errs)
	}
	code, out, errs := evenkeelRun(t, "audit", "prove", "--check", proof, "--key", key)
	if code != exitDone || !strings.Contains(out, "entry    7 of 30\n") || !strings.Contains(out, `"n":7,`) {
		t.Errorf("audit prove --check = %d, %s%s", code, out, errs)
	}
	code, out, _ = evenkeelRun(t, "audit", "prove", "--check", proof, "--data", dir, "-o", "json")
	if code != exitDone || !strings.Contains(out, `"verified":true`) || !strings.Contains(out, `"entry":{"actor":"engine","body":{"n":7,`) {
		t.Errorf("audit prove --check -o json = %d, %s", code, out)
	}
	b, err := os.ReadFile(proof)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(proof, []byte(strings.Replace(string(b), "index 7", "index 8", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := evenkeelRun(t, "audit", "prove", "--check", proof, "--key", key); code != exitTampered || !strings.Contains(errs, "proof does not hold") {
		t.Errorf("audit prove --check of a changed proof = %d, %s", code, errs)
	}
}

func TestAuditErrors(t *testing.T) {
	dir, _ := auditLog(t)
	parent := t.TempDir()
	if err := os.Rename(dir, filepath.Join(parent, "data")); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(parent, "data")
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no directory given", []string{"show"}, exitUsage, "add --data DIR"},
		{"a directory that is not there", []string{"verify", "--data", filepath.Join(dir, "no")}, exitFailed, "no such file or directory"},
		{"a directory above that of the log", []string{"verify", "--data", parent}, exitFailed, "hint: there is a log in " + dir},
		{"a key that is not there", []string{"verify", "--data", dir, "--key", "no.pub"}, exitFailed, "open no.pub"},
		{"a key that is none", []string{"verify", "--data", dir, "--key", filepath.Join(dir, "audit.lock")}, exitFailed, "want the text of audit.pub"},
		{"an output that is none", []string{"verify", "--data", dir, "-o", "yaml"}, exitUsage, `want text or json`},
		{"a time that is none", []string{"show", "--data", dir, "--from", "yesterday"}, exitUsage, `--from "yesterday"`},
		{"an entry beyond the end", []string{"prove", "30", "--data", dir}, exitFailed, "the log has 30 entries"},
		{"an entry that is no number", []string{"prove", "x", "--data", dir}, exitUsage, "want the number of an entry"},
		{"nothing to prove", []string{"prove", "--data", dir}, exitUsage, "want the number of an entry, or --check FILE"},
		{"a check without a key", []string{"prove", "--check", "x"}, exitUsage, "add --key audit.pub"},
		{"a log for a proof", []string{"prove", "--check", filepath.Join(dir, "audit.pub"), "--data", dir}, exitTampered, "first line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := evenkeelRun(t, append([]string{"audit"}, tt.args...)...)
			if code != tt.code || !strings.Contains(errs, tt.want) {
				t.Errorf("evenkeel audit %q = %d, %s%s; want %d and %q", tt.args, code, out, errs, tt.code, tt.want)
			}
		})
	}
}
