package rival

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// Recording is one group of one recording, whole.
type Recording struct {
	File       string // for errors
	Group      string
	Frames     []*facts.Frame // in order of time
	Calibrates bool           // it is healthy, and the methods learn from it
	Judged     bool           // its alarms are compared with the truth
}

// config returns the settings for the recording's group.
func (r *Recording) config(c detect.Config) detect.Config {
	c.Group = r.Group
	return c
}

// members returns the names of all members that are in a frame.
func (r *Recording) members() []string {
	var out []string
	for _, f := range r.Frames {
		for _, m := range f.Members {
			if at, known := slices.BinarySearch(out, m); !known {
				out = slices.Insert(out, at, m)
			}
		}
	}
	return out
}

// Comparison is what all methods found, at one declared rate.
type Comparison struct {
	V                 int           `json:"v"` // 1
	Alpha             float64       `json:"alpha"`
	Epoch             float64       `json:"epoch_s"`
	Warmup            float64       `json:"warmup_s"`
	Recordings        int           `json:"recordings"` // judged
	CalibrationEpochs int           `json:"calibration_epochs"`
	Methods           []MethodScore `json:"methods"` // ours first

	unborne []Unborne
}

// MethodScore is one method's part.
type MethodScore struct {
	Method string `json:"method"`
	Summary
	Delays    []float64    `json:"delays_s"` // of the faults found, ascending
	Kinds     []KindScore  `json:"kinds"`
	FalseRows []FalseAlarm `json:"false_alarm_rows"`
}

// Compare judges the recordings with the detectors and with each of [Methods]
// and compares them with the labels. c declares the rate (Alpha per Epoch), the
// warm-up and the tick; its group and calibration are without meaning.
//
// Errors: fewer than two recordings that calibrate, since each is judged by the
// others; a recording that is too short, or of another kind than the rest; those
// of package detect.
// Cost: that of every method for every recording, and of learning once for every
// recording that calibrates; some seconds for an hour of ten members.
func Compare(ctx context.Context, c detect.Config, recordings []Recording, labels []Label) (*Comparison, error) {
	calibrating := 0
	for i := range recordings {
		if recordings[i].Calibrates {
			calibrating++
		}
	}
	if calibrating < 2 {
		return nil, fmt.Errorf("rival: compare: %d healthy recordings to calibrate with, want at least two: each is judged by the others", calibrating)
	}
	detectors, err := newOurs(ctx, c, recordings)
	if err != nil {
		return nil, err
	}
	mine, epochs, err := detectors.watch(ctx, recordings)
	if err != nil {
		return nil, err
	}
	t, err := newTrial(c, recordings)
	if err != nil {
		return nil, err
	}
	out := &Comparison{V: 1, Alpha: c.Alpha, Epoch: c.Epoch.Seconds(), Warmup: c.Warmup.Seconds(),
		Recordings: len(mine), CalibrationEpochs: epochs}
	t.identify(mine)
	out.unborne = Unbornes(labels, mine)
	out.add(oursName, NewScore(c.Epoch, labels, mine))
	for _, m := range Methods() {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		watched, err := t.watch(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name(), err)
		}
		out.add(m.Name(), NewScore(c.Epoch, labels, watched))
	}
	return out, nil
}

func (c *Comparison) add(name string, s *Score) {
	c.Methods = append(c.Methods, MethodScore{name, s.Summary, s.Delays(), s.Kinds(), s.FalseRows})
}

// Unborne returns the labels that no recording could bear out.
func (c *Comparison) Unborne() []Unborne { return c.unborne }

// trial is the recordings as the rivals see them.
type trial struct {
	alpha      float64
	epoch      time.Duration
	recordings []Recording
	runs       []*Run // of each recording
}

func newTrial(c detect.Config, recordings []Recording) (*trial, error) {
	t := &trial{alpha: c.Alpha, epoch: c.Epoch, recordings: recordings}
	for _, r := range recordings {
		run, err := newRun(r.config(c), r.Frames, nil)
		if err != nil {
			return nil, r.wrap(err)
		}
		t.runs = append(t.runs, run)
	}
	_, err := width(t.runs)
	return t, err
}

// identify completes the watches of the judged recordings, which are in order.
func (t *trial) identify(watched []Watch) {
	at := 0
	for i, r := range t.recordings {
		if r.Judged {
			w := &watched[at]
			w.Group, w.Start, w.Last, w.Members = r.Group, t.runs[i].start, r.Frames[len(r.Frames)-1].Time, r.members()
			at++
		}
	}
}

// watch judges the recordings with one method.
func (t *trial) watch(m Method) ([]Watch, error) {
	scores, healthy := make([][][]float64, len(t.runs)), make([][]float64, len(t.runs))
	for i, r := range t.recordings {
		if !r.Calibrates {
			continue
		}
		scorer, err := m.Learn(t.health(i))
		if err != nil {
			return nil, err
		}
		scores[i] = scorer(t.runs[i])
		healthy[i] = peaks(t.runs[i], scores[i], t.epoch)
	}
	scorer, err := m.Learn(t.health(-1))
	if err != nil {
		return nil, err
	}
	var out []Watch
	for i, r := range t.recordings {
		if !r.Judged {
			continue
		}
		if scores[i] == nil {
			scores[i] = scorer(t.runs[i])
		}
		others := slices.Concat(slices.Delete(slices.Clone(healthy), i, i+1)...)
		out = append(out, Watch{Alarms: alarms(t.runs[i], scores[i], threshold(others, t.alpha))})
	}
	t.identify(out)
	return out, nil
}

// health returns the runs that calibrate but for run i.
func (t *trial) health(i int) []*Run {
	var out []*Run
	for j, r := range t.recordings {
		if r.Calibrates && j != i {
			out = append(out, t.runs[j])
		}
	}
	return out
}

// alarms returns an alarm for every score above the limit.
func alarms(r *Run, scores [][]float64, limit float64) []Alarm {
	var out []Alarm
	for t, tick := range r.ticks {
		for _, i := range above(scores[t], limit) {
			out = append(out, Alarm{Time: tick.at, Member: r.members[i]})
		}
	}
	return out
}

// above returns the indices of the scores above the limit, the largest first.
func above(scores []float64, limit float64) []int {
	var out []int
	for i, s := range scores {
		if s > limit {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(i, j int) int { return cmp.Compare(scores[j], scores[i]) })
	return out
}
