package source

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Bounds on what is remembered of members.
const (
	// maxMemberSeries bounds the attribute sets of a member, over all its metrics: 16
	// each for the most metrics that a frame holds.
	maxMemberSeries = 4096
	// maxGroupSeries bounds those of all members, at about 100 bytes each: 10,000
	// members with 20 metrics have room for 5 sets each.
	maxGroupSeries = 1 << 20
)

// pushKind says how the points of a series become a value.
type pushKind uint8

const (
	kindLevel pushKind = iota // the newest value
	kindTotal                 // a count since the start: what it grew by
	kindDelta                 // what was counted since the last point
)

// pushPoint is one number that was pushed. Times are Unix nanoseconds by the
// member's clock; start is 0 when it is not known.
type pushPoint struct {
	id        seriesName
	kind      pushKind
	start, at int64
	value     float64
	gone      bool // the sender says that there is no value any more
}

// seriesName names a series of a member: the column it belongs to, and a hash of
// the attributes.
type seriesName struct {
	slot  int
	attrs uint64
}

// pushSeries is what is known of one attribute set of one metric.
type pushSeries struct {
	id          seriesName
	kind        pushKind
	start, last int64 // of the newest point
	value       float64
	seen        int64 // when the value was true, by the earlier of both clocks
}

// pushMember is what one member has pushed.
type pushMember struct {
	arrived time.Time // the newest request, by our clock
	index   map[seriesName]int
	series  []pushSeries // in the order in which they came, which is that of summation
	growth  []pushGrowth // of each column, by slot; shorter when its last ones have no counter
}

var (
	errOld      = errors.New("it is not newer than the last: late, or sent twice")
	errReplaced = errors.New("another process with a later start pushes under this name: want one name for each process")
	errCount    = errors.New("it counts below zero: want a number that is not negative")
	errFinite   = errors.New("it is not a finite number")
	errTooMany  = fmt.Errorf("more than %d attribute sets of a member, or %d of all: push fewer", maxMemberSeries, maxGroupSeries)
)

// startJitter is how far the start time of one process may wander: some senders
// compute it anew from the uptime for each push.
const startJitter = int64(2 * time.Second)

// fits returns why the point can not be taken, or nil. known is its series, or
// nil.
func (d *pushPoint) fits(known *pushSeries) error {
	switch {
	case known != nil && d.at <= known.last:
		return errOld
	case d.gone:
		return nil
	case math.IsNaN(d.value) || math.IsInf(d.value, 0):
		return errFinite
	case d.kind != kindLevel && d.value < 0:
		return errCount
	case d.kind == kindTotal && known != nil && d.start != 0 && d.start < known.start-startJitter:
		return errReplaced
	}
	return nil
}

// restarted reports whether a count began anew since the last point.
func (d *pushPoint) restarted(known *pushSeries) bool {
	if d.kind != kindTotal || d.gone || known == nil {
		return false
	}
	return d.value < known.value || known.start != 0 && d.start > known.start+startJitter
}

// find returns the series of the given name, or nil.
func (m *pushMember) find(id seriesName) *pushSeries {
	if i, ok := m.index[id]; ok {
		return &m.series[i]
	}
	return nil
}

// take counts a point that fits. seen is when it was true, by the earlier of
// both clocks.
func (m *pushMember) take(d *pushPoint, seen int64) {
	s := m.find(d.id)
	if d.gone {
		if s != nil {
			s.last, s.seen = d.at, math.MinInt64/2 // stale whatever the time is
		}
		return
	}
	for d.kind != kindLevel && len(m.growth) <= d.id.slot {
		m.growth = append(m.growth, pushGrowth{})
	}
	switch d.kind {
	case kindTotal:
		m.growth[d.id.slot].count(d, s, seen)
	case kindDelta:
		m.growth[d.id.slot].add(d, s, seen)
	}
	if s == nil {
		m.index[d.id] = len(m.series)
		m.series = append(m.series, pushSeries{id: d.id, kind: d.kind, start: d.start})
		s = &m.series[len(m.series)-1]
	}
	s.last, s.value, s.seen = d.at, d.value, seen
}

// read writes the member's values at t into row, in which the value of the
// column in slot i stands at at[i].
func (m *pushMember) read(t time.Time, c *PushConfig, at []int, row []float64) {
	for slot := range m.growth {
		if g := &m.growth[slot]; g.first != 0 {
			row[at[slot]] = g.read(t, c)
		}
	}
	for i := range m.series {
		s := &m.series[i]
		if s.kind != kindLevel || t.UnixNano()-s.seen > int64(c.Stale) {
			continue
		}
		v := &row[at[s.id.slot]]
		if math.IsNaN(*v) {
			*v = 0
		}
		*v = finite(*v + s.value)
	}
}

// drop removes the series that it is told to, gives their columns to release,
// and returns how many it removed.
func (m *pushMember) drop(gone func(*pushSeries) bool, release func(slot int)) int {
	kept := 0
	for i := range m.series {
		s := &m.series[i]
		if gone(s) {
			release(s.id.slot)
			delete(m.index, s.id)
			if s.id.slot < len(m.growth) {
				m.growth[s.id.slot] = pushGrowth{}
			}
			continue
		}
		if kept < i {
			m.series[kept], m.index[s.id] = *s, kept
		}
		kept++
	}
	n := len(m.series) - kept
	m.series = m.series[:kept]
	return n
}

// isCounter tells the series that end with the process that counted them.
func isCounter(s *pushSeries) bool { return s.kind != kindLevel }
