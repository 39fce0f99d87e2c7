package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/evenkeel/evenkeel/cmd/internal/config"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/facts/source"
)

// pastOf returns what gives the frames of a group's past, as its readings would
// have been, up to what its server knows by now, and from since on when that is later
// than its backfill.
func pastOf(server *source.PromQL, c *config.Group) func(since, now time.Time) (frameSource, error) {
	return func(since, now time.Time) (frameSource, error) {
		to := now.Add(-c.PromQL.Delay)
		from := to.Add(-c.Backfill)
		if next := since.Add(c.Tick); next.After(from) {
			from = next
		}
		if !from.Before(to) {
			return nothing{}, nil
		}
		return server.History(from, to, c.Tick)
	}
}

// nothing is a past without a frame.
type nothing struct{}

// Next implements frameSource.
func (nothing) Next(context.Context) (*facts.Frame, error) { return nil, io.EOF }

// watch is a group's watcher, which looks back before it looks.
type watch struct {
	*detect.Watcher
	loop   *loop
	group  *loopGroup
	keeper *keeper
}

// Run learns from the past, if there is one, and then watches, as
// [detect.Watcher.Run] does. A past that cannot be had, or ends early, is told
// and done without. Of a group that goes on with what was kept of it, the past
// is what it missed since. At the end what was learnt is kept.
func (w watch) Run(ctx context.Context) error {
	defer w.keeper.close()
	if w.group.Past != nil {
		b := backfill{detector: w.keeper.detector, logger: w.loop.config.Logger.With("group", w.group.Name), reported: time.Now()}
		w.loop.standings.awaits("source "+w.group.Name, "learning from the past")
		var since time.Time
		if kept := w.keeper.detector.Learnt(); kept != nil {
			since = kept.Taken
		}
		past, err := w.group.Past(since, w.loop.config.Now())
		if err == nil {
			err = b.run(ctx, past)
		}
		w.loop.standings.awaits("source "+w.group.Name, notHeardOf)
		if ctx.Err() != nil {
			return fmt.Errorf("learn from the past: %w", context.Cause(ctx))
		}
		b.tell(err)
	}
	return w.Watcher.Run(ctx)
}

// backfill feeds a detector with frames of the past, see [detect.Detector.Learn].
// How much was learnt is told by the detector itself with the next frame.
type backfill struct {
	detector *detect.Detector
	logger   *slog.Logger
	reported time.Time // when progress was told

	frames, partial, refused int
	trouble                  error // the first that made a frame partial, or refused
	first, last              time.Time
}

// run takes in the frames of the past until they end. The source reads them in
// chunks of bounded size; one frame is held at a time.
func (b *backfill) run(ctx context.Context, past frameSource) error {
	for {
		f, err := past.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case f == nil && onlyPartial(err): // every value of this instant was given twice
			b.note(&b.partial, err)
			continue
		case f == nil:
			return err
		case err != nil:
			b.note(&b.partial, err)
		}
		b.observe(f)
		if time.Since(b.reported) >= progressEvery {
			b.logger.Info("learning from the past", "frames", b.frames, "until", b.last.Format(time.RFC3339))
			b.reported = time.Now()
		}
	}
}

func (b *backfill) observe(f *facts.Frame) {
	if err := b.detector.Learn(f); err != nil {
		b.note(&b.refused, err)
		return
	}
	if b.frames++; b.frames == 1 {
		b.first = f.Time
	}
	b.last = f.Time
}

func (b *backfill) note(count *int, err error) {
	*count++
	if b.trouble == nil {
		b.trouble = err
	}
}

// tell says what was learnt, and err, which ended it early.
func (b *backfill) tell(err error) {
	if b.trouble != nil {
		b.logger.Warn("the past is not whole", "partial", b.partial, "refused", b.refused, "first", b.trouble)
	}
	if err != nil {
		b.logger.Warn("the past cannot be read further: going on without", "frames", b.frames, "error", err)
		return
	}
	if b.frames == 0 {
		b.logger.Warn("nothing is known of the past: going on without")
		return
	}
	b.logger.Info("learnt from the past", "frames", b.frames, "from", b.first.Format(time.RFC3339), "to", b.last.Format(time.RFC3339))
}

// onlyPartial reports whether err says no more than that something is missing.
func onlyPartial(err error) bool {
	_, ok := errors.AsType[*source.PartialError](err)
	return ok
}
