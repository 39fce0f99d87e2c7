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
	high = len(s)
	for budget := 2 * bits.Len(uint(high)); high-low > few; budget-- {
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
	sortFew(s[low:high])
	return low, high
}

// few is how many values are sorted at once.
const few = 12

// sortFew sorts at most few values: by insertion, four at a time so that as many
// stay in registers, with every comparison made and none branched upon, which a
// processor could not foresee.
func sortFew(s []float64) {
	var sorted [few]int64
	n := min(len(s), few)
	done := n % 4
	for m, x := range s[:done] {
		last := ordered(x)
		for i, y := range sorted[:m] {
			sorted[i], last = min(y, last), max(y, last)
		}
		sorted[m] = last
	}
	for ; done+4 <= n; done += 4 {
		x := s[done : done+4 : done+4]
		a, b, c, d := ordered(x[0]), ordered(x[1]), ordered(x[2]), ordered(x[3])
		a, b = min(a, b), max(a, b)
		c, d = min(c, d), max(c, d)
		a, c = min(a, c), max(a, c)
		b, d = min(b, d), max(b, d)
		b, c = min(b, c), max(b, c)
		for i, y := range sorted[:done] {
			sorted[i], a = min(a, y), max(a, y)
			a, b = min(a, b), max(a, b)
			b, c = min(b, c), max(b, c)
			c, d = min(c, d), max(c, d)
		}
		*(*[4]int64)(sorted[done:]) = [4]int64{a, b, c, d}
	}
	for i := range s[:n] {
		s[i] = math.Float64frombits(uint64(fold(sorted[i])))
	}
}

// ordered returns an integer for each number, in the order of the numbers.
func ordered(x float64) int64 { return fold(int64(math.Float64bits(x))) }

// fold turns the bits of a number into an integer in the order of the numbers,
// and back: as integers, negative numbers are ordered backwards.
func fold(bits int64) int64 { return bits ^ int64(uint64(bits>>63)>>1) }

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

// medians are the leave-one-out medians of a sample. They are three at most;
// which of them is a member's depends on where it is.
type medians struct {
	low, high float64    // of y: below low, above high, or neither
	mu        [3]float64 // of a member below, of one that is neither, of one above
}

// medians returns the leave-one-out medians; NaN when nothing else is in the
// sample than the one that is left out.
func (m middle) medians() medians {
	switch {
	case m.n < 2:
		return medians{mu: [3]float64{math.NaN(), math.NaN(), math.NaN()}}
	case m.n%2 == 0: // low is above high, or they are equal
		return medians{low: m.c, high: m.a, mu: [3]float64{m.c, m.a, m.a}}
	}
	return medians{low: m.b, high: m.b, mu: [3]float64{(m.b + m.c) / 2, (m.a + m.c) / 2, (m.a + m.b) / 2}}
}

// place returns where y is. It takes no branch, because none could be foreseen.
func (m *medians) place(y float64) int {
	at, above := 1, 0
	if y < m.low {
		at = 0
	}
	if y > m.high {
		above = 1
	}
	return at + above
}

// without returns the median of the sample without one occurrence of y; NaN
// when nothing else is in it. When y itself is not in the sample, the result
// is within its middle values all the same.
//
// The median of the others is what keeps a sick member from dragging its own
// reference (see Residuals in the package documentation). Cost: O(1).
func (m middle) without(y float64) float64 {
	all := m.medians()
	return all.mu[all.place(y)]
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
