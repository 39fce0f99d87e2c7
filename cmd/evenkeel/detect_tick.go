package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

const (
	// spacingFrames is how many frames tell a recording's tick: enough for a
	// median that a few gaps do not move.
	spacingFrames = 16
	// tickSlack is the share of a tick by which a recording may be off: a
	// poller that is late, but not one of another pace.
	tickSlack = 0.2

	detectTick        = time.Second // of recordings of a single frame
	detectEpochTicks  = 60          // ticks
	detectWarmupTicks = 40          // ticks
)

// setTick takes the tick from the recordings, which must agree with --tick and
// with each other, and sets what is counted in ticks by default.
func (s *detectSession) setTick(ctx context.Context, files []string) error {
	from := "--tick"
	for _, file := range files {
		found, err := spacing(ctx, file)
		if err != nil {
			return err
		}
		switch {
		case found == 0:
		case s.o.tick == 0:
			s.o.tick, from = found, file
		case (found - s.o.tick).Abs() > time.Duration(tickSlack*float64(s.o.tick)):
			return &exitError{exitUsage, fmt.Errorf("detect: %s has a frame every %v, but the tick is %v by %s: want one tick for all",
				file, found, s.o.tick, from), "judge recordings of another tick by themselves"}
		}
	}
	if s.o.tick == 0 {
		s.o.tick = detectTick
	}
	if s.o.epoch == 0 {
		s.o.epoch = detectEpochTicks * s.o.tick
	}
	if s.o.warmup == 0 {
		s.o.warmup = detectWarmupTicks * s.o.tick
	}
	return nil
}

// spacing returns the median time between the first frames of a recording's
// first group, 0 when there are not two.
func spacing(ctx context.Context, file string) (time.Duration, error) {
	enough := errors.New("enough frames")
	var group string
	var last time.Time
	var gaps []time.Duration
	err := eachFrame(ctx, file, func(f *facts.Frame) error {
		switch {
		case group == "":
			group = f.Group
		case f.Group != group:
			return nil
		default:
			gaps = append(gaps, f.Time.Sub(last))
		}
		last = f.Time
		if len(gaps) == spacingFrames {
			return enough
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		return 0, err
	}
	if len(gaps) == 0 {
		return 0, nil
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2], nil
}
