package detect

import (
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Metrics that say nothing, or say it twice, must neither break the test nor
// hide a fault that another one shows.
func TestPoorMetrics(t *testing.T) {
	const health = 400 // ticks
	nan := math.NaN()
	for _, tt := range []struct {
		name string
		poor func(s *synthetic, tick int, good float64) float64
	}{
		{"one that never moves", func(*synthetic, int, float64) float64 { return 5 }},
		{"one that is always zero", func(*synthetic, int, float64) float64 { return 0 }},
		{"one that is another's copy", func(_ *synthetic, _ int, good float64) float64 { return good }},
		{"one that is another's multiple", func(_ *synthetic, _ int, good float64) float64 { return 1e6 * good }},
		{"one that is never there", func(*synthetic, int, float64) float64 { return nan }},
		{"one that is hardly ever there", func(s *synthetic, _ int, good float64) float64 {
			if s.rng.Float64() < 0.95 {
				return nan
			}
			return good
		}},
		{"one that goes away", func(s *synthetic, tick int, _ float64) float64 {
			if tick > 200 {
				return nan
			}
			return 50 + 4*s.rng.NormFloat64()
		}},
		{"one of enormous numbers", func(s *synthetic, _ int, _ float64) float64 { return 1e300 * (1 + s.rng.Float64()) }},
		{"one that is negative", func(s *synthetic, _ int, _ float64) float64 { return -100 * s.rng.Float64() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSynthetic(11, 6)
			d := quick(t, func(c *Config) { c.Warmup, c.Epoch, c.Margin = 100*time.Second, 20*time.Second, 2 })
			next := func(tick, sick int) []facts.Fact {
				base := s.frame()
				f := facts.NewFrame(base.Time, base.Group, base.Members, []string{"good_a", "good_b", "poor"})
				for i := range f.Members {
					a, b := 100+5*s.rng.NormFloat64(), 30+3*s.rng.NormFloat64()
					if i == sick {
						a = 0
					}
					copy(f.Row(i), []float64{a, b, tt.poor(s, tick, a)})
				}
				return observe(t, d, f)
			}
			alarms := func(found []facts.Fact) (members []string) {
				for _, f := range found {
					if f.Kind == facts.Imbalance && f.State == facts.Alarm {
						members = append(members, f.Member)
					}
				}
				return members
			}
			for tick := range health {
				if a := alarms(next(tick, -1)); a != nil {
					t.Fatalf("tick %d: alarm of %v in health", tick, a)
				}
			}
			for tick := range 5 {
				if a := alarms(next(health+tick, 3)); a != nil {
					if a[0] != s.members[3] {
						t.Fatalf("alarm of %v, want %s first", a, s.members[3])
					}
					return
				}
			}
			t.Error("no alarm within 5 ticks of the fault")
		})
	}
}
