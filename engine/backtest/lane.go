package backtest

import (
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
)

// laneKey names a group of a stream.
type laneKey struct{ stream, env, group string }

// lane is a group: its facts are decided upon in their order.
type lane struct {
	sides   []*side
	waiting []*entry
}

// side is a group as one pack knows it. One goroutine at a time may use it.
type side struct {
	program *engine.Program
	memory  *engine.Memory
	guard   *actions.Rehearsal
	world   world
	clock   time.Time // the newest time of a fact
}

func newLane(key laneKey, packs []*Pack) (*lane, error) {
	l := &lane{}
	for _, p := range packs {
		guard, err := actions.NewRehearsal(key.group, p.Limits)
		if err != nil {
			return nil, err
		}
		l.sides = append(l.sides, &side{program: p.Program, memory: engine.NewMemory(key.env, key.group, engine.Act),
			guard: guard, world: newWorld()})
	}
	return l, nil
}

// judged is what a pack made of a fact.
type judged struct {
	fate    fate
	work    engine.Work
	aside   int // rules that were put aside
	clock   time.Time
	intents []wish
}

// wish is an intent, and what became of it.
type wish struct {
	verb  actions.Verb
	rule  string
	limit string // that held it back; empty: let through
}

// adviseOnly stands for a limit where the guard is not asked: a critical rule of
// the pack had no say.
const adviseOnly = "advise only"

// judge lets a side decide upon the facts that wait.
func (l *lane) judge(side int) error {
	for _, e := range l.waiting {
		if err := l.sides[side].take(e, &e.judged[side]); err != nil {
			return err
		}
	}
	return nil
}

func (s *side) take(e *entry, j *judged) error {
	f := &e.fact
	if f.Time.After(s.clock) {
		s.clock = f.Time.Time
	}
	j.clock = s.clock
	if !f.Past && !s.clock.Before(f.Expires.Time) {
		j.fate = late
		return nil
	}
	if _, err := s.memory.Apply(f.Fact, f.ID); err != nil {
		j.fate = full
		return nil
	}
	s.world.apply(&f.Fact)
	s.guard.Observe(s.clock, s.world.size())
	if f.Past {
		j.fate = past
		return nil
	}
	d, work, err := s.program.DecideCounted(s.clock, s.memory)
	if err != nil {
		return err
	}
	s.memory.Record(&d)
	j.work, j.aside = work, len(d.Quarantined)
	for _, in := range d.Intents() {
		w := wish{in.Verb, in.Rule, adviseOnly}
		if d.Acts() {
			w.limit = s.guard.Submit(s.clock, in, s.world.inventory).Limit
		}
		j.intents = append(j.intents, w)
	}
	return nil
}
