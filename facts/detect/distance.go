package detect

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Distance is the Mahalanobis distance from the mean of a sample,
//
//	√((x − mean)'·Σ⁻¹·(x − mean)),
//
// with Σ the sample's covariance, of which a tenth is replaced by the identity
// times the mean variance: as in the detectors, so that a direction in which
// nothing moved in the sample does not decide everything. It does not change
// once made and may be shared.
type Distance struct {
	mean []float64
	chol mat.Cholesky
}

// NewDistance returns the distance from a sample of vectors of one width; NaN
// is a value that was not seen, and counts as the mean.
//
// Shapes: sample is n×d, n ≥ 2. Units: the features' own, dimensionless.
// Cost: O(n·d² + d³). It does not modify the sample.
// Errors: fewer than two vectors, or widths that differ, or an infinite value.
//
// Source: P. C. Mahalanobis, "On the generalised distance in statistics",
// Proceedings of the National Institute of Sciences of India 2 (1936) 49-55; the
// distance itself is gonum's stat.Mahalanobis.
func NewDistance(sample [][]float64) (*Distance, error) {
	if len(sample) < 2 || len(sample[0]) == 0 {
		return nil, fmt.Errorf("detect: distance from a sample of %d vectors, want at least 2 of at least one number", len(sample))
	}
	d := len(sample[0])
	mean, seen := make([]float64, d), make([]float64, d)
	for _, x := range sample {
		if len(x) != d {
			return nil, fmt.Errorf("detect: distance: vectors of %d and %d numbers, want one width", d, len(x))
		}
		for k, v := range x {
			if !math.IsNaN(v) {
				seen[k]++
				mean[k] += v
			}
		}
	}
	for k := range mean {
		mean[k] /= max(seen[k], 1)
	}
	sigma, away := mat.NewSymDense(d, nil), mat.NewVecDense(d, nil)
	for _, x := range sample {
		deviate(away, x, mean)
		sigma.SymRankOne(sigma, (1-identityShare)/float64(len(sample)-1), away)
	}
	// The trace is of what is left of the covariance; a sample without any
	// variance at all is measured in plain units.
	identity := mat.Trace(sigma) / float64(d) * identityShare / (1 - identityShare)
	if identity == 0 {
		identity = 1
	}
	for k := range d {
		sigma.SetSym(k, k, sigma.At(k, k)+identity)
	}
	out := &Distance{mean: mean}
	if !out.chol.Factorize(sigma) {
		return nil, errors.New("detect: distance: covariance is not positive definite, want finite values")
	}
	return out, nil
}

// Of returns the distance of x, which has the width of the sample: at least 0,
// in robust health about √d. Cost: O(d²), with allocations.
func (d *Distance) Of(x []float64) float64 {
	away := mat.NewVecDense(len(d.mean), nil)
	deviate(away, x, d.mean)
	return stat.Mahalanobis(away, mat.NewVecDense(len(d.mean), nil), &d.chol)
}

// deviate sets away to x − mean, 0 where x was not seen.
func deviate(away *mat.VecDense, x, mean []float64) {
	for k, v := range x {
		if away.SetVec(k, v-mean[k]); math.IsNaN(v) {
			away.SetVec(k, 0)
		}
	}
}
