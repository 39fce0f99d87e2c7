package rival

import (
	"math"
	"math/rand/v2"
)

// forest is an isolation forest over the peer residuals of health: what few
// random cuts separate from the rest is far out. A score is 2^(−h/c), h the
// mean depth at which the trees isolate a vector and c the mean depth of an
// unsuccessful search in a binary tree of the sample's size: 0 to 1, a half
// where nothing stands out.
//
// It is here because the Go libraries that exist are unmaintained or draw their
// random numbers from a global source; this one is seeded, and the same runs
// give the same forest.
//
// Source: F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation forest", ICDM 2008: 100
// trees of 256 vectors each, cut to the depth of log2 256.
type forest struct{}

const (
	forestTrees  = 100
	forestSample = 256
	forestDepth  = 8 // log2 of forestSample
	forestSeed   = 20081215
	// forestHealth bounds the residuals that the samples are drawn from.
	forestHealth = 1 << 15
)

func (forest) Name() string { return "isolation-forest" }

func (forest) Learn(health []*Run) (Scorer, error) {
	all, err := residuals(health, forestHealth)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(forestSeed, 0))
	size := min(forestSample, len(all))
	trees := make([]*branch, forestTrees)
	sample := make([][]float64, size)
	for i := range trees {
		for j, at := range rng.Perm(len(all))[:size] {
			sample[j] = all[at]
		}
		trees[i] = grow(rng, sample, 0)
	}
	usual := searchDepth(size)
	return func(r *Run) [][]float64 {
		return r.each(func(x row) float64 {
			total := 0.0
			for _, t := range trees {
				total += t.depth(x.z)
			}
			return math.Exp2(-total / float64(len(trees)) / usual)
		})
	}, nil
}

// branch is a node of a tree: a cut, or a leaf when below is nil.
type branch struct {
	feature      int
	cut          float64
	below, above *branch
	isolated     float64 // of a leaf: its depth, and what its vectors would need still
}

// grow returns the tree of a sample, which it reorders.
func grow(rng *rand.Rand, sample [][]float64, depth int) *branch {
	leaf := &branch{isolated: float64(depth) + searchDepth(len(sample))}
	if depth == forestDepth || len(sample) < 2 {
		return leaf
	}
	d := len(sample[0])
	first := rng.IntN(d)
	for i := range d { // the first feature, from a random one on, that can be cut
		k := (first + i) % d
		low, high := math.Inf(1), math.Inf(-1)
		for _, x := range sample {
			low, high = min(low, x[k]), max(high, x[k])
		}
		if low == high {
			continue
		}
		b := &branch{feature: k, cut: low + rng.Float64()*(high-low)}
		at := 0
		for j, x := range sample {
			if x[k] <= b.cut {
				sample[at], sample[j] = sample[j], sample[at]
				at++
			}
		}
		b.below, b.above = grow(rng, sample[:at], depth+1), grow(rng, sample[at:], depth+1)
		return b
	}
	return leaf // all vectors are alike
}

// depth returns at which depth x is isolated.
func (b *branch) depth(x []float64) float64 {
	for b.below != nil {
		if x[b.feature] <= b.cut {
			b = b.below
		} else {
			b = b.above
		}
	}
	return b.isolated
}

// searchDepth returns c(n) = 2·H(n−1) − 2·(n−1)/n, the mean depth of an
// unsuccessful search in a binary tree of n keys; 0 for one key or none.
func searchDepth(n int) float64 {
	if n < 2 {
		return 0
	}
	harmonic := 0.0
	for i := 1; i < n; i++ {
		harmonic += 1 / float64(i)
	}
	return 2*harmonic - 2*float64(n-1)/float64(n)
}
