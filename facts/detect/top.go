package detect

import "math"

// top holds the k largest of the peaks that were added: a heap, the least
// of them first.
type top struct {
	k     int
	peaks []peak
}

func newTop(k int) *top { return &top{k: k} }

// add takes in a peak.
// Cost: O(log k) when it is among the k largest so far, else O(1).
func (l *top) add(p peak) {
	if len(l.peaks) < l.k {
		l.peaks = append(l.peaks, p)
		l.rise(len(l.peaks) - 1)
	} else if p.compare(l.peaks[0]) > 0 {
		l.peaks[0] = p
		l.sink()
	}
}

// least returns the k-th largest, or the least of fewer. Nothing exceeds that
// of none.
func (l *top) least() peak {
	if len(l.peaks) == 0 {
		return peak{score: math.Inf(1)}
	}
	return l.peaks[0]
}

func (l *top) rise(i int) {
	for i > 0 && l.peaks[i].compare(l.peaks[(i-1)/2]) < 0 {
		l.peaks[i], l.peaks[(i-1)/2] = l.peaks[(i-1)/2], l.peaks[i]
		i = (i - 1) / 2
	}
}

func (l *top) sink() {
	for i := 0; ; {
		child := 2*i + 1
		if child+1 < len(l.peaks) && l.peaks[child+1].compare(l.peaks[child]) < 0 {
			child++
		}
		if child >= len(l.peaks) || l.peaks[i].compare(l.peaks[child]) <= 0 {
			return
		}
		l.peaks[i], l.peaks[child] = l.peaks[child], l.peaks[i]
		i = child
	}
}
