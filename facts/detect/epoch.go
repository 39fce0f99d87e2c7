package detect

import (
	"math"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// epoch is the one that runs.
type epoch struct {
	start   time.Time // end of the last tick before it
	ticks   int       // with somebody scored
	alarmed bool      // an alarm stood in it
	acted   bool      // somebody acted on the group in it
	episode episode
}

// episode is the time from the first alarm until none stands. A group that
// learns from itself does not learn from it: an episode that ended because a
// member left, restarted or was taken out is no health; one that ended by
// itself may have been a false alarm, and counts as an epoch: one with an
// infinite peak for each test that was exceeded.
type episode struct {
	open bool
	left bool        // it did not end by itself
	over [tests]bool // the tests exceeded
}

// closeEpoch ends the running epoch when its time has come. One of which less
// than half of the ticks were judged teaches nothing.
func (d *Detector) closeEpoch() {
	e := &d.epoch
	d.closeEpisode()
	passed := d.order.last.Sub(e.start)
	if passed < d.cfg.Epoch {
		return
	}
	enough := 2*e.ticks >= d.cfg.ticks(d.cfg.Epoch)
	learns := d.learns() && enough && !e.acted
	d.closing.note(d, learns && !e.alarmed)
	if learns {
		d.gather()
		if !e.alarmed {
			d.learnEpoch(false)
		}
		d.relearn()
	}
	for _, m := range d.group.members {
		m.clear()
	}
	for i := range d.tests {
		d.tests[i].clear()
	}
	e.start = e.start.Add(passed.Truncate(d.cfg.Epoch))
	e.ticks, e.alarmed, e.acted = 0, e.episode.open, false
}

// learns reports whether the group teaches the detector.
func (d *Detector) learns() bool { return d.cfg.Calibration == nil }

// learnEpoch lets every test learn the running epoch: as it was, or as an
// episode that nothing explains.
func (d *Detector) learnEpoch(unexplained bool) {
	for i := range d.tests {
		t := &d.tests[i]
		whole := d.whole(i)
		if unexplained && d.epoch.episode.over[i] {
			whole.score = math.Inf(1)
		}
		if math.IsInf(whole.score, 1) || 2*t.ticks >= d.cfg.ticks(d.cfg.Epoch) {
			if t.joined && d.armed() {
				t.charge(whole, d.cfg.Margin)
			}
			t.learn(whole, d.cells(i, unexplained))
		}
	}
}

// closeEpisode ends the episode when no alarm stands any more.
func (d *Detector) closeEpisode() {
	e := &d.epoch
	if !e.episode.open || d.standing() > 0 {
		return
	}
	if d.learns() && !e.episode.left {
		d.learnEpoch(true)
		d.relearn()
	}
	for _, m := range d.group.members {
		m.over = [tests]bool{}
	}
	e.episode = episode{}
}

// relearn lets the tests join that can certify their share, and sets all
// thresholds anew.
func (d *Detector) relearn() {
	peer, rest := &d.tests[peerTest], 1.0
	for i := peerTest + 1; i < tests; i++ {
		t := &d.tests[i]
		if t.joined = d.learns() && t.joins(d.cfg.Alpha); t.joined {
			rest -= t.part
		}
		t.relearn(d.cfg.Alpha*t.part, false)
	}
	if d.slow.joins(d.cfg.Alpha, rest, peer.history.len()) {
		rest -= d.slow.part
	}
	peer.joined = true
	peer.relearn(d.cfg.Alpha*rest, d.cfg.Pool)
	for i := range d.tests[:commonTest] {
		d.tests[i].alike = d.alike(i)
	}
	d.learnt++
}

// note takes down what became of an alarm at this tick.
func (e *epoch) note(c change) {
	if c == nothing {
		return
	}
	e.alarmed, e.episode.open = true, true
	if c == left {
		e.episode.left = true
	}
}

// standing returns the number of alarms that stand.
func (d *Detector) standing() int {
	n := 0
	for _, m := range d.group.members {
		if m.alarm.standing {
			n++
		}
	}
	if d.pair.standing {
		n++
	}
	return n
}

// certifiedAlpha returns the least probability of a false alarm in an epoch
// that the joined tests certify together, and whether each certifies its own.
func (d *Detector) certifiedAlpha() (alpha float64, all bool) {
	const rounding = 1e-9
	if !d.tests[peerTest].joined {
		return 1, false
	}
	alpha, all = d.slow.alpha(), true
	for i := range d.tests {
		if t := &d.tests[i]; t.joined {
			p := t.history.certifies()
			alpha += p
			all = all && p <= t.alpha*(1+rounding)
		}
	}
	return alpha, all
}

// certified is the lowest rate that the histories can promise, 0 for none.
func (d *Detector) certified() facts.Rate {
	if p, _ := d.certifiedAlpha(); p < 1 {
		return d.cfg.rate(1 / p)
	}
	return 0
}

// assuranceDelta is the probability that an assured rate does not hold.
const assuranceDelta = 0.05

// assured is the rate that holds with confidence 1−assuranceDelta given these
// very histories, 0 for none.
func (d *Detector) assured() facts.Rate {
	joined := 0
	for i := range d.tests {
		if d.tests[i].joined {
			joined++
		}
	}
	if joined == 0 {
		return 0
	}
	p := d.slow.alpha()
	for i := range d.tests {
		if t := &d.tests[i]; t.joined {
			p += t.history.assured(t.alpha, assuranceDelta/float64(joined), d.cfg.Pool && i == peerTest)
		}
	}
	if p < 1 {
		return d.cfg.rate(1 / p)
	}
	return 0
}
