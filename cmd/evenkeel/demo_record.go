package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/sim"
	"github.com/evenkeel/evenkeel/facts/source"
)

// recordDemo is what "evenkeel demo --record" is asked for.
type recordDemo struct {
	demoOptions
	faults []sim.Fault
}

// check refuses what cannot be recorded.
func (o demoOptions) checkRecord() (recordDemo, error) {
	c := recordDemo{demoOptions: o}
	o.fault = string(sim.None) // the list of faults counts here
	if _, err := o.check(); err != nil {
		return c, err
	}
	usage := func(format string, args ...any) (recordDemo, error) {
		return c, &exitError{exitUsage, fmt.Errorf("demo: "+format, args...), "see 'evenkeel demo --help'"}
	}
	for f := range strings.SplitSeq(o.faults, ",") {
		fault, err := sim.ParseFault(f)
		if err != nil {
			return usage("--faults: %w", err)
		}
		switch {
		case fault.Kind == sim.None:
		case fault.Benign():
			return usage("--faults %s: want faults of one member; healthy runs are disturbed by themselves", f)
		default:
			c.faults = append(c.faults, fault)
		}
	}
	runs := 0
	if o.epochs >= 0 && o.seeds >= 0 && o.epochs <= maxRecordRuns && o.seeds <= maxRecordRuns {
		runs = (o.epochs+recordEpochs-1)/recordEpochs + 2*o.seeds*len(c.faults)
	}
	switch {
	case runs == 0 || runs > maxRecordRuns:
		return usage("--epochs %d and --seeds %d with %d faults, want 1 to %d runs", o.epochs, o.seeds, len(c.faults), maxRecordRuns)
	case o.epoch < minRecordEpoch || o.epoch > maxRecordEpoch || o.epoch%recordTick != 0:
		return usage("--epoch %v, want whole seconds from %v to %v", o.epoch, minRecordEpoch, maxRecordEpoch)
	}
	return c, nil
}

// Bounds on an epoch: above a detector's longest window, and below a wait that
// nobody bears.
const (
	minRecordEpoch = 10 * time.Second
	maxRecordEpoch = time.Hour
)

// recordPools records labelled runs of real pools in o.record. A run whose row
// is in runs.csv is there already and is left as it is, so that a recording
// that was cut short goes on where it was.
func recordPools(ctx context.Context, o recordDemo, progress io.Writer) error {
	if err := os.MkdirAll(o.record, 0o755); err != nil { //nolint:gosec // recordings are for others to read
		return &exitError{exitFailed, fmt.Errorf("demo: %w", err), "choose a directory that this user may write to with --record"}
	}
	index, err := openRecordIndex(o.record)
	if err != nil {
		return err
	}
	plan := recordPlan(o)
	if err := index.agrees(o, plan); err != nil {
		return &exitError{exitUsage, fmt.Errorf("demo: %w", err), "record into another directory"}
	}
	var left time.Duration
	for _, r := range plan {
		if !index.has(r.name) {
			left += r.lasts
		}
	}
	fmt.Fprintf(progress, "evenkeel: %s to record in %s, which takes %s\n", count(len(plan)-index.common(plan), "run"), o.record, span(left))
	for i, r := range plan {
		if index.has(r.name) {
			continue
		}
		fmt.Fprintf(progress, "evenkeel: run %d of %d: %s, %s\n", i+1, len(plan), r.name, span(r.lasts))
		done, err := recordOne(ctx, o, r)
		if ctx.Err() != nil {
			return &exitError{exitFailed, errInterrupted, "the same command goes on with " + r.name}
		}
		if err != nil {
			return fmt.Errorf("demo: record %s: %w", r.name, err)
		}
		if err := index.add(o, done); err != nil {
			return err
		}
	}
	return nil
}

// recordOne records one run, in a file that gets its name when it is complete,
// and returns the run with the times at which things happened.
func recordOne(ctx context.Context, o recordDemo, r recordRun) (_ recordRun, err error) {
	dir, done, err := demoDir("")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, done()) }()
	live, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	parts := &crew{base: context.WithoutCancel(ctx), fail: fail, why: "the run ended"}
	defer parts.stop()
	c := demoConfig{demoOptions: o.demoOptions}
	c.seed = r.seed
	stage, err := openStage(live, parts, c, dir)
	if err != nil {
		return r, demoError(ctx, live, err)
	}
	from, closeSource, err := demoSource(stage)
	if err != nil {
		return r, err
	}
	defer closeSource()
	final := filepath.Join(o.record, r.name+".csv.gz")
	part := filepath.Join(o.record, "."+r.name+".part.csv.gz")
	w, err := source.CreateRecording(part, true)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, removed(part)) }()
	err = demoError(ctx, live, recordFrames(live, &r, o.rate, stage, from, w))
	if err = errors.Join(err, w.Close()); err != nil {
		return r, err
	}
	return r, os.Rename(part, final)
}

// removed takes a file away, if it is there.
func removed(name string) error {
	if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// recordFrames writes the frames of a run, and makes happen in it what is
// planned. A tick is recorded as the second of the run that it ends.
func recordFrames(ctx context.Context, r *recordRun, rate float64, stage *demoStage, from frameSource, w *source.RecordingWriter) error {
	first, err := nextFrame(ctx, from)
	if err != nil {
		return err
	}
	start := first.Time.Add(-recordTick)
	script := r.script(stage, rate)
	for f := first; f.Time.Sub(start) <= r.lasts; {
		relative := *f
		relative.Group, relative.Time = r.name, time.Unix(0, 0).UTC().Add(f.Time.Sub(start))
		if err := w.Write(&relative); err != nil {
			return err
		}
		if err := script.until(ctx, start, f.Time.Sub(start)+recordTick); err != nil {
			return err
		}
		if f, err = nextFrame(ctx, from); err != nil {
			return err
		}
	}
	return nil
}

// nextFrame returns the next frame that there is; a tick that is lost is a gap
// in the recording, as it is in life.
func nextFrame(ctx context.Context, from frameSource) (*facts.Frame, error) {
	for {
		f, err := from.Next(ctx)
		if f != nil {
			return f, nil
		}
		if !errors.Is(err, source.ErrSilent) {
			return nil, err
		}
	}
}

// runCue is one thing to be done in a run.
type runCue struct {
	at time.Duration
	do func() error
	is *time.Duration // when it was done; nil: it does not matter
}

type runScript []runCue

// script returns what happens in the run, in order.
func (r *recordRun) script(stage *demoStage, rate float64) runScript {
	var s runScript
	if r.fault.Kind != sim.None {
		s = append(s, runCue{r.onset, func() error { return stage.pool.Begin(r.victim, r.fault) }, &r.onset},
			runCue{r.end, func() error { return stage.pool.Begin(r.victim, sim.Fault{Kind: sim.None}) }, &r.end})
	}
	for i := range r.disturbance {
		d := &r.disturbance[i]
		begin, end := sim.Fault{Kind: d.kind, Size: d.factor}, sim.Fault{Kind: d.kind, Size: 1}
		switch d.kind {
		case sim.Surge:
			s = append(s, runCue{d.at, func() error { return stage.client.SetRate(rate * d.factor) }, &d.at},
				runCue{d.at + d.lasts, func() error { return stage.client.SetRate(rate) }, nil})
		case sim.Restart:
			s = append(s, runCue{d.at, func() error { return stage.pool.Begin(d.member, begin) }, &d.at})
		default:
			s = append(s, runCue{d.at, func() error { return stage.pool.Begin("", begin) }, &d.at},
				runCue{d.at + d.lasts, func() error { return stage.pool.Begin("", end) }, nil})
		}
	}
	slices.SortStableFunc(s, func(a, b runCue) int { return cmp.Compare(a.at, b.at) })
	return s
}

// until does what is due before the given time of the run, each at its time.
func (s *runScript) until(ctx context.Context, start time.Time, end time.Duration) error {
	for ; len(*s) > 0 && (*s)[0].at < end; *s = (*s)[1:] {
		next := (*s)[0]
		if wait := time.Until(start.Add(next.at)); wait > 0 {
			t := time.NewTimer(wait)
			select {
			case <-ctx.Done():
				t.Stop()
				return context.Cause(ctx)
			case <-t.C:
			}
		}
		if err := next.do(); err != nil {
			return err
		}
		if next.is != nil {
			*next.is = time.Since(start).Round(time.Millisecond)
		}
	}
	return nil
}
