package engine

// quarantined returns the rules of p that the memory puts aside, in canonical
// order.
func (p *Program) quarantined(m *Memory) []string {
	if len(m.aside) == 0 {
		return nil
	}
	var out []string
	for i := range p.rules {
		if name := p.rules[i].name; m.aside[name] == p.version {
			out = append(out, name)
		}
	}
	return out
}
