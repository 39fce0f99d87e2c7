package detect

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Run is what one healthy recording of a group teaches: its residuals after
// its own warm-up. It does not change once made and may be shared.
type Run struct {
	trace  *trace
	epochs int
}

// Learner turns a healthy recording of one group into a [Run]. It is not for
// concurrent use.
type Learner struct {
	cfg    Config
	order  order
	group  *group
	trace  *trace
	start  time.Time // end of the warm-up
	epochs int
}

// NewLearner returns a learner of the group c.Group. An error names the field
// of c, what was found and what is wanted.
func NewLearner(c Config) (*Learner, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Learner{cfg: c, order: order{group: c.Group}, group: newGroup(&c), trace: &trace{}}, nil
}

// Observe takes in the frame of the next tick. Errors are those of
// [Detector.Observe].
// Cost: as there, and 4·d bytes for each member and tick after the warm-up.
func (l *Learner) Observe(f *facts.Frame) error {
	if err := l.order.check(f); err != nil {
		return err
	}
	warm := !l.group.fitted
	l.group.read(f)
	if warm {
		l.start = f.Time
		return nil
	}
	passed := f.Time.Sub(l.start)
	l.epochs = int(passed / l.cfg.Epoch)
	l.trace.add(l.group, int((passed-1)/l.cfg.Epoch))
	l.group.begun()
	return nil
}

// Run returns what was learnt. It fails when the frames did not last for the
// warm-up, with at least two members in service, and one whole epoch.
func (l *Learner) Run() (*Run, error) {
	if l.epochs == 0 {
		return nil, fmt.Errorf("detect: recording of %s ends at %s: want at least %v of warm-up with two members or more, and an epoch of %v",
			l.cfg.Group, l.order.last.Format(time.RFC3339), l.cfg.Warmup, l.cfg.Epoch)
	}
	l.trace.features = l.group.featureNames()
	return &Run{trace: l.trace, epochs: l.epochs}, nil
}

func (g *group) featureNames() []string {
	features := g.judged()
	names := make([]string, len(features))
	for k := range features {
		names[k] = features[k].name
	}
	return names
}

// Calibration is what healthy recordings teach about groups of their kind:
// the law of the residuals that a warm-up leaves, and the peaks that the score
// reached in healthy epochs. It does not change once made and may be shared
// between detectors.
type Calibration struct {
	windows []int
	epoch   time.Duration
	law     *law
	history epochs
}

// Epochs returns the number of healthy epochs behind the thresholds.
func (c *Calibration) Epochs() int { return c.history.len() }

// Calibrate learns from healthy runs made with the same c, of which only the
// windows and the epoch count here. The groups of the runs may differ in
// members, rates and balancing: what carries over is the normalised score.
//
// The law is learnt from the features that all runs have. The peaks of each
// run are computed under the law of the other runs, so that they are as far
// out as those of a group that was not learnt from; with a single run, under
// its own, which flatters it.
// Cost: O(runs²·ticks·members·windows·d²).
func Calibrate(c Config, runs []*Run) (*Calibration, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, errors.New("detect: calibrate: no healthy runs, want at least one, better two or more")
	}
	features := slices.Clone(runs[0].trace.features)
	for _, r := range runs[1:] {
		features = slices.DeleteFunc(features, func(f string) bool { return !slices.Contains(r.trace.features, f) })
	}
	if len(features) == 0 {
		return nil, errors.New("detect: calibrate: the runs have no metric in common, want recordings of one kind of source")
	}
	traces := make([]*trace, len(runs))
	for i, r := range runs {
		traces[i] = r.trace.only(features)
	}
	out := &Calibration{windows: c.Windows, epoch: c.Epoch}
	if out.law, err = learnLaw(c.Windows, features, traces); err != nil {
		return nil, err
	}
	for i, r := range runs {
		l := out.law
		if others := slices.Delete(slices.Clone(traces), i, i+1); len(others) > 0 {
			if l, err = learnLaw(c.Windows, features, others); err != nil {
				return nil, err
			}
		}
		out.take(traces[i].peaks(l, r.epochs), i)
	}
	return out, nil
}

// take adds the peaks of run i to the history.
func (c *Calibration) take(peaks [][]float64, i int) {
	run := strconv.Itoa(i)
	for e, members := range peaks {
		whole := peak{tie: tie(run, "", int64(e))}
		var cells []memberPeak
		for m, score := range members {
			if math.IsNaN(score) {
				continue
			}
			whole.score = max(whole.score, score)
			cells = append(cells, memberPeak{run + "/" + strconv.Itoa(m), peak{score, tie(run, strconv.Itoa(m), int64(e))}})
		}
		c.history.add(whole, cells)
	}
}
