package backtest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
)

// world is a group's members as the recorded facts tell them, without what our
// own hand did when they were recorded.
type world struct {
	roster    bool              // a fact named all members
	standings map[string]string // by member, as facts name them
	ours      map[string]bool   // a recorded act of ours holds the member out
	members   int               // as the detector last counted them
	present   int
	newest    facts.Time // of that count

	list []actions.Member // of the above; nil: to be made anew
}

func newWorld() world {
	return world{standings: map[string]string{}, ours: map[string]bool{}}
}

// apply takes in a fact. The memory of the group bounds how many members there
// are.
func (w *world) apply(f *facts.Fact) {
	if f.Member != "" && !w.roster {
		if _, known := w.standings[f.Member]; !known {
			w.stand(f.Member, facts.StandingIn)
		}
	}
	if g := f.GroupState; g != nil && !f.Time.Before(w.newest.Time) {
		w.newest = f.Time
		if w.members != g.Members || w.present != g.Present {
			w.members, w.present, w.list = g.Members, g.Present, nil
		}
	}
	switch f.Kind {
	case facts.Membership:
		if f.Member == "" {
			w.roster = true
			clear(w.standings)
			w.list = nil
		}
		for _, m := range f.Members {
			w.stand(m.Name, m.State)
		}
	case facts.Result:
		w.outcome(f.Member, f.Outcome)
	}
}

func (w *world) stand(member, standing string) {
	if w.standings[member] != standing {
		w.standings[member], w.list = standing, nil
	}
}

// outcome keeps whom a recorded act of ours holds out: as in an engine's memory,
// not those that a human took over.
func (w *world) outcome(member string, o *facts.OutcomeInfo) {
	switch actions.Result(o.Result) {
	case actions.Done:
		switch actions.Verb(o.Verb) {
		case actions.Drain, actions.Maint, actions.Weight:
			w.ours[member], w.list = true, nil
		case actions.Restore:
			w.free(member)
		}
	case actions.Undone, actions.Released, actions.Escalated:
		w.free(member)
	}
}

func (w *world) free(member string) {
	delete(w.ours, member)
	w.list = nil
}

// size returns how many members there are. A roster says it; before one, the
// detector's count may know of members whose names nobody told.
func (w *world) size() int {
	if w.roster {
		return len(w.standings)
	}
	return max(len(w.standings), w.members)
}

// inventory returns the members by name. It may be used until the next fact.
func (w *world) inventory() []actions.Member {
	if w.list != nil {
		return w.list
	}
	w.list = make([]actions.Member, 0, w.size())
	out := 0
	for _, name := range slices.Sorted(maps.Keys(w.standings)) {
		m := actions.Member{Name: name, Standing: actions.InService, Up: true, Weight: 1}
		switch standing := w.standings[name]; {
		case standing == facts.StandingDown:
			m.Up = false
		case standing == facts.StandingDrain && !w.ours[name]:
			m.Standing = actions.Drained
		case standing == facts.StandingMaint && !w.ours[name]:
			m.Standing = actions.InMaintenance
		case standing == facts.StandingAbsent: // out, and not by a failed check
			m.Standing = actions.Drained
		}
		if m.Standing != actions.InService || !m.Up || w.ours[name] {
			out++
		}
		w.list = append(w.list, m)
	}
	// Of the members without a name, those that the count leaves out of service.
	for out := w.members - w.present - out; len(w.list) < w.size(); out-- {
		m := actions.Member{Name: fmt.Sprint("unnamed ", len(w.list)), Standing: actions.InService, Up: true, Weight: 1}
		if out > 0 {
			m.Standing = actions.Drained
		}
		w.list = append(w.list, m)
	}
	return w.list
}
