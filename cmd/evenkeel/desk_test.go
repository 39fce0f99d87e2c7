package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
)

// clerk keeps what comes off a desk.
type clerk struct {
	block chan struct{} // not nil: every intent takes until it is closed
	takes time.Duration // for each intent

	mu      sync.Mutex
	done    []string // members, in order
	dropped []string
}

func (c *clerk) submit(_ context.Context, i actions.Intent) {
	if c.block != nil {
		<-c.block
	}
	time.Sleep(c.takes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = append(c.done, i.Member)
}

func (c *clerk) refuse(_ context.Context, i actions.Intent, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped = append(c.dropped, i.Member)
}

func TestDesk(t *testing.T) {
	for _, tt := range []struct {
		name    string
		takes   time.Duration
		intents int
		done    int
		dropped int64
	}{
		{"what was taken is handed on at the end", 10 * time.Millisecond, 5, 5, 0},
		{"what finds no room is dropped", 0, deskSize + 3, deskSize, 3},
		{"what waits for too long at the end is dropped", deskGrace + time.Second, 5, 1, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &clerk{takes: tt.takes}
				d := newDesk([]string{"web"}, c.submit, c.refuse)
				for i := range tt.intents {
					if _, err := d.Submit(t.Context(), actions.Intent{Group: "web", Member: memberName(i)}); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if err := d.run(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("run = %v, want that its context ended", err)
				}
				if len(c.done) != tt.done || d.dropped.Load() != tt.dropped || len(c.dropped) != int(tt.dropped) || d.waiting.Load() != 0 {
					t.Errorf("%d done, %d dropped, %d waiting, want %d, %d and none", len(c.done), d.dropped.Load(), d.waiting.Load(), tt.done, tt.dropped)
				}
				for i, m := range c.done {
					if m != memberName(i) {
						t.Errorf("intent %d is about %s, want them in order", i, m)
					}
				}
			})
		})
	}
}

func TestDeskKnowsAnIntentThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{block: make(chan struct{})}
		d := newDesk([]string{"api", "web"}, c.submit, c.refuse)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.run(ctx) }()
		if _, err := d.Submit(ctx, actions.Intent{Group: "api"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(wedged)
		if g := d.stuck(wedged); g != "" {
			t.Errorf("stuck after %v = %q, want none yet", wedged, g)
		}
		time.Sleep(time.Second)
		if g := d.stuck(wedged); g != "api" {
			t.Errorf("stuck = %q, want api", g)
		}
		cancel()
		close(c.block)
		<-ended
		if g := d.stuck(0); g != "" {
			t.Errorf("stuck at the end = %q, want none", g)
		}
	})
}

// hanging is a fleet whose balancer takes calls and answers none, whatever
// their deadline.
type hanging struct {
	*fleet
	calls, release chan struct{}
}

func (h hanging) Apply(context.Context, actions.Act) error {
	h.calls <- struct{}{}
	<-h.release
	return errors.New("connection reset")
}

// quiet is a source that is never heard of.
type quiet struct{}

func (quiet) Next(ctx context.Context) (*facts.Frame, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// blackHole returns an alarm that the demonstration pack drains m03 for.
func blackHole(group string) facts.Fact {
	at := facts.At(time.Now())
	return facts.Fact{V: 1, Kind: facts.Imbalance, State: facts.Alarm, Env: "test", Group: group, Member: "m03",
		Time: at, Onset: at, Expires: facts.At(at.Add(fleetPatience)),
		Detector: facts.Detector{ID: "test", Build: "test", Params: facts.Digest(nil)},
		Evidence: &facts.Evidence{Certified: facts.Rate(time.Hour), Declared: facts.Rate(time.Hour), E: "30", Epochs: 10,
			Margin: "1", Score: "9", Threshold: "3", Ticks: 3, Tier: "T1"},
		GroupState: &facts.GroupState{Alarmed: 1, Members: fleetMembers, Present: fleetMembers, Shift: "none"},
		Effect:     []facts.Effect{{Metric: "bytes_per_request", Peers: "9000", Score: "-0.9", Value: "0"}}}
}

func TestLoopDrainsInOneGroupWhileTheBalancerOfAnotherHangs(t *testing.T) {
	sick := hanging{newFleet(), make(chan struct{}, 8), make(chan struct{})}
	well := newFleet()
	var data string
	l, _, stop := testLoop(t, well, func(c *loopConfig) {
		data, c.Now = c.Data, time.Now
		web := c.Groups[0]
		web.Source = quiet{}
		api := web
		api.Name, api.Executor = "api", sick
		c.Groups = []loopGroup{api, web}
	})
	if err := l.Publish(t.Context(), blackHole("api")); err != nil {
		t.Fatal(err)
	}
	<-sick.calls
	if err := l.Publish(t.Context(), blackHole("web")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "m03 of web is drained, while api's call hangs", func() bool { return well.acts() == 1 })
	if l.engine.Stats().Accepted != 2 || l.desk.waiting.Load() == 0 {
		t.Errorf("stats %+v, %d intents waiting, want two facts and an intent in hand", l.engine.Stats(), l.desk.waiting.Load())
	}
	close(sick.release)
	eventually(t, "api's intent is out of hand", func() bool { return l.desk.waiting.Load() == 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if n := types(verified(t, data)); n["action.sent"] != 2 || n["action.result"] < 2 || n[typeDropped] != 0 {
		t.Errorf("entries %v, want two calls and their answers", n)
	}
}

func TestLoopRecordsAnIntentThatIsDropped(t *testing.T) {
	var data string
	l, _, stop := testLoop(t, newFleet(), func(c *loopConfig) { data = c.Data })
	if _, err := l.desk.Submit(t.Context(), actions.Intent{Group: "elsewhere", Member: "m01", Verb: actions.Drain, Rule: "r"}); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for _, e := range verified(t, data) {
		if e.Type == typeDropped && strings.Contains(string(e.Body), `"member":"m01"`) && strings.Contains(string(e.Body), "elsewhere") {
			return
		}
	}
	t.Errorf("entries %v, want one that tells of the intent that was dropped", types(verified(t, data)))
}
