package detect

import (
	"math"
	"time"
)

// Ages says how much healthy time a detector that learns from its own group
// takes at least; every alarm in it costs more. Zero: never, because the
// history kept is too short, or the share of alpha is 0.
type Ages struct {
	Judged    time.Duration // a first alarm is possible
	Certified time.Duration // the history can certify the declared rate
	Gathered  time.Duration // evidence that gathers over epochs counts (T3)
	Compared  time.Duration // all tests against the group's past have joined: anchor, own and common
}

// Ages returns how the detector of c will age. Its error is that of [New]. Cost: O(1).
func (c Config) Ages() (Ages, error) {
	c, err := c.withDefaults()
	if err != nil {
		return Ages{}, err
	}
	after := func(part float64, keep int) time.Duration {
		const rounding = 1e-9
		m := math.Ceil(1/(c.Alpha*part)-rounding) - 1
		if !(m <= float64(keep)) {
			return 0
		}
		return c.Warmup + time.Duration(max(int(m), c.MinEpochs))*c.Epoch
	}
	a := Ages{Judged: c.Warmup + time.Duration(c.MinEpochs)*c.Epoch, Certified: after(1, maxEpochs)}
	if c.Shares.Slow > 0 {
		a.Gathered = after(1-c.Shares.Slow, maxEpochs)
	}
	for _, part := range []float64{c.Shares.Anchor, c.Shares.Own, c.Shares.Common} {
		if part == 0 {
			continue // it was not asked for
		}
		joins := after(part, c.horizon(part))
		if joins == 0 {
			a.Compared = 0
			break
		}
		a.Compared = max(a.Compared, joins)
	}
	return a, nil
}
