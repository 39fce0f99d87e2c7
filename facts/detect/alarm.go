package detect

import "time"

// quietTicks is how long a score stays at or below the threshold before its
// alarm ends: an alarm that flickers is one alarm.
const quietTicks = 3

// alarm is the life of one alarm, of a member, of a cohort or of a whole group
// of two.
type alarm struct {
	test     int // that it was seen by last
	standing bool
	onset    time.Time // since when, as far as the windows can tell
	over     int       // ticks above the threshold
	quiet    int       // ticks since then
	gone     bool      // its member left while it stood, and was not judged since
	muted    bool      // its cohort was told in its place
}

// what an alarm did at a tick
type change uint8

const (
	nothing change = iota
	stands         // it was raised, or goes on
	cleared        // it ended by itself
	left           // it ended because its member cannot be judged any more
)

// judge takes one tick's verdict in: whether a test is exceeded, and which;
// window is how long it needed for what it shows.
func (a *alarm) judge(exceeds bool, test int, now time.Time, window time.Duration) change {
	switch {
	case exceeds:
		if !a.standing {
			*a = alarm{standing: true, onset: now.Add(-window)}
		}
		a.test = test
		a.over++
		a.quiet = 0
	case !a.standing:
		return nothing
	default:
		if a.quiet++; a.quiet >= quietTicks {
			*a = alarm{test: a.test, onset: a.onset, muted: a.muted}
			return cleared
		}
	}
	return stands
}

// leave ends the alarm of a member that is not judged at this tick.
func (a *alarm) leave() change {
	if !a.standing {
		return nothing
	}
	*a = alarm{test: a.test, onset: a.onset, muted: a.muted, gone: true}
	return left
}
