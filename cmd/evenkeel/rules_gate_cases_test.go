package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestGateAnswersTheGivenCases asks the command what another implementation made.
func TestGateAnswersTheGivenCases(t *testing.T) {
	names, err := filepath.Glob("../../testdata/gate/*.txtar")
	if err != nil || len(names) != 17 {
		t.Fatalf("%d cases, %v, want 17", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var ask struct {
				Active, Because, Env, Now, Trust, Want string
				Seq                                    uint64
			}
			if err := json.Unmarshal(archive.Comment, &ask); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for _, f := range archive.Files {
				file := filepath.Join(dir, filepath.FromSlash(f.Name))
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, f.Data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{"rules", "gate", "--trust", ask.Trust, "--env", ask.Env, "--registers", filepath.Join(dir, "registers"),
				"--bundle", filepath.Join(dir, "bundle"), "--statements", filepath.Join(dir, "statements"),
				"--active", ask.Active, "--seq", fmt.Sprint(ask.Seq), "--now", ask.Now, "-o", "json"}, &out, &errs)
			var got struct {
				Accepted bool
				Reasons  []string
			}
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatalf("%s: %v", out.String(), err)
			}
			want := ask.Want == "accepted"
			if got.Accepted != want || (code == exitDone) != want || !want && len(got.Reasons) == 0 {
				t.Errorf("exit %d, accepted %v for %q, want %s: %s\n%s", code, got.Accepted, got.Reasons, ask.Want, ask.Because, errs.String())
			}
		})
	}
}
