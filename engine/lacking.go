package engine

// lacking returns the slot for want of which the evaluator would stop, or -1
// when it has to say itself. All parts up to there compare a slot with a literal:
// what they read is known, and they hold.
func (r *rule) lacking(x *row) int {
	for k, p := range r.parts {
		switch {
		case p == nil:
			return -1
		case !x.known[p.slot]:
			return p.slot
		case r.tests[k](x) != yes:
			return -1
		}
	}
	return -1
}

// lacks records a rule that the evaluator would leave undecided, without asking
// it, and says whether it is one. It takes the same look-ups: those charged for
// all that the rule reads, and those of the slot that is unknown; a slot that is
// known and a literal take none. A rule that the instance has no copy of yet goes
// to the evaluator.
func (in *instance) lacks(i int, r *rule, d *Decision) bool {
	b, box := in.rules[i], in.box
	if b == nil {
		return false
	}
	slot := r.lacking(&box.row)
	if slot < 0 {
		return false
	}
	box.begin()
	err := box.charge(b.looks)
	for k := 0; k < looksOfSlot && err == nil; k++ {
		err = box.charge(1)
	}
	if err == nil {
		box.absent, err = box.row.slots.name(slot), errAbsent
	}
	box.count()
	d.miss(r.name, box, err)
	return true
}
