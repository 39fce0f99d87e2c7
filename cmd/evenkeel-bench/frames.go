package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// The group of measureFrames: as many members and metrics as a large pool
// behind one balancer has.
const (
	frameMembers = 30
	frameRing    = 600 // frames made in advance; the numbers repeat, the times do not
	frameSeed    = 20261122
)

// frameMetrics are 21 metrics with their level in health; counts have the noise
// of counts. A detector makes 16 features of them.
var frameMetrics = map[string]float64{
	"be_bytes_out": 4e5, "be_cpu": 0.4, "be_downstream": 120, "be_errors": 0.2, "be_inflight": 4, "be_mem_mb": 200,
	"be_requests": 40, "be_served": 40, "be_svc_ms": 80, "hx_bout": 4e5, "hx_cli_abrt": 0.01, "hx_econ": 0.01,
	"hx_hrsp_2xx": 40, "hx_hrsp_5xx": 0.2, "hx_qcur": 0.1, "hx_scur": 4, "hx_stot": 40, "hx_wretr": 0.01,
	"disk_queue": 3, "open_files": 300, "threads": 16,
}

// measureFrames takes the time of a detector that judges a group in health.
func measureFrames(ctx context.Context, o options) ([]result, error) {
	frames := healthyFrames()
	var ns []float64
	var features int
	for range o.runs {
		v, d, err := framesOnce(ctx, frames, o.length)
		if err != nil {
			return nil, fmt.Errorf("frames: %w", err)
		}
		ns, features = append(ns, v), d
	}
	return []result{over(fmt.Sprintf("frame to facts, %d members × %d features", frameMembers, features), "ns/cell", ns)}, nil
}

// framesOnce returns the time of one cell, which is one feature of one member at
// one tick, and the number of features.
func framesOnce(ctx context.Context, frames []*facts.Frame, length time.Duration) (nsPerCell float64, features int, err error) {
	const warmup = 480 // ticks until the detector judges by its first epoch
	d, err := detect.New(detect.Config{Env: benchEnv, Group: benchGroup, Build: "bench", Tick: time.Second,
		Warmup: 60 * time.Second, Epoch: 360 * time.Second, MinEpochs: 1})
	if err != nil {
		return 0, 0, err
	}
	at, seen := time.Unix(1_700_000_000, 0).UTC(), 0
	next := func() error {
		f := frames[seen%len(frames)]
		at, seen = at.Add(time.Second), seen+1
		f.Time = at
		_, err := d.Observe(f)
		return err
	}
	for range warmup {
		if err := next(); err != nil {
			return 0, 0, err
		}
	}
	start := time.Now()
	for time.Since(start) < length && ctx.Err() == nil {
		for range 100 {
			if err := next(); err != nil {
				return 0, 0, err
			}
		}
	}
	features = len(d.Features())
	cells := float64(seen-warmup) * frameMembers * float64(features)
	return float64(time.Since(start).Nanoseconds()) / cells, features, context.Cause(ctx)
}

func healthyFrames() []*facts.Frame {
	r := rand.New(rand.NewPCG(frameSeed, frameSeed))
	var members, metrics []string
	for i := range frameMembers {
		members = append(members, fmt.Sprintf("web-%02d", i))
	}
	for m := range frameMetrics {
		metrics = append(metrics, m)
	}
	slices.Sort(metrics)
	frames := make([]*facts.Frame, frameRing)
	for i := range frames {
		f := facts.NewFrame(time.Unix(int64(i)+1, 0).UTC(), benchGroup, members, metrics)
		for j := range f.Values {
			level := frameMetrics[metrics[j%len(metrics)]]
			f.Values[j] = max(0, level+math.Sqrt(level)*r.NormFloat64())
		}
		frames[i] = f
	}
	return frames
}
