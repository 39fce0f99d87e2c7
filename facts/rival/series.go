package rival

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts/detect"
)

// Series is one long recording of which stretches are labelled.
type Series struct {
	Recording
	From     time.Time // up to here it is learnt from; what is after is judged
	Segments []Segment // after From; in any order
}

// Segment is a stretch of time in which a member was not as usual: (From, To].
type Segment struct {
	Member   string
	From, To time.Time
	Metrics  []string // that it shows in; nil: nothing is known
}

// SeriesComparison is what all methods found in a series at one declared rate.
type SeriesComparison struct {
	V           int           `json:"v"` // 1
	Alpha       float64       `json:"alpha"`
	Epoch       float64       `json:"epoch_s"`
	SlideEpochs int           `json:"slide_epochs"`
	Members     int           `json:"members"`
	Methods     []SeriesScore `json:"methods"` // ours first
}

// SeriesScore is one method's part.
type SeriesScore struct {
	Method         string  `json:"method"`
	Segments       int     `json:"segments"`
	Found          int     `json:"found"`          // segments in which their member was alarmed
	MedianDelay    float64 `json:"median_delay_s"` // of those, from the segment's beginning
	HealthyEpochs  int     `json:"healthy_epochs"` // of a member each, without a label
	FalseAlarms    int     `json:"false_alarms"`   // those of them with an alarm
	Realised       float64 `json:"realised"`       // their share
	FalseAlarmLow  float64 `json:"false_alarm_low"`
	FalseAlarmHigh float64 `json:"false_alarm_high"` // 95 %, as if epochs were independent, which they are not quite

	// HitRate is, over the segments found of which metrics are known, the mean
	// share of them that is among as many of the features named first at the
	// first alarm (HitRate@100%); -1 when the method names none.
	HitRate float64 `json:"hit_rate_100"`
}

// slideEpochs is how many of a member's last epochs set its threshold: long
// enough for any alpha down to 1/200, short enough to follow a drift.
const slideEpochs = 240

// CompareSeries judges a series with the statistic of the detectors and with
// each of [Methods] that finds something to score in it. All learn from what is before From, all of it whatever was
// in it; c declares the warm-up, with which that begins, and the rate. Each
// member has its own threshold, of its own last 240 epochs, labelled or not:
// members of such series are not alike, and nobody had labels at the time.
//
// What is compared here is the peer statistic alone. A detector has tests of a
// member's own past beside it; but those have thresholds of their own.
//
// Errors: those of package detect; no time before or after From.
// Cost: seconds for a thousand hours of ten members; everything is in memory.
//
// Source of HitRate@100%: Y. Su et al., "Robust anomaly detection for
// multivariate time series through stochastic recurrent neural network", KDD
// 2019, there called HitRate@P%.
func CompareSeries(ctx context.Context, c detect.Config, s Series) (*SeriesComparison, error) {
	c = s.config(c)
	learner, err := detect.NewLearner(c)
	if err != nil {
		return nil, err
	}
	for _, f := range s.Frames {
		if f.Time.After(s.From) {
			break
		}
		if err := learner.Observe(f); err != nil {
			return nil, s.wrap(err)
		}
	}
	taught, err := learner.Run()
	if err != nil {
		return nil, s.wrap(err)
	}
	if c.Calibration, err = detect.Calibrate(c, []*detect.Run{taught}); err != nil {
		return nil, s.wrap(err)
	}
	run, err := newRun(c, s.Frames, s.interpreted)
	if err != nil {
		return nil, s.wrap(err)
	}
	health := run.until(s.From)
	if len(health.ticks) == len(run.ticks) {
		return nil, s.wrap(fmt.Errorf("rival: nothing after %s, want something to judge", s.From.Format(time.RFC3339)))
	}
	out := &SeriesComparison{V: 1, Alpha: c.Alpha, Epoch: c.Epoch.Seconds(), SlideEpochs: slideEpochs, Members: len(run.members)}
	mine := run.each(func(x row) float64 { return x.ours })
	out.Methods = append(out.Methods, scoreSeries(oursName, run, mine, &s, c))
	for _, m := range Methods() {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		scorer, err := m.Learn([]*Run{health})
		if err != nil {
			return nil, s.wrap(err)
		}
		if scores := scorer(run); anyScore(scores) { // the others have nothing to go by in such a series
			out.Methods = append(out.Methods, scoreSeries(m.Name(), run, scores, &s, c))
		}
	}
	return out, nil
}

func anyScore(scores [][]float64) bool {
	for _, tick := range scores {
		for _, s := range tick {
			if !math.IsNaN(s) {
				return true
			}
		}
	}
	return false
}

// interpreted reports whether it is known in which metrics the member is not as
// usual at a time.
func (s *Series) interpreted(member string, at time.Time) bool {
	return slices.ContainsFunc(s.Segments, func(g Segment) bool { return g.Metrics != nil && g.holds(member, at) })
}

func (g *Segment) holds(member string, at time.Time) bool {
	return g.Member == member && at.After(g.From) && !at.After(g.To)
}
