package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/facts/sim"
)

// demoOptions are the flags of "evenkeel demo".
type demoOptions struct {
	fault    string
	members  int
	rate     float64 // requests per second
	seed     uint64
	balancer string // auto, haproxy or builtin
	listen   string
	data     string
	output   string // text or json
	noAct    bool
	once     bool
	baseline time.Duration

	record string // directory; empty: the demo is played
	faults string // recorded, separated by commas
	epochs int    // healthy ones to be recorded
	seeds  int    // of each fault
	epoch  time.Duration
}

// Bounds on what the demo is asked for.
const (
	minDemoMembers  = 4 // with fewer, one sick member is half the reference of its peers
	maxDemoMembers  = 50
	minBaseline     = 35 * time.Second
	maxBaseline     = 10 * time.Minute
	loadPerMember   = 2.0 // requests in flight: below it a black hole hardly shows (sim.Capture)
	fullLoad        = 0.8 // of the workers busy: above it a healthy pool has queues
	balancerAuto    = "auto"
	balancerHAProxy = "haproxy"
	balancerBuiltin = "builtin"
)

func demoCommand() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole loop on a real pool with a fault",
		Long: `Start a pool of HTTP members behind a real balancer, learn how it behaves when
it is well, let one member go bad, and show what is seen, decided and done about
it. Nothing needs to be configured or installed; nothing is left behind unless
--data says where.

Faults of one member: empty (200 at once with an empty body: a black hole), err
(500 at once), drop (closes the connection), hang (never answers), hollow (right
time and status, no work), partial (does a share of its requests as empty does),
slow, hog (a neighbour takes the processor), flap (empty for 20 s, well for 20 s,
and so on). A drained member is mended after a while, so that its return can be
seen. Nobody's fault, and nothing should be done: surge, restart, dependency, none.
Where a fault has a size it may be given: partial=0.1, slow=2.

With --record nothing is judged or done: labelled runs are written to a directory,
healthy ones of --epochs epochs in all, quiet or disturbed in turn (a restart, a
surge, a slow dependency), and every fault of --faults for --seeds seeds, in a
quiet and in a disturbed pool: RUN.csv.gz, labels.csv, runs.csv, disturbances.csv.
It takes as long as the runs last; a command that was cut short goes on.

At its end, at a terminal, the demo offers a change of its rules to be signed as
the second person; with --data elsewhere too.

The members answer on loopback only. Ctrl-C ends the demo and removes everything
but what was recorded.`,
		Example: `  evenkeel demo
  evenkeel demo --no-act                 what happens without evenkeel
  evenkeel demo --fault partial=0.1 --seed 7
  evenkeel demo --balancer haproxy --once -o json
  evenkeel demo --record runs --epochs 30 --members 20 --rate 1000
  evenkeel detect --calibrate 'runs/h*.csv.gz' --score runs/labels.csv runs/*.csv.gz`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.record != "" {
				for _, name := range []string{"fault", "no-act", "once", "data", "output", "baseline"} {
					if cmd.Flags().Changed(name) {
						return &exitError{exitUsage, fmt.Errorf("demo: --%s has no meaning with --record", name), "see 'evenkeel demo --help'"}
					}
				}
				r, err := o.checkRecord()
				if err != nil {
					return err
				}
				return recordPools(cmd.Context(), r, cmd.ErrOrStderr())
			}
			c, err := o.check()
			if err != nil {
				return err
			}
			return runDemo(cmd.Context(), c, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.fault, "fault", string(sim.Empty), "what happens to the pool")
	f.IntVar(&o.members, "members", 10, "members of the pool")
	f.Float64Var(&o.rate, "rate", 400, "requests per second")
	f.Uint64Var(&o.seed, "seed", 1, "chooses the member, the arrivals and the service times")
	f.StringVar(&o.balancer, "balancer", balancerAuto, "haproxy, builtin, or auto: haproxy when it is on the PATH")
	f.StringVar(&o.listen, "listen", "", "address of the balancer, on loopback (default: a free port)")
	f.StringVar(&o.data, "data", "", "directory that keeps the audit log and all else (default: none is kept)")
	f.BoolVar(&o.noAct, "no-act", false, "see and decide, but do nothing: shows what would be lost")
	f.BoolVar(&o.once, "once", false, "end a minute after the fault began")
	f.DurationVar(&o.baseline, "baseline", 75*time.Second, "how long to learn from the healthy pool")
	f.StringVar(&o.record, "record", "", "write labelled runs to this directory instead")
	f.IntVar(&o.epochs, "epochs", 30, "with --record: healthy epochs to record")
	f.DurationVar(&o.epoch, "epoch", time.Minute, "with --record: length of an epoch, and of a fault")
	f.StringVar(&o.faults, "faults", recordFaults, "with --record: faults to record, separated by commas; none: no fault")
	f.IntVar(&o.seeds, "seeds", 1, "with --record: runs of each fault, each in a quiet and in a disturbed pool")
	f.StringVarP(&o.output, "output", "o", "text", "text or json (json: one object at the end, the story on standard error)")
	return cmd
}

// demoConfig is what the flags mean.
type demoConfig struct {
	demoOptions
	kind   sim.Fault
	victim string        // the member that the fault is in, or that restarts; empty: none
	pause  time.Duration // between the end of the learning and the onset, so that it falls anywhere in a tick
	watch  time.Duration // how long after the onset losses are counted, and the demo ends if it is to end
}

// check refuses what the demo cannot show, and draws what the seed decides.
func (o demoOptions) check() (demoConfig, error) {
	c := demoConfig{demoOptions: o, watch: time.Minute}
	usage := func(hint, format string, args ...any) (demoConfig, error) {
		return c, &exitError{exitUsage, fmt.Errorf("demo: "+format, args...), hint}
	}
	var err error
	if c.kind, err = sim.ParseFault(o.fault); err != nil {
		return usage("see 'evenkeel demo --help'", "--fault: %w", err)
	}
	switch {
	case o.members < minDemoMembers || o.members > maxDemoMembers:
		return usage("", "--members %d, want %d to %d", o.members, minDemoMembers, maxDemoMembers)
	case o.balancer != balancerAuto && o.balancer != balancerHAProxy && o.balancer != balancerBuiltin:
		return usage("", "--balancer %q, want auto, haproxy or builtin", o.balancer)
	case o.output != "text" && o.output != "json":
		return usage("", "--output %q, want text or json", o.output)
	case o.baseline < minBaseline || o.baseline > maxBaseline:
		return usage("less teaches too little, more is not a demonstration", "--baseline %v, want %v to %v", o.baseline, minBaseline, maxBaseline)
	}
	if err := o.checkLoad(); err != nil {
		return c, err
	}
	rng := rand.New(rand.NewPCG(o.seed, 3)) //nolint:gosec // reproducible by intent
	victim := fmt.Sprintf("m%02d", 1+rng.IntN(o.members))
	c.pause = time.Duration(rng.Int64N(int64(maxPause)))
	if !c.kind.Benign() || c.kind.Kind == sim.Restart {
		c.victim = victim
	}
	return c, nil
}

// maxPause bounds the pause before the onset.
const maxPause = 2 * time.Second

// checkLoad refuses a load at which a black hole hardly shows, and one that
// drowns a healthy pool.
func (o demoOptions) checkLoad() error {
	perMember := sim.MeanService.Seconds() * o.rate / float64(o.members) // requests in flight
	lowest := loadPerMember * float64(o.members) / sim.MeanService.Seconds()
	highest := fullLoad * sim.DefaultWorkers * float64(o.members) / sim.MeanService.Seconds()
	switch {
	case !(perMember >= loadPerMember):
		return &exitError{exitUsage, fmt.Errorf("demo: %g requests a second keep %.1f in flight at each of %d members, want at least %g: "+
			"with less a black hole draws little more than its share", o.rate, perMember, o.members, loadPerMember),
			fmt.Sprintf("use --rate %.0f or more, or fewer --members", lowest)}
	case o.rate > highest:
		return &exitError{exitUsage, fmt.Errorf("demo: %g requests a second keep %.1f in flight at each of %d members, want at most %g: "+
			"a member has %d workers", o.rate, perMember, o.members, fullLoad*sim.DefaultWorkers, sim.DefaultWorkers),
			fmt.Sprintf("use --rate %.0f or less, or more --members", highest)}
	}
	return nil
}

// errInterrupted is the error of a demo that was to run once and was cut short.
var errInterrupted = errors.New("demo: interrupted before its end")
