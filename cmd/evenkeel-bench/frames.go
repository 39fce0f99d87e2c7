package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

const (
	// frameNumbers bounds the numbers in the frames made in advance; the
	// numbers repeat, the times do not.
	frameNumbers = 4 << 20
	frameRing    = 600 // frames at most
	frameSeed    = 20261122
	frameWarmup  = 480 // ticks until the detector judges by its first epoch
)

// frameMetrics are 21 metrics with their level in health; counts have the noise
// of counts. A detector makes 16 features of them.
var frameMetrics = map[string]float64{
	"be_bytes_out": 4e5, "be_cpu": 0.4, "be_downstream": 120, "be_errors": 0.2, "be_inflight": 4, "be_mem_mb": 200,
	"be_requests": 40, "be_served": 40, "be_svc_ms": 80, "hx_bout": 4e5, "hx_cli_abrt": 0.01, "hx_econ": 0.01,
	"hx_hrsp_2xx": 40, "hx_hrsp_5xx": 0.2, "hx_qcur": 0.1, "hx_scur": 4, "hx_stot": 40, "hx_wretr": 0.01,
	"disk_queue": 3, "open_files": 300, "threads": 16,
}

// frameFeatures is the number of features that frameMetrics give; for each one
// more there is a metric more.
const frameFeatures = 16

// frameGroup is the size of a group in health.
type frameGroup struct{ members, features int }

func (g frameGroup) String() string {
	return fmt.Sprintf("frame to facts, %d members × %d features", g.members, g.features)
}

// parseFrameGroup reads a size such as 1000x16.
func parseFrameGroup(text string) (frameGroup, error) {
	members, features, _ := strings.Cut(text, "x")
	n, err := strconv.Atoi(members)
	d, errD := strconv.Atoi(features)
	most := facts.MaxMetrics - len(frameMetrics) + frameFeatures
	if err != nil || errD != nil || n < 2 || n > facts.MaxMembers || d < frameFeatures || d > most {
		return frameGroup{}, fmt.Errorf("frames: group %q, want MEMBERSxFEATURES with 2 to %d members and %d to %d features",
			text, facts.MaxMembers, frameFeatures, most)
	}
	return frameGroup{n, d}, nil
}

func framesCommand(o *options, w io.Writer) *cobra.Command {
	var groups []string
	c := &cobra.Command{Use: "frames", Short: "Frame to facts for groups from small to large: time, share of a core, memory", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			var all []result
			for _, text := range groups {
				g, err := parseFrameGroup(text)
				if err != nil {
					return err
				}
				r, err := measureGroup(cmd.Context(), *o, g)
				if err != nil {
					return fmt.Errorf("frames: %w", err)
				}
				all = append(all, r...)
			}
			return printResults(w, o.output, all)
		}}
	c.Flags().StringSliceVar(&groups, "groups", []string{"10x16", "30x16", "1000x16", "10000x20"}, "sizes: members x features")
	return c
}

// measureFrames takes the time of a detector that judges a pool of the size that
// is common behind one balancer.
func measureFrames(ctx context.Context, o options) ([]result, error) {
	r, err := measureGroup(ctx, o, frameGroup{30, frameFeatures})
	if err != nil {
		return nil, fmt.Errorf("frames: %w", err)
	}
	return r[:1], nil
}

// measureGroup takes the time and the memory of a detector that judges a group
// in health: first nanoseconds a cell (one feature of one member at one tick),
// then what follows from it, then megabytes.
func measureGroup(ctx context.Context, o options, g frameGroup) ([]result, error) {
	stream := newFrameStream(g)
	before := liveBytes()
	d, err := detect.New(detect.Config{Env: benchEnv, Group: benchGroup, Build: "bench", Tick: time.Second,
		Warmup: 60 * time.Second, Epoch: 360 * time.Second, MinEpochs: 1})
	if err != nil {
		return nil, err
	}
	for range frameWarmup {
		if _, err := d.Observe(stream.next()); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	if got := len(d.Features()); got != g.features {
		return nil, fmt.Errorf("%d features, want %d", got, g.features)
	}
	memory := float64(liveBytes()-before) / 1e6
	var perCell, rate, share []float64
	for range o.runs {
		seconds, err := tickSeconds(ctx, d, stream, o.length)
		if err != nil {
			return nil, err
		}
		cells := float64(g.members * g.features)
		perCell, rate, share = append(perCell, seconds*1e9/cells), append(rate, cells/seconds/1e6), append(share, 100*seconds)
	}
	name := g.String()
	return []result{over(name, "ns/cell", perCell), over(name, "Mcells/s", rate), over(name, "% of a core at 1 s", share),
		over(name, "MB", []float64{memory})}, nil
}

// tickSeconds returns the time of one tick, over a run of the given length.
func tickSeconds(ctx context.Context, d *detect.Detector, s *frameStream, length time.Duration) (float64, error) {
	const ticks = 10 // between two looks at the clock
	n, start := 0, time.Now()
	for time.Since(start) < length && ctx.Err() == nil {
		for range ticks {
			if _, err := d.Observe(s.next()); err != nil {
				return 0, err
			}
		}
		n += ticks
	}
	return time.Since(start).Seconds() / float64(max(n, 1)), context.Cause(ctx)
}

// liveBytes returns the memory that is in use, garbage excluded.
func liveBytes() int64 {
	runtime.GC()
	runtime.GC() // what finalizers kept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// frameStream gives the frames of a group, a second apart.
type frameStream struct {
	frames []*facts.Frame
	at     time.Time
	seen   int
}

func newFrameStream(g frameGroup) *frameStream {
	r := rand.New(rand.NewPCG(frameSeed, frameSeed))
	levels := maps.Clone(frameMetrics)
	for i := range g.features - frameFeatures {
		levels[fmt.Sprintf("pool_%03d", i)] = 50
	}
	metrics := slices.Sorted(maps.Keys(levels))
	var members []string
	for i := range g.members {
		members = append(members, fmt.Sprintf("web-%05d", i))
	}
	s := &frameStream{at: time.Unix(1_700_000_000, 0).UTC()}
	s.frames = make([]*facts.Frame, max(1, min(frameRing, frameNumbers/(len(members)*len(metrics)))))
	for i := range s.frames {
		f := facts.NewFrame(s.at, benchGroup, members, metrics)
		for j := range f.Values {
			level := levels[metrics[j%len(metrics)]]
			f.Values[j] = max(0, level+math.Sqrt(level)*r.NormFloat64())
		}
		s.frames[i] = f
	}
	return s
}

func (s *frameStream) next() *facts.Frame {
	f := s.frames[s.seen%len(s.frames)]
	s.at, s.seen = s.at.Add(time.Second), s.seen+1
	f.Time = s.at
	return f
}
