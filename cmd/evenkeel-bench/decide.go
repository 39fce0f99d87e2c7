package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/bus"
)

const (
	benchEnv   = "bench"
	benchGroup = "web"
	// patience is how long the last facts of a run may take to be decided.
	patience = 30 * time.Second
)

// benchRule reads what a rule of a real pack reads.
const benchRule = `rule black_hole "takes requests and does not do the work" salience 90 {
  when
    F.Kind == "imbalance" && F.State == "alarm" && F.Member != "" &&
    F.CertifiedPerHour <= F.DeclaredPerHour && F.Ticks >= 2 &&
    F.Score("bytes_per_request") < 0 && F.Ratio("bytes_per_request") < 0.8
  then
    Propose("drain", F.Member, "takes requests and does less of the work per request than its peers");
}
`

// measureDecide publishes facts at an even pace and takes the time of each
// until its decision is durable.
func measureDecide(ctx context.Context, o options) ([]result, error) {
	var p50, p99, rates []float64
	for range o.runs {
		r, err := decideOnce(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("decide: %w", err)
		}
		took := slices.Sorted(slices.Values(r.took))
		p50, p99, rates = append(p50, quantile(took, 0.50)), append(p99, quantile(took, 0.99)), append(rates, r.rate)
	}
	return []result{
		over("fact published to decision recorded, p50", "ms", p50),
		over("fact published to decision recorded, p99", "ms", p99),
		over(fmt.Sprintf("facts decided, %d/s asked for", o.rate), "facts/s", rates),
	}, nil
}

// decided is what a run of measureDecide gives.
type decided struct {
	took []float64 // ms, one for each fact
	rate float64   // facts per second from the first publication to the last decision
}

// stopwatch knows when each fact was published and decided upon.
type stopwatch struct {
	mu      sync.Mutex
	started map[string]time.Time // by fact id
	took    []float64
	last    time.Time
	done    chan struct{} // closed when all of want are decided
	want    int
}

func (s *stopwatch) start(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started[id] = time.Now()
}

func (s *stopwatch) stop(id string) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, now.Sub(s.started[id]).Seconds()*1000)
	s.last = now
	if len(s.took) == s.want {
		close(s.done)
	}
}

func decideOnce(ctx context.Context, o options) (r decided, err error) {
	dir, remove, err := o.scratch()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	log, err := audit.Open(dir, audit.Options{Origin: "evenkeel/bench/audit", Env: benchEnv})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	b, err := bus.Open(ctx, bus.Config{Env: benchEnv, StoreDir: filepath.Join(dir, "bus"), Backlog: true})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	watch := &stopwatch{started: map[string]time.Time{}, done: make(chan struct{}), want: int(o.length.Seconds() * float64(o.rate))}
	decider, err := newDecider(log, watch)
	if err != nil {
		return r, err
	}
	consuming, leave := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer leave()
	var consumed error
	wg.Go(func() { consumed = b.Consume(consuming, "engine", decider.Handle) })
	start := time.Now()
	if err := publishPaced(ctx, b, watch, o); err != nil {
		return r, err
	}
	select {
	case <-watch.done:
	case <-time.After(patience):
		leave()
		wg.Wait()
		return r, fmt.Errorf("%d of %d facts decided within %v of the last: %w", len(watch.took), watch.want, patience, consumed)
	case <-ctx.Done():
		return r, context.Cause(ctx)
	}
	return decided{watch.took, float64(watch.want) / watch.last.Sub(start).Seconds()}, nil
}

// newDecider returns an engine in mode observe: nothing is submitted.
func newDecider(log *audit.Log, watch *stopwatch) (*engine.Engine, error) {
	p, err := engine.Compile("h1:bench", []engine.Source{{Name: "rules/black_hole.grl", Text: []byte(benchRule)}},
		engine.Allow{Verbs: []actions.Verb{actions.Drain}, Tiers: []string{"T1"}})
	if err != nil {
		return nil, err
	}
	return engine.New(engine.Config{Env: benchEnv, Log: log, Guard: nobody{},
		Groups:     map[string]engine.Group{benchGroup: {Program: p, Mode: engine.Observe}},
		OnDecision: func(_ facts.Fact, d engine.Decision) { watch.stop(d.Facts[0]) }})
}

// nobody is a guard that is never asked.
type nobody struct{}

func (nobody) Submit(context.Context, actions.Intent) (actions.Outcome, error) {
	return actions.Outcome{}, errors.New("mode observe submits nothing")
}

// publishPaced publishes the facts of a run, each at its time or, when that has
// passed, at once.
func publishPaced(ctx context.Context, b *bus.Bus, watch *stopwatch, o options) error {
	start := time.Now()
	for i := range watch.want {
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(o.rate))))
		f := benchFact(i)
		id, err := f.ID()
		if err != nil {
			return err
		}
		watch.start(id)
		if err := b.Publish(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// benchFact returns the alarm of one of ten members, never the same twice.
func benchFact(i int) facts.Fact {
	now := time.Now()
	return facts.Fact{
		V: 1, Kind: facts.Imbalance, State: facts.Alarm, Env: benchEnv, Group: benchGroup, Member: fmt.Sprintf("web-%02d", i%10),
		Time: facts.At(now), Onset: facts.At(now.Add(-time.Duration(i) * time.Millisecond)), Expires: facts.At(now.Add(time.Hour)),
		Detector:   facts.Detector{ID: "bench", Build: "bench", Params: facts.Digest(nil)},
		Evidence:   &facts.Evidence{Score: "9.12", Threshold: "4.2", Margin: "1", Declared: facts.Rate(30 * 24 * time.Hour), Certified: facts.Rate(30 * 24 * time.Hour), Epochs: 720, Ticks: 5, Tier: "T1"},
		GroupState: &facts.GroupState{Alarmed: 1, Members: 10, Present: 10, Shift: "none"},
		Effect:     []facts.Effect{{Metric: "bytes_per_request", Value: "2", Peers: "9000", Score: "-6.1"}, {Metric: "request_rate", Value: "212", Peers: "41", Score: "4.9"}},
	}
}
