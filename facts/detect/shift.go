package detect

import (
	"math"
	"slices"
)

// The common part of a group moved when a level is away from its recent past
// by more than shiftFactor, and by more than shiftSD of its usual deviations;
// the past fades with shiftTicks.
const (
	shiftFactor = 1.25
	shiftSD     = 4
	shiftTicks  = 300
	shiftNow    = 3 // ticks over which the present is averaged
	minShift    = 20
)

// shift watches whether the whole group moves together, which is never an
// imbalance. Its word is "none", "up" or "down".
//
// Load moved when both the total of all members' request rates and the median
// of the peers' did: a black hole drains the others (median down, total still), a member
// that leaves loads them (median up, total still). Latency moved when the
// median of a feature that tells the time of requests did.
type shift struct {
	total, median level
	latency       []latency
}

// latency follows one feature that tells the time of requests.
type latency struct {
	feature string
	level
}

// requestRate is the feature that tells the load.
const requestRate = "request_rate"

// times reports whether f tells how long requests take: a mean time, or the
// time spent per request.
func (f *feature) times() bool {
	return f.form == formTime || f.name == "request_time_s" || f.name == "request_time_ms"
}

// add takes in one tick of the group. Cost: O(n) for each feature that tells of
// load or latency, no allocation once they are known.
func (s *shift) add(g *group) {
	for k := range g.features {
		switch f := &g.features[k]; {
		case f.name == requestRate:
			s.addLoad(g, k)
		case f.times():
			s.addLatency(g, k)
		}
	}
}

// addLoad takes in feature k, the request rates.
func (s *shift) addLoad(g *group, k int) {
	total, seen := 0.0, g.scratch[:0]
	for i, v := range g.num[k*len(g.members):][:len(g.members)] {
		if m := g.members[i]; m.unseen == 0 && v >= 0 {
			total += v
			if m.peer {
				seen = append(seen, v)
			}
		}
	}
	if len(seen) > 0 {
		selectNth(seen, len(seen)/2)
		s.total.add(log1p(total))
		s.median.add(log1p(seen[len(seen)/2]))
	}
}

// addLatency takes in feature k. No request takes no time: whoever says so does
// not measure it.
func (s *shift) addLatency(g *group, k int) {
	f, n, seen := &g.features[k], len(g.members), g.scratch[:0]
	for i, m := range g.members {
		v, requests := g.num[k*n+i], g.den[k*n+i]
		if f.form != formTime {
			v /= requests
		}
		if m.unseen == 0 && m.peer && requests > 0 && v > 0 {
			seen = append(seen, v)
		}
	}
	if len(seen) == 0 {
		return
	}
	selectNth(seen, len(seen)/2)
	at := slices.IndexFunc(s.latency, func(l latency) bool { return l.feature == f.name })
	if at < 0 {
		at = len(s.latency)
		s.latency = append(s.latency, latency{feature: f.name})
	}
	s.latency[at].add(logarithm(seen[len(seen)/2]))
}

// word returns which way the group moved.
func (s *shift) word() string {
	load := s.total.moved()
	if load != s.median.moved() {
		load = 0
	}
	up, down := load > 0, load < 0
	for i := range s.latency {
		if way := s.latency[i].moved(); load == 0 {
			up, down = up || way > 0, down || way < 0
		}
	}
	switch {
	case up:
		return "up"
	case down:
		return "down"
	}
	return "none"
}

// level follows a logarithm.
type level struct {
	ticks         int
	past, now, sd float64 // fading mean of long, of late, and mean distance of the two
}

func (l *level) add(y float64) {
	if l.ticks++; l.ticks == 1 {
		l.past, l.now = y, y
	}
	far := max(1/float64(l.ticks), 1.0/shiftTicks)
	l.now += (y - l.now) / shiftNow
	l.sd += float64(far * (math.Abs(l.now-l.past) - l.sd))
	l.past += float64(far * (y - l.past))
}

// moved returns 1 when the level is up, -1 when it is down, 0 otherwise.
func (l *level) moved() int {
	band := max(math.Log(shiftFactor), float64(shiftSD*l.sd))
	switch away := l.now - l.past; {
	case l.ticks < minShift:
		return 0
	case away > band:
		return 1
	case away < -band:
		return -1
	}
	return 0
}
