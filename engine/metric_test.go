package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// newMetricWorld returns n rules, each of a metric of its own, and facts that
// carry as many of the metrics as they may. Where the rules are guarded they ask
// for the metric's share first, so that none is undecided for want of the metric.
func newMetricWorld(n int, guarded bool) *speedWorld {
	r := rand.New(rand.NewPCG(13, 14))
	w := &speedWorld{}
	metric := func(i int) string { return fmt.Sprintf("metric_%05d", i) }
	for i := range n {
		guard := ""
		if guarded {
			guard = fmt.Sprintf(` && F.Score("%s") > 0`, metric(i))
		}
		when := fmt.Sprintf(`F.Kind == "imbalance" && F.State == "alarm" && F.Ticks >= %d%s && F.Ratio("%s") > %d.5`, r.IntN(5), guard, metric(i), r.IntN(3))
		w.rules = append(w.rules, source(fmt.Sprintf("rule_%05d", i), i%7, when, fmt.Sprintf(`Propose("drain", F.Member, "rule %d");`, i)))
	}
	for range speedFacts {
		w.facts = append(w.facts, alarm("m01", func(f *facts.Fact) {
			f.Evidence.Ticks, f.Effect = r.IntN(10), nil
			for range facts.MaxEffects {
				f.Effect = append(f.Effect, facts.Effect{Metric: metric(r.IntN(n)), Peers: "1",
					Value: facts.Number(float64(1 + r.IntN(4))), Score: facts.Number(float64(r.IntN(9) - 4))})
			}
		}))
		w.now = append(w.now, t0)
	}
	return w
}

// metric returns one of a few metrics that many rules read, or of many that few
// read.
func (r maker) metric() string {
	if r.IntN(2) == 0 {
		return r.pick("request_rate", "bytes_per_request")
	}
	return fmt.Sprintf("metric_%02d", r.IntN(40))
}

// metricPart returns a part of a condition, most of them about metrics.
func (r maker) metricPart() string {
	of := func() string {
		return fmt.Sprintf("F.%s(%q)", r.pick("Score", "Score", "Value", "Peers", "Ratio"), r.metric())
	}
	order, bound := r.pick(" < ", " <= ", " > ", " >= "), r.pick("-1.5", "0", "0.5", "1", "3")
	switch r.IntN(9) {
	case 0:
		return r.pick(`F.Kind == "imbalance"`, `F.State != "clear"`, `F.Tier == "T1"`, "F.Ticks > 1", "C.Present < 2")
	case 1:
		return r.pick(`Known("F.Tier")`, "F.Ticks + 1 > 2", "F.Evidence > 1", "0.5 <= F.Threshold")
	case 2:
		return "(" + of() + order + bound + " || " + of() + " > 0)"
	case 3:
		return "!(" + of() + order + bound + " && " + of() + " > 0)"
	case 4:
		return of() + " * 2" + order + of()
	case 5:
		return bound + order + of()
	}
	return of() + order + bound
}

// metricMemory returns a memory whose last fact carries some metrics, or none.
func (r maker) metricMemory(t testing.TB) *Memory {
	m := r.memory(t)
	if m.fact.Kind != facts.Imbalance || m.fact.Effect == nil {
		return m
	}
	f := *m.fact
	f.Effect = nil
	for range r.IntN(facts.MaxEffects + 1) {
		e := facts.Effect{Metric: r.metric(), Value: r.decimal(false), Peers: r.decimal(false), Score: r.decimal(false)}
		if !slices.ContainsFunc(f.Effect, func(o facts.Effect) bool { return o.Metric == e.Metric }) {
			f.Effect = append(f.Effect, e)
		}
	}
	m.fact = &f
	return m
}

// TestManyMetricsChangeNoDecision holds index and filter to the rules that the
// filter alone leaves, and decisions to those of the evaluator alone, where some
// metrics are read by many rules and most by few.
func TestManyMetricsChangeNoDecision(t *testing.T) {
	const programs, rules, perProgram = 12, 60, 100
	var matched, undecided, sparse int
	for program := range programs {
		r := newMaker(31, uint64(program))
		sources := make([]Source, rules)
		for i := range sources {
			parts := make([]string, 1+r.IntN(4))
			for k := range parts {
				parts[k] = r.metricPart()
			}
			sources[i] = source(fmt.Sprintf("rule_%03d", i), r.IntN(3), strings.Join(parts, " && "), `Note("x");`)
		}
		p := mustCompile(t, sources...)
		in, own := p.newInstance(), p.acquire()
		in.box.whole = []int{maxDecisionSteps, 160}[program%2]
		own.box.whole = in.box.whole
		p.release(own)
		for slot := range p.slots.count() {
			if p.strata[0].index.sparse.has(slot) {
				sparse++
			}
		}
		for range perProgram {
			m, now := r.metricMemory(t), at(time.Second)
			want, got := decideByEvaluator(t, p, in, now, m), must(p.Decide(now, m))
			if string(got.Encode()) != string(want.Encode()) {
				t.Fatalf("program %d: decision\n%s\nof the evaluator alone\n%s\non %+v", program, got.Encode(), want.Encode(), m.fact)
			}
			matched, undecided = matched+len(got.Matched), undecided+len(got.Undecided)
			in.box.fill(situation{now, m.fact, m})
			if r.IntN(4) == 0 {
				s := must(p.Suppose(fmt.Sprintf("F.Ratio(%s)=2", r.metric())))
				in.box.row.suppose(&s)
			}
			var left, may []int
			for i := range in.survivors(p, &p.strata[0]) {
				left = append(left, i)
			}
			for i := range p.rules {
				if passes(p.rules[i].tests, &in.box.row) != no {
					may = append(may, i)
				}
			}
			if !slices.Equal(left, may) {
				t.Fatalf("program %d: rules %v are left, want %v, on %+v", program, left, may, m.fact)
			}
			in.box.clear()
		}
	}
	if all := programs * perProgram; matched < all || undecided < all || sparse < programs*40 {
		t.Errorf("in %d decisions %d rules matched, %d were undecided, and %d slots were sparse: they say too little", all, matched, undecided, sparse)
	}
}

// TestUndecidedTakesWhatTheEvaluatorTakes holds what is said of a rule that reads
// an unknown word to what the evaluator says of it, the first time and again, with
// a budget for one rule that lasts or does not: else a budget would end a decision
// that is made again elsewhere.
func TestUndecidedTakesWhatTheEvaluatorTakes(t *testing.T) {
	for _, when := range []string{`F.Ratio("nothing") > 1`, `F.Ticks > 0 && 1 > F.Value("nothing") && F.Epochs > 1`, `F.Standing == "in"`,
		`(F.Kind == "imbalance" && ("in" != (F.Standing))) && F.Ratio("nothing") > 1`, `F.Score("nothing") < 1 && -1 < F.Peers("nothing")`,
		`Max(F.Ratio("nothing"), 1) > 1`, `F.Peers("nothing") * 2 > F.Ratio("nothing")`} {
		p := mustCompile(t, source("rule_x", 1, when, `Note("x");`))
		m := NewMemory("test", "web", Act)
		apply(t, m, alarm("web-07"))
		alone := p.newInstance()
		for limit := range 16 {
			own := p.acquire()
			own.box.limit, alone.box.limit = limit+1, limit+1
			p.release(own)
			want := decideByEvaluator(t, p, alone, t0, m)
			alone.box.fill(situation{t0, m.fact, m})
			alone.evaluate(0, &p.rules[0], &Decision{})
			got, w, err := p.DecideCounted(t0, m)
			if err != nil || len(w.Undecided)+len(w.Refused) != 1 || w.Steps != alone.box.spent || string(got.Encode()) != string(want.Encode()) {
				t.Errorf("%s: %d steps of %d, %v, want %d:\n%s\nof the evaluator alone\n%s", when, w.Steps, limit+1, err, alone.box.spent, got.Encode(), want.Encode())
			}
			alone.box.clear()
		}
	}
}
