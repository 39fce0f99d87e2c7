package detect

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Detector tests at every tick whether a group is out of balance, and who it
// is. It reads no clock, starts no goroutine and keeps no global state: the
// same frames give the same facts, byte for byte. It is not for concurrent use.
type Detector struct {
	cfg    Config
	order  order
	group  *group
	shift  shift
	report report

	learnt   int    // changes of what follows
	learning *trace // of the group itself, until there is a law; nil while nothing has to be learnt
	lawful   int    // features of the group that there were for the law
	judge    *judge // nil: nothing is judged yet
	tests    [tests]test
	slow     slowEvidence
	slowly   slowly
	baseline Baseline
	differ   int   // ticks for which others than the baseline's members are judged
	epoch    epoch // that runs
	closing  closing
	pair     alarm // of a group with two members

	resumed    *Learnt // what is resumed from, until the first frame
	resumption string  // what to say of it, until the epoch ends; empty: nothing
}

// New returns a detector that has seen nothing. An error names the field of c,
// what was found and what is wanted.
func New(c Config) (*Detector, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Detector{cfg: c, order: order{group: c.Group}, group: newGroup(&c), learning: &trace{most: maxLawMembers}}
	d.report.detector = facts.Detector{ID: c.ID, Build: c.Build}
	if c.Calibration == nil {
		d.slow = newSlowEvidence(c.Alpha, c.Shares.Slow)
	}
	parts := [tests]float64{peerTest: 1 - c.Shares.sum(), anchorTest: c.Shares.Anchor, ownTest: c.Shares.Own, commonTest: c.Shares.Common}
	for i, part := range parts {
		d.tests[i] = test{part: part, history: epochs{keep: c.horizon(part)}}
		if c.Calibration == nil {
			d.tests[i].budget = &budget{}
		}
	}
	if c.Calibration != nil {
		d.learning = nil
		d.tests[peerTest].history = c.Calibration.history
		d.relearn()
	} else {
		// Part of the warm-up is kept from the fit, to learn from it what a
		// fit misses.
		d.group.warmup = d.group.warmup * fitPercent / 100
		d.group.stride = max(1, (d.group.warmup+maxSamples-1)/maxSamples)
	}
	if c.Learnt != nil {
		if err := d.resume(c.Learnt); err != nil {
			return nil, err
		}
	}
	return d, nil
}

const (
	// fitPercent of a warm-up fits the members; the rest gives the law of
	// what the fit leaves.
	fitPercent = 60
	// maxLawTicks bounds the memory of the rest.
	maxLawTicks = 256
	// maxLawMembers does, too: the law is common to all members, and so many
	// tell it.
	maxLawMembers = 512
)

// Observe takes in the frame of the next tick and returns the facts it gives:
// first who is in the group, then the detector's own health, then alarms, the
// worst first, and what ended. While an alarm stands it is repeated at every
// tick; other facts are repeated every few seconds.
//
// An error wraps [facts.ErrShape]: the frame is malformed, of another group,
// or not later than the one before. It is not taken in. Any other error says
// that the calibration does not suit the group, and comes with every frame.
//
// Cost: O(n·d + n·windows·d²), for 16 features some 50 to 65 ns a member and
// feature, 75 to 100 with thousands of members, which no nearby cache holds. It
// allocates only for facts, when an epoch ends or a law is learnt, and when
// members or metrics change.
func (d *Detector) Observe(f *facts.Frame) ([]facts.Fact, error) {
	alarms, err := d.take(f, false)
	if err != nil {
		return nil, err
	}
	return d.about(alarms), nil
}

// take takes in a frame, and returns the alarms that it gives; none when it is
// of the past.
func (d *Detector) take(f *facts.Frame, past bool) (alarms []facts.Fact, err error) {
	if err := d.order.check(f); err != nil {
		return nil, err
	}
	if d.resumed != nil {
		d.wake(f.Time)
	}
	d.group.read(f)
	d.closing.done = false
	if d.judge != nil {
		if err := d.learnLate(); err != nil {
			return nil, err
		}
		if err := d.score(); err != nil {
			return nil, err
		}
		if !past {
			alarms = d.alarms(nil)
		}
		d.closeEpoch()
		d.hold()
		d.watchBaseline()
	} else if d.group.fitted {
		if err := d.learn(); err != nil {
			return nil, err
		}
	}
	if d.group.features != nil {
		d.shift.add(d.group)
	}
	return alarms, nil
}

// learn takes in a tick between the fit and the law.
func (d *Detector) learn() error {
	if d.cfg.Calibration != nil {
		return d.use(d.cfg.Calibration.law)
	}
	d.learning.add(d.group, -1)
	d.group.begun()
	if len(d.learning.ticks) < d.lawTicks() {
		return nil
	}
	l, err := d.ownLaw()
	if err != nil {
		return err
	}
	return d.use(l)
}

// lawTicks is the number of ticks that a law is learnt from.
func (d *Detector) lawTicks() int {
	return max(1, min(d.cfg.ticks(d.cfg.Warmup)-d.group.warmup, maxLawTicks))
}

// ownLaw returns the law of what the group itself showed.
func (d *Detector) ownLaw() (*law, error) {
	d.learning.features = d.group.featureNames()
	return learnLaw(d.cfg.Windows, d.learning.features, []*trace{d.learning})
}

// use starts judging under the law.
func (d *Detector) use(l *law) error {
	j := newJudge(l, d.group.featureNames())
	found := 0
	for _, k := range j.index {
		if k >= 0 {
			found++
		}
	}
	if 2*found < len(l.features) {
		return fmt.Errorf("detect: group %s has %d of the %d metrics of the calibration, want at least half: calibrate with recordings of its own kind",
			d.cfg.Group, found, len(l.features))
	}
	d.judge, d.learning, d.lawful = j, nil, d.group.live
	d.learnt++
	d.group.retrack(len(l.features))
	d.epoch = epoch{start: d.order.last}
	if d.learns() {
		d.slowly.begin(&d.cfg, d.group.featureNames())
	}
	d.renew("fitted")
	return nil
}

// score judges this tick's members.
func (d *Detector) score() error {
	d.judge.begin()
	for _, m := range d.group.members {
		if !m.scored {
			continue
		}
		if m.restarted {
			m.restart()
			m.restarted = false
		}
		d.judge.add(m.track, m.z)
	}
	d.addCohorts()
	d.judge.end()
	if d.group.blockEnded && d.learns() {
		if err := d.observeBlock(); err != nil {
			return err
		}
	}
	d.collect()
	if len(d.judge.tracks) > 0 {
		d.epoch.ticks++
	}
	return nil
}

// armed reports whether there is a threshold to judge by.
func (d *Detector) armed() bool {
	return d.judge != nil && (d.cfg.Calibration != nil || d.tests[peerTest].history.len() >= d.cfg.MinEpochs)
}

// Features returns the names of the features that members are judged by; nil
// while they are not chosen yet.
func (d *Detector) Features() []string {
	if d.group.features == nil {
		return nil
	}
	return d.group.featureNames()
}

// Judging reports whether the last frame was judged: there is a threshold, and
// at least two members were scored.
func (d *Detector) Judging() bool { return d.armed() && len(d.judge.tracks) > 1 }

// History returns how much healthy time it takes at least before a frame is
// judged: the warm-up, and without a calibration the epochs that set the
// threshold.
func (d *Detector) History() time.Duration {
	if d.cfg.Calibration != nil {
		return d.cfg.Warmup
	}
	return d.cfg.Warmup + time.Duration(d.cfg.MinEpochs)*d.cfg.Epoch
}

// exceeds reports whether a score of the named member under test t, or of the
// group when it has no name, is evidence.
func (d *Detector) exceeds(t int, score float64, member string) bool {
	p := peak{score: score}
	if score == d.tests[t].limit.score {
		p.tie = tie(d.cfg.Group, member, d.epoch.start.UnixMilli())
	}
	return d.tests[t].exceeds(p, d.cfg.Margin)
}

// shows returns how long test t needed for what it shows of m: the length of
// the shortest window that is above the threshold by itself.
func (d *Detector) shows(t int, m *member) time.Duration {
	switch t {
	case slowTest:
		return d.cfg.Epoch
	case anchorTest, ownTest:
		return time.Duration(d.cfg.blockTicks()) * d.cfg.Tick
	}
	c, _ := d.tests[t].threshold(d.cfg.Margin)
	for w, s := range m.stat {
		if s > c {
			return time.Duration(d.cfg.Windows[w]) * d.cfg.Tick
		}
	}
	return time.Duration(d.cfg.Windows[m.best]) * d.cfg.Tick
}
