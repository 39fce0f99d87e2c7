package audit

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// logWithFreeTail returns a closed log whose last page is free, and the number
// and size of its pages.
func logWithFreeTail(t *testing.T) (dir string, pages, pageSize int64) {
	t.Helper()
	dir = t.TempDir()
	l, err := Open(dir, testOptions(Options{}))
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	for range 200 { // commits
		mustAppend(t, l, numbers(30)...)
		f, err := openFile(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		free, err := f.snap.free()
		if err := errors.Join(err, f.close()); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(free, f.snap.limit-1) {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return dir, int64(f.snap.limit), int64(f.snap.pageSize)
		}
	}
	t.Fatal("no commit left the last page free")
	return "", 0, 0
}

func TestFileCutShortIsFoundAndRefused(t *testing.T) {
	t.Parallel()
	dir, pages, pageSize := logWithFreeTail(t)
	path := filepath.Join(dir, fileName(0))
	for size := pages*pageSize - 1; size >= 2*pageSize; size -= pageSize / 2 {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		report, err := Verify(dir)
		if !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), "cut short") || report.Verified {
			t.Errorf("cut to %d of %d bytes: Verify = %+v, %v, want ErrTampered: cut short", size, pages*pageSize, report, err)
		}
		l, err := Open(dir, testOptions(Options{}))
		if err == nil {
			err = errors.Join(errors.New("it was opened"), l.Close())
		}
		if !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), "cut short") || !strings.HasSuffix(err.Error(), "restore the file from a backup") {
			t.Errorf("cut to %d of %d bytes: Open = %v, want ErrTampered: cut short, and what to do", size, pages*pageSize, err)
		}
	}
}

func TestFileWithoutItsFreeTailStillGivesEveryEntry(t *testing.T) {
	t.Parallel()
	dir, pages, pageSize := logWithFreeTail(t)
	if err := os.Truncate(filepath.Join(dir, fileName(0)), (pages-1)*pageSize); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(dir, "")
	if err != nil {
		t.Fatalf("OpenReader = %v", err)
	}
	defer r.Close()
	n := int64(0)
	if err := r.Scan(t.Context(), 0, -1, func(Record) error { n++; return nil }); err != nil || n != r.Size() {
		t.Errorf("Scan = %v, %d of %d entries", err, n, r.Size())
	}
	report, err := r.Verify(t.Context(), nil)
	if !errors.Is(err, ErrTampered) || len(report.Findings) != 1 || report.Entries != n {
		t.Errorf("Verify = %+v, %v, want all %d entries and one finding", report, err, n)
	}
}

// bbolt leaves room for more behind the pages of a file, and does without it.
func TestFileCutBehindItsPagesIsWhole(t *testing.T) {
	t.Parallel()
	dir, pages, pageSize := logWithFreeTail(t)
	if err := os.Truncate(filepath.Join(dir, fileName(0)), pages*pageSize); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(dir); err != nil {
		t.Errorf("Verify = %v", err)
	}
	l := openLog(t, dir, Options{})
	for range 50 { // closed and verified when the test ends
		mustAppend(t, l, numbers(30)...)
	}
}
