package audit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"
)

// The buckets of a file and the keys of bucketMeta.
const (
	bucketEntries = "e" // sequence number → entry
	bucketHashes  = "h" // size of the tree that completes a tile, level → tile
	bucketMeta    = "m"

	keyCheckpoint = "checkpoint"
	keyFirst      = "first" // sequence number of the first entry of this file
	keyFloor      = "floor" // time of the last entry
)

var fileForm = regexp.MustCompile(`^audit-([0-9]{8})\.db$`)

func fileName(number int) string { return fmt.Sprintf("audit-%08d.db", number) }

func entryKey(seq int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(seq)) }

// tileKey sorts tiles in the order in which they fill up, so that keys are only
// ever added at the end.
func tileKey(t tile) []byte { return append(entryKey(t.end()), byte(t.level)) }

// listFiles returns the numbers of the files of the log in dir, increasing.
func listFiles(dir string) ([]int, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, f := range all {
		if m := fileForm.FindStringSubmatch(f.Name()); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, err
			}
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != i {
			return nil, fmt.Errorf("%w: %s: %w", ErrTampered, fileName(i), fs.ErrNotExist)
		}
	}
	return numbers, nil
}

// file reads one file of a log, as it stood when it was opened.
type file struct {
	name       string
	f          *os.File
	snap       *snapshot
	entries    bucket
	hashes     bucket
	first      int64 // sequence number of its first entry
	next       int64 // and one after its last
	checkpoint []byte
	floor      time.Time
}

func openFile(dir string, number int) (_ *file, err error) {
	r := &file{name: fileName(number)}
	if r.f, err = os.Open(filepath.Join(dir, r.name)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.f.Close()
			err = fmt.Errorf("%s: %w", r.name, err)
		}
	}()
	if r.snap, err = takeSnapshot(r.f); err != nil {
		return nil, tampered(err)
	}
	return r, tampered(r.readMeta())
}

func (r *file) readMeta() (err error) {
	var m bucket
	for _, b := range []struct {
		name string
		to   *bucket
	}{{bucketEntries, &r.entries}, {bucketHashes, &r.hashes}, {bucketMeta, &m}} {
		if *b.to, err = r.snap.bucket(b.name); err != nil {
			return err
		}
	}
	values := map[string][]byte{keyCheckpoint: nil, keyFirst: nil, keyFloor: nil}
	for k := range values {
		if values[k], err = r.snap.get(m, []byte(k)); err != nil {
			return err
		}
	}
	r.checkpoint = values[keyCheckpoint]
	if len(values[keyFirst]) != 8 {
		return fmt.Errorf("%w: it does not say where it begins", errFormat)
	}
	r.first = int64(binary.BigEndian.Uint64(values[keyFirst]))
	if r.floor, err = parseTime(string(values[keyFloor])); err != nil {
		return fmt.Errorf("%w: time floor: %w", errFormat, err)
	}
	r.next = r.first
	last, err := r.snap.last(r.entries)
	if err == nil && last != nil {
		if len(last) != 8 {
			return fmt.Errorf("%w: its last entry has the key %x", errFormat, last)
		}
		r.next = int64(binary.BigEndian.Uint64(last)) + 1
	}
	if r.first < 0 || r.next < r.first || r.next > maxInteger {
		return fmt.Errorf("%w: it holds entries %d to %d", errFormat, r.first, r.next-1)
	}
	return err
}

func (r *file) close() error { return r.f.Close() }

// checkSize refuses a file that ends before the high-water mark of its pages.
// Beyond the last page in use there may be free ones, which a reader never
// needs; but bbolt maps a file as long as it is, trusts that all pages below the
// mark are there, and touches memory that is not its own when they are not. It
// makes the file long enough before it writes the mark, and never shorter, so a
// file that grows meanwhile passes: its size is asked for after the mark was read.
func (r *file) checkSize() error {
	info, err := r.f.Stat()
	if err != nil {
		return err
	}
	if held := uint64(info.Size()) / uint64(r.snap.pageSize); held < r.snap.limit {
		return fmt.Errorf("%w: holds %d of %d pages", errCut, held, r.snap.limit)
	}
	return nil
}

// scan calls f with the entries from ≤ seq < to, which must all be there.
func (r *file) scan(from, to int64, f func(seq int64, b []byte) error) error {
	if from >= to {
		return nil
	}
	want := from
	err := r.snap.ascend(r.entries, entryKey(from), func(e element) (bool, error) {
		if !bytes.Equal(e.key, entryKey(want)) || e.isBucket {
			return false, fmt.Errorf("%s: %w: entry %d is missing", r.name, ErrTampered, want)
		}
		want++
		return want < to, f(want-1, e.value)
	})
	if err == nil && want < to {
		err = fmt.Errorf("%s: %w: entry %d is missing", r.name, ErrTampered, want)
	}
	return err
}

func (r *file) tile(t tile) ([]tlog.Hash, error) {
	b, err := r.snap.get(r.hashes, tileKey(t))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, tampered(err))
	}
	if len(b) != tileBytes {
		return nil, fmt.Errorf("%s: %w: tile %d of level %d has %d bytes, want %d", r.name, ErrTampered, t.n, t.level, len(b), tileBytes)
	}
	return splitTile(b), nil
}

func splitTile(b []byte) []tlog.Hash {
	hashes := make([]tlog.Hash, len(b)/tlog.HashSize)
	for i := range hashes {
		copy(hashes[i][:], b[i*tlog.HashSize:])
	}
	return hashes
}

// boltOptions: the list of free pages is kept on disk, because rebuilding it
// takes seconds at a million entries; the lock of the log makes that of the
// file a formality.
func boltOptions() *bolt.Options {
	return &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType, NoStatistics: true}
}

// createFile makes a file that holds no entry but a checkpoint already: under
// another name first, so that no file of the log is ever half made.
func createFile(dir string, number int, first int64, checkpoint []byte, floor time.Time) error {
	path := filepath.Join(dir, fileName(number))
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !os.IsNotExist(err) {
		return err
	}
	db, err := bolt.Open(tmp, 0o600, boltOptions())
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{bucketEntries, bucketHashes, bucketMeta} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		if err := tx.Bucket([]byte(bucketMeta)).Put([]byte(keyFirst), entryKey(first)); err != nil {
			return err
		}
		return putHead(tx, checkpoint, floor)
	})
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(dir)
}

func putHead(tx *bolt.Tx, checkpoint []byte, floor time.Time) error {
	m := tx.Bucket([]byte(bucketMeta))
	if err := m.Put([]byte(keyCheckpoint), checkpoint); err != nil {
		return err
	}
	return m.Put([]byte(keyFloor), []byte(floor.Format(timeLayout)))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
