package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// History is the log, to be read. *audit.Log and *audit.Reader are.
type History interface {
	Size() int64
	Scan(ctx context.Context, from, to int64, f func(audit.Record) error) error // to is exclusive
}

const (
	// restoreWindow is how far back outcomes are read: who is held out by our
	// hand. A hold lasts a day at most before it must be renewed.
	restoreWindow = 25 * time.Hour
	// restoreFacts is how far back all facts are read: the last hour's drains.
	// Rosters come every few seconds, alarms stand for seconds.
	restoreFacts = drainWindow
)

// typeRestored is the type of the entry that a restart is recorded with.
const typeRestored = "memory.restored"

// restored says of which entries memories were rebuilt at a restart. It is
// recorded, for what is decided later depends on it; keys sorted.
type restored struct {
	Facts    int64    `json:"facts"`    // the first entry of which everything was read
	Groups   []string `json:"groups"`   // of which the rules that are put aside were read
	Outcomes int64    `json:"outcomes"` // the first of which outcomes were read
	Size     int64    `json:"size"`     // entries that the log had
}

// Restore rebuilds the memory of every group, and the identities of the facts
// handled lately, from the log: a memory is a fold of the accepted facts, so
// nothing else is needed. Call it once, before the first Handle.
//
// It reads which rules are put aside, however long ago that was: neither time
// nor the end of a process lifts one. It reads who is held out by our hand in
// the last day, and all else in the last hour. A quiet that is longer begins anew: C.QuietSeconds may be less than
// before the restart, never more. Which entries these were is recorded, so that
// [Revisit] finds the same memories.
func (e *Engine) Restore(ctx context.Context, h History) error {
	if err := e.restore(ctx, h); err != nil {
		return fmt.Errorf("engine: restore: %w", err)
	}
	return nil
}

func (e *Engine) restore(ctx context.Context, h History) (err error) {
	now, r := e.now(), restored{Size: h.Size(), Groups: slices.Sorted(maps.Keys(e.groups))}
	if r.Outcomes, err = FirstSince(ctx, h, r.Size, now.Add(-restoreWindow)); err != nil {
		return err
	}
	if r.Facts, err = FirstSince(ctx, h, r.Size, now.Add(-restoreFacts)); err != nil {
		return err
	}
	for _, g := range e.groups {
		g.mu.Lock()
		defer g.mu.Unlock()
	}
	c := collector{handled: e.recent.Add, memory: func(env, group string) *Memory {
		g, known := e.groups[group]
		if !known || env != e.env {
			return nil
		}
		return g.memory
	}}
	if err := c.rebuild(ctx, h, r); err != nil {
		return err
	}
	_, err = e.log.Append(ctx, audit.Entry{Type: typeRestored, Actor: actor, Body: r})
	return err
}

// FirstSince returns the first of the entries below to that is not before t, or
// to when there is none. Times never go back in a log.
func FirstSince(ctx context.Context, h History, to int64, t time.Time) (int64, error) {
	var failed error
	i := sort.Search(int(to), func(i int) bool {
		found := false
		err := h.Scan(ctx, int64(i), int64(i)+1, func(r audit.Record) error {
			found = !r.Time.Before(t)
			return nil
		})
		failed = errors.Join(failed, err)
		return found || err != nil
	})
	return int64(i), failed
}
