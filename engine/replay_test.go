package engine

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts"
)

var (
	replays = flag.Int("replays", 2_000, "decisions that are made again and compared")
	swaps   = flag.Int("swaps", 200, "programs that are loaded while decisions are made")
)

// TestReplaysAreTheSame makes decisions again: with programs compiled from
// sources in another order, on one, two and eight processors, by several
// goroutines at once.
func TestReplaysAreTheSame(t *testing.T) {
	const kept, orders = 250, 3
	r := maker{rand.New(rand.NewPCG(31, 32))}
	rules := r.rules(60)
	first := diagnose(t, rules...)
	var situations []situation
	var want []string
	for range kept {
		s := situation{now: at(time.Duration(r.IntN(9)) * 250 * time.Millisecond), mem: r.memory(t)}
		d := must(first.Decide(s.now, s.mem))
		situations, want = append(situations, s), append(want, d.Digest())
	}
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	var made atomic.Int64
	for round := 0; made.Load() < int64(*replays); round++ {
		r.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		p := diagnose(t, rules...)
		for _, procs := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(procs)
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					for k := range max(*replays/(4*3*orders), 1) {
						i := (k*7 + worker*61) % kept
						d, err := p.Decide(situations[i].now, situations[i].mem)
						if err != nil || d.Digest() != want[i] {
							t.Errorf("round %d, %d processors: decision %s (%v), want %s", round, procs, d.Digest(), err, want[i])
							return
						}
						made.Add(1)
					}
				})
			}
			wg.Wait()
			if t.Failed() {
				return
			}
		}
	}
}

// TestSwapsLoseAndMixNothing loads programs while facts are handled: each fact
// is decided upon once, by one program in its mode.
func TestSwapsLoseAndMixNothing(t *testing.T) {
	const programs, workers = 5, 3
	all := make([]*Program, programs)
	for k := range all {
		var rules []Source
		for i := range 8 {
			rules = append(rules, source(fmt.Sprintf("rule_%d", i), i, "F.Ticks > 1", fmt.Sprintf(`Note("h1:%d");`, k)))
		}
		all[k] = must(Compile(fmt.Sprintf("h1:%d", k), rules, everything))
	}
	groups := map[string]Group{}
	for w := range workers {
		groups[fmt.Sprint("web-", w)] = Group{all[0], Act}
	}
	modeOf := func(k int) Mode { return []Mode{Act, Observe, Suggest}[k%3] }
	var decided atomic.Int64
	used := make([]atomic.Int64, programs)
	e := must(New(Config{Env: "test", Groups: groups, Log: blindLog{}, Guard: &obedientGuard{log: &memoryLog{}},
		Now: func() time.Time { return t0 }, OnDecision: func(_ facts.Fact, d Decision) {
			decided.Add(1)
			used[d.Version[3]-'0'].Add(1)
			if want := modeOf(int(d.Version[3] - '0')); d.Mode != want {
				t.Errorf("a decision of %s in mode %s, want %s", d.Version, d.Mode, want)
			}
			for _, n := range d.Notes {
				if n.Text != d.Version || len(d.Notes) != 8 {
					t.Errorf("a decision of %s has notes %v", d.Version, d.Notes)
				}
			}
		}}))
	ctx, stop := context.WithCancel(t.Context())
	var handled atomic.Int64
	var wg sync.WaitGroup
	for name := range groups {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				f := alarm("web-07", func(f *facts.Fact) { f.Group, f.Evidence.Epochs = name, i })
				if err := e.Handle(context.WithoutCancel(ctx), f, ""); err != nil {
					t.Error(err)
					return
				}
				handled.Add(1)
			}
		})
	}
	var took []time.Duration
	for i := range *swaps {
		for before := decided.Load(); decided.Load() == before && !t.Failed(); { // under load
			runtime.Gosched()
		}
		for name := range groups {
			start := time.Now()
			if err := e.Load(name, all[i%programs], modeOf(i%programs)); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
	}
	stop()
	wg.Wait()
	slices.Sort(took)
	t.Logf("%d swaps while %d facts were handled: median %v, 99 %% within %v, longest %v",
		len(took), handled.Load(), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
	if handled.Load() != decided.Load() {
		t.Errorf("%d facts handled, %d decisions, want one each", handled.Load(), decided.Load())
	}
	for k := range used {
		if used[k].Load() == 0 {
			t.Errorf("program %d was never used", k)
		}
	}
}

// TestDecisionLeavesNothingBehind wants a fact collected that a program has
// decided on, while the program waits for the next.
func TestDecisionLeavesNothingBehind(t *testing.T) {
	p := diagnose(t, pair()...)
	m := NewMemory("test", "web", Act)
	apply(t, m, alarm("web-07"))
	fact, memory := weak.Make(m.fact), weak.Make(m)
	if d := must(p.Decide(t0, m)); len(d.Derived) == 0 {
		t.Fatal("nothing was derived: the test says too little")
	}
	m = nil
	for range 3 {
		runtime.GC()
	}
	if fact.Value() != nil || memory.Value() != nil {
		t.Error("the program keeps the fact or the memory it decided on")
	}
	runtime.KeepAlive(p)
	if row := (<-p.free).box.row; row.truth[p.slots.word("D.Sure")] && row.known[p.slots.word("D.Sure")] {
		t.Error("the program keeps what was derived")
	}
}

// blindLog takes every entry and keeps none.
type blindLog struct{}

func (blindLog) Append(context.Context, ...audit.Entry) ([]audit.Record, error) { return nil, nil }
