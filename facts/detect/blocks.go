package detect

import (
	"time"
)

// historyWindows are the windows of the statistics over blocks, in blocks, as
// far as they fit into an epoch.
var historyWindows = [...]int{1, 3, 12}

// longestBlock is the longest block of which a member's usual value at an hour
// of the day can be told.
const longestBlock = time.Hour

// slowly holds the statistics that are computed once a block. A block's score
// counts until the next block ends.
type slowly struct {
	creep   creep
	own     *history // nil: blocks are longer than longestBlock
	common  *history
	whole   [1]*past // the group's series
	pasts   []*past  // of this block
	version [2]int   // of the laws of own and common that the tests have learnt under
}

// begin makes room for the group's features.
func (s *slowly) begin(c *Config, features []string) {
	blocks := c.ticks(c.Epoch) / c.blockTicks()
	s.creep = newCreep(len(features), blocks)
	length := time.Duration(c.blockTicks()) * c.Tick
	if length > longestBlock {
		return
	}
	var windows []int
	for _, w := range historyWindows {
		if w == 1 || w <= blocks {
			windows = append(windows, w)
		}
	}
	s.own, s.common = newHistory(windows, features, length), newHistory(windows, features, length)
	s.whole[0] = newPast(s.common)
}

// observeBlock scores the block that has ended.
// Cost: O(n·d²), no allocation but now and then: for new members and laws.
func (d *Detector) observeBlock() error {
	s, members := &d.slowly, d.group.members
	s.creep.observe(members)
	s.pasts = s.pasts[:0]
	for _, m := range members {
		m.score[ownTest] = 0
		if !m.blockOK || s.own == nil {
			continue
		}
		if m.past == nil {
			m.past = newPast(s.own)
		}
		copy(m.past.y, m.blockY)
		m.past.hold = m.hold
		s.pasts = append(s.pasts, m.past)
	}
	if s.own == nil {
		return nil
	}
	if err := s.own.observe(d.order.last, s.pasts); err != nil {
		return err
	}
	for _, m := range members {
		if m.blockOK && m.past.judged {
			m.score[ownTest] = m.past.u
		}
	}
	whole := s.whole[0]
	copy(whole.y, d.group.common)
	whole.hold = d.epoch.explained
	if err := s.common.observe(d.order.last, s.whole[:]); err != nil {
		return err
	}
	d.tests[commonTest].live = whole.judged
	d.forgetLaws()
	return nil
}

// forgetLaws empties the histories of tests whose statistic has a new law,
// unless they have joined: a law that was learnt from twice as much changes
// less than what it is for.
func (d *Detector) forgetLaws() {
	for i, h := range [...]*history{d.slowly.own, d.slowly.common} {
		if d.slowly.version[i] == h.version {
			continue
		}
		d.slowly.version[i] = h.version
		if t := &d.tests[ownTest+i]; !t.joined {
			t.history, t.compared = epochs{keep: t.history.keep}, false
		}
	}
}

// moved returns which way the whole group moved by the common test: 1 up, -1
// down, 0 neither: the way of its load, or if that is as usual, of its latency.
func (d *Detector) moved() int {
	t := &d.tests[commonTest]
	if !t.joined || !t.live || !t.exceeds(peak{score: d.slowly.whole[0].u}, d.cfg.Margin) {
		return 0
	}
	way := d.slowly.common.direction(d.slowly.whole[0], requestRate)
	for k := range d.group.features {
		if f := &d.group.features[k]; way == 0 && f.times() {
			way = d.slowly.common.direction(d.slowly.whole[0], f.name)
		}
	}
	return way
}

// collect takes the scores of this tick into the peaks of the epoch.
func (d *Detector) collect() {
	live := [tests]bool{commonTest: d.tests[commonTest].live}
	for _, m := range d.group.members {
		if !m.scored {
			m.away()
			continue
		}
		m.ticks++
		m.score[peerTest] = m.u
		live[peerTest] = true
		for t, u := range m.score {
			m.peaks[t] = max(m.peaks[t], u)
			live[t] = live[t] || u > 0
		}
	}
	for _, c := range d.group.cohorts {
		if c.scored {
			c.score[peerTest] = c.u
			c.peaks[peerTest] = max(c.peaks[peerTest], c.u)
		}
	}
	for i := range d.tests {
		t := &d.tests[i]
		if t.live = live[i]; t.live {
			t.ticks++
		}
	}
	if c := &d.tests[commonTest]; c.live {
		c.peak = max(c.peak, d.slowly.whole[0].u)
	}
}

// shiftWord tells whether the whole group moved together, at once or against
// its past at this hour.
func (d *Detector) shiftWord() string {
	if word := d.shift.word(); word != "none" {
		return word
	}
	return [...]string{"down", "none", "up"}[1+d.moved()]
}

// hold tells which members' baselines do not follow them: those of whom an
// alarm stands, and all in an epoch in which somebody acted.
func (d *Detector) hold() {
	for _, m := range d.group.members {
		m.hold = d.epoch.explained || d.pair.standing || m.alarm.standing
		m.creeping = m.alarm.standing && m.alarm.test == anchorTest || d.pair.standing && d.pair.test == anchorTest
	}
	for _, c := range d.group.cohorts {
		c.hold = d.epoch.explained || c.alarm.standing
	}
}
