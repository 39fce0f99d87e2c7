package engine

import "slices"

// The bounds of a decision's lists: together they keep it below the size of
// one entry of the log, whatever the version. What is cut is counted.
const (
	maxListed      = 24
	maxDetailBytes = 8 << 10 // conjuncts of matched rules
)

// trim cuts the lists of d to their bounds. Nothing that is done depends on
// what is cut.
func (d *Decision) trim() {
	d.Unlisted = cut(&d.Matched) + cut(&d.Undecided) + cut(&d.Refused) + cut(&d.Quarantined) +
		cut(&d.Vetoes) + cut(&d.Notes) + cut(&d.Conflicts)
	for i := range d.Wanted {
		d.Unlisted += cut(&d.Wanted[i].Rules)
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
func cut[T any](list *[]T) int {
	over := max(len(*list)-maxListed, 0)
	*list = slices.Clip((*list)[:len(*list)-over])
	return over
}
