package detect

import "math"

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
// median did.
type shift struct{ total, median, latency level }

// add takes in one tick of the group. Cost: O(n), no allocation.
func (s *shift) add(g *group) {
	n := len(g.members)
	for k := range g.features {
		load := g.features[k].name == "request_rate"
		if !load && g.features[k].name != "latency_ms" {
			continue
		}
		total, seen := 0.0, g.scratch[:0]
		for i, m := range g.members {
			v := g.num[k*n+i]
			if m.unseen > 0 || !(v >= 0) {
				continue
			}
			total += v
			if m.peer && (load || g.den[k*n+i] > 0) {
				seen = append(seen, v)
			}
		}
		if len(seen) == 0 {
			continue
		}
		selectNth(seen, len(seen)/2)
		if middle := seen[len(seen)/2]; load {
			s.total.add(total)
			s.median.add(middle)
		} else {
			s.latency.add(middle)
		}
	}
}

// word returns which way the group moved.
func (s *shift) word() string {
	load := s.total.moved()
	if load != s.median.moved() {
		load = 0
	}
	switch latency := s.latency.moved(); {
	case load > 0 || load == 0 && latency > 0:
		return "up"
	case load < 0 || latency < 0:
		return "down"
	}
	return "none"
}

// level follows the logarithm of a number that is not negative.
type level struct {
	ticks         int
	past, now, sd float64 // fading mean of long, of late, and mean distance of the two
}

func (l *level) add(x float64) {
	if !(x >= 0) {
		return
	}
	y := log1p(x)
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
