package audit

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

var errDisk = errors.New("input/output error")

// faultyStore fails every transaction for as long as fault says so: it is
// rolled back, or committed although the answer is an error, or panics.
type faultyStore struct {
	store
	fault *string
}

func (s faultyStore) Update(f func(*bolt.Tx) error) error {
	switch *s.fault {
	case "lost":
		return s.store.Update(func(tx *bolt.Tx) error { return errors.Join(f(tx), errDisk) })
	case "kept":
		return errors.Join(s.store.Update(f), errDisk)
	case "panic":
		panic("page 7 already freed")
	}
	return s.store.Update(f)
}

func openFaulty(t *testing.T, dir string, fault *string) *Log {
	t.Helper()
	l, err := Open(dir, testOptions(Options{perFile: 20, open: func(path string) (store, error) {
		if *fault == "no open" {
			return nil, errDisk
		}
		s, err := openStore(path)
		return faultyStore{s, fault}, err
	}}))
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	return l
}

func TestFailedCommitRecordsNothing(t *testing.T) {
	for _, size := range []int{1, 19, 20, 21} { // also when a file is full
		dir, fault := t.TempDir(), ""
		l := openFaulty(t, dir, &fault)
		for range size {
			mustAppend(t, l, number(1))
		}
		checkpoint := string(l.Checkpoint())
		for _, fault = range []string{"lost", "no open", "lost"} {
			if _, err := l.Append(t.Context(), number(2), number(3)); !errors.Is(err, errDisk) {
				t.Errorf("%s: Append = %v, want %v", fault, err, errDisk)
			}
		}
		if l.Size() != int64(size) || string(l.Checkpoint()) != checkpoint {
			t.Errorf("%d entries after failures, want %d and the same checkpoint", l.Size(), size)
		}
		if _, err := Verify(dir); err != nil {
			t.Errorf("after failures: Verify = %v", err)
		}
		fault = ""
		if r := mustAppend(t, l, number(4)); r[0].Seq != int64(size) {
			t.Errorf("next entry is %d, want %d", r[0].Seq, size)
		}
		if s := l.Stats(); s.Failed != 3 {
			t.Errorf("Stats = %+v, want 3 failures", s)
		}
		if err := l.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		if r, err := Verify(dir); err != nil || r.Entries != int64(size)+1 {
			t.Errorf("Verify = %+v, %v, want %d entries", r, err, size+1)
		}
	}
}

// A commit that failed after the file had changed may be on disk or not: the
// log must not go on as if it knew.
func TestCommitOfUnknownFateStopsTheLog(t *testing.T) {
	dir, fault := t.TempDir(), ""
	l := openFaulty(t, dir, &fault)
	mustAppend(t, l, number(1))
	fault = "kept"
	if _, err := l.Append(t.Context(), number(2)); !errors.Is(err, errDisk) {
		t.Errorf("Append = %v, want %v", err, errDisk)
	}
	fault = ""
	for range 2 {
		if _, err := l.Append(t.Context(), number(3)); err == nil || !strings.Contains(err.Error(), "open the log again") {
			t.Errorf("Append = %v, want it to be refused", err)
		}
	}
	if l.Size() != 1 {
		t.Errorf("Size = %d, want only what was acknowledged", l.Size())
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	l = openLog(t, dir, Options{})
	if r := mustAppend(t, l, number(4)); r[0].Seq != 2 {
		t.Errorf("after reopening: entry %d, want 2", r[0].Seq)
	}
}

func TestPanicOfTheDatabaseIsAnError(t *testing.T) {
	dir, fault := t.TempDir(), ""
	l := openFaulty(t, dir, &fault)
	mustAppend(t, l, number(1))
	fault = "panic"
	for range 2 {
		if _, err := l.Append(t.Context(), number(2)); !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), "page 7") {
			t.Errorf("Append = %v, want ErrTampered with the reason", err)
		}
	}
	if err := l.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// Someone cuts the file while it is mapped: the process must live.
func TestFileCutUnderARunningLog(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir, testOptions(Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		mustAppend(t, l, numbers(200)...)
	}
	if err := os.Truncate(filepath.Join(dir, fileName(0)), 2*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), number(1)); err == nil {
		t.Error("Append to a file that was cut = nil, want an error")
	}
	if err := l.Scan(t.Context(), 0, -1, func(Record) error { return nil }); !errors.Is(err, ErrTampered) {
		t.Errorf("Scan = %v, want ErrTampered", err)
	}
	if err := l.Close(); err != nil {
		t.Logf("Close = %v", err)
	}
	if _, err := Verify(dir); !errors.Is(err, ErrTampered) {
		t.Errorf("Verify = %v, want ErrTampered", err)
	}
}

// A crash between making a file and the first commit to it.
func TestFileThatWasMadeButNotUsed(t *testing.T) {
	dir := filledDir(t, Options{perFile: 50}, 50)
	r, err := OpenReader(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, floor := r.Checkpoint(), r.newest().floor
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, fileName(1)+".new"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := createFile(dir, 1, 50, checkpoint, floor); err != nil {
			t.Fatalf("createFile = %v", err)
		}
	}
	l := openLog(t, dir, Options{perFile: 50, Now: func() time.Time { return time.Unix(0, 0) }})
	if r := mustAppend(t, l, number(1)); r[0].Seq != 50 || !r[0].Time.Equal(floor) {
		t.Errorf("entry %d of %s, want 50 of %s", r[0].Seq, r[0].Time, floor)
	}
}
