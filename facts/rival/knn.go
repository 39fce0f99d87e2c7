package rival

import (
	"math"
	"slices"
)

// knn takes the distance of a member's peer residuals to the fifth nearest of
// a reference of healthy ones.
//
// Source: S. Ramaswamy, R. Rastogi, K. Shim, "Efficient algorithms for mining
// outliers from large data sets", SIGMOD 2000, doi:10.1145/342009.335437: the
// score of a point is its distance to its k-th nearest neighbour.
type knn struct{}

const (
	// knnReference is the size of the reference: a few times what it takes
	// for another doubling not to matter, at a cost that stays small.
	knnReference = 512
	// knnNeighbours is the usual choice: enough that a stray healthy vector in
	// the reference hides nothing.
	knnNeighbours = 5
)

func (knn) Name() string { return "knn" }

func (knn) Learn(health []*Run) (Scorer, error) {
	reference, err := residuals(health, knnReference)
	if err != nil {
		return nil, err
	}
	return func(r *Run) [][]float64 {
		near := make([]float64, 0, knnNeighbours+1) // squares of the nearest, ascending
		return r.each(func(x row) float64 {
			near = near[:0]
			for _, y := range reference {
				limit := math.Inf(1)
				if len(near) == knnNeighbours {
					limit = near[knnNeighbours-1]
				}
				d := squareWithin(x.z, y, limit)
				if d >= limit {
					continue
				}
				at, _ := slices.BinarySearch(near, d)
				near = slices.Insert(near, at, d)
				near = near[:min(len(near), knnNeighbours)]
			}
			return math.Sqrt(near[len(near)-1])
		})
	}, nil
}

// squareWithin returns the squared distance of x and y, or some number that is
// not below limit when it is not.
func squareWithin(x, y []float64, limit float64) float64 {
	sum := 0.0
	for k, v := range x {
		if sum += (v - y[k]) * (v - y[k]); sum >= limit {
			break
		}
	}
	return sum
}
