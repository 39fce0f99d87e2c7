package detect

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestBudgetExceeds(t *testing.T) {
	for _, tt := range []struct {
		name string
		q    float64
		peak float64
		want bool
	}{
		{"above", 1, 3, true},
		{"below", 1, 2.7, false},
		{"health is not above nothing", 0, 1, false},
		{"but above less than nothing", -0.001, 0, true},
		{"a peak that is no number is none", 0, math.NaN(), false},
		{"the ceiling is let pass", budgetCeiling, math.Inf(1), false},
		{"just below the ceiling", 7.99, math.Inf(1), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := budget{alpha: 0.1, q: tt.q}
			if got := b.exceeds(tt.peak); got != tt.want {
				t.Errorf("exceeds(%v) at q = %v: %v, want %v", tt.peak, tt.q, got, tt.want)
			}
		})
	}
}

func TestBudgetMovesByItsRule(t *testing.T) {
	b := budget{alpha: 0.1}
	if b.bound() != 1 {
		t.Errorf("bound() = %v before the first epoch, want 1", b.bound())
	}
	b.observe(10)
	if b.q != 0.45 || b.excesses != 1 || b.epochs != 1 {
		t.Errorf("after an excess %+v, want q = 0.45", b)
	}
	b.observe(1)
	if math.Abs(b.q-0.4) > 1e-12 || b.excesses != 1 || b.epochs != 2 {
		t.Errorf("after a quiet epoch %+v, want q = 0.4", b)
	}
	b.epochs = 1700
	if got, want := b.bound(), 0.1+8.5/850; math.Abs(got-want) > 1e-12 {
		t.Errorf("bound() = %v after 1700 epochs, want %v", got, want)
	}
}

// simulated returns how many epochs the detector's own combination of T1 and T5
// alarms in, and T1 alone would, for peaks of which the first keep are learnt from
// only; and in how many it could.
func simulated(alpha float64, keep, count int, draw func(e int) peak) (both, t1, armed int) {
	x := test{history: epochs{keep: keep}, budget: &budget{}}
	for e := range count {
		p := draw(e)
		over, able := p.exceeds(x.limit, 1), x.history.len() >= keep
		if able {
			armed++
			if over {
				t1++
			}
			if x.exceeds(p, 1) {
				both++
			}
		}
		x.weigh(p.score, 1)
		x.learn(lesson{start: int64(e), whole: p, armed: able, above: x.above})
		x.clear()
		x.relearn(alpha, false)
	}
	return both, t1, armed
}

// A test that keeps its rate loses few of its alarms to the budget.
func TestBudgetCostsATestInHealthLittle(t *testing.T) {
	const alpha, epochs = 0.05, 60_000
	for _, tt := range []struct {
		name string
		draw func(rng *rand.Rand) float64
	}{
		{"light tails", func(rng *rand.Rand) float64 { return 1 + rng.Float64() }},
		{"exponential tails", func(rng *rand.Rand) float64 { return 3 + rng.ExpFloat64() }},
		{"heavy tails", func(rng *rand.Rand) float64 { return math.Exp(rng.NormFloat64()) }},
	} {
		for _, keep := range []int{2 / alpha, 100 / alpha} {
			rng := rand.New(rand.NewPCG(71, 72))
			both, t1, armed := simulated(alpha, keep, keep+epochs, func(int) peak { return peak{tt.draw(rng), rng.Uint64()} })
			if armed != epochs || float64(both) > float64(t1) || float64(both) < 0.95*float64(t1) {
				t.Errorf("%s, history of %d epochs: %d alarms with the budget, %d without, in %d; want at least 95 %%", tt.name, keep, both, t1, armed)
			}
			if ratio := float64(t1) / (alpha * epochs); math.Abs(ratio-1) > 0.05 {
				t.Errorf("%s, history of %d epochs: realised/nominal %.3f without the budget, want 1", tt.name, keep, ratio)
			}
		}
	}
}

// A threshold that changes within an epoch hides no alarm from the budget.
func TestBudgetSeesAlarmsUnderEveryThreshold(t *testing.T) {
	x := test{limit: peak{score: 1}, budget: &budget{alpha: 0.1}}
	x.weigh(2, 1) // an alarm
	x.limit.score = 3
	x.weigh(2.5, 1) // none any more
	x.learn(lesson{armed: true, above: x.above})
	if x.budget.excesses != 1 {
		t.Errorf("%d excesses, want the alarm under the first threshold", x.budget.excesses)
	}
	if x.clear(); x.above != 0 {
		t.Errorf("the next epoch begins with %v, want nothing", x.above)
	}
}

func TestBudgetOfATestWithAThreshold(t *testing.T) {
	const c = 1.7
	b := budget{alpha: 0.01}
	excesses := 0
	for e := range 40 { // above its threshold by a half, again and again
		if b.threshold(c) > c && excesses < budgetSlack/budgetStep {
			t.Fatalf("epoch %d: the threshold is raised to %v after %d alarms, want the slack of 12 used up first", e, b.threshold(c), excesses)
		}
		if got, want := b.exceeds(above(1.5*c, c)), 1.5*c > b.threshold(c); got != want {
			t.Fatalf("epoch %d: a peak of %v passes: %v, at the threshold %v", e, 1.5*c, got, b.threshold(c))
		}
		if b.exceeds(above(1.5*c, c)) {
			excesses++
		}
		b.observe(above(1.5*c, c))
	}
	if excesses < 12 || excesses > 14 {
		t.Errorf("%d alarms of 40, want them stopped after the slack", excesses)
	}
	if b.q = budgetCeiling; !math.IsInf(b.threshold(c), 1) || b.exceeds(above(math.Inf(1), c)) {
		t.Errorf("used up, the threshold is %v, want +Inf", b.threshold(c))
	}
	for _, peak := range []float64{0, 1.69, math.NaN()} {
		if got := above(peak, c); got != 0 {
			t.Errorf("above(%v, %v) = %v, want 0: it is below", peak, c, got)
		}
	}
	if got := above(0, 0); got != 0 {
		t.Errorf("above(0, 0) = %v, want 0: there was nothing", got)
	}
	if math.Abs(math.Log(above(c, c))-budgetSlack) > 1e-9 {
		t.Errorf("above(%v, %v) = %v, want e^%d", c, c, above(c, c), budgetSlack)
	}
}
