package detect

import (
	"fmt"
	"math"
	"time"
)

// wake takes up what was learnt, at the first frame after it was resumed from:
// it ends the tick at now. What goes on is the grid of epochs, and each
// member's time up; a process that is younger than it should be by now is a new
// one.
//
// After longer than [Config.reach], or when the clock was set back, members may
// have changed unseen. They are fitted anew as those are that come late, which
// takes some warm-up ticks in which nobody is judged, and a new version begins.
// The law, the thresholds and the pasts are kept: they slide.
func (d *Detector) wake(now time.Time) {
	from := d.resumed
	d.resumed = nil
	away := now.Sub(from.Taken) - d.cfg.Tick
	d.epoch = epoch{start: now.Add(-d.cfg.Tick)}
	if start := time.UnixMilli(from.state.Epoch).UTC(); !start.After(d.epoch.start) {
		d.epoch.start = start.Add(d.epoch.start.Sub(start).Truncate(d.cfg.Epoch))
	}
	if away < 0 || away > shiftTicks*d.cfg.Tick {
		d.shift = shift{} // its present is past
	}
	d.resumption = fmt.Sprintf("resumed version %d after %v", d.baseline.Version, max(away, 0).Round(d.cfg.Tick))
	stale := away < 0 || away > d.cfg.reach()
	for _, m := range d.group.members {
		m.uptime += max(0, (away - d.cfg.Settle).Seconds()) // with some patience for its clock
		if stale {
			m.cells, m.anchor, m.known = nil, nil, false
			m.drift.reset()
		}
	}
	switch {
	case away < 0:
		d.renew("the clock was set back")
	case stale:
		d.renew(fmt.Sprintf("away for %v", away.Round(time.Minute)))
	}
}

// reach is for how long what a baseline says of members holds unseen: the time
// with which it follows them, or what that is by default.
func (c *Config) reach() time.Duration {
	if c.Slide > 0 {
		return c.Slide
	}
	return max(24*time.Hour, time.Duration(math.Min(defaultSlideEpochs*float64(c.Epoch), math.MaxInt64/2)))
}
