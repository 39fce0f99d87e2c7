package rival

import (
	"context"
	"fmt"
	"slices"

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

// Collect adds a frame to the recording of its group among those of one file,
// which begins with it when there is none. Frames come in order of time.
func Collect(groups []Recording, file string, f *facts.Frame) []Recording {
	i := slices.IndexFunc(groups, func(r Recording) bool { return r.Group == f.Group })
	if i < 0 {
		i = len(groups)
		groups = append(groups, Recording{File: file, Group: f.Group})
	}
	groups[i].Frames = append(groups[i].Frames, f)
	return groups
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
