package audit

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
)

// childEnv makes the test binary play a part of its own instead of testing:
// a process that is killed, or that has little disk.
const childEnv = "EVENKEEL_AUDIT_TEST_CHILD"

func TestMain(m *testing.M) {
	parts := map[string]func(dir string) error{"append": appendForEver, "full": fillDisk}
	if part := parts[os.Getenv(childEnv)]; part != nil {
		if err := part(os.Args[len(os.Args)-1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// appendForEver appends from several goroutines and prints, after each answer,
// the entry's number and digest.
func appendForEver(dir string) error {
	l, err := Open(dir, testOptions(Options{perFile: 200}))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	out := bufio.NewWriter(os.Stdout)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				r, err := l.Append(context.Background(),
					Entry{Type: "intent", Actor: "engine", Body: map[string]any{"g": g, "i": i}},
					Entry{Type: "action.sent", Actor: "engine", Body: map[string]any{"g": g, "i": i}})
				mu.Lock()
				if err != nil {
					fmt.Fprintln(out, err)
				}
				for _, r := range r {
					fmt.Fprintf(out, "%d %x\n", r.Seq, sha256.Sum256(r.Bytes))
				}
				out.Flush()
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return nil
}

// fillDisk appends until files must not grow any more, and again when they may.
func fillDisk(dir string) error {
	signal.Ignore(syscall.SIGXFSZ) // writes fail with EFBIG instead
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	l, err := Open(dir, testOptions(Options{}))
	if err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 256 << 10, Max: old.Max}); err != nil {
		return err
	}
	ctx := context.Background()
	var recorded int64
	for {
		_, err := l.Append(ctx, entry512)
		if errors.Is(err, syscall.EFBIG) || err != nil && recorded > 0 {
			fmt.Println("refused:", err)
			break
		}
		if err != nil {
			return err
		}
		recorded++
	}
	for range 3 { // still full: refused again, nothing lost
		if _, err := l.Append(ctx, entry512); err == nil {
			return errors.New("append on a full disk succeeded")
		}
	}
	if l.Size() != recorded {
		return fmt.Errorf("%d entries, want %d", l.Size(), recorded)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	for i := range int64(10) {
		r, err := l.Append(ctx, entry512)
		if err != nil {
			return fmt.Errorf("append when there is room again: %w", err)
		}
		if r[0].Seq != recorded+i {
			return fmt.Errorf("entry %d, want %d", r[0].Seq, recorded+i)
		}
	}
	if err := l.Close(); err != nil {
		return err
	}
	report, err := Verify(dir)
	fmt.Println("entries:", report.Entries-recorded)
	return err
}
