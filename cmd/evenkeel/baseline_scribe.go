package main

import (
	"context"
	"log/slog"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
)

// scribeJobs bounds what waits for the disk; a group has one or two.
const scribeJobs = 64

// scribe writes for the keepers, so that no watcher waits for a disk.
type scribe struct {
	log    engine.Recorder
	logger *slog.Logger
	jobs   chan func(context.Context)
}

func newScribe(log engine.Recorder, logger *slog.Logger) *scribe {
	return &scribe{log, logger, make(chan func(context.Context), scribeJobs)}
}

// take takes a job on, unless too much waits.
func (s *scribe) take(job func(context.Context)) bool {
	select {
	case s.jobs <- job:
		return true
	default:
		return false
	}
}

// run works until ctx ends, and then off what was taken on before.
func (s *scribe) run(ctx context.Context) error {
	base := context.WithoutCancel(ctx)
	for {
		select {
		case job := <-s.jobs:
			s.do(base, job)
		case <-ctx.Done():
			for {
				select {
				case job := <-s.jobs:
					s.do(base, job)
				default:
					return context.Cause(ctx)
				}
			}
		}
	}
}

func (s *scribe) do(ctx context.Context, job func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, handleTime)
	defer cancel()
	job(ctx)
}

// record writes an entry, and reports whether it is written. That it cannot be
// is told.
func (s *scribe) record(ctx context.Context, typ, actor string, body any) bool {
	_, err := s.log.Append(ctx, audit.Entry{Type: typ, Actor: actor, Body: body})
	if err != nil {
		s.logger.Warn("not recorded", "type", typ, "error", err)
	}
	return err == nil
}

// tidy tells of what could not be removed.
func (s *scribe) tidy(err error) {
	if err != nil {
		s.logger.Warn("request stays where it is", "error", err)
	}
}
