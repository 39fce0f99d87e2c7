package detect

import (
	"math"
	"time"
)

// history says how unlike a series is to itself at this hour of the day: a
// member against its own past, or a group's middle against the group's. A
// series is d feature values y, each the mean over a block of time.
//
//	z_k = (y_k − level_k(hour))/s_k − c_k
//	U   = max over windows of √(W'·Σ⁻¹·W)/q, W the window's mean score of z
//
// The level and the scale s are the series' own (see [past]), c is what the
// whole group has moved together (see [history.settleCommon]), and scores,
// windows, Σ and q are those of the peer statistic (see Scores and Statistic
// in the package documentation), over blocks in place of ticks. Validity needs
// none of it to be right: only that U comes about in the same way at all times.
//
// A block is scored before it is learnt from. The caller judges by U, and
// decides which series a block is given to:
//
//	h := newHistory([]int{1, 3, 12}, features, block)
//	p := newPast(h) // one a series
//	…
//	p.y[k] = … // means of the block, NaN: missing
//	p.hold = … // an alarm stands: score, but do not learn
//	err := h.observe(end, pasts)
//	if p.judged { … p.u … }
//
// It knows the hour, in UTC, but not the day of the week: a weekend unlike other
// days raises the scores of all weekends alike, and the threshold with them.
//
// A series that is left out of a block (its member is away, settling or acted
// on) keeps its past; its windows begin anew.
//
// Memory: see past; besides, O(lawSeries·lawRuns·lawRun·d) for the law.
type history struct {
	features []string
	windows  []int // in blocks, ascending, the first 1
	block    time.Duration
	perHour  float64 // blocks in an hour

	blocks  int       // observed; one more after a gap
	last    time.Time // end of the last
	scale   []float64 // the series' median scale, one a feature; 0: not known
	judge   *judge    // nil: there is no law yet
	version int       // of the law; 0: none
	sample  lawSample
	scratch []float64
}

// newHistory returns a history that has seen nothing. windows and block are as
// in its fields; features names the values of a series.
func newHistory(windows []int, features []string, block time.Duration) *history {
	return &history{windows: windows, block: block, perHour: max(1, float64(time.Hour)/float64(block)),
		features: features, scale: make([]float64, len(features)), sample: newLawSample()}
}

// observe takes in the block that ended at t, later than the one before: scores
// the y of each of the series, then learns from them. Afterwards judged, u,
// stat and best of each are those of this block.
//
// Cost: O(series·windows·d²), no allocation but when a law is learnt, which is
// whenever the time that was seen has doubled.
func (h *history) observe(t time.Time, series []*past) error {
	h.blocks++
	if !h.last.IsZero() && t.Sub(h.last) > 2*h.block { // a gap, after which no window goes on
		h.blocks++
	}
	h.last = t
	now := hourAt(t.Add(-h.block / 2))
	for _, p := range series {
		p.deviate(h, now)
	}
	h.settleCommon(series)
	h.score(series)
	taken := h.sample.take(h, series)
	for _, p := range series {
		if !p.hold {
			p.learn(h, now)
		}
	}
	h.shareScale(series)
	if !taken {
		return nil
	}
	return h.relearn()
}

// commonSlack is how far the middle of a group may be from its past, in
// standard deviations, before the group counts as having moved.
const commonSlack = 1

// settleCommon takes from each z what the whole group has moved together. Two
// middles tell by how much: of what was not expected, y − level, as members
// move that are alike but for their noise; and of z, as members move whose
// noise and load go together. With m the middle of either over the series,
//
//	move = sign(m)·max(0, |m| − commonSlack standard deviations),
//
// and what lies between the two moves is taken from z, the nearest to it.
//
// A group that moves as one is the business of the common part, and must not
// put its members in the wrong; a quiet group lends its members no noise. One
// sick member moves m no further than its next neighbour is, also among two
// or three (see [modestMedian]). With a single series nothing is in common.
func (h *history) settleCommon(series []*past) {
	for k := range h.features {
		far := h.commonMove(series, k, commonSlack*max(h.scale[k], leastScale), (*past).off)
		scaled := h.commonMove(series, k, commonSlack, func(p *past, k int) float64 { return p.z[k] })
		if far == 0 && scaled == 0 {
			continue
		}
		for _, p := range series {
			if p.seen(k) {
				alike := far / p.sd(h, k)
				p.z[k] -= min(max(p.z[k], min(alike, scaled)), max(alike, scaled))
			}
		}
	}
}

// commonMove returns the middle of feature k over the series, as far as it is
// beyond slack. More than half of them are beyond it then, on the same side.
func (h *history) commonMove(series []*past, k int, slack float64, of func(p *past, k int) float64) float64 {
	s, above, below := h.scratch[:0], 0, 0
	for _, p := range series {
		if !p.seen(k) {
			continue
		}
		x := of(p, k)
		s = append(s, x)
		if x > slack {
			above++
		} else if x < -slack {
			below++
		}
	}
	h.scratch = s
	if len(s) < 2 || max(above, below) <= len(s)/2 {
		return 0
	}
	return beyond(modestMedian(s), slack)
}

// beyond returns by how much x is beyond slack, with its sign.
func beyond(x, slack float64) float64 {
	return math.Copysign(max(0, math.Abs(x)-slack), x)
}

// modestMedian returns the median of s, of an even number the middle value
// nearer to zero, 0 when the two have unlike signs. It reorders s, which has
// two numbers or more.
func modestMedian(s []float64) float64 {
	m := middleOf(s)
	switch {
	case m.n%2 == 1:
		return m.b
	case m.a > 0:
		return m.a
	case m.c < 0:
		return m.c
	}
	return 0
}

// score judges the z of this block. What the group has in common is out of it
// by now: to divide by the middle of the others' statistic, too, as the peer
// statistic does, would hide what happens to several members on the same day.
func (h *history) score(series []*past) {
	if h.judge != nil {
		h.judge.begin()
	}
	for _, p := range series {
		p.judged = h.judge != nil && p.learnt >= minSamples
		if !p.judged {
			continue
		}
		if p.track == nil || p.version != h.version {
			p.track, p.version = newTrack(h.windows, len(h.judge.law.features)), h.version
		}
		if p.restarted {
			p.restart()
		}
		h.judge.add(p.track, p.z)
		for w, s := range p.stat {
			if s > p.u {
				p.u, p.best = s, w
			}
		}
	}
}

// shareScale sets the scales of the group: the medians of the series' own.
func (h *history) shareScale(series []*past) {
	for k := range h.features {
		s := h.scratch[:0]
		for _, p := range series {
			if p.learnt >= minSamples && p.spread[k] > 0 {
				s = append(s, float64(p.spread[k]))
			}
		}
		h.scratch = s
		if len(s) > 0 {
			selectNth(s, len(s)/2)
			h.scale[k] = s[len(s)/2]
		}
	}
}
