package engine

import (
	"time"

	"github.com/evenkeel/evenkeel/actions"
)

func (m *Memory) alarmed(now time.Time) int {
	n := 0
	for _, a := range m.alarms {
		if now.Before(a.expires) {
			n++
		}
	}
	if now.Before(m.believe) {
		n = max(n, m.detector)
	}
	return n
}

func (m *Memory) outFor(member string, now time.Time) time.Duration {
	since, ok := m.held[member]
	if !ok {
		return 0
	}
	return max(now.Sub(since), time.Millisecond) // 0 says that we do not hold it
}

func (m *Memory) quietFor(now time.Time) time.Duration {
	if m.alarm.IsZero() {
		return max(now.Sub(m.since), 0)
	}
	return max(now.Sub(m.alarm), 0)
}

func (m *Memory) drainsSince(t time.Time) int {
	n := 0
	for _, d := range m.drains {
		if d.After(t) {
			n++
		}
	}
	return n
}

// seen is the group as the guard wants to know it.
func (m *Memory) seen(now time.Time) actions.Seen {
	s := actions.Seen{Alarmed: m.alarmed(now), At: m.newest, Members: m.members, Present: m.present, Shift: "none"}
	if now.Before(m.believe) {
		s.Shift = m.shift
	}
	return s
}
