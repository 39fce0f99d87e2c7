package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts/bus"
)

func TestStandings(t *testing.T) {
	now := time.Date(2026, 11, 22, 5, 51, 46, 0, time.UTC)
	errAway := errors.New("connection refused")
	var told []string
	newOnes := func() *standings {
		told = nil
		s := newStandings(func() time.Time { return now }, slog.New(slog.DiscardHandler), func(e loopEvent) {
			told = append(told, fmt.Sprint(e.Trouble.Part, " ", e.Trouble.Err))
		})
		s.expect("source web", "web", 4*time.Second)
		return s
	}
	for _, tt := range []struct {
		name  string
		do    func(*standings)
		ready bool
		want  string // of the report's detail
		told  string
	}{
		{"a part that has not been heard of is not ready", func(*standings) {}, false, "not heard of yet", ""},
		{"a part that works is", func(s *standings) { s.good("source web", "") }, true, "ok", ""},
		{"what is not quite right is shown", func(s *standings) { s.good("source web", "1 of 3 members failed") }, true, "1 of 3 members failed", ""},
		{"an outage is told once", func(s *standings) {
			s.good("source web", "")
			s.bad("source web", errAway)
			now = now.Add(3 * time.Second)
			s.bad("source web", errAway)
		}, false, "for 3s: connection refused", "source web connection refused"},
		{"so is its end", func(s *standings) { s.bad("source web", errAway); s.good("source web", ""); s.good("source web", "") }, true, "ok",
			"source web connection refused, source web <nil>"},
		{"a part that says nothing any more is not ready", func(s *standings) {
			s.good("source web", "")
			now = now.Add(5 * time.Second)
		}, false, "no word for 5s", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newOnes()
			tt.do(s)
			r := s.report()
			if r.Ready() != tt.ready || r.Checks[0].Detail != tt.want || strings.Join(told, ", ") != tt.told {
				t.Errorf("ready %t, detail %q, told %q, want %t, %q, %q", r.Ready(), r.Checks[0].Detail, told, tt.ready, tt.want, tt.told)
			}
		})
	}
}

// hand is an executor that always answers the same.
type hand struct{ err error }

func (h hand) Observe(context.Context, string) (actions.Inventory, error) {
	return actions.Inventory{}, h.err
}
func (h hand) Apply(context.Context, actions.Act) error { return h.err }

func TestWatchedExecutorBlamesTheBalancerForItsFaultsOnly(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"an answer", nil, "ok"},
		{"no answer", errors.New("connection refused"), "for 0s: connection refused"},
		{"an act that is too late", fmt.Errorf("deadline passed: %w", actions.ErrNotApplied), "not heard of yet"},
		{"a dry run", actions.ErrDryRun, "not heard of yet"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStandings(time.Now, slog.New(slog.DiscardHandler), func(loopEvent) {})
			s.expect("balancer web", "web", 0)
			if err := (watchedExecutor{hand{tt.err}, "balancer web", s}).Apply(t.Context(), actions.Act{}); err != tt.err {
				t.Errorf("Apply = %v, want %v", err, tt.err)
			}
			if got := s.report().Checks[0].Detail; got != tt.want {
				t.Errorf("detail %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWatchedLogDoesNotBlameTheDiskForABadEntry(t *testing.T) {
	s := newStandings(time.Now, slog.New(slog.DiscardHandler), func(loopEvent) {})
	l, err := audit.Open(t.TempDir(), audit.Options{Origin: "evenkeel/test/audit", Env: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := &watchedLog{l, l, s}
	if _, err := w.Append(t.Context(), audit.Entry{Type: "system.start", Actor: "test", Body: 1.5}); !errors.Is(err, audit.ErrEntry) {
		t.Errorf("Append of a number = %v, want ErrEntry", err)
	}
	if got := s.report().Checks; len(got) != 0 {
		t.Errorf("checks %v, want none", got)
	}
}

func TestOutbox(t *testing.T) {
	errWrong := errors.New("malformed")
	for _, tt := range []struct {
		name    string
		must    bool
		answers []error // of the broker, one for each attempt; then nil
		tries   int
		dropped int64
	}{
		{"a letter is sent once", true, nil, 1, 0},
		{"one that must arrive is sent again while the broker is away", true, []error{bus.ErrUnreachable, bus.ErrFull}, 3, 0},
		{"a copy is not", false, []error{bus.ErrUnreachable}, 1, 1},
		{"what the broker will never take is dropped", true, []error{errWrong}, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOutbox(func(error) {})
				tries := 0
				o.add(letter{tt.must, func(context.Context) error {
					if tries++; tries <= len(tt.answers) {
						return tt.answers[tries-1]
					}
					return nil
				}})
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- o.run(ctx) }()
				time.Sleep(time.Minute)
				cancel()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("run = %v, want that its context ended", err)
				}
				if tries != tt.tries || o.dropped.Load() != tt.dropped {
					t.Errorf("%d attempts, %d dropped, want %d and %d", tries, o.dropped.Load(), tt.tries, tt.dropped)
				}
			})
		})
	}
}

func TestOutboxSendsWhatIsLeftAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, sent := newOutbox(func(error) {}), 0
		for range 10 {
			o.add(letter{send: func(context.Context) error { sent++; return nil }})
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := o.run(ctx); !errors.Is(err, context.Canceled) || sent != 10 {
			t.Errorf("run = %v after %d letters, want all 10", err, sent)
		}
		o.add(letter{true, func(context.Context) error { return bus.ErrUnreachable }})
		begin := time.Now()
		if err := o.run(ctx); !errors.Is(err, context.Canceled) || time.Since(begin) > outboxGrace+outboxPause {
			t.Errorf("run = %v after %v without a broker, want an end within %v", err, time.Since(begin), outboxGrace)
		}
	})
}

func TestOutboxIsBounded(t *testing.T) {
	o := newOutbox(func(error) {})
	for range outboxSize + 3 {
		o.add(letter{})
	}
	if got := o.dropped.Load(); got != 3 {
		t.Errorf("%d dropped, want 3", got)
	}
}

func TestOutcomeFactIsAlwaysValid(t *testing.T) {
	l := &loop{config: loopConfig{Env: "test"}}
	at := time.Date(2026, 11, 22, 5, 51, 46, 123456789, time.UTC)
	for _, detail := range []string{"", "read back", "two\nlines\x7f", strings.Repeat("ä", 2000)} {
		o := actions.Outcome{Act: "sha256:1", Detail: detail, Group: "web", Member: "m01", Result: actions.Done, Rule: "r", Time: at, Verb: actions.Drain}
		f, again := l.outcomeFact(o), l.outcomeFact(o)
		id, err := f.ID()
		same, _ := again.ID()
		if err != nil || id != same {
			t.Errorf("fact of %.20q = %q, %v, then %q, want one identity", detail, id, err, same)
		}
	}
}
