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
// sign(w_k)·√t_k: in the unit of S.
// Cost: O(d²).
func attribute(p *mat.SymDense, w []float64) []share {
	d := len(w)
	h := mat.NewVecDense(d, nil)
	h.MulVec(p, mat.NewVecDense(d, w))
	out := make([]share, d)
	for k := range d {
		out[k] = share{k, math.Copysign(math.Abs(h.AtVec(k))/math.Sqrt(p.At(k, k)), w[k])}
	}
	slices.SortFunc(out, func(a, b share) int {
		return cmp.Or(cmp.Compare(math.Abs(b.score), math.Abs(a.score)), cmp.Compare(a.feature, b.feature))
	})
	return out
}

// effects names the features behind member i's score, with its own and its
// peers' values at this tick. A metric that is missing at this tick is left out.
func (d *Detector) effects(i int) []facts.Effect {
	m, l := d.group.members[i], d.judge.law
	sums := m.win.sum(m.best, len(l.features))
	var out []facts.Effect
	for _, s := range attribute(l.forms[m.best].inverse, sums) {
		enough := len(out) >= minEffects && float64(s.score*s.score) < effectShare*m.u*m.u
		k := d.judge.index[s.feature]
		if enough || len(out) == facts.MaxEffects || s.score == 0 {
			break
		}
		if k < 0 {
			continue
		}
		own, peers := d.group.values(k, i)
		if math.IsNaN(own) || math.IsNaN(peers) {
			continue
		}
		out = append(out, facts.Effect{Metric: l.features[s.feature], Value: facts.Number(own),
			Peers: facts.Number(peers), Score: facts.Number(s.score)})
	}
	return out
}

// values returns feature k of member i and of its peers at this tick, in the
// metric's own unit. A ratio is that of the tick, drawn to the baseline as in
// the test.
func (g *group) values(k, i int) (own, peers float64) {
	at, f := k*len(g.members)+i, &g.features[k]
	return f.unit(g.y[at], g.rho[k]), f.unit(g.mu[at], g.rho[k])
}
