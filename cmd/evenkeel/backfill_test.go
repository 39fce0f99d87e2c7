package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/facts/source"
)

// memory is a source that gives what it was told to, in order, and then end.
type memory struct {
	frames []*facts.Frame
	errs   map[int]error // beside the frame of that number
	end    error
	at     int
}

func (s *memory) Next(ctx context.Context) (*facts.Frame, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.at == len(s.frames) {
		return nil, s.end
	}
	s.at++
	return s.frames[s.at-1], s.errs[s.at-1]
}

var storyMembers = []string{"m1", "m2", "m3", "m4"}

// healthy returns n frames of a healthy group, one a second from start on.
func healthy(start time.Time, n int) []*facts.Frame {
	random := rand.New(rand.NewPCG(7, 7))
	var all []*facts.Frame
	for i := range n {
		f := facts.NewFrame(start.Add(time.Duration(i)*time.Second), "web", storyMembers, []string{"bytes", "rows"})
		for k := range f.Values {
			f.Values[k] = 100 + 5*random.NormFloat64()
		}
		all = append(all, f)
	}
	return all
}

// storyConfig is of a detector that judges such a group after six minutes.
var storyConfig = detect.Config{Env: "test", Group: "web", Warmup: 60 * time.Second, Epoch: 30 * time.Second, Alpha: 0.05, MinEpochs: 10, Margin: 2}

func storyDetector(t *testing.T) *detect.Detector {
	t.Helper()
	d, err := detect.New(storyConfig)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestBackfillLearnsThePast(t *testing.T) {
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	missing := &source.PartialError{Group: "web", Failed: 1, Of: 2, Causes: []error{errors.New("no series")}}
	for _, tt := range []struct {
		name  string
		story memory
		err   error
		said  []string
	}{
		{"to its end", memory{frames: healthy(start, 500), end: io.EOF}, nil,
			[]string{`msg="learnt from the past" frames=500 from=2026-05-01T00:00:00Z to=2026-05-01T00:08:19Z`}},
		{"with what is missing from it", memory{frames: healthy(start, 500), errs: map[int]error{3: missing, 4: missing}, end: io.EOF}, nil,
			[]string{`msg="the past is not whole" partial=2 refused=0 first="source: read web: 1 of 2 failed: no series"`, "frames=500"}},
		{"without an instant that says everything twice", memory{frames: append([]*facts.Frame{nil}, healthy(start, 500)...), errs: map[int]error{0: missing}, end: io.EOF}, nil,
			[]string{"partial=1 refused=0", "frames=500"}},
		{"without frames out of order", memory{frames: append(healthy(start, 500), healthy(start, 2)...), end: io.EOF}, nil,
			[]string{"partial=0 refused=2", "frames=500"}},
		{"until it cannot be read", memory{frames: healthy(start, 500), end: io.ErrUnexpectedEOF}, io.ErrUnexpectedEOF,
			[]string{`msg="the past cannot be read further: going on without" frames=500 error="unexpected EOF"`}},
		{"which may be empty", memory{end: io.EOF}, nil, []string{`msg="nothing is known of the past: going on without"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			b := backfill{detector: storyDetector(t), logger: slog.New(slog.NewTextHandler(&out, nil)), reported: time.Now()}
			err := b.run(t.Context(), &tt.story)
			if !errors.Is(err, tt.err) {
				t.Errorf("run = %v, want %v", err, tt.err)
			}
			b.tell(err)
			for _, want := range tt.said {
				if !strings.Contains(out.String(), want) {
					t.Errorf("said:\n%swant %s", out.String(), want)
				}
			}
			if judging := b.detector.Judging(); judging != (b.frames > 0) {
				t.Errorf("judging = %v after %d frames", judging, b.frames)
			}
		})
	}
}

// A gap between the past and the present is no fault, and nobody vanishes.
func TestBackfillAndThenAGap(t *testing.T) {
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, gap := range []time.Duration{0, 20 * time.Second, 10 * time.Minute, 3 * 24 * time.Hour} {
		t.Run(gap.String(), func(t *testing.T) {
			all := healthy(start, 1000)
			d := storyDetector(t)
			b := backfill{detector: d, logger: slog.New(slog.DiscardHandler), reported: time.Now()}
			if err := b.run(t.Context(), &memory{frames: all[:700], end: io.EOF}); err != nil {
				t.Fatal(err)
			}
			told := map[facts.Kind]int{}
			for i, f := range all[700:] {
				f.Time = f.Time.Add(gap)
				found, err := d.Observe(f)
				if err != nil {
					t.Fatal(err)
				}
				if !d.Judging() {
					t.Fatalf("tick %d after the gap is not judged", i)
				}
				for _, x := range found {
					told[x.Kind]++
					if x.Kind == facts.Imbalance || x.GroupState.Present != len(storyMembers) || x.GroupState.Members != len(storyMembers) {
						t.Fatalf("tick %d after the gap: %+v, %+v", i, x, x.GroupState)
					}
				}
			}
			if told[facts.Membership] == 0 || told[facts.Health] == 0 {
				t.Errorf("told %v, want membership and health", told)
			}
		})
	}
}

func TestLoopLearnsFromThePastBeforeItWatches(t *testing.T) {
	f := newFleet()
	f.fallsIll(6)
	past := newFleet()
	begin := time.Now()
	_, s, stop := testLoop(t, f, func(c *loopConfig) {
		c.Groups[0].Past = func(_, now time.Time) (frameSource, error) {
			var frames []*facts.Frame
			for i := range baselineTicks {
				one, err := past.Next(t.Context())
				if err != nil {
					return nil, err
				}
				one.Time = begin.UTC().Truncate(time.Second).Add(time.Duration(i-baselineTicks-60) * time.Second)
				frames = append(frames, one)
			}
			return &memory{frames: frames, end: io.EOF}, nil
		}
	})
	eventually(t, "an alarm", func() bool { return !s.firstAlarm().IsZero() })
	if n := f.tickOf(s.firstAlarm()); n >= baselineTicks/2 {
		t.Errorf("%d frames until the alarm, want few: the baseline is of the past", n)
	}
	if n := s.count(func(e loopEvent) bool { return e.Fact != nil && e.Fact.Time.Before(begin.Add(-time.Minute)) }); n > 0 {
		t.Errorf("%d facts about the past, want none", n)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestLoopDoesWithoutAPastThatCannotBeHad(t *testing.T) {
	f := newFleet()
	l, _, _ := testLoop(t, f, func(c *loopConfig) {
		c.Groups[0].Past = func(_, _ time.Time) (frameSource, error) { return nil, fmt.Errorf("no history") }
	})
	eventually(t, "ready", func() bool { return l.report().Ready() })
}

func TestLoopStopsWhileItLearns(t *testing.T) {
	begun := make(chan struct{})
	_, _, stop := testLoop(t, newFleet(), func(c *loopConfig) {
		c.Groups[0].Past = func(_, _ time.Time) (frameSource, error) { return &endless{begun: begun}, nil }
	})
	<-begun
	if err := stop(); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

// endless is a past that says nothing until its context ends.
type endless struct{ begun chan struct{} }

func (e *endless) Next(ctx context.Context) (*facts.Frame, error) {
	close(e.begun)
	<-ctx.Done()
	return nil, ctx.Err()
}
