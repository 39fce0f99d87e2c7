package detect

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

var (
	errSilent = errors.New("silent")
	errBroken = errors.New("broken")
)

// scripted is a source that plays one step a second, and ends after the last.
type scripted struct {
	t     *synthetic
	steps string // f frame, p frame with a part missing, s silent, b broken, x out of order; anything else waits
	at    int
	last  *facts.Frame
}

func (s *scripted) Next(ctx context.Context) (*facts.Frame, error) {
	for {
		timer := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
		if s.at == len(s.steps) {
			return nil, io.EOF
		}
		step := s.steps[s.at]
		s.at++
		switch step {
		case 'f', 'p':
			s.last = s.t.frame()
			s.last.Time = time.Now().UTC()
			if step == 'p' {
				return s.last, errors.New("one member did not answer")
			}
			return s.last, nil
		case 's':
			return nil, errSilent
		case 'b':
			return nil, errBroken
		case 'x':
			return s.last, nil
		}
	}
}

// taken is a publisher that keeps what it is given, and is away at times.
type taken struct {
	facts []facts.Fact
	away  atomic.Bool
}

func (p *taken) Publish(_ context.Context, f facts.Fact) error {
	if p.away.Load() {
		return errors.New("nobody there")
	}
	p.facts = append(p.facts, f)
	return nil
}

func (p *taken) count(kind facts.Kind, state facts.State) int {
	n := 0
	for _, f := range p.facts {
		if f.Kind == kind && f.State == state {
			n++
		}
	}
	return n
}

func watch(t *testing.T, steps string, p *taken) (*Watcher, error) {
	t.Helper()
	w, err := NewWatcher(WatcherConfig{Detector: quick(t, nil), Source: &scripted{t: newSynthetic(1, 4), steps: steps}, Publisher: p,
		Passing: func(err error) bool { return errors.Is(err, errSilent) }})
	if err != nil {
		t.Fatal(err)
	}
	return w, w.Run(t.Context())
}

func TestWatcherRun(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps string
		err   error
		want  WatcherStats // Sent is not compared
		gone  int          // facts that the source is silent
		back  int
	}{
		{"frames until the end", "fffff", nil, WatcherStats{Frames: 5}, 0, 0},
		{"a partial frame is taken", "fpf", nil, WatcherStats{Frames: 3}, 0, 0},
		{"a frame out of order is left out", "fxf", nil, WatcherStats{Frames: 2, Refused: 1}, 0, 0},
		{"silence of three ticks is no fact", "fssf", nil, WatcherStats{Frames: 2, Lost: 2}, 0, 0},
		{"longer silence is told every tick, and its end", "fssssssf", nil, WatcherStats{Frames: 2, Lost: 6}, 4, 1},
		{"a source that hangs is silent too", "f......f", nil, WatcherStats{Frames: 2}, 4, 1},
		{"a source that never spoke", "ssssss", nil, WatcherStats{Lost: 6}, 4, 0},
		{"an error that does not pass ends the watch", "ffb", errBroken, WatcherStats{Frames: 2}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &taken{}
				w, err := watch(t, tt.steps, p)
				if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
					t.Errorf("Run: %v, want %v", err, tt.err)
				}
				got := w.Stats()
				if got.Sent = 0; got != tt.want {
					t.Errorf("stats %+v, want %+v", got, tt.want)
				}
				gone, back := p.count(facts.Absent, facts.Alarm), p.count(facts.Absent, facts.Clear)
				if gone != tt.gone || back != tt.back {
					t.Errorf("%d facts that it is silent and %d that it is back, want %d and %d", gone, back, tt.gone, tt.back)
				}
				for _, f := range p.facts {
					if _, err := f.Encode(); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestWatcherEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		w, err := NewWatcher(WatcherConfig{Detector: quick(t, nil), Source: &scripted{t: newSynthetic(1, 4), steps: strings.Repeat("f", 100)}, Publisher: &taken{}})
		if err != nil {
			t.Fatal(err)
		}
		why := errors.New("shutting down")
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		time.Sleep(5500 * time.Millisecond)
		cancel(why)
		if err := <-ended; !errors.Is(err, why) {
			t.Errorf("Run: %v, want %v", err, why)
		}
		if got := w.Stats().Frames; got != 5 {
			t.Errorf("%d frames, want 5", got)
		}
	})
}

// What cannot be published waits in order; what expires meanwhile is given up.
func TestWatcherWaitsForThePublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &taken{}
		p.away.Store(true)
		w, err := NewWatcher(WatcherConfig{Detector: quick(t, nil), Publisher: p,
			Source: &scripted{t: newSynthetic(1, 4), steps: "f" + strings.Repeat(".", 60) + strings.Repeat("f", 5)}})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- w.Run(t.Context()) }()
		time.Sleep(62500 * time.Millisecond) // a minute of silence, and nobody to tell
		p.away.Store(false)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if s := w.Stats(); s.Dropped < 50 || s.Unpublished < 50 || len(w.unsent) != 0 {
			t.Errorf("stats %+v with %d waiting, want the stale facts dropped and nothing waiting", s, len(w.unsent))
		}
		for i, f := range p.facts {
			if i > 0 && f.Time.Before(p.facts[i-1].Time.Time) {
				t.Errorf("fact %d of %v follows one of %v", i, f.Time, p.facts[i-1].Time)
			}
			if f.Kind == facts.Absent && f.State == facts.Alarm && time.Since(f.Expires.Time) > 10*time.Second {
				t.Errorf("a fact that expired at %v was published", f.Expires)
			}
		}
		if p.count(facts.Absent, facts.Clear) != 1 || p.count(facts.Health, facts.Watch) == 0 {
			t.Errorf("published %d facts, want the end of the silence and the health among them", len(p.facts))
		}
	})
}

func TestNewWatcherRefuses(t *testing.T) {
	if _, err := NewWatcher(WatcherConfig{}); err == nil {
		t.Error("a watcher of nothing was made")
	}
}

// What is done after a frame is done after each that was taken in, and no other.
func TestAfterAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := 0, quick(t, nil)
		w, err := NewWatcher(WatcherConfig{Detector: d, Source: &scripted{t: newSynthetic(1, 4), steps: "ffxsf"}, Publisher: &taken{},
			Passing: func(err error) bool { return errors.Is(err, errSilent) }, After: func() { n++; d.Acted() }})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n != 3 || w.Stats().Refused != 1 {
			t.Errorf("called %d times with %+v, want 3 and one frame refused", n, w.Stats())
		}
	})
}
