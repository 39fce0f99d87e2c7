package bus

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// limitFiles keeps this process from writing beyond n bytes of any file, until
// the function it returns is called: a disk that is full, as far as the broker
// can tell.
func limitFiles(t *testing.T, n uint64) (lift func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Error(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
}

// A process of its own has the limit: the tests' own files are not cut off.
func TestFullDiskIsToldAndOutlived(t *testing.T) {
	cmd := process(t, fullDiskRole, "", "")
	cmd.Args = append(cmd.Args, "-test.v", "-test.run=^TestInFullDiskProcess$")
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil || !strings.Contains(out.String(), "--- PASS: TestInFullDiskProcess") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// fullDiskRole is the role of the process in which TestInFullDiskProcess runs.
const fullDiskRole = "full disk"

func TestInFullDiskProcess(t *testing.T) {
	if os.Getenv("BUS_TEST_ROLE") != fullDiskRole {
		return // TestFullDiskIsToldAndOutlived runs it
	}
	b := open(t, Config{StoreDir: t.TempDir()})
	in := consume(t, b, nil)
	var stored []string
	n := 0
	publish := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // a full disk may give no answer
		defer cancel()
		f := bigFact(n)
		n++
		err := b.Publish(ctx, f)
		switch {
		case err == nil:
			stored = append(stored, idOf(t, f))
		case !errors.Is(err, ErrUnreachable):
			t.Fatalf("Publish = %v, want %v", err, ErrUnreachable)
		}
		return err
	}
	lift := limitFiles(t, 512<<10)
	defer lift()
	wait(t, "a publisher to be told of the disk", func() bool {
		err := publish()
		return err != nil && strings.Contains(err.Error(), "file too large")
	})
	wait(t, "a publisher to be told at once, after the store was recovered in vain", func() bool {
		err := publish()
		return err != nil && strings.Contains(err.Error(), "file too large") && !strings.Contains(err.Error(), "no answer")
	})
	full := len(stored)
	lift()
	b.broker.mu.Lock()
	b.broker.mended = time.Time{} // as healEvery later
	b.broker.mu.Unlock()
	wait(t, "the broker to store again", func() bool { return publish() == nil })
	if full < 5 || len(stored) != full+1 {
		t.Errorf("stored %d facts before and %d after, want 5 or more and 1", full, len(stored)-full)
	}
	wait(t, "the consumer to have all", func() bool { return len(missing(stored, in.got())) == 0 })
	got := slices.DeleteFunc(inOrder(in.got()), func(id string) bool { return !slices.Contains(stored, id) })
	if !slices.Equal(got, stored) {
		t.Errorf("handled %d facts out of order, want %d in order", len(got), len(stored))
	}
}
