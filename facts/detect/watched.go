package detect

// watched is what the tests know of one member.
type watched struct {
	alarm alarm
	score [tests]float64 // at this tick, of slow statistics since the last block; 0: none
	peaks [tests]float64 // largest of the epoch
	ticks int            // of the epoch that it was scored at

	creeping bool  // an alarm of the anchor test stands
	past     *past // its own history; nil: none yet
	drift    drift // away from the anchor
	known    bool  // belongs to the baseline version
	starts   int   // restarts that the version knows of
}

// away forgets what does not hold any longer when the member is not judged.
func (w *watched) away() { w.score = [tests]float64{} }

// clear begins a new epoch.
func (w *watched) clear() {
	w.ticks = 0
	w.peaks = [tests]float64{}
}

// cells returns the peaks of the members in the running epoch under test t. A
// member that was scored for less than half of the epoch has none.
func (d *Detector) cells(t int) []memberPeak {
	start := d.epoch.start.UnixMilli()
	var out []memberPeak
	for _, i := range d.group.byName {
		if m := d.group.members[i]; m.peaks[t] > 0 && 2*m.ticks >= d.epoch.ticks {
			out = append(out, memberPeak{m.name, peak{m.peaks[t], tie(d.cfg.Group, m.name, start)}})
		}
	}
	return out
}

// whole returns the peak of the group, of any member or cohort, in the running
// epoch under test t.
func (d *Detector) whole(t int) peak {
	p := peak{d.tests[t].peak, tie(d.cfg.Group, "", d.epoch.start.UnixMilli())}
	for _, m := range d.group.members {
		p.score = max(p.score, m.peaks[t])
	}
	for _, c := range d.group.cohorts {
		p.score = max(p.score, c.peaks[t])
	}
	return p
}
