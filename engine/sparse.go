package engine

// sparse is what an index knows of the slots that few rules read and few facts
// tell: methods with their metric, of which there may be one for each rule while
// a fact has at most [facts.MaxEffects]. What the rules say when a fact has none
// of the metrics is found once. Then the rules of each slot that a fact does tell
// are asked one by one, and no time goes to all others.
type sparse struct {
	rules   [][]int32 // of each slot those that read it; nil: the slot is not sparse
	left    set       // rules that no part on a slot that is not told rules out
	unknown set       // rules that may come upon a slot that is not told and so unknown
	any     bool      // there are such
}

// newSparse returns what is sparse among the slots, of which readers holds the
// rules. A list that is no longer than a set takes less time than a column.
func newSparse(rules []rule, readers [][]int32, s *slots) *sparse {
	x := &sparse{rules: make([][]int32, len(readers)), left: newSet(len(rules)), unknown: newSet(len(rules))}
	for i := range rules {
		x.left.add(int32(i))
	}
	most := max(len(x.left), fewRules)
	for slot := len(s.words); slot < len(readers); slot++ {
		if len(readers[slot]) <= most {
			x.rules[slot] = readers[slot]
		}
	}
	untold := newRow(s)
	for i := range rules {
		r := &rules[i]
		for k, p := range r.parts {
			if p != nil && x.has(p.slot) && r.tests[k](&untold) == no {
				x.left.remove(int32(i))
			}
		}
		if x.unsettled(r, &untold) {
			x.unknown.add(int32(i))
			x.any = true
		}
	}
	return x
}

// has says whether a slot is sparse and read by a rule.
func (x *sparse) has(slot int) bool { return x.rules[slot] != nil }

// unsettled says whether a rule may come upon a sparse slot that is unknown in a
// row that tells none. It does not when it stops at a part before that on such a
// slot, which does not hold then: all parts up to there are comparisons of a slot
// with a literal, and what they read of slots that are not sparse is known, or
// the index finds it unknown.
func (x *sparse) unsettled(r *rule, untold *row) bool {
	some := false
	for _, slot := range r.reads {
		some = some || x.has(slot) && !untold.known[slot]
	}
	for k, p := range r.parts {
		if !some || p == nil {
			break
		}
		if !x.has(p.slot) {
			continue
		}
		if said := r.tests[k](untold); said != yes {
			return said == maybe
		}
	}
	return some
}

// ask puts into unknown the rules that have to be asked one by one, before all
// others, and says whether there are any.
func (x *sparse) ask(unknown set, r *row) bool {
	copy(unknown, x.unknown)
	some := x.any
	for _, slot := range r.set {
		for _, i := range x.rules[slot] {
			unknown.add(i)
			some = true
		}
	}
	return some
}
