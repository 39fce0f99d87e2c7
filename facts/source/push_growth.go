package source

import (
	"math"
	"time"
)

// pushGrowth is what the counters of a column, added up, grew by from one time to
// another.
type pushGrowth struct {
	start    int64 // of the counter that was seen first
	first    int64 // when it was seen first; 0: there is none
	from, to int64
	sum      float64
	rate     float64 // per second, of the interval before
	rated    bool    // there is a rate
	seen     int64   // as that of a series
}

// count adds what a cumulative count grew by since its last point, or since it
// began, when that was after the first point of the column or with it.
func (g *pushGrowth) count(d *pushPoint, known *pushSeries, seen int64) {
	switch {
	case g.first == 0:
		*g = pushGrowth{start: d.start, first: d.at, from: d.at, to: d.at}
	case known != nil:
		g.sum += d.value - known.value
	case d.start != 0 && d.at > g.first && (d.start > g.first || d.start >= g.start-startJitter && d.start <= g.start+startJitter):
		g.sum += d.value
	}
	g.to, g.seen = max(g.to, d.at), max(g.seen, seen)
}

// add adds what was counted in an interval. What lies between two intervals was
// not seen, and takes no time.
func (g *pushGrowth) add(d *pushPoint, known *pushSeries, seen int64) {
	start := d.start
	if start <= 0 || start >= d.at {
		if known == nil {
			return // nobody knows for how long it counted
		}
		start = known.last
	}
	if g.first == 0 {
		*g = pushGrowth{start: d.start, first: d.at, from: start, to: start}
	}
	if start > g.to {
		g.from += start - g.to
		g.to = start
	}
	g.sum += d.value
	g.to, g.seen = max(g.to, d.at), max(g.seen, seen)
}

// read returns the rate at t, per second, or NaN. It ends the interval, unless
// that is shorter than half a tick: a few events in a moment are no rate.
func (g *pushGrowth) read(t time.Time, c *PushConfig) float64 {
	if g.to-g.from >= int64(c.Tick/2) {
		g.rate, g.rated = g.sum/time.Duration(g.to-g.from).Seconds(), true
		g.from, g.sum = g.to, 0
	}
	if !g.rated || t.UnixNano()-g.seen > int64(c.Stale) {
		return math.NaN()
	}
	return finite(g.rate)
}
