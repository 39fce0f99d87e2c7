package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	lockFile = "audit.lock" // holds the id of the process that writes the log
	lockPoll = 50 * time.Millisecond
	// lockWait is long enough for a predecessor that is just ending.
	lockWait = 2 * time.Second
)

// lock makes this process the only writer of the log in dir, until the file
// that it returns is closed.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(lockWait); ; time.Sleep(lockPoll) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(deadline) {
			return nil, errors.Join(lockError(f, err), f.Close())
		}
	}
	// The number only helps whoever finds the log locked: a full disk must not
	// keep the log from being opened.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

func lockError(f *os.File, err error) error {
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("%s: %w", lockFile, err)
	}
	holder := "another process"
	if b, err := io.ReadAll(io.LimitReader(f, 20)); err == nil && len(b) > 0 {
		holder += " (pid " + strings.TrimSpace(string(b)) + ")"
	}
	return fmt.Errorf("%w by %s: stop it first, or read the log with 'evenkeel audit'", ErrInUse, holder)
}
