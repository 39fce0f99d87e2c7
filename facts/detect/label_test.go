package detect

import (
	"math"
	"slices"
	"testing"
)

// labelled returns a detector with sixty epochs of ten seconds behind it, the
// five from 200 s on at fault.
func labelled(t *testing.T) *Detector {
	t.Helper()
	d := four(t, nil)
	for e := range 60 {
		score := 1 + float64(e)/100
		if e >= 20 && e < 25 {
			score = 9
		}
		whole := peak{score, uint64(e)}
		d.tests[peerTest].history.keep = 100
		d.tests[peerTest].learn(lesson{start: int64(e) * 10_000, whole: whole, cells: []memberPeak{{"m0001", whole}}})
	}
	d.relearn()
	return d
}

func TestLabel(t *testing.T) {
	type step struct {
		from, to        int // seconds
		healthy, person bool
		moved           int
		large           int // epochs at fault that are then in the history
	}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"a time before all moves nothing", []step{{-100, 0, false, true, 0, 5}}},
		{"who is no person takes out one epoch in twenty, the oldest", []step{
			{200, 230, false, false, 3, 2}, {230, 250, false, false, 0, 2}}},
		{"a person takes out all of them", []step{{200, 250, false, true, 5, 0}}},
		{"and after a person nobody else more", []step{{200, 240, false, true, 4, 1}, {240, 250, false, false, 0, 1}}},
		{"what was healthy after all is put back", []step{{200, 250, false, true, 5, 0}, {210, 230, true, true, 2, 2}, {0, 999, true, true, 3, 5}}},
		{"what was never taken out is not put back", []step{{200, 250, true, true, 0, 5}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := labelled(t)
			h := &d.tests[peerTest].history
			for i, s := range tt.steps {
				if got := d.Label(Label{From: at(s.from), To: at(s.to), Healthy: s.healthy, Person: s.person}); got != s.moved {
					t.Errorf("step %d: %d epochs moved, want %d", i, got, s.moved)
				}
				large, n := 0, 0
				for _, p := range h.whole {
					if p.score == 9 {
						large++
					}
				}
				for _, c := range h.cells {
					n += len(c)
				}
				if large != s.large || len(h.starts) != h.len() || len(h.cells) != h.len() || n != h.n || !slices.IsSorted(h.starts) || h.len()+len(h.aside) != 60 {
					t.Errorf("step %d: %d of %d epochs at fault, %d starts, %d of cells, %d cells of %d, %d aside; want %d", i, large, h.len(), len(h.starts), len(h.cells), n, h.n, len(h.aside), s.large)
				}
				if c := d.tests[peerTest].limit.score; (c == 9) != (large > int(math.Floor(d.tests[peerTest].alpha*float64(h.len()+1)))-1 && large > 0) {
					t.Errorf("step %d: threshold %v with %d epochs at fault of %d", i, c, large, h.len())
				}
			}
		})
	}
}

// What was taken out is forgotten for good when the history has slid past it.
func TestALabelSlidesWithItsHistory(t *testing.T) {
	d := labelled(t)
	h := &d.tests[peerTest].history
	d.Label(Label{From: at(200), To: at(250), Person: true})
	for e := range 100 {
		d.tests[peerTest].learn(lesson{start: int64(60+e) * 10_000, whole: peak{score: 1}})
	}
	if len(h.aside) != 0 {
		t.Errorf("%d epochs are kept aside that are older than the history", len(h.aside))
	}
}

func TestTheRunningEpochIsNotLearntWhenItIsAtFault(t *testing.T) {
	s, d := newSynthetic(98, 5), four(t, nil)
	joined(t, d, s)
	observeUntil(t, d, s, 20, func() bool { return d.closing.done && !d.epoch.episode.open })
	observe(t, d, s.frame())
	d.Label(Label{From: at(s.ticks - 5), To: at(s.ticks + 5), Person: true})
	observeUntil(t, d, s, 20, func() bool { return d.closing.done })
	if c, _ := d.Closed(); c.Learnt {
		t.Error("the epoch that was labelled was learnt")
	}
}

func TestLabelsAreStored(t *testing.T) {
	s := newSynthetic(99, 4)
	d := joinedAtClose(t, s, nil)
	first := d.tests[peerTest].history.starts[0]
	from := at(int(first/1000) + 30)
	moved := d.Label(Label{From: from, To: from.Add(50e9), Person: true})
	d = resumed(t, d, nil)
	if got := d.Label(Label{From: from, To: from.Add(50e9), Healthy: true, Person: true}); got != moved || got == 0 {
		t.Errorf("%d epochs are put back after a resume, want the %d that were taken out", got, moved)
	}
}
