package rival

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func at(seconds int) time.Time { return time.Unix(int64(seconds), 0).UTC() }

func alarm(seconds int, member string, metrics ...string) Alarm {
	return Alarm{Time: at(seconds), Member: member, Metrics: metrics}
}

// sickAt is a label of m3 in group g.
func sickAt(onset, end int, fault string) Label {
	return Label{Group: "g", Member: "m3", Fault: fault, Onset: at(onset), End: at(end)}
}

func TestNewScoreComparesAlarmsWithFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		alarms []Alarm
		want   FaultScore
	}{
		{"no alarm at all", nil, FaultScore{}},
		{"the member, and what for", []Alarm{alarm(103, "m3", "a", "b"), alarm(104, "m3", "c")},
			FaultScore{Found: true, Delay: 3, First: "m3", RightFirst: true, Metrics: []string{"a", "b"}}},
		{"an alarm at the onset is before the fault", []Alarm{alarm(100, "m3")}, FaultScore{BeforeOnset: 1}},
		{"an alarm at the end is in time", []Alarm{alarm(160, "m3")}, FaultScore{Found: true, Delay: 60, First: "m3", RightFirst: true}},
		{"an alarm after the end is none", []Alarm{alarm(161, "m3")}, FaultScore{}},
		{"somebody else first", []Alarm{alarm(101, "m1"), alarm(102, "m1"), alarm(103, "m3")},
			FaultScore{Found: true, Delay: 3, First: "m1", OthersToo: []string{"m1"}}},
		{"somebody else only", []Alarm{alarm(101, "m1")}, FaultScore{First: "m1", OthersToo: []string{"m1"}}},
		{"the group of two, and nobody by name", []Alarm{alarm(101, "")}, FaultScore{OthersToo: []string{""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := Watch{Group: "g", Start: at(40), Last: at(200), Alarms: tt.alarms}
			s := NewScore(time.Minute, []Label{sickAt(100, 160, "what")}, []Watch{w})
			if len(s.Rows) != 1 || s.HealthyEpochs != 0 || s.FalseAlarms != 0 {
				t.Fatalf("score %+v, want one fault and no healthy epoch", s)
			}
			got := s.Rows[0]
			if got.Found != tt.want.Found || got.Delay != tt.want.Delay || got.First != tt.want.First || got.RightFirst != tt.want.RightFirst ||
				got.BeforeOnset != tt.want.BeforeOnset || !slices.Equal(got.OthersToo, tt.want.OthersToo) || !slices.Equal(got.Metrics, tt.want.Metrics) {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestNewScoreCountsHealthyEpochs(t *testing.T) {
	for _, tt := range []struct {
		name          string
		last          int // the warm-up ends at 40
		alarms        []Alarm
		epochs, false int
	}{
		{"shorter than the warm-up", 30, nil, 0, 0},
		{"an epoch that is not complete does not count", 159, []Alarm{alarm(150, "m1")}, 1, 0},
		{"two alarms in one epoch are one", 160, []Alarm{alarm(41, "m1"), alarm(100, "m2")}, 2, 1},
		{"one in each", 160, []Alarm{alarm(100, "m1"), alarm(101, "m1")}, 2, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := Watch{Group: "h", Start: at(40), Last: at(tt.last), Alarms: tt.alarms}
			s := NewScore(time.Minute, []Label{sickAt(100, 160, "what")}, []Watch{w})
			if s.HealthyEpochs != tt.epochs || s.FalseAlarms != tt.false || len(s.FalseRows) != tt.false || s.Faults != 0 {
				t.Errorf("%d false of %d epochs, want %d of %d", s.FalseAlarms, s.HealthyEpochs, tt.false, tt.epochs)
			}
		})
	}
}

func TestNewScoreSumsUp(t *testing.T) {
	labels := []Label{sickAt(100, 110, "slow"), sickAt(200, 210, "slow"), sickAt(300, 310, "empty"), sickAt(400, 410, "unheard-of")}
	w := Watch{Group: "g", Start: at(40), Last: at(500), Alarms: []Alarm{alarm(101, "m3", "request_rate", "queue"),
		alarm(304, "m3", "request_rate", "latency_ms", "memory_mb", "bytes_per_request"), alarm(409, "m3", "anything")}}
	s := NewScore(time.Minute, labels, []Watch{w})
	if s.Faults != 4 || s.Found != 3 || s.MedianDelay != 4 || s.Delay90 != 9 || s.RightMemberFirst != 3 {
		t.Errorf("%d of %d found, delays %v and %v, right %d, want 3 of 4, 4, 9 and 3", s.Found, s.Faults, s.MedianDelay, s.Delay90, s.RightMemberFirst)
	}
	// Of slow the queue is true and second; of empty the bytes are true, but
	// fourth; of the third kind nothing is known.
	if s.Attributed != 2 || s.TrueMetricFirst != 1 {
		t.Errorf("true metric in %d of %d, want 1 of 2", s.TrueMetricFirst, s.Attributed)
	}
	want := []KindScore{{"empty", 1, 1, 4, 1}, {"slow", 1, 2, 1, 1}, {"unheard-of", 1, 1, 9, 1}}
	if got := s.Kinds(); !slices.Equal(got, want) {
		t.Errorf("kinds %v, want %v", got, want)
	}
}

func TestPrintScore(t *testing.T) {
	labels := []Label{sickAt(100, 110, "slow"), sickAt(200, 210, "slow")}
	s := NewScore(time.Minute, labels, []Watch{
		{Group: "g", Start: at(40), Last: at(500), Alarms: []Alarm{alarm(101, "m3", "queue")}},
		{Group: "h", Start: at(40), Last: at(500), Alarms: []Alarm{alarm(77, "m1"), alarm(155, "")}}})
	var out bytes.Buffer
	if err := s.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"slow   m3      yes    1s", "slow   m3      no     -", "all    1      2   1s",
		"true metric in the top 3: 1 of 1", "false alarms: 2 of 7 healthy epochs (95 %: 0.0367 to 0.71)", "h at 77s: m1", "h at 155s: (group)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestEveryDocumentedKindHasTrueMetrics(t *testing.T) {
	for _, kind := range []string{"empty", "flap", "partial", "err", "partial500", "drop", "dropall", "hang", "hangall", "hollow", "slow", "hog", "drift"} {
		got := TrueMetrics(kind)
		if len(got) == 0 || slices.Contains(got, "request_rate") {
			t.Errorf("%s: %v, want metrics, and not the rate of requests, which is a consequence", kind, got)
		}
	}
	if got := TrueMetrics("unheard-of"); got != nil {
		t.Errorf("%v, want nil", got)
	}
}
