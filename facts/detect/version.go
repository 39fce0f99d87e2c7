package detect

import (
	"strings"
	"time"
)

// Baseline is a version of what a group is compared with. A new one begins when
// what was learnt may not hold any longer: when the first is fitted, when a
// metric that came later is, when a member came back as a new process, when
// other members are in service for longer than they need to settle, and when a
// person says so. The evidence over epochs (T3) begins anew with it, and so do
// the anchors of the members that it is about. Thresholds go on sliding.
type Baseline struct {
	Digest  string    `json:"digest"`  // "sha256:" and 64 hexadecimal digits: of the rest, the members and their cells then
	Reason  string    `json:"reason"`  // fitted, metric, restart of a member, membership, away, or a person's word
	Since   time.Time `json:"since"`   // end of the tick at which it began
	Version int       `json:"version"` // 1 is the first; 0: there is none yet
}

// Baseline returns the version in force. Cost: O(1).
func (d *Detector) Baseline() Baseline { return d.baseline }

// Reset begins a new version of the baseline for the given reason, a person's
// word for the record: what every member is now compared to its peers becomes
// its anchor, and its own past is forgotten, so that a change that is meant to
// last does not keep its alarm standing. As pasts that begin anew are not what
// the test of them was calibrated with, that test learns anew, too, and joins
// again when it can certify its share. Without effect before the first is fitted.
// Cost: O(n·d), and that of setting the thresholds.
func (d *Detector) Reset(reason string) {
	if d.judge == nil {
		return
	}
	for _, m := range d.group.members {
		m.rebase()
		m.past = nil
		m.away() // a score of the last block stands for what is forgotten
	}
	for _, c := range d.group.cohorts {
		c.rebase()
	}
	if own := &d.tests[ownTest]; d.learns() {
		own.history = epochs{keep: own.history.keep}
		d.relearn()
	}
	d.renew(reason)
}

// Acted notes that somebody acted on the group in the running epoch, in the
// sense of a drain, a restart, or a change of weights. Nothing is learnt from
// the epoch, and baselines do not follow their members in it.
// Cost: O(1).
func (d *Detector) Acted() { d.epoch.explained = true }

// watchBaseline begins a new version when one is due.
// Cost: O(n), no allocation unless there is one.
func (d *Detector) watchBaseline() {
	differ, restarted := false, ""
	for _, i := range d.group.byName {
		m := d.group.members[i]
		if m.scored && m.starts != m.restarts {
			m.starts = m.restarts
			m.rebase()
			if m.known && restarted == "" {
				restarted = m.name
			}
		}
		differ = differ || m.scored != m.known
	}
	if d.differ++; !differ {
		d.differ = 0
	}
	switch {
	case restarted != "":
		d.renew("restart of " + restarted)
	case d.differ > d.cfg.ticks(d.cfg.Settle)+restartTicks: // longer than a restart takes
		d.renew("membership")
	}
}

// renew begins a version.
func (d *Detector) renew(reason string) {
	h := newDigest()
	reason = strings.ToValidUTF8(reason, "?")
	d.baseline = Baseline{Version: d.baseline.Version + 1, Reason: reason, Since: d.order.last}
	h.line(d.cfg.Env, d.cfg.Group, d.baseline.Version, reason, d.baseline.Since.UnixMilli(), d.group.featureNames())
	for _, i := range d.group.byName {
		m := d.group.members[i]
		m.known = m.peer && m.cells != nil
		if d.baseline.Version == 1 {
			m.starts = m.restarts
		}
		if !m.known {
			continue
		}
		h.line(m.name)
		h.cells(m.cells)
	}
	for _, c := range d.group.cohorts {
		h.cells(c.cells)
	}
	d.baseline.Digest = h.String()
	d.differ = 0
	d.slow.sequential.reset()
	d.learnt++
}

// rebase makes what the member is now compared to its peers its anchor.
func (m *member) rebase() {
	copy(m.anchor, m.cells)
	m.drift.reset()
}
