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
	low, high := selectNth(s, h)
	m := middle{n: n, b: s[h]}
	if m.a = s[h-1]; h == low {
		m.a = slices.Max(s[:h])
	}
	switch {
	case n%2 == 0:
		m.b, m.c = 0, s[h]
	case h+1 < high:
		m.c = s[h+1]
	default:
		m.c = slices.Min(s[h+1:])
	}
	return m
}

// selectNth reorders s, which holds no NaN, so that s[k] is what it would be
// were s sorted, and so is s[low:high] around it, with nothing larger before
// and nothing smaller behind: Hoare's selection with the median of three as the
// pivot, and a sort when that goes badly.
func selectNth(s []float64, k int) (low, high int) {
	const small = 12
	high = len(s)
	for budget := 2 * bits.Len(uint(high)); high-low > small; budget-- {
		part := s[low:high]
		if budget == 0 {
			slices.Sort(part)
			return low, high
		}
		pivot := medianOfThree(part[0], part[len(part)/2], part[len(part)-1])
		n := low + partition(part, pivot)
		switch {
		case k >= n:
			low = n
		case n < high:
			high = n
		default: // the pivot is the largest, perhaps of many that are equal
			if n = low + partition(part, math.Nextafter(pivot, math.Inf(-1))); k >= n {
				return n, high
			}
			high = n
		}
	}
	insertionSort(s[low:high])
	return low, high
}

func insertionSort(s []float64) {
	for i := 1; i < len(s); i++ {
		x, j := s[i], i
		for ; j > 0 && s[j-1] > x; j-- {
			s[j] = s[j-1]
		}
		s[j] = x
	}
}

// partition puts what is at most the pivot first and returns how much that is.
// It moves every value, whatever it is, because a processor cannot foresee the
// branches that would spare it the work.
func partition(s []float64, pivot float64) int {
	n := 0
	for i, x := range s {
		s[i] = s[n]
		s[n] = x
		below := 0
		if x <= pivot {
			below = 1
		}
		n += below
	}
	return n
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
