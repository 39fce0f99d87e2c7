package source

import (
	"math"
	"time"
)

// tally is one reading of the counters of one member. counts has one value for
// each column known to its reader, NaN where the column is no counter or was
// not seen.
type tally struct {
	at     time.Time
	counts []float64
}

// fell reports whether a counter is lower now than before, which a counter
// does only when the process that keeps it started again or was told to clear.
func (now tally) fell(before tally) bool {
	for k := range min(len(now.counts), len(before.counts)) {
		if now.counts[k] < before.counts[k] {
			return true
		}
	}
	return false
}

// rates writes (now − before) / elapsed seconds into the columns of out that
// are counters: NaN when there is nothing before to compare with, or no time
// has passed. It leaves the other columns alone.
//
// Units: per second, by the time that really passed between both readings.
func (now tally) rates(before tally, out []float64) {
	seconds := now.at.Sub(before.at).Seconds()
	for k, v := range now.counts {
		switch {
		case math.IsNaN(v):
		case k < len(before.counts) && seconds > 0:
			out[k] = (v - before.counts[k]) / seconds
		default:
			out[k] = math.NaN()
		}
	}
}
