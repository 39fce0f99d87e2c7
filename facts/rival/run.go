package rival

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// Run is one group of one recording as the methods see it: after its warm-up,
// tick by tick, the members in service. It does not change once made.
type Run struct {
	features []string
	members  []string
	ticks    []tick
	start    time.Time              // end of the warm-up
	warm     map[string][][]float64 // features of each member in the warm-up
}

// tick is one reading.
type tick struct {
	at   time.Time
	rows []row // sorted by name of the member
}

// row is one member at one tick.
type row struct {
	member int       // index into Run.members
	anew   bool      // what it showed before does not continue
	y, z   []float64 // features and normalised peer residuals, one a feature
	ours   float64   // our own score, NaN without a calibration
	why    []string  // the features behind it, the largest part first, where it is wanted

	answers, good float64 // requests ended, and ended well, by the balancer; NaN: it does not tell
}

// newRun reads the frames of one group. wanted says of whom the score is to be
// explained; nil: of nobody.
func newRun(c detect.Config, frames []*facts.Frame, wanted func(member string, at time.Time) bool) (*Run, error) {
	r := &Run{}
	reader, err := detect.NewReader(c)
	if err != nil {
		return nil, err
	}
	for _, f := range frames {
		reading, err := reader.Observe(f)
		if err != nil {
			return nil, err
		}
		if reading == nil {
			r.start = f.Time
			continue
		}
		r.add(reading, f)
		if wanted == nil {
			continue
		}
		for i, m := range reading.Members {
			if wanted(m.Name, f.Time) {
				r.ticks[len(r.ticks)-1].rows[i].why = reader.Explain(m.Name)
			}
		}
	}
	if len(r.ticks) == 0 {
		return nil, fmt.Errorf("rival: recording of %s: nothing after a warm-up of %v with two members or more in service: give a longer recording or a shorter warm-up",
			c.Group, c.Warmup)
	}
	r.features, r.warm = reader.Features(), reader.Warmup()
	return r, nil
}

// add appends one reading of a frame.
func (r *Run) add(reading *detect.Reading, f *facts.Frame) {
	t := tick{at: reading.Time}
	for _, m := range reading.Members {
		answers, good := outcomes(f, m.Name)
		t.rows = append(t.rows, row{member: r.member(m.Name), anew: m.Anew,
			y: slices.Clone(m.Y), z: slices.Clone(m.Z), ours: m.Score, answers: answers, good: good})
	}
	r.ticks = append(r.ticks, t)
}

// member returns the index of a name, which is given one at first sight.
func (r *Run) member(name string) int {
	i := slices.Index(r.members, name)
	if i < 0 {
		i = len(r.members)
		r.members = append(r.members, name)
	}
	return i
}

// outcomes counts the requests to a member that ended at this tick, and those
// that ended well, as a balancer sees it: an answer below 500 is good, one
// above, a connection refused and a broken answer are not. NaN when the
// balancer tells nothing.
func outcomes(f *facts.Frame, member string) (answers, good float64) {
	add := func(total *float64, metrics ...string) {
		for _, m := range metrics {
			if v := f.At(member, m); v >= 0 {
				*total += v
			}
		}
	}
	if math.IsNaN(f.At(member, "hx_hrsp_2xx")) {
		return math.NaN(), math.NaN()
	}
	add(&good, "hx_hrsp_2xx", "hx_hrsp_4xx")
	answers = good
	add(&answers, "hx_hrsp_5xx", "hx_econ", "hx_eresp")
	return answers, good
}

// until returns the run up to a time, that included.
func (r *Run) until(t time.Time) *Run {
	cut := *r
	n, _ := slices.BinarySearchFunc(r.ticks, t, func(x tick, t time.Time) int {
		if x.at.After(t) {
			return 1
		}
		return -1
	})
	cut.ticks = r.ticks[:n]
	return &cut
}

// scores returns a table of ticks × members without a score.
func (r *Run) scores() [][]float64 {
	out := make([][]float64, len(r.ticks))
	all := make([]float64, len(r.ticks)*len(r.members))
	for i := range all {
		all[i] = math.NaN()
	}
	for t := range out {
		out[t] = all[t*len(r.members) : (t+1)*len(r.members)]
	}
	return out
}

// each gives every member at every tick the score that f computes from its row.
func (r *Run) each(f func(row) float64) [][]float64 {
	out := r.scores()
	for t, tick := range r.ticks {
		for _, row := range tick.rows {
			out[t][row.member] = f(row)
		}
	}
	return out
}
