package engine

import (
	"slices"

	"github.com/evenkeel/evenkeel/actions"
)

// deed is one thing that the consequence of a rule does.
type deed struct {
	call string // Propose, Veto, Note, or "=" for an assignment
	what string // the verb, the text of a note, the field
	at   int    // token
}

// deedsOf lists what a consequence does, in the order of the text.
func deedsOf(t *tree) []deed {
	var out []deed
	for _, s := range t.then {
		e := deed{call: "=", what: s.write, at: s.from}
		if s.write == "" {
			e.call, e.what = s.value.name, ""
			if len(s.value.kids) > 0 {
				e.what = s.value.kids[0].name
			}
		}
		out = append(out, e)
	}
	return out
}

// does says whether a rule has an effect.
func (s *study) does(call, what string) bool {
	return slices.ContainsFunc(s.deeds, func(e deed) bool { return e.call == call && e.what == what })
}

// included says whether everything that s does, o does too.
func (s *study) included(o *study) bool {
	return !slices.ContainsFunc(s.deeds, func(e deed) bool { return e.call == "=" || !o.does(e.call, e.what) })
}

// proposes returns the verbs that a rule proposes and that exclude each other:
// telling a human excludes nothing.
func (s *study) proposes() []actions.Verb {
	var out []actions.Verb
	for _, e := range s.deeds {
		if v := actions.Verb(e.what); e.call == "Propose" && v != actions.Notify {
			out = append(out, v)
		}
	}
	return out
}

// only says whether a rule does nothing but propose acts.
func (s *study) only() bool {
	return !slices.ContainsFunc(s.deeds, func(e deed) bool {
		return e.call != "Propose" || actions.Verb(e.what) == actions.Notify
	})
}
