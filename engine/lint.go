package engine

import (
	"fmt"
	"slices"
)

// study is what the analysis knows of one rule.
type study struct {
	*tree
	boxes boxes
	deeds []deed // of the consequence
	errs  Errors // about the rule by itself
	known bool   // boxes was analysed

	born         int     // the survey in which it was made
	beside, flap pairing // what is doubtful beside another rule
}

// findings returns everything that was found.
func (s *study) findings() Errors {
	out := slices.Clip(s.errs)
	for _, p := range []pairing{s.beside, s.flap} {
		if p.found != nil {
			out = append(out, p.found)
		}
	}
	return out
}

// analyse returns what is wrong or doubtful in a rule by itself.
func analyse(t *tree) *study {
	s := &study{tree: t, deeds: deedsOf(t)}
	s.boxes, s.known = t.split(t.when, false)
	if !s.known {
		s.find(t.when, w00, fmt.Sprintf("the condition has more than %d alternatives and was not analysed", maxBoxes),
			"write a rule for each")
		return s
	}
	s.judge(t.when, always)
	return s
}

func (s *study) find(x *term, code Code, msg, hint string) {
	s.errs = append(s.errs, s.err(s.at(x.from), code, msg, hint))
}

// judge looks for parts that are never or always true where context holds, the
// smallest first. It says whether it found one.
func (s *study) judge(x *term, context boxes) bool {
	found := false
	switch x.op {
	case "!":
		found = s.judge(x.kids[0], always)
	case "||":
		for _, part := range x.chain("||") {
			found = s.judge(part, context) || found
		}
	case "&&":
		found = s.conjunction(x.chain("&&"), context)
	}
	if found {
		return true
	}
	yes, ok := s.split(x, false)
	no, ok2 := s.split(x, true)
	in, ok3 := yes.and(context)
	switch {
	case !ok || !ok2 || !ok3:
		return false
	case len(yes) == 0:
		s.find(x, e06, s.spelled(x)+" is never true", "see 'evenkeel rules vocabulary' for the values there are")
	case len(in) == 0:
		s.find(x, e06, s.spelled(x)+" is never true where the rest of the condition holds", "")
	case len(no) == 0:
		s.find(x, e07, s.spelled(x)+" is always true",
			`leave it out, or write Known("F.Field") if it is to ask whether a field is known`)
	default:
		if x.op == "||" {
			return s.alternatives(x.chain("||"))
		}
		return false
	}
	return true
}

// conjunction judges parts that must all hold: each by itself, each against
// those before it, and each for being implied by the others.
func (s *study) conjunction(parts []*term, context boxes) bool {
	found := false
	for i, p := range parts {
		others, ok := s.all(parts, i, context)
		if !ok {
			continue
		}
		if p.op == "||" {
			found = s.judge(p, others) || found
		} else {
			found = s.judge(p, always) || found
		}
	}
	if found {
		return true
	}
	for i := range parts {
		if before, ok := s.all(parts[:i+1], -1, context); ok && len(before) == 0 {
			s.find(parts[i], e06, "contradicts "+s.culprit(parts[:i], parts[i])+": together they are never true", "")
			return true
		}
	}
	return s.implied(parts, context)
}

// all returns what every part but the one to skip admits.
func (s *study) all(parts []*term, skip int, context boxes) (boxes, bool) {
	out := context
	for i, p := range parts {
		if i == skip {
			continue
		}
		b, ok := s.split(p, false)
		if !ok {
			return nil, false
		}
		if out, ok = out.and(b); !ok {
			return nil, false
		}
	}
	return out, true
}

// culprit returns the one part that excludes x, or words for several.
func (s *study) culprit(parts []*term, x *term) string {
	b, _ := s.split(x, false)
	for _, p := range parts {
		if o, ok := s.split(p, false); ok {
			if both, ok := o.and(b); ok && len(both) == 0 {
				return s.spelled(p)
			}
		}
	}
	return "the parts before it"
}

// implied reports parts that follow from the others, the last of equal ones.
func (s *study) implied(parts []*term, context boxes) bool {
	found := false
	left := append([]*term(nil), parts...)
	for i := len(left) - 1; i >= 0 && len(left) > 1; i-- {
		others, ok := s.all(left, i, context)
		if ok && s.follows(left[i], others) {
			s.find(left[i], w11, s.spelled(left[i])+" follows from the rest of the condition", "leave it out")
			left = append(left[:i], left[i+1:]...)
			found = true
		}
	}
	return found
}

// follows says whether x holds wherever others do. Asking whether a word is
// known follows from nothing but itself: without it a rule is undecided where
// the word is unknown.
func (s *study) follows(x *term, others boxes) bool {
	if x.name == "Known" {
		b, _ := s.split(x, false)
		return others.within(b)
	}
	not, ok := s.split(x, true)
	if !ok {
		return false
	}
	rest, ok := others.and(not)
	return ok && len(rest) == 0
}

// alternatives reports parts, joined by ||, that another one includes.
func (s *study) alternatives(parts []*term) bool {
	found := false
	for i := len(parts) - 1; i >= 0; i-- {
		mine, ok := s.split(parts[i], false)
		for j, p := range parts {
			if j == i {
				continue
			}
			other, ok2 := s.split(p, false)
			if ok && ok2 && mine.within(other) {
				s.find(parts[i], w11, s.spelled(parts[i])+" is included in "+s.spelled(p), "leave it out")
				parts = append(append([]*term(nil), parts[:i]...), parts[i+1:]...)
				found = true
				break
			}
		}
	}
	return found
}
