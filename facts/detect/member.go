package detect

import (
	"math"

	"github.com/evenkeel/evenkeel/facts"
)

// member is what a detector knows of one member. Members keep their place in
// the group for as long as they are known.
type member struct {
	name     string
	standing string // as in facts.MemberState
	unseen   int    // ticks without any value

	// A member is a peer, and judged, when it is in service, reports, and has
	// settled since its return.
	peer     bool
	settling int     // ticks left; away: to be set at its return
	uptime   float64 // NaN: never told
	whole    bool    // its features were there at the last tick
	silent   int     // ticks for which it seems to be restarting
	restarts int     // times that it came back as a new process
	missing  int     // features without a value at the last tick it was there

	cohort           *cohort   // whose members are its peers
	weight, share    float64   // the balancer's weight, and relative to the largest of the peers
	lastNum, lastDen []float64 // gauges behind growth, one a feature
	cells            []cell    // one a feature; nil: not fitted yet
	anchor           []cell    // those that the baseline began with; they do not slide
	samples          []sample  // tick by tick, one a feature each; nil once fitted
	z                []float64 // of this tick, valid when scored; NaN: missing
	scored           bool      // peer and fitted: z is good
	restarted        bool      // its windows have to begin anew
	hold             bool      // its cells do not slide: an alarm stands, it settles, or it is acted upon

	blockMeans
	*track
	watched
}

// away says that a member has to settle when it is back.
const away = -1

func newMember(name string) *member {
	return &member{name: name, standing: facts.StandingAbsent, settling: away, uptime: math.NaN(), weight: 1}
}

// measured makes room for so many features.
func (m *member) measured(features int) {
	m.lastNum, m.lastDen, m.z = make([]float64, features), make([]float64, features), make([]float64, features)
	m.blockY, m.blockZ, m.anchorZ = make([]float64, features), make([]float64, features), make([]float64, features)
	m.blockOK, m.blockTicks = false, 0
	m.forgetGauges()
}

// leave notes that the member is not in service, or restarted: what it showed
// before does not continue afterwards.
func (m *member) leave(standing string) {
	if standing == facts.StandingIn {
		m.restarts++
	}
	m.standing = standing
	m.settling = away
	m.restarted = true
	m.blockTicks = 0
	m.forgetGauges()
}

func (m *member) forgetGauges() {
	for k := range m.lastNum {
		m.lastNum[k], m.lastDen[k] = math.NaN(), math.NaN()
	}
}

// stand tells from a member's row in which standing it is.
func (b *binding) stand(row []float64) string {
	at := func(column int, otherwise float64) float64 {
		if column < 0 || math.IsNaN(row[column]) {
			return otherwise
		}
		return row[column]
	}
	switch admin := at(b.admin, 0); {
	case admin == 1:
		return facts.StandingDrain
	case admin != 0:
		return facts.StandingMaint
	case at(b.up, 1) == 0:
		return facts.StandingDown
	case at(b.weight, 1) <= 0:
		return facts.StandingDrain
	}
	return facts.StandingIn
}

// arrive takes note of a tick at which the member is in service and reports,
// and decides whether it is a peer. settle is in ticks; at the first tick of a
// group nobody has to settle.
func (m *member) arrive(uptime float64, settle int, first bool) {
	m.standing = facts.StandingIn
	if uptime < m.uptime { // the process is a new one
		m.leave(facts.StandingIn)
	}
	m.uptime = uptime
	if m.settling == away {
		m.settling = settle
		if first {
			m.settling = 0
		}
	}
	m.peer = m.settling == 0
	if !m.peer {
		m.settling--
	}
}
