package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/evenkeel/evenkeel/facts"
)

// Bounds on a range query.
const (
	// maxChunkSteps is the most points that Prometheus returns for a series.
	maxChunkSteps = 11000
	// firstChunkSteps is asked for first, when the number of series is not known.
	firstChunkSteps = 240
	// maxChunkPoints bounds the values of one answer: about 7 MB of text.
	maxChunkPoints = 250_000
	// chunkTimeout bounds one range query; it is Prometheus' own limit.
	chunkTimeout = 2 * time.Minute
	// maxHistorySteps bounds a history: four years at 15 s.
	maxHistorySteps = 1 << 23
)

// History gives the frames of a time that has passed, as a recording would; see
// [PromQL.History].
type History struct {
	p     *PromQL
	all   span
	next  int     // step of the next frame
	chunk *answer // of the steps up to ready; nil: none yet
	ready int
	most  int // steps to ask for at once: fewer after an answer that was too much
	steps int // in the next chunk
}

// History returns the frames at the whole multiples of step since the zero time
// that are in [from, to), so that they agree with those of a [Poller] with that
// period. It evaluates the queries at these very instants, without the delay.
// Instants at which no query has a value give no frame.
//
// It asks for as much at once as fits a bounded answer, at most 11,000
// instants, and for less when the server says that this was too much. The step
// is a whole number of milliseconds from [MinTick] to [MaxTick]. While a history
// is read, so may be p, by turns.
func (p *PromQL) History(from, to time.Time, step time.Duration) (*History, error) {
	fail := func(format string, args ...any) (*History, error) {
		return nil, fmt.Errorf("source: history of %s: %w", p.group, fmt.Errorf(format, args...))
	}
	if step < MinTick || step > MaxTick || step%time.Millisecond != 0 {
		return fail("step %v: want whole milliseconds from %v to %v", step, MinTick, MaxTick)
	}
	first := from.UTC().Truncate(step)
	if first.Before(from) {
		first = first.Add(step)
	}
	if !first.Before(to) {
		return fail("no multiple of %v from %s to %s: want a longer time", step, from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	n := (to.Sub(first) + step - 1) / step
	if n > maxHistorySteps {
		return fail("%d steps: want at most %d: choose a longer step", n, maxHistorySteps)
	}
	return &History{p: p, all: span{first, step, int(n)}, most: maxChunkSteps, steps: firstChunkSteps}, nil
}

// Next returns the next frame, beside a [*PartialError] when something is
// missing from it, or [io.EOF] after the last. After another error, without a
// frame, Next may be called again and goes on where it was.
func (h *History) Next(ctx context.Context) (*facts.Frame, error) {
	for {
		for h.next < h.ready {
			f, err := h.chunk.frame(h.all.at(h.next))
			h.next++
			if f != nil || err != nil {
				return f, err
			}
		}
		if h.next >= h.all.steps {
			return nil, io.EOF
		}
		if err := h.ask(ctx); err != nil {
			return nil, err
		}
	}
}

// ask gets the next chunk, as large as can be had.
func (h *History) ask(ctx context.Context) error {
	for {
		part := span{h.all.at(h.next), h.all.step, min(h.steps, h.most, h.all.steps-h.next)}
		a, err := h.p.past(ctx, part)
		switch {
		case err == nil:
			h.chunk, h.ready = a, h.next+part.steps
			h.steps = max(1, min(4*part.steps, maxChunkPoints/max(1, a.found)))
			return nil
		case part.steps == 1 || ctx.Err() != nil || !tooMuch(err):
			return err
		}
		h.most = part.steps / 2
	}
}

// past asks for the instants of s.
func (p *PromQL) past(ctx context.Context, s span) (*answer, error) {
	limited, cancel := context.WithTimeout(ctx, chunkTimeout)
	defer cancel()
	value, warnings, err := p.api.QueryRange(limited, p.query.text,
		promv1.Range{Start: s.from, End: s.at(s.steps - 1), Step: s.step}, promv1.WithTimeout(chunkTimeout))
	if err != nil {
		return nil, fmt.Errorf("source: history of %s: %w", p.group, p.query.explain(ctx, limited, err))
	}
	a, err := p.answer(value, warnings, s)
	if err != nil {
		return nil, fmt.Errorf("source: history of %s: %w", p.group, err)
	}
	if a.found > 0 && len(a.series) == 0 {
		return nil, a.partial(a.faults)
	}
	return a, nil
}

// tooMuch reports whether less would have been answered.
func tooMuch(err error) bool {
	if e, ok := errors.AsType[*serverError](err); ok {
		return strings.Contains(e.text, "too many samples") || strings.Contains(e.text, "timed out")
	}
	return errors.Is(err, errTooLarge) || errors.Is(err, context.DeadlineExceeded)
}
