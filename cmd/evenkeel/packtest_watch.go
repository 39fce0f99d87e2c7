package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/engine"
)

// watchEvery is how often a watched pack is looked at: a person who saved a file
// does not notice it.
const watchEvery = 500 * time.Millisecond

// watchPack tests a pack now and whenever one of its files changed, until the
// context ends, and says what is doubtful about its rules. What is wrong with the pack is printed, not returned.
func watchPack(ctx context.Context, w io.Writer, dir string, o testOptions) error {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	return watchTicks(ctx, w, dir, o, t.C)
}

func watchTicks(ctx context.Context, w io.Writer, dir string, o testOptions, look <-chan time.Time) error {
	o.draft = new(engine.Draft)
	last := ""
	for {
		if now := packState(dir); now != last {
			last = now
			if err := watchOnce(ctx, w, dir, o); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look:
		}
	}
}

// watchOnce runs the tests, and prints what came of them.
func watchOnce(ctx context.Context, w io.Writer, dir string, o testOptions) error {
	if err := testPack(ctx, w, dir, o); err != nil {
		if _, err := fmt.Fprintln(w, err); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, "waiting for a change of "+dir)
	return err
}

// packState says in a text what a change of a file would change.
func packState(dir string) string {
	var b strings.Builder
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) { // between reading the directory and the file
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, name, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return b.String()
}
