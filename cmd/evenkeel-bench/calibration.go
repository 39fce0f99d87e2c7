package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// The calibration of a detector that learns from its own group. It is judged
// from m+1 = judgedFrom/alpha epochs on, up to judgedTo/alpha.
const (
	calibrationWarmup = 120 // ticks
	calibrationEpoch  = 12  // ticks: four times the longest window
	judgedFrom        = 2
	judgedTo          = 6
	noShare           = 1e-9 // too little to join: the test of the peers has all of alpha
)

// calibrationGrid is what is measured: each law with each size and alpha.
type calibrationGrid struct {
	members []int
	alphas  []float64
	seed    uint64
}

func calibrationCommand(o *options, w io.Writer) *cobra.Command {
	g := calibrationGrid{}
	c := &cobra.Command{Use: "calibration", Short: "False alarms of groups in health, beside what was declared", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return calibration(cmd.Context(), *o, g, w) }}
	f := c.Flags()
	f.IntSliceVar(&g.members, "members", []int{3, 5, 8, 30, 1000}, "sizes of groups")
	f.Float64SliceVar(&g.alphas, "alpha", []float64{0.1, 0.05, 0.01, 0.005}, "declared probabilities of a false alarm in an epoch")
	f.Uint64Var(&g.seed, "seed", 1, "seed of the groups")
	return c
}

func (g *calibrationGrid) check() error {
	for _, n := range g.members {
		if n < 2 || n > facts.MaxMembers {
			return fmt.Errorf("groups of %d members, want 2 to %d", n, facts.MaxMembers)
		}
	}
	for _, a := range g.alphas {
		if !(a >= 0.001 && a <= 0.25) { // below it one run takes an hour, above it is no test
			return fmt.Errorf("alpha %v, want 0.001 to 0.25", a)
		}
	}
	return nil
}

// stream returns the number of a run's random numbers: no two share them.
func (g *calibrationGrid) stream(law, n int, alpha float64, run int) uint64 {
	return uint64(law)<<56 | uint64(run)<<48 | uint64(n)<<32 | uint64(math.Round(1e6*alpha))
}

// calibrated is one cell of the grid, or the total of a law when it has no
// members.
type calibrated struct {
	Law      string  `json:"law"`
	Members  int     `json:"members,omitempty"`
	Alpha    float64 `json:"alpha,omitempty"`
	Epochs   int     `json:"epochs"`
	Alarmed  int     `json:"alarmed"`
	Promised float64 `json:"promised"` // Σ ⌊alpha·(m+1)⌋/(m+1), at most alpha·epochs
	Ratio    float64 `json:"ratio"`    // alarmed to promised
	Error    float64 `json:"error"`    // Monte-Carlo standard error of the ratio
	Holds    bool    `json:"holds"`    // ratio ≤ 1 + 3 errors
}

func (c *calibrated) add(o calibrated) {
	c.Epochs += o.Epochs
	c.Alarmed += o.Alarmed
	c.Promised += o.Promised
	share := c.Promised / float64(c.Epochs)
	c.Ratio = float64(c.Alarmed) / c.Promised
	c.Error = math.Sqrt((1 - share) / c.Promised)
	c.Holds = c.Ratio <= 1+3*c.Error
}

// calibration measures the grid and prints it, each law with its total.
func calibration(ctx context.Context, o options, g calibrationGrid, w io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := g.check(); err != nil {
		return err
	}
	var all []calibrated
	for l, law := range calibrationLaws {
		total := calibrated{Law: law.name}
		for _, n := range g.members {
			for _, alpha := range g.alphas {
				cell := calibrated{Law: law.name, Members: n, Alpha: alpha}
				for run := range o.runs {
					one, err := calibrateOnce(ctx, newHealthyGroup(law, n, g.seed, g.stream(l, n, alpha, run)), alpha)
					if err != nil {
						return fmt.Errorf("calibration: %s, %d members: %w", law.name, n, err)
					}
					cell.add(one)
				}
				total.add(cell)
				all = append(all, cell)
			}
		}
		all = append(all, total)
	}
	return printCalibration(w, o, g.seed, all)
}

// calibrateOnce judges one group in health.
func calibrateOnce(ctx context.Context, group *healthyGroup, alpha float64) (calibrated, error) {
	first, last := int(math.Round(judgedFrom/alpha))-1, int(math.Round(judgedTo/alpha))-1
	d, err := detect.New(detect.Config{Env: benchEnv, Group: benchGroup, Build: "bench", Tick: time.Second,
		Warmup: calibrationWarmup * time.Second, Epoch: calibrationEpoch * time.Second, Alpha: alpha, MinEpochs: first, Windows: []int{1, 3},
		Shares: detect.Shares{Common: noShare}})
	if err != nil {
		return calibrated{}, err
	}
	var out calibrated
	for range calibrationWarmup {
		if _, err := d.Observe(group.frame()); err != nil {
			return out, err
		}
	}
	for m := range last {
		alarmed := false
		for range calibrationEpoch {
			found, err := d.Observe(group.frame())
			if err != nil {
				return out, err
			}
			for i := range found {
				alarmed = alarmed || exceeds(&found[i])
			}
		}
		if m >= first {
			const rounding = 1e-9
			out.Epochs++
			out.Promised += math.Floor(alpha*float64(m+1)+rounding) / float64(m+1)
			if alarmed {
				out.Alarmed++
			}
		}
		if err := context.Cause(ctx); err != nil {
			return out, err
		}
	}
	return out, nil
}

// exceeds reports whether a fact is an alarm with a score above its threshold
// now: one that stands for a few ticks more is not counted again.
func exceeds(f *facts.Fact) bool {
	return f.Kind == facts.Imbalance && f.State == facts.Alarm && f.Evidence.Score.Float() > f.Evidence.Threshold.Float()
}

// calibrationResults are what is printed as JSON.
type calibrationResults struct {
	Go      string       `json:"go"`
	Results []calibrated `json:"results"`
	Runs    int          `json:"runs"`
	Seed    uint64       `json:"seed"`
	V       int          `json:"v"`
}

func printCalibration(w io.Writer, o options, seed uint64, all []calibrated) error {
	if o.output == "json" {
		return json.NewEncoder(w).Encode(calibrationResults{runtime.Version(), all, o.runs, seed, 1})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "law\tmembers\talpha\tepochs\talarmed\tpromised\tratio\terror\t≤ 1+3 errors\t\n")
	for _, c := range all {
		members, alpha, holds := "all", "all", "yes"
		if c.Members > 0 {
			members, alpha = fmt.Sprint(c.Members), fmt.Sprint(c.Alpha)
		}
		if !c.Holds {
			holds = "no"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%.1f\t%.2f\t%.2f\t%s\t\n",
			c.Law, members, alpha, c.Epochs, c.Alarmed, c.Promised, c.Ratio, c.Error, holds)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d runs each, seed %d, %s\n", o.runs, seed, runtime.Version())
	return err
}
