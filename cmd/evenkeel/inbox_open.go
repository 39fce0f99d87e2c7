package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/evenkeel/evenkeel/knowledge"
)

// open takes a drop if it is whole. refused says that something in it was; an
// error, that nothing could be recorded.
func (b *inbox) open(ctx context.Context, d *drop) (refused, ready bool, err error) {
	p, err := b.unfold(d)
	switch {
	case p == nil && err == nil:
		return false, false, nil
	case err == nil && len(p.registers)+len(p.statements) == 0:
		err = errNoPaper
	}
	if err != nil {
		return true, true, b.refuse(ctx, d.name, err)
	}
	results, err := b.take(ctx, p, inboxDir)
	return anyRefused(results), err == nil, err
}

// unfold reads a drop; nil: it is not whole yet. The error says why it is no
// parcel and no paper.
func (b *inbox) unfold(d *drop) (*parcel, error) {
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if d.parcel {
		dir, err := root.OpenRoot(d.name)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		return readParcel(dir.FS())
	}
	late := b.now().Sub(d.since) >= inboxPatience
	switch paper := strings.HasSuffix(d.name, ".txt"); {
	case !paper && late:
		return nil, errors.New("want a parcel's folder, or a paper NAME.txt with its signatures NAME.txt.ANYTHING.sig")
	case paper && len(d.entries) < 2 && late:
		return nil, fmt.Errorf("no signature came beside it within %v", inboxPatience)
	case !paper || len(d.entries) < 2 || !d.seen:
		d.seen = true
		return nil, nil
	}
	texts, err := knowledge.ReadSignedTexts(chosen{root.FS(), d.entries})
	return &parcel{statements: texts}, err
}

// chosen is a folder in which nothing is seen but some entries.
type chosen struct {
	fs.FS
	entries []fs.DirEntry
}

// ReadDir returns the entries, whichever folder is asked for: there is one.
func (c chosen) ReadDir(string) ([]fs.DirEntry, error) { return c.entries, nil }

// clear moves a drop away: to those that were refused, or for good. What cannot
// be removed is kept with the refused.
func (b *inbox) clear(d *drop, refused bool) error {
	var errs []error
	for _, e := range d.entries {
		var err error
		if !refused {
			err = os.RemoveAll(filepath.Join(b.dir, e.Name()))
		}
		if refused || err != nil {
			err = errors.Join(err, b.putAside(e.Name()))
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("inbox: %q was dealt with, and stays where it is: %w", d.name, err)
	}
	return nil
}

// putAside moves a name to those that were refused, and forgets the oldest.
func (b *inbox) putAside(name string) error {
	aside := filepath.Join(b.dir, refusedDir)
	to := fmt.Sprintf("%020d-%s", b.now().UnixNano(), name[:min(len(name), maxAsideName)])
	if err := os.Rename(filepath.Join(b.dir, name), filepath.Join(aside, to)); err != nil {
		return err
	}
	entries, err := os.ReadDir(aside)
	errs := []error{err}
	for _, e := range entries[:max(0, len(entries)-maxRefused)] {
		errs = append(errs, os.RemoveAll(filepath.Join(aside, e.Name())))
	}
	return errors.Join(errs...)
}
