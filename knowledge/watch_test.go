package knowledge

import (
	"strings"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	fired := func(rule string, n int64) Measurement { return Measurement{Fired: map[string]int64{rule: n}} }
	busy := func(n int) []Measurement { // one firing of a rule that fires twice an hour
		out := make([]Measurement, n)
		for i := range out {
			out[i] = fired("drain_black_hole", 1)
		}
		return out
	}
	quiet := make([]Measurement, 60)
	spaced := func(ms ...Measurement) []Measurement { // an hour apart
		var out []Measurement
		for _, m := range ms {
			out = append(append(out, m), make([]Measurement, 59)...)
		}
		return out
	}
	imbalance := func(web, db, other float64, n int) []Measurement {
		out := make([]Measurement, n)
		for i := range out {
			out[i].Imbalance = map[string]float64{"web": web, "db": db, "other": other, "new": 9}
		}
		return out
	}
	for _, tt := range []struct {
		name string
		seen []Measurement // a minute apart
		want string
		last int // of seen, with which it was halted
	}{
		{"nothing happens for an hour", quiet, "", 0},
		{"as often as in the worst hour of the backtest, twice, and three more", busy(13), "", 0},
		{"once more", busy(14), "rule drain_black_hole fired 14 times within an hour, in the backtest at most 5", 13},
		{"as often, over two hours", spaced(fired("drain_black_hole", 13), fired("drain_black_hole", 13)), "", 0},
		{"a rule that never fired in the backtest, three times", []Measurement{fired("notify_slow", 3)}, "", 0},
		{"a rule that never fired in the backtest, four times", []Measurement{fired("notify_slow", 4)}, "notify_slow fired 4 times", 0},
		{"a rule that is not in the backtest", []Measurement{fired("other", 4)}, "other fired 4 times", 0},
		{"a rule is put aside", []Measurement{{Aside: []string{"zz", "drain"}}}, "rule drain was put aside", 0},
		{"two refusals", []Measurement{{Refused: map[string]int64{"drain": 1}}, {Refused: map[string]int64{"drain": 1, "other": 2}}}, "", 0},
		{"three refusals of one rule", []Measurement{{Refused: map[string]int64{"drain": 2}}, {Refused: map[string]int64{"drain": 1}}}, "rule drain could not be evaluated 3 times", 1},
		{"two decisions beyond their budget", []Measurement{{Decisions: 2, Overruns: 2}}, "", 0},
		{"three beyond their budget of many", []Measurement{{Decisions: 300, Overruns: 3}}, "", 0},
		{"three beyond their budget of few", []Measurement{{Decisions: 299, Overruns: 2}, {Overruns: 1}}, "3 of 299 decisions", 1},
		{"two acts fail", []Measurement{{Acts: 2, Failed: 2}}, "", 0},
		{"three of twelve acts fail", []Measurement{{Acts: 12, Failed: 3}}, "", 0},
		{"three of eleven acts fail", []Measurement{{Acts: 11, Failed: 3}}, "3 of 11 acts failed", 0},
		{"three of three acts are undone", []Measurement{{Acts: 3, Undone: 3}}, "3 of 3 acts were undone", 0},
		{"the ring is as it was", imbalance(0.4, 0.4, 0.4, 9), "", 0},
		{"the ring is worse, twice", imbalance(0.9, 0.4, 0.4, 2), "", 0},
		{"the ring is worse, three times", imbalance(0.9, 0.4, 0.4, 3), "imbalance is 2.11 times what it was", 2},
		{"the ring is worse, now and then", append(append(imbalance(0.9, 0.4, 0.4, 2), imbalance(0.4, 0.4, 0.4, 1)...), imbalance(0.9, 0.4, 0.4, 2)...), "", 0},
		{"everything is worse", imbalance(0.9, 0.9, 0.9, 9), "", 0},
		{"the others are better", imbalance(0.5, 0.1, 0.1, 9), "", 0},
		{"the ring was in balance", imbalance(0.4, 0.4, 0.4, 9), "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := mustTime("2026-11-22T06:00:00Z")
			w := NewWatch(sampleDossier(), []string{"web"}, map[string]float64{"web": 0.4, "db": 0.4, "other": 0.4}, now)
			for i, m := range tt.seen {
				m.Time = now.Add(time.Duration(i) * time.Minute)
				why := w.Observe(m)
				switch {
				case why == "":
				case tt.want == "" || i != tt.last || !strings.Contains(why, tt.want):
					t.Fatalf("Observe %d = %q, want %q at %d", i, why, tt.want, tt.last)
				default:
					return
				}
			}
			if tt.want != "" {
				t.Errorf("Observe = \"\" to the end, want %q", tt.want)
			}
		})
	}
}

func TestWatchWithoutControlGroups(t *testing.T) {
	for ratio, want := range map[float64]bool{1.0: false, 1.9: false, 2.5: true} {
		w := NewWatch(sampleDossier(), []string{"web"}, map[string]float64{"web": 1}, time.Time{})
		halted := false
		for range 3 {
			halted = w.Observe(Measurement{Imbalance: map[string]float64{"web": ratio}}) != ""
		}
		if halted != want {
			t.Errorf("imbalance grew %v times: halted = %v, want %v", ratio, halted, want)
		}
	}
}

func TestWatchOfARuleThatNeverFires(t *testing.T) {
	start := mustTime("2026-11-22T06:00:00Z")
	for _, tt := range []struct {
		name  string
		dwell time.Duration
		fired int64
		want  string
	}{
		{"two are expected", time.Hour, 0, ""},
		{"five are expected", 150 * time.Minute, 0, "rule drain_black_hole never fired in 2h30m0s, 5.0 firings were expected"},
		{"five are expected and one is seen", 150 * time.Minute, 1, ""},
	} {
		w := NewWatch(sampleDossier(), nil, nil, start)
		w.Observe(Measurement{Time: start, Fired: map[string]int64{"drain_black_hole": tt.fired}})
		if got := w.End(start.Add(tt.dwell)); got != tt.want {
			t.Errorf("%s: End = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWatchWithoutABacktest(t *testing.T) {
	w := NewWatch(&Dossier{V: 1, Bundle: liveH1, Parent: none}, nil, nil, time.Time{})
	if why := w.Observe(Measurement{Fired: map[string]int64{"drain": 1000}}); why != "" {
		t.Errorf("Observe without a band = %q", why)
	}
	if why := w.End(time.Time{}.Add(1000 * time.Hour)); why != "" {
		t.Errorf("End without a band = %q", why)
	}
}
