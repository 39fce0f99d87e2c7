package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"
)

// edit changes a file of a log through bbolt, as someone could who has no key.
func edit(tb testing.TB, dir string, number int, f func(tx *bolt.Tx) error) {
	tb.Helper()
	db, err := bolt.Open(filepath.Join(dir, fileName(number)), 0o600, boltOptions())
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		tb.Fatal(err)
	}
}

func bucketOf(tx *bolt.Tx, name string) *bolt.Bucket { return tx.Bucket([]byte(name)) }

// The log that is tampered with: two tiles in the first file, one in the second.
const tamperedEntries, tamperedPerFile = 900, 600

var tamperings = []struct {
	name   string
	tamper func(t *testing.T, dir string)
	want   string // in the error
}{
	{"a body under a full tile", func(t *testing.T, dir string) {
		edit(t, dir, 0, func(tx *bolt.Tx) error { return replaceIn(tx, 300, `"n":0`, `"n":1`) })
	}, "audit-00000000.db: tampered or damaged: entry 300 was altered"},
	{"a body not yet under a full tile", func(t *testing.T, dir string) {
		edit(t, dir, 1, func(tx *bolt.Tx) error { return replaceIn(tx, 850, `"n":0`, `"n":1`) })
	}, "audit-00000001.db: tampered or damaged: one of entries 768 to 899 was altered"},
	{"an entry that is no JSON", func(t *testing.T, dir string) {
		edit(t, dir, 1, func(tx *bolt.Tx) error { return bucketOf(tx, bucketEntries).Put(entryKey(700), []byte("x")) })
	}, "entry 700"},
	{"two entries swapped", func(t *testing.T, dir string) {
		edit(t, dir, 0, func(tx *bolt.Tx) error {
			e := bucketOf(tx, bucketEntries)
			a, b := bytes.Clone(e.Get(entryKey(10))), bytes.Clone(e.Get(entryKey(11)))
			return errors.Join(e.Put(entryKey(10), b), e.Put(entryKey(11), a))
		})
	}, "entry 10 says it is entry 11"},
	{"an entry removed", func(t *testing.T, dir string) {
		edit(t, dir, 0, func(tx *bolt.Tx) error { return bucketOf(tx, bucketEntries).Delete(entryKey(77)) })
	}, "entry 77 is missing"},
	{"the last entry removed", func(t *testing.T, dir string) {
		edit(t, dir, 1, func(tx *bolt.Tx) error { return bucketOf(tx, bucketEntries).Delete(entryKey(tamperedEntries - 1)) })
	}, "899 entries, but the checkpoint says 900"},
	{"an entry added", func(t *testing.T, dir string) {
		edit(t, dir, 1, func(tx *bolt.Tx) error {
			return bucketOf(tx, bucketEntries).Put(entryKey(tamperedEntries), []byte(plainEntry))
		})
	}, "901 entries, but the checkpoint says 900"},
	{"an entry's environment", func(t *testing.T, dir string) {
		edit(t, dir, 0, func(tx *bolt.Tx) error { return replaceIn(tx, 300, `"env":"test"`, `"env":"prod"`) })
	}, "entry 300"},
	{"an entry's time", func(t *testing.T, dir string) {
		edit(t, dir, 0, func(tx *bolt.Tx) error { return replaceIn(tx, 300, `"time":"20`, `"time":"19`) })
	}, "entry 300"},
	{"a tile", func(t *testing.T, dir string) {
		edit(t, dir, 0, func(tx *bolt.Tx) error {
			h := bucketOf(tx, bucketHashes)
			key := tileKey(tile{0, 1, nil})
			b := bytes.Clone(h.Get(key))
			b[40] ^= 1
			return h.Put(key, b)
		})
	}, "tile 1 of level 0 is damaged; the entries under it are as they were written"},
	{"a tile removed", func(t *testing.T, dir string) {
		edit(t, dir, 0, func(tx *bolt.Tx) error { return bucketOf(tx, bucketHashes).Delete(tileKey(tile{0, 1, nil})) })
	}, "tile 1 of level 0 has 0 bytes"},
	{"a tile too many", func(t *testing.T, dir string) {
		edit(t, dir, 1, func(tx *bolt.Tx) error {
			return bucketOf(tx, bucketHashes).Put(tileKey(tile{1, 0, nil}), make([]byte, tileBytes))
		})
	}, "holds 2 tiles, want 1"},
	{"a signature", func(t *testing.T, dir string) {
		edit(t, dir, 1, func(tx *bolt.Tx) error { return changeCheckpoint(tx, -10) })
	}, "checkpoint signature"},
	{"a signature of a full file", func(t *testing.T, dir string) {
		edit(t, dir, 0, func(tx *bolt.Tx) error { return changeCheckpoint(tx, -10) })
	}, "audit-00000000.db: tampered or damaged: checkpoint signature"},
	{"a checkpoint put back to an older one", func(t *testing.T, dir string) {
		var first []byte
		edit(t, dir, 0, func(tx *bolt.Tx) error {
			first = bytes.Clone(bucketOf(tx, bucketMeta).Get([]byte(keyCheckpoint)))
			return nil
		})
		edit(t, dir, 1, func(tx *bolt.Tx) error { return bucketOf(tx, bucketMeta).Put([]byte(keyCheckpoint), first) })
	}, "900 entries, but the checkpoint says 600"},
	{"the time floor", func(t *testing.T, dir string) {
		edit(t, dir, 1, func(tx *bolt.Tx) error {
			return bucketOf(tx, bucketMeta).Put([]byte(keyFloor), []byte("2000-01-01T00:00:00.000Z"))
		})
	}, "time floor is 2000-01-01T00:00:00.000Z"},
	{"the time floor is no time", func(t *testing.T, dir string) {
		edit(t, dir, 1, func(tx *bolt.Tx) error { return bucketOf(tx, bucketMeta).Put([]byte(keyFloor), []byte("x")) })
	}, "time floor"},
	{"where a file begins", func(t *testing.T, dir string) {
		edit(t, dir, 1, func(tx *bolt.Tx) error { return bucketOf(tx, bucketMeta).Put([]byte(keyFirst), entryKey(599)) })
	}, "begins with entry 599, want 600"},
	{"the first file removed", func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(dir, fileName(0))); err != nil {
			t.Fatal(err)
		}
	}, "audit-00000000.db: file does not exist"},
	{"a file of another log", func(t *testing.T, dir string) {
		copyFile(t, filepath.Join(filledDir(t, Options{}, 30), fileName(0)), filepath.Join(dir, fileName(1)))
	}, "checkpoint signature"},
	{"a file cut in the middle", func(t *testing.T, dir string) {
		if err := os.Truncate(filepath.Join(dir, fileName(0)), 40000); err != nil {
			t.Fatal(err)
		}
	}, "cut short"},
	{"a file of zeros", func(t *testing.T, dir string) {
		if err := os.WriteFile(filepath.Join(dir, fileName(1)), make([]byte, 1<<16), 0o600); err != nil {
			t.Fatal(err)
		}
	}, "neither of its two meta pages is whole"},
	{"history rewritten under another key", func(t *testing.T, dir string) {
		copyFile(t, filepath.Join(filledDir(t, Options{}, 30), publicFile), filepath.Join(dir, publicFile))
	}, "checkpoint signature"},
}

func TestVerifyFindsTampering(t *testing.T) {
	for _, tt := range tamperings {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filledDir(t, Options{perFile: tamperedPerFile}, tamperedEntries)
			tt.tamper(t, dir)
			report, err := Verify(dir)
			if !errors.Is(err, ErrTampered) || !strings.Contains(err.Error(), tt.want) || report.Verified {
				t.Errorf("Verify = %+v,\n%v, want ErrTampered with %q", report, err, tt.want)
			}
		})
	}
}

func replaceIn(tx *bolt.Tx, seq int64, old, with string) error {
	e := bucketOf(tx, bucketEntries)
	b := bytes.Clone(e.Get(entryKey(seq)))
	changed := bytes.Replace(b, []byte(old), []byte(with), 1)
	if bytes.Equal(b, changed) {
		return fmt.Errorf("%q is not in %s", old, b)
	}
	return e.Put(entryKey(seq), changed)
}

// changeCheckpoint flips a bit of the checkpoint, at from its end.
func changeCheckpoint(tx *bolt.Tx, at int) error {
	m := bucketOf(tx, bucketMeta)
	b := bytes.Clone(m.Get([]byte(keyCheckpoint)))
	b[len(b)+at] ^= 1
	return m.Put([]byte(keyCheckpoint), b)
}

func copyFile(tb testing.TB, from, to string) {
	tb.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// Bytes all over a small file are changed in turn, one bit each: either the log
// verifies to the very same root, or it is reported as tampered with.
func TestEveryFlippedBitIsHarmlessOrFound(t *testing.T) {
	t.Parallel()
	dir := filledDir(t, Options{}, 300)
	want, err := Verify(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName(0))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := 0
	const stride = 263 // a prime: about 500 places of this file, in every kind of page
	for at := 0; at < len(whole); at += stride {
		flip := func(bit byte) {
			if _, err := f.WriteAt([]byte{whole[at] ^ bit}, int64(at)); err != nil {
				t.Fatal(err)
			}
		}
		flip(1 << (at % 8))
		switch got, err := Verify(dir); {
		case errors.Is(err, ErrTampered):
			found++
		case err != nil || got.Root != want.Root || got.Entries != want.Entries:
			t.Errorf("byte %d changed: Verify = %+v, %v, want ErrTampered or the same root", at, got, err)
		}
		flip(0)
	}
	if found == 0 {
		t.Error("no change was found")
	}
	t.Logf("%d of %d changes were found; the others are in pages not in use", found, len(whole)/stride+1)
}

// A damaged file is refused, or the damage is outside what appending needs: the
// process lives, and Verify knows.
func TestAppendToADamagedFileDoesNotPanic(t *testing.T) {
	t.Parallel()
	dir := filledDir(t, Options{}, 300)
	path := filepath.Join(dir, fileName(0))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	const stride = 2011 // a prime
	for at := 3; at < len(whole); at += stride {
		b := bytes.Clone(whole)
		b[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, verdict := Verify(dir)
		l, err := Open(dir, testOptions(Options{}))
		if err == nil {
			_, err = l.Append(t.Context(), numbers(300)...)
			err = errors.Join(err, l.Close())
		}
		if err != nil {
			refused++
			if verdict == nil {
				t.Errorf("byte %d changed: Append = %v, but Verify found nothing", at, err)
			}
		}
		if _, after := Verify(dir); (after == nil) != (verdict == nil) && err == nil && !strings.Contains(fmt.Sprint(verdict), "meta pages") {
			t.Errorf("byte %d changed: Verify = %v, and after appending %v", at, verdict, after)
		}
	}
	if refused == 0 {
		t.Error("no damaged file was refused")
	}
	t.Logf("%d of %d damaged files were refused", refused, len(whole)/stride+1)
}

func TestVerifyAgainstACheckpointSeenBefore(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, Options{perFile: 100})
	var seen [][]byte
	for range 5 {
		seen = append(seen, l.Checkpoint())
		mustAppend(t, l, numbers(70)...)
	}
	for _, checkpoint := range append(seen, l.Checkpoint()) {
		r, err := OpenReader(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Verify(t.Context(), checkpoint); err != nil {
			t.Errorf("Verify from %q = %v", checkpoint, err)
		}
		r.Close()
	}

	otherKey, _ := testKey(t)
	forged, err := signCheckpoint(l.signer, tlog.Tree{N: 70, Hash: tlog.RecordHash(nil)})
	if err != nil {
		t.Fatal(err)
	}
	later, err := signCheckpoint(l.signer, tlog.Tree{N: 1000, Hash: tlog.RecordHash(nil)})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := signCheckpoint(otherKey, tlog.Tree{N: 70})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		seen     []byte
		tampered bool
		want     string
	}{
		{"another history of the same key", forged, true, "history was rewritten"},
		{"a longer log", later, true, "log has 350 entries, but had 1000 before"},
		{"a checkpoint of another key", foreign, false, "checkpoint seen before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := OpenReader(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := r.Verify(t.Context(), tt.seen); errors.Is(err, ErrTampered) != tt.tampered || !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Errorf("Verify = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestVerifyStopsWithItsContext(t *testing.T) {
	r, err := OpenReader(filledDir(t, Options{}, 50), "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Verify(ctx, nil); !errors.Is(err, context.Canceled) || errors.Is(err, ErrTampered) {
		t.Errorf("Verify = %v, want context.Canceled", err)
	}
}

func TestVerifyOfNoLogIsNoTampering(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Join(dir, "none")} {
		if _, err := Verify(d); !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrTampered) {
			t.Errorf("Verify(%s) = %v, want ErrNotExist", d, err)
		}
	}
}

// A reader without any lock, in the way of a process that writes at full speed.
func TestLogIsReadWhileItIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := openLog(t, dir, Options{perFile: 3000})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			if _, err := l.Append(t.Context(), numbers(1+i%40)...); err != nil {
				t.Errorf("Append = %v", err)
				return
			}
		}
	}()
	const files, times = 2, 3 // to see the log grow
	var last int64
	rounds, grown := 0, 0
	for deadline := time.Now().Add(2 * time.Minute); last < files*3000 || grown < times; rounds++ {
		report, err := Verify(dir)
		if err != nil || report.Entries < last {
			t.Errorf("Verify while writing = %+v, %v, want at least %d entries", report, err, last)
			break
		}
		if report.Entries > last {
			grown++
		}
		last = report.Entries
		if time.Now().After(deadline) {
			t.Errorf("verified %d times, the log grew %d times to %d entries, want %d times and %d files", rounds, grown, last, times, files)
			break
		}
	}
	stop()
	<-done
	t.Logf("verified %d times, at last %d entries", rounds, last)
}
