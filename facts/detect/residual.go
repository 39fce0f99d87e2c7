package detect

import (
	"math"
	"math/bits"
	"slices"
)

// middle is what the leave-one-out medians of a sample need: the values around
// its middle.
type middle struct {
	n       int
	a, b, c float64 // even n: a ≤ c are the two middle values; odd n: b is the middle one, a and c its neighbours
}

// middleOf returns the middle of s, which holds no NaN; it reorders s.
// Cost: O(n) on average, O(n·log n) at worst, no allocation.
func middleOf(s []float64) middle {
	n, h := len(s), len(s)/2
	if n < 2 {
		return middle{n: n}
	}
	selectNth(s, h)
	below := slices.Max(s[:h])
	if n%2 == 0 {
		return middle{n: n, a: below, c: s[h]}
	}
	return middle{n: n, a: below, b: s[h], c: slices.Min(s[h+1:])}
}

// selectNth reorders s so that s[k] is what it would be were s sorted, with
// nothing larger before it and nothing smaller behind: Hoare's selection with
// the median of three as the pivot, and a sort when that goes badly.
func selectNth(s []float64, k int) {
	const small = 12
	for budget := 2 * bits.Len(uint(len(s))); len(s) > small; budget-- {
		if budget == 0 {
			slices.Sort(s)
			return
		}
		pivot := medianOfThree(s[0], s[len(s)/2], s[len(s)-1])
		i, j := 0, len(s)-1
		for i <= j {
			for s[i] < pivot {
				i++
			}
			for s[j] > pivot {
				j--
			}
			if i <= j {
				s[i], s[j] = s[j], s[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			s = s[:j+1]
		case k >= i:
			s, k = s[i:], k-i
		default:
			return
		}
	}
	for i := 1; i < len(s); i++ { // insertion
		x, j := s[i], i
		for ; j > 0 && s[j-1] > x; j-- {
			s[j] = s[j-1]
		}
		s[j] = x
	}
}

func medianOfThree(a, b, c float64) float64 {
	return max(min(a, b), min(max(a, b), c))
}

// without returns the median of the sample without one occurrence of y; NaN
// when nothing else is in it. When y itself is not in the sample, the result
// is within its middle values all the same.
//
// The median of the others is what keeps a sick member from dragging its own
// reference (see Residuals in the package documentation). Cost: O(1).
func (m middle) without(y float64) float64 {
	switch {
	case m.n < 2:
		return math.NaN()
	case m.n%2 == 0 && y <= m.a:
		return m.c
	case m.n%2 == 0:
		return m.a
	case y < m.b:
		return (m.b + m.c) / 2
	case y > m.b:
		return (m.a + m.b) / 2
	default:
		return (m.a + m.c) / 2
	}
}

// median returns the median of s, which is sorted; NaN when it is empty.
func median(s []float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// medianOf sorts s in place and returns its median.
func medianOf(s []float64) float64 {
	slices.Sort(s)
	return median(s)
}
