package detect

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/evenkeel/evenkeel/facts"
)

// minEffects is how many metrics a fact names at least, when there are as many;
// beyond, it names those with at least effectShare of S², up to facts.MaxEffects.
const (
	minEffects  = 3
	effectShare = 0.05
)

// share is one feature's part in a statistic.
type share struct {
	feature int     // of the law
	score   float64 // signed by the direction of the window sum
}

// attribute returns each feature's part in S² = w'·P·w, P the inverse
// covariance, largest first:
//
//	t_k = h_k²/P_kk, h = P·w,
//
// which is by how much S² would fall were w_k what the other features predict
// by least squares (see Attribution in the package documentation). The score of a share is
// sign(w_k)·√t_k: in the unit of S. A feature whose row and column in p are zero
// has no part.
// Cost: O(d²).
func attribute(p *mat.SymDense, w []float64) []share {
	d := len(w)
	h := mat.NewVecDense(d, nil)
	h.MulVec(p, mat.NewVecDense(d, w))
	out := make([]share, d)
	for k := range d {
		out[k].feature = k
		if p.At(k, k) > 0 {
			out[k].score = math.Copysign(math.Abs(h.AtVec(k))/math.Sqrt(p.At(k, k)), w[k])
		}
	}
	slices.SortFunc(out, func(a, b share) int {
		return cmp.Or(cmp.Compare(math.Abs(b.score), math.Abs(a.score)), cmp.Compare(a.feature, b.feature))
	})
	return out
}

// effects names the features behind the score of m under test t, with its own
// value and that of its peers at this tick, or of what is usual for it at this
// hour when it is compared with itself. A metric that is missing is left out.
func (d *Detector) effects(t int, m *member) []facts.Effect {
	values := d.group.valuesOf(m)
	switch t {
	case ownTest:
		return d.ownEffects(m)
	case anchorTest:
		return d.effectsOf(values, d.slowly.creep.shares(&m.drift), m.score[t], nil)
	}
	return d.effectsOf(values, d.judge.shares(m.track), m.u, d.judge.index)
}

// effectsOf names the features of the shares, with the values of whom they are
// of, and of its peers. index is the place in the group of each feature of the shares;
// nil: as they are.
func (d *Detector) effectsOf(values func(k int) (own, peers float64), shares []share, u float64, index []int) []facts.Effect {
	var out []facts.Effect
	for _, s := range shares {
		enough := len(out) >= minEffects && float64(s.score*s.score) < effectShare*u*u
		if enough || len(out) == facts.MaxEffects || s.score == 0 {
			break
		}
		k := s.feature
		if index != nil {
			k = index[k]
		}
		if k < 0 {
			continue
		}
		own, peers := values(k)
		if math.IsNaN(own) || math.IsNaN(peers) {
			continue
		}
		out = append(out, facts.Effect{Metric: d.group.features[k].name, Value: facts.Number(own),
			Peers: facts.Number(peers), Score: facts.Number(s.score)})
	}
	return out
}

// ownEffects names the features in which m is unlike itself, with their values
// over the last block and those usual at this hour in place of the peers'.
func (d *Detector) ownEffects(m *member) []facts.Effect {
	var out []facts.Effect
	if m.past == nil || !m.past.judged {
		return nil
	}
	for _, v := range d.slowly.own.effects(m.past, facts.MaxEffects) {
		f, rho := &d.group.features[v.feature], d.group.rho[v.feature]
		out = append(out, facts.Effect{Metric: f.name, Value: facts.Number(f.unit(v.y, rho)),
			Peers: facts.Number(f.unit(v.usual, rho)), Score: facts.Number(v.score)})
	}
	return out
}

// valuesOf returns what gives feature k of a member, or of the median of a
// cohort, and of its peers at this tick, in the metric's own unit. A ratio is
// that of the tick, drawn to the baseline as in the test.
func (g *group) valuesOf(m *member) func(k int) (own, peers float64) {
	y, mu, at, step := g.y, g.mu, slices.Index(g.members, m), len(g.members)
	if at < 0 {
		y, mu, at, step = m.cohort.y, m.cohort.mu, 0, 1
	}
	return func(k int) (own, peers float64) {
		f := &g.features[k]
		return f.unit(y[k*step+at], g.rho[k]), f.unit(mu[k*step+at], g.rho[k])
	}
}
