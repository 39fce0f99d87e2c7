package detect

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// historyOf returns epochs with the given peaks of the group; each has two
// members, one of them at the peak and one at half of it.
func historyOf(scores ...float64) *epochs {
	h := &epochs{}
	for i, s := range scores {
		h.add(peak{s, uint64(i)}, []memberPeak{{"m1", peak{s, uint64(i)}}, {"m2", peak{s / 2, uint64(i)}}})
	}
	return h
}

func TestThreshold(t *testing.T) {
	nine := []float64{3, 1, 4, 1.5, 9, 2, 6, 5, 3.5}
	for _, tt := range []struct {
		name   string
		scores []float64
		alpha  float64
		pool   bool
		want   float64
	}{
		{"one in m+1 is the largest", nine, 0.1, false, 9},
		{"two in m+1 the second", nine, 0.2, false, 6},
		{"a fraction is rounded to the strict side", nine, 0.29, false, 6},
		{"three tenths are three, whatever the rounding of 0.3", nine, 0.3, false, 5},
		{"what cannot be certified takes the largest", nine, 0.001, false, 9},
		{"one epoch", []float64{2}, 0.5, false, 2},
		{"pooled, the largest cell", nine, 0.1, true, 9},
		{"pooled, cells of members count too", []float64{8, 1, 1, 1, 1, 1, 1, 1, 1}, 0.3, true, 1},
		{"pooled is never below", nine, 0.5, true, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := historyOf(tt.scores...).threshold(tt.alpha, tt.pool); got.score != tt.want {
				t.Errorf("threshold(%v, %v) = %v, want %v", tt.alpha, tt.pool, got.score, tt.want)
			}
		})
	}
}

func TestCertifies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		scores []float64
		want   float64
	}{
		{"nothing", nil, 1},
		{"one in m+1", []float64{1, 2, 3}, 0.25},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, pool := range []bool{false, true} {
				if got := historyOf(tt.scores...).certifies(pool); got != tt.want {
					t.Errorf("certifies(%v) = %v, want %v", pool, got, tt.want)
				}
			}
		})
	}
	h := &epochs{}
	for i := range 9 {
		h.add(peak{float64(i), 0}, make([]memberPeak, maxCells/2))
	}
	if a, b := h.certifies(false), h.certifies(true); a != 0.1 || b != 1.0/3 {
		t.Errorf("certified %v, pooled %v of 9 epochs of which 2 have cells, want 1/10 and 1/3", a, b)
	}
}

// The order of a history is that of its peaks, however they came and went, with
// ties and without.
func TestOrderOfAHistoryIsThatOfItsPeaks(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 62))
	h := &epochs{keep: 40}
	for e := range 300 {
		p := peak{float64(rng.IntN(20)), uint64(rng.IntN(3))}
		cells := []memberPeak{{"m1", p}, {"m2", peak{p.score / 2, 1}}}
		before := h.cells
		first := slices.Clone(slices.Concat(before...))
		h.addAt(int64(e), p, cells)
		if rng.IntN(9) == 0 {
			h.forget(int64(e-20), int64(e-10), rng.IntN(2) == 0)
			h.recall(int64(e-15), int64(e-5))
		}
		if !slices.Equal(h.order, slices.SortedFunc(slices.Values(h.whole), peak.compare)) {
			t.Fatalf("epoch %d: order %v of %v", e, h.order, h.whole)
		}
		if !slices.Equal(first, slices.Concat(before...)) {
			t.Fatalf("epoch %d: the cells that were there have changed", e)
		}
		alpha := rng.Float64()
		k := allowed(alpha, h.len())
		all := slices.Concat(h.cells...)
		slices.SortFunc(all, func(a, b memberPeak) int { return a.compare(b.peak) })
		if got, want := h.threshold(alpha, true), all[len(all)-k].peak; got != want {
			t.Fatalf("epoch %d: the %d-th largest cell is %v, want %v", e, k, got, want)
		}
		rank, _ := h.rank(p)
		if at, _ := slices.BinarySearchFunc(h.order, p, peak.compare); rank != len(h.order)-at+1 {
			t.Fatalf("epoch %d: rank %d of %v in %v", e, rank, p, h.order)
		}
	}
	if got := newTop(3).least(); !math.IsInf(got.score, 1) {
		t.Errorf("the third largest of none is %v, want what nothing exceeds", got)
	}
}

func TestExceeds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		p, c   peak
		margin float64
		want   bool
	}{
		{"above", peak{2, 0}, peak{1, 9}, 1, true},
		{"below", peak{1, 9}, peak{2, 0}, 1, false},
		{"a tie goes by the hash, up", peak{2, 5}, peak{2, 4}, 1, true},
		{"a tie goes by the hash, down", peak{2, 4}, peak{2, 5}, 1, false},
		{"itself is no exceedance", peak{2, 4}, peak{2, 4}, 1, false},
		{"a margin asks for more", peak{2.9, 9}, peak{2, 0}, 1.5, false},
		{"and has no ties", peak{3, 9}, peak{2, 0}, 1.5, false},
		{"above the margin", peak{3.1, 0}, peak{2, 9}, 1.5, true},
		{"zero is no evidence", peak{0, 9}, peak{0, 0}, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.p.exceeds(tt.c, tt.margin); got != tt.want {
				t.Errorf("%v exceeds %v at margin %v: %v, want %v", tt.p, tt.c, tt.margin, got, tt.want)
			}
		})
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := &epochs{}
	for i := range maxEpochs + 10 {
		h.add(peak{float64(i), 0}, nil)
	}
	if h.len() != maxEpochs || h.whole[0].score != 10 {
		t.Errorf("%d epochs from %v, want the last %d", h.len(), h.whole[0], maxEpochs)
	}
	h = &epochs{}
	for i := range 10 {
		h.add(peak{float64(i), 0}, make([]memberPeak, maxCells/4))
	}
	if h.n > maxCells || len(h.cells) != 4 || h.len() != 10 {
		t.Errorf("%d cells of %d of %d epochs, want at most %d of the last 4 of 10", h.n, len(h.cells), h.len(), maxCells)
	}
	h = &epochs{keep: 7}
	for i := range 10 {
		h.add(peak{float64(i), 0}, make([]memberPeak, 2))
	}
	if h.len() != 7 || len(h.cells) != 7 || h.n != 14 || h.whole[0].score != 3 {
		t.Errorf("%d epochs and %d cells from %v, want the last 7 and 14", h.len(), h.n, h.whole[0])
	}
}

func TestTieIsReproducibleAndSpread(t *testing.T) {
	if a, b := tie("web", "m01", 60000), tie("web", "m01", 60000); a != b {
		t.Errorf("tie = %x and then %x", a, b)
	}
	// As good as random: each of 64 bits is set about half of the time.
	var set [64]int
	const n = 4000
	for i := range n {
		x := tie("web", "m01", int64(i)*1000)
		for b := range set {
			set[b] += int(x >> b & 1)
		}
	}
	for b, c := range set {
		if math.Abs(float64(c)-n/2) > 5*math.Sqrt(n)/2 {
			t.Errorf("bit %d is set in %d of %d, want about half", b, c, n)
		}
	}
}
