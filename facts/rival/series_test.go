package rival

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// testSeries is 900 seconds of a group of which m3 is empty in (700, 730]; what
// is up to second 500 is learnt from.
func testSeries() Series {
	r := newRecording("g", 5, 900, 0)
	sick := newRecording("g", 6, 900, 700)
	copy(r.Frames[700:730], sick.Frames[700:730])
	return Series{Recording: r, From: at(500), Segments: []Segment{{Member: "m3", From: at(700), To: at(730),
		Metrics: []string{"bytes_per_request", "completions_per_request", "cpu_per_request", "request_rate"}}}}
}

var seriesConfig = detect.Config{Env: "test", Tick: time.Second, Epoch: 20 * time.Second, Alpha: 0.1, Warmup: 60 * time.Second}

func TestCompareSeriesFindsASegmentAndCountsHealth(t *testing.T) {
	c, err := CompareSeries(t.Context(), seriesConfig, testSeries())
	if err != nil {
		t.Fatal(err)
	}
	if c.Members != 6 || len(c.Methods) != 1+len(Methods()) {
		t.Fatalf("%d members, %d methods, want 6 and %d", c.Members, len(c.Methods), 1+len(Methods()))
	}
	for _, m := range c.Methods {
		// Epochs end at 60+20·e; (500, 900] has 20 of them, of six members,
		// less the two that m3's segment touches.
		if m.Segments != 1 || m.HealthyEpochs != 118 {
			t.Errorf("%s: %d segments, %d healthy epochs, want 1 and 118", m.Method, m.Segments, m.HealthyEpochs)
		}
		// 118 epochs at .1 with a standard error of .03: .22 is four above.
		if m.Realised > 0.22 || m.FalseAlarmLow > m.Realised || m.FalseAlarmHigh < m.Realised {
			t.Errorf("%s: %v false alarms an epoch (%v to %v), want about .1", m.Method, m.Realised, m.FalseAlarmLow, m.FalseAlarmHigh)
		}
		if want := m.Method != "envoy-success-rate"; (m.Found == 1) != want {
			t.Errorf("%s: found %v, want %v", m.Method, m.Found == 1, want)
		}
		if (m.HitRate >= 0) != (m.Method == oursName) {
			t.Errorf("%s: hit rate %v, want one of ours alone", m.Method, m.HitRate)
		}
	}
	if ours := c.Methods[0]; ours.MedianDelay > 3 || ours.HitRate < 0.5 {
		t.Errorf("ours: delay %v, hit rate %v, want within 3 s and half of the metrics", ours.MedianDelay, ours.HitRate)
	}
}

func TestCompareSeriesLeavesOutWhatHasNothingToGoBy(t *testing.T) {
	s := testSeries()
	for i, f := range s.Frames {
		g := facts.NewFrame(f.Time, f.Group, f.Members, []string{"a", "b", "c", "d", "e", "f", "g", "h"})
		copy(g.Values, f.Values)
		s.Frames[i] = g
	}
	c, err := CompareSeries(t.Context(), seriesConfig, s)
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(c.Methods, func(m SeriesScore) bool { return m.Method == "envoy-success-rate" }) {
		t.Error("the rule on success rates judges a series without answers")
	}
}

func TestCompareSeriesRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		from int
		want string
	}{
		{"nothing to learn from", 50, "want at least"},
		{"nothing to judge", 900, "nothing after"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := testSeries()
			s.From = at(tt.from)
			if _, err := CompareSeries(t.Context(), seriesConfig, s); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("CompareSeries: %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestHitRate(t *testing.T) {
	for _, tt := range []struct {
		name         string
		named, truth []string
		want         float64
	}{
		{"all of as many", []string{"b", "a", "c"}, []string{"a", "b"}, 1},
		{"one comes too late", []string{"b", "c", "a"}, []string{"a", "b"}, 0.5},
		{"nothing named", nil, []string{"a"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := hitRate(tt.named, tt.truth); got != tt.want {
				t.Errorf("hitRate(%v, %v) = %v, want %v", tt.named, tt.truth, got, tt.want)
			}
		})
	}
}
