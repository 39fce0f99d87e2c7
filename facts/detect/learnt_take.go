package detect

import (
	"slices"

	"gonum.org/v1/gonum/mat"
)

// state returns a copy of what was learnt.
func (d *Detector) state() learntState {
	g := d.group
	s := learntState{
		Creep: creepState{Scale: slices.Clone(d.slowly.creep.scale), Seen: d.slowly.creep.seen},
		Epoch: d.epoch.start.UnixMilli(),
		Floor: slices.Clone(g.floor), Rho: slices.Clone(g.rho), Scale: slices.Clone(g.scale),
		Law: d.judge.law.state(), Metrics: slices.Clone(g.names), Shift: d.shift.numbers(),
	}
	for _, f := range g.judged() { // those that are not fitted yet begin anew
		s.Features = append(s.Features, f.state())
	}
	for _, c := range g.cohorts {
		s.Cohorts = append(s.Cohorts, cohortState{c.apart, packCells(c.cells), packCells(c.anchor), c.name})
	}
	for _, m := range g.members {
		s.Members = append(s.Members, m.state())
	}
	for i := range d.tests {
		s.Tests = append(s.Tests, d.tests[i].state())
	}
	for i, h := range [...]*history{d.slowly.own, d.slowly.common} {
		if h != nil {
			s.Histories = append(s.Histories, h.state(d.slowly.version[i]))
		}
	}
	if whole := d.slowly.whole[0]; whole != nil {
		s.Whole = whole.state()
	}
	for _, m := range d.slow.sequential.members {
		s.Slow = append(s.Slow, slowState{m.member, slices.Clone(m.r[:]), slices.Clone(m.reference)})
	}
	return s
}

func (f *feature) state() featureState {
	return featureState{Den: f.den.state(), Form: f.form, Name: f.name, Num: f.num.state()}
}

func (t *term) state() termState { return termState{t.lessGrowth, slices.Clone(t.sum)} }

func (m *member) state() memberState {
	s := memberState{Anchor: packCells(m.anchor), Blocks: m.drift.blocks, Cells: packCells(m.cells), Cohort: m.cohort.name,
		Drift: slices.Clone(m.drift.mean), Known: m.known, Uptime: packed[float64]{m.uptime}}
	if m.past != nil {
		s.Past = m.past.state()
	}
	return s
}

func (p *past) state() *pastState {
	return &pastState{Aged: p.aged, Known: p.known, Learnt: p.learnt, Level: slices.Clone(p.level),
		Recent: slices.Clone(p.recent), Spread: slices.Clone(p.spread), Weight: slices.Clone(p.weight[:])}
}

func (h *history) state(learnt int) historyState {
	s := historyState{Blocks: h.blocks, Learnt: learnt, Scale: slices.Clone(h.scale), Stride: h.sample.stride, Version: h.version}
	if h.judge != nil {
		s.Law = h.judge.law.state()
	}
	return s
}

func (l *law) state() *lawState {
	s := &lawState{Features: slices.Clone(l.features), Gaps: slices.Clone(l.gaps), Windows: slices.Clone(l.windows)}
	for _, r := range l.ranks {
		s.Ranks, s.Z99 = append(s.Ranks, r.v[:rankSteps]...), append(s.Z99, r.z99)
	}
	for _, f := range l.forms {
		s.Forms = append(s.Forms, formState{packSym(f.inverse), slices.Clone(f.root), packed[float64]{f.typical}})
	}
	return s
}

// packSym returns the upper triangle, row by row.
func packSym(m *mat.SymDense) packed[float64] {
	var out packed[float64]
	d := m.SymmetricDim()
	for i := range d {
		for j := i; j < d; j++ {
			out = append(out, m.At(i, j))
		}
	}
	return out
}

func (t *test) state() testState {
	h := &t.history
	s := testState{Starts: slices.Clone(h.starts)}
	for _, a := range h.aside {
		s.Aside.Starts, s.Aside.Whole, s.Aside.WholeT = append(s.Aside.Starts, a.start), append(s.Aside.Whole, a.whole.score), append(s.Aside.WholeT, a.whole.tie)
	}
	if b := t.budget; b != nil {
		s.Budget = budgetState{b.epochs, b.excesses, packed[float64]{b.q}}
	}
	for _, p := range h.whole {
		s.Whole, s.WholeT = append(s.Whole, p.score), append(s.WholeT, p.tie)
	}
	place := map[string]uint32{}
	for _, epoch := range h.cells {
		s.Counts = append(s.Counts, len(epoch))
		for _, c := range epoch {
			at, ok := place[c.member]
			if !ok {
				at = uint32(len(s.Names))
				place[c.member], s.Names = at, append(s.Names, c.member)
			}
			s.Members, s.Peaks, s.Ties = append(s.Members, at), append(s.Peaks, c.score), append(s.Ties, c.tie)
		}
	}
	return s
}

// numbers returns the levels of the load side by side. Those of latency are
// known again within seconds.
func (s *shift) numbers() (out packed[float64]) {
	for _, l := range []*level{&s.total, &s.median} {
		out = append(out, float64(l.ticks), l.past, l.now, l.sd)
	}
	return out
}
