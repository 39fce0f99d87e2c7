package rival

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// syntheticFeatures is the width of synthetic runs; the first two features go
// together.
const syntheticFeatures = 4

// newSyntheticRun makes a run of healthy members after a warm-up of 60 ticks of
// a second: features around 5 that all members share with a common swing, unit
// residuals of which the first two are alike, and 40 good answers a tick.
// touch may change a row; tick counts from 0 after the warm-up.
func newSyntheticRun(seed uint64, members, ticks int, touch func(tick, member int, r *row)) *Run {
	rng := rand.New(rand.NewPCG(seed, 1))
	r := &Run{start: time.Unix(60, 0).UTC(), warm: map[string][][]float64{}}
	for k := range syntheticFeatures {
		r.features = append(r.features, fmt.Sprintf("metric_%d", k))
	}
	for i := range members {
		r.members = append(r.members, fmt.Sprintf("m%d", i))
	}
	for t := -60; t < ticks; t++ {
		swing := 0.3 * rng.NormFloat64()
		now := tick{at: r.start.Add(time.Duration(t+1) * time.Second)}
		for i, name := range r.members {
			x := row{member: i, z: make([]float64, syntheticFeatures), y: make([]float64, syntheticFeatures), answers: 40, good: 40}
			for k := range x.z {
				x.z[k] = rng.NormFloat64()
			}
			x.z[1] = x.z[0] + 0.1*x.z[1]
			for k := range x.y {
				x.y[k] = 5 + swing + 0.1*x.z[k]
			}
			if touch != nil {
				touch(t, i, &x)
			}
			if t < 0 {
				r.warm[name] = append(r.warm[name], x.y)
			}
			now.rows = append(now.rows, x)
		}
		if t >= 0 {
			r.ticks = append(r.ticks, now)
		}
	}
	return r
}

// off moves a feature of a row by so many standard deviations of its residual.
func (r *row) off(feature int, sd float64) {
	r.z[feature] += sd
	r.y[feature] += 0.1 * sd
}
