package detect

import (
	"runtime/debug"
	"testing"
)

// allocations is [testing.AllocsPerRun] while the collector rests, whose own
// goroutines allocate now and then: that is not what is counted. SetGCPercent
// returns when no collection is under way.
func allocations(runs int, f func()) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	return testing.AllocsPerRun(runs, f)
}
