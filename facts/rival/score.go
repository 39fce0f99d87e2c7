package rival

import (
	"slices"
	"time"
)

// Alarm is one tick at which a method held a member to be sick.
type Alarm struct {
	Time    time.Time
	Member  string   // "" is the group, out of balance by nobody in particular
	Metrics []string // what the method says it is because of, largest first; nil: it says nothing
}

// Watch is what a method said of one group of one recording.
type Watch struct {
	Group   string
	Start   time.Time // end of the warm-up
	Last    time.Time // end of the recording
	Members []string  // all that were seen; for [Unborne]
	Alarms  []Alarm   // in order of time, the worst of a tick first
}

// Summary is how what a method said compares with the truth, in numbers.
type Summary struct {
	HealthyEpochs    int     `json:"healthy_epochs"`
	FalseAlarms      int     `json:"false_alarms"`     // healthy epochs with an alarm
	FalseAlarmLow    float64 `json:"false_alarm_low"`  // exact 95 % interval of their share (Clopper and Pearson)
	FalseAlarmHigh   float64 `json:"false_alarm_high"` // …
	Faults           int     `json:"faults"`
	Found            int     `json:"found"`
	MedianDelay      float64 `json:"median_delay_s"` // of the faults found
	Delay90          float64 `json:"delay_90_s"`     // within which nine in ten of those found are found
	RightMemberFirst int     `json:"right_member_first"`

	// Of the faults found whose kind TrueMetrics knows, and for which the
	// method names metrics: how many, and how many of them have such a metric
	// among the first three.
	Attributed      int `json:"attributed"`
	TrueMetricFirst int `json:"true_metric_in_top_3"`
}

// Score is a summary with what it is of.
type Score struct {
	Summary
	Rows      []FaultScore `json:"rows"`
	FalseRows []FalseAlarm `json:"false_alarm_rows"`
}

// FaultScore is one fault.
type FaultScore struct {
	Run         string   `json:"run"`
	Fault       string   `json:"fault"`
	Member      string   `json:"member"`
	Found       bool     `json:"found"`   // an alarm stood for the member between onset and end
	Delay       float64  `json:"delay_s"` // from onset to the first alarm of the member
	First       string   `json:"first_alarmed"`
	RightFirst  bool     `json:"right_member_first"`
	OthersToo   []string `json:"others_alarmed"` // healthy members alarmed while it lasted
	BeforeOnset int      `json:"alarms_before_onset"`
	Metrics     []string `json:"metrics"` // named by the first alarm of the member
}

// FalseAlarm is a healthy epoch with an alarm.
type FalseAlarm struct {
	Run    string  `json:"run"`
	At     float64 `json:"at_s"`
	Member string  `json:"member"`
}

// confidence of the intervals.
const confidence = 0.95

// NewScore compares what was said of the watched groups with the labels, which
// may tell of other groups, too. A watched group without a label is healthy
// throughout: its complete epochs after the warm-up count.
// Cost: O(watched · labels + alarms).
func NewScore(epoch time.Duration, labels []Label, watched []Watch) *Score {
	s := &Score{Rows: []FaultScore{}, FalseRows: []FalseAlarm{}}
	for i := range watched {
		faulty := false
		for _, l := range labels {
			if l.Group == watched[i].Group {
				faulty = true
				s.addFault(scoreFault(&watched[i], l))
			}
		}
		if !faulty {
			s.addHealthy(&watched[i], epoch)
		}
	}
	delays := s.Delays()
	s.MedianDelay, s.Delay90 = middleOf(delays), quantile(delays, 0.9)
	s.FalseAlarmLow, s.FalseAlarmHigh = clopperPearson(s.FalseAlarms, s.HealthyEpochs, confidence)
	return s
}

// Delays returns the delays of the faults found, in seconds, ascending.
func (s *Score) Delays() []float64 {
	delays := []float64{}
	for _, r := range s.Rows {
		if r.Found {
			delays = append(delays, r.Delay)
		}
	}
	slices.Sort(delays)
	return delays
}

func (s *Score) addFault(row FaultScore) {
	s.Rows = append(s.Rows, row)
	s.Faults++
	if row.RightFirst {
		s.RightMemberFirst++
	}
	if !row.Found {
		return
	}
	s.Found++
	named, known := namesTruth(row.Fault, row.Metrics)
	if known && len(row.Metrics) > 0 {
		s.Attributed++
		if named {
			s.TrueMetricFirst++
		}
	}
}

// scoreFault compares the alarms of a group with one fault of it.
func scoreFault(w *Watch, l Label) FaultScore {
	row := FaultScore{Run: w.Group, Fault: l.Fault, Member: l.Member, OthersToo: []string{}, Metrics: []string{}}
	for _, a := range w.Alarms {
		switch {
		case !a.Time.After(l.Onset):
			row.BeforeOnset++
			continue
		case a.Time.After(l.End):
			continue
		}
		if row.First == "" {
			row.First = a.Member
			row.RightFirst = a.Member == l.Member
		}
		if a.Member != l.Member {
			if !slices.Contains(row.OthersToo, a.Member) {
				row.OthersToo = append(row.OthersToo, a.Member)
			}
			continue
		}
		if !row.Found {
			row.Found, row.Delay = true, a.Time.Sub(l.Onset).Seconds()
			row.Metrics = append(row.Metrics, a.Metrics...)
		}
	}
	return row
}

// addHealthy counts the complete epochs after the warm-up, and those of them
// with an alarm.
func (s *Score) addHealthy(w *Watch, epoch time.Duration) {
	epochs := max(0, int(w.Last.Sub(w.Start)/epoch))
	s.HealthyEpochs += epochs
	counted := map[int]bool{}
	for _, a := range w.Alarms {
		e := int((a.Time.Sub(w.Start) - 1) / epoch)
		if e < epochs && !counted[e] {
			counted[e] = true
			s.FalseAlarms++
			s.FalseRows = append(s.FalseRows, FalseAlarm{w.Group, a.Time.Sub(time.Unix(0, 0)).Seconds(), a.Member})
		}
	}
}
