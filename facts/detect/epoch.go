package detect

import (
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// epoch is the one that runs.
type epoch struct {
	start     time.Time // end of the last tick before it
	ticks     int       // with somebody scored
	quiet     bool      // at some tick of it no alarm stood
	explained bool      // an alarm in it ended because its member left, or somebody acted
	episode   episode
}

// episode is the time from the first alarm until none stands, in a group that
// learns from itself. One that ended because a member left, restarted or was
// taken out is a fault that somebody saw to, and teaches nothing. One that
// ended by itself may have been a false alarm: what was seen in the epochs in
// which it began and ended is learnt as it was, or thresholds would fall at
// every false alarm. Epochs that were under alarm from end to end teach nothing
// in any case.
type episode struct {
	open    bool
	pending [tests]*lesson // of the epoch in which it began, when that is over
}

// closeEpoch ends the running epoch when its time has come. One of which less
// than half of the ticks were judged teaches nothing.
func (d *Detector) closeEpoch() {
	e := &d.epoch
	d.closeEpisode()
	e.quiet = e.quiet || !e.episode.open
	passed := d.order.last.Sub(e.start)
	if passed < d.cfg.Epoch {
		return
	}
	learns := d.learns() && 2*e.ticks >= d.cfg.ticks(d.cfg.Epoch) && !e.explained
	d.closing.note(d, learns && e.quiet && !e.episode.open)
	if learns {
		d.gather()
		d.learnEpoch()
		d.relearn()
	}
	for _, m := range d.group.members {
		m.clear()
	}
	for _, c := range d.group.cohorts {
		c.clear()
	}
	for i := range d.tests {
		d.tests[i].clear()
	}
	*e = epoch{start: e.start.Add(passed.Truncate(d.cfg.Epoch)), episode: e.episode}
	d.resumption = ""
}

// learns reports whether the group teaches the detector.
func (d *Detector) learns() bool { return d.cfg.Calibration == nil }

// learnEpoch lets every test learn the running epoch, or puts it off until it
// is known how the episode ends.
func (d *Detector) learnEpoch() {
	e := &d.epoch
	if !e.quiet {
		return
	}
	for i := range d.tests {
		t := &d.tests[i]
		if 2*t.ticks < d.cfg.ticks(d.cfg.Epoch) {
			continue
		}
		seen := lesson{start: e.start.UnixMilli(), whole: d.whole(i), cells: d.cells(i), armed: t.joined && d.armed()}
		t.weigh(seen.whole.score, d.cfg.Margin)
		seen.above = t.above
		if e.episode.open {
			e.episode.pending[i] = &seen
		} else {
			t.learn(seen)
		}
	}
}

// closeEpisode ends the episode when no alarm stands any more. What it has put
// off is learnt unless it is explained.
func (d *Detector) closeEpisode() {
	e := &d.epoch
	if !e.episode.open || d.standing() > 0 {
		return
	}
	if d.learns() && !e.explained {
		for i, seen := range e.episode.pending {
			if seen != nil {
				d.tests[i].learn(*seen)
			}
		}
		d.relearn()
	}
	e.episode = episode{}
}

// relearn lets the tests join that can certify their share, and sets all
// thresholds anew.
func (d *Detector) relearn() {
	for i := range d.tests {
		d.tests[i].weigh(d.whole(i).score, d.cfg.Margin)
	}
	peer, rest := &d.tests[peerTest], 1.0
	for i := peerTest + 1; i < tests; i++ {
		t := &d.tests[i]
		if t.joined = d.learns() && t.joins(d.cfg.Alpha); t.joined {
			rest -= t.part
		}
		t.relearn(d.cfg.Alpha*t.part, false)
	}
	if d.slow.joins(d.cfg.Alpha, rest, peer.history.behind(d.cfg.Pool)) {
		rest -= d.slow.part
	}
	peer.joined = true
	peer.relearn(d.cfg.Alpha*rest, d.pools(peerTest))
	d.learnt++
}

// pools reports whether the threshold of test t is taken from the cells (T2).
func (d *Detector) pools(t int) bool { return d.cfg.Pool && t == peerTest }

// note takes down what became of an alarm at this tick.
func (e *epoch) note(c change) {
	if c == nothing {
		return
	}
	e.episode.open = true
	if c == left {
		e.explained = true
		e.episode.pending = [tests]*lesson{}
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
	for _, c := range d.group.cohorts {
		if c.alarm.standing {
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
			p := t.history.certifies(d.pools(i))
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
			p += t.history.assured(t.alpha, assuranceDelta/float64(joined), d.pools(i))
		}
	}
	if p < 1 {
		return d.cfg.rate(1 / p)
	}
	return 0
}
