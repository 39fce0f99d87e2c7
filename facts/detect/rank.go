package detect

import "math"

// Bounds of the grid on which the law of the residuals is kept.
const (
	rankReach = 8  // robust standard deviations to either side; beyond, only the tail formula tells
	rankGrid  = 32 // steps in a standard deviation
	rankSteps = 2*rankReach*rankGrid + 1
	// tailWeight and tailShare are those of Scores in the package documentation:
	// beyond the 99 % point of |z| the score grows with the logarithm of z.
	tailWeight = 1.5
	tailShare  = 0.99
)

// histogram counts residuals z on the grid. Histograms add up, so that the law
// of several recordings, or of all but one, is cheap to have.
type histogram struct {
	counts [rankSteps]float64
	n      float64
}

// add counts one residual; a missing one, NaN, as 0.
func (h *histogram) add(z float64) {
	if math.IsNaN(z) {
		z = 0
	}
	z = min(max(z, -rankReach), rankReach)
	h.counts[int(math.Round((z+rankReach)*rankGrid))]++
	h.n++
}

func (h *histogram) merge(o *histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
}

// ranks turns residuals into scores: the normal score of the mid-rank among
// the residuals of health, and beyond their 99 % point a logarithmic tail,
//
//	v = Φ⁻¹((mid-rank + 1/2)/(m+1)) + 1.5·sign(z)·log(max(1, |z|/z99))
//
// Ranks take the power from rare spikes that would otherwise set the
// threshold; the tail keeps a black hole larger than a rank can say.
// Range: finite, below 2⁸ in size for any finite z.
type ranks struct {
	v   [rankSteps + 1]float32 // normal scores on the grid; the last twice
	z99 float64                // at least 1
}

// newRanks returns the scores for the law that h holds. An empty h gives the
// score of a single residual at 0: zero everywhere.
func newRanks(h *histogram) *ranks {
	r := &ranks{z99: 1}
	below := 0.0
	for i, c := range h.counts {
		u := (below + c/2 + 0.5) / (h.n + 1)
		r.v[i] = float32(math.Sqrt2 * math.Erfinv(2*u-1))
		below += c
	}
	r.v[rankSteps] = r.v[rankSteps-1]
	const zero = rankReach * rankGrid
	within := h.counts[zero]
	for i := 1; i <= zero && within < tailShare*h.n; i++ {
		within += h.counts[zero-i] + h.counts[zero+i]
		r.z99 = max(1, float64(i)/rankGrid)
	}
	return r
}

// scoreAll sets v[k] to the score of the residual z[index[k]] by the k-th of
// the ranks, exact as [window] needs it. A residual that is missing, NaN, has
// the score of 0; the score is 0 where the index is negative. It returns how many
// are missing in either way.
// Cost: O(len(v)), one logarithm for each in the tail. No allocation.
func scoreAll(v []float64, ranks []*ranks, index []int, z []float64) (missing int) {
	ranks, index = ranks[:len(v)], index[:len(v)]
	for k := range v {
		v[k] = 0
		if index[k] < 0 {
			missing++
			continue
		}
		r, z := ranks[k], z[index[k]]
		if math.IsNaN(z) {
			missing++
			z = 0
		}
		score := r.within(z)
		if size := math.Abs(z); size > r.z99 {
			score += math.Copysign(r.tail(size), z)
		}
		v[k] = exact(score)
	}
	return missing
}

// score returns the score of one residual, of 0 when it is missing.
func (r *ranks) score(z float64) float64 {
	var v [1]float64
	scoreAll(v[:], []*ranks{r}, []int{0}, []float64{z})
	return v[0]
}

// within returns the normal score of the rank of z, linear between the points
// of the grid.
func (r *ranks) within(z float64) float64 {
	x := (z + rankReach) * rankGrid
	if !(x > 0) {
		x = 0
	} else if x > rankSteps-1 {
		x = rankSteps - 1
	}
	i := int(x)
	lower := float64(r.v[i])
	return lower + float64((float64(r.v[i+1])-lower)*(x-float64(i)))
}

// tail returns what the score of a residual of size z above z99 has more than
// its rank.
func (r *ranks) tail(z float64) float64 {
	const most = 128
	return min(float64(tailWeight*logarithm(z/r.z99)), most)
}
