package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	maxTreeDepth = 20 // branch pages have at least two children
	// snapshotTries bounds the wait for a moment between two commits: a try
	// takes some 20 µs, a commit at least 100.
	snapshotTries = 1000
)

// snapshot reads one committed transaction of a bbolt file, also while another
// process writes to it. Of the pages that make up a transaction, later ones
// rewrite only those on the right edge of each bucket, because keys are only
// ever added at the end; these are kept in memory. The others stay as they are
// for as long as the file exists.
type snapshot struct {
	meta
	r    io.ReaderAt
	kept map[uint64]page
}

// bucket is where the pages of a bucket begin.
type bucket struct {
	root   uint64
	inline page // instead of root: the only page
}

// takeSnapshot returns the newest committed transaction.
func takeSnapshot(r io.ReaderAt) (*snapshot, error) {
	for try := range snapshotTries {
		m, err := readMeta(r)
		if err != nil {
			return nil, err
		}
		if m.alone && try < snapshotTries/2 { // perhaps it is just being written
			continue
		}
		s := &snapshot{meta: m, r: r, kept: make(map[uint64]page)}
		err = s.keepEdge()
		now, metaErr := readMeta(r)
		switch {
		case metaErr != nil:
			return nil, metaErr
		case now.txid == m.txid: // nothing was committed meanwhile, so nothing was overwritten
			return s, err
		}
	}
	return nil, fmt.Errorf("no quiet moment in %d tries: the file changes too fast to be read", snapshotTries)
}

// readMeta returns the newer of the two meta pages, or the one that is whole.
func readMeta(r io.ReaderAt) (meta, error) {
	first, ok := metaAt(r, 0)
	if ok {
		second, ok := metaAt(r, int64(first.pageSize))
		if ok && second.pageSize == first.pageSize && second.txid > first.txid {
			return second, nil
		}
		first.alone = !ok
		return first, nil
	}
	for size := minPage; size <= maxPage; size *= 2 {
		if second, ok := metaAt(r, int64(size)); ok && second.pageSize == size {
			second.alone = true
			return second, nil
		}
	}
	return meta{}, fmt.Errorf("%w: neither of its two meta pages is whole", errFormat)
}

func metaAt(r io.ReaderAt, off int64) (meta, bool) {
	var b [pageHeader + metaBytes]byte
	if n, err := r.ReadAt(b[:], off); n < len(b) && err != nil {
		return meta{}, false
	}
	return parseMeta(b[pageHeader:])
}

// keepEdge keeps the pages that the next transaction may give up.
func (s *snapshot) keepEdge() error {
	if _, err := s.last(bucket{root: s.root}); err != nil {
		return err
	}
	for _, name := range []string{bucketEntries, bucketHashes, bucketMeta} {
		b, err := s.bucket(name)
		if err != nil {
			return err
		}
		if _, err := s.last(b); err != nil {
			return err
		}
	}
	p, err := s.run(s.freelist)
	if err != nil {
		return err
	}
	s.kept[s.freelist] = p
	return nil
}

// run returns the page with that id and its overflow, whatever it holds.
func (s *snapshot) run(id uint64) (page, error) {
	if p := s.kept[id]; p != nil {
		return p, nil
	}
	if id < 2 || id >= s.limit || id > uint64(1<<62)/maxPage {
		return nil, fmt.Errorf("%w: reference to page %d, want 2 to %d", errFormat, id, s.limit)
	}
	p := make(page, s.pageSize)
	off := int64(id) * int64(s.pageSize)
	if _, err := s.r.ReadAt(p, off); err != nil {
		return nil, s.readError(id, err)
	}
	more := p.more()
	if p.id() != id || more*uint64(s.pageSize) >= maxRun || id+more >= s.limit {
		return nil, fmt.Errorf("%w: page %d says it is page %d with %d more", errFormat, id, p.id(), more)
	}
	if more > 0 {
		p = append(p, make(page, int(more)*s.pageSize)...)
		if _, err := s.r.ReadAt(p[s.pageSize:], off+int64(s.pageSize)); err != nil {
			return nil, s.readError(id, err)
		}
	}
	return p, nil
}

func (s *snapshot) readError(id uint64, err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: page %d of %d is beyond its end", errCut, id, s.limit)
	}
	return fmt.Errorf("page %d: %w", id, err)
}

// page returns a page of a tree.
func (s *snapshot) page(id uint64) (page, error) {
	p, err := s.run(id)
	if err == nil {
		err = p.check(s.pageSize)
	}
	return p, err
}

// child returns the page that an element of a branch stands for.
func (s *snapshot) child(e element) (page, error) {
	p, err := s.page(e.child)
	if err == nil && (p.count() == 0 || !bytes.Equal(p.element(0).key, e.key)) {
		err = fmt.Errorf("%w: page %d does not begin with the key %x", errFormat, e.child, e.key)
	}
	return p, err
}

func (s *snapshot) load(b bucket) (page, error) {
	if b.inline == nil {
		return s.page(b.root)
	}
	if len(b.inline) < pageHeader {
		return nil, fmt.Errorf("%w: inline bucket of %d bytes", errFormat, len(b.inline))
	}
	return b.inline, b.inline.check(0)
}

// bucket returns the named top-level bucket.
func (s *snapshot) bucket(name string) (found bucket, err error) {
	err = s.ascend(bucket{root: s.root}, []byte(name), func(e element) (bool, error) {
		if string(e.key) != name || !e.isBucket || len(e.value) < bucketHeader {
			return false, nil
		}
		found.root = order.Uint64(e.value)
		if found.root == 0 {
			found.inline = e.value[bucketHeader:]
		}
		return false, nil
	})
	if err == nil && found.root == 0 && found.inline == nil {
		err = fmt.Errorf("%w: it has no bucket %q", errFormat, name)
	}
	return found, err
}

// ascend calls f with the elements whose keys are not below from, in order,
// until it returns false or an error. Keys that do not increase are an error:
// no page is read twice, whatever the file says.
func (s *snapshot) ascend(b bucket, from []byte, f func(element) (more bool, err error)) error {
	root, err := s.load(b)
	if err != nil {
		return err
	}
	w := walk{s: s, from: from, f: f}
	_, err = w.page(root, 0)
	return err
}

type walk struct {
	s    *snapshot
	from []byte
	f    func(element) (bool, error)
	last []byte // key; nil before the first leaf
}

func (w *walk) page(p page, depth int) (more bool, err error) {
	if depth > maxTreeDepth {
		return false, fmt.Errorf("%w: page %d: too deep", errFormat, p.id())
	}
	i := 0
	if w.last == nil { // in a branch, begin with the last child whose first key is not above from
		i = p.search(w.from)
	}
	for ; i < p.count(); i++ {
		e := p.element(i)
		if p.isBranch() {
			child, err := w.s.child(e)
			if err != nil {
				return false, err
			}
			if more, err := w.page(child, depth+1); err != nil || !more {
				return false, err
			}
			continue
		}
		if w.last != nil && bytes.Compare(e.key, w.last) <= 0 {
			return false, fmt.Errorf("%w: page %d: keys do not increase", errFormat, p.id())
		}
		w.last = e.key
		if bytes.Compare(e.key, w.from) < 0 {
			continue
		}
		if more, err := w.f(e); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// search returns the last element whose key is not above from, or the first.
func (p page) search(from []byte) int {
	lo, hi := 0, p.count()
	for lo+1 < hi {
		if mid := (lo + hi) / 2; bytes.Compare(p.element(mid).key, from) <= 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// get returns the value of a key, nil if there is none.
func (s *snapshot) get(b bucket, key []byte) (value []byte, err error) {
	err = s.ascend(b, key, func(e element) (bool, error) {
		if bytes.Equal(e.key, key) && !e.isBucket {
			value = e.value
		}
		return false, nil
	})
	return value, err
}

// last returns the greatest key of a bucket, nil if it is empty, and keeps the
// pages on the way.
func (s *snapshot) last(b bucket) ([]byte, error) {
	p, err := s.load(b)
	for depth := 0; err == nil; depth++ {
		if b.inline == nil {
			s.kept[p.id()] = p
		}
		if p.count() == 0 {
			return nil, nil
		}
		e := p.element(p.count() - 1)
		if !p.isBranch() {
			return e.key, nil
		}
		if depth > maxTreeDepth {
			return nil, fmt.Errorf("%w: page %d: too deep", errFormat, p.id())
		}
		p, err = s.child(e)
	}
	return nil, err
}
