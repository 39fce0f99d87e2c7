package main

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/cmd/internal/console"
)

// standings remembers how each part of the outside world is doing: the disk,
// the broker, each source and each balancer. An outage is survived, said once
// when it begins and once when it ends, and shown in between. It is safe for
// concurrent use.
type standings struct {
	now    func() time.Time
	logger *slog.Logger
	emit   func(loopEvent)

	mu    sync.Mutex
	parts map[string]standing // by the name that people see, such as "source web"
	notes []string            // what waiting will not change
}

// standing is one part's.
type standing struct {
	group  string
	err    error // nil: it works
	detail string
	since  time.Time     // of err, or of the last good word
	fresh  time.Duration // a good word older than this is none; 0: it keeps
}

func newStandings(now func() time.Time, logger *slog.Logger, emit func(loopEvent)) *standings {
	return &standings{now: now, logger: logger, emit: emit, parts: map[string]standing{}}
}

// expect makes a part known before its first word. Until then it is not ready.
func (s *standings) expect(part, group string, fresh time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts[part] = standing{group: group, fresh: fresh, detail: notHeardOf}
}

const notHeardOf = "not heard of yet"

// awaits says why there is no first word of a part yet.
func (s *standings) awaits(part, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.parts[part]
	p.detail = why
	s.parts[part] = p
}

// note adds a line for people, once for all.
func (s *standings) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, text)
}

// good takes a sign of life; detail says what is not quite as it should be.
func (s *standings) good(part, detail string) {
	s.mu.Lock()
	p := s.parts[part]
	was := p.err
	p.err, p.detail, p.since = nil, detail, s.now()
	s.parts[part] = p
	s.mu.Unlock()
	if was != nil {
		s.logger.Info("back", "part", part)
		s.emit(loopEvent{Time: s.now(), Group: p.group, Trouble: &troubleEvent{Part: part}})
	}
}

// bad takes a failure.
func (s *standings) bad(part string, err error) {
	s.mu.Lock()
	p := s.parts[part]
	was := p.err
	if was == nil {
		p.since = s.now()
	}
	p.err = err
	s.parts[part] = p
	s.mu.Unlock()
	if was == nil {
		s.logger.Warn("out of reach", "part", part, "error", err)
		s.emit(loopEvent{Time: s.now(), Group: p.group, Trouble: &troubleEvent{Part: part, Err: err}})
	}
}

// report returns the standing of each part, by name.
func (s *standings) report() console.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := console.Report{Notes: slices.Clone(s.notes)}
	for name, p := range s.parts {
		age := s.now().Sub(p.since).Truncate(time.Second)
		c := console.Check{Part: name, OK: true, Detail: cmp.Or(p.detail, "ok")}
		switch {
		case p.err != nil:
			c.OK, c.Detail = false, "for "+age.String()+": "+p.err.Error()
		case p.since.IsZero():
			c.OK = false
		case p.fresh > 0 && age > p.fresh:
			c.OK, c.Detail = false, "no word for "+age.String()
		}
		r.Checks = append(r.Checks, c)
	}
	slices.SortFunc(r.Checks, func(a, b console.Check) int { return cmp.Compare(a.Part, b.Part) })
	return r
}
