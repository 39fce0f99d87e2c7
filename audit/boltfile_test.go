package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// readBolt returns all of a bucket, as bbolt reads it.
func readBolt(tb testing.TB, path, name string) (all []string) {
	tb.Helper()
	db, err := bolt.Open(path, 0o600, boltOptions())
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(name)).ForEach(func(k, v []byte) error {
			all = append(all, fmt.Sprintf("%x=%x", k, v))
			return nil
		})
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func TestSnapshotReadsWhatBboltReads(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, Options{})
	for i := range 40 { // branch pages, overflow pages and an inline bucket
		entries := numbers(100)
		entries[50] = Entry{Type: "stop", Actor: "a", Body: map[string]any{"x": string(bytes.Repeat([]byte("x"), 1500*i))}}
		mustAppend(t, l, entries...)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName(0))
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := takeSnapshot(f)
	if err != nil {
		t.Fatalf("takeSnapshot = %v", err)
	}
	for _, name := range []string{bucketEntries, bucketHashes, bucketMeta} {
		b, err := s.bucket(name)
		if err != nil {
			t.Fatalf("bucket(%q) = %v", name, err)
		}
		var got []string
		err = s.ascend(b, nil, func(e element) (bool, error) {
			got = append(got, fmt.Sprintf("%x=%x", e.key, e.value))
			return true, nil
		})
		if want := readBolt(t, path, name); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("bucket %q has %d elements, %v; bbolt reads %d, or others", name, len(got), err, len(want))
		}
	}
	if _, err := s.bucket("none"); !errors.Is(err, errFormat) {
		t.Errorf("bucket that is not there = %v, want errFormat", err)
	}
	b, err := s.bucket(bucketEntries)
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []int64{0, 1, 99, 100, 2345, 3999} {
		var first []byte
		err := s.ascend(b, entryKey(from), func(e element) (bool, error) { first = e.key; return false, nil })
		if err != nil || !bytes.Equal(first, entryKey(from)) {
			t.Errorf("first key from %d = %x, %v", from, first, err)
		}
	}
	if v, err := s.get(b, entryKey(4000)); v != nil || err != nil {
		t.Errorf("get of a key that is not there = %x, %v", v, err)
	}
}

// smallFile returns the bytes of a log file with some entries.
func smallFile(tb testing.TB) []byte {
	tb.Helper()
	dir := filledDir(tb, Options{}, 600)
	b, err := os.ReadFile(filepath.Join(dir, fileName(0)))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// readAll reads everything there is in a file.
func readAll(b []byte) error {
	s, err := takeSnapshot(bytes.NewReader(b))
	if err != nil {
		return err
	}
	for _, name := range []string{bucketEntries, bucketHashes, bucketMeta} {
		bucket, err := s.bucket(name)
		if err != nil {
			return err
		}
		if err := s.ascend(bucket, nil, func(element) (bool, error) { return true, nil }); err != nil {
			return err
		}
	}
	return nil
}

func TestSnapshotSurvivesATornMetaPage(t *testing.T) {
	whole := smallFile(t)
	pageSize := os.Getpagesize()
	for _, page := range []int{0, 1} {
		b := bytes.Clone(whole)
		clear(b[page*pageSize+16 : (page+1)*pageSize])
		m, err := readMeta(bytes.NewReader(b))
		if err != nil || m.pageSize != pageSize {
			t.Errorf("readMeta without page %d = %+v, %v", page, m, err)
		}
	}
	clear(whole[:2*pageSize])
	if _, err := readMeta(bytes.NewReader(whole)); !errors.Is(err, errFormat) {
		t.Errorf("readMeta without both = %v, want errFormat", err)
	}
}

// FuzzBoltFile damages a file in four places and cuts it: reading it must end,
// with an error or without, and must not panic.
func FuzzBoltFile(f *testing.F) {
	whole := smallFile(f)
	f.Add([]byte{0, 0, 0, 0}, uint32(len(whole)))
	f.Add([]byte{0x30, 8, 1, 0x30, 10, 255, 0x20, 16, 7}, uint32(len(whole)))
	f.Add([]byte{0x60, 12, 255}, uint32(len(whole)-5000))
	f.Add([]byte{}, uint32(100))
	f.Fuzz(func(t *testing.T, patch []byte, size uint32) {
		b := bytes.Clone(whole)
		for ; len(patch) >= 3; patch = patch[3:] { // page, offset, value
			at := (int(patch[0])%len(b)>>4)*os.Getpagesize() + int(patch[1])
			if at < len(b) {
				b[at] ^= patch[2]
			}
		}
		b = b[:min(int(size), len(b))]
		if err := readAll(b); err != nil && !errors.Is(err, errFormat) {
			t.Fatalf("readAll = %v, want errFormat", err)
		}
	})
}
