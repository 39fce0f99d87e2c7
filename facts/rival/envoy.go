package rival

import (
	"math"
	"time"
)

// envoy is the documented success-rate rule of Envoy's outlier detection: every
// ten seconds, of the members that ended at least 100 requests in them, and only
// when there are five or more, those are ejected whose success rate is below
//
//	mean − factor·stdev
//
// over the members. The score is (mean − rate)/stdev, so that the calibration
// chooses the factor, which is 1.9 by default. It knows nothing but answers: the
// recordings must have the balancer's.
//
// Source: Envoy documentation, "Outlier detection" and
// config.cluster.v3.OutlierDetection (interval, success_rate_minimum_hosts,
// success_rate_request_volume, success_rate_stdev_factor with their defaults).
type envoy struct{}

const (
	envoyInterval = 10 * time.Second
	envoyHosts    = 5
	envoyVolume   = 100
)

func (envoy) Name() string { return "envoy-success-rate" }

func (envoy) Learn([]*Run) (Scorer, error) {
	return func(r *Run) [][]float64 {
		out := r.scores()
		answers, good := make([]float64, len(r.members)), make([]float64, len(r.members))
		sweep := r.start.Add(envoyInterval)
		for t, tick := range r.ticks {
			for _, row := range tick.rows {
				if row.answers > 0 {
					answers[row.member] += row.answers
					good[row.member] += row.good
				}
			}
			if tick.at.Before(sweep) {
				continue
			}
			eject(out[t], answers, good)
			clear(answers)
			clear(good)
			for !tick.at.Before(sweep) {
				sweep = sweep.Add(envoyInterval)
			}
		}
		return out
	}, nil
}

// eject scores the members by their answers of one interval.
func eject(scores, answers, good []float64) {
	var hosts, sum, squares float64
	for i, n := range answers {
		if n >= envoyVolume {
			hosts++
			sum += good[i] / n
		}
	}
	if hosts < envoyHosts {
		return
	}
	mean := sum / hosts
	for i, n := range answers {
		if n >= envoyVolume {
			squares += (good[i]/n - mean) * (good[i]/n - mean)
		}
	}
	stdev := math.Sqrt(squares / hosts)
	for i, n := range answers {
		if n >= envoyVolume {
			scores[i] = 0
			if stdev > 0 {
				scores[i] = (mean - good[i]/n) / stdev
			}
		}
	}
}
