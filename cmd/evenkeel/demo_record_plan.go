package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts/sim"
)

// The times of a recorded run. The start fits the members; the fault lasts for
// one epoch, and what comes after it shows that the alarm ends.
const (
	recordWarmup  = 40 * time.Second
	recordOnset   = 45 * time.Second // at the earliest
	recordSpread  = 5 * time.Second  // so that it falls anywhere in a tick
	recordTail    = 15 * time.Second
	recordEpochs  = 2 // healthy epochs of one run
	recordTick    = time.Second
	slowerFactor  = 3.0 // of the shared dependency, in a disturbance
	surgeFactor   = 1.4 // of the load, in a disturbance
	maxRecordRuns = 10_000
)

// recordFaults are the faults that are recorded unless --faults says otherwise.
const recordFaults = "empty,err,drop,hang,hollow,partial=0.1,partial=0.3,slow=2,slow=5,hog,flap"

// benignEvent is something that happens to a healthy pool and is nobody's fault.
type benignEvent struct {
	kind   sim.Kind      // Surge, Restart or Dependency
	at     time.Duration // since the first tick of the run
	lasts  time.Duration
	member string // Restart only
	factor float64
}

// recordRun is one run to be recorded.
type recordRun struct {
	name        string
	seed        uint64
	lasts       time.Duration
	fault       sim.Fault // None: the run is healthy throughout
	victim      string
	onset, end  time.Duration
	disturbance []benignEvent
}

// disturbances are what runs are disturbed by in turn; the first not at all.
var disturbances = [][]sim.Kind{nil, {sim.Restart}, {sim.Surge}, {sim.Dependency}, {sim.Surge, sim.Restart}}

// recordPlan returns the runs that the options ask for: as many healthy ones as
// make the epochs, then every fault, for every seed, in a quiet pool and in a
// disturbed one. The same options give the same plan.
func recordPlan(o recordDemo) []recordRun {
	var runs []recordRun
	for i := 0; i < o.epochs; i += recordEpochs {
		epochs := min(recordEpochs, o.epochs-i)
		r := recordRun{seed: o.seed + uint64(len(runs)), lasts: recordWarmup + time.Duration(epochs)*o.epoch + recordTick, fault: sim.Fault{Kind: sim.None}}
		kinds := disturbances[len(runs)%len(disturbances)]
		r.name = fmt.Sprintf("h%03d%s", len(runs)+1, suffix(kinds))
		r.disturb(kinds, o)
		runs = append(runs, r)
	}
	turn := 0
	for _, f := range o.faults {
		for s := range o.seeds {
			for _, disturbed := range []bool{false, true} {
				r := recordRun{seed: o.seed + uint64(len(runs)), fault: f, lasts: recordOnset + recordSpread + o.epoch + recordTail}
				var kinds []sim.Kind
				if disturbed {
					kinds = disturbances[1+turn%(len(disturbances)-1)]
					turn++
				}
				r.name = fmt.Sprintf("%s.%d%s", f, s+1, suffix(kinds))
				rng := r.chance()
				r.victim = poolMember(rng.IntN(o.members))
				r.onset = recordOnset + time.Duration(rng.Int64N(int64(recordSpread)))
				r.end = r.onset + o.epoch
				r.disturb(kinds, o)
				runs = append(runs, r)
			}
		}
	}
	return runs
}

func suffix(kinds []sim.Kind) string {
	s := ""
	for _, k := range kinds {
		s += "-" + string(k)
	}
	return s
}

func poolMember(i int) string { return fmt.Sprintf("m%02d", i+1) }

// chance is what decides who and when; the pool draws from another stream.
func (r *recordRun) chance() *rand.Rand {
	return rand.New(rand.NewPCG(r.seed, 4)) //nolint:gosec // reproducible by intent
}

// disturb plans disturbances of the given kinds, each somewhere in the time
// that is judged. A member that is at fault is not restarted: that would mend it.
func (r *recordRun) disturb(kinds []sim.Kind, o recordDemo) {
	rng := r.chance()
	for _, k := range kinds {
		d := benignEvent{kind: k, lasts: o.epoch / 3, factor: surgeFactor}
		switch k {
		case sim.Restart:
			d.lasts, d.factor = sim.RestartGap, 0
			for d.member == "" || d.member == r.victim {
				d.member = poolMember(rng.IntN(o.members))
			}
		case sim.Dependency:
			d.factor = slowerFactor
		}
		room := r.lasts - recordWarmup - d.lasts - recordTick
		d.at = recordWarmup + time.Duration(rng.Int64N(int64(room)))
		r.disturbance = append(r.disturbance, d)
	}
	slices.SortFunc(r.disturbance, func(a, b benignEvent) int { return cmp.Compare(a.at, b.at) })
}
