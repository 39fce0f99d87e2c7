package detect

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

func TestBetsHaveMeanOne(t *testing.T) {
	var b bets
	for _, of := range []int{1, 2, 3, 10, 251, 1024} { // grows, and is asked again
		var sum [betCount]float64
		for rank := 1; rank <= of; rank++ {
			for i, e := range b.place(rank, of) {
				if e < 0 {
					t.Fatalf("place(%d, %d): bet %d is %v, want none below 0", rank, of, i, e)
				}
				sum[i] += e / float64(of)
			}
		}
		for i, s := range sum {
			if math.Abs(s-1) > 1e-9 {
				t.Errorf("bet %d has mean %v over the ranks of %d, want 1", i, s, of)
			}
		}
	}
	if got := b.mean(1, 1); got != 1 {
		t.Errorf("mean(1, 1) = %v, want 1: a first peak is no evidence", got)
	}
	if first, last := b.mean(1, 100), b.mean(100, 100); first < 15 || last > 0.5 {
		t.Errorf("the largest of 100 gives %v and the smallest %v, want more than 15 and less than 0.5", first, last)
	}
}

func TestPlaceAmongTies(t *testing.T) {
	reference := []float64{1, 2, 2, 2, 5, math.Inf(1)}
	const half = 1 << 63
	for _, tt := range []struct {
		name      string
		p         peak
		at, above int
	}{
		{"below all", peak{0.5, half}, 0, 6},
		{"between", peak{3, half}, 4, 2},
		{"above the finite", peak{9, half}, 5, 1},
		{"a tie that the hash puts on top", peak{2, 0}, 1, 2},
		{"in the middle", peak{2, half}, 1, 4},
		{"at the bottom", peak{2, math.MaxUint64}, 1, 5},
		{"infinite peaks are ties too", peak{math.Inf(1), 0}, 5, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if at, above := place(reference, tt.p); at != tt.at || above != tt.above {
				t.Errorf("place(%v) = %d, %d, want %d, %d", tt.p, at, above, tt.at, tt.above)
			}
		})
	}
}

// epochOf returns an epoch in which every member has the given score.
func epochOf(e int, scores ...float64) []memberPeak {
	var out []memberPeak
	for i, s := range scores {
		name := fmt.Sprintf("m%d", i)
		out = append(out, memberPeak{name, peak{s, tie("web", name, int64(e))}})
	}
	return out
}

func TestSequentialNamesTheMemberThatCreeps(t *testing.T) {
	q := &sequential{mean: 1000}
	hash := func(name string, e int) float64 { return float64(tie("x", name, int64(e))) / (1 << 63) } // uniform on 0 … 2
	e := 0
	for ; e < 60; e++ {
		q.observe(epochOf(e, hash("a", e), hash("b", e), hash("c", e)))
		if w := q.worst(); w.alarm() {
			t.Fatalf("epoch %d of health: alarm %+v", e, w)
		}
	}
	for ; !q.worst().alarm(); e++ { // higher than usual, never out of range
		if e > 90 {
			t.Fatalf("no alarm in 30 epochs in which m1 is in its own upper quarter: %+v", q.worst())
		}
		q.observe(epochOf(e, hash("a", e), 1.5+hash("b", e)/4, hash("c", e)))
	}
	w := q.worst()
	if w.member != "m1" || w.level != 6000 {
		t.Errorf("worst() = %+v, want m1 at the level 2·3·1000", w)
	}
	q.restart("m1")
	if w := q.worst(); w.alarm() || w.member == "m1" {
		t.Errorf("after a restart of m1 worst() = %+v, want no alarm and another member", w)
	}
	q.reset()
	if w := q.worst(); w.r != 0 || w.alarm() || w.level != 1000 {
		t.Errorf("after a reset worst() = %+v, want nothing", w)
	}
}

func TestSequentialWithoutPeaksStandsStill(t *testing.T) {
	q := &sequential{mean: 100}
	for e := range 20 {
		q.observe(epochOf(e, float64(e), 1))
	}
	before := q.worst()
	q.observe(nil)
	q.restart("nobody")
	if after := q.worst(); after != before || before.member != "m0" {
		t.Errorf("worst() = %+v, and %+v after an epoch without peaks, want the same of m0", before, after)
	}
}

func TestSequentialIsBounded(t *testing.T) {
	q := &sequential{mean: 10}
	for e := range 3 * maxReference {
		q.observe(epochOf(e, float64(e))) // the largest so far, for ever
		if n := len(q.members[0].reference); n > maxReference || !slices.IsSorted(q.members[0].reference) {
			t.Fatalf("epoch %d: reference of %d, want at most %d, ascending", e, n, maxReference)
		}
	}
	if w := q.worst(); math.IsInf(w.r, 0) || w.r < 1e99 {
		t.Errorf("evidence %v, want it large and finite", w.r)
	}
	q.reset()
	for e := range 3 { // names that come and go
		epoch := make([]memberPeak, facts.MaxMembers/2)
		for i := range epoch {
			epoch[i] = memberPeak{fmt.Sprintf("%d-%05d", e, i), peak{1, uint64(i)}}
		}
		q.observe(epoch)
	}
	if n := len(q.members); n != facts.MaxMembers/2 {
		t.Errorf("%d members, want %d: those since it began anew", n, facts.MaxMembers/2)
	}
}
