package engine

import "slices"

// The bounds of a decision's lists: together they keep it below the size of
// one entry of the log, whatever the version. What is cut is counted.
const (
	maxListed      = 24
	maxOver        = 4       // rules that would have set a derived value too
	maxDetailBytes = 8 << 10 // conjuncts of matched rules
)

// trim cuts the lists of d to their bounds. Nothing that is done depends on
// what is cut.
func (d *Decision) trim() {
	d.Unlisted = cut(&d.Matched, maxListed) + cut(&d.Undecided, maxListed) + cut(&d.Refused, maxListed) +
		cut(&d.Quarantined, maxListed) + cut(&d.Advise, maxListed) + cut(&d.Vetoes, maxListed) + cut(&d.Notes, maxListed) + cut(&d.Conflicts, maxListed)
	for i := range d.Wanted {
		d.Unlisted += cut(&d.Wanted[i].Rules, maxListed)
	}
	for i := range d.Derived {
		d.Unlisted += cut(&d.Derived[i].Over, maxOver)
	}
	room := maxDetailBytes
	for i := range d.Matched {
		for _, c := range d.Matched[i].When {
			room -= len(c.If) + len(c.Value) + len(`{"if":"","value":""},`)
		}
		if room < 0 {
			d.Matched[i].When = []Conjunct{}
		}
	}
}

// cut shortens a list to its bound and returns how many it left out.
func cut[T any](list *[]T, bound int) int {
	over := max(len(*list)-bound, 0)
	*list = slices.Clip((*list)[:len(*list)-over])
	return over
}
