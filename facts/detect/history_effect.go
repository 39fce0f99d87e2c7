package detect

import (
	"math"
	"slices"
)

// deviation is one feature's part in a series' score.
type deviation struct {
	feature  int     // of the history
	y, usual float64 // of the last block: what it was, and what was expected
	score    float64 // in the unit of U, signed by the direction of the window
}

// effects returns what is behind p's score at the last block, the largest part
// first (see Attribution in the package documentation): at least minEffects, and as
// many more, up to most, as have effectShare of U². Features that are missing from
// the block are left out. p must be judged.
// Cost: O(d²).
func (h *history) effects(p *past, most int) []deviation {
	var out []deviation
	for _, s := range h.judge.shares(p.track) {
		enough := len(out) >= minEffects && float64(s.score*s.score) < effectShare*p.u*p.u
		if enough || len(out) == most || s.score == 0 {
			break
		}
		if k := h.judge.index[s.feature]; k >= 0 && p.seen(k) {
			out = append(out, deviation{k, p.y[k], float64(p.usual[k]), s.score})
		}
	}
	return out
}

// directionSD is how far a mean score must be from zero to have a direction.
const directionSD = 1

// direction tells which way the named feature of p has moved over the window
// that the score is from, 1: up, -1: down, 0: neither, or there is no such
// feature. p must be judged.
func (h *history) direction(p *past, feature string) int {
	l := h.judge.law
	k := slices.Index(l.features, feature)
	if k < 0 {
		return 0
	}
	mean := p.win.sum(p.best, len(l.features))[k] / float64(h.windows[p.best])
	if math.Abs(mean) < directionSD {
		return 0
	}
	return int(math.Copysign(1, mean))
}
