package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/facts/detect"
)

const (
	// frozenEpochs is how many epochs a calibration that is frozen has.
	frozenEpochs = 100
	// sampleReference and sampleClaim are those of the product over samples:
	// it ranks among frozenEpochs' samples, and claims one false alarm in so
	// many.
	sampleReference = frozenEpochs * recordedEpoch
	sampleClaim     = 1e5
)

// studied is what a detector saw in a dataset, member by member.
type studied struct {
	name    string
	members []studiedMember
}

// studiedMember holds one member's epochs, and its samples.
type studiedMember struct {
	name    string
	normal  []bool    // no sample of the epoch is labelled
	sliding []float64 // peaks of the score as it is; NaN: hardly scored
	frozen  []float64 // of one whose baseline never follows, before it is taken against the group's spread
	samples []float64 // the score as it is, tick by tick
}

// study runs the detector over a dataset, once as it is and once frozen.
func study(d *dataset) (*studied, error) {
	out := &studied{name: d.name, members: make([]studiedMember, len(d.members))}
	for _, frozen := range []bool{false, true} {
		c := detect.Config{Env: "bench", Group: d.name, Tick: recordedTick, Epoch: recordedEpoch * recordedTick,
			Warmup: recordedWarmup, Settle: recordedTick, Windows: []int{1, 3, 8}, Alpha: 0.02, MinEpochs: 49}
		if frozen {
			c.Slide = -1
		}
		series, err := d.scores(c)
		if err != nil {
			return nil, err
		}
		for i := range out.members {
			m, r := &out.members[i], &d.members[i]
			m.name = r.name
			if frozen {
				m.frozen = peaksOf(series[i], func(s detect.Score) float64 { return s.S })
				continue
			}
			m.sliding = peaksOf(series[i], func(s detect.Score) float64 { return s.U })
			for _, s := range series[i] {
				m.samples = append(m.samples, s.U)
			}
			from := d.ticks - len(series[i])
			for e := range m.sliding {
				normal := true
				for _, bad := range r.abnormal[from+e*recordedEpoch : from+(e+1)*recordedEpoch] {
					normal = normal && !bad
				}
				m.normal = append(m.normal, normal)
			}
		}
	}
	return out, nil
}

// scores runs one detector over the dataset and returns the scores of each
// member from the first tick at which anybody has one; NaN at ticks without.
func (d *dataset) scores(c detect.Config) ([][]detect.Score, error) {
	detector, err := detect.New(c)
	if err != nil {
		return nil, err
	}
	index := map[string]int{}
	for i, m := range d.members {
		index[m.name] = i
	}
	out := make([][]detect.Score, len(d.members))
	var tick []detect.Score
	for t := range d.ticks {
		if _, err := detector.Observe(d.frame(t)); err != nil {
			return nil, err
		}
		if tick = detector.Scores(tick[:0]); len(tick) == 0 && len(out[0]) == 0 {
			continue
		}
		for i := range out {
			out[i] = append(out[i], detect.Score{U: math.NaN(), S: math.NaN()})
		}
		for _, s := range tick {
			of := out[index[s.Member]]
			of[len(of)-1] = s
		}
	}
	return out, nil
}

// peaksOf returns the largest of each whole epoch, NaN when less than half of
// it was scored.
func peaksOf(series []detect.Score, value func(detect.Score) float64) []float64 {
	var out []float64
	for at := 0; at+recordedEpoch <= len(series); at += recordedEpoch {
		peak, n := 0.0, 0
		for _, s := range series[at : at+recordedEpoch] {
			if v := value(s); !math.IsNaN(v) {
				peak, n = max(peak, v), n+1
			}
		}
		if 2*n < recordedEpoch {
			peak = math.NaN()
		}
		out = append(out, peak)
	}
	return out
}

// keptRate is one line of the table: what was promised, and what came of it.
type keptRate struct {
	Data     string  `json:"data"`
	Test     string  `json:"test"`
	Promised float64 `json:"promised"`
	Tests    int     `json:"tests"`
	Alarms   int     `json:"alarms"`
	Ratio    float64 `json:"realised_over_promised"`
	Bound    float64 `json:"bound,omitempty"` // of T5: the share of alarmed epochs that is not passed
}

// table returns what each calibration promised of the data and kept; a
// recording that is too short to tell is not in it.
func (s *studied) table() []keptRate {
	var out []keptRate
	add := func(test string, promised float64, t detect.Tally) {
		if t.Tests > 0 {
			out = append(out, keptRate{s.name, test, promised, t.Tests, t.Alarms, t.Rate() / promised, 0})
		}
	}
	sum := func(f func(studiedMember) detect.Tally) (t detect.Tally) {
		for _, m := range s.members {
			t.Add(f(m))
		}
		return t
	}
	for _, alpha := range []float64{0.05, 0.02} {
		add("sliding T1, normal epochs", alpha, sum(func(m studiedMember) detect.Tally {
			return detect.SlidingT1(m.sliding, m.normal, alpha)
		}))
		add("sliding T1, all epochs", alpha, sum(func(m studiedMember) detect.Tally {
			return detect.SlidingT1(m.sliding, nil, alpha)
		}))
		add("frozen T1, normal epochs", alpha, sum(func(m studiedMember) detect.Tally {
			return detect.FrozenT1(m.frozen, m.normal, alpha, frozenEpochs)
		}))
		nearest, least := detect.Tally{}, math.Inf(1)
		for _, m := range s.members {
			if t, bound := detect.BudgetT5(m.sliding, alpha); bound-t.Rate() < least {
				nearest, least = t, bound-t.Rate()
			}
		}
		if add("T5, the member nearest its bound", alpha, nearest); nearest.Tests > 0 {
			out[len(out)-1].Bound = nearest.Rate() + least
		}
	}
	add("product over samples", 1/sampleClaim, sum(func(m studiedMember) detect.Tally {
		return detect.SampleProduct(m.samples, sampleReference, sampleClaim)
	}))
	return out
}

func serversCommand(o *options) *cobra.Command {
	var asd, d2, fixtures string
	c := &cobra.Command{Use: "servers", Short: "How the promised rates are kept on recordings of real servers", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asd == "" && d2 == "" {
				return errors.New("no recordings, want --asd, --d2 or both")
			}
			return servers(asd, d2, fixtures, o.output, cmd.OutOrStdout())
		}}
	c.Flags().StringVar(&asd, "asd", "", "directory of the Application Server Dataset")
	c.Flags().StringVar(&d2, "d2", "", "directory of JumpStarter's Dataset2")
	c.Flags().StringVar(&fixtures, "fixtures", "", "directory to leave what the tests of facts/detect need (default: none)")
	return c
}

// servers prints how the promises are kept on the recordings in the given
// directories ("" for none), and leaves fixtures for tests in a third.
func servers(asd, d2, fixtures, output string, w io.Writer) error {
	var all []keptRate
	for _, set := range []struct {
		dir  string
		read func(string) (*dataset, error)
	}{{asd, asdDataset}, {d2, d2Dataset}} {
		if set.dir == "" {
			continue
		}
		d, err := set.read(set.dir)
		if err != nil {
			return fmt.Errorf("servers: %w", err)
		}
		s, err := study(d)
		if err != nil {
			return fmt.Errorf("servers: %s: %w", d.name, err)
		}
		if fixtures != "" {
			if err := s.save(fixtures); err != nil {
				return fmt.Errorf("servers: %w", err)
			}
		}
		all = append(all, s.table()...)
	}
	if output == "json" {
		return json.NewEncoder(w).Encode(all)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "data\ttest\tpromised\ttests\talarms\trealised/promised\tbound\n")
	for _, c := range all {
		bound := ""
		if c.Bound > 0 {
			bound = fmt.Sprintf("%.2f", c.Bound/c.Promised)
		}
		fmt.Fprintf(t, "%s\t%s\t%g\t%d\t%d\t%.2f\t%s\n", c.Data, c.Test, c.Promised, c.Tests, c.Alarms, c.Ratio, bound)
	}
	return t.Flush()
}
