package rival

import (
	"math"
	"slices"
)

// dbscan asks how near the crowd is: a member that has fewer than half of the
// others within eps of it belongs to no dense cluster and is noise. The score
// is the least eps at which it would not be, the distance to the ⌈(n−1)/2⌉-th
// nearest of the others, so that the calibration chooses eps. Distances are
// Euclidean, between the means over three ticks of features standardised by
// their spread among the members in health.
//
// Source: M. Ester, H.-P. Kriegel, J. Sander, X. Xu, "A density-based algorithm
// for discovering clusters in large spatial databases with noise", KDD 1996, as
// monitors of server groups use it ("Outlier detection in Datadog: a look at the
// algorithms", 2015: hosts outside the largest cluster). It is like DBSCAN, not
// it: a cluster that is reached by a chain of neighbours only is not.
type dbscan struct{}

func (dbscan) Name() string { return "dbscan" }

func (dbscan) Learn(health []*Run) (Scorer, error) {
	usual, err := spreads(health)
	if err != nil {
		return nil, err
	}
	return func(r *Run) [][]float64 {
		out, past := r.scores(), newMemories(r)
		for t := range r.ticks {
			rows := r.ticks[t].rows
			points, _ := peerDeviations(&r.ticks[t], len(usual))
			for i, row := range rows {
				for k := range points[i] {
					points[i][k] /= usual[k]
				}
				past[row.member].add(row.anew, points[i])
				points[i] = past[row.member].means()
			}
			for i, row := range rows {
				out[t][row.member] = crowdDistance(points, i)
			}
		}
		return out
	}, nil
}

// crowdDistance returns how far point i is from the ⌈(n−1)/2⌉-th nearest of the
// other n−1 points, NaN when there is none.
func crowdDistance(points [][]float64, i int) float64 {
	var all []float64
	for j := range points {
		if j != i {
			all = append(all, euclidean(points[i], points[j]))
		}
	}
	if len(all) == 0 {
		return math.NaN()
	}
	slices.Sort(all)
	return all[(len(all)+1)/2-1]
}

func euclidean(x, y []float64) float64 {
	sum := 0.0
	for k, v := range x {
		sum += (v - y[k]) * (v - y[k])
	}
	return math.Sqrt(sum)
}
