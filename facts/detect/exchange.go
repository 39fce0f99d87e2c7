package detect

import (
	"cmp"
	"math"
	"slices"
)

// memberPeak is the peak of one member in one epoch. One without a member belongs to
// the group: a false alarm, or what may have been one.
type memberPeak struct {
	member string
	peak
}

// pooledP returns T2 for alike members: the p-value of c, which is one of now,
// the cells of the running epoch,
//
//	p = #{cells of history and now at least as large as c}/#{cells}.
//
// If the law of the array members × epochs does not change when members or
// epochs are permuted, c is as likely to be at any place among all n(m+1) cells,
// whatever the dependence between them, and P(p ≤ x) ≤ x. Equal scores are
// ordered by their tie-breaks.
// Cost: O(n·m).
func pooledP(history [][]memberPeak, now []memberPeak, c memberPeak) float64 {
	all, larger := 0, 0
	count := func(cells []memberPeak) {
		for _, o := range cells {
			all++
			if o.compare(c.peak) >= 0 {
				larger++
			}
		}
	}
	for _, cells := range history {
		count(cells)
	}
	count(now)
	return float64(larger) / float64(all)
}

// selfP returns T2 for members that differ: the p-value of c, a cell of the
// running epoch, among the epochs of its own member,
//
//	p = (1 + #{cells of the member at least as large as c})/(m + 1).
//
// Exchangeable epochs give P(p ≤ x) ≤ x. Of a member that has not been seen it
// is 1.
// Cost: O(n·m).
func selfP(history [][]memberPeak, c memberPeak) float64 {
	all, larger := 1, 1
	for _, cells := range history {
		for _, o := range cells {
			if o.member != c.member {
				continue
			}
			all++
			if o.compare(c.peak) >= 0 {
				larger++
			}
		}
	}
	return float64(larger) / float64(all)
}

// likeness is how one member's peaks compare with those of the others.
type likeness struct {
	member   string
	distance float64 // Kolmogorov-Smirnov: largest difference of the two distribution functions
	p        float64 // that it is as large among alike members, by Holm for all members together
}

// compareMembers tests of each member whether its peaks have the law of the
// others', most unlike first. Members that pass at a fixed level may be pooled;
// where one does not, the p-values of all are taken by selfP.
//
// The p-values are those of the limit law of the two-sample statistic with the
// correction of Stephens for short samples. The peaks of one epoch have load in
// common, which brings the samples closer together than independent ones and
// makes the test the more lenient.
// Cost: O(N log N) for N = n·m cells.
//
// Source: M. A. Stephens: Use of the Kolmogorov-Smirnov, Cramér-von Mises and
// related statistics without extensive tables. Journal of the Royal Statistical
// Society B 32 (1970), as given in Numerical Recipes, section 14.3; how far it is
// from the exact law is tested (exchange_test.go). S. Holm: A simple
// sequentially rejective multiple test procedure. Scandinavian Journal of
// Statistics 6 (1979).
func compareMembers(history [][]memberPeak) []likeness {
	cells, out, sizes := cellsInOrder(history)
	all, seen := float64(len(cells)), make([]float64, len(out))
	for at := 0; at < len(cells); {
		end := at
		for end < len(cells) && cells[end].score == cells[at].score {
			end++
		}
		// The distribution function of a member moves at its own peaks only, so
		// that it is furthest from that of all just before one, or at it.
		for _, c := range cells[at:end] {
			out[c.of].distance = max(out[c.of].distance, math.Abs(seen[c.of]/sizes[c.of]-float64(at)/all))
		}
		for _, c := range cells[at:end] {
			seen[c.of]++
		}
		for _, c := range cells[at:end] {
			out[c.of].distance = max(out[c.of].distance, math.Abs(seen[c.of]/sizes[c.of]-float64(end)/all))
		}
		at = end
	}
	for i := range out {
		l, others := &out[i], all-sizes[i]
		if others == 0 {
			return nil
		}
		// With F_i, F and F_o those of the member, of all and of the others,
		// F_i − F_o = (F_i − F)·N/(N − n).
		l.distance = min(1, l.distance*all/others)
		l.p = kolmogorov(l.distance, sizes[i]*others/all)
	}
	slices.SortFunc(out, func(a, b likeness) int {
		return cmp.Or(cmp.Compare(a.p, b.p), cmp.Compare(b.distance, a.distance), cmp.Compare(a.member, b.member))
	})
	holm(out)
	return out
}

// ownCell is a cell of the member with the number of.
type ownCell struct {
	score float64
	of    int
}

// cellsInOrder returns the finite scores of all members, ascending, the members
// in the order in which they come, and how many cells each has.
func cellsInOrder(history [][]memberPeak) (cells []ownCell, members []likeness, sizes []float64) {
	index, n := map[string]int{}, 0
	for _, epoch := range history {
		n += len(epoch)
	}
	cells = make([]ownCell, 0, n)
	for _, epoch := range history {
		for _, c := range epoch {
			if c.member == "" || math.IsInf(c.score, 0) {
				continue
			}
			of, known := index[c.member]
			if !known {
				of = len(members)
				index[c.member] = of
				members, sizes = append(members, likeness{member: c.member}), append(sizes, 0)
			}
			sizes[of]++
			cells = append(cells, ownCell{c.score, of})
		}
	}
	return sortCells(cells), members, sizes
}

// sortCells returns the cells ascending, and uses up the slice. It deals them
// out by each byte of their scores, the last first, and passes over a byte that
// is the same in all: with many thousand cells that takes a fifth of the time of
// comparing them. Cost: O(N).
func sortCells(cells []ownCell) []ownCell {
	const bytes = 8
	var counts [bytes][256]int
	for _, c := range cells {
		key := c.key()
		for b := range bytes {
			counts[b][byte(key>>(8*b))]++
		}
	}
	other := make([]ownCell, len(cells))
	for b := range bytes {
		places, at := &counts[b], 0
		if len(cells) == 0 || places[byte(cells[0].key()>>(8*b))] == len(cells) {
			continue
		}
		for v, n := range places {
			places[v], at = at, at+n
		}
		for _, c := range cells {
			place := &places[byte(c.key()>>(8*b))]
			other[*place] = c
			*place++
		}
		cells, other = other, cells
	}
	return cells
}

// key returns an integer in the order of the scores.
func (c ownCell) key() uint64 { return uint64(ordered(c.score)) ^ 1<<63 }

// kolmogorov returns the chance of a distance of d or more between two samples
// of one law whose sizes have the product over the sum n.
func kolmogorov(d, n float64) float64 {
	root := math.Sqrt(n)
	lambda := (root + 0.12 + 0.11/root) * d
	if lambda < 0.2 { // the chance is 1 to twelve digits, and the series slow
		return 1
	}
	// Q(λ) = 2·Σ (−1)^(k−1)·exp(−2k²λ²): at 0.2 the 21st is below 1e-15.
	const terms = 20
	sum, sign := 0.0, 2.0
	for k := 1.0; k <= terms; k++ {
		sum += float64(sign * math.Exp(-2*k*k*lambda*lambda))
		sign = -sign
	}
	return min(1, max(0, sum))
}

// holm adjusts the p-values of l, ascending, for their number.
func holm(l []likeness) {
	least := 0.0
	for i := range l {
		least = max(least, min(1, l[i].p*float64(len(l)-i)))
		l[i].p = least
	}
}
