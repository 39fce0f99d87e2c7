package rival

import (
	"cmp"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts/detect"
)

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
