package detect

// trace is the residuals of a group over a stretch of health, tick by tick; NaN
// where they are missing.
type trace struct {
	features []string
	most     int // members at most, evenly chosen; 0: all
	live     int // features that the group had
	ticks    []traceTick
	members  int // indices below
	z        []float32
	counts   []*histogram // of each feature, made when asked for
}

// traceTick is one tick: its scored members and where their residuals begin.
type traceTick struct {
	epoch   int // counted from the end of the warm-up; -1: of no epoch
	scored  []int32
	restart []bool // its windows begin anew
	at      int    // in z; len(features) numbers a member
}

// add appends the residuals of one tick of g. Cost: O(n·d).
func (t *trace) add(g *group, epoch int) {
	tick := traceTick{epoch: epoch, at: len(t.z)}
	t.live = g.live
	step := 1
	if t.most > 0 {
		step = (len(g.members) + t.most - 1) / t.most
	}
	for i := 0; i < len(g.members); i += step {
		m := g.members[i]
		if !m.scored {
			continue
		}
		tick.scored = append(tick.scored, int32(i))
		tick.restart = append(tick.restart, m.restarted)
		for _, z := range m.z[:g.live] {
			t.z = append(t.z, float32(z))
		}
	}
	t.members = max(t.members, len(g.members))
	t.ticks = append(t.ticks, tick)
}

// begun notes that the windows of all scored members have begun anew where they
// had to.
func (g *group) begun() {
	for _, m := range g.members {
		m.restarted = m.restarted && !m.scored
	}
}

// only returns the trace with the named features alone, in that order; each
// must be one of its own.
func (t *trace) only(features []string) *trace {
	index := indexOf(features, t.features)
	out := &trace{features: features, members: t.members}
	d := len(t.features)
	for _, tick := range t.ticks {
		from := tick.at
		tick.at = len(out.z)
		for range tick.scored {
			for _, k := range index {
				out.z = append(out.z, t.z[from+k])
			}
			from += d
		}
		out.ticks = append(out.ticks, tick)
	}
	return out
}

// indexOf returns for each of names its place in all, or -1.
func indexOf(names, all []string) []int {
	at := make(map[string]int, len(all))
	for i, n := range all {
		at[n] = i
	}
	out := make([]int, len(names))
	for i, n := range names {
		out[i] = -1
		if k, ok := at[n]; ok {
			out[i] = k
		}
	}
	return out
}

// histogram returns the counts of feature k's residuals.
func (t *trace) histogram(k int) *histogram {
	if t.counts == nil {
		t.counts = make([]*histogram, len(t.features))
		for k := range t.counts {
			t.counts[k] = &histogram{}
		}
		d := len(t.features)
		for i, z := range t.z {
			t.counts[i%d].add(float64(z))
		}
	}
	return t.counts[k]
}

// walk calls f with the sums of every full window of every member at every
// tick. sums is valid during the call only.
func (t *trace) walk(l *law, f func(window int, sums []float64)) {
	d := len(l.features)
	windows := make([]window, t.members)
	for i := range windows {
		windows[i] = newWindow(l.windows, d)
	}
	v := make([]float64, d)
	for _, tick := range t.ticks {
		for s, i := range tick.scored {
			w := &windows[i]
			if tick.restart[s] {
				w.restart()
			}
			for k := range v {
				v[k] = l.ranks[k].score(float64(t.z[tick.at+s*d+k]))
			}
			w.add(v)
			for j := range l.windows {
				if w.full(j) {
					f(j, w.sum(j, d))
				}
			}
		}
	}
}

// peaks returns the largest score of each member in each of the given number
// of epochs under the law; NaN where it was not scored.
func (t *trace) peaks(l *law, epochs int) [][]float64 {
	out := make([][]float64, epochs)
	for e := range out {
		out[e] = nans(t.members)
	}
	d := len(t.features)
	tracks := make([]*track, t.members)
	for i := range tracks {
		tracks[i] = newTrack(l.windows, d)
	}
	j := newJudge(l, t.features)
	z := make([]float64, d)
	for _, tick := range t.ticks {
		j.begin()
		for s, i := range tick.scored {
			if tick.restart[s] {
				tracks[i].restart()
			}
			for k := range z {
				z[k] = float64(t.z[tick.at+s*d+k])
			}
			j.add(tracks[i], z)
		}
		j.end()
		if tick.epoch < 0 || tick.epoch >= epochs {
			continue
		}
		for _, i := range tick.scored {
			if p := &out[tick.epoch][i]; !(tracks[i].u <= *p) {
				*p = tracks[i].u
			}
		}
	}
	return out
}
