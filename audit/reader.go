package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Reader reads a log, or a copy of one, without locking or changing it, also
// while a process writes to it. It sees the log as it stood when it was opened.
// It is not safe for concurrent use.
type Reader struct {
	dir        string
	verifier   note.Verifier // nil: no key known
	count      int           // files of the log
	files      map[int]*file // those opened so far
	head       tlog.Tree
	checkpoint []byte
}

// OpenReader opens the log in dir for reading. key is its verifier key, or the
// empty string for the one in dir, audit.pub; with none at all only [Reader.Scan]
// works. The newest checkpoint must be signed with the key and match the number
// of entries, or the error is [ErrTampered].
func OpenReader(dir, key string) (*Reader, error) {
	r, err := openReader(dir, key)
	if err != nil {
		return nil, fmt.Errorf("audit: read log in %s: %w", dir, err)
	}
	return r, nil
}

func openReader(dir, key string) (*Reader, error) {
	if key == "" {
		b, err := os.ReadFile(filepath.Join(dir, publicFile))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		key = string(b)
	}
	var v note.Verifier
	if key = strings.TrimSpace(key); key != "" {
		var err error
		if v, err = note.NewVerifier(key); err != nil {
			return nil, fmt.Errorf("verifier key: %w, want the text of %s", err, publicFile)
		}
	}
	return newReader(dir, v)
}

func newReader(dir string, v note.Verifier) (_ *Reader, err error) {
	numbers, err := listFiles(dir)
	if err != nil {
		return nil, err
	}
	if len(numbers) == 0 {
		return nil, fmt.Errorf("no %s: %w", fileName(0), fs.ErrNotExist)
	}
	r := &Reader{dir: dir, verifier: v, count: len(numbers), files: make(map[int]*file)}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	last, err := r.file(r.count - 1)
	if err != nil {
		return nil, err
	}
	r.checkpoint = last.checkpoint
	if r.head, err = openCheckpoint(r.checkpoint, v); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", last.name, ErrTampered, err)
	}
	if last.next != r.head.N {
		return nil, fmt.Errorf("%s: %w: %d entries, but the checkpoint says %d", last.name, ErrTampered, last.next, r.head.N)
	}
	return r, nil
}

// Close gives the files back.
func (r *Reader) Close() error {
	var errs []error
	for _, f := range r.files {
		errs = append(errs, f.close())
	}
	clear(r.files)
	return errors.Join(errs...)
}

// Size returns the number of entries.
func (r *Reader) Size() int64 { return r.head.N }

// Checkpoint returns the signed checkpoint that the reader goes by.
func (r *Reader) Checkpoint() []byte { return append([]byte(nil), r.checkpoint...) }

// Scan is like [Log.Scan].
func (r *Reader) Scan(ctx context.Context, from, to int64, f func(Record) error) error {
	if to < 0 || to > r.head.N {
		to = r.head.N
	}
	from = max(from, 0)
	for from < to {
		part, err := r.holder(from)
		if err != nil {
			return fmt.Errorf("audit: scan %s: %w", r.dir, err)
		}
		end := min(to, part.next)
		var stop error // of f or ctx: not ours to wrap
		err = part.scan(from, end, func(seq int64, b []byte) error {
			if stop = ctx.Err(); stop != nil {
				return stop
			}
			e, err := decodeAt(b, seq)
			if err != nil {
				return fmt.Errorf("%s: %w", part.name, err)
			}
			stop = f(Record{seq, e.Time, b})
			return stop
		})
		if stop != nil {
			return stop
		}
		if err != nil {
			return fmt.Errorf("audit: scan %s: %w", r.dir, err)
		}
		from = end
	}
	return nil
}

func (r *Reader) file(number int) (*file, error) {
	if f := r.files[number]; f != nil {
		return f, nil
	}
	f, err := openFile(r.dir, number)
	if err == nil {
		r.files[number] = f
	}
	return f, err
}

func (r *Reader) newest() *file { return r.files[r.count-1] }

// holder returns the file that holds entry seq.
func (r *Reader) holder(seq int64) (*file, error) {
	var failed error
	n := sort.Search(r.count, func(i int) bool {
		f, err := r.file(i)
		if err != nil {
			failed = err
			return true
		}
		return f.first > seq
	}) - 1
	if failed != nil {
		return nil, failed
	}
	if n < 0 {
		return nil, fmt.Errorf("%w: entry %d is missing", ErrTampered, seq)
	}
	f, err := r.file(n)
	if err == nil && seq >= f.next {
		err = fmt.Errorf("%s: %w: entry %d is missing", f.name, ErrTampered, seq)
	}
	return f, err
}

func (r *Reader) entry(seq int64) (b []byte, err error) {
	f, err := r.holder(seq)
	if err != nil {
		return nil, err
	}
	err = f.scan(seq, seq+1, func(_ int64, stored []byte) error {
		b = stored
		return nil
	})
	return b, tampered(err)
}

func (r *Reader) tile(level int, n int64) ([]tlog.Hash, error) {
	t := tile{level: level, n: n}
	f, err := r.holder(t.end() - 1)
	if err != nil {
		return nil, err
	}
	return f.tile(t)
}

// edge rebuilds the right edge of the tree and checks it against the checkpoint,
// and the last entry against the time floor.
func (r *Reader) edge() (tree, error) {
	t, err := loadTree(r.head.N, r)
	if err != nil {
		return tree{}, err
	}
	last := r.newest()
	if got := t.root(); got != r.head.Hash {
		return tree{}, fmt.Errorf("%s: %w: root of %d entries is %s, but the checkpoint says %s", last.name, ErrTampered, t.n, got, r.head.Hash)
	}
	if t.n == 0 {
		return t, nil
	}
	b, err := r.entry(t.n - 1)
	if err != nil {
		return tree{}, err
	}
	e, err := decodeAt(b, t.n-1)
	if err != nil {
		return tree{}, fmt.Errorf("%s: %w", last.name, err)
	}
	if !e.Time.Equal(last.floor) {
		return tree{}, fmt.Errorf("%s: %w: last entry is of %s, the time floor says %s", last.name, ErrTampered, e.Time, last.floor)
	}
	return t, nil
}

// decodeAt decodes the entry stored at seq.
func decodeAt(b []byte, seq int64) (Stored, error) {
	e, err := Decode(b)
	if err != nil {
		return e, fmt.Errorf("%w: entry %d: %w", ErrTampered, seq, err)
	}
	if e.Seq != seq {
		return e, fmt.Errorf("%w: entry %d says it is entry %d", ErrTampered, seq, e.Seq)
	}
	return e, nil
}

// tampered marks err as [ErrTampered] if the bytes are at fault and not the
// access to them.
func tampered(err error) error {
	if errors.Is(err, errFormat) && !errors.Is(err, ErrTampered) {
		return fmt.Errorf("%w: %w", ErrTampered, err)
	}
	return err
}
