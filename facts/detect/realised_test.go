package detect

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestSelfT1CountsWhatExceedsThePast(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name    string
		peaks   []float64
		counted []bool
		first   int // of the frozen calibration; 0: sliding
		want    Tally
	}{
		{"nothing is tested before alpha can be certified", []float64{1, 2, 3}, nil, 0, Tally{}},
		{"records alarm", []float64{1, 2, 3, 4, 3, 5}, nil, 0, Tally{3, 2}},
		{"ties do not", []float64{1, 2, 3, 3}, nil, 0, Tally{1, 0}},
		{"an epoch without a peak is none", []float64{1, nan, 2, 3, nan, 4}, nil, 0, Tally{1, 1}},
		{"what does not count is learnt from", []float64{1, 2, 3, 9, 8}, []bool{true, true, true, false, true}, 0, Tally{1, 0}},
		{"a frozen one learns no more", []float64{1, 2, 3, 4, 4, 4}, nil, 3, Tally{3, 3}},
	} {
		const alpha = 0.25
		got := SlidingT1(tt.peaks, tt.counted, alpha)
		if tt.first > 0 {
			got = FrozenT1(tt.peaks, tt.counted, alpha, tt.first)
		}
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestSampleProductKeepsItsClaimForIndependentSamples(t *testing.T) {
	rng := newSynthetic(5, 1).rng
	scores := make([]float64, 220_000)
	for i := range scores {
		scores[i] = rng.NormFloat64()
	}
	if got := SampleProduct(scores, 20_000, 1e5); got.Tests != 200_000 || got.Alarms > 4 {
		t.Errorf("%d alarms in %d independent samples, want at most 4 of 200000", got.Alarms, got.Tests)
	}
}

func TestScoresAreThoseOfTheJudgedMembers(t *testing.T) {
	d, err := New(Config{Env: "test", Group: "web", Warmup: 40 * time.Second, Epoch: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	s := newSynthetic(2, 5)
	for range 20 {
		observe(t, d, s.frame())
	}
	if got := d.Scores(nil); got != nil {
		t.Errorf("scores %v in the warm-up, want none", got)
	}
	for range 80 {
		observe(t, d, s.frame())
	}
	s.away[1] = true
	observe(t, d, s.frame())
	var names []string
	for _, x := range d.Scores(nil) {
		names = append(names, x.Member)
		if !(x.U > 0 && x.S >= x.U) {
			t.Errorf("%s: score %v of a statistic %v, want it above zero and not above the statistic", x.Member, x.U, x.S)
		}
	}
	if want := []string{"m0001", "m0003", "m0004", "m0005"}; !slices.Equal(names, want) {
		t.Errorf("scores of %v, want %v", names, want)
	}
}
