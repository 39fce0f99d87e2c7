package source

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// ErrSilent says that a tick passed without a frame. The source may speak
// again: the caller of [Poller.Next] reports it and calls Next again.
var ErrSilent = errors.New("source silent")

// Bounds on the tick of a [Poller].
const (
	// MinTick: below it, counts of a tick are mostly noise and readings cost
	// more than they tell.
	MinTick = 10 * time.Millisecond
	// MaxTick: a reading older than this says nothing about now.
	MaxTick = time.Hour
)

// Poller reads at every tick: at the whole multiples of its period since the
// zero time, by the wall clock. Ticks therefore do not drift, and those of two
// hosts with synchronised clocks agree.
//
// Ticks are strictly increasing and may be missed, never made up: a tick that
// is more than half a period in the past is skipped, and while a clock that
// was set back has not passed the last tick again, every Next says so.
type Poller struct {
	reader Reader
	every  time.Duration
	last   time.Time // tick of the last reading

	stats struct{ frames, partial, silent, missed atomic.Int64 }
}

// NewPoller returns a poller of r with the given period, which is a whole
// number of milliseconds from [MinTick] to [MaxTick].
func NewPoller(r Reader, every time.Duration) (*Poller, error) {
	if every < MinTick || every > MaxTick || every%time.Millisecond != 0 {
		return nil, fmt.Errorf("source: poll every %v: want whole milliseconds from %v to %v", every, MinTick, MaxTick)
	}
	return &Poller{reader: r, every: every}, nil
}

// Next waits for the next tick and reads. It returns, as [Reader] does,
//
//   - a frame, which [facts.Frame.Check] has accepted, and nil;
//   - a frame and a [*PartialError];
//   - no frame and an error that wraps [ErrSilent]: this tick is lost, call again;
//   - no frame and another error: ctx has ended.
//
// A reading that takes longer than three quarters of the period is given up.
// Next is not for concurrent use.
func (p *Poller) Next(ctx context.Context) (*facts.Frame, error) {
	t, wait := p.tick(time.Now().Round(0))
	if err := sleep(ctx, wait); err != nil {
		return nil, fmt.Errorf("source: wait for the next tick: %w", err)
	}
	if t.IsZero() {
		p.stats.silent.Add(1)
		return nil, fmt.Errorf("source: clock was set back: waiting until it passes %s again: %w", p.last.Format(time.RFC3339), ErrSilent)
	}
	if !p.last.IsZero() {
		p.stats.missed.Add(int64(t.Sub(p.last)/p.every) - 1)
	}
	p.last = t
	f, err := p.read(ctx, t)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("source: read at %s: %w", t.Format(time.RFC3339), ctx.Err())
	case f == nil:
		p.stats.silent.Add(1)
		return nil, fmt.Errorf("%w: %w", err, ErrSilent)
	case err != nil:
		p.stats.partial.Add(1)
	}
	p.stats.frames.Add(1)
	return f, err
}

// tick returns the tick to read and how long to wait for it. The tick is zero
// when the clock is more than a period behind the last one.
func (p *Poller) tick(now time.Time) (t time.Time, wait time.Duration) {
	latest := now.UTC().Truncate(p.every)
	next := latest.Add(p.every)
	switch {
	case p.last.IsZero():
		return next, next.Sub(now)
	case latest.After(p.last) && now.Sub(latest) <= p.every/2:
		return latest, 0
	case next.After(p.last):
		return next, next.Sub(now)
	case next.Equal(p.last): // the timer was early by this clock
		next = next.Add(p.every)
		return next, next.Sub(now)
	}
	return time.Time{}, p.every
}

// read bounds one reading and checks what it returns.
func (p *Poller) read(ctx context.Context, t time.Time) (*facts.Frame, error) {
	ctx, cancel := context.WithTimeout(ctx, p.every*3/4)
	defer cancel()
	f, err := p.reader.Read(ctx, t)
	switch {
	case err != nil && (f == nil || !partial(err)):
		return nil, err
	case f == nil:
		return nil, errors.New("source: reader returned neither a frame nor an error")
	}
	if err := f.Check(); err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	return f, err
}

// PollerStats counts what became of the ticks since the start.
type PollerStats struct {
	Frames  int64 // ticks that gave a frame
	Partial int64 // of these, frames with a part missing
	Silent  int64 // ticks that gave none
	Missed  int64 // ticks that passed while the caller or a reading was late
}

// Stats may be called at any time from any goroutine.
func (p *Poller) Stats() PollerStats {
	s := &p.stats
	return PollerStats{s.frames.Load(), s.partial.Load(), s.silent.Load(), s.missed.Load()}
}

// sleep waits for d or for the end of ctx, and says which by its error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
