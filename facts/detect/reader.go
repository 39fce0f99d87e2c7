package detect

import (
	"math"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Reading is one tick of a group as its tests see it. It and its slices are
// valid until the next call of [Reader.Observe].
type Reading struct {
	Time    time.Time       // end of the tick
	Members []MemberReading // those in service that were fitted, sorted by name
}

// MemberReading is one member at one tick. Each slice has one dimensionless
// number a feature, in the order of [Reader.Features].
type MemberReading struct {
	Name  string
	Anew  bool      // it is back, or its process is a new one: what it showed before does not continue
	Y     []float64 // the features; NaN: not seen
	Peers []float64 // median of the other members' features; NaN: nobody else was seen
	Z     []float64 // normalised peer residual, robust standard deviation 1 in health; 0: no evidence
	Score float64   // U, see [Reader]; NaN: there is no calibration
}

// Reader turns the frames of one group into the numbers that a [Detector] tests,
// by the code that a detector runs, and judges nothing: for whoever wants to see
// the same features with another method's eyes. With a calibration it also gives
// the score U of the peer statistic under its law, see Statistic in the package
// documentation. It is not for concurrent use.
type Reader struct {
	order   order
	group   *group
	law     *law   // nil: there is no score
	judge   *judge // nil: nothing is scored yet
	reading Reading
	past    []moment // of the warm-up, while it lasts
	warm    map[string][][]float64
}

// NewReader returns a reader of the group c.Group, with the warm-up, the
// settling, the tick and the calibration of c. An error names the field of c,
// what was found and what is wanted.
func NewReader(c Config) (*Reader, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Reader{order: order{group: c.Group}, group: newGroup(&c)}
	if c.Calibration != nil {
		r.law = c.Calibration.law
	}
	return r, nil
}

// Observe takes in the frame of the next tick and returns what it shows, nil
// while the warm-up lasts. Errors are those of [Detector.Observe].
// Cost: that of a detector; without a calibration O(n·d). It allocates only when
// members or metrics changed.
func (r *Reader) Observe(f *facts.Frame) (*Reading, error) {
	if err := r.order.check(f); err != nil {
		return nil, err
	}
	g := r.group
	if !g.fitted {
		r.past = append(r.past[:0], g.history...)
		if g.read(f); g.fitted {
			r.warm, r.past = g.remember(r.past), nil
			if r.law != nil {
				r.judge = newJudge(r.law, g.featureNames())
				g.retrack(len(r.law.features))
			}
		}
		return nil, nil
	}
	g.read(f)
	r.score()
	r.reading.Time, r.reading.Members = f.Time, r.reading.Members[:0]
	for _, i := range g.byName {
		if m := g.members[i]; m.scored {
			r.reading.Members = append(r.reading.Members, r.member(i))
			m.restarted = false
		}
	}
	return &r.reading, nil
}

// score judges this tick's members.
func (r *Reader) score() {
	if r.judge == nil {
		return
	}
	r.judge.begin()
	for _, m := range r.group.members {
		if !m.scored {
			continue
		}
		if m.restarted {
			m.restart()
		}
		r.judge.add(m.track, m.z)
	}
	r.judge.end()
}

// Explain returns the names of the features in the order of their part in the
// score of the named member at the last tick, largest first, see Attribution in
// the package documentation. It is nil when the member has no score.
// Cost: O(d²).
func (r *Reader) Explain(member string) []string {
	if r.judge == nil {
		return nil
	}
	var out []string
	for _, m := range r.group.members {
		if m.name != member || !m.scored {
			continue
		}
		for _, s := range r.judge.shares(m.track) {
			out = append(out, r.law.features[s.feature])
		}
	}
	return out
}

// member returns the reading of member i, in the memory of an earlier tick's
// where there is some.
func (r *Reader) member(i int) MemberReading {
	g, at := r.group, len(r.reading.Members)
	var out MemberReading
	if at < cap(r.reading.Members) {
		out = r.reading.Members[:at+1][at]
	}
	m, n, d := g.members[i], len(g.members), g.live
	if len(out.Y) != d {
		out.Y, out.Peers, out.Z = make([]float64, d), make([]float64, d), make([]float64, d)
	}
	out.Name, out.Anew, out.Score = m.name, m.restarted, math.NaN()
	if r.judge != nil {
		out.Score = m.u
	}
	for k := range d {
		out.Y[k], out.Peers[k], out.Z[k] = g.y[k*n+i], g.mu[k*n+i], m.z[k]
		if math.IsNaN(out.Z[k]) {
			out.Z[k] = 0
		}
	}
	return out
}

// Features returns the names of the features; nil while they are not chosen yet.
func (r *Reader) Features() []string {
	if r.group.features == nil {
		return nil
	}
	return r.group.featureNames()
}

// Warmup returns the features of each member at the ticks of the warm-up at
// which it was a peer, in order, as Y of [MemberReading]; of a long warm-up an
// even sample. It is nil while the warm-up lasts.
func (r *Reader) Warmup() map[string][][]float64 { return r.warm }

// remember returns the features of each member in a history, under the ratios
// that were fitted to it.
func (g *group) remember(history []moment) map[string][][]float64 {
	d := len(g.features)
	out := map[string][][]float64{}
	for _, t := range history {
		for j, i := range t.peers {
			y := make([]float64, d)
			for k := range y {
				num, den := float64(t.num[j*d+k]), float64(t.den[j*d+k])
				y[k] = g.features[k].measure(num, den, t.weight[j], g.rho[k])
			}
			name := g.members[i].name
			out[name] = append(out[name], y)
		}
	}
	return out
}
