package source

import (
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// shape makes frames in normal form: only members and metrics that have at
// least one value. It remembers the names of the last frame, so that frames of
// a group that did not change share them.
type shape struct{ members, metrics []string }

// frame returns the normal form of the given reading. members and metrics are
// sorted and unique; values has one row a member, NaN where nothing was seen,
// and may be kept by the frame.
func (s *shape) frame(t time.Time, group string, members, metrics []string, values []float64) *facts.Frame {
	d := len(metrics)
	row, col := make([]bool, len(members)), make([]bool, d)
	for i := range members {
		for k, v := range values[i*d : (i+1)*d] {
			if !math.IsNaN(v) {
				row[i], col[k] = true, true
			}
		}
	}
	if slices.Contains(row, false) || slices.Contains(col, false) {
		members, metrics, values = squeeze(members, metrics, values, row, col)
	}
	if !slices.Equal(members, s.members) {
		s.members = slices.Clone(members)
	}
	if !slices.Equal(metrics, s.metrics) {
		s.metrics = slices.Clone(metrics)
	}
	return &facts.Frame{Time: t, Group: group, Members: s.members, Metrics: s.metrics, Values: values}
}

// squeeze returns copies without the rows and columns that hold nothing.
func squeeze(members, metrics []string, values []float64, row, col []bool) ([]string, []string, []float64) {
	var rows, cols []string
	for k, name := range metrics {
		if col[k] {
			cols = append(cols, name)
		}
	}
	var kept []float64
	for i, name := range members {
		if !row[i] {
			continue
		}
		rows = append(rows, name)
		for k, v := range values[i*len(metrics) : (i+1)*len(metrics)] {
			if col[k] {
				kept = append(kept, v)
			}
		}
	}
	return rows, cols, kept
}

// missing returns n values that were not seen.
func missing(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.NaN()
	}
	return v
}
