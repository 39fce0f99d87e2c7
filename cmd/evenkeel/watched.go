package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/source"
)

// The types below stand between two parts of the loop, pass every call on and
// keep the standings.

// watchedLog records how the log is doing.
type watchedLog struct {
	*audit.Log
	recorder  engine.Recorder // takes the entries: the log itself
	standings *standings
}

const partLog = "log"

// Append passes entries on. An entry that is malformed, or a caller that gave
// up, says nothing about the disk.
func (w *watchedLog) Append(ctx context.Context, entries ...audit.Entry) ([]audit.Record, error) {
	r, err := w.recorder.Append(ctx, entries...)
	switch {
	case err == nil:
		w.standings.good(partLog, "")
	case !errors.Is(err, audit.ErrEntry) && ctx.Err() == nil:
		w.standings.bad(partLog, err)
	}
	return r, err
}

// watchedSource records how a group's source is doing. It is for one goroutine.
type watchedSource struct {
	inner     frameSource
	part      string
	standings *standings

	said   string // what was missing when it was last said; empty: nothing
	saidAt time.Time
}

// partialEvery is the least time between two lines on what is missing from a
// source: members that come and go by the second are one piece of news.
const partialEvery = 10 * time.Second

// Next passes a frame on.
func (w *watchedSource) Next(ctx context.Context) (*facts.Frame, error) {
	f, err := w.inner.Next(ctx)
	switch {
	case f != nil && err == nil:
		w.standings.good(w.part, "")
	case f != nil:
		w.standings.good(w.part, err.Error()) // part of the group is missing
	case errors.Is(err, source.ErrSilent):
		w.standings.bad(w.part, err)
	}
	if f != nil {
		w.say(err)
	}
	return f, err
}

// say tells once when something is missing, when that changes, and when nothing
// is any more.
func (w *watchedSource) say(err error) {
	now, missing := w.standings.now(), extent(err)
	if missing == w.said || !w.saidAt.IsZero() && now.Sub(w.saidAt) < partialEvery {
		return
	}
	w.said, w.saidAt = missing, now
	if missing == "" {
		w.standings.logger.Info("whole again", "part", w.part)
		return
	}
	w.standings.logger.Warn("not whole", "part", w.part, "error", err)
}

// extent says how much of a source is missing, and nothing of the causes: they
// name ports and times, which change from tick to tick.
func extent(err error) string {
	p, ok := errors.AsType[*source.PartialError](err)
	if !ok {
		return ""
	}
	text := fmt.Sprintf("%d/%d", p.Failed, p.Of)
	for _, c := range p.Causes {
		text += " " + extent(c)
	}
	return text
}

// watchedExecutor records how a group's balancer is doing.
type watchedExecutor struct {
	inner     actions.Executor
	part      string
	standings *standings
}

// Observe passes a read-back on.
func (w watchedExecutor) Observe(ctx context.Context, group string) (actions.Inventory, error) {
	inv, err := w.inner.Observe(ctx, group)
	w.heard(ctx, err)
	return inv, err
}

// Apply passes an act on. An act that is not due any more says nothing about
// the balancer.
func (w watchedExecutor) Apply(ctx context.Context, a actions.Act) error {
	err := w.inner.Apply(ctx, a)
	if !errors.Is(err, actions.ErrNotApplied) && !errors.Is(err, actions.ErrDryRun) {
		w.heard(ctx, err)
	}
	return err
}

func (w watchedExecutor) heard(ctx context.Context, err error) {
	switch {
	case err == nil:
		w.standings.good(w.part, "")
	case !errors.Is(context.Cause(ctx), context.Canceled):
		w.standings.bad(w.part, err)
	}
}
