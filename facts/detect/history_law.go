package detect

const (
	// lawSeries, lawRuns and lawRun bound the memory of a sample: for 20
	// features, 32·16·36·20 float32 are 1.5 MB. lawRun is three times the
	// longest window that blocks are meant for.
	lawSeries = 32
	lawRuns   = 16
	lawRun    = 36
	// firstRuns is the number of runs behind the first law.
	firstRuns = 4
)

// lawSample keeps deviations z, from which the law of a history is learnt: runs
// of blocks without a gap, of a few series each, evenly over the whole time.
// When it is full every other run goes, and the next are taken half as often.
type lawSample struct {
	runs   []*trace
	stride int     // one run in so many is taken
	least  int     // runs that the next law needs at least; 0: firstRuns
	turn   int     // blocks since the last run that was taken began
	series []*past // that the run follows
	// scored and restart hold those of the run's ticks, so that a block
	// allocates nothing.
	scored  []int32
	restart []bool
}

func newLawSample() lawSample { return lawSample{stride: 1} }

// take adds a block to the sample, and reports whether a run is complete that
// is reason for a new law: so many runs, or so much time, lie behind it as
// behind the last law twice.
func (s *lawSample) take(h *history, series []*past) bool {
	if s.turn == 0 {
		s.begin(h, series)
	}
	s.turn++
	if s.turn <= lawRun {
		s.add(h)
	}
	if s.turn < lawRun*s.stride {
		return false
	}
	s.turn, s.series = 0, nil
	n := len(s.runs)
	if n > 0 && len(s.runs[n-1].z) == 0 {
		s.runs = s.runs[:n-1]
		return false
	}
	return n >= max(firstRuns, s.least) && n&(n-1) == 0
}

// begin starts a run with series evenly chosen.
func (s *lawSample) begin(h *history, series []*past) {
	step := max(1, (len(series)+lawSeries-1)/lawSeries)
	for i := len(s.runs) % step; i < len(series); i += step { // others in each run
		s.series = append(s.series, series[i])
	}
	n := lawRun * len(s.series)
	s.scored, s.restart = make([]int32, 0, n), make([]bool, 0, n)
	s.runs = append(s.runs, &trace{features: h.features, members: len(s.series),
		ticks: make([]traceTick, 0, lawRun), z: make([]float32, 0, n*len(h.features))})
}

// add appends this block's deviations to the run.
func (s *lawSample) add(h *history) {
	run, from := s.runs[len(s.runs)-1], len(s.scored)
	at := len(run.z)
	for i, p := range s.series {
		if p.last != h.blocks || p.learnt < minSamples {
			continue
		}
		s.scored, s.restart = append(s.scored, int32(i)), append(s.restart, p.restarted)
		for _, z := range p.z {
			run.z = append(run.z, float32(z))
		}
	}
	run.ticks = append(run.ticks, traceTick{epoch: -1, scored: s.scored[from:], restart: s.restart[from:], at: at})
}

// thin makes room in a full sample.
func (s *lawSample) thin() {
	if len(s.runs) < lawRuns {
		return
	}
	kept := s.runs[:0]
	for i := 1; i < len(s.runs); i += 2 {
		kept = append(kept, s.runs[i])
	}
	clear(s.runs[len(kept):])
	s.runs = kept
	s.stride *= 2
}

// relearn learns the law from the sample; all windows begin anew.
func (h *history) relearn() error {
	l, err := learnLaw(h.windows, h.features, h.sample.runs)
	if err != nil {
		return err
	}
	h.sample.thin()
	h.judge = newJudge(l, h.features)
	h.version++
	return nil
}
