package knowledge

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

const (
	// maxStops that stand or are remembered. A stop of everything is always
	// taken in unless one stands already.
	maxStops = 256
	// maxStopAge is how old a stop may be when it comes in, and how long one that
	// was ended is remembered: a stop that was resumed cannot be played again.
	maxStopAge = 24 * time.Hour
)

// StopRecord is a stop that stands.
type StopRecord struct {
	Digest  string // names it in a resume: of the statement, or of the log entry for one without a signature
	Scope   string // all, group/NAME or rule/NAME
	By      string // id of the person, or who it was by the log
	Why     string
	Since   time.Time
	Resumed []string // sorted ids of the people who asked for its end so far
	Missing int      // more who have to
	Signed  bool     // by a person's statement; else the guard recorded it, and holds it by itself
}

// standing is a stop as the ledger keeps it.
type standing struct {
	digest, scope, by, why string
	at                     time.Time
	seq                    int64              // of its entry
	said                   map[string]receipt // person → their resume
	ended                  time.Time          // zero: it stands
	people                 []string           // sorted, by whose word it ended
	signed                 bool
}

// Stops returns the stops that stand, the oldest first.
func (l *Ledger) Stops() []StopRecord {
	out := []StopRecord{}
	for _, s := range l.stops {
		if !s.ended.IsZero() {
			continue
		}
		out = append(out, StopRecord{s.digest, s.scope, s.by, s.why, s.at, l.resumers(s), l.missing(s), s.signed})
	}
	return out
}

// Ended returns the sorted ids of the people by whose word the last stop of a
// scope ended, and when that was. ok is false while one of the scope stands, and
// when none is remembered: one that ended is for a day.
func (l *Ledger) Ended(scope string) (people []string, at time.Time, ok bool) {
	for _, s := range l.stops {
		switch {
		case s.scope != scope:
		case s.ended.IsZero():
			return nil, time.Time{}, false
		case !s.ended.Before(at):
			people, at, ok = s.people, s.ended, true
		}
	}
	return people, at, ok
}

// toResume is how many people it takes to end a stop: as many as to approve a
// change.
func (l *Ledger) toResume() int {
	p, err := l.policy()
	if err != nil {
		return floorPeople
	}
	return int(p.Approvals)
}

// missing is how many more people have to ask for the end of a stop.
func (l *Ledger) missing(s *standing) int {
	if !s.ended.IsZero() {
		return 0
	}
	return max(l.toResume()-len(l.resumers(s)), 0)
}

func (l *Ledger) stop(digest string) *standing {
	if i := slices.IndexFunc(l.stops, func(s *standing) bool { return s.digest == digest }); i >= 0 {
		return l.stops[i]
	}
	return nil
}

// knowsStop reports whether a stop, or a resume of a stop or quarantine, was
// taken in before.
func (l *Ledger) knowsStop(digest string) bool {
	said := func(s *standing) bool {
		return s.digest == digest || slices.ContainsFunc(slices.Collect(maps.Values(s.said)), func(r receipt) bool { return r.digest == digest })
	}
	return slices.ContainsFunc(l.stops, said) || slices.ContainsFunc(l.asides, func(a *aside) bool { return said(&a.standing) })
}

// stands returns the stop of the scope that stands, nil when none does.
func (l *Ledger) stands(scope string) *standing {
	i := slices.IndexFunc(l.stops, func(s *standing) bool { return s.scope == scope && s.ended.IsZero() })
	if i < 0 {
		return nil
	}
	return l.stops[i]
}

// stopped says that everything is stopped, if it is.
func (l *Ledger) stopped() []string {
	if s := l.stands("all"); s != nil {
		return []string{"everything is stopped by " + s.by + ": " + s.why}
	}
	return nil
}

func (l *Ledger) admitStop(s Statement, r receipt, now time.Time) (func(time.Time), error) {
	scope := s.Field("scope")
	if made := s.Time("time"); made.Before(now.Add(-maxStopAge)) {
		return nil, fmt.Errorf("stop was signed at %s, want within %v: it may have been ended since", formatTime(made), maxStopAge)
	}
	n := 0
	for _, other := range l.stops {
		if other.ended.IsZero() || other.at.After(now.Add(-maxStopAge)) {
			n++
		}
	}
	if n >= maxStops && (scope != "all" || l.stands("all") != nil) {
		return nil, fmt.Errorf("%d stops are known already: stop all", n)
	}
	return func(at time.Time) {
		l.halt(standing{digest: r.digest, scope: scope, by: s.Field("person"), why: s.Field("why"), at: at, signed: true})
	}, nil
}

// halt keeps a stop, and forgets those that ended long ago.
func (l *Ledger) halt(s standing) {
	l.stops = slices.DeleteFunc(l.stops, func(old *standing) bool {
		return !old.ended.IsZero() && old.ended.Before(s.at.Add(-maxStopAge-clockSkew))
	})
	s.seq, s.said = l.seq, map[string]receipt{}
	l.stops = append(l.stops, &s)
}

func (l *Ledger) admitResume(s Statement, r receipt) (func(time.Time), error) {
	if a := l.aside(s.Field("stop")); a != nil {
		return l.admitLift(a, s, r)
	}
	if stop := l.stop(s.Field("stop")); stop != nil {
		return l.admitEnd(stop, s, r)
	}
	return nil, fmt.Errorf("the stop or quarantine %s is not known here", s.Field("stop"))
}

// admitEnd judges a resume of what stands.
func (l *Ledger) admitEnd(stop *standing, s Statement, r receipt) (func(time.Time), error) {
	id := s.Field("person")
	switch {
	case !stop.ended.IsZero():
		return nil, errors.New("the stop has ended")
	case slices.Contains(l.resumers(stop), id):
		return nil, fmt.Errorf("%s has asked for its end already: people are counted, not statements", id)
	case s.Time("time").Before(stop.at.Add(-clockSkew)):
		return nil, fmt.Errorf("resume was signed at %s, before the stop at %s", formatTime(s.Time("time")), formatTime(stop.at))
	}
	return func(at time.Time) {
		r.at = at
		stop.said[id] = r
		if l.missing(stop) == 0 {
			stop.people, stop.ended = l.resumers(stop), at
		}
	}, nil
}

// resumers returns the people whose wish to end a stop counts: those who are
// approvers still, and signed with a key that nobody stole, or did when it ended.
func (l *Ledger) resumers(s *standing) []string {
	if !s.ended.IsZero() {
		return s.people
	}
	register, _ := l.chain.Current()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.said)), func(id string) bool {
		p, ok := register.Person(id)
		said := s.said[id]
		return !ok || !p.Has("approver") || len(l.believed(said.SignedText, said.at).Signatures) == 0
	})
}

// takeSwitch takes in a stop that the guard recorded. One by a person's signed
// statement is known already.
func takeSwitch(l *Ledger, e audit.Stored, r audit.Record) error {
	var b struct {
		By     []string
		Reason string
		Scope  string
	}
	if err := json.Unmarshal(e.Body, &b); err != nil || !formScope.holds(b.Scope) {
		b.Scope = "all" // a stop that cannot be read stops everything
	}
	signed := slices.ContainsFunc(b.By, func(by string) bool { return len(by) > len("person:") && by[:len("person:")] == "person:" })
	if signed || l.stands(b.Scope) != nil && len(l.stops) >= maxStops {
		return nil
	}
	l.halt(standing{digest: TextDigest(r.Bytes), scope: b.Scope, by: e.Actor, why: plain(b.Reason)[0], at: e.Time})
	return nil
}

// takeSwitchOff takes in that the guard's switch was turned off. From the first
// register on that takes signatures; before it there was nobody to sign.
func takeSwitchOff(l *Ledger, e audit.Stored, _ audit.Record) error {
	if r, _ := l.chain.Current(); r != nil {
		return nil
	}
	var b struct {
		By    []string
		Scope string
	}
	if err := json.Unmarshal(e.Body, &b); err != nil || !formScope.holds(b.Scope) {
		b.Scope = "all"
	}
	for _, s := range l.stops {
		if s.scope == b.Scope && s.ended.IsZero() {
			s.ended, s.people = e.Time, b.By
		}
	}
	return nil
}
