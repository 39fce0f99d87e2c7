package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/sim"
)

// line is one thing that a story hears, and what it must say about it.
type line struct {
	after time.Duration // the one before
	event loopEvent
	want  string // empty: nothing
}

func imbalance(member string, state facts.State) loopEvent {
	return loopEvent{Fact: &facts.Fact{Kind: facts.Imbalance, Member: member, State: state,
		Evidence: &facts.Evidence{Score: "4.2", Threshold: "2.4", Tier: "T2", Epochs: 10, Certified: facts.Rate(55 * time.Second)},
		Effect:   []facts.Effect{{Metric: "bytes_per_request", Value: "0", Peers: "4100", Score: "-0.7"}}}}
}

func outcome(verb actions.Verb, member string, r actions.Result) loopEvent {
	return loopEvent{Outcome: &actions.Outcome{Verb: verb, Member: member, Result: r, Limit: "max out", Detail: "one is out already"}}
}

func want(member string, mode engine.Mode) loopEvent {
	return loopEvent{Decision: &engine.Decision{Mode: mode, Wanted: []engine.Want{{Member: member, Verb: actions.Drain,
		Rules: []string{"black_hole"}, Reason: "does less"}}}}
}

func TestStory(t *testing.T) {
	health := loopEvent{Fact: &facts.Fact{Kind: facts.Health, Health: &facts.HealthInfo{Status: "ok"}}}
	for _, tt := range []struct {
		name    string
		fault   sim.Kind
		lines   []line // after the onset
		alarm   float64
		drained float64
		acted   int
	}{
		{"seen, decided, done, and back", sim.Empty, []line{
			{time.Second, imbalance("m03", facts.Alarm), "seen: m03 is out of balance, score 4.2 above 2.4 (T2, 10 healthy epochs: certified one false alarm in 55s)"},
			{0, want("m03", engine.Act), "decided: drain m03, by rule black_hole: does less"},
			{0, outcome(actions.Drain, "m03", actions.Sent), ""},
			{time.Second, imbalance("m03", facts.Alarm), ""},
			{0, want("m03", engine.Act), ""},
			{0, outcome(actions.Drain, "m03", actions.Done), "done: m03 takes no new work"},
			{0, imbalance("m03", facts.Clear), "seen: m03 is in balance again"},
			{20 * time.Second, outcome(actions.Restore, "m03", actions.Done), "done: m03 is back in service"},
			{time.Second, imbalance("m03", facts.Alarm), "seen: m03 is out of balance"},
			{0, want("m03", engine.Act), "decided: drain m03"},
		}, 1, 2, 0},
		{"a healthy member's alarm is not the victim's, and acting on it is counted", sim.Empty, []line{
			{time.Second, imbalance("m05", facts.Alarm), "seen: m05"},
			{0, outcome(actions.Drain, "m05", actions.Sent), ""},
			{0, outcome(actions.Drain, "m05", actions.Done), "done: m05 takes no new work"},
		}, 0, 0, 1},
		{"what was refused or only would be done touched nobody", sim.Empty, []line{
			{time.Second, want("m05", engine.Suggest), "would be done: drain m05"},
			{0, outcome(actions.Drain, "m05", actions.DryRun), ""},
			{0, outcome(actions.Drain, "m05", actions.Refused), "refused: drain m05, by the limit max out: one is out already"},
			{0, outcome(actions.Drain, "m05", actions.Refused), ""},
		}, 0, 0, 0},
		{"nobody is at fault when a member restarts", sim.Restart, []line{
			{time.Second, outcome(actions.Drain, "m03", actions.Sent), ""},
		}, 0, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				s := newTestStory(t, tt.fault, &out)
				s.hear(health)
				time.Sleep(s.c.baseline)
				if _, err := s.step(time.Now()); err != nil || s.onset.IsZero() {
					t.Fatalf("the fault did not begin when it was due: %v", err)
				}
				for _, l := range tt.lines {
					time.Sleep(l.after)
					out.Reset()
					s.hear(l.event)
					if got := out.String(); !strings.Contains(got, l.want) || l.want == "" && got != "" {
						t.Errorf("after %+v it said %q, want %q", l.event, got, l.want)
					}
				}
				time.Sleep(s.c.watch)
				if ended, err := s.step(time.Now()); !ended || err != nil {
					t.Fatalf("it did not end after its time: %v", err)
				}
				if got := value(s.result.Alarm); got != tt.alarm {
					t.Errorf("alarm after %v s, want %v", got, tt.alarm)
				}
				if got := value(s.result.Drained); got != tt.drained {
					t.Errorf("drained after %v s, want %v", got, tt.drained)
				}
				if s.result.HealthyMembersActed != tt.acted {
					t.Errorf("acted on %d healthy members, want %d", s.result.HealthyMembersActed, tt.acted)
				}
			})
		})
	}
}

func TestStoryWaitsForTheDetector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		s := newTestStory(t, sim.Empty, &out)
		time.Sleep(s.c.baseline)
		if _, err := s.step(time.Now()); err != nil || !s.onset.IsZero() || !strings.Contains(out.String(), "still learning") {
			t.Errorf("it began before the detector was ready, or said nothing: %v, %q", err, out.String())
		}
		time.Sleep(learnMore + time.Second)
		if _, err := s.step(time.Now()); err == nil {
			t.Error("it waits for ever for a pool that does not come to rest")
		}
	})
}

func value(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}

// newTestStory returns a story about m03 of a pool that nobody asks anything.
func newTestStory(t *testing.T, kind sim.Kind, out *bytes.Buffer) *demoStory {
	t.Helper()
	pool, err := sim.NewPool(sim.PoolConfig{Members: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endPool(t, pool) })
	client, err := sim.NewClient(sim.ClientConfig{URL: "http://127.0.0.1:1", Rate: 100})
	if err != nil {
		t.Fatal(err)
	}
	s := newDemoStory(demoConfig{
		demoOptions: demoOptions{members: 5, rate: 100, once: true, baseline: time.Minute},
		kind:        sim.Fault{Kind: kind}, victim: "m03", watch: time.Minute,
	}, out)
	s.open(&demoStage{pool, sim.Front{Version: "none/1"}, client}, "nowhere")
	return s
}

// endPool gives the pool's ports back.
func endPool(t *testing.T, pool *sim.Pool) {
	t.Helper()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := pool.Run(ended); err != nil {
		t.Error(err)
	}
}
