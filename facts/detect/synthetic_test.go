package detect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// synthetic makes the frames of a group as a balancer and its members would
// show it: Poisson requests at a common rate, lognormal work, and faults. It
// is a caricature for tests; nothing is tuned on it.
type synthetic struct {
	rng     *rand.Rand
	members []string
	metrics []string
	ticks   int

	rate     float64              // requests per second and member
	slow     float64              // factor on everybody's latency
	speed    []float64            // of each member, 1 on average
	away     map[int]bool         // members without any row
	admin    map[int]float64      // hx_admin of members
	fault    map[int]string       // kind of fault by member
	override func(f *facts.Frame) // last touch
}

var syntheticMetrics = []string{
	"be_bytes_out", "be_cpu", "be_downstream", "be_inflight", "be_mem_mb", "be_queue", "be_requests", "be_served", "be_svc_ms",
	"hx_admin", "hx_bin", "hx_bout", "hx_cli_abrt", "hx_econ", "hx_eresp", "hx_hrsp_2xx", "hx_hrsp_5xx", "hx_qcur", "hx_scur",
	"hx_srv_abrt", "hx_stot", "hx_up", "hx_weight", "hx_wredis", "hx_wretr", "queue_depth", "threads_usage", "zz_other",
}

func newSynthetic(seed uint64, n int) *synthetic {
	s := &synthetic{rng: rand.New(rand.NewPCG(seed, 1)), metrics: syntheticMetrics, rate: 40, slow: 1,
		away: map[int]bool{}, admin: map[int]float64{}, fault: map[int]string{}}
	for i := range n {
		s.members = append(s.members, fmt.Sprintf("m%04d", i+1))
		s.speed = append(s.speed, 1)
	}
	return s
}

// at returns the end of the tick with the given number.
func at(tick int) time.Time { return time.Unix(int64(tick), 0).UTC() }

func (s *synthetic) poisson(mean float64) float64 {
	if mean > 50 {
		return max(0, math.Round(mean+math.Sqrt(mean)*s.rng.NormFloat64()))
	}
	n, p, limit := 0.0, 1.0, math.Exp(-mean)
	for {
		if p *= s.rng.Float64(); p <= limit {
			return n
		}
		n++
	}
}

// frame returns the next tick.
func (s *synthetic) frame() *facts.Frame {
	s.ticks++
	var members []string
	for i, m := range s.members {
		if !s.away[i] {
			members = append(members, m)
		}
	}
	f := facts.NewFrame(at(s.ticks), "web", members, s.metrics)
	row := 0
	for i := range s.members {
		if s.away[i] {
			continue
		}
		s.fill(f.Row(row), i)
		row++
	}
	if s.override != nil {
		s.override(f)
	}
	return f
}

func (s *synthetic) fill(row []float64, i int) {
	set := func(metric string, v float64) {
		if k, ok := slices.BinarySearch(s.metrics, metric); ok {
			row[k] = v
		}
	}
	for k := range row {
		row[k] = 0
	}
	requests, work, ms := s.poisson(s.rate), 1.0, 100*s.slow/s.speed[i]
	errors := 0.0
	switch s.fault[i] {
	case "empty":
		requests, work = s.poisson(5*s.rate), 0
	case "err":
		requests, work = s.poisson(5*s.rate), 0
		errors = requests
	case "hollow":
		work = 0
	case "slow":
		ms *= 3
	}
	served := math.Round(requests * work)
	if s.fault[i] == "hollow" {
		served = requests
	}
	n := max(served, 1)
	noise := func(sd float64) float64 { return math.Exp(sd * s.rng.NormFloat64() / math.Sqrt(n)) }
	inflight := s.poisson(s.rate * ms / 1000 * min(1, served))
	set("be_requests", requests)
	set("be_served", served)
	set("be_bytes_out", 4000*requests*work*noise(0.7))
	set("be_downstream", s.poisson(requests*work))
	set("be_cpu", 0.0075*served*noise(0.5)/s.speed[i])
	set("be_svc_ms", ms*noise(0.5)*min(1, served))
	set("be_inflight", inflight)
	set("be_mem_mb", 400+2*inflight)
	set("hx_stot", requests)
	set("hx_bout", 4100*requests*work*noise(0.7)+80*requests)
	set("hx_hrsp_2xx", requests-errors)
	set("hx_hrsp_5xx", errors)
	set("hx_scur", inflight)
	set("hx_weight", 64)
	set("hx_up", 1)
	set("hx_admin", s.admin[i])
	set("queue_depth", s.poisson(3))
	set("threads_usage", 0.4+0.02*s.rng.NormFloat64())
	set("zz_other", 7) // constant
}

// taughtBySynthetic returns what 200 ticks of five healthy members teach.
func taughtBySynthetic(t *testing.T, c Config) *Calibration {
	t.Helper()
	l, err := NewLearner(c)
	if err != nil {
		t.Fatal(err)
	}
	for s := newSynthetic(5, 5); s.ticks < 200; {
		if err := l.Observe(s.frame()); err != nil {
			t.Fatal(err)
		}
	}
	run, err := l.Run()
	if err != nil {
		t.Fatal(err)
	}
	taught, err := Calibrate(c, []*Run{run})
	if err != nil {
		t.Fatal(err)
	}
	return taught
}
