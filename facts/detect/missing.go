package detect

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// missing keeps count of the features that one member does not show. A window
// does without a feature that was missing in it for more ticks in a row than it
// ever was in health: a zero in its place, beside what it goes together with in
// health, would be evidence. What is missing now and then in health, such as the
// time of requests where there are few, is in the law as it is.
type missing struct {
	run   []int // ticks in a row for which each feature is missing; nil: none ever was
	since []int // ticks since it was missing for too long
	left  int   // ticks until no window is without a feature
}

// whole forgets everything: the windows begin anew.
func (m *missing) whole() {
	clear(m.run)
	for k := range m.since {
		m.since[k] = maxWindow
	}
	m.left = 0
}

// add takes in one tick's residuals z[index[k]], NaN or a negative index:
// missing. usual is the longest that each was missing in health, longest the
// length of the longest window. Cost: O(d), no allocation after the first time.
func (m *missing) add(z []float64, index, usual []int, longest int) {
	if m.run == nil {
		m.run, m.since = make([]int, len(index)), make([]int, len(index))
		m.whole()
	}
	m.left = max(0, m.left-1)
	for k, at := range index {
		m.since[k] = min(m.since[k]+1, maxWindow)
		if at >= 0 && !math.IsNaN(z[at]) {
			m.run[k] = 0
			continue
		}
		if m.run[k]++; m.run[k] > usual[k] {
			m.since[k], m.left = 0, longest
		}
	}
}

// in appends to lacks the features that a window of the given length is
// without.
func (m *missing) in(length int, lacks []int) []int {
	if m.left == 0 {
		return lacks
	}
	for k, ticks := range m.since {
		if ticks < length {
			lacks = append(lacks, k)
		}
	}
	return lacks
}

// without returns S of the features that are not in lacks, the quadratic form
// of their own covariance: with a those in lacks,
//
//	S² = w'·P·w − h_a'·P_aa⁻¹·h_a, h = P·w, P the inverse covariance of all,
//
// the least that w'·P·w can be, whatever stands in the place of a. all is S of
// all features. It keeps the q of all, and so is smaller in health than one that
// was normalised by itself. P_aa is eliminated in work.
// Cost: O(m·d + m³) for m features in lacks. No allocation once work has grown.
func (q *quadratic) without(lacks []int, all float64, sums []float64, work *[]float64) float64 {
	m := len(lacks)
	*work = slices.Grow((*work)[:0], m*(m+1))
	rows := (*work)[:m*(m+1)]
	for i, a := range lacks {
		row := rows[i*(m+1):][:m+1]
		for j, b := range lacks {
			row[j] = q.inverse.At(a, b)
		}
		row[m] = 0
		for k, w := range sums {
			row[m] += float64(q.inverse.At(a, k) * w)
		}
	}
	total := float64(all * all)
	for i := range m {
		pivot := rows[i*(m+1):][:m+1]
		total -= float64(pivot[m]*pivot[m]) / pivot[i]
		for j := i + 1; j < m; j++ {
			row := rows[j*(m+1):][:m+1]
			part := row[i] / pivot[i]
			for c := i + 1; c <= m; c++ {
				row[c] -= float64(part * pivot[c])
			}
		}
	}
	return math.Sqrt(max(0, total))
}

// inverseWithout returns the inverse covariance of the features that are not in
// lacks, with zeros in the place of those that are. Cost: O(m·d²).
func (q *quadratic) inverseWithout(lacks []int) *mat.SymDense {
	if len(lacks) == 0 {
		return q.inverse
	}
	d := q.inverse.SymmetricDim()
	p := mat.NewSymDense(d, nil)
	p.CopySym(q.inverse)
	column := mat.NewVecDense(d, nil)
	for _, a := range lacks {
		for k := range d {
			column.SetVec(k, p.At(k, a))
		}
		p.SymRankOne(p, -1/column.AtVec(a), column)
		for k := range d {
			p.SetSym(k, a, 0) // but for rounding it is
		}
	}
	return p
}

// longestGaps returns for how many ticks in a row each feature was missing at
// most, of any member. Cost: O(ticks·members·d).
func (t *trace) longestGaps() []int {
	d := len(t.features)
	longest, runs := make([]int, d), make([]int, t.members*d)
	for _, tick := range t.ticks {
		for s, i := range tick.scored {
			run := runs[int(i)*d:][:d]
			if tick.restart[s] {
				clear(run)
			}
			for k, z := range t.z[tick.at+s*d:][:d] {
				if z == z {
					run[k] = 0
					continue
				}
				run[k]++
				longest[k] = max(longest[k], run[k])
			}
		}
	}
	return longest
}
