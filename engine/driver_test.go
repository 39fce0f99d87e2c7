package engine

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

var differential = flag.Int("differential", 5_000, "generated facts that the driver and the evaluator alone decide upon")

// decideByEvaluator is what Decide promises, without index and filter: the
// evaluator judges every rule, in canonical order.
func decideByEvaluator(t testing.TB, p *Program, in *instance, now time.Time, m *Memory) Decision {
	t.Helper()
	in.box.fill(situation{now, m.fact, m})
	d := p.newDecision(now, m)
	in.box.context(d.Context)
	d.Quarantined = p.quarantined(m)
	var all []claim
	for i := range p.rules {
		if m.aside[p.rules[i].name] != p.version {
			all = append(all, in.evaluate(i, &p.rules[i], &d)...)
		}
		if in.box.used() && i+1 < len(p.rules) {
			p.cut(m, &d, i+1)
			break
		}
	}
	p.settle(&d, all, m.fact)
	p.advise(&d)
	d.trim()
	in.box.clear()
	return d
}

// maker makes conditions and facts that meet on thresholds, leave words
// unknown and reach the ends of what numbers can be.
type maker struct{ *rand.Rand }

func newMaker(seed, stream uint64) maker { return maker{rand.New(rand.NewPCG(seed, stream))} }

func (r maker) pick(of ...string) string { return of[r.IntN(len(of))] }

var makerNumbers = []string{"F.Evidence", "F.Threshold", "F.Margin", "F.ForSeconds", "F.AgeSeconds", "F.Ticks", "F.Epochs", "F.PValue",
	"F.EValue", "F.CertifiedPerHour", "F.AssuredPerHour", "C.Members", "C.Present", "C.AlarmedMembers", "C.QuietSeconds", "C.OutMembers",
	`F.Score("request_rate")`, `F.Score("nothing")`, `F.Value("request_rate")`, `F.Peers("request_rate")`, `F.Ratio("bytes_per_request")`}

var makerBounds = []string{"-1000000", "-4.4", "-1", "0", "0.25", "0.5", "1", "1.5", "2", "3", "4.9", "1000000000000000", "9007199254740992"}

func (r maker) condition(depth int) string {
	if depth > 0 && r.IntN(3) > 0 {
		op, parts := r.pick(" && ", " && ", " || "), []string{}
		for range 2 + r.IntN(3) {
			parts = append(parts, r.condition(depth-1))
		}
		if joined := strings.Join(parts, op); op == " && " && r.IntN(2) == 0 {
			return "(" + joined + ")"
		} else {
			return r.pick("(", "!(") + joined + ")"
		}
	}
	order := r.pick(" < ", " <= ", " > ", " >= ")
	number := r.pick(makerNumbers...)
	switch r.IntN(10) {
	case 0:
		return r.pick(`F.State == "alarm"`, `F.State != "clear"`, `F.Kind == "imbalance"`, `F.Kind != "outcome"`, `"web-01" == F.Member`, `F.Member != F.Group`)
	case 1:
		return r.pick(`F.Tier == "T1"`, `F.Shift != "none"`, `F.Standing == "in"`, `F.Result == "done"`, `F.Result != F.Verb`, `F.Statistic == "own"`)
	case 2:
		return r.pick("F.Ticks", "F.Epochs", "C.Members") + r.pick(" == ", " != ") + r.pick("0", "1", "2", "3", "9007199254740992")
	case 3:
		return r.pick("", "!") + fmt.Sprintf("Known(%q)", r.pick("F.Tier", "F.Standing", "F.Kind", "F.PValue", "C.Members"))
	case 4:
		return r.pick(makerBounds...) + order + number
	case 5:
		return number + r.pick(" * ", " + ", " - ") + r.pick(makerNumbers...) + order + r.pick(makerBounds...)
	case 6:
		return number + " / " + r.pick("2", "0.25", "3") + order + r.pick(makerNumbers...)
	case 7:
		return fmt.Sprintf("%s(%s, %s)%s%s", r.pick("Max", "Min"), number, r.pick(makerNumbers...), order, r.pick(makerBounds...))
	}
	return number + order + r.pick(makerBounds...)
}

// rules returns n rules; those of a version of more than six derive values.
func (r maker) rules(n int) []Source {
	rules := make([]Source, n)
	for i := range rules {
		parts := make([]string, 1+r.IntN(3))
		for k := range parts {
			parts[k] = r.condition(r.IntN(2))
			if k == 1 {
				parts[k] = r.condition(2)
			}
			if len(parts) > 1 && strings.Contains(parts[k], " || ") {
				parts[k] = "(" + parts[k] + ")"
			}
		}
		then := r.pick(`Note("x");`, `Propose("drain", F.Member, "x");`, `Veto("maint", "x");`, `Propose("maint", F.Member, "y"); Note("y");`)
		salience := r.IntN(3)
		switch { // the first rules derive, the last read what they derive
		case i < 3:
			salience = 3 + i
			then += r.pick(`D.Diagnosis = "slow";`, "D.Strikes = F.Ticks;", "D.Confidence = F.Margin / 4;", "D.Sure = F.Ticks > 1; D.Who = F.Member;")
		case i > n-4:
			parts = slices.Insert(parts, r.IntN(len(parts)+1), r.pick(`D.Diagnosis == "slow"`, "D.Strikes > 1", "1 > D.Confidence", "D.Sure",
				"!D.Sure", `Known("D.Sure")`, `(D.Who != F.Member || D.Strikes == 2)`, `D.Diagnosis != "slow"`))
		}
		rules[i] = source(fmt.Sprintf("rule_%03d", i), salience, strings.Join(parts, " && "), then)
	}
	return rules
}

func (r maker) decimal(optional bool) facts.Decimal {
	if optional && r.IntN(3) == 0 {
		return ""
	}
	return facts.Decimal(r.pick("0", "0.25", "0.5", "1", "1.5", "2", "3", "4.9", "1000000000000000", "0.000001"))
}

// memory returns a memory whose last fact is of any kind.
func (r maker) memory(t testing.TB) *Memory {
	m := NewMemory("test", "web", Act)
	member := r.pick("web-01", "web-02", "")
	var f facts.Fact
	switch r.IntN(6) {
	case 0:
		f = standingOf("web-01", r.pick("in", "drain", "maint"))
	case 1:
		f = outcomeOf("web-02", r.pick("drain", "restore"), r.pick("done", "failed"))
	case 2:
		f = fact(facts.Absent, facts.State(r.pick("alarm", "clear")), "web-01")
	default:
		f = alarm(member, func(f *facts.Fact) {
			f.State = facts.State(r.pick("alarm", "clear", "watch"))
			e := f.Evidence
			e.Score, e.Threshold, e.E = r.decimal(false), r.decimal(false), r.decimal(true)
			if r.IntN(2) == 0 {
				e.P = facts.Decimal(r.pick("0.25", "0.5", "1", "0.000001"))
			}
			e.Ticks, e.Epochs, e.Tier = r.IntN(4), r.IntN(4), r.pick("T1", "T2")
			e.Statistic = facts.Statistic(r.pick("", "own", "peer"))
			e.Certified = []facts.Rate{0, facts.Rate(time.Hour), facts.Rate(4 * time.Hour)}[r.IntN(3)]
			f.GroupState.Members, f.GroupState.Present, f.GroupState.Alarmed = 1+r.IntN(3), 1, r.IntN(2)
			f.GroupState.Shift = r.pick("none", "up")
			f.Onset = facts.At(at(-time.Duration(r.IntN(9)) * 250 * time.Millisecond))
			for k := range f.Effect {
				f.Effect[k].Value, f.Effect[k].Peers = r.decimal(false), r.decimal(false)
				f.Effect[k].Score = "-" + facts.Number(0.25+float64(r.IntN(16))/4)
			}
			if r.IntN(4) == 0 {
				f.GroupState, f.Effect = nil, nil
			}
		})
	}
	if _, err := m.Apply(f, "sha256:any"); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestIndexAndFilterChangeNoDecision(t *testing.T) {
	const perProgram, rules = 1_000, 9
	var matched, undecided, left, cuts int
	total := (*differential + perProgram - 1) / perProgram * perProgram
	for program := range total / perProgram {
		r := newMaker(21, uint64(program))
		p := diagnose(t, r.rules(rules)...)
		in, own := p.newInstance(), p.acquire()
		in.box.whole = []int{maxDecisionSteps, maxDecisionSteps, 160, 60}[program%4]
		own.box.whole = in.box.whole
		p.release(own)
		for range perProgram {
			m, now := r.memory(t), at(time.Duration(r.IntN(9))*250*time.Millisecond)
			if r.IntN(10) == 0 {
				m.aside["rule_007"] = p.version
			}
			want, got := decideByEvaluator(t, p, in, now, m), must(p.Decide(now, m))
			if string(got.Encode()) != string(want.Encode()) {
				t.Fatalf("program %d: decision\n%s\nof the evaluator alone\n%s\non %+v", program, got.Encode(), want.Encode(), m.fact)
			}
			matched, undecided = matched+len(got.Matched), undecided+len(got.Undecided)
			if got.Cut != "" {
				cuts++
			}
			in.box.fill(situation{now, m.fact, m})
			for l := range p.strata {
				for range in.survivors(p, &p.strata[l]) {
					left++
				}
			}
			in.box.clear()
		}
	}
	if all := total * rules; matched < all/20 || undecided < all/20 || cuts == 0 || left > matched+undecided+all/4 {
		t.Errorf("of %d rules %d matched, %d were undecided, %d were left to the evaluator: the facts say too little", all, matched, undecided, left)
	}
}

// TestCertainWordsAreKnown holds the index to what it builds on.
func TestCertainWordsAreKnown(t *testing.T) {
	r := maker{rand.New(rand.NewPCG(23, 24))}
	for range 2_000 {
		s := situation{now: at(time.Second), mem: r.memory(t)}
		s.fact = s.mem.fact
		for _, w := range fields {
			if w.certain && !w.field(&s).known {
				t.Fatalf("%s is unknown on %+v", w.Name, s.fact)
			}
		}
	}
}
