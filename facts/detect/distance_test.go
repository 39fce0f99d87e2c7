package detect

import (
	"math"
	"strings"
	"testing"
)

func TestDistanceOfASampleWithAKnownCovariance(t *testing.T) {
	// The four corners have mean 0 and covariance (4/3)·I, of which the
	// identity's tenth is the same again: distances are in units of √(4/3).
	d, err := NewDistance([][]float64{{1, 1}, {1, -1}, {-1, 1}, {-1, -1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		x    []float64
		want float64
	}{
		{"the mean", []float64{0, 0}, 0},
		{"along an axis", []float64{2, 0}, 2 / math.Sqrt(4.0/3)},
		{"along both", []float64{3, 4}, 5 / math.Sqrt(4.0/3)},
		{"what is missing counts as the mean", []float64{math.NaN(), 4}, 4 / math.Sqrt(4.0/3)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := d.Of(tt.x); math.Abs(got-tt.want) > 1e-12 {
				t.Errorf("Of(%v) = %v, want %v", tt.x, got, tt.want)
			}
		})
	}
}

func TestDistanceSeesWhatBreaksACorrelation(t *testing.T) {
	var sample [][]float64
	for i := range 41 {
		x := float64(i-20) / 10
		sample = append(sample, []float64{x, x + 0.01*float64(i%2)})
	}
	d, err := NewDistance(sample)
	if err != nil {
		t.Fatal(err)
	}
	if with, against := d.Of([]float64{1, 1}), d.Of([]float64{1, -1}); against < 3*with {
		t.Errorf("against the correlation %v, with it %v, want at least three times", against, with)
	}
}

func TestDistanceOfASampleThatNeverMoved(t *testing.T) {
	d, err := NewDistance([][]float64{{3, 1}, {3, 1}})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Of([]float64{6, 5}); got != 5 {
		t.Errorf("Of = %v, want 5, the plain distance", got)
	}
}

func TestDistanceRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		sample [][]float64
		want   string
	}{
		{"a single vector", [][]float64{{1}}, "sample of 1 vectors"},
		{"vectors without numbers", [][]float64{{}, {}}, "at least one number"},
		{"two widths", [][]float64{{1}, {1, 2}}, "vectors of 1 and 2 numbers"},
		{"an infinite value", [][]float64{{1, 2}, {math.Inf(1), 2}}, "not positive definite"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewDistance(tt.sample); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("NewDistance: %v, want an error with %q", err, tt.want)
			}
		})
	}
}
