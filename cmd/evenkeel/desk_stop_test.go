package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
)

// TestAStopReachesIntentsOnTheDesk lets four intents wait behind one whose
// balancer hangs, and stops or withdraws the leave: none of the four is done.
func TestAStopReachesIntentsOnTheDesk(t *testing.T) {
	var withdrawn atomic.Bool
	stop := func(scope actions.Scope) func(*actions.Guard) error {
		return func(g *actions.Guard) error { return g.Stop(context.Background(), "ana", scope, "drill") }
	}
	for _, tt := range []struct {
		name  string
		halt  func(*actions.Guard) error
		limit string
	}{
		{"a stop of everything", stop(actions.Everything), "stop"},
		{"a stop of the group", stop(actions.OfGroup("web")), "stop"},
		{"a stop of the rule", stop(actions.OfRule("black_hole")), "stop"},
		{"a version that may not act any more", func(*actions.Guard) error { withdrawn.Store(true); return nil }, "unapproved"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withdrawn.Store(false)
			f := newFleet()
			f.begun, f.slow = make(chan struct{}, 9), make(chan struct{})
			log, err := openAudit(t.TempDir(), "test", time.Now)
			if err != nil {
				t.Fatal(err)
			}
			limits := actions.DefaultLimits()
			limits.Verbs, limits.MaxOut, limits.PerMinute, limits.WarmUp = []actions.Verb{actions.Drain}, 100, 100, 0
			limits.Stale, limits.Lease, limits.Panic = time.Hour, time.Minute, 100
			guard, err := actions.NewGuard(t.Context(), actions.Config{Log: log,
				Groups: []actions.Group{{Name: "web", Executor: f, Limits: limits}},
				Verify: func(context.Context, actions.Intent, actions.Limits) error {
					if withdrawn.Load() {
						return errors.New("withdrawn")
					}
					return nil
				}})
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			var limitsHit []string
			d := newDesk([]string{"web"}, func(ctx context.Context, i actions.Intent) {
				o, err := guard.Submit(ctx, i)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				limitsHit = append(limitsHit, o.Limit)
			}, func(_ context.Context, i actions.Intent, why error) { t.Errorf("%s dropped: %v", i.Member, why) })
			ctx, end := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _ = d.run(ctx) })
			now := facts.At(time.Now()).Time
			for i := range 5 {
				_, _ = d.Submit(ctx, actions.Intent{Decision: "sha256:d", Env: "test", Expires: now.Add(time.Hour), Group: "web", Member: memberName(i),
					Reason: "r", Rule: "black_hole", Seen: actions.Seen{At: now}, Time: now, V: 1, Verb: actions.Drain, Version: "h1:x"})
			}
			<-f.begun
			if err := tt.halt(guard); err != nil {
				t.Fatal(err)
			}
			close(f.slow)
			eventually(t, "all are answered", func() bool { return d.waiting.Load() == 0 })
			end()
			wg.Wait()
			if want := []string{"", tt.limit, tt.limit, tt.limit, tt.limit}; !slices.Equal(limitsHit, want) || f.acts() != 1 {
				t.Errorf("held back by %q with %d acts, want %q and the one that was in hand", limitsHit, f.acts(), want)
			}
			if err := log.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
