package detect

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
)

// peak is a largest score, of an epoch or of a member in an epoch, with what
// breaks a tie.
type peak struct {
	score float64
	tie   uint64
}

func (p peak) compare(q peak) int {
	return cmp.Or(cmp.Compare(p.score, q.score), cmp.Compare(p.tie, q.tie))
}

// tie returns the tie-break of a member's peak, or of the group's when member
// is empty, in the epoch that starts at the given Unix millisecond: a hash, so
// that it is as good as random and the same in every replay.
func tie(group, member string, epoch int64) uint64 {
	h := fnv.New64a()
	h.Write([]byte(group))
	h.Write([]byte{0})
	h.Write([]byte(member))
	var b [9]byte
	binary.BigEndian.PutUint64(b[1:], uint64(epoch))
	h.Write(b[:])
	x := h.Sum64() // FNV mixes its last bytes badly: finish as SplitMix64 does
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// epochs is a healthy history: the peaks of its epochs, by group and by
// member. It slides: the oldest epochs go when there are more than it keeps,
// and the oldest cells when there are more than maxCells. No cells change in
// place: who holds the slice may go on reading it.
//
// Memory: 40 bytes an epoch, 5 MiB with maxEpochs, and 32 bytes a cell, 2 MiB
// with maxCells.
type epochs struct {
	keep   int            // epochs; 0: maxEpochs
	starts []int64        // of each, in Unix milliseconds, oldest first; of those of a calibration 0
	whole  []peak         // of the group; same order
	order  []peak         // the same, ascending
	cells  [][]memberPeak // of each member scored in an epoch, of the latest len(cells) epochs
	n      int            // cells in all

	aside []aside // epochs taken out by a label, oldest first
}

// add appends an epoch of a recording.
func (h *epochs) add(whole peak, cells []memberPeak) { h.addAt(0, whole, cells) }

// addAt appends the epoch that began at start, in Unix milliseconds. Members
// that were not scored are not in cells.
// Cost: O(log m) compares and O(m) moves.
func (h *epochs) addAt(start int64, whole peak, cells []memberPeak) {
	h.starts, h.whole, h.cells, h.n = append(h.starts, start), append(h.whole, whole), append(h.cells, cells), h.n+len(cells)
	at, _ := slices.BinarySearchFunc(h.order, whole, peak.compare)
	h.order = slices.Insert(h.order, at, whole)
	h.trim()
}

// trim lets the oldest go.
func (h *epochs) trim() {
	for len(h.whole) > cmp.Or(h.keep, maxEpochs) {
		at, _ := slices.BinarySearchFunc(h.order, h.whole[0], peak.compare)
		h.order = slices.Delete(h.order, at, at+1)
		h.starts, h.whole = h.starts[1:], h.whole[1:]
	}
	for len(h.aside) > 0 && len(h.starts) > 0 && (h.aside[0].start < h.starts[0] || len(h.aside) > maxEpochs) {
		h.aside = slices.Delete(h.aside, 0, 1)
	}
	for len(h.cells) > len(h.whole) || len(h.cells) > 1 && h.n > maxCells {
		h.n -= len(h.cells[0])
		h.cells = h.cells[1:]
	}
}

// sort sets the order after epochs have come or gone elsewhere than at the ends.
// Cost: O(m log m).
func (h *epochs) sort() { h.order = slices.SortedFunc(slices.Values(h.whole), peak.compare) }

// len returns m, the number of epochs.
func (h *epochs) len() int { return len(h.whole) }

// threshold returns the peak that a score has to exceed for an alarm at the
// declared probability alpha per epoch, with m = h.len() > 0 epochs.
//
// T1, pool false: the ⌈(1−alpha)(m+1)⌉-th smallest of the epochs' maxima. If
// those and the next one are exchangeable, then
//
//	P(any alarm of the group during the epoch) ≤ alpha,
//
// whatever the dependence between ticks, metrics and members, and at whichever
// tick of the epoch the alarm is given: the running maximum exceeds the
// threshold at some time if and only if the epoch's does (see Thresholds in the package documentation).
//
// T2, pool true: the k-th largest of all cells members × epochs, where k is
// the same: ⌊alpha·(m+1)⌋, m being the epochs of which there are cells. For
// members that are alike it bounds the expected number of members falsely
// alarmed in an epoch by alpha, and is never below the threshold of T1 from
// the same epochs.
//
// With alpha below what the epochs can certify it is the largest peak.
// Cost: O(1), pooled O(N log k) for N cells.
func (h *epochs) threshold(alpha float64, pool bool) peak {
	k := allowed(alpha, h.behind(pool))
	if !pool {
		return h.order[max(0, len(h.order)-k)]
	}
	t := newTop(k)
	for _, cells := range h.cells {
		for _, c := range cells {
			t.add(c.peak)
		}
	}
	return t.least()
}

// assured returns T4 of the threshold for alpha (see [assured]): the
// probability of an alarm in a healthy epoch that it keeps with confidence
// 1−delta, given these very epochs.
func (h *epochs) assured(alpha, delta float64, pool bool) float64 {
	m := h.behind(pool)
	return assured(m, allowed(alpha, m), delta)
}

// behind returns the number of epochs that a threshold is taken from.
func (h *epochs) behind(pool bool) int {
	if pool {
		return len(h.cells)
	}
	return h.len()
}

// allowed returns ⌊alpha·(m+1)⌋, at least 1: how many of m+1 epochs may be
// above the threshold.
func allowed(alpha float64, m int) int {
	const rounding = 1e-9
	return max(1, int(math.Floor(alpha*float64(m+1)+rounding)))
}

// certifies returns the least alpha that the epochs behind a threshold can
// certify, 1/(m + 1): the chance that the next peak is the largest of m+1. 1
// certifies nothing.
func (h *epochs) certifies(pool bool) float64 { return 1 / float64(h.behind(pool)+1) }

// rank returns which largest of m+1 peaks p would be, and m+1.
// Cost: O(log m).
func (h *epochs) rank(p peak) (rank, of int) {
	below, _ := slices.BinarySearchFunc(h.order, p, peak.compare)
	return h.len() - below + 1, h.len() + 1
}

// exceeds reports whether p is evidence against the threshold c, of which the
// score is multiplied by margin. An equal score exceeds when its tie-break
// does, which makes the test's size exact; a score of zero is no evidence.
func (p peak) exceeds(c peak, margin float64) bool {
	if p.score <= 0 {
		return false
	}
	if margin > 1 {
		return p.score > margin*c.score
	}
	return p.compare(c) > 0
}
