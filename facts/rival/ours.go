package rival

import (
	"context"
	"fmt"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// oursName is what package facts/detect is called among the methods.
const oursName = "evenkeel"

// ours watches recordings with the detectors that run in production.
type ours struct {
	cfg  detect.Config
	runs map[int]*detect.Run // of the recordings that calibrate, by index
}

func newOurs(ctx context.Context, c detect.Config, recordings []Recording) (*ours, error) {
	o := &ours{cfg: c, runs: map[int]*detect.Run{}}
	for i, r := range recordings {
		if !r.Calibrates {
			continue
		}
		l, err := detect.NewLearner(r.config(c))
		if err != nil {
			return nil, err
		}
		for _, f := range r.Frames {
			if err := l.Observe(f); err != nil {
				return nil, r.wrap(err)
			}
		}
		if o.runs[i], err = l.Run(); err != nil {
			return nil, r.wrap(err)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return o, nil
}

// calibration returns what the healthy recordings teach but for recording i; -1
// leaves none out.
func (o *ours) calibration(i, recordings int) (*detect.Calibration, error) {
	var runs []*detect.Run
	for j := range recordings {
		if r, ok := o.runs[j]; ok && j != i {
			runs = append(runs, r)
		}
	}
	c := o.cfg
	c.Group = "recording"
	return detect.Calibrate(c, runs)
}

// watch returns what the detectors say of the recordings to be judged, and the
// number of healthy epochs they go by.
func (o *ours) watch(ctx context.Context, recordings []Recording) (watched []Watch, epochs int, err error) {
	all, err := o.calibration(-1, len(recordings))
	if err != nil {
		return nil, 0, err
	}
	for i, r := range recordings {
		if !r.Judged {
			continue
		}
		c := all
		if r.Calibrates {
			if c, err = o.calibration(i, len(recordings)); err != nil {
				return nil, 0, err
			}
		}
		alarms, err := detectAlarms(ctx, r, r.config(o.cfg), c)
		if err != nil {
			return nil, 0, err
		}
		watched = append(watched, Watch{Alarms: alarms})
	}
	return watched, all.Epochs(), nil
}

// detectAlarms runs a detector over a recording. Without a calibration it
// learns from the group itself.
func detectAlarms(ctx context.Context, r Recording, c detect.Config, by *detect.Calibration) ([]Alarm, error) {
	c.Calibration = by
	d, err := detect.New(c)
	if err != nil {
		return nil, err
	}
	var alarms []Alarm
	for _, f := range r.Frames {
		found, err := d.Observe(f)
		if err != nil {
			return nil, r.wrap(err)
		}
		for i := range found {
			if a, ok := AlarmOf(&found[i]); ok {
				alarms = append(alarms, a)
			}
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return alarms, nil
}

// AlarmOf returns the alarm that a fact gives; ok is false for facts of another
// kind or state.
func AlarmOf(f *facts.Fact) (a Alarm, ok bool) {
	if f.Kind != facts.Imbalance || f.State != facts.Alarm {
		return a, false
	}
	return Alarm{Time: f.Time.Time, Member: f.Member, Metrics: metrics(f)}, true
}

// wrap says of which recording an error is.
func (r *Recording) wrap(err error) error { return fmt.Errorf("%s: %w", r.File, err) }
