package detect

import (
	"math"
	"slices"
)

// Score is what the peer statistic says of one member at one tick.
type Score struct {
	Member string
	U      float64 // the score that is tested: dimensionless, 1 about the 99 % point of a tick in health
	S      float64 // the largest statistic of its windows, before it is taken against the group's spread
}

// Scores appends to out the scores of the members that the last frame was
// judged on, sorted by name; none while nothing is judged.
// Cost: O(n), no allocation when out has room.
func (d *Detector) Scores(out []Score) []Score {
	if d.judge == nil {
		return out
	}
	for _, i := range d.group.byName {
		m := d.group.members[i]
		if !m.scored {
			continue
		}
		s := Score{Member: m.name, U: m.u}
		for _, v := range m.stat {
			if v > s.S { // false for the NaN of a window that is not full
				s.S = v
			}
		}
		out = append(out, s)
	}
	return out
}

// Tally counts how often a test that promises a rate alarmed in health.
type Tally struct{ Tests, Alarms int }

// Add adds o to t.
func (t *Tally) Add(o Tally) { t.Tests, t.Alarms = t.Tests+o.Tests, t.Alarms+o.Alarms }

// Rate is the realised rate of alarms, 0 to 1; NaN without a test.
func (t Tally) Rate() float64 { return float64(t.Alarms) / float64(t.Tests) }

// SlidingT1 tests every epoch of one member against all of its own epochs
// before, from the first at which alpha, in (0, 1), can be certified:
// m ≥ 1/alpha − 1 of them. peaks are those of its epochs, oldest first, NaN
// where it was not scored; only epochs with counted, of the same length, are
// tallied, all when it is nil. An epoch alarms when its peak exceeds the
// ⌈(1−alpha)(m+1)⌉-th smallest of those before. Cost: O(m²) moves.
//
// It is T1 (see Thresholds in the package documentation) for each member by itself: the realised
// rate is at most alpha when its epochs are exchangeable, and tells how far they
// are from that on recordings.
func SlidingT1(peaks []float64, counted []bool, alpha float64) Tally {
	return selfT1(peaks, counted, alpha, math.MaxInt)
}

// FrozenT1 is [SlidingT1] with a calibration that ends with the first epochs:
// what is promised when nothing is learnt afterwards. Epochs among the first
// are not tallied.
func FrozenT1(peaks []float64, counted []bool, alpha float64, first int) Tally {
	return selfT1(peaks, counted, alpha, first)
}

// selfT1 learns from at most the first epochs, and tallies those after them, or
// all when they never end.
func selfT1(peaks []float64, counted []bool, alpha float64, first int) Tally {
	var t Tally
	var past []float64 // ascending
	for e, p := range peaks {
		if math.IsNaN(p) {
			continue
		}
		frozen := len(past) >= first
		if rank, ok := rankT1(alpha, len(past)); ok && (frozen || first == math.MaxInt) && (counted == nil || counted[e]) {
			t.Tests++
			if p > past[rank-1] {
				t.Alarms++
			}
		}
		if !frozen {
			at, _ := slices.BinarySearch(past, p)
			past = slices.Insert(past, at, p)
		}
	}
	return t
}

// rankT1 returns ⌈(1−alpha)(m+1)⌉, and whether there are as many epochs.
func rankT1(alpha float64, m int) (int, bool) {
	const rounding = 1e-9
	rank := int(math.Ceil((1-alpha)*float64(m+1) - rounding))
	return rank, rank >= 1 && rank <= m
}

// SampleProduct runs what this package does not: it ranks every sample of one
// member's scores among the first reference of them, bets on the rank, and
// multiplies the bets sample by sample as a Shiryaev-Roberts e-detector that
// begins anew after an alarm, which it gives at claim,
//
//	R ← (1 + R)·e,  alarm at R ≥ claim.
//
// Were samples independent of each other there would be at least claim of them
// to an alarm, on average. The samples of servers are not, and there are far
// fewer: that is why evidence is multiplied over epochs only. The tally counts
// samples after the reference; NaN are left out.
// Cost: O(log reference) a sample.
func SampleProduct(scores []float64, reference int, claim float64) Tally {
	var t Tally
	var b bets
	var first []float64
	r := 0.0
	for _, s := range scores {
		switch {
		case math.IsNaN(s):
		case len(first) < reference:
			if first = append(first, s); len(first) == reference {
				slices.Sort(first)
			}
		default:
			below, _ := slices.BinarySearch(first, s)
			t.Tests++
			if r = (1 + r) * b.mean(reference-below+1, reference+1); r >= claim {
				t.Alarms++
				r = 0
			}
		}
	}
	return t
}

// BudgetT5 runs the alert budget of one member over the peaks of its epochs,
// NaN left out, and returns how often it alarmed and the rate that it promises
// not to pass after so many epochs, whatever they were like:
//
//	alpha + (B + η)/(η·T), B = 8, η = 1/2.
func BudgetT5(peaks []float64, alpha float64) (Tally, float64) {
	b := budget{alpha: alpha}
	for _, p := range peaks {
		if !math.IsNaN(p) {
			b.observe(p)
		}
	}
	return Tally{Tests: b.epochs, Alarms: b.excesses}, b.bound()
}
