package detect

import (
	"math"

	"github.com/evenkeel/evenkeel/facts"
)

const (
	// restartTicks is how long a member that has lost its page and refuses
	// connections counts as restarting: a little longer than the balancer's
	// health check needs to see it (HAProxy by default: three checks, two
	// seconds apart). After that nobody but the detector says that it is sick.
	restartTicks = 8
	// refusedShare is the share of requests beyond which a member refuses
	// connections. In health none is refused.
	refusedShare = 0.1
)

// refused are the balancer's counts of requests that found nobody listening:
// failed, sent elsewhere, or tried again.
var refused = []string{"hx_econ", "hx_wredis", "hx_wretr"}

// absent tells whether a member in service, of which more than a third of the
// features is missing, has to be left out at this tick.
//
// With a balancer that tells of it, losing the page is no excuse: it is judged
// on what the balancer sees, and what is missing is no evidence. Only when its
// process seems to be restarting (connections are refused or nothing is sent
// while there is no page, or the page's counters have just begun anew) is it
// left out, for restartTicks at most; then it is judged at once, and settles
// when it is back.
func (g *group) absent(m *member, row []float64) bool {
	whole := m.whole
	m.whole = false
	if !g.balanced || !seen(row, g.bind.balancer) {
		return true
	}
	anew := whole && seen(row, g.bind.page)
	if anew || g.bind.refuses(row) {
		if m.silent++; m.silent > restartTicks {
			m.settling = 0
			return false
		}
		return true
	}
	switch {
	case m.settling != 0:
	case m.silent > restartTicks: // it answers again; no new patience until it has settled
		m.leave(facts.StandingIn)
		m.silent = restartTicks
	default:
		m.silent = 0
	}
	return false
}

// reports notes that a member's features are there. One whose page was away
// while it refused connections is a new process.
func (m *member) reports() {
	m.whole = true
	if m.silent > 0 {
		m.leave(facts.StandingIn)
		m.silent = 0
	}
}

// refuses reports whether the balancer found nobody listening, or had nothing
// to send.
func (b *binding) refuses(row []float64) bool {
	var none float64
	sent, refused := b.sent.at(row, &none), b.refused.at(row, &none)
	return !(sent > 0) || refused > refusedShare*sent
}

// seen reports whether any of the columns has a value.
func seen(row []float64, columns []int) bool {
	for _, c := range columns {
		if !math.IsNaN(row[c]) {
			return true
		}
	}
	return false
}

// hasBalancer reports whether the balancer tells of any member at this tick.
func (g *group) hasBalancer(f *facts.Frame) bool {
	for r := range f.Members {
		if seen(f.Row(r), g.bind.balancer) {
			return true
		}
	}
	return false
}
