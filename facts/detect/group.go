package detect

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// namingTicks is how many frames the features are chosen from: the first have
// no rates, and metrics may come in late by a tick.
const namingTicks = 3

// group turns frames into normalised peer residuals: it follows the members,
// fits them during the warm-up, and knows nothing of thresholds.
//
// Arrays of numbers are metric-major: feature k of member i is at k·n+i, so
// that the values to be sorted lie side by side.
type group struct {
	featuresOf func(metrics []string) []feature // sorted metrics

	windows []int
	settle  int // ticks
	warmup  int // ticks
	stride  int // one tick in so many of the warm-up is kept

	tick     time.Duration
	last     time.Time // end of the tick last seen
	ticks    int       // frames seen
	names    []string
	features []feature // nil: not chosen yet
	live     int       // the first so many are fitted; the rest gives no evidence yet
	since    int       // tick at which the last one came
	bind     *binding
	balanced bool // the balancer tells of somebody at this tick

	members []*member // in order of appearance
	byName  []int     // index into members, sorted by name
	rows    []int     // member of each row of the frames last seen
	rowsOf  []string  // Members of that frame

	cohortNames map[string]string // by member
	cohorts     []*cohort         // sorted by name; the first has none

	peers                      []int  // members that are peers at this tick
	mid                        middle // of their values of the feature at hand
	num, den, y, mu, precision []float64
	share                      []float64 // of each member
	scratch                    []float64
	history                    []moment  // of the warm-up; nil afterwards
	rho                        []float64 // the group's own baseline ratio, one a feature
	scale                      []float64 // the group's own scale, one a feature
	floor                      []float64 // the least scale that is believed, one a feature
	fitted                     bool
	fits                       int // changes of cells

	block      block
	slideRate  float64   // weight of one block in a cell; 0: cells do not slide
	blockEnded bool      // a block ended at this tick: the members' blockMeans are new
	common     []float64 // mean over the last block of the median of all peers' y, one a feature

	scores int // features that a law scores, 0 while there is none
}

func newGroup(c *Config) *group {
	g := &group{featuresOf: c.features, tick: c.Tick, windows: c.Windows, settle: c.ticks(c.Settle), warmup: c.ticks(c.Warmup)}
	g.stride = (g.warmup + maxSamples - 1) / maxSamples
	g.cohortNames, g.cohorts = c.Cohorts, newCohorts(c.Cohorts)
	g.block.length = c.blockTicks()
	if c.Slide > 0 {
		g.slideRate = float64(g.block.length) / float64(c.ticks(c.Slide))
	}
	return g
}

// read takes one frame in. Afterwards the z of each scored member are those of
// this tick. In the warm-up nobody is scored.
// Cost: O(n·d); no allocation unless members or metrics changed.
func (g *group) read(f *facts.Frame) {
	g.ticks++
	if g.blockEnded { // only now is it known who is held
		g.slide()
		g.block.begin()
		g.blockEnded = false
	}
	if !g.last.IsZero() && f.Time.Sub(g.last) > gapTicks*g.tick {
		g.pause()
	}
	g.last = f.Time
	g.follow(f)
	for _, m := range g.members {
		m.peer, m.scored = false, false
		m.unseen++
	}
	g.balanced = g.hasBalancer(f)
	g.bind.read(f, g.rows, g.members, g.num, g.den, len(g.judged()))
	for r, i := range g.rows {
		g.stand(i, f.Row(r))
	}
	for _, m := range g.members {
		if m.unseen > 0 {
			m.whole, m.silent = false, 0
			m.leave(facts.StandingAbsent)
		}
	}
	switch {
	case g.features == nil:
	case !g.fitted:
		if g.ticks%g.stride == 0 {
			g.keep()
		}
		if g.ticks >= g.warmup {
			g.fitted = g.fit()
		}
	default:
		g.residuals()
		g.sumBlock()
		g.fitLater()
	}
}

// follow makes members, features and columns fit the frame.
func (g *group) follow(f *facts.Frame) {
	if !g.fitted {
		g.choose(f.Metrics)
	} else if !same(g.bind.metrics, f.Metrics) {
		g.extend(f.Metrics)
	}
	if g.bind == nil || !same(g.bind.metrics, f.Metrics) {
		g.bind = bind(g.features, f.Metrics)
	}
	if g.rows == nil || !same(g.rowsOf, f.Members) {
		g.admit(f.Members)
	}
}

// choose takes note of the metrics of a frame of the warm-up, and chooses the
// features from all seen so far. When one comes in late the warm-up begins
// anew, as far as it is for fitting.
func (g *group) choose(metrics []string) {
	if g.bind != nil && same(g.bind.metrics, metrics) && g.ticks != namingTicks {
		return
	}
	before := len(g.names)
	g.names = append(g.names, metrics...)
	slices.Sort(g.names)
	g.names = slices.Compact(g.names)
	if g.ticks < namingTicks || g.features != nil && len(g.names) == before {
		return
	}
	features := g.featuresOf(g.names)
	if slices.EqualFunc(features, g.features, feature.equal) {
		return
	}
	g.features, g.bind, g.history, g.rows = features, nil, nil, nil
	g.common = make([]float64, len(features))
	for _, m := range g.members {
		m.measured(len(features))
	}
}

// same reports whether a and b are equal, at once when they share memory.
func same(a, b []string) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}

// admit finds or makes the member of each name, and room for all.
func (g *group) admit(names []string) {
	var from []int // place of each member before
	kept := g.members[:0]
	for i, m := range g.members {
		// the history of the warm-up counts on everybody's place
		if !g.fitted || m.unseen <= maxIdleTicks {
			kept, from = append(kept, m), append(from, i)
		}
	}
	clear(g.members[len(kept):])
	g.members = kept
	g.order()
	g.rowsOf, g.rows = names, make([]int, len(names))
	var added []*member
	for r, name := range names {
		at, ok := slices.BinarySearchFunc(g.byName, name, func(i int, name string) int {
			return cmp.Compare(g.members[i].name, name)
		})
		if ok {
			g.rows[r] = g.byName[at]
			continue
		}
		g.rows[r] = len(g.members) + len(added)
		m := newMember(name)
		m.cohort = g.cohortOf(name)
		m.measured(len(g.features))
		m.track = newTrack(g.windows, g.scores)
		added, from = append(added, m), append(from, -1)
	}
	g.members = append(g.members, added...)
	g.order()
	n := len(g.members) * len(g.features)
	for _, x := range []*[]float64{&g.num, &g.den, &g.y, &g.mu, &g.precision} {
		*x = make([]float64, n)
	}
	g.scratch, g.share = make([]float64, len(g.members)), make([]float64, len(g.members))
	for i := g.live * len(g.members); i < n; i++ {
		g.y[i], g.mu[i] = math.NaN(), math.NaN()
	}
	if !g.fitted {
		from = nil
	}
	g.block.resize(len(g.members), len(g.features), from)
}

// retrack gives every member, and those to come, the windows of a law over so
// many features.
func (g *group) retrack(features int) {
	g.scores = features
	for _, m := range g.members {
		m.track = newTrack(g.windows, features)
	}
	for _, c := range g.cohorts {
		c.track = newTrack(g.windows, features)
	}
}

// order sorts byName.
func (g *group) order() {
	g.byName = g.byName[:0]
	for i := range g.members {
		g.byName = append(g.byName, i)
	}
	slices.SortFunc(g.byName, func(i, j int) int { return cmp.Compare(g.members[i].name, g.members[j].name) })
}

// stand decides whether member i, whose terms have been read, is a peer.
func (g *group) stand(i int, row []float64) {
	m, b := g.members[i], g.bind
	m.unseen = 0
	m.weight = 1
	if b.weight >= 0 && row[b.weight] > 0 {
		m.weight = row[b.weight]
	}
	standing := b.stand(row)
	switch {
	case standing != facts.StandingIn:
		m.whole, m.silent = false, 0
	case 3*m.missing <= len(g.judged()):
		m.reports()
	case g.absent(m, row):
		standing = facts.StandingAbsent
	}
	if standing != facts.StandingIn {
		m.leave(standing)
		return
	}
	uptime := math.NaN()
	if b.uptime >= 0 {
		uptime = row[b.uptime]
	}
	m.arrive(uptime, g.settle, g.ticks <= namingTicks)
}

// residuals computes y, the peers' medians and z of this tick.
func (g *group) residuals() {
	g.shareWeights()
	g.peers = g.peers[:0]
	for i, m := range g.members {
		if m.peer {
			g.peers = append(g.peers, i)
		}
		m.scored = m.peer && m.cells != nil
	}
	g.gather(g.peers)
	n := len(g.members)
	for k := range g.live {
		from, to := k*n, (k+1)*n
		g.features[k].values(g.y[from:to], g.num[from:to], g.den[from:to], g.share, g.rho[k])
		g.levels(g.peers, g.y[from:to])
		g.block.common[k] += g.mid.median()
		g.refer(k)
		g.judgeCohorts(k)
	}
	for first := 0; first < len(g.peers); first += residualTile {
		g.normalise(g.peers[first:min(first+residualTile, len(g.peers))])
	}
	for _, i := range g.peers {
		if !g.members[i].scored {
			g.sampleLate(i)
		}
	}
}

// refer sets what the peers are held up to in feature k, mu, and the precision
// that goes with it.
func (g *group) refer(k int) {
	f, from, to := &g.features[k], k*len(g.members), (k+1)*len(g.members)
	y, den, mu, precision := g.y[from:to], g.den[from:to], g.mu[from:to], g.precision[from:to]
	if len(g.cohorts) > 1 {
		for _, i := range g.peers {
			mu[i] = g.reference(g.members[i], k, y[i])
			precision[i] = f.precision(den[i], mu[i])
		}
		return
	}
	all := g.mid.medians()
	if f.own() {
		for _, i := range g.peers {
			mu[i] = all.mu[all.place(y[i])]
		}
		f.precisions(precision, den, mu)
		return
	}
	var common [len(all.mu)]float64
	for at, mu := range all.mu {
		if at > 0 && mu == all.mu[at-1] { // of an even number
			common[at] = common[at-1]
		} else {
			common[at] = f.precision(0, mu)
		}
	}
	for _, i := range g.peers {
		at := all.place(y[i])
		mu[i], precision[i] = all.mu[at], common[at]
	}
}

// residualTile is how many members are normalised in one feature after the
// other: so few that their cells stay in the nearest cache.
const residualTile = 16

// normalise computes z of the given members.
func (g *group) normalise(peers []int) {
	n := len(g.members)
	for k := range g.live {
		from, to := k*n, (k+1)*n
		y, mu, precision := g.y[from:to], g.mu[from:to], g.precision[from:to]
		for _, i := range peers {
			if m := g.members[i]; m.scored {
				m.z[k] = m.cells[k].z(y[i], mu[i], precision[i])
			}
		}
	}
}

// shareWeights relates the weights of the peers to the largest of them.
func (g *group) shareWeights() {
	most := 0.0
	for _, m := range g.members {
		if m.peer {
			most = max(most, m.weight)
		}
	}
	for i, m := range g.members {
		m.share = m.weight / max(most, m.weight)
		g.share[i] = m.share
	}
}
