package engine

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/hyperjumptech/grule-rule-engine/ast"
	"github.com/hyperjumptech/grule-rule-engine/builder"
	stock "github.com/hyperjumptech/grule-rule-engine/engine"
	"github.com/hyperjumptech/grule-rule-engine/pkg"
)

// The rules of the benchmarks have four thresholds each over ten words whose
// values are between 0 and 10, two decimals; two of a version match a fact on
// average. Those of a keyed version ask for one of fifty members too. They read
// the same to the stock engine.
type speedWorld struct {
	rules []Source
	when  []string
	facts []facts.Fact
	now   []time.Time
}

var speedWords = []string{"F.Evidence", "F.Threshold", "F.AssuredPerHour", "F.EValue", "F.ForSeconds", "F.AgeSeconds", "F.Ticks", "F.Epochs",
	"C.Present", "C.AlarmedMembers"}

const speedMembers, speedFacts, speedMatches = 50, 200, 2

func newSpeedWorld(n int, keyed bool) *speedWorld {
	r := rand.New(rand.NewPCG(11, 12))
	w := &speedWorld{}
	share := float64(speedMatches) / float64(n) // of facts that a rule matches
	if keyed {
		share *= speedMembers
	}
	for i := range n {
		var weights [4]float64
		sum := 0.0
		for k := range weights {
			weights[k] = 0.2 + r.Float64()
			sum += weights[k]
		}
		var parts []string
		if keyed {
			parts = append(parts, fmt.Sprintf(`F.Member == "m%02d"`, r.IntN(speedMembers)))
		}
		for k, word := range r.Perm(len(speedWords))[:4] {
			at := 10 * math.Pow(share, weights[k]/sum)
			op := []string{"<", "<="}[r.IntN(2)]
			if r.IntN(2) == 0 {
				at, op = 10-at, []string{">", ">="}[r.IntN(2)]
			}
			parts = append(parts, fmt.Sprintf("%s %s %s", speedWords[word], op, facts.Number(math.Round(at*100)/100)))
		}
		when := strings.Join(parts, " && ")
		w.when = append(w.when, when)
		w.rules = append(w.rules, source(fmt.Sprintf("rule_%05d", i), i%7, when, fmt.Sprintf(`Propose("drain", F.Member, "rule %d");`, i)))
	}
	hundredths := func() facts.Decimal { return facts.Number(float64(r.IntN(1000)) / 100) }
	seconds := func() time.Duration { return time.Duration(r.IntN(10_000)) * time.Millisecond }
	for range speedFacts {
		w.facts = append(w.facts, alarm(fmt.Sprintf("m%02d", r.IntN(speedMembers)), func(f *facts.Fact) {
			f.Evidence.Score, f.Evidence.Threshold, f.Evidence.E = hundredths(), hundredths(), hundredths()
			f.Evidence.Assured = facts.Rate(float64(time.Hour) / (0.01 + 9.98*r.Float64()))
			f.Evidence.Ticks, f.Evidence.Epochs = r.IntN(10), r.IntN(10)
			f.GroupState.Members, f.GroupState.Present, f.GroupState.Alarmed = 10, r.IntN(10), r.IntN(10)
			f.Onset, f.Expires = facts.At(f.Time.Add(-seconds())), facts.At(f.Time.Add(time.Minute))
		}))
		w.now = append(w.now, at(seconds()))
	}
	return w
}

// situations returns one for each fact, with a memory of its own.
func (w *speedWorld) situations(t testing.TB) []situation {
	out := make([]situation, len(w.facts))
	for i := range out {
		m := NewMemory("test", "web", Act)
		apply(t, m, w.facts[i])
		out[i] = situation{w.now[i], m.fact, m}
	}
	return out
}

// match finds the rules whose conditions hold, and leaves the consequences.
func (in *instance) match(p *Program, s situation, found func(rule string)) {
	in.box.fill(s)
	for l := range p.strata {
		for i := range in.survivors(p, &p.strata[l]) {
			if holds, err := in.judge(i); holds && err == nil {
				found(p.rules[i].name)
			}
		}
	}
	in.box.clear()
}

// The situation as the stock engine is given it.
type (
	speedStock struct {
		Member                                                              string
		Evidence, Threshold, AssuredPerHour, EValue, ForSeconds, AgeSeconds float64
		Ticks, Epochs                                                       int64
	}
	speedStockContext struct{ Present, AlarmedMembers int64 }
)

func newSpeedStock(b *testing.B, w *speedWorld) *ast.KnowledgeBase {
	var text strings.Builder
	for i, when := range w.when {
		fmt.Fprintf(&text, "rule rule_%05d salience %d { when %s then Retract(\"rule_%05d\"); }\n", i, i%7, when, i)
	}
	lib := ast.NewKnowledgeLibrary()
	if err := builder.NewRuleBuilder(lib).BuildRuleFromResource("stock", "1", pkg.NewBytesResource([]byte(text.String()))); err != nil {
		b.Fatal(err)
	}
	return must(lib.NewKnowledgeBaseInstance("stock", "1"))
}

// stockMatches asks the stock engine which rules match.
func stockMatches(b *testing.B, kb *ast.KnowledgeBase, s situation, found func(rule string)) {
	e := s.fact.Evidence
	dc := ast.NewDataContext()
	err := errors.Join(
		dc.Add("F", &speedStock{s.fact.Member, e.Score.Float(), e.Threshold.Float(), e.Assured.PerHour(), e.E.Float(),
			s.fact.Time.Sub(s.fact.Onset.Time).Seconds(), s.now.Sub(s.fact.Time.Time).Seconds(), int64(e.Ticks), int64(e.Epochs)}),
		dc.Add("C", &speedStockContext{int64(s.mem.present), int64(s.mem.alarmed(s.now))}))
	if err != nil {
		b.Fatal(err)
	}
	rules, err := (&stock.GruleEngine{MaxCycle: 1}).FetchMatchingRules(dc, kb)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range rules {
		found(r.RuleName)
	}
}

// BenchmarkDecide takes, for each size of a version, the time to find the rules
// that match, and to decide, encode and digest.
func BenchmarkDecide(b *testing.B) {
	for _, keyed := range []bool{false, true} {
		for _, n := range []int{100, 1000, 5000, 10000} {
			b.Run(fmt.Sprintf("rules=%d,keyed=%v", n, keyed), func(b *testing.B) { benchmarkDecide(b, newSpeedWorld(n, keyed)) })
		}
	}
	for _, guarded := range []bool{true, false} {
		for _, n := range []int{1000, 3000} {
			b.Run(fmt.Sprintf("metrics=%d,guarded=%v", n, guarded), func(b *testing.B) { benchmarkDecide(b, newMetricWorld(n, guarded)) })
		}
	}
}

func benchmarkDecide(b *testing.B, w *speedWorld) {
	p := mustCompile(b, w.rules...)
	situations := w.situations(b)
	b.Run("match", func(b *testing.B) {
		in := p.acquire()
		defer p.release(in)
		found := 0
		count := func(string) { found++ }
		overSituations(b, situations, func(s situation) int { found = 0; in.match(p, s, count); return found })
	})
	b.Run("decide", func(b *testing.B) {
		overSituations(b, situations, func(s situation) int {
			d := must(p.Decide(s.now, s.mem))
			if d.Digest() == "" {
				b.Fatal("no digest")
			}
			return len(d.Matched)
		})
	})
}

// overSituations reports, beside the mean, that of the best round over all
// situations: on a machine with other work, what a decision costs by itself. One
// round goes before, which makes what is kept from then on.
func overSituations(b *testing.B, all []situation, matches func(situation) int) {
	for _, s := range all {
		matches(s)
	}
	b.ReportAllocs()
	n, i := 0, 0
	best, start := time.Duration(math.MaxInt64), time.Now()
	for ; b.Loop(); i++ {
		n += matches(all[i%len(all)])
		if (i+1)%len(all) == 0 {
			now := time.Now()
			best, start = min(best, now.Sub(start)), now
		}
	}
	b.ReportMetric(float64(n)/float64(i), "matches/op")
	if i >= len(all) {
		b.ReportMetric(float64(best)/float64(len(all)), "best-ns/op")
	}
}

// TestIndexLeavesWhatMayHold holds index and filter to exactly the rules that the
// filter alone leaves, in versions whose columns have several blocks, with words
// unknown too; and the index to leave next to no rule more when all are known.
func TestIndexLeavesWhatMayHold(t *testing.T) {
	for _, keyed := range []bool{false, true} {
		w := newSpeedWorld(900, keyed)
		p := mustCompile(t, w.rules...)
		in := p.newInstance()
		for i, s := range w.situations(t) {
			known := i%2 == 0
			if !known {
				s.fact.Evidence.E, s.fact.Evidence.Assured = "", 0
			}
			in.box.fill(s)
			var got, want []int
			for r := range in.survivors(p, &p.strata[0]) {
				got = append(got, r)
			}
			for r := range p.rules {
				if passes(p.rules[r].tests, &in.box.row) != no {
					want = append(want, r)
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("keyed %v: rules %v are left, want %v, on %+v", keyed, got, want, s.fact.Evidence)
			}
			left, _ := p.strata[0].index.search(&in.box.row, in.candidates, in.unknown, in.scratch)
			if known && left.count() > len(want)+fewRules {
				t.Fatalf("keyed %v: the index leaves %d rules for %d", keyed, left.count(), len(want))
			}
			in.box.clear()
		}
	}
}

// TestMatchingAllocatesForMatchesOnly holds the driver to no allocation when
// nothing matches, and to 2 KiB when three rules do.
func TestMatchingAllocatesForMatchesOnly(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector's own goroutines allocate too
	w := newSpeedWorld(300, false)
	for i := range 3 {
		w.rules = append(w.rules, source(fmt.Sprintf("always_%d", i), 1, fmt.Sprintf("F.Ticks > %d && F.Epochs > -1 && F.Evidence > -1 && F.AgeSeconds > -1", i-9), `Note("x");`))
	}
	for _, rules := range [][]Source{w.rules[:300:300], w.rules[300:]} {
		p := mustCompile(t, rules...)
		in := p.newInstance()
		for _, s := range w.situations(t)[:64] {
			const runs = 20
			n := 0
			in.match(p, s, func(string) { n++ })
			ignore := func(string) {}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				in.match(p, s, ignore)
			}
			runtime.ReadMemStats(&after)
			if got := (after.TotalAlloc - before.TotalAlloc) / runs; n == 0 && got > 0 || n == 3 && got > 2<<10 {
				t.Fatalf("%d rules matched, %d bytes allocated, want none, or 2 KiB for three", n, got)
			}
		}
	}
}
