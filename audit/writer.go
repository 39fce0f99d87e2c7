package audit

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/mod/sumdb/tlog"
)

// store is what the writer needs of a bbolt database. Update's error means
// that the transaction was lost, or that nobody knows.
type store interface {
	Update(func(*bolt.Tx) error) error
	Close() error
}

func openStore(path string) (store, error) { return bolt.Open(path, 0o600, boltOptions()) }

// request is one call of Append.
type request struct {
	drafts  []draft
	records []Record
	err     error
	done    chan struct{} // closed when records or err is set
}

// writer belongs to one goroutine: nothing else touches its fields.
type writer struct {
	l      *Log
	db     store // nil after a failed commit, until resume
	number int   // of the file that is written to
	first  int64 // sequence number of its first entry
	tree   tree
	floor  time.Time // time of the last entry: the next is not before it
	broken error     // if set, the log refuses to write
}

// run commits what waits, until the log is closed and nothing does. There is no
// timer: while a commit is under way the next one gathers.
func (w *writer) run() {
	var waiting []*request
	for {
		if len(waiting) == 0 {
			r := w.next()
			if r == nil {
				w.l.failed = w.close()
				return
			}
			waiting = append(waiting, r)
		}
		runtime.Gosched() // those that the last commit answered may have the next entry ready
		waiting = w.gather(waiting)
		n := w.fit(waiting)
		w.commit(waiting[:n])
		waiting = slices.Delete(waiting, 0, n)
	}
}

// next waits for a request; nil means that the log was closed.
func (w *writer) next() *request {
	select {
	case r := <-w.l.queue:
		return r
	case <-w.l.closing:
	}
	select {
	case r := <-w.l.queue:
		return r
	default:
		return nil
	}
}

// gather adds the requests that wait now.
func (w *writer) gather(waiting []*request) []*request {
	for entries := 0; entries < maxBatch; {
		select {
		case r := <-w.l.queue:
			waiting = append(waiting, r)
			entries += len(r.drafts)
		default:
			return waiting
		}
	}
	return waiting
}

// fit returns how many requests the next commit takes: at least one, at most
// 1,024 entries, and no more than the file has room for.
func (w *writer) fit(waiting []*request) int {
	room := min(maxBatch, w.room())
	if room < int64(len(waiting[0].drafts)) { // begins a new file
		room = maxBatch
	}
	n, entries := 0, int64(0)
	for n < len(waiting) {
		entries += int64(len(waiting[n].drafts))
		if n > 0 && entries > room {
			break
		}
		n++
	}
	return n
}

func (w *writer) room() int64 { return w.l.options.perFile - (w.tree.n - w.first) }

// commit records requests in one transaction and answers them.
func (w *writer) commit(requests []*request) {
	began := time.Now()
	records, bytes, err := w.write(requests)
	l := w.l
	l.mu.Lock()
	if err != nil {
		l.stats.Failed++
	} else {
		l.stats.Commits++
		l.stats.Appended += int64(len(records))
		l.stats.Bytes += bytes
		l.stats.Largest = max(l.stats.Largest, int64(len(records)))
	}
	l.stats.Busy += time.Since(began)
	l.mu.Unlock()
	for _, r := range requests {
		if r.err = err; err == nil {
			n := len(r.drafts)
			r.records, records = records[:n:n], records[n:]
		}
		close(r.done)
	}
}

func (w *writer) write(requests []*request) (records []Record, bytes int64, err error) {
	if w.broken != nil {
		return nil, 0, w.broken
	}
	if w.db == nil {
		if err := w.resume(w.l.now.Load()); err != nil {
			return nil, 0, err
		}
	}
	if n := int64(len(requests[0].drafts)); n > w.room() && w.tree.n > w.first {
		if err := w.roll(); err != nil {
			return nil, 0, err
		}
	}
	now, err := w.stamp()
	if err != nil {
		return nil, 0, err
	}
	next := w.tree
	var full []tile
	for _, r := range requests {
		for _, d := range r.drafts {
			b := d.at(next.n, now)
			records = append(records, Record{next.n, now, b})
			bytes += int64(len(b))
			full = append(full, next.add(tlog.RecordHash(b))...)
		}
	}
	head := next.head()
	checkpoint, err := signCheckpoint(w.l.signer, head)
	if err != nil {
		return nil, 0, err
	}
	err = w.update(func(tx *bolt.Tx) error { return put(tx, records, full, checkpoint, now) })
	if err != nil {
		return nil, 0, err
	}
	w.tree, w.floor = next, now
	w.l.now.Store(&state{head, checkpoint})
	return records, bytes, nil
}

// put adds to the file. Keys only ever grow, so pages are filled to the brim.
func put(tx *bolt.Tx, records []Record, full []tile, checkpoint []byte, floor time.Time) error {
	entries := tx.Bucket([]byte(bucketEntries))
	entries.FillPercent = 1
	for _, r := range records {
		if err := entries.Put(entryKey(r.Seq), r.Bytes); err != nil {
			return err
		}
	}
	hashes := tx.Bucket([]byte(bucketHashes))
	hashes.FillPercent = 1
	for _, t := range full {
		if err := hashes.Put(tileKey(t), t.data()); err != nil {
			return err
		}
	}
	return putHead(tx, checkpoint, floor)
}

// stamp returns the time of the next entries: that of the clock, unless the
// clock went back.
func (w *writer) stamp() (time.Time, error) {
	now := w.l.options.Now().UTC().Truncate(time.Millisecond)
	if now.Before(w.floor) {
		now = w.floor
	}
	if now.Year() > 9999 {
		return now, fmt.Errorf("clock says %s, want a year before 10000", now)
	}
	return now, nil
}

// update runs a transaction. After a failure the database is closed: what it
// has in memory may no longer be what is on disk.
func (w *writer) update(f func(*bolt.Tx) error) error {
	err := guard(func() error { return w.db.Update(f) })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errFault): // its locks may be held for ever: leave it alone
		w.broken = err
	default:
		if cerr := guard(w.db.Close); cerr != nil {
			err = errors.Join(err, cerr)
		}
	}
	w.db = nil
	return err
}

// errFault reports that bbolt panicked.
var errFault = fmt.Errorf("bbolt panicked: %w", ErrTampered)

// guard turns a panic of f into an error. A file that was cut short under a
// running process makes bbolt touch memory that is no longer there.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errFault, p)
		}
	}()
	return f()
}

// resume opens the newest file and rebuilds the writer's state from it. If
// known is set, the log must be where known says: a commit that failed may
// nevertheless have reached the file, but perhaps not the disk.
func (w *writer) resume(known *state) error {
	r, err := newReader(w.l.dir, w.l.verifier)
	if err != nil {
		return err
	}
	defer r.Close()
	last := r.newest()
	if err := last.checkSize(); err != nil {
		return fmt.Errorf("%s: %w", last.name, tampered(err))
	}
	t, err := r.edge()
	if err != nil {
		return err
	}
	if known != nil && t.head() != known.head {
		w.broken = fmt.Errorf("log has %d entries, want %d: the disk failed too late to know what it kept: open the log again",
			t.n, known.head.N)
		return w.broken
	}
	if err := last.snap.checkFree(); err != nil {
		return fmt.Errorf("%s: %w", last.name, tampered(err))
	}
	w.tree, w.floor, w.number, w.first = t, last.floor, r.count-1, last.first
	path := filepath.Join(w.l.dir, last.name)
	if err := guard(func() (err error) { w.db, err = w.l.options.open(path); return err }); err != nil {
		w.db = nil
		return fmt.Errorf("%s: %w", last.name, err)
	}
	w.l.now.Store(&state{r.head, last.checkpoint})
	return nil
}

// roll begins the next file. The old one keeps a checkpoint of its own.
func (w *writer) roll() error {
	if err := createFile(w.l.dir, w.number+1, w.tree.n, w.l.now.Load().checkpoint, w.floor); err != nil {
		return err
	}
	db, err := w.l.options.open(filepath.Join(w.l.dir, fileName(w.number+1)))
	if err != nil {
		return err
	}
	old := w.db
	w.db, w.number, w.first = db, w.number+1, w.tree.n
	return old.Close()
}

func (w *writer) close() error {
	if w.db == nil {
		return nil
	}
	return guard(w.db.Close)
}
