package rival

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Method is a way to tell who in a group is sick.
type Method interface {
	// Name is short and lower case, unique among the methods compared.
	Name() string
	// Learn returns the method's scorer, taught by healthy runs of groups of
	// the kind to be scored; there is at least one. It does not change them.
	Learn(health []*Run) (Scorer, error)
}

// Scorer returns a score for each tick and member of a run, in their order
// there: larger is less healthy, in any unit; NaN where there is none. A score
// depends on its own and earlier ticks alone.
type Scorer func(r *Run) [][]float64

// Methods returns the methods that others use, in the order of the package's
// table. Each is documented where it is, with its source.
func Methods() []Method {
	return []Method{mad{}, dbscan{}, peerMahalanobis{}, ownMahalanobis{}, knn{}, forest{}, envoy{}}
}

// smoothTicks is the length of the median or mean by which the methods without
// a memory of their own are spared single spikes.
const smoothTicks = 3

// peerDeviations returns, for each tick, row and feature, how far the feature
// is from the median of all members of the tick, and that median deviation of
// the members, 1.4826·median |y − median|. What is missing deviates by nothing.
func peerDeviations(t *tick, features int) (away [][]float64, spread []float64) {
	away, spread = make([][]float64, len(t.rows)), make([]float64, features)
	for i := range away {
		away[i] = make([]float64, features)
	}
	seen := make([]float64, 0, len(t.rows))
	for k := range features {
		seen = seen[:0]
		for _, r := range t.rows {
			if !math.IsNaN(r.y[k]) {
				seen = append(seen, r.y[k])
			}
		}
		middle := median(seen)
		seen = seen[:0]
		for i, r := range t.rows {
			if !math.IsNaN(r.y[k]) {
				away[i][k] = r.y[k] - middle
				seen = append(seen, math.Abs(away[i][k]))
			}
		}
		spread[k] = madSD * median(seen)
	}
	return away, spread
}

const (
	// madSD makes a median absolute deviation a standard deviation (normal).
	madSD = 1.4826
	// leastSpread is the least spread that is believed: of features that are
	// logarithms or shares, one per cent is no imbalance.
	leastSpread = 0.01
	// spikeShare of the standard deviation is the least spread of a feature
	// that is mostly constant.
	spikeShare = 0.2
	// spreadSamples bounds the deviations of a feature that a spread is
	// computed from.
	spreadSamples = 1 << 16
)

// spreads returns how far each feature of a member is usually from the median
// of the members in health: max(1.4826 MAD, 0.2 sd, 0.01).
func spreads(health []*Run) ([]float64, error) {
	d, err := width(health)
	if err != nil {
		return nil, err
	}
	samples := make([][]float64, d)
	total := 0
	for _, r := range health {
		total += len(r.ticks) * len(r.members)
	}
	stride, at := total/spreadSamples+1, 0
	for _, r := range health {
		for t := range r.ticks {
			if at++; at%stride != 0 {
				continue
			}
			away, _ := peerDeviations(&r.ticks[t], d)
			for _, row := range away {
				for k, v := range row {
					samples[k] = append(samples[k], math.Abs(v))
				}
			}
		}
	}
	out := make([]float64, d)
	for k, s := range samples {
		squares := 0.0
		for _, v := range s {
			squares += v * v
		}
		sd := math.Sqrt(squares / max(float64(len(s)), 1))
		out[k] = max(madSD*median(s), spikeShare*sd, leastSpread)
	}
	return out, nil
}

// width returns the number of features, which all runs must share.
func width(runs []*Run) (int, error) {
	for _, r := range runs {
		if !slices.Equal(r.features, runs[0].features) {
			return 0, fmt.Errorf("rival: runs with the features %v and %v, want recordings of one kind", runs[0].features, r.features)
		}
	}
	return len(runs[0].features), nil
}

// sampleSeed is of the samples of residuals: the same runs give the same sample.
const sampleSeed = 19620401

// residuals returns a random sample of the residuals of the runs, all of them
// when there are no more than limit. An even one would be of some members only
// when their number divides its stride.
//
// Source: selection sampling, D. E. Knuth, The Art of Computer Programming 2,
// section 3.4.2, algorithm S.
func residuals(runs []*Run, limit int) ([][]float64, error) {
	if _, err := width(runs); err != nil {
		return nil, err
	}
	left := 0
	for _, r := range runs {
		for _, t := range r.ticks {
			left += len(t.rows)
		}
	}
	if left == 0 {
		return nil, errors.New("rival: nobody was in service in the healthy runs, want members to learn from")
	}
	rng, want := rand.New(rand.NewPCG(sampleSeed, 0)), min(limit, left)
	out := make([][]float64, 0, want)
	for _, r := range runs {
		for _, t := range r.ticks {
			for _, row := range t.rows {
				if rng.IntN(left) < want-len(out) {
					out = append(out, row.z)
				}
				left--
			}
		}
	}
	return out, nil
}

// median returns the median of s, which it sorts; 0 when it is empty.
func median(s []float64) float64 {
	slices.Sort(s)
	return middleOf(s)
}
