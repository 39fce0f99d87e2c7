package source

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// readerFunc is a reader made of a function.
type readerFunc func(ctx context.Context, t time.Time) (*facts.Frame, error)

func (f readerFunc) Read(ctx context.Context, t time.Time) (*facts.Frame, error) { return f(ctx, t) }

// oneValue returns a frame with one value.
func oneValue(t time.Time) *facts.Frame {
	f := facts.NewFrame(t, "web", []string{"m01"}, []string{"be_cpu"})
	f.Values[0] = 0.5
	return f
}

func TestPollerTicks(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, tt := range []struct {
		name   string
		start  time.Duration   // of the first Next, after a whole second
		busy   []time.Duration // what the caller does after each Next
		want   []time.Duration // ticks read, after that second
		missed int64
	}{
		{"ticks are whole multiples of the period", ms(300), []time.Duration{0, 0, 0},
			[]time.Duration{ms(1000), ms(2000), ms(3000)}, 0},
		{"the work between them does not make them drift", ms(999), []time.Duration{ms(700), ms(999), ms(1)},
			[]time.Duration{ms(1000), ms(2000), ms(3000)}, 0},
		{"a tick that has just passed is read at once", 0, []time.Duration{ms(1400), 0, 0},
			[]time.Duration{ms(1000), ms(2000), ms(3000)}, 0},
		{"a tick that is half a period old is missed", 0, []time.Duration{ms(1600), 0},
			[]time.Duration{ms(1000), ms(3000)}, 1},
		{"ticks are never made up", 0, []time.Duration{ms(60_100), 0},
			[]time.Duration{ms(1000), ms(61_000), ms(62_000)}, 59},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				origin := time.Now().Truncate(time.Second)
				p := newTestPoller(t, func(_ context.Context, t time.Time) (*facts.Frame, error) { return oneValue(t), nil })
				time.Sleep(tt.start)
				for i, want := range tt.want {
					f, err := p.Next(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if got := f.Time.Sub(origin); got != want || f.Time.Location() != time.UTC {
						t.Errorf("tick %d: got %v %v, want %v UTC", i, got, f.Time.Location(), want)
					}
					if i < len(tt.busy) {
						time.Sleep(tt.busy[i])
					}
				}
				if got, want := p.Stats(), (PollerStats{Frames: int64(len(tt.want)), Missed: tt.missed}); got != want {
					t.Errorf("stats: got %+v, want %+v", got, want)
				}
			})
		})
	}
}

func newTestPoller(t *testing.T, f readerFunc) *Poller {
	t.Helper()
	p, err := NewPoller(f, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPollerGoesOnAfterSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errDown := errors.New("down")
		answers := []struct {
			f   func(time.Time) *facts.Frame
			err error
		}{
			{oneValue, nil},
			{nil, errDown},
			{oneValue, &PartialError{Group: "web", Failed: 1, Of: 2, Causes: []error{errDown}}},
			{nil, &PartialError{Group: "web", Failed: 2, Of: 2, Causes: []error{errDown}}},
			{oneValue, errDown},
			{nil, nil},
			{func(t time.Time) *facts.Frame { f := oneValue(t); f.Values[0] = math.Inf(1); return f }, nil},
			{oneValue, nil},
		}
		n := 0
		p := newTestPoller(t, func(_ context.Context, t time.Time) (*facts.Frame, error) {
			a := answers[n]
			n++
			if a.f == nil {
				return nil, a.err
			}
			return a.f(t), a.err
		})
		var got []string
		start := time.Now()
		for range answers {
			f, err := p.Next(t.Context())
			s := "frame"
			if f == nil {
				s = "none"
			}
			if errors.Is(err, ErrSilent) {
				s += " silent"
			}
			if _, ok := errors.AsType[*PartialError](err); ok {
				s += " partial"
			}
			got = append(got, s)
		}
		want := []string{"frame", "none silent", "frame partial", "none silent partial", "none silent", "none silent", "none silent", "frame"}
		if !slices.Equal(got, want) {
			t.Errorf("results: got %q, want %q", got, want)
		}
		if d := time.Since(start).Round(time.Second); d != 8*time.Second {
			t.Errorf("time passed: got %v, want a second for each tick", d)
		}
		if got, want := p.Stats(), (PollerStats{Frames: 3, Partial: 1, Silent: 5}); got != want {
			t.Errorf("stats: got %+v, want %+v", got, want)
		}
	})
}

func TestPollerGivesUpASlowReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPoller(t, func(ctx context.Context, _ time.Time) (*facts.Frame, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		origin := time.Now().Truncate(time.Second)
		for i := range 3 {
			if _, err := p.Next(t.Context()); !errors.Is(err, ErrSilent) {
				t.Fatalf("Next: got error %v, want %v", err, ErrSilent)
			}
			if got, want := time.Since(origin), time.Duration(i+1)*time.Second+750*time.Millisecond; got != want {
				t.Errorf("reading %d ended at %v, want %v", i, got, want)
			}
		}
	})
}

func TestPollerEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPoller(t, func(ctx context.Context, _ time.Time) (*facts.Frame, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		for _, after := range []time.Duration{time.Millisecond, 300 * time.Millisecond} { // while waiting, while reading
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(900 * time.Millisecond)))
			ctx, cancel := context.WithTimeout(t.Context(), after)
			f, err := p.Next(ctx)
			cancel()
			if f != nil || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrSilent) {
				t.Errorf("Next: got %v, %v; want %v alone", f, err, context.DeadlineExceeded)
			}
		}
	})
}

func TestPollerTickWhenTheClockMoves(t *testing.T) {
	at := func(seconds float64) time.Time { return tick0.Add(time.Duration(seconds * float64(time.Second))) }
	for _, tt := range []struct {
		name      string
		last, now time.Time
		want      time.Time // zero: none
		wait      time.Duration
	}{
		{"the first tick is the next one", time.Time{}, at(10.25), at(11), 750 * time.Millisecond},
		{"a timer that was early by the clock does not read a tick twice", at(11), at(10.999), at(12), 1001 * time.Millisecond},
		{"a clock set forward skips", at(11), at(3600.7), at(3601), 300 * time.Millisecond},
		{"a clock set back by more than a period is said", at(11), at(5), time.Time{}, time.Second},
		{"until it has passed the last tick", at(11), at(11.2), at(12), 800 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &Poller{every: time.Second, last: tt.last}
			if got, wait := p.tick(tt.now); !got.Equal(tt.want) || wait != tt.wait {
				t.Errorf("tick: got %v in %v, want %v in %v", got, wait, tt.want, tt.wait)
			}
		})
	}
}

func TestPollerSaysThatTheClockWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPoller(t, func(_ context.Context, t time.Time) (*facts.Frame, error) { return oneValue(t), nil })
		p.last = time.Now().Add(time.Hour).Truncate(time.Second)
		_, err := p.Next(t.Context())
		if !errors.Is(err, ErrSilent) || !strings.Contains(err.Error(), "clock was set back") {
			t.Errorf("Next: got error %v, want that the clock was set back", err)
		}
	})
}

func TestNewPollerRefuses(t *testing.T) {
	for _, every := range []time.Duration{0, -time.Second, time.Millisecond, 2 * time.Hour, time.Second + time.Microsecond} {
		if _, err := NewPoller(nil, every); err == nil || !strings.Contains(err.Error(), "whole milliseconds from 10ms to 1h0m0s") {
			t.Errorf("NewPoller(every %v): got error %v, want the range", every, err)
		}
	}
}
