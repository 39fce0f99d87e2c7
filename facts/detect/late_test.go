package detect

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// withMetrics returns s with further metrics, which value gives for the member
// of each row; NaN is missing.
func withMetrics(s *synthetic, value func(row int, metric string) float64, metrics ...string) {
	s.metrics = slices.Sorted(slices.Values(slices.Concat(syntheticMetrics, metrics)))
	s.override = func(f *facts.Frame) {
		for _, metric := range metrics {
			k, _ := slices.BinarySearch(f.Metrics, metric)
			for r := range f.Members {
				f.Row(r)[k] = value(r, metric)
			}
		}
	}
}

// judged returns a detector of five members that has its threshold.
func judgedDetector(t *testing.T, s *synthetic) *Detector {
	t.Helper()
	d, err := New(Config{Env: "test", Group: "web", Warmup: 60 * time.Second, Epoch: 20 * time.Second, Alpha: 0.05, MinEpochs: 20})
	if err != nil {
		t.Fatal(err)
	}
	for range 60 + 21*20 {
		observe(t, d, s.frame())
	}
	if !d.Judging() {
		t.Fatal("not judged after the warm-up and 21 epochs")
	}
	return d
}

// alarmed returns the first effect of each alarm about a member in some ticks.
func alarmed(t *testing.T, d *Detector, s *synthetic, member string, ticks int) (effects []string) {
	t.Helper()
	for range ticks {
		for _, f := range observe(t, d, s.frame()) {
			if f.Kind == facts.Imbalance && f.State == facts.Alarm && f.Member == member && len(f.Effect) > 0 {
				effects = append(effects, f.Effect[0].Metric)
			}
		}
		if !d.Judging() {
			t.Fatalf("tick %d is not judged, want all of them", s.ticks)
		}
	}
	return effects
}

func TestAMetricThatAppearsLaterIsJudgedAfterItsOwnWarmup(t *testing.T) {
	const late = "aa_late_usage" // sorts in front of all others
	s := newSynthetic(21, 5)
	d := judgedDetector(t, s)
	sick := false
	withMetrics(s, func(row int, _ string) float64 {
		v := 0.3 + 0.01*s.rng.NormFloat64()
		if sick && row == 2 {
			v += 0.3
		}
		return v
	}, late)
	before := len(d.Features())
	alarmed(t, d, s, "", 20)
	if len(d.Features()) != before {
		t.Errorf("%d features at once, want the %d that are fitted", len(d.Features()), before)
	}
	sick = true // not judged yet
	if got := alarmed(t, d, s, "m0003", 5); got != nil {
		t.Errorf("alarms %v on a metric that has not been fitted", got)
	}
	sick = false
	version := d.Baseline().Version
	alarmed(t, d, s, "", 120)
	if got := d.Features(); len(got) != before+1 || got[before] != late {
		t.Fatalf("features %v, want %s behind the %d others", got, late, before)
	}
	if b := d.Baseline(); b.Version <= version || b.Reason != "metric" {
		t.Errorf("baseline %+v, want a new version for the metric", b)
	}
	sick = true
	if got := alarmed(t, d, s, "m0003", 20); len(got) == 0 || got[0] != late {
		t.Errorf("alarms on %v, want one on %s", got, late)
	}
}

func TestALateMetricOfACalibrationsLawIsTakenInByName(t *testing.T) {
	c := Config{Env: "test", Group: "web", Warmup: 40 * time.Second, Epoch: 20 * time.Second}
	c.Calibration = taughtBySynthetic(t, c)
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := newSynthetic(6, 5)
	s.metrics = slices.DeleteFunc(slices.Clone(syntheticMetrics), func(m string) bool { return m == "threads_usage" })
	for range 60 {
		observe(t, d, s.frame())
	}
	s.metrics = syntheticMetrics
	alarmed(t, d, s, "", 60)
	usage := slices.Index(syntheticMetrics, "threads_usage")
	s.override = func(f *facts.Frame) { f.Row(2)[usage] += 0.4 }
	if got := alarmed(t, d, s, "m0003", 20); len(got) == 0 || got[0] != "threads_usage" {
		t.Errorf("alarms on %v, want one on threads_usage", got)
	}
}

func TestMetricsThatSayNothingDisturbNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		value func(row, tick int, at func(metric string) float64) float64
	}{
		{"constant", func(int, int, func(string) float64) float64 { return 7 }},
		{"constant, and another for each member", func(row, _ int, _ func(string) float64) float64 { return float64(1 + row) }},
		{"a copy of another", func(_, _ int, at func(string) float64) float64 { return at("queue_depth") }},
		{"never there", func(int, int, func(string) float64) float64 { return math.NaN() }},
		{"of one member only", func(row, _ int, at func(string) float64) float64 {
			if row > 0 {
				return math.NaN()
			}
			return at("queue_depth")
		}},
		{"gone after the warm-up", func(_, tick int, at func(string) float64) float64 {
			if tick > 480 {
				return math.NaN()
			}
			return at("queue_depth")
		}},
		{"as large as numbers get", func(row, _ int, _ func(string) float64) float64 { return math.MaxFloat64 / float64(1+row) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSynthetic(31, 5)
			const more = "zzz_more"
			s.metrics = append(slices.Clone(syntheticMetrics), more)
			s.override = func(f *facts.Frame) {
				for r := range f.Members {
					f.Row(r)[len(f.Metrics)-1] = tt.value(r, s.ticks, func(m string) float64 { return f.Row(r)[slices.Index(f.Metrics, m)] })
				}
			}
			d := judgedDetector(t, s)
			alarms := 0
			for _, m := range s.members {
				alarms += len(alarmed(t, d, s, m, 40))
			}
			if alarms > 30 {
				t.Errorf("alarms at %d of 200 ticks in health", alarms)
			}
			s.fault[2] = "empty"
			if got := alarmed(t, d, s, "m0003", 10); len(got) == 0 {
				t.Error("no alarm on a black hole")
			}
		})
	}
}

func TestEverNewMetricsAreBounded(t *testing.T) {
	g, s := blockGroup(t, 2)
	for i := range maxNames + 50 {
		withMetrics(s, func(int, string) float64 { return 1 }, fmt.Sprintf("new_%04d", i))
		g.read(s.frame())
	}
	if names, features := len(g.names), len(g.features); names > maxNames || features > facts.MaxMetrics {
		t.Errorf("%d metrics and %d features, want at most %d and %d", names, features, maxNames, facts.MaxMetrics)
	}
	if !g.members[0].scored {
		t.Error("nobody is scored any more")
	}
}

func TestFramesWithInfiniteNumbersAreRefused(t *testing.T) {
	s := newSynthetic(51, 3)
	d := judgedDetector(t, s)
	for _, v := range []float64{math.Inf(1), math.Inf(-1)} {
		f := s.frame()
		f.Row(1)[0] = v
		if _, err := d.Observe(f); !errors.Is(err, facts.ErrShape) {
			t.Errorf("Observe of %v: %v, want facts.ErrShape", v, err)
		}
	}
}
