package detect

import (
	"math"
	"time"
)

const (
	// hours is the number of levels that a day has.
	hours = 24
	// memoryDays is how many days a level of an hour looks back.
	memoryDays = 7
	// scaleDays is how many days a scale looks back.
	scaleDays = 7
	// influence is how many scales a deviation may count for at most when a
	// level is learnt from it, scaleInfluence when a scale is: an outage of an
	// hour moves the level of its hour by a third of a scale, and the scale by
	// a twentieth.
	influence      = 3
	scaleInfluence = 6
	// meanSD makes a mean absolute deviation a standard deviation (normal).
	meanSD = 1.2533
	// leastScale is the smallest standard deviation of y that is believed: a
	// hundredth of an amount, as y is logarithmic, or of a utilisation.
	leastScale = 0.01
	// farthest bounds z, largest bounds the y that count as numbers: levels
	// are kept as float32.
	farthest = 1e9
	largest  = 1e30
)

// past is what one series was like: its level at each hour of the day, its
// level of late, and its scale. All of it moves towards each block by a bounded
// step, so that a fault teaches little.
//
// The level at a time is linear between the middles of hours (UTC), so that it
// has no jumps. An hour that was not seen on an earlier day is stood in for by
// the level of late, which follows an hour behind; for as long, the scale is of
// late, too.
//
// Memory: 4·(24 + 3 + longest window) + 8·(windows + 2) bytes a feature: 4 kB
// for 20 features and windows of 1, 3 and 12 blocks.
type past struct {
	y    []float64 // of this block, set by the caller; NaN: missing
	hold bool      // nothing is learnt from this block; set by the caller

	usual     []float32 // y that was expected of this block; NaN: nothing
	z         []float64 // deviation of this block; NaN: missing
	judged    bool      // the block was scored: u, stat and best are of this block
	last      int       // block last observed
	*track              // windows under the law of version; nil until there is one
	version   int
	restarted bool // it was not observed in the block before

	learnt int            // blocks
	aged   int            // of them, at hours seen on an earlier day
	level  []float32      // d × hours; NaN: not seen
	weight [hours]float32 // blocks behind each hour, at most memoryDays' worth
	known  uint32         // a bit an hour: half of it was seen on earlier days
	recent []float32      // level of late; NaN: not seen
	spread []float32      // standard deviation; 0: not known
}

// newPast returns a series of h that nothing is known of.
func newPast(h *history) *past {
	d, nan := len(h.features), float32(math.NaN())
	p := &past{y: nans(d), z: make([]float64, d), usual: make([]float32, d),
		level: make([]float32, d*hours), recent: make([]float32, d), spread: make([]float32, d)}
	for i := range p.level {
		p.level[i] = nan
	}
	for k := range p.recent {
		p.recent[k] = nan
	}
	return p
}

// hour is a time of day, between the middles of two hours.
type hour struct {
	lo, hi int     // hours of the day
	w      float64 // weight of hi, in [0, 1)
}

// hourAt returns the time of day of t.
func hourAt(t time.Time) hour {
	const perHour, day = 60 * 60, 24 * 60 * 60        // seconds
	since := (t.Unix()%day + 2*day - perHour/2) % day // not below 0 before 1970 either
	lo := int(since / perHour)
	return hour{lo, (lo + 1) % hours, float64(since%perHour) / perHour}
}

// seen reports whether feature k has a deviation in this block.
func (p *past) seen(k int) bool {
	return p.number(k) && !math.IsNaN(float64(p.recent[k]))
}

// off returns how far feature k is from what was expected.
func (p *past) off(k int) float64 { return p.y[k] - float64(p.usual[k]) }

// number reports whether the block's y of feature k is a number.
func (p *past) number(k int) bool { return math.Abs(p.y[k]) <= largest }

// knows reports whether an hour of the day was seen on earlier days.
func (p *past) knows(i int) bool { return p.known>>i&1 == 1 }

// at returns the level of feature k at a time of day; NaN when there is none.
func (p *past) at(k int, now hour) float64 {
	of := func(i int) float64 {
		if l := p.level[k*hours+i]; p.knows(i) && l == l {
			return float64(l)
		}
		return float64(p.recent[k])
	}
	lo, hi := of(now.lo), of(now.hi)
	return lo + float64(now.w*(hi-lo))
}

// sd returns the standard deviation of feature k, drawn to the group's.
func (p *past) sd(h *history, k int) float64 {
	s, group, n := float64(p.spread[k]), h.scale[k], float64(p.learnt)
	if s == 0 {
		s = group
	}
	if group > 0 {
		s = math.Sqrt((float64(n*s*s) + float64(scaleSamples*group*group)) / (n + scaleSamples))
	}
	return max(s, leastScale)
}

// deviate sets z from y.
func (p *past) deviate(h *history, now hour) {
	p.restarted, p.last = p.last != h.blocks-1, h.blocks
	for k := range p.y {
		usual := p.at(k, now)
		p.z[k], p.usual[k] = math.NaN(), float32(usual)
		if p.seen(k) {
			z := (p.y[k] - usual) / p.sd(h, k)
			p.z[k] = min(max(z, -farthest), farthest)
		}
	}
}

// learn moves levels and scales towards y.
func (p *past) learn(h *history, now hour) {
	for i := range hours { // an hour of which half was seen is known when it is over
		if float64(p.weight[i]) >= h.perHour/2 && i != now.lo && i != now.hi {
			p.known |= 1 << i
		}
	}
	p.learnt++
	g := gains{
		low: p.gain(h, now.lo, 1-now.w), high: p.gain(h, now.hi, now.w),
		late: 1 / min(float64(p.learnt), max(h.perHour, minSamples)),
	}
	g.scale = g.late
	if p.knows(now.lo) && p.knows(now.hi) {
		p.aged++
		g.scale = 1 / min(float64(minSamples+p.aged), scaleDays*hours*h.perHour)
	}
	for k := range p.y {
		if p.number(k) {
			p.learnFeature(h, k, now, g)
		}
	}
}

// gains are the parts of a deviation by which a block moves what is known.
type gains struct{ low, high, late, scale float64 } // levels of both hours, of late; scale

// learnFeature moves the levels and the scale of feature k towards its y.
func (p *past) learnFeature(h *history, k int, now hour, g gains) {
	y := p.y[k]
	if recent := &p.recent[k]; *recent != *recent {
		*recent = float32(y)
	}
	lo, hi := &p.level[k*hours+now.lo], &p.level[k*hours+now.hi]
	for _, l := range []*float32{lo, hi} {
		if *l != *l {
			*l = p.recent[k]
		}
	}
	sd := math.Inf(1) // the first few blocks have nothing to be bounded by
	if p.learnt > minSamples {
		sd = p.sd(h, k)
	}
	bounded := func(e float64) float64 { return min(max(e, -influence*sd), influence*sd) }

	far := min(math.Abs(y-p.at(k, now)), scaleInfluence*sd)
	s := float64(p.spread[k])
	p.spread[k] = float32(s + float64(g.scale*(float64(meanSD*far)-s)))

	e := bounded(y - (float64(*lo) + float64(now.w*float64(*hi-*lo))))
	*lo += float32(g.low * e)
	*hi += float32(g.high * e)
	p.recent[k] += float32(g.late * bounded(y-float64(p.recent[k])))
}

// gain adds a block of weight w to an hour, and returns by how much of a
// deviation its levels are to move: a running mean over memoryDays at most.
func (p *past) gain(h *history, i int, w float64) float64 {
	if w == 0 {
		return 0
	}
	total := min(float64(p.weight[i])+w, memoryDays*h.perHour)
	p.weight[i] = float32(total)
	return w / total
}
