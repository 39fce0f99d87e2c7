package rival

import "math"

// mad compares each metric of a member with the median of the members, in units
// of their median absolute deviation, and takes the metric that is furthest
// off. Of each metric the median over three ticks counts.
//
// The unit is not smaller than the usual one in health: with a few members the
// deviation of one tick is often zero.
//
// Source: the outlier monitors of metrics services, as in "Outlier detection in
// Datadog: a look at the algorithms" (2015): deviations from the median, over
// their median, against a tolerance. The tolerance is what is calibrated here.
type mad struct{}

func (mad) Name() string { return "mad" }

func (mad) Learn(health []*Run) (Scorer, error) {
	usual, err := spreads(health)
	if err != nil {
		return nil, err
	}
	return func(r *Run) [][]float64 {
		out, past := r.scores(), newMemories(r)
		for t := range r.ticks {
			away, spread := peerDeviations(&r.ticks[t], len(usual))
			for i, row := range r.ticks[t].rows {
				for k := range away[i] {
					away[i][k] /= max(spread[k], usual[k])
				}
				m := &past[row.member]
				m.add(row.anew, away[i])
				furthest := 0.0
				for _, v := range m.medians() {
					furthest = max(furthest, math.Abs(v))
				}
				out[t][row.member] = furthest
			}
		}
		return out
	}, nil
}
