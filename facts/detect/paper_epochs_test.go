package detect

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The claims of T2 to T6, which rest on whole epochs. Those of T1 and of the
// score are in paper_test.go.

// peakLaws are laws of the peak of member i: four for alike members, and one
// in which each has a scale of its own.
func peakLaws(rng *rand.Rand) map[string]func(i int) float64 {
	out := map[string]func(int) float64{}
	for name, draw := range laws(rng) {
		out[name] = func(int) float64 { return 10 + draw() }
	}
	out["own scales"] = func(i int) float64 { return float64(i+1) * math.Exp(rng.NormFloat64()) }
	return out
}

// T2: the pooled p-value is super-uniform when rows and columns may be permuted,
// the member's own when columns may. Members of scales of their own break
// the first for the widest, and not the second.
func TestT2IsSuperUniformUnderItsOwnInvariance(t *testing.T) {
	const n, m, tried, alpha = 5, 19, 2000, 0.05
	rng := rand.New(rand.NewPCG(51, 52))
	laws := peakLaws(rng)
	for _, name := range slices.Sorted(maps.Keys(laws)) {
		draw, pooled, own := laws[name], 0, 0
		for try := range tried {
			history := cellsOf(m, n, draw)
			now := cellsOf(1, n, draw)[0]
			for i := range now {
				now[i].tie = tie("now", now[i].member, int64(try))
			}
			c := now[n-1]
			if pooledP(history, now, c) <= alpha {
				pooled++
			}
			if selfP(history, c) <= alpha {
				own++
			}
		}
		limit := alpha*tried + 4*math.Sqrt(alpha*tried)
		if float64(own) > limit {
			t.Errorf("%s: the member's own p ≤ %v in %d of %d, want at most %.0f", name, alpha, own, tried, limit)
		}
		if alike := name != "own scales"; alike != (float64(pooled) <= limit) {
			t.Errorf("%s: pooled p ≤ %v in %d of %d, where %.0f is the limit of alike members", name, alpha, pooled, tried, limit)
		}
	}
}

// T2: the test of likeness keeps its level for alike members that have load in
// common, and sends members that differ to their own p-values.
func TestT2MembersAreComparedBeforeTheyArePooled(t *testing.T) {
	const n, m, tried, level = 4, 40, 400, 0.05
	rng := rand.New(rand.NewPCG(53, 54))
	alike, different := 0, 0
	for range tried {
		var common float64
		i := 0
		draw := func(int) float64 {
			if i%n == 0 {
				common = rng.NormFloat64()
			}
			i++
			return common + rng.NormFloat64()
		}
		if compareMembers(cellsOf(m, n, draw))[0].p <= level {
			alike++
		}
		if compareMembers(cellsOf(m, n, func(i int) float64 { return math.Exp(rng.NormFloat64()) * float64(1+i) }))[0].p <= level {
			different++
		}
	}
	if limit := level*tried + 4*math.Sqrt(level*tried); float64(alike) > limit {
		t.Errorf("alike members differ in %d of %d groups, want at most %.0f", alike, tried, limit)
	}
	if different < tried*9/10 {
		t.Errorf("members of scales 1 to %d differ in %d of %d groups, want nine in ten", n, different, tried)
	}
}

// T3: the rank among a growing reference is uniform and independent of those
// before it; so P(alarm in T epochs) ≤ T/A. A reference that stays as it was
// breaks the bound: all ranks share its luck.
func TestT3NeedsAReferenceThatGrows(t *testing.T) {
	const reference, steps, mean, tried = 20, 200, 4000, 1500
	const bound = float64(steps) / mean
	rng := rand.New(rand.NewPCG(55, 56))
	frozen, online := 0, 0
	for range tried {
		q := &sequential{mean: mean, members: []sequence{{member: "m"}}}
		s := &q.members[0]
		for range reference {
			s.reference = append(s.reference, rng.Float64())
		}
		slices.Sort(s.reference)
		before := slices.Clone(s.reference)
		var r [betCount]float64
		frozenAlarm, onlineAlarm := false, false
		for range steps {
			p := peak{rng.Float64(), rng.Uint64()}
			_, above := place(before, p)
			for b, e := range q.bets.place(above+1, reference+1) {
				r[b] = (1 + r[b]) * e
			}
			frozenAlarm = frozenAlarm || meanOf(r) >= mean
			q.bet(s, p)
			onlineAlarm = onlineAlarm || q.worst().alarm()
		}
		if frozenAlarm {
			frozen++
		}
		if onlineAlarm {
			online++
		}
	}
	noise := 4 * math.Sqrt(bound*tried)
	if got := float64(online); got > bound*tried+noise {
		t.Errorf("growing reference: %v of %d alarmed within %d epochs, want at most the share %v", got, tried, steps, bound)
	}
	if got := float64(frozen); got < bound*tried+noise {
		t.Errorf("frozen reference: %v of %d alarmed within %d epochs: it keeps the bound %v, and need not be avoided", got, tried, steps, bound)
	}
}

// runLength returns the number of epochs to an alarm, at most limit.
func runLength(q *sequential, limit int, epoch func() []memberPeak) int {
	for e := 1; e < limit; e++ {
		q.observe(epoch())
		if q.worst().alarm() {
			return e
		}
	}
	return limit
}

// T3: the mean time to a false alarm is at least A epochs, for one member and
// for several, however they depend on each other, ties included.
func TestT3KeepsItsMeanRunLength(t *testing.T) {
	const mean, tried = 20, 400
	rng := rand.New(rand.NewPCG(57, 58))
	for _, tt := range []struct {
		name  string
		epoch func() []memberPeak
	}{
		{"one member", func() []memberPeak { return []memberPeak{{"a", peak{rng.NormFloat64(), rng.Uint64()}}} }},
		{"one member with ties", func() []memberPeak { return []memberPeak{{"a", peak{float64(rng.IntN(3)), rng.Uint64()}}} }},
		{"independent members", func() []memberPeak {
			return []memberPeak{{"a", peak{rng.NormFloat64(), 0}}, {"b", peak{rng.NormFloat64(), 0}}, {"c", peak{rng.NormFloat64(), 0}}}
		}},
		{"members that do the same", func() []memberPeak {
			x := rng.NormFloat64()
			return []memberPeak{{"a", peak{x, 0}}, {"b", peak{x, 0}}, {"c", peak{-x, 0}}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sum, squares := 0.0, 0.0
			for range tried {
				l := float64(runLength(&sequential{mean: mean}, 20*mean, tt.epoch))
				sum, squares = sum+l, squares+l*l
			}
			got := sum / tried
			se := math.Sqrt((squares/tried - got*got) / tried)
			if got+4*se < mean {
				t.Errorf("mean run length %.1f ± %.1f epochs, want at least %d", got, se, mean)
			}
		})
	}
}

// T3: a member's rank is independent of its own past, not of the others'. With
// the peaks of two members in any order of (1,1), (2,2), (3,0), an order of the
// first two epochs that the second member shares tells the rank of the first
// in the third: an average of e-detectors would not be one.
func TestT3RanksOfOneMemberDependOnThePastOfOthers(t *testing.T) {
	bag := [][2]float64{{1, 1}, {2, 2}, {3, 0}}
	largest, agreeing := 0, 0
	for _, order := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		x, y, z := bag[order[0]], bag[order[1]], bag[order[2]]
		if (x[0] < y[0]) == (x[1] < y[1]) {
			agreeing++
			if z[0] > max(x[0], y[0]) {
				largest++
			}
		}
	}
	if agreeing == 0 || largest != agreeing {
		t.Errorf("the first member is largest in %d of %d epochs after an agreement, want all: a third were independence", largest, agreeing)
	}
}

// T3: multiplied tick by tick on data that is autocorrelated, the same evidence
// alarms far more often than it claims. This is the mistake that epochs avoid.
func TestT3FailsOnTicks(t *testing.T) {
	const mean, tried = 2000, 40
	rng := rand.New(rand.NewPCG(59, 60))
	sum := 0
	for range tried {
		x := rng.NormFloat64()
		sum += runLength(&sequential{mean: mean}, mean, func() []memberPeak {
			const acf = 0.93 // of residuals of real servers at five minutes
			x = acf*x + math.Sqrt(1-acf*acf)*rng.NormFloat64()
			return []memberPeak{{"a", peak{math.Abs(x), rng.Uint64()}}}
		})
	}
	if got := float64(sum) / tried; got > mean/5 {
		t.Errorf("mean run length %.0f ticks, claimed %d: autocorrelation does no harm, and T3 need not wait for epochs", got, mean)
	}
}

// T4: with confidence 1−delta the true rate, given the calibration, is at most
// the one assured; and no less often than that, for the bound is exact.
func TestT4HoldsGivenTheCalibration(t *testing.T) {
	const tried, delta = 4000, 0.05
	rng := rand.New(rand.NewPCG(61, 62))
	for _, mk := range [][2]int{{20, 1}, {60, 1}, {100, 3}, {200, 10}} {
		m, k := mk[0], mk[1]
		above := 0
		for range tried {
			h := &epochs{}
			for range m {
				h.add(peak{1 + rng.Float64(), rng.Uint64()}, nil) // U(1, 2): the true rate of a threshold c is 2 − c
			}
			c := h.threshold(float64(k)/float64(m+1), false)
			if 2-c.score > assured(m, k, delta) {
				above++
			}
		}
		if !within(above, tried, delta) {
			t.Errorf("m = %d, k = %d: the rate is above the one assured in %d of %d calibrations, want the share %v", m, k, above, tried, delta)
		}
	}
}

// T5: |excesses/T − alpha| ≤ (B + η)/(η·T) at every T, for any sequence,
// chosen by one who sees the threshold too.
func TestT5BoundsAnySequence(t *testing.T) {
	rng := rand.New(rand.NewPCG(63, 64))
	for _, tt := range []struct {
		name string
		next func(b *budget, e int) float64
	}{
		{"always just above", func(b *budget, _ int) float64 { return math.Exp(b.q) * 1.01 }},
		{"always just below", func(b *budget, _ int) float64 { return math.Exp(b.q) * 0.99 }},
		{"always infinite", func(*budget, int) float64 { return math.Inf(1) }},
		{"always nothing", func(*budget, int) float64 { return 0 }},
		{"no numbers", func(*budget, int) float64 { return math.NaN() }},
		{"lulls and storms", func(_ *budget, e int) float64 { return math.Exp(float64(e / 300 % 2 * 20)) }},
		{"growing without end", func(_ *budget, e int) float64 { return math.Pow(1.1, float64(e)) }},
		{"noise", func(*budget, int) float64 { return math.Exp(3 * rng.NormFloat64()) }},
		{"above while it is low", func(b *budget, _ int) float64 {
			if b.q < 4 {
				return math.Inf(1)
			}
			return 0
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, alpha := range []float64{0.1, 0.01, 0.5} {
				b := &budget{alpha: alpha}
				for e := range 4000 {
					b.observe(tt.next(b, e))
					share := float64(b.excesses) / float64(b.epochs)
					slack := (budgetCeiling + budgetStep) / (budgetStep * float64(b.epochs))
					if math.Abs(share-alpha) > slack+1e-9 || share > b.bound()+1e-9 {
						t.Fatalf("alpha %v, epoch %d: share %v, want within %v", alpha, e, share, slack)
					}
				}
			}
		})
	}
}

// T6: e-BH keeps the false discovery rate under any dependence, of which these
// are the extremes: all healthy groups share one peak, or exclude each other.
func TestT6KeepsTheFalseDiscoveryRate(t *testing.T) {
	const groups, sick, m, fdr, tried = 10, 3, 999, 0.1, 3000
	rng := rand.New(rand.NewPCG(65, 66))
	var b bets
	for _, tt := range []struct {
		name string
		rank func(i int, common int) int
	}{
		{"all the same", func(_, common int) int { return common }},
		{"independent", func(int, int) int { return 1 + rng.IntN(m+1) }},
		{"one after the other", func(i, common int) int { return 1 + (common+i*(m+1)/groups)%(m+1) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := make([]float64, groups)
			proportion, found := 0.0, 0
			for range tried {
				common := 1 + rng.IntN(m+1)
				for i := range e {
					rank := tt.rank(i, common)
					if i < sick {
						rank = 1
					}
					e[i] = b.mean(rank, m+1)
				}
				rejected, err := Discoveries(e, fdr)
				if err != nil {
					t.Fatal(err)
				}
				wrong := 0
				for _, i := range rejected {
					if i >= sick {
						wrong++
					}
				}
				found += len(rejected) - wrong
				proportion += float64(wrong) / float64(max(1, len(rejected)))
			}
			if got := proportion / tried; got > fdr+4*math.Sqrt(fdr/tried) {
				t.Errorf("false discovery rate %.3f, want at most %v", got, fdr)
			}
			if found != sick*tried {
				t.Errorf("%d sick groups found in %d looks, want all %d at each: a rate of zero is no feat otherwise", found, tried, sick)
			}
		})
	}
}

// Partial null: with three members a healthy one is compared with the middle
// of one healthy and one sick, sees half of the deviation, and is still not
// taken for the sick one; of n ≥ 4 the median bears ⌊(n−2)/2⌋ sick.
func TestPartialNullLeavesTheRightMemberOnTop(t *testing.T) {
	const off = 10.0
	for n := 3; n <= 12; n++ {
		for sick := 1; sick <= max(1, (n-2)/2); sick++ {
			y := make([]float64, n)
			for i := range sick {
				y[i] = off
			}
			m := middleOf(slices.Clone(y))
			for i := range y {
				got, want := math.Abs(y[i]-m.without(y[i])), 0.0
				switch {
				case i < sick:
					want = off
				case n == 3:
					want = off / 2
				}
				if got != want {
					t.Errorf("n = %d, %d sick: the residual of member %d is %v, want %v", n, sick, i, got, want)
				}
			}
		}
	}
}
