package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// calibrationMetrics are levels, of which a detector makes log(1+x).
var calibrationMetrics = []string{"connections", "open_files", "queue_depth", "threads"}

// healthyLaw draws a metric of member i, whose level in logarithms is level.
type healthyLaw struct {
	name string
	draw func(rng *rand.Rand, i int, level float64) float64
}

var calibrationLaws = []healthyLaw{
	{"normal", func(rng *rand.Rand, _ int, level float64) float64 { return exponential(level + 0.3*rng.NormFloat64()) }},
	{"t2", func(rng *rand.Rand, _ int, level float64) float64 {
		return exponential(level + 0.3*rng.NormFloat64()/math.Sqrt(rng.ExpFloat64()))
	}},
	{"lognormal", func(rng *rand.Rand, _ int, level float64) float64 {
		return exponential(level + 0.3*math.Exp(rng.NormFloat64()))
	}},
	{"own scales", func(rng *rand.Rand, i int, level float64) float64 {
		return exponential(level + 0.1*float64(1+i%7)*rng.NormFloat64())
	}},
	{"Poisson ties", func(rng *rand.Rand, _ int, level float64) float64 { return poisson(rng, 0.02*exponential(level)) }},
}

// exponential returns e^y within what a metric may be.
func exponential(y float64) float64 { return math.Exp(min(max(y, -50), 50)) }

// poisson draws by multiplication, for a mean of some units.
func poisson(rng *rand.Rand, mean float64) float64 {
	n, limit := 0.0, math.Exp(-mean)
	for p := rng.Float64(); p > limit; p *= rng.Float64() {
		n++
	}
	return n
}

// healthyGroup makes the frames of a group in health whose members have a load
// in common. It owns one frame, which the next overwrites.
type healthyGroup struct {
	rng  *rand.Rand
	law  healthyLaw
	load float64
	next *facts.Frame
}

func newHealthyGroup(law healthyLaw, n int, seed, stream uint64) *healthyGroup {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf("m%05d", i)
	}
	return &healthyGroup{rng: rand.New(rand.NewPCG(seed, stream)), law: law,
		next: facts.NewFrame(time.Unix(1_700_000_000, 0).UTC(), benchGroup, members, calibrationMetrics)}
}

// frame returns the next tick.
func (g *healthyGroup) frame() *facts.Frame {
	// The load forgets within two ticks: epochs of a load that wanders for
	// longer than an epoch are not exchangeable, and the peaks of counts, whose
	// noise goes with the load, tell it.
	const level, memory, swing = 5.0, 0.5, 0.2
	g.load = memory*g.load + swing*math.Sqrt(1-memory*memory)*g.rng.NormFloat64()
	g.next.Time = g.next.Time.Add(time.Second)
	for i := range g.next.Members {
		row := g.next.Row(i)
		for k := range row {
			row[k] = g.law.draw(g.rng, i, level+g.load)
		}
	}
	return g.next
}
