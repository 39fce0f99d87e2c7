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
	episode episode
}

// episode is the time from the first alarm until none stands. A group that
// learns from itself does not learn from it: an episode that ended because a
// member left, restarted or was taken out is no health; one that ended by
// itself may have been a false alarm, and counts as one in what is certified.
type episode struct {
	open bool
	left bool // it did not end by itself
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
	if d.cfg.Calibration == nil && !e.alarmed && 2*e.ticks >= d.cfg.ticks(d.cfg.Epoch) {
		d.history.add(d.peaks())
		d.relearn()
	}
	for _, m := range d.group.members {
		m.peak = 0
	}
	e.start = e.start.Add(passed.Truncate(d.cfg.Epoch))
	e.ticks, e.alarmed = 0, e.episode.open
}

// peaks returns those of the running epoch; of its members only when they are
// pooled.
func (d *Detector) peaks() (whole peak, cells []peak) {
	start := d.epoch.start.UnixMilli()
	whole.tie = tie(d.cfg.Group, "", start)
	for _, i := range d.group.byName {
		if m := d.group.members[i]; m.peak > 0 {
			if d.cfg.Pool {
				cells = append(cells, peak{m.peak, tie(d.cfg.Group, m.name, start)})
			}
			whole.score = max(whole.score, m.peak)
		}
	}
	return whole, cells
}

// closeEpisode ends the episode when no alarm stands any more.
func (d *Detector) closeEpisode() {
	e := &d.epoch
	if !e.episode.open || d.standing() > 0 {
		return
	}
	if d.cfg.Calibration == nil && !e.episode.left {
		unexplained := peak{score: math.Inf(1)}
		d.history.add(unexplained, []peak{unexplained})
		d.relearn()
	}
	e.episode = episode{}
}

// relearn sets the threshold anew.
func (d *Detector) relearn() {
	const rounding = 1e-9
	d.limit = d.history.threshold(d.cfg.Alpha, d.cfg.Pool)
	d.certain = d.history.certifies() <= d.cfg.Alpha*(1+rounding)
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

// certified is the lowest rate that the history can promise, 0 for none.
func (d *Detector) certified() facts.Rate {
	if p := d.history.certifies(); p < 1 {
		return d.cfg.rate(1 / p)
	}
	return 0
}
