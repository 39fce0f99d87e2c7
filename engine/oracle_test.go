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
	"github.com/hyperjumptech/grule-rule-engine/ast"
	"github.com/hyperjumptech/grule-rule-engine/builder"
	stock "github.com/hyperjumptech/grule-rule-engine/engine"
	"github.com/hyperjumptech/grule-rule-engine/pkg"
)

// The situation as the stock engine is given it: structs that it reads by
// reflection.
type (
	stockFact struct {
		Kind, State, Member, Tier, Shift string
		Evidence, Threshold, Margin      float64
		ForSeconds                       float64
		Ticks, Epochs                    int64
		scores                           map[string]float64
	}
	stockContext struct {
		Members, Present, AlarmedMembers int64
		QuietSeconds                     float64
	}
	stockOut struct{ hits []string }
)

func (f *stockFact) Score(metric string) float64 { return f.scores[metric] }
func (o *stockOut) Hit(rule string)              { o.hits = append(o.hits, rule) }

var oracleFacts = flag.Int("oracle", 720, "generated facts that the driver and the stock engine decide upon")

// oracle runs rules as the stock engine does, with what makes it repeatable:
// unique saliences, strict errors, each rule once.
type oracle struct {
	kb     *ast.KnowledgeBase
	engine *stock.GruleEngine
}

func newOracle(t *testing.T, conditions []string) *oracle {
	t.Helper()
	var text strings.Builder
	for i, when := range conditions {
		fmt.Fprintf(&text, "rule rule_%03d salience %d { when %s then Out.Hit(\"rule_%03d\"); Retract(\"rule_%03d\"); }\n", i, len(conditions)-i, when, i, i)
	}
	lib := ast.NewKnowledgeLibrary()
	if err := builder.NewRuleBuilder(lib).BuildRuleFromResource("oracle", "1", pkg.NewBytesResource([]byte(text.String()))); err != nil {
		t.Fatal(err)
	}
	kb, err := lib.NewKnowledgeBaseInstance("oracle", "1")
	if err != nil {
		t.Fatal(err)
	}
	return &oracle{kb, &stock.GruleEngine{MaxCycle: uint64(len(conditions) + 1), ReturnErrOnFailedRuleEvaluation: true}}
}

func (o *oracle) matches(t *testing.T, f *facts.Fact, m *Memory, now time.Time) []string {
	t.Helper()
	sf := &stockFact{Kind: string(f.Kind), State: string(f.State), Member: f.Member, Tier: f.Evidence.Tier, Shift: f.GroupState.Shift,
		Evidence: f.Evidence.Score.Float(), Threshold: f.Evidence.Threshold.Float(), Margin: f.Evidence.Score.Float() / f.Evidence.Threshold.Float(),
		ForSeconds: f.Time.Sub(f.Onset.Time).Seconds(), Ticks: int64(f.Evidence.Ticks), Epochs: int64(f.Evidence.Epochs), scores: map[string]float64{}}
	for _, e := range f.Effect {
		sf.scores[e.Metric] = e.Score.Float()
	}
	out := &stockOut{}
	dc := ast.NewDataContext()
	for name, v := range map[string]any{"F": sf, "Out": out, "C": &stockContext{Members: int64(m.members), Present: int64(m.present),
		AlarmedMembers: int64(m.alarmed(now)), QuietSeconds: m.quietFor(now).Seconds()}} {
		if err := dc.Add(name, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.engine.Execute(dc, o.kb); err != nil {
		t.Fatal(err)
	}
	return out.hits
}

// randomCondition returns a condition over the words that both engines read,
// with bounds that the random facts sit on.
func randomCondition(r *rand.Rand, depth int) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	if depth > 0 && r.IntN(3) > 0 {
		op, parts := pick(" && ", " && ", " || "), []string{}
		for range 2 + r.IntN(2) {
			parts = append(parts, randomCondition(r, depth-1))
		}
		return pick("(", "(", "(", "!(") + strings.Join(parts, op) + ")"
	}
	number := pick("F.Evidence", "F.Threshold", "F.Margin", "F.ForSeconds", "F.Ticks", "F.Epochs", "C.Members", "C.AlarmedMembers",
		"C.QuietSeconds", `F.Score("request_rate")`, `F.Score("bytes_per_request")`, `F.Score("nothing")`)
	switch r.IntN(8) {
	case 0:
		return pick(`F.State == "alarm"`, `F.State != "clear"`, `F.Tier == "T1"`, `F.Shift != "none"`, `F.Member == "web-01"`)
	case 1:
		return pick("F.Ticks", "F.Epochs", "C.Members") + pick(" == ", " != ") + fmt.Sprint(r.IntN(6))
	case 2:
		return fmt.Sprintf("%s * %d - 1 %s %s + 0.25", number, r.IntN(4), pick("<", "<=", ">", ">="), pick("F.Evidence", "F.Ticks"))
	case 3:
		return fmt.Sprintf("%s / %d %s %g", number, 1+r.IntN(3), pick("<", "<=", ">", ">="), float64(r.IntN(17))/4-2)
	}
	return fmt.Sprintf("%s %s %g", number, pick("<", "<=", ">", ">="), float64(r.IntN(33))/4-4)
}

func TestDriverAgreesWithTheStockEngine(t *testing.T) {
	const versions, perVersion = 6, 25
	decisions := max(*oracleFacts/versions, 1)
	random := rand.New(rand.NewPCG(7, 8))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	quarter := func(n int) facts.Decimal { return facts.Number(float64(random.IntN(n)) / 4) }
	matched := 0
	for range versions {
		conditions := make([]string, perVersion)
		rules := make([]Source, perVersion)
		for i := range conditions {
			conditions[i] = randomCondition(random, 2)
			rules[i] = source(fmt.Sprintf("rule_%03d", i), perVersion-i, conditions[i], `Note("x");`)
		}
		p, o := mustCompile(t, rules...), newOracle(t, conditions)
		for range decisions {
			f := alarm(pick("web-01", "web-02"), func(f *facts.Fact) {
				f.State = facts.State(pick("alarm", "clear", "watch"))
				f.Evidence.Score = quarter(17)
				f.Evidence.Threshold = facts.Number(1 + float64(random.IntN(12))/4)
				f.Evidence.Ticks, f.Evidence.Epochs, f.Evidence.Tier = random.IntN(6), random.IntN(6), pick("T1", "T2")
				f.GroupState.Members, f.GroupState.Present, f.GroupState.Alarmed = random.IntN(6)+1, 1, random.IntN(3)
				f.GroupState.Shift = pick("none", "up")
				f.Onset = facts.At(at(-time.Duration(random.IntN(20)) * 250 * time.Millisecond))
				f.Effect[0].Score, f.Effect[1].Score = quarter(17), "-"+facts.Number(0.25+float64(random.IntN(16))/4)
			})
			now := at(time.Duration(random.IntN(12)) * 250 * time.Millisecond)
			m := NewMemory("test", "web", Act)
			apply(t, m, f)
			var got []string
			for _, x := range must(p.Decide(now, m)).Matched {
				got = append(got, x.Rule)
			}
			want := o.matches(t, &f, m, now)
			if len(want) > maxListed {
				want = want[:maxListed]
			}
			if !slices.Equal(got, want) {
				t.Fatalf("matched %v\nthe stock engine: %v\nrules %q", got, want, conditions)
			}
			matched += len(got)
		}
	}
	if all := versions * perVersion * decisions; matched < all/20 || matched > all*19/20 {
		t.Errorf("%d of %d matched: the conditions say too little", matched, all)
	}
}
