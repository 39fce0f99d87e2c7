package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// check says what is wrong with a group.
func (g *Group) check() error {
	if g.Program == nil {
		return errors.New("there is no program")
	}
	switch g.Mode {
	case Observe, Suggest, Act:
		return nil
	}
	return fmt.Errorf("mode %q, want observe, suggest or act", g.Mode)
}

// Load puts a program in force for a group, in a mode: both together, between
// two decisions. The decision that is being made ends with the old ones, and
// says so. It never waits.
func (e *Engine) Load(name string, p *Program, m Mode) error {
	next := Group{p, m}
	if err := next.check(); err != nil {
		return fmt.Errorf("engine: load a program for group %s: %w", name, err)
	}
	g, ok := e.groups[name]
	if !ok {
		return fmt.Errorf("engine: load a program for group %.64q: it is not decided upon here", name)
	}
	g.live.Store(&next)
	return nil
}

// shadow is a candidate that decides on the facts of a group beside what is in
// force. Its memory is the group's, a fold of the same facts, but for what it
// knows of rules that failed: these are its own. Whoever decides with it holds
// the group's lock.
type shadow struct {
	Group
	told   func(facts.Fact, Decision, error)
	faults map[string][]time.Time
	aside  map[string]string
}

// Shadow lets a candidate decide, as if it were in force in the mode m, on
// every fact of the group that is accepted from now on, right after the live
// decision was recorded and its intents were submitted. What it decides goes to
// told and nowhere else: nothing of it is recorded, submitted or remembered for
// the live decisions. Its rules have the same bounds as live ones, and begin
// without faults: a rule that costs too much or fails is refused, and put aside
// after the third time.
//
// A panic or an error of the candidate ends the shadow and is the error that
// told is given, with no decision. told is called under the group's lock: it
// must return soon and must not call the engine.
//
// There is one shadow a group: another replaces it, and one without a program
// (p nil) ends it. That never waits, so a decision that is being made is still
// told afterwards.
func (e *Engine) Shadow(name string, p *Program, m Mode, told func(facts.Fact, Decision, error)) error {
	g, ok := e.groups[name]
	if !ok {
		return fmt.Errorf("engine: shadow of group %.64q: it is not decided upon here", name)
	}
	if p == nil {
		g.shadow.Store(nil)
		return nil
	}
	next := Group{p, m}
	if err := next.check(); err != nil {
		return fmt.Errorf("engine: shadow of group %s: %w", name, err)
	}
	if told == nil {
		return fmt.Errorf("engine: shadow of group %s: nobody is told what it decides", name)
	}
	g.shadow.Store(&shadow{next, told, map[string][]time.Time{}, map[string]string{}})
	return nil
}

// follow lets the shadow, if there is one, decide on the fact that was decided
// upon last.
func (g *group) follow(f facts.Fact, now time.Time) {
	s := g.shadow.Load()
	if s == nil {
		return
	}
	d, err := s.decide(now, g.memory)
	if err != nil {
		g.shadow.CompareAndSwap(s, nil)
		d = Decision{}
	}
	s.told(f, d, err)
}

// decide decides from what the live memory holds, and changes nothing of it.
func (s *shadow) decide(now time.Time, live *Memory) (d Decision, err error) {
	defer func() {
		if p := recover(); p != nil { // a candidate is not trusted yet: the live decisions go on
			err = fmt.Errorf("engine: shadow of %s: panic: %v", s.Program.version, p)
		}
	}()
	m := *live
	m.mode, m.faults, m.aside = s.Mode, s.faults, s.aside
	if d, err = s.Program.Decide(now, &m); err == nil {
		m.Record(&d)
	}
	return d, err
}
