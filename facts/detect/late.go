package detect

import (
	"math"
	"slices"

	"github.com/evenkeel/evenkeel/facts"
)

// maxNames bounds the metrics that a group remembers to have seen, for sources
// that make up ever new ones. What comes after that is ignored.
const maxNames = 1024

// judged returns the features that members are judged by; in the warm-up, those
// that they will be judged by.
func (g *group) judged() []feature {
	if !g.fitted {
		return g.features
	}
	return g.features[:g.live]
}

// extend takes note of metrics that appear after the fit. The features that can
// be made of them now come behind the others, and are fitted after a warm-up
// of their own, counted from the last one; until then they are no evidence and
// nobody is absent for lacking them. Features that there were stay as they are.
func (g *group) extend(metrics []string) {
	before := len(g.names)
	names := slices.Concat(g.names, metrics)
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == before || len(names) > maxNames {
		return
	}
	g.names = names
	known := map[string]bool{}
	for i := range g.features {
		known[g.features[i].name] = true
	}
	d := len(g.features)
	for _, f := range g.featuresOf(names) {
		if !known[f.name] && len(g.features) < facts.MaxMetrics {
			g.features = append(slices.Clip(g.features), f)
		}
	}
	if len(g.features) == d {
		return
	}
	g.since, g.history = g.ticks, nil
	g.bind, g.rows = nil, nil // for columns and room
	g.common = append(g.common, nans(len(g.features)-d)...)
	for _, m := range g.members {
		m.extend(len(g.features))
	}
	for _, c := range g.cohorts {
		if c.z != nil {
			more := make([]float64, len(g.features)-d)
			c.z, c.y, c.mu = append(c.z, more...), append(c.y, more...), append(c.mu, more...)
		}
	}
}

// extend makes room for features behind those that there are.
func (m *member) extend(features int) {
	for len(m.z) < features {
		m.lastNum, m.lastDen = append(m.lastNum, math.NaN()), append(m.lastDen, math.NaN())
		m.z = append(m.z, 0)
		m.blockY, m.blockZ, m.anchorZ = append(m.blockY, math.NaN()), append(m.blockZ, math.NaN()), append(m.anchorZ, math.NaN())
	}
}

// fitLater fits the features that came after the fit when they have been there
// for as long as a warm-up.
func (g *group) fitLater() {
	if g.live == len(g.features) {
		return
	}
	if g.ticks%g.stride == 0 {
		g.keep()
	}
	if g.ticks-g.since >= g.warmup {
		g.fitFeatures()
	}
}

// learnLate lets the law take in features that were fitted after it. A law of
// recordings is what it is, and may know them by name. The law of the group
// itself is learnt anew, from as many ticks without an alarm as the first,
// during which the old one goes on judging the old features. The thresholds stay
// and go on sliding: a score is relative to its 99 % point in health under
// either law. The statistics over blocks keep the features that they began with.
func (d *Detector) learnLate() error {
	switch {
	case d.lawful == d.group.live:
		return nil
	case !d.learns():
		d.judge, d.lawful = newJudge(d.cfg.Calibration.law, d.group.featureNames()), d.group.live
		return nil
	case d.standing() > 0:
		return nil
	case d.learning == nil || len(d.learning.ticks) > 0 && d.learning.live != d.group.live:
		d.learning = &trace{most: maxLawMembers}
	}
	d.learning.add(d.group, -1)
	if len(d.learning.ticks) < d.lawTicks() {
		return nil
	}
	l, err := d.ownLaw()
	if err != nil {
		return err
	}
	d.judge, d.learning, d.lawful = newJudge(l, l.features), nil, d.group.live
	d.group.retrack(len(l.features))
	d.renew("metric")
	return nil
}
