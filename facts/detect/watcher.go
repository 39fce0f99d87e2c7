package detect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Source gives the next frame of a group, when it is there. It returns
//
//   - a frame, and an error or none: the frame is good, the error says what is
//     missing from it;
//   - no frame and [io.EOF]: there will be no more;
//   - no frame and another error: see [WatcherConfig.Passing].
type Source interface {
	Next(ctx context.Context) (*facts.Frame, error)
}

// Publisher hands a fact on. An error means that it was not, and may be later.
type Publisher interface {
	Publish(ctx context.Context, f facts.Fact) error
}

// WatcherConfig is what a [Watcher] joins. The detector, the source and the
// publisher are required.
type WatcherConfig struct {
	Detector  *Detector
	Source    Source
	Publisher Publisher
	// Passing tells errors of the source that will pass, after which it is
	// asked again at once, from those that end the watch. Nil: none passes.
	Passing func(error) bool
	// After, unless nil, is called when the detector has taken in a frame, by
	// the goroutine of Run: there, and only there, the detector may be used
	// while it runs. The next frame waits for it.
	After func()
}

const (
	// silentTicks is how long a source may be silent before that is a fact.
	silentTicks = 3
	// maxUnsent bounds the facts that wait for the publisher; the oldest go
	// first. All that is worth keeping is repeated while it is true.
	maxUnsent = 256
	// publishTicks bounds the wait for the publisher at one tick.
	publishTicks = 1
)

// Watcher runs a detector: frames in, facts out.
type Watcher struct {
	c      WatcherConfig
	unsent []facts.Fact
	silent time.Time // since when the source is, zero: it speaks

	frames, refused, lost, sent, unpublished, dropped atomic.Int64
}

// NewWatcher returns a watcher that has not started.
func NewWatcher(c WatcherConfig) (*Watcher, error) {
	if c.Detector == nil || c.Source == nil || c.Publisher == nil {
		return nil, errors.New("detect: watcher without a detector, a source or a publisher, want all three")
	}
	return &Watcher{c: c}, nil
}

// WatcherStats counts what became of frames and facts since the start.
type WatcherStats struct {
	Frames      int64 // taken in by the detector
	Refused     int64 // malformed or out of order
	Lost        int64 // ticks for which the source gave an error in place of a frame
	Sent        int64 // facts published
	Unpublished int64 // attempts to publish that failed
	Dropped     int64 // facts given up, because too many waited or they expired
}

// Stats may be called at any time from any goroutine.
func (w *Watcher) Stats() WatcherStats {
	return WatcherStats{w.frames.Load(), w.refused.Load(), w.lost.Load(), w.sent.Load(), w.unpublished.Load(), w.dropped.Load()}
}

// reading is what the source returned once.
type reading struct {
	frame *facts.Frame
	err   error
}

// Run watches until ctx ends, the source ends or the source breaks, and returns
// why: nil at the source's end, otherwise an error.
//
// A frame that the detector refuses is counted and left out. A source that
// says nothing for more than three ticks is published as a fact of kind
// absent, state alarm, repeated every tick, and as clear when it is back. Facts
// that cannot be published wait, in order, for the next tick; those that
// expire meanwhile are given up: nobody acts on what is stale.
func (w *Watcher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	readings := make(chan reading)
	var reader sync.WaitGroup
	reader.Go(func() { w.read(ctx, readings) })
	defer reader.Wait()
	defer cancel()

	tick := w.c.Detector.cfg.Tick
	enough := silentTicks*tick + tick/2
	patience := time.NewTimer(enough)
	defer patience.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("detect: watch %s: %w", w.c.Detector.cfg.Group, context.Cause(ctx))
		case r := <-readings:
			switch {
			case r.frame != nil:
				w.observe(ctx, r.frame)
				last = time.Now()
				patience.Reset(enough)
			case errors.Is(r.err, io.EOF):
				return nil
			case ctx.Err() == nil && (w.c.Passing == nil || !w.c.Passing(r.err)):
				return fmt.Errorf("detect: watch %s: %w", w.c.Detector.cfg.Group, r.err)
			default:
				w.lost.Add(1)
			}
		case <-patience.C:
			w.hush(ctx, last)
			patience.Reset(tick)
		}
	}
}

// read passes on what the source returns until it ends, breaks, or ctx ends.
func (w *Watcher) read(ctx context.Context, to chan<- reading) {
	for {
		f, err := w.c.Source.Next(ctx)
		select {
		case to <- reading{f, err}:
		case <-ctx.Done():
			return
		}
		if f == nil && (errors.Is(err, io.EOF) || w.c.Passing == nil || !w.c.Passing(err)) {
			return
		}
	}
}

func (w *Watcher) observe(ctx context.Context, f *facts.Frame) {
	found, err := w.c.Detector.Observe(f)
	if err != nil {
		w.refused.Add(1)
	} else {
		w.frames.Add(1)
		if w.c.After != nil {
			w.c.After()
		}
	}
	if !w.silent.IsZero() {
		w.unsent = append(w.unsent, w.c.Detector.absent(facts.Clear, time.Now(), w.silent))
		w.silent = time.Time{}
	}
	w.unsent = append(w.unsent, found...)
	w.publish(ctx)
}

// hush says that the source is silent, last having been its last word.
func (w *Watcher) hush(ctx context.Context, last time.Time) {
	w.silent = last
	w.unsent = append(w.unsent, w.c.Detector.absent(facts.Alarm, time.Now(), last))
	w.publish(ctx)
}

// publish sends what waits, in order, until the publisher fails.
func (w *Watcher) publish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, publishTicks*w.c.Detector.cfg.Tick)
	defer cancel()
	if over := len(w.unsent) - maxUnsent; over > 0 {
		w.dropped.Add(int64(over))
		w.unsent = w.unsent[over:]
	}
	newest := w.unsent
	if len(newest) == 0 {
		return
	}
	now := newest[len(newest)-1].Time
	for i := range w.unsent {
		if w.unsent[i].Expires.Before(now.Time) {
			w.dropped.Add(1)
			continue
		}
		if err := w.c.Publisher.Publish(ctx, w.unsent[i]); err != nil {
			w.unpublished.Add(1)
			w.unsent = append(w.unsent[:0], w.unsent[i:]...)
			return
		}
		w.sent.Add(1)
	}
	w.unsent = w.unsent[:0]
}

// absent returns the fact that the source of the group has been silent since
// then, or is back.
func (d *Detector) absent(state facts.State, now, since time.Time) facts.Fact {
	f := d.fact(facts.Absent, state, "")
	f.Time, f.Onset = facts.At(now), facts.At(since)
	f.Expires = facts.At(now.Add(freshTicks * d.cfg.Tick))
	if state == facts.Alarm {
		f.GroupState.Present, f.GroupState.Alarmed = 0, 0
	}
	return f
}
