package source

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestShapeDropsWhatHasNoValue(t *testing.T) {
	nan := math.NaN()
	names := []string{"a", "b", "c"}
	for _, tt := range []struct {
		name             string
		values           []float64 // 3 members × 3 metrics
		members, metrics []string
		want             []float64
	}{
		{"all seen", []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, names, names, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"one value missing stays missing", []float64{1, nan, 3, 4, 5, 6, 7, 8, 9}, names, names, []float64{1, nan, 3, 4, 5, 6, 7, 8, 9}},
		{"a member not seen", []float64{1, 2, 3, nan, nan, nan, 7, 8, 9}, []string{"a", "c"}, names, []float64{1, 2, 3, 7, 8, 9}},
		{"a metric not seen", []float64{1, nan, 3, 4, nan, 6, 7, nan, 9}, names, []string{"a", "c"}, []float64{1, 3, 4, 6, 7, 9}},
		{"a single value", []float64{nan, nan, nan, nan, nan, 6, nan, nan, nan}, []string{"b"}, []string{"c"}, []float64{6}},
		{"nothing seen", slices.Repeat([]float64{nan}, 9), nil, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s shape
			f := s.frame(tick0, "web", names, names, slices.Clone(tt.values))
			same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
			if !slices.Equal(f.Members, tt.members) || !slices.Equal(f.Metrics, tt.metrics) || !slices.EqualFunc(f.Values, tt.want, same) {
				t.Errorf("frame: got %v × %v %v, want %v × %v %v", f.Members, f.Metrics, f.Values, tt.members, tt.metrics, tt.want)
			}
			if err := f.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTallyRates(t *testing.T) {
	nan := math.NaN()
	at := func(s float64) time.Time { return tick0.Add(time.Duration(s * float64(time.Second))) }
	for _, tt := range []struct {
		name        string
		before, now tally
		fell        bool
		want        []float64 // of a row that held 7 everywhere
	}{
		{"nothing before", tally{}, tally{at(1), []float64{5, nan, 0}}, false, []float64{nan, 7, nan}},
		{"half a second", tally{at(1), []float64{5, nan, 1}}, tally{at(1.5), []float64{8, nan, 1}}, false, []float64{6, 7, 0}},
		{"a column that is new", tally{at(1), []float64{5}}, tally{at(2), []float64{8, 4, nan}}, false, []float64{3, nan, 7}},
		{"a column that was not seen before", tally{at(1), []float64{nan, 4, 1}}, tally{at(2), []float64{8, nan, 2}}, false, []float64{nan, 7, 1}},
		{"no time", tally{at(1), []float64{5, 1, 1}}, tally{at(1), []float64{5, 2, 1}}, false, []float64{nan, nan, nan}},
		{"time that goes back", tally{at(2), []float64{5, 1, 1}}, tally{at(1), []float64{5, 2, 1}}, false, []float64{nan, nan, nan}},
		{"one that fell", tally{at(1), []float64{5, 1, 1}}, tally{at(2), []float64{6, 0, 1}}, true, []float64{1, -1, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := []float64{7, 7, 7}
			tt.now.rates(tt.before, out)
			same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
			if !slices.EqualFunc(out, tt.want, same) {
				t.Errorf("rates: got %v, want %v", out, tt.want)
			}
			if got := tt.now.fell(tt.before); got != tt.fell {
				t.Errorf("fell: got %t, want %t", got, tt.fell)
			}
		})
	}
}
