package detect

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestDiscoveries(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct {
		name string
		e    []float64
		fdr  float64
		want []int
	}{
		{"no hypotheses", nil, 0.1, nil},
		{"one that suffices", []float64{10}, 0.1, []int{0}},
		{"one that does not", []float64{9.99}, 0.1, nil},
		{"among four it takes four times as much", []float64{1, 39, 1, 1}, 0.1, nil},
		{"and suffices at that", []float64{1, 40, 1, 1}, 0.1, []int{1}},
		{"two help each other", []float64{20, 1, 20, 1}, 0.1, []int{0, 2}},
		{"the last one counts although those before it fall short", []float64{11, 12, 10, 10}, 0.1, []int{0, 1, 2, 3}},
		{"ties go together", []float64{20, 20, 20, 0, 0, 0}, 0.1, []int{0, 1, 2}},
		{"or not at all", []float64{19.9, 19.9, 19.9, 0, 0, 0}, 0.1, nil},
		{"what cannot happen in health", []float64{0, inf, 0}, 0.01, []int{1}},
		{"nothing found is nothing to reject", []float64{0, 0}, 0.5, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := slices.Clone(tt.e)
			got, err := Discoveries(e, tt.fdr)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("Discoveries(%v, %v) = %v, %v, want %v", tt.e, tt.fdr, got, err, tt.want)
			}
			if !slices.Equal(e, tt.e) {
				t.Errorf("Discoveries changed its argument to %v", e)
			}
		})
	}
}

func TestDiscoveriesRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    []float64
		fdr  float64
		want string
	}{
		{"a negative e-value", []float64{1, -1}, 0.1, "e-value 1 is -1, want 0 or more"},
		{"one that is no number", []float64{math.NaN()}, 0.1, "e-value 0 is NaN, want 0 or more"},
		{"a rate of zero", []float64{1}, 0, "rate 0, want more than 0 and less than 1"},
		{"a rate of one", []float64{1}, 1, "rate 1, want more than 0 and less than 1"},
		{"a rate that is no number", []float64{1}, math.NaN(), "rate NaN, want"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Discoveries(tt.e, tt.fdr); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Discoveries(%v, %v): %v, want %q", tt.e, tt.fdr, err, tt.want)
			}
		})
	}
}
