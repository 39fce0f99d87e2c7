package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// producers is how many goroutines append at a time.
const producers = 256

// measureAppends counts the entries that many producers make durable, each
// waiting for its own.
func measureAppends(ctx context.Context, o options) ([]result, error) {
	var rates []float64
	for range o.runs {
		rate, err := appendsOnce(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("appends: %w", err)
		}
		rates = append(rates, rate)
	}
	return []result{over(fmt.Sprintf("appends, %d producers", producers), "entries/s", rates)}, nil
}

func appendsOnce(ctx context.Context, o options) (rate float64, err error) {
	dir, remove, err := o.scratch()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	log, err := audit.Open(dir, audit.Options{Origin: "evenkeel/bench/audit", Env: "bench"})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, o.length)
	defer cancel()
	start, before := time.Now(), log.Size()
	body := struct {
		Group  string `json:"group"`
		Member string `json:"member"`
		Reason string `json:"reason"`
	}{"web", "web-07", "takes requests and does less of the work per request than its peers"}
	errs := make([]error, producers)
	var wg sync.WaitGroup
	for i := range producers {
		wg.Go(func() {
			for ctx.Err() == nil && errs[i] == nil {
				_, errs[i] = log.Append(ctx, audit.Entry{Type: "intent", Actor: "bench", Corr: "sha256:00", Body: body})
			}
			if ctx.Err() != nil && errors.Is(errs[i], ctx.Err()) {
				errs[i] = nil // the run is over
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	return float64(log.Size()-before) / took.Seconds(), errors.Join(errs...)
}
