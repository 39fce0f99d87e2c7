package detect

import (
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"gonum.org/v1/gonum/mat"
)

// fits returns an error unless what was learnt is of the group that c is for:
// what was found, and what is wanted.
func (l *Learnt) fits(c *Config) error {
	var cohorts []string
	for _, x := range newCohorts(c.Cohorts) {
		cohorts = append(cohorts, x.name)
	}
	var found []string
	for _, x := range l.state.Cohorts {
		found = append(found, x.Name)
	}
	blocks := time.Duration(c.blockTicks())*c.Tick <= longestBlock
	for _, x := range []struct {
		what        string
		found, want any
		ok          bool
	}{
		{"environment", l.Env, c.Env, l.Env == c.Env},
		{"group", l.Group, c.Group, l.Group == c.Group},
		{"tick", time.Duration(l.Tick), c.Tick, time.Duration(l.Tick) == c.Tick},
		{"epoch", time.Duration(l.Epoch), c.Epoch, time.Duration(l.Epoch) == c.Epoch},
		{"windows", l.Windows, c.Windows, slices.Equal(l.Windows, c.Windows)},
		{"cohorts", found, cohorts, slices.Equal(found, cohorts)},
		{"own pasts", len(l.state.Histories) > 0, blocks, (len(l.state.Histories) > 0) == blocks},
	} {
		if !x.ok {
			return fmt.Errorf("detect: resume: what was learnt is of %s %v, want %v: learn anew", x.what, x.found, x.want)
		}
	}
	now := c.features(l.state.Metrics) // others may have come: they are fitted late
	for i := range l.state.Features {
		f := l.state.Features[i].feature()
		if !slices.ContainsFunc(now, f.equal) {
			return fmt.Errorf("detect: resume: what was learnt is of a feature %s that is not made, or made otherwise, now: learn anew", f.name)
		}
	}
	return nil
}

// resume makes d what it was when l was taken. It must be new.
func (d *Detector) resume(l *Learnt) error {
	if err := l.fits(&d.cfg); err != nil {
		return err
	}
	s := &l.state
	d.group.restore(l)
	d.learning, d.resumed, d.baseline, d.lawful = nil, l, l.Baseline, len(s.Law.Features)
	d.judge = newJudge(s.Law.law(), l.Features)
	d.group.retrack(len(s.Law.Features))
	d.slowly.begin(&d.cfg, l.Features[:l.began()])
	if err := d.slowly.restore(s); err != nil {
		return err
	}
	for i, m := range d.group.members {
		if p := s.Members[i].Past; p != nil && d.slowly.own != nil {
			m.past = newPast(d.slowly.own)
			m.past.restore(p)
		}
	}
	d.shift.restore(s.Shift)
	for i := range d.tests {
		d.tests[i].restore(&s.Tests[i])
	}
	for _, m := range s.Slow {
		x := sequence{member: m.Member, reference: slices.Clone(m.Reference)}
		copy(x.r[:], m.R)
		d.slow.sequential.members = append(d.slow.sequential.members, x)
	}
	d.relearn()
	return nil
}

func (g *group) restore(l *Learnt) {
	s := &l.state
	g.names = slices.Clone(s.Metrics)
	for i := range s.Features {
		g.features = append(g.features, s.Features[i].feature())
	}
	g.rho, g.scale, g.floor = slices.Clone(s.Rho), slices.Clone(s.Scale), slices.Clone(s.Floor)
	g.live, g.fitted = len(g.features), true
	for _, f := range g.featuresOf(g.names) {
		if !slices.Contains(l.Features, f.name) && len(g.features) < facts.MaxMetrics {
			g.features = append(g.features, f)
		}
	}
	g.bind = bind(g.features, nil)
	g.common = nans(len(g.features))
	for i, c := range g.cohorts { // both sorted, and alike
		x := &s.Cohorts[i]
		c.apart, c.cells, c.anchor = x.Apart, x.Cells.all(), x.Least.all()
		if c.cells != nil {
			c.measured(len(g.features))
		}
	}
	for i := range s.Members {
		x := &s.Members[i]
		m := newMember(l.Members[i])
		m.cohort = g.cohortOf(m.name)
		m.measured(len(g.features))
		m.uptime = x.Uptime[0]
		if m.cohort.name == x.Cohort { // else it was moved, and is fitted anew
			m.cells, m.anchor, m.known = x.Cells.all(), x.Anchor.all(), x.Known
			m.drift = drift{mean: slices.Clone(x.Drift), blocks: x.Blocks}
		}
		g.members = append(g.members, m)
	}
	g.block.resize(len(g.members), len(g.features), nil)
	g.order()
}

func (f *featureState) feature() feature {
	return feature{name: f.Name, form: f.Form, num: f.Num.term(), den: f.Den.term()}
}

func (t *termState) term() term { return term{slices.Clone(t.Sum), t.LessGrowth} }

func (l *lawState) law() *law {
	out := &law{windows: slices.Clone(l.Windows), features: slices.Clone(l.Features), gaps: slices.Clone(l.Gaps)}
	d := len(l.Features)
	for k := range d {
		r := &ranks{z99: l.Z99[k]}
		copy(r.v[:], l.Ranks[k*rankSteps:(k+1)*rankSteps])
		r.v[rankSteps] = r.v[rankSteps-1]
		out.ranks = append(out.ranks, r)
	}
	for _, f := range l.Forms {
		q := quadratic{root: slices.Clone(f.Root), inverse: mat.NewSymDense(d, nil), typical: f.Typical[0]}
		at := 0
		for i := range d {
			for j := i; j < d; j++ {
				q.inverse.SetSym(i, j, f.Inverse[at])
				at++
			}
		}
		out.forms = append(out.forms, q)
	}
	return out
}

func (s *slowly) restore(from *learntState) error {
	s.creep.scale, s.creep.seen = slices.Clone(from.Creep.Scale), from.Creep.Seen
	for i, h := range [...]*history{s.own, s.common} {
		if h == nil {
			return nil
		}
		x := &from.Histories[i]
		if x.Law != nil && !slices.Equal(x.Law.Windows, h.windows) {
			return fmt.Errorf("detect: resume: history has windows of %v blocks, want %v: learn anew", x.Law.Windows, h.windows)
		}
		h.restore(x)
		s.version[i] = x.Learnt
	}
	s.whole[0] = newPast(s.common)
	s.whole[0].restore(from.Whole)
	return nil
}

// restore makes h what it was, but for the sample that its law was learnt
// from: the next law waits for a full one, so that a restart never makes a law
// worse.
func (h *history) restore(s *historyState) {
	h.blocks, h.version, h.scale = s.Blocks, s.Version, slices.Clone(s.Scale)
	if s.Law != nil {
		h.judge = newJudge(s.Law.law(), h.features)
		h.sample.stride, h.sample.least = s.Stride, lawRuns
	}
}

func (p *past) restore(s *pastState) {
	p.aged, p.known, p.learnt = s.Aged, s.Known, s.Learnt
	copy(p.level, s.Level)
	copy(p.recent, s.Recent)
	copy(p.spread, s.Spread)
	copy(p.weight[:], s.Weight)
	p.last = -1 // no window goes on
}

func (t *test) restore(s *testState) {
	h := &t.history
	for i := range s.Whole {
		h.starts, h.whole = append(h.starts, s.Starts[i]), append(h.whole, peak{s.Whole[i], s.WholeT[i]})
	}
	for i := range s.Aside.Starts {
		h.aside = append(h.aside, aside{s.Aside.Starts[i], peak{s.Aside.Whole[i], s.Aside.WholeT[i]}})
	}
	for _, n := range s.Counts {
		var epoch []memberPeak
		for range n {
			epoch = append(epoch, memberPeak{s.Names[s.Members[h.n]], peak{s.Peaks[h.n], s.Ties[h.n]}})
			h.n++
		}
		h.cells = append(h.cells, epoch)
	}
	h.sort()
	h.trim()
	t.budget.epochs, t.budget.excesses, t.budget.q = s.Budget.Epochs, s.Budget.Excesses, s.Budget.Q[0]
}

// shiftNumbers is how many [shift.numbers] has.
const shiftNumbers = 8

func (s *shift) restore(numbers packed[float64]) {
	for i, l := range []*level{&s.total, &s.median} {
		x := numbers[4*i:]
		*l = level{int(x[0]), x[1], x[2], x[3]}
	}
}
