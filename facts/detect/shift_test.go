package detect

import (
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

func TestShift(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*synthetic)
		want   string
	}{
		{"nothing", func(*synthetic) {}, "none"},
		{"more load on all", func(s *synthetic) { s.rate = 72 }, "up"},
		{"less load on all", func(s *synthetic) { s.rate = 15 }, "down"},
		{"a slow dependency of all", func(s *synthetic) { s.slow = 4 }, "up"},
		{"one black hole that drains the others", func(s *synthetic) {
			s.override = nil
			s.fault[0] = "empty" // five times the rate
			s.rate = 40
		}, "none"},
		{"one slow member", func(s *synthetic) { s.fault[0] = "slow" }, "none"},
		{"a member that left", func(s *synthetic) { s.away[0] = true; s.rate = 44 }, "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSynthetic(31, 10)
			d := quick(t, nil)
			alarmsIn(t, d, s, aged)
			tt.change(s)
			for range 6 {
				observe(t, d, s.frame())
			}
			if got := d.shift.word(); got != tt.want {
				t.Errorf("shift %q after 6 ticks, want %q", got, tt.want)
			}
		})
	}
}

func TestShiftKnowsLatencyByWhateverTellsIt(t *testing.T) {
	mean := Feature{Name: "wait", Form: FormTime, Of: []string{"wait_s"}, Per: []string{"calls"}}
	for _, tt := range []struct {
		name     string
		metrics  []string                               // sorted
		values   func(seconds, calls float64) []float64 // in their order
		declared []Feature
	}{
		{"seconds of a client library", []string{"http_request_duration_seconds_count", "http_request_duration_seconds_sum"},
			func(s, n float64) []float64 { return []float64{n, s * n} }, nil},
		{"milliseconds of a proxy", []string{"envoy_http_downstream_rq_time_count", "envoy_http_downstream_rq_time_sum"},
			func(s, n float64) []float64 { return []float64{n, 1000 * s * n} }, nil},
		{"a declared mean time in seconds", []string{"calls", "wait_s"},
			func(s, n float64) []float64 { return []float64{n, s} }, []Feature{mean}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSynthetic(33, 5)
			d := quick(t, func(c *Config) { c.Features = tt.declared })
			next := func(seconds float64) {
				base := s.frame()
				f := facts.NewFrame(base.Time, base.Group, base.Members, tt.metrics)
				for i := range f.Members {
					copy(f.Row(i), tt.values(seconds*(1+0.05*s.rng.NormFloat64()), s.poisson(40)))
				}
				observe(t, d, f)
			}
			for _, part := range []struct {
				seconds float64
				ticks   int
				want    string
			}{{0.02, aged, "none"}, {0.05, 6, "up"}, {0.02, 4 * shiftTicks, "none"}, {0.008, 6, "down"}} {
				for range part.ticks {
					next(part.seconds)
				}
				if got := d.shift.word(); got != part.want {
					t.Errorf("shift %q after %d ticks at %v s, want %q", got, part.ticks, part.seconds, part.want)
				}
			}
		})
	}
}

// What moved and stays becomes usual: a shift says that the group moves, not
// where it is.
func TestShiftFades(t *testing.T) {
	s := newSynthetic(32, 10)
	d := quick(t, nil)
	alarmsIn(t, d, s, aged)
	s.rate = 72
	for range 4 * shiftTicks {
		observe(t, d, s.frame())
	}
	if got := d.shift.word(); got != "none" {
		t.Errorf("shift %q long after the load changed, want none", got)
	}
}
