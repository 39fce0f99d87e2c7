package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

const (
	// inboxDir is where papers are dropped, in the data directory. It works with
	// everything else down, and without a daemon: one that starts finds them.
	inboxDir = "inbox"
	// refusedDir, in it, keeps what was refused, so that nobody has to sign twice
	// for a slip of the hand.
	refusedDir = "refused"

	inboxEvery   = 500 * time.Millisecond
	maxInboxTake = 64              // drops that are taken at a time
	maxRefused   = 100             // drops that are kept, the newest
	inboxSettle  = 2 * time.Second // a lone paper is taken when it is as old: its signature comes after it
)

// inbox is a folder in which people leave papers: a parcel's folder, moved into
// place when it is whole, or a lone statement NAME.txt with its signatures. A
// name that begins with a dot is not finished, and not looked at.
type inbox struct {
	dir    string
	take   func(ctx context.Context, p *parcel, via string) ([]paperResult, error)
	refuse func(ctx context.Context, name string, why error) error // what is no parcel
	now    func() time.Time
	logger *slog.Logger
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
	for {
		if err := b.look(ctx); err != nil && ctx.Err() == nil {
			b.logger.Warn("inbox", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.C:
		}
	}
}

// look takes what lies in the inbox now, the oldest names first. What could not
// be recorded stays there.
func (b *inbox) look(ctx context.Context) error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	var lone []fs.DirEntry
	taken := 0
	for _, e := range entries {
		switch {
		case e.Name() == refusedDir || strings.HasPrefix(e.Name(), "."):
		case taken == maxInboxTake:
			return nil
		case e.IsDir():
			taken++
			if err := b.takeParcel(ctx, e.Name()); err != nil {
				return err
			}
		default:
			lone = append(lone, e)
		}
	}
	return b.takeLone(ctx, lone)
}

func (b *inbox) takeParcel(ctx context.Context, name string) error {
	dir := filepath.Join(b.dir, name)
	p, err := readParcel(os.DirFS(dir))
	if err != nil {
		if err := b.refuse(ctx, name, err); err != nil {
			return err
		}
		return b.putAside(name)
	}
	results, err := b.take(ctx, p, inboxDir)
	if err != nil {
		return err
	}
	if refused(results) || len(results) == 0 {
		return b.putAside(name)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	return nil
}

func refused(results []paperResult) bool {
	return slices.ContainsFunc(results, func(r paperResult) bool { return r.Result == "refused" })
}

// takeLone takes the statements that lie in the inbox by themselves, when they
// have lain there for a moment.
func (b *inbox) takeLone(ctx context.Context, entries []fs.DirEntry) error {
	settled := len(entries) > 0
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || b.now().Sub(info.ModTime()) < inboxSettle {
			settled = false
		}
	}
	if !settled {
		return nil
	}
	texts, err := knowledge.ReadSignedTexts(os.DirFS(b.dir))
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	results, err := b.take(ctx, &parcel{statements: texts}, inboxDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if refused(results) || len(results) == 0 {
			err = b.putAside(e.Name())
		} else {
			err = os.Remove(filepath.Join(b.dir, e.Name()))
		}
		if err != nil {
			return fmt.Errorf("inbox: %w", err)
		}
	}
	return nil
}

// putAside moves a drop to those that were refused, and forgets the oldest.
func (b *inbox) putAside(name string) error {
	aside := filepath.Join(b.dir, refusedDir)
	to := filepath.Join(aside, fmt.Sprintf("%020d-%s", b.now().UnixNano(), name))
	if err := os.Rename(filepath.Join(b.dir, name), to); err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	entries, err := os.ReadDir(aside)
	if err != nil {
		return fmt.Errorf("inbox: %w", err)
	}
	var errs []error
	for _, e := range entries[:max(0, len(entries)-maxRefused)] {
		errs = append(errs, os.RemoveAll(filepath.Join(aside, e.Name())))
	}
	return errors.Join(errs...)
}
