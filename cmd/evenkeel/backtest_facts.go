package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/engine/backtest"
	"github.com/evenkeel/evenkeel/facts"
)

// feed returns the recorded facts that the flags name, and what to call when
// they have been read.
func (o *backtestOptions) feed(ctx context.Context, bar *progress, stderr io.Writer) (backtest.Feed, func() error, error) {
	switch {
	case o.facts != "":
		return fileFacts(o.facts, bar)
	case o.log.data != "":
		return o.logFacts(bar)
	}
	feed, err := o.recordedFacts(ctx, stderr)
	return feed, func() error { return nil }, err
}

// fileFacts feeds a file of facts.
func fileFacts(name string, bar *progress) (backtest.Feed, func() error, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("rules backtest: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("rules backtest: %w", err), f.Close())
	}
	bar.whole(info.Size())
	var r io.Reader = &readCounter{f, bar}
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("rules backtest: %s: %w", name, err), f.Close())
		}
	}
	return backtest.Lines(name, r), f.Close, nil
}

// readCounter tells a bar how far a file was read.
type readCounter struct {
	r   io.Reader
	bar *progress
}

func (c *readCounter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.bar.advance(int64(n))
	return n, err
}

// recordedFacts feeds what the detectors find in recordings.
func (o *backtestOptions) recordedFacts(ctx context.Context, stderr io.Writer) (backtest.Feed, error) {
	files, err := expand(o.recordings)
	if err != nil {
		return nil, &exitError{exitUsage, err, ""}
	}
	s, err := newDetectSession(ctx, o.detect, files)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, take func(backtest.Recorded) error) error {
		for _, file := range s.files {
			if err := s.detect(ctx, file, takenFacts(take)); err != nil {
				return err
			}
		}
		return s.tellJudged(stderr)
	}, nil
}

// takenFacts is the sink of detectors that hands facts to a backtest.
type takenFacts func(backtest.Recorded) error

func (takenFacts) frame(string, *facts.Frame) {}
func (takenFacts) end() error                 { return nil }

func (t takenFacts) fact(file string, f *facts.Fact) error {
	found := backtest.Fact{Fact: *f, Stream: file}
	return t(func() (_ backtest.Fact, err error) {
		found.ID, err = found.Fact.ID()
		return found, err
	})
}

// remembered is how far back before --since facts are remembered: a member is
// held for a day at most before somebody has to look at it.
const remembered = 25 * time.Hour

// logSpan is which entries of a log are read.
type logSpan struct {
	from, to int64     // numbers; to is inclusive
	since    time.Time // entries before it are past; those before remembered are not read
	until    time.Time // zero: the end
}

// logFacts feeds the accepted facts of a log.
func (o *backtestOptions) logFacts(bar *progress) (backtest.Feed, func() error, error) {
	since, err := parseAuditBound("--since", o.since, auditBound{})
	if err != nil {
		return nil, nil, err
	}
	r, err := o.log.open()
	if err != nil {
		return nil, nil, err
	}
	until, err := parseAuditBound("--until", o.until, auditBound{seq: r.Size() - 1})
	if err != nil {
		return nil, nil, errors.Join(err, r.Close())
	}
	bar.whole(r.Size())
	feed := func(ctx context.Context, take func(backtest.Recorded) error) error {
		span := logSpan{from: since.seq, to: min(until.seq, r.Size()-1), since: since.time, until: until.time}
		if since.seq > 0 { // the entry's time says what is remembered
			first, err := recordAt(ctx, r, since.seq)
			if err != nil {
				return err
			}
			span.since = first.Time
		}
		return scanFacts(ctx, r, span, bar, take)
	}
	return feed, r.Close, nil
}

// scanFacts hands out the facts of a span of a log.
func scanFacts(ctx context.Context, r *audit.Reader, span logSpan, bar *progress, take func(backtest.Recorded) error) error {
	return r.Scan(ctx, 0, span.to+1, func(rec audit.Record) error {
		bar.advance(1)
		past := rec.Seq < span.from || rec.Time.Before(span.since)
		if past && span.since.Sub(rec.Time) > remembered || !span.until.IsZero() && rec.Time.After(span.until) {
			return nil
		}
		e, err := audit.Decode(rec.Bytes)
		if err != nil || e.Type != "fact.accepted" {
			return err
		}
		return take(func() (backtest.Fact, error) { return acceptedFact(e, past) })
	})
}

// acceptedFact reads a fact out of the entry that says it was accepted.
func acceptedFact(e audit.Stored, past bool) (backtest.Fact, error) {
	f, id, err := engine.DecodeAccepted(e)
	if err != nil {
		return backtest.Fact{}, fmt.Errorf("entry %d: %w: %w", e.Seq, audit.ErrTampered, err)
	}
	return backtest.Fact{Fact: f, ID: id, Past: past}, nil
}
