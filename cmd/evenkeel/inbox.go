package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// inboxDir is where papers are dropped, in the data directory. It works with
	// everything else down, and without a daemon: one that starts finds them.
	inboxDir = "inbox"
	// refusedDir, in it, keeps what was refused, so that nobody has to sign twice
	// for a slip of the hand.
	refusedDir = "refused"

	// inboxEvery is the time between two looks. A parcel is taken at the first
	// that finds it, a lone paper at the second: a stop has to be in effect
	// within a second.
	inboxEvery = 200 * time.Millisecond
	// inboxPatience is how long a paper may lie without a signature, and a
	// signature without its paper.
	inboxPatience = 10 * time.Minute

	maxInboxLook = 4096 // names that are read in one look; the rest comes later
	maxRefused   = 100  // drops that are kept, the newest
	maxAsideName = 200  // bytes of a drop's name that are kept: with the time before it, it is a name still
)

// inbox is a folder in which people leave papers: a parcel's folder, moved into
// place when it is whole, or a lone statement NAME.txt with its signatures
// NAME.txt.ANYTHING.sig. A name that begins with a dot is not finished, and not
// looked at. It is for one goroutine.
type inbox struct {
	dir    string
	take   func(ctx context.Context, p *parcel, via string) ([]paperResult, error)
	refuse func(ctx context.Context, name string, why error) error // what is no parcel
	now    func() time.Time
	logger *slog.Logger

	drops map[string]*drop // that lay there at the last look, by name
}

// drop is what lies in the inbox under one name: a parcel's folder, or a paper
// with what is beside it.
type drop struct {
	name    string
	entries []fs.DirEntry
	parcel  bool
	looks   string    // what it looked like: names, sizes, times of change
	since   time.Time // it looks so
	seen    bool      // by the look before this one
	done    bool      // dealt with, and could not be moved away
}

// prepare makes the folders.
func (b *inbox) prepare() error {
	if err := os.MkdirAll(filepath.Join(b.dir, refusedDir), 0o770); err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	return nil
}

// run takes what is dropped, until ctx ends.
func (b *inbox) run(ctx context.Context) error {
	t := time.NewTicker(inboxEvery)
	defer t.Stop()
	for said := ""; ; {
		err := b.look(ctx)
		if err == nil {
			said = ""
		} else if err.Error() != said && ctx.Err() == nil {
			said = err.Error()
			b.logger.Warn("inbox", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.C:
		}
	}
}

// look takes what is whole, lone papers first: a stop waits for no parcel. What
// could not be recorded stays there, and the error says why; what cannot be moved
// away is not taken again, and holds up nothing else.
func (b *inbox) look(ctx context.Context) error {
	found, err := b.read()
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	var errs []error
	for _, d := range found {
		if d.done {
			continue
		}
		refused, ready, err := b.open(ctx, d)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if ready {
			d.done = true
			errs = append(errs, b.clear(d, refused))
		}
	}
	return errors.Join(errs...)
}

// read returns the drops as they lie there now: lone papers, then parcels, each
// by name. One that looks as it did is the one of the last look.
func (b *inbox) read() ([]*drop, error) {
	f, err := os.Open(b.dir)
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(maxInboxLook)
	if err := errors.Join(ignoreEOF(err), f.Close()); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(x, y fs.DirEntry) int { return strings.Compare(x.Name(), y.Name()) })
	now, drops := b.now(), map[string]*drop{}
	var found []*drop
	for _, e := range entries {
		name := e.Name()
		if name == refusedDir || strings.HasPrefix(name, ".") {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // gone meanwhile
		}
		key := name
		if text, ok := paperOf(drops, name); ok && !e.IsDir() {
			key = text
		}
		d := drops[key]
		if d == nil {
			d = &drop{name: key, parcel: e.IsDir(), since: now}
			drops[key], found = d, append(found, d)
		}
		d.entries = append(d.entries, e)
		d.looks += fmt.Sprintf("%s %d %v\n", name, info.Size(), info.ModTime())
	}
	for i, d := range found {
		if was := b.drops[d.name]; was != nil && was.looks == d.looks {
			found[i], drops[d.name] = was, was
			was.entries = d.entries
		}
	}
	slices.SortStableFunc(found, func(x, y *drop) int { return rankOf(x) - rankOf(y) })
	b.drops = drops
	return found, nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func rankOf(d *drop) int {
	if d.parcel {
		return 1
	}
	return 0
}

// paperOf returns the paper that a signature lies beside, the one with the
// longest name. Papers come before their signatures, in order of name.
func paperOf(drops map[string]*drop, name string) (string, bool) {
	for rest, isSignature := strings.CutSuffix(name, ".sig"); isSignature; {
		if strings.HasSuffix(rest, ".txt") && drops[rest] != nil && !drops[rest].parcel {
			return rest, true
		}
		cut := strings.LastIndexByte(rest, '.')
		if cut < 0 {
			break
		}
		rest = rest[:cut]
	}
	return "", false
}
