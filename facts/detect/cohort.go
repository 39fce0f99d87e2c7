package detect

import (
	"math"
	"slices"
)

// minCohort is how many members a cohort must have to be judged among
// themselves: with four one of them may be sick and the median of the others is
// still a healthy one's.
const minCohort = 4

// cohort is members of a group that are more alike than the rest, such as those
// of a rack or a version: each is its own members' peers. Members that are of
// no cohort, or of one that was too small at the fit, are the cohort without a
// name.
//
// A cohort has a residual of its own, so that its own medians do not hide that
// all of it moved: with M its median and μ that of the other cohorts' medians,
//
//	z = (M − a − g·μ)/s,
//
// fitted as a member's, and is judged like one (see accuse.go). Members whose
// alarm stands are left out of M unless they are half of the cohort: one that is
// sick is no rack that moves. When at a tick it has fewer than minCohort members the
// expected a + g·μ stands in for its median, since its members were fitted
// against that: the median of the whole group would be another level.
type cohort struct {
	// Its median, as if it were one more member: the name, the cells (none: not
	// apart, or there is no other), those it was fitted with as the anchor, its
	// samples of the feature that is being fitted, z, its windows and its alarm.
	// It is scored when it is large enough, and so is another.
	member
	apart bool // its members are judged among themselves: it was large enough at the fit
	tally

	// of this tick
	peers   int
	alarmed int       // peers whose alarm stands
	y, mu   []float64 // M and μ, one a feature; nil: it has no cells
	values  []float64 // of the feature at hand
	mid     middle    // of values
	level   float64   // M: their median
	others  float64   // μ of the feature at hand, NaN when there is no other
}

// whole reports whether the cohort is large enough for its median.
func (c *cohort) whole() bool { return c.apart && c.peers >= minCohort }

// cohortOf returns the cohort of the named member: that of the configuration,
// or the one without a name.
func (g *group) cohortOf(member string) *cohort {
	if c := g.named(member); c.apart || !g.fitted {
		return c
	}
	return g.cohorts[0]
}

// named returns the cohort that the configuration gives the named member, the
// one without a name when it gives none.
func (g *group) named(member string) *cohort {
	name := g.cohortNames[member]
	if name == "" {
		return g.cohorts[0]
	}
	at, _ := slices.BinarySearchFunc(g.cohorts, name, (*cohort).compare)
	return g.cohorts[at]
}

func (c *cohort) compare(name string) int {
	switch {
	case c.name < name:
		return -1
	case c.name > name:
		return 1
	}
	return 0
}

// newCohorts returns the cohorts of a configuration, sorted by name; the first
// has none.
func newCohorts(of map[string]string) []*cohort {
	names := []string{""}
	for _, name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []*cohort
	for _, name := range slices.Compact(names) {
		c := &cohort{member: *newMember(name)}
		c.cohort = c
		out = append(out, c)
	}
	return out
}

// part decides at the fit, from who is fitted, which cohorts are judged among
// themselves. What is left over is one of them if it is large enough, else its
// members are held up to the whole group.
func (g *group) part() {
	size := map[*cohort]int{}
	for _, m := range g.members {
		if m.cells != nil {
			size[m.cohort]++
		}
	}
	rest := g.cohorts[0]
	apart := 0
	for _, c := range g.cohorts[1:] {
		if c.apart = size[c] >= minCohort; c.apart {
			apart++
		} else {
			size[rest] += size[c]
		}
	}
	for _, m := range g.members {
		if !m.cohort.apart {
			m.cohort = rest
		}
	}
	if rest.apart = apart > 0 && size[rest] >= minCohort; rest.apart {
		apart++
	}
	for _, c := range g.cohorts {
		c.cells, c.anchor, c.z = nil, nil, nil
		if c.apart && apart > 1 {
			c.measured(len(g.features))
		}
	}
}

// measured makes room for so many features.
func (c *cohort) measured(features int) {
	c.z, c.y, c.mu = make([]float64, features), make([]float64, features), make([]float64, features)
}

// gather counts the peers of each cohort at a tick.
func (g *group) gather(peers []int) {
	for _, c := range g.cohorts {
		c.peers, c.alarmed = 0, 0
	}
	for _, i := range peers {
		m := g.members[i]
		m.cohort.peers++
		if m.alarm.standing {
			m.cohort.alarmed++
		}
	}
}

// levels finds the middle of the peers' values of one feature, which are in y
// by member, and of each cohort's. Cost: O(peers), no allocation once the group
// has its size.
func (g *group) levels(peers []int, y []float64) {
	s := g.scratch[:0]
	for _, i := range peers {
		if !math.IsNaN(y[i]) {
			s = append(s, y[i])
		}
	}
	g.mid = middleOf(s)
	if len(g.cohorts) == 1 {
		return
	}
	for _, c := range g.cohorts {
		c.values = c.values[:0]
	}
	for _, i := range peers {
		if c := g.members[i].cohort; c.apart && !math.IsNaN(y[i]) {
			c.values = append(c.values, y[i])
		}
	}
	s = g.scratch[:0]
	for _, c := range g.cohorts {
		c.mid = middleOf(c.values)
		c.level = c.mid.median()
		if c.alarmed > 0 && 2*c.alarmed < c.peers {
			c.level = g.calmLevel(c, peers, y)
		}
		if c.whole() && !math.IsNaN(c.level) {
			s = append(s, c.level)
		}
	}
	all := medianOf(s)
	levels := middleOf(s)
	for _, c := range g.cohorts {
		if c.others = all; c.whole() {
			c.others = levels.without(c.level)
		}
	}
}

// calmLevel returns the median of those of the cohort whose alarm does not stand.
func (g *group) calmLevel(c *cohort, peers []int, y []float64) float64 {
	c.values = c.values[:0]
	for _, i := range peers {
		if m := g.members[i]; m.cohort == c && !m.alarm.standing && !math.IsNaN(y[i]) {
			c.values = append(c.values, y[i])
		}
	}
	return medianOf(c.values)
}

// reference returns what member m is held up to in feature k: the median of
// the others of its cohort, or of the group. NaN: there is nobody.
func (g *group) reference(m *member, k int, y float64) float64 {
	c := m.cohort
	switch {
	case !c.apart:
		return g.mid.without(y)
	case c.whole():
		return c.mid.without(y)
	case k < len(c.cells):
		return c.cells[k].a + float64(c.cells[k].g*c.others)
	}
	return math.NaN()
}

// judgeCohorts computes the residuals of the cohorts in feature k.
func (g *group) judgeCohorts(k int) {
	for _, c := range g.cohorts {
		if c.scored = c.whole() && len(c.cells) > 0; c.scored {
			c.y[k], c.mu[k] = c.level, c.others
			c.z[k] = c.cells[k].z(c.level, c.others, 1)
		}
	}
}

// sampleCohorts takes in one tick of the feature that is being fitted.
func (g *group) sampleCohorts() {
	for _, c := range g.cohorts {
		if c.z != nil && c.whole() {
			c.samples = append(c.samples, sample{c.level, c.others, 1})
		}
	}
}

// fitCohorts fits the cohorts in the next feature, whose members have the given
// scale and floor.
func (g *group) fitCohorts(scale, floor float64, work []float64) {
	for _, c := range g.cohorts {
		if c.z != nil {
			c.cells = append(c.cells, fitCell(c.samples, work).cell(scale, floor))
			c.anchor = slices.Clone(c.cells)
			c.samples = c.samples[:0]
		}
	}
}

// slideCohorts lets the cohorts' cells follow, as slide does the members', by
// the last tick of a block: a median is steady enough.
func (g *group) slideCohorts() {
	for _, c := range g.cohorts {
		if !c.scored || c.hold {
			continue
		}
		for k := range c.cells {
			if math.IsNaN(c.z[k]) {
				continue
			}
			c.cells[k].follow(c.z[k], c.z[k], g.slideRate, 1, c.anchor[k].inverse)
		}
	}
}
