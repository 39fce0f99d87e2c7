package audit

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The errors that callers branch on.
var (
	// ErrTampered: what is stored is not what was written. Page someone.
	ErrTampered = errors.New("tampered or damaged")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("log is closed")
	// ErrInUse: another process writes the log.
	ErrInUse = errors.New("in use")
)

const (
	// maxBatch bounds the entries of a commit: more no longer saves syncs, and
	// each makes the others wait.
	maxBatch = 1024
	// maxQueue bounds the appends that wait inside the log; others wait to get in.
	maxQueue = 1024
	// entriesPerFile makes files of about 0.65 GB at 512 bytes an entry, that can
	// be archived one by one.
	entriesPerFile = 1 << 20
)

// Options of a log.
type Options struct {
	Origin string             // first line of every checkpoint, such as "evenkeel.example/fra1/audit": no blanks, no plus signs
	Env    string             // environment, written into every entry
	Key    ed25519.PrivateKey // signs checkpoints; nil: the one in audit.key, made when the log is new
	Now    func() time.Time   // nil: time.Now

	perFile int64                            // entries a file, 0: entriesPerFile
	open    func(path string) (store, error) // nil: openStore
}

// Log is an open log: the only writer of its directory. Its methods may be
// called concurrently.
type Log struct {
	dir      string
	options  Options
	signer   note.Signer
	verifier note.Verifier
	lock     *os.File

	queue   chan *request
	closing chan struct{}
	done    chan struct{} // closed when the writer has ended
	once    sync.Once
	failed  error // of Close

	now   atomic.Pointer[state]
	mu    sync.Mutex
	stats Stats // guarded by mu
}

// state is what the last commit left behind.
type state struct {
	head       tlog.Tree
	checkpoint []byte
}

// Stats counts what a log did since it was opened.
type Stats struct {
	Size     int64         // entries in the log
	Appended int64         // entries
	Bytes    int64         // of these entries
	Commits  int64         // each is two syncs of the disk and one signature
	Largest  int64         // entries in the largest commit
	Failed   int64         // commits that failed
	Busy     time.Duration // spent in commits
}

// Open opens the log in dir, or begins one if dir holds none, and starts its
// writer. It takes the log's lock ([ErrInUse] if another process keeps it for
// two seconds) and checks the signed checkpoint against the entries since the
// last full tile and the tiles above them, and that the newest file was not cut
// short: [ErrTampered] otherwise. [Verify] checks every entry.
func Open(dir string, o Options) (_ *Log, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("audit: open log in %s: %w", dir, err)
		}
		if errors.Is(err, errCut) {
			err = fmt.Errorf("%w: keep a copy of the directory, verify the copy against a checkpoint seen before, and restore the file from a backup", err)
		}
	}()
	if o.Env == "" {
		return nil, errors.New("no environment name")
	}
	if err := checkText("env", o.Env); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.perFile == 0 {
		o.perFile = entriesPerFile
	}
	if o.open == nil {
		o.open = openStore
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l := &Log{
		dir: dir, options: o,
		queue: make(chan *request, maxQueue), closing: make(chan struct{}), done: make(chan struct{}),
	}
	if l.lock, err = lock(dir); err != nil {
		return nil, err
	}
	w, err := l.start()
	if err != nil {
		return nil, errors.Join(err, l.lock.Close())
	}
	go func() { // ended and waited for by Close
		defer close(l.done)
		w.run()
	}()
	return l, nil
}

// start begins a new log where there is none, and returns a writer that stands
// at the end of the log.
func (l *Log) start() (*writer, error) {
	numbers, err := listFiles(l.dir)
	if err != nil {
		return nil, err
	}
	isNew := len(numbers) == 0
	signer, public, err := signingKey(l.dir, l.options.Origin, l.options.Key, isNew)
	if err != nil {
		return nil, err
	}
	l.signer = signer
	if l.verifier, err = note.NewVerifier(public); err != nil {
		return nil, err
	}
	if isNew {
		var none tree
		checkpoint, err := signCheckpoint(signer, none.head())
		if err != nil {
			return nil, err
		}
		if err := createFile(l.dir, 0, 0, checkpoint, time.Unix(0, 0).UTC()); err != nil {
			if l.options.Key == nil { // it signed nothing that anybody has seen
				err = errors.Join(err, os.Remove(filepath.Join(l.dir, keyFile)))
			}
			return nil, err
		}
	}
	w := &writer{l: l}
	return w, w.resume(nil)
}

// Append records entries, in order and in one transaction: all of them or none.
// When it returns nil they are durable and a signed checkpoint covers them.
//
// It waits for a place in the queue as long as ctx allows; from then on it waits
// for the disk, so that its answer is always true. At most 1,024 entries a call.
//
// Errors: [ErrEntry] for an entry that cannot be stored, [ErrClosed], the error
// of ctx, or that of the disk. After an error of the disk nothing was recorded
// and later calls may succeed; only if the disk failed so late that this is not
// certain, the log refuses all further calls until it is opened again.
func (l *Log) Append(ctx context.Context, entries ...Entry) ([]Record, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	if len(entries) > maxBatch {
		return nil, fmt.Errorf("audit: append: %w: %d entries at once, want at most %d", ErrEntry, len(entries), maxBatch)
	}
	r := &request{drafts: make([]draft, len(entries)), done: make(chan struct{})}
	for i, e := range entries {
		var err error
		if r.drafts[i], err = newDraft(l.options.Env, e); err != nil {
			return nil, fmt.Errorf("audit: append: %w", err)
		}
	}
	if err := l.submit(ctx, r); err != nil {
		return nil, fmt.Errorf("audit: append %s: %w", entries[0].Type, err)
	}
	return r.records, nil
}

// submit hands r to the writer and waits for its answer.
func (l *Log) submit(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case l.queue <- r:
	case <-l.closing:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-r.done:
		return r.err
	case <-l.done:
	}
	select {
	case <-r.done: // among the last
		return r.err
	default: // queued when the writer had already gone
		return ErrClosed
	}
}

// Size returns the number of entries.
func (l *Log) Size() int64 { return l.now.Load().head.N }

// Checkpoint returns the newest signed checkpoint, which covers every entry
// whose Append has returned.
func (l *Log) Checkpoint() []byte { return append([]byte(nil), l.now.Load().checkpoint...) }

// Scan calls f with the entries from ≤ seq < to, in order, until it returns an
// error, which Scan returns. A to beyond the end, or below zero, means the end
// at the time of the call. f may call Append.
func (l *Log) Scan(ctx context.Context, from, to int64, f func(Record) error) error {
	r, err := l.reader()
	if err != nil {
		return err
	}
	defer r.Close()
	if size := l.Size(); to < 0 || to > size {
		to = size
	}
	return r.Scan(ctx, from, to, f)
}

// Prove returns the proof that entry seq is in the log, as [Reader.Prove] does.
func (l *Log) Prove(seq int64) ([]byte, error) {
	r, err := l.reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Prove(seq)
}

func (l *Log) reader() (*Reader, error) {
	select {
	case <-l.closing:
		return nil, fmt.Errorf("audit: read: %w", ErrClosed)
	default:
	}
	r, err := newReader(l.dir, l.verifier)
	if err != nil {
		return nil, fmt.Errorf("audit: read log in %s: %w", l.dir, err)
	}
	return r, nil
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Size = l.Size()
	return s
}

// Close writes what was queued, ends the writer and gives the lock back. It may
// be called again.
func (l *Log) Close() error {
	l.once.Do(func() {
		close(l.closing)
		<-l.done
		if err := l.lock.Close(); err != nil {
			l.failed = errors.Join(l.failed, err)
		}
		if l.failed != nil {
			l.failed = fmt.Errorf("audit: close log in %s: %w", l.dir, l.failed)
		}
	})
	return l.failed
}
