package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/engine/backtest"
	"github.com/evenkeel/evenkeel/facts"
)

const (
	backtestSeed    = 20261122
	backtestMembers = 50 // of a group
	backtestMatches = 2  // rules that fire on a fact, on average
	backtestChanged = 100
)

// backtestSizes are the flags of "evenkeel-bench backtest".
type backtestSizes struct {
	facts, rules, groups int
	base                 bool
}

func (s *backtestSizes) check() error {
	if s.facts < 1000 || s.facts > 100_000_000 || s.rules < 10 || s.rules > engine.MaxRules || s.groups < 1 || s.groups > 1000 {
		return fmt.Errorf("backtest: %d facts of %d groups on %d rules, want 1000 to 100000000 of 1 to 1000 on 10 to %d",
			s.facts, s.groups, s.rules, engine.MaxRules)
	}
	return nil
}

func backtestCommand(o *options, stdout io.Writer) *cobra.Command {
	s := backtestSizes{}
	cmd := &cobra.Command{
		Use:   "backtest",
		Short: "Facts of a file to the report of a backtest",
		Long: `Write a file of facts and take the time from reading it to the report: facts are
decoded, decided upon by a pack of rules with four thresholds each, of which two
fire on a fact, and what they want is judged by the rehearsal of the guard.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(o.check(), s.check()); err != nil {
				return err
			}
			all, err := measureBacktest(cmd.Context(), *o, s)
			if err != nil {
				return err
			}
			return printResults(stdout, o.output, all)
		},
	}
	f := cmd.Flags()
	f.IntVar(&s.facts, "facts", 1_000_000, "facts")
	f.IntVar(&s.rules, "rules", 5000, "rules of a pack")
	f.IntVar(&s.groups, "groups", 8, "groups that the facts are about")
	f.BoolVar(&s.base, "base", false, "compare with a pack of which one rule in a hundred is another")
	return cmd
}

func measureBacktest(ctx context.Context, o options, s backtestSizes) (_ []result, err error) {
	dir, remove, err := o.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	file := filepath.Join(dir, "facts.jsonl")
	if err := writeBacktestFacts(file, s); err != nil {
		return nil, err
	}
	c := backtest.Config{Engine: "bench"}
	if c.Candidate, err = backtestPack("candidate", s.rules, 0); err == nil && s.base {
		var base backtest.Pack
		base, err = backtestPack("base", s.rules, backtestChanged)
		c.Base = &base
	}
	if err != nil {
		return nil, err
	}
	var took, busy, rates, heap []float64
	digest := ""
	for range o.runs {
		start, before := time.Now(), processorSeconds()
		r, used, err := backtestOnce(ctx, c, file)
		if err != nil {
			return nil, err
		}
		if got := r.Digest(); digest != "" && got != digest || r.Facts.Decided != int64(s.facts) {
			return nil, fmt.Errorf("backtest: report %s on %d facts, want %s on %d", got, r.Facts.Decided, digest, s.facts)
		}
		digest = r.Digest()
		d := time.Since(start).Seconds()
		took, busy = append(took, d), append(busy, processorSeconds()-before)
		rates, heap = append(rates, float64(s.facts)/d), append(heap, used)
	}
	what := fmt.Sprintf("%d facts on %d rules", s.facts, s.rules)
	return []result{over(what+", file to report", "s", took), over(what+", processors", "s of one", busy),
		over(what, "facts/s", rates), over(what+", heap in use at most", "MB", heap)}, nil
}

// processorSeconds returns the processor time that this process has used: on a
// machine with neighbours it says more than the time that passed.
func processorSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return math.NaN()
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// backtestOnce runs once, and says how much of the heap was in use at most.
func backtestOnce(ctx context.Context, c backtest.Config, file string) (_ *backtest.Report, used float64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines, n := backtest.Lines(file, f), 0
	c.Facts = func(ctx context.Context, take func(backtest.Recorded) error) error {
		return lines(ctx, func(r backtest.Recorded) error {
			if n++; n%(1<<13) == 1 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				used = max(used, float64(m.HeapInuse)/1e6)
			}
			return take(r)
		})
	}
	r, err := backtest.Run(ctx, c)
	return r, used, err
}

// writeBacktestFacts writes alarms with two-decimal values between 0 and 10, ten
// a second over all groups.
func writeBacktestFacts(name string, s backtestSizes) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	r := rand.New(rand.NewPCG(backtestSeed, 1))
	start := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for i := range s.facts {
		fact := backtestFact(r, start.Add(time.Duration(i)*100*time.Millisecond), s.groups)
		b, err := fact.Encode()
		if err != nil {
			return err
		}
		if _, err := w.Write(append(b, '\n')); err != nil {
			return err
		}
	}
	return w.Flush()
}

func backtestFact(r *rand.Rand, at time.Time, groups int) facts.Fact {
	hundredths := func() facts.Decimal { return facts.Number(float64(r.IntN(1000)) / 100) }
	return facts.Fact{
		V: 1, Kind: facts.Imbalance, State: facts.Alarm, Env: benchEnv, Group: fmt.Sprintf("web-%d", r.IntN(groups)),
		Member: fmt.Sprintf("m%02d", r.IntN(backtestMembers)),
		Time:   facts.At(at), Onset: facts.At(at.Add(-time.Duration(r.IntN(10_000)) * time.Millisecond)), Expires: facts.At(at.Add(3 * time.Second)),
		Detector: facts.Detector{ID: "bench", Build: "bench", Params: facts.Digest(nil)},
		Evidence: &facts.Evidence{Score: hundredths(), Threshold: hundredths(), E: hundredths(), Margin: "1",
			Declared: facts.Rate(30 * 24 * time.Hour), Certified: facts.Rate(30 * 24 * time.Hour), Epochs: r.IntN(10), Ticks: r.IntN(10), Tier: "T1"},
		GroupState: &facts.GroupState{Alarmed: 1, Members: backtestMembers, Present: backtestMembers - r.IntN(10), Shift: "none"},
		Effect: []facts.Effect{{Metric: "bytes_per_request", Value: "2", Peers: "9000", Score: "-6.1"},
			{Metric: "request_rate", Value: hundredths(), Peers: "41", Score: "4.9"}},
	}
}

// backtestWords are the words that the rules compare: between 0 and 10.
var backtestWords = []string{"F.Evidence", "F.Threshold", "F.EValue", "F.ForSeconds", "F.Ticks", "F.Epochs", `F.Value("request_rate")`}

// backtestPack returns a pack of n rules of four thresholds each; one in so many
// is another than in the pack where that is 0.
func backtestPack(name string, n, changed int) (backtest.Pack, error) {
	r := rand.New(rand.NewPCG(backtestSeed, 2))
	rules := make([]engine.Source, n)
	for i := range rules {
		const parts = 4
		share := math.Pow(backtestMatches/float64(n), 1.0/parts) // of facts of which one comparison holds
		var when []string
		for _, w := range r.Perm(len(backtestWords))[:parts] {
			at, op := 10*share*(0.8+0.4*r.Float64()), "<"
			if changed > 0 && i%changed == 0 {
				at *= 1.02
			}
			if r.IntN(2) == 0 {
				at, op = 10-at, ">"
			}
			when = append(when, fmt.Sprintf("%s %s %s", backtestWords[w], op, facts.Number(math.Round(at*100)/100)))
		}
		rules[i] = engine.Source{Name: fmt.Sprintf("rules/rule_%05d.grl", i), Text: fmt.Appendf(nil,
			"rule rule_%05d salience %d { when %s then Propose(\"drain\", F.Member, \"rule %d\"); }", i, i%7, strings.Join(when, " && "), i)}
	}
	limits := actions.DefaultLimits()
	limits.Verbs = []actions.Verb{actions.Drain}
	p, err := engine.Compile("h1:"+name, rules, engine.Allow{Verbs: limits.Verbs, Tiers: []string{"T1"}})
	return backtest.Pack{Name: name, Program: p, Limits: limits}, err
}
