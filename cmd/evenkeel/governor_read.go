package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/evenkeel/evenkeel/cmd/internal/console"
	"github.com/evenkeel/evenkeel/knowledge"
)

// status returns what 'rules status' prints. There is nothing secret in it.
func (g *governor) status(ctx context.Context) (any, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, err := g.clock(ctx)
	if err != nil {
		return nil, g.unread("status", err)
	}
	return reportStatus(g.ledger, now, false), nil
}

// change returns the papers of a change as an archive: what 'rules export'
// writes.
func (g *governor) change(ctx context.Context, id string) ([]byte, error) {
	c, q, later, err := g.question(ctx, id)
	if err != nil {
		return nil, g.unread(id, err)
	}
	p, err := g.store.gather(q, later, c.Statement)
	if err != nil {
		return nil, g.unread(id, err)
	}
	return p.pack()
}

// base returns what a change is to be compared with as an archive: the people
// register in force, which may be newer than the change, and the files that it
// would replace, if they are here.
func (g *governor) base(ctx context.Context, id string) ([]byte, error) {
	c, _, _, err := g.question(ctx, id)
	if err != nil {
		return nil, g.unread(id, err)
	}
	files, err := g.store.bundle(c.Statement.Field("parent"))
	if err != nil && c.Statement.Field("parent") != nothingLive && !errors.Is(err, fs.ErrNotExist) {
		return nil, g.unread(id, err)
	}
	g.mu.Lock()
	registers := slices.Clone(g.ledger.Registers())
	g.mu.Unlock()
	return (&parcel{registers: registers, bundle: files}).pack()
}

// question returns a change, what the gate is asked of it, and what was said of it
// after it began.
func (g *governor) question(ctx context.Context, id string) (c knowledge.Change, q knowledge.Question, later []knowledge.SignedText, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, err := g.clock(ctx)
	if err != nil {
		return c, q, nil, err
	}
	if c, err = g.ledger.Change(id, now); err != nil {
		return c, q, nil, fmt.Errorf("%w: %w", err, console.ErrUnknown)
	}
	q, err = g.ledger.Question(c.Digest, now)
	return c, q, g.ledger.Later(c.Digest), err
}

// unread tells why somebody gets no answer: the console says that to nobody.
func (g *governor) unread(what string, err error) error {
	if !errors.Is(err, console.ErrUnknown) {
		g.logger.Error("a change cannot be read", "change", what, "error", err)
	}
	return err
}
