package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/evenkeel/evenkeel/actions"
)

// pairwise reports what is doubtful about rules beside each other. Rules come in
// canonical order; pass is the number of the survey.
//
// Cost: some 0.2 µs for each pair of which one rule is new since the survey
// before, and 2 ns for the others.
func pairwise(rules []*study, pass int) {
	for i, s := range rules {
		s.beside.update(s, rules[:i], pass, s.besideOther)
		s.flap.update(s, rules, pass, s.flaps)
	}
}

// pairing is the first rule of others beside which a rule is doubtful: one
// finding a rule is enough to act on.
type pairing struct {
	pass  int    // the last survey that looked
	with  *study // nil: there is none
	found *Error
}

// update looks at those of others that were not looked at before. A study that is
// older than the last look was among the others then.
func (p *pairing) update(s *study, others []*study, pass int, look func(*study) *Error) {
	last := *p
	*p = pairing{pass: pass}
	if !s.known || len(s.boxes) == 0 {
		return
	}
	for _, o := range others {
		switch {
		case o == last.with:
			p.with, p.found = o, last.found
			return
		case o.born <= last.pass && (last.with == nil || canonical(o.written, last.with.written) < 0):
		case o.known && len(o.boxes) > 0 && o != s:
			if p.found = look(o); p.found != nil {
				p.with = o
				return
			}
		}
	}
}

// doubt is what is doubtful beside another rule, at the rule's name.
func (s *study) doubt(code Code, msg, hint string) *Error {
	return s.err(s.at(1), code, msg, hint)
}

// besideOther compares a rule with one that comes before it.
func (s *study) besideOther(o *study) *Error {
	inner, outer := s.boxes.within(o.boxes), o.boxes.within(s.boxes)
	same := s.included(o)
	switch {
	case inner && outer && same && o.included(s):
		return s.doubt(w11, "has the condition and the effects of rule "+o.name, "remove one of the two")
	case inner && same:
		return s.doubt(w10, fmt.Sprintf("adds nothing: rule %s does the same wherever its condition holds", o.name), "remove it, or give it a narrower neighbour")
	case outer && o.included(s) && s.salience == o.salience:
		return s.doubt(w10, fmt.Sprintf("makes rule %s superfluous: it does the same in more cases", o.name), "remove the narrower one")
	case inner && s.only() && s.silenced(o):
		return s.doubt(w10, fmt.Sprintf("never has its way: rule %s wins wherever its condition holds", o.name), "raise its salience, or narrow the other's condition")
	case outer && o.only() && o.silenced(s):
		return s.doubt(w10, fmt.Sprintf("always overrules rule %s, which never has its way", o.name), "narrow its condition")
	}
	return s.conflicts(o)
}

// silenced says whether what s proposes cannot stand where o fires as well.
func (s *study) silenced(o *study) bool {
	verbs := s.proposes()
	if len(verbs) == 0 {
		return false
	}
	return !slices.ContainsFunc(verbs, func(v actions.Verb) bool {
		loses := o.salience > s.salience && slices.ContainsFunc(o.proposes(), func(w actions.Verb) bool { return v != w })
		return !loses && !o.does("Veto", string(v))
	})
}

// conflicts reports different acts on one member at equal salience, in a
// situation in which both rules fire.
func (s *study) conflicts(o *study) *Error {
	if s.salience != o.salience {
		return nil
	}
	for _, v := range s.proposes() {
		for _, w := range o.proposes() {
			if v == w {
				continue
			}
			if both, ok := s.boxes.and(o.boxes); ok && len(both) == 0 {
				return nil
			}
			return s.doubt(w12, fmt.Sprintf("wants %s where rule %s of equal salience wants %s", v, o.name, w),
				"give them different saliences, or conditions that exclude each other")
		}
	}
	return nil
}

// Hysteresis: between the bound at which an act starts and the one at which it
// ends lies at least this share of the bound, or more than one of a count.
const leastGap = 0.1

// acts says whether a rule proposes one of the verbs.
func (s *study) acts(verbs ...actions.Verb) bool {
	return slices.ContainsFunc(s.proposes(), func(v actions.Verb) bool { return slices.Contains(verbs, v) })
}

// flaps reports a rule that ends an act one step from where another starts it.
func (s *study) flaps(o *study) *Error {
	if !s.acts(actions.Restore) || !o.acts(actions.Drain, actions.Maint, actions.Weight) || s.waits() {
		return nil
	}
	key := touching(s.boxes, o.boxes)
	if key == "" {
		return nil
	}
	return s.doubt(w15, fmt.Sprintf("ends at one step of %s from where rule %s starts", key, o.name),
		"leave a gap between the two bounds, or ask for C.OutSeconds or C.QuietSeconds")
}

// waits says whether every alternative asks for a time that has passed.
func (s *study) waits() bool {
	return !slices.ContainsFunc(s.boxes, func(b box) bool {
		for key, l := range b {
			if w := s.word(key); w != nil && w.Unit == "seconds" && l.low > 0 {
				return false
			}
		}
		return true
	})
}

// identity holds the words that tell whom a fact is about: unlike its state, they
// do not become something else.
var identity = []string{"F.Env", "F.Group", "F.Member"}

// touching returns a reading whose two bounds have no gap between them, when
// there is no other that has one.
func touching(ends, starts boxes) string {
	for _, e := range ends {
		for _, s := range starts {
			near, apart := []string{}, false
			for key, l := range e {
				o, ok := s[key]
				if !ok {
					continue
				}
				if l.isText { // of another member, group or environment
					apart = apart || slices.Contains(identity, key) && l.and(o).empty()
					continue
				}
				switch g := gap(l, o); {
				case math.IsNaN(g):
				case g > 0:
					apart = true
				default:
					near = append(near, key)
				}
			}
			if len(near) > 0 && !apart {
				slices.Sort(near)
				return near[0]
			}
		}
	}
	return ""
}

// gap is above zero when a step lies between two one-sided limits that face
// away from each other; NaN when they do not.
func gap(a, b limit) float64 {
	if !math.IsInf(a.low, -1) && !math.IsInf(b.high, 1) {
		a, b = b, a
	}
	if math.IsInf(a.high, 1) || math.IsInf(b.low, -1) {
		return math.NaN()
	}
	if a.whole || b.whole {
		return b.low - a.high - 1
	}
	return b.low - a.high - leastGap*math.Max(math.Abs(b.low), math.Abs(a.high))
}
