package detect

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Label says what a group was at some time, as others than the detector know
// it: a person, or the record of incidents.
type Label struct {
	From, To time.Time // epochs that began at From or later, and before To
	Healthy  bool      // nobody was at fault; else somebody was
	Person   bool      // a person says so, and answers for it
}

// Label takes epochs in which somebody was at fault out of what the thresholds
// are taken from, or puts back those that an earlier label took out when they
// were healthy after all. It returns how many epochs of the peers' test it
// moved. The running epoch, when it is at fault, is not learnt at all.
//
// Who is no person takes out one epoch in twenty at most, the oldest of those
// asked for: more would make what is left a selection, and thresholds too low.
// For the same reason the detector's own alarm is no label.
// Cost: O(m·n) for m epochs of n members.
func (d *Detector) Label(l Label) (moved int) {
	if !d.learns() {
		return 0
	}
	from, to := l.From.UnixMilli(), l.To.UnixMilli()
	for i := range d.tests {
		h, n := &d.tests[i].history, 0
		if l.Healthy {
			n = h.recall(from, to)
		} else {
			n = h.forget(from, to, l.Person)
		}
		if i == peerTest {
			moved = n
		}
	}
	if start := d.epoch.start; !l.Healthy && d.judge != nil && !start.Before(l.From) && start.Before(l.To) {
		d.epoch.explained = true
	}
	d.relearn()
	return moved
}

// aside is an epoch that was taken out of a history. Its cells are gone; that of
// the group stands in for them when it is put back.
type aside struct {
	start int64
	whole peak
}

// forgettable is the share of a history that may be forgotten by others than a
// person.
const forgettable = 0.05

// forget takes out the epochs that began in [from, to), in Unix milliseconds,
// the oldest first, as far as forgettable allows or all, and returns their
// number.
func (h *epochs) forget(from, to int64, all bool) int {
	gone := 0
	for i := 0; i < h.len(); {
		full := float64(len(h.aside)+1) > math.Ceil(forgettable*float64(h.len()+len(h.aside)))
		if h.starts[i] < from || h.starts[i] >= to || full && !all {
			i++
			continue
		}
		if at := i - (h.len() - len(h.cells)); at >= 0 {
			h.n -= len(h.cells[at])
			h.cells = slices.Concat(h.cells[:at], h.cells[at+1:])
		}
		h.aside = append(h.aside, aside{h.starts[i], h.whole[i]})
		h.starts, h.whole = slices.Delete(h.starts, i, i+1), slices.Delete(h.whole, i, i+1)
		gone++
	}
	slices.SortFunc(h.aside, func(a, b aside) int { return cmp.Compare(a.start, b.start) })
	h.sort()
	return gone
}

// recall puts back the epochs that were taken out and began in [from, to), in
// Unix milliseconds, and returns their number.
func (h *epochs) recall(from, to int64) int {
	back := 0
	for i := 0; i < len(h.aside); {
		a := h.aside[i]
		if a.start < from || a.start >= to {
			i++
			continue
		}
		at, _ := slices.BinarySearch(h.starts, a.start)
		if cell := at - (h.len() - len(h.cells)); cell >= 0 {
			h.cells, h.n = slices.Concat(h.cells[:cell], [][]memberPeak{{{peak: a.whole}}}, h.cells[cell:]), h.n+1
		}
		h.starts, h.whole = slices.Insert(h.starts, at, a.start), slices.Insert(h.whole, at, a.whole)
		h.aside = slices.Delete(h.aside, i, i+1)
		back++
	}
	h.sort()
	h.trim()
	return back
}
