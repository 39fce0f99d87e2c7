package audit

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func child(t *testing.T, part, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, dir)
	cmd.Env = append(os.Environ(), childEnv+"="+part)
	return cmd
}

func TestKilledWriterLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	const kills = 30
	dir := t.TempDir()
	acknowledged := make(map[int64]string)
	for round := range kills {
		cmd := child(t, "append", dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for left := rand.IntN(120); lines.Scan(); left-- {
			var seq int64
			var digest string
			if _, err := fmt.Sscan(lines.Text(), &seq, &digest); err != nil && left > 0 {
				t.Fatalf("round %d: the writer says %q", round, lines.Text())
			} else if err == nil && len(digest) == 2*sha256.Size { // the last line may be cut
				acknowledged[seq] = digest
			}
			if left == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatalf("round %d: the writer ended by itself", round)
		}
	}
	report, err := Verify(dir)
	if err != nil {
		t.Fatalf("after %d kills: Verify = %v", kills, err)
	}
	r, err := OpenReader(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.Scan(t.Context(), 0, -1, func(r Record) error {
		if want := acknowledged[r.Seq]; want != "" && want != fmt.Sprintf("%x", sha256.Sum256(r.Bytes)) {
			return fmt.Errorf("entry %d is not the one that was acknowledged", r.Seq)
		}
		delete(acknowledged, r.Seq)
		return nil
	})
	if err != nil || len(acknowledged) > 0 {
		t.Errorf("Scan = %v, %d acknowledged entries were lost", err, len(acknowledged))
	}
	if report.Entries%2 != 0 {
		t.Errorf("%d entries: half of an append was recorded", report.Entries)
	}
	t.Logf("%d kills, %d entries in %d files", kills, report.Entries, report.Files)
}

func TestFullDiskLosesNothing(t *testing.T) {
	out, err := child(t, "full", t.TempDir()).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "file too large") || !strings.Contains(string(out), "entries: 10\n") {
		t.Errorf("writer with little disk: %v\n%s", err, out)
	}
}
