package detect

import "math"

const (
	// spreadSlack is how many times its usual size the middle of the peers'
	// statistics may be before the group counts as stirred up: about what
	// chance does to the median of three peers.
	spreadSlack = 1.3
	// spreadMembers is the least number of members for that: with three, one
	// sick member is half of everybody's peers.
	spreadMembers = 4
)

// track is what the windows say of one member.
type track struct {
	win  window
	gaps missing
	stat []float64 // S of each window, NaN: not full
	u    float64   // the score: the largest S, taken against the group's spread
	best int       // the window it is from
}

func newTrack(windows []int, features int) *track {
	return &track{win: newWindow(windows, features), stat: nans(len(windows))}
}

// restart empties the windows.
func (t *track) restart() {
	t.win.restart()
	t.gaps.whole()
}

func nans(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

// judge scores the members of a group, tick by tick, under one law.
//
//	U = max over windows of S / max(1, M/(1.3·typical)),
//
// where S is the quadratic form (see Statistic in the package documentation)
// over its healthy 99 % point and M the median of the other members' S: when the whole group is far from
// its usual, as in an overload, a member stands out only if it is further off
// than its peers by as much. With fewer than four members there is no M.
type judge struct {
	law     *law
	index   []int // place in z of each feature of the law, or -1: not there, no evidence
	v       []float64
	scratch []float64
	without []int    // features that the window at hand is without
	tracks  []*track // of this tick
	beside  []*track // judged, but nobody's peers
}

func newJudge(l *law, features []string) *judge {
	return &judge{law: l, index: indexOf(l.features, features), v: make([]float64, len(l.features))}
}

// begin starts a tick.
func (j *judge) begin() { j.tracks, j.beside = j.tracks[:0], j.beside[:0] }

// add takes in the residuals of one member.
func (j *judge) add(t *track, z []float64) {
	j.take(t, z)
	j.tracks = append(j.tracks, t)
}

// addBeside takes in residuals that are taken against the spread of the
// members', without being of it.
func (j *judge) addBeside(t *track, z []float64) {
	j.take(t, z)
	j.beside = append(j.beside, t)
}

// take computes S of each window.
// Cost: O(d² windows), no allocation once the group has its size; while m
// features are missing O(windows·m³) more.
func (j *judge) take(t *track, z []float64) {
	missing := scoreAll(j.v, j.law.ranks, j.index, z)
	t.win.add(j.v)
	if missing > 0 || t.gaps.left > 0 {
		t.gaps.add(z, j.index, j.law.gaps, j.law.windows[len(j.law.windows)-1])
	}
	for w := range j.law.forms {
		t.stat[w] = math.NaN()
		if t.win.full(w) {
			t.stat[w] = j.stat(t, w)
		}
	}
	t.u, t.best = 0, 0
}

// stat returns S of window w, of the features that it is not without; NaN when
// there are none.
func (j *judge) stat(t *track, w int) float64 {
	form, sums := &j.law.forms[w], t.win.sum(w, len(j.v))
	all := form.stat(sums)
	if t.gaps.left == 0 {
		return all
	}
	j.without = t.gaps.in(j.law.windows[w], j.without[:0])
	switch len(j.without) {
	case 0:
		return all
	case len(j.v):
		return math.NaN()
	}
	return form.without(j.without, all, sums, &j.scratch)
}

// shares returns each feature's part in the score of t, largest first; those
// that its window is without have none.
// Cost: O(d²), while m features are missing O(m·d²).
func (j *judge) shares(t *track) []share {
	lacks := t.gaps.in(j.law.windows[t.best], nil)
	return attribute(j.law.forms[t.best].inverseWithout(lacks), t.win.sum(t.best, len(j.v)))
}

// end scores what was added since begin.
func (j *judge) end() {
	for w := range j.law.forms {
		limit := spreadSlack * j.law.forms[w].typical
		mid, stirred := j.spread(w, limit)
		for _, tracks := range [...][]*track{j.tracks, j.beside} {
			for _, t := range tracks {
				u := t.stat[w]
				if stirred && !math.IsNaN(u) {
					u /= max(1, mid.without(u)/limit)
				}
				if u > t.u { // false for NaN
					t.u, t.best = u, w
				}
			}
		}
	}
}

// spread returns the middle of the members' S of window w when the group is
// stirred up: when the median of some member's peers is above limit. So is then
// half of all, which is told sooner than the middle.
func (j *judge) spread(w int, limit float64) (mid middle, stirred bool) {
	all, above := 0, 0
	for _, t := range j.tracks {
		full, far := 0, 0 // taking no branch
		if s := t.stat[w]; s >= 0 {
			full = 1
		}
		if t.stat[w] > limit {
			far = 1
		}
		all, above = all+full, above+far
	}
	if all < spreadMembers || above < all/2 {
		return middle{}, false
	}
	s := j.scratch[:0]
	for _, t := range j.tracks {
		if !math.IsNaN(t.stat[w]) {
			s = append(s, t.stat[w])
		}
	}
	j.scratch = s
	return middleOf(s), true
}
