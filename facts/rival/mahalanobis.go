package rival

import (
	"fmt"
	"math"

	"github.com/evenkeel/evenkeel/facts/detect"
)

// peerMahalanobis takes the Mahalanobis distance of a member's peer residuals
// from those of health: one tick at a time, with the covariance of all members.
//
// Source: the distance is P. C. Mahalanobis' (1936; see detect.Distance); on what
// is left after comparison with the peers it is the usual baseline of work on
// faulty machines in groups.
type peerMahalanobis struct{}

func (peerMahalanobis) Name() string { return "mahalanobis-peer" }

// maxSample bounds the residuals that a distance is learnt from.
const maxSample = 1 << 15

func (peerMahalanobis) Learn(health []*Run) (Scorer, error) {
	sample, err := residuals(health, maxSample)
	if err != nil {
		return nil, err
	}
	d, err := detect.NewDistance(sample)
	if err != nil {
		return nil, fmt.Errorf("rival: peer residuals: %w", err)
	}
	return func(r *Run) [][]float64 {
		return r.each(func(x row) float64 { return d.Of(x.z) })
	}, nil
}

// ownMahalanobis takes the Mahalanobis distance of a member's features from its
// own warm-up: each by itself, without peers. Members that were not there in
// the warm-up have no score.
//
// Source: as peerMahalanobis; it is the multivariate control chart (Hotelling's
// T², with a covariance drawn to the identity) of one machine.
type ownMahalanobis struct{}

func (ownMahalanobis) Name() string { return "mahalanobis-own" }

func (ownMahalanobis) Learn([]*Run) (Scorer, error) {
	return func(r *Run) [][]float64 {
		past := make([]*detect.Distance, len(r.members))
		for i, m := range r.members {
			if d, err := detect.NewDistance(r.warm[m]); err == nil { // hardly there: nothing to go by
				past[i] = d
			}
		}
		return r.each(func(x row) float64 {
			if past[x.member] == nil {
				return math.NaN()
			}
			return past[x.member].Of(x.y)
		})
	}, nil
}
