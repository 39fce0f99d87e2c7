package engine

import (
	"fmt"
	"maps"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
)

// Mode says what becomes of what rules propose.
type Mode string

// The modes.
const (
	Observe Mode = "observe" // decisions are recorded, nothing is proposed to anyone
	Suggest Mode = "suggest" // as observe; people are shown what would be done
	Act     Mode = "act"     // intents go to the guard
)

// The bounds of a group's memory.
const (
	maxDrains   = 256       // acts remembered, of the last hour: the guard admits far fewer
	drainWindow = time.Hour // as far back as C.DrainsLastHour looks
)

// Memory is what an engine remembers of a group: a fold of its facts, the
// outcomes of acts among them, in the order in which they were accepted. It is
// bounded by the sizes that facts are bounded by. The zero value is not usable:
// see [NewMemory]. One goroutine at a time may use it.
type Memory struct {
	env, group string
	mode       Mode

	fact     *facts.Fact // the one to decide on
	id       string
	since    time.Time // of the first fact
	newest   time.Time // of any fact
	alarm    time.Time // of the last alarm
	sized    bool      // members and present are known
	members  int
	present  int
	detector int       // members alarmed, as the detector last counted
	believe  time.Time // until when detector and shift hold
	shift    string

	alarms    map[string]standingAlarm
	standings map[string]string
	out       int                  // standings that are not "in"
	held      map[string]time.Time // members out by our hand, since when
	drains    []time.Time          // ascending

	faults map[string][]time.Time // of each rule, the last few
	aside  map[string]string      // rule → version in which it is quarantined
}

type standingAlarm struct{ at, expires time.Time }

// NewMemory returns the memory of a group of which nothing is known.
func NewMemory(env, group string, mode Mode) *Memory {
	return &Memory{env: env, group: group, mode: mode, shift: "none",
		alarms: map[string]standingAlarm{}, standings: map[string]string{}, held: map[string]time.Time{},
		faults: map[string][]time.Time{}, aside: map[string]string{}}
}

// Apply takes in a fact, which the next decision is about. id is the fact's
// identity. It returns a function that takes the fact back, for the case that
// it cannot be recorded; it may be called until the next Apply.
//
// An error means that the fact is about another group, or that the memory of
// the group is full; the memory is unchanged.
func (m *Memory) Apply(f facts.Fact, id string) (undo func(), err error) {
	if f.Env != m.env || f.Group != m.group {
		return nil, fmt.Errorf("engine: fact of %s/%s in the memory of %s/%s", f.Env, f.Group, m.env, m.group)
	}
	if f.Member != "" && len(m.alarms) >= facts.MaxMembers {
		maps.DeleteFunc(m.alarms, func(_ string, a standingAlarm) bool { return !f.Time.Before(a.expires) })
	}
	if full(m.alarms, f.Member) || full(m.standings, f.Member) || full(m.held, f.Member) {
		return nil, fmt.Errorf("engine: memory of %s is full: it holds %d members", m.group, facts.MaxMembers)
	}
	before := *m
	member := m.rememberMember(f.Member)
	undo = func() {
		*m = before
		member()
	}
	m.fact, m.id = &f, id
	if m.since.IsZero() {
		m.since = f.Time.Time
	}
	if f.Time.After(m.newest) {
		m.newest = f.Time.Time
	}
	m.applyGroup(&f)
	switch f.Kind {
	case facts.Imbalance, facts.Absent:
		m.applyAlarm(&f)
	case facts.Membership:
		m.applyMembership(&f)
	case facts.Result:
		m.applyOutcome(&f)
	}
	return undo, nil
}

// full says whether a member would be one too many.
func full[V any](m map[string]V, member string) bool {
	_, known := m[member]
	return !known && member != "" && len(m) >= facts.MaxMembers
}

// rememberMember returns a function that restores what the memory holds of a
// member. Maps are shared with the copy that Apply keeps, so their one changed
// key is restored by itself.
func (m *Memory) rememberMember(name string) func() {
	alarms, standings, held := m.alarms, m.standings, m.held
	a, hasAlarm := alarms[name]
	s, hasStanding := standings[name]
	h, hasHold := held[name]
	return func() {
		restore(alarms, name, a, hasAlarm)
		restore(standings, name, s, hasStanding)
		restore(held, name, h, hasHold)
	}
}

func restore[V any](m map[string]V, key string, v V, had bool) {
	if had {
		m[key] = v
	} else {
		delete(m, key)
	}
}

func (m *Memory) applyGroup(f *facts.Fact) {
	g := f.GroupState
	if g == nil || f.Time.Before(m.newest) {
		return
	}
	m.sized, m.members, m.present = true, g.Members, g.Present
	m.detector, m.shift, m.believe = g.Alarmed, g.Shift, f.Expires.Time
}

func (m *Memory) applyAlarm(f *facts.Fact) {
	if f.State == facts.Alarm && f.Time.After(m.alarm) {
		m.alarm = f.Time.Time
	}
	if f.Member == "" || f.Time.Time.Before(m.alarms[f.Member].at) {
		return
	}
	switch f.State {
	case facts.Alarm:
		m.alarms[f.Member] = standingAlarm{f.Time.Time, f.Expires.Time}
	case facts.Clear:
		delete(m.alarms, f.Member)
	}
}

func (m *Memory) applyMembership(f *facts.Fact) {
	if f.Member != "" {
		if len(f.Members) == 1 && f.Members[0].Name == f.Member {
			m.stand(f.Member, f.Members[0].State)
		}
		return
	}
	m.standings, m.out = make(map[string]string, len(f.Members)), 0
	for _, s := range f.Members {
		m.stand(s.Name, s.State)
	}
	m.sized, m.members, m.present = true, len(f.Members), len(f.Members)-m.out
}

// stand keeps a member's standing, and how many are out.
func (m *Memory) stand(name, state string) {
	isOut := func(s string, known bool) int {
		if known && s != facts.StandingIn {
			return 1
		}
		return 0
	}
	before, known := m.standings[name]
	m.out += isOut(state, true) - isOut(before, known)
	m.standings[name] = state
}

// applyOutcome keeps who is out by our hand. A member that a human took over is
// out, but no longer ours to put back.
func (m *Memory) applyOutcome(f *facts.Fact) {
	out := f.Outcome
	takes := classes[actions.Verb(out.Verb)] > 0
	switch actions.Result(out.Result) {
	case actions.Done:
		switch {
		case takes:
			if _, ours := m.held[f.Member]; !ours {
				m.held[f.Member] = f.Time.Time
			}
		case actions.Verb(out.Verb) == actions.Restore:
			delete(m.held, f.Member)
		}
	case actions.Undone, actions.Released, actions.Escalated:
		delete(m.held, f.Member)
		takes = takes && actions.Result(out.Result) == actions.Undone
	default:
		return
	}
	if takes {
		from := 0
		for from < len(m.drains) && (len(m.drains)-from >= maxDrains || f.Time.Sub(m.drains[from]) > drainWindow) {
			from++
		}
		m.drains = append(m.drains[from:len(m.drains):len(m.drains)], f.Time.Time)
	}
}
