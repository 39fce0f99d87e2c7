package engine

// layer is a stretch of the rules in canonical order that do not read what
// others of them conclude.
type layer struct {
	from, to int // rules: from inclusive, to exclusive
	index    *index
}

// stratify cuts the rules into layers.
func (p *Program) stratify() {
	p.layers = []layer{{0, len(p.rules), newIndex(p.rules, p.slots)}}
}
