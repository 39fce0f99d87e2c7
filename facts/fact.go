package facts

import "errors"

// MaxFactBytes bounds the encoding of a fact: an alarm with its effects needs
// about 1 KiB, the membership of 1,000 members about 40 KiB.
const MaxFactBytes = 64 << 10

// ErrFact reports bytes that are not the encoding of a valid fact.
var ErrFact = errors.New("malformed fact")

// Kind says what a fact is about. Each kind but imbalance and absent has its
// own section in [Fact].
type Kind string

// The kinds of fact.
const (
	Imbalance  Kind = "imbalance"  // a member, or the group, is out of balance, or no longer
	Absent     Kind = "absent"     // a member or the whole source stopped reporting, or came back
	Membership Kind = "membership" // who is in the group, and in which standing
	Result     Kind = "outcome"    // an act ended
	Health     Kind = "health"     // a detector about itself
	External   Kind = "external"   // somebody else's event, for example an alert
)

// State is the standing of the condition a fact tells of.
type State string

// The states of a fact.
const (
	Alarm State = "alarm" // the condition holds at the declared rate
	Clear State = "clear" // it held, and ended
	Watch State = "watch" // information only: nothing is claimed at the declared rate
)

// Fact is what a detector concluded. The zero sections are absent from the
// encoding. Field order is the sorted order of the keys: the encoding relies
// on it.
type Fact struct {
	Cohort     string        `json:"cohort,omitempty"` // imbalance only: members that are alike, such as a rack, and out of balance as one; Member is empty then
	Detector   Detector      `json:"detector"`
	Effect     []Effect      `json:"effect,omitempty"` // largest first, at most MaxEffects
	Env        string        `json:"env"`
	Evidence   *Evidence     `json:"evidence,omitempty"` // imbalance only
	Expires    Time          `json:"expires"`            // not to be acted on after this
	External   *ExternalInfo `json:"external,omitempty"`
	Group      string        `json:"group"`
	GroupState *GroupState   `json:"group_state,omitempty"`
	Health     *HealthInfo   `json:"health,omitempty"`
	Kind       Kind          `json:"kind"`
	Member     string        `json:"member,omitempty"`  // empty: the fact is about a cohort, or the whole group
	Members    []MemberState `json:"members,omitempty"` // membership only; sorted by name
	Onset      Time          `json:"onset"`             // since when, as far as the detector can tell
	Outcome    *OutcomeInfo  `json:"outcome,omitempty"`
	State      State         `json:"state"`
	Time       Time          `json:"time"`             // end of the tick that showed it
	V          int           `json:"v"`                // 1
	Window     string        `json:"window,omitempty"` // sha256:… of the values the statistic was computed from
}

// MaxEffects bounds the attribution carried by a fact.
const MaxEffects = 8

// Detector names who concluded a fact, and how.
type Detector struct {
	Build  string `json:"build"`  // version of the program
	ID     string `json:"id"`     // the instance
	Params string `json:"params"` // sha256:… of the parameters and the baseline in force
}

// Evidence is the test behind an imbalance fact. What is marked optional is
// absent from the encoding when it is zero, and from facts of detectors that do
// not tell it.
type Evidence struct {
	Assured   Rate      `json:"assured,omitempty"`   // optional: the false-alarm rate that this very history assures with 95 % confidence
	Baseline  string    `json:"baseline,omitempty"`  // optional: sha256:… of the version of the baseline in force
	Certified Rate      `json:"certified"`           // the lowest false-alarm rate that the healthy history seen so far can certify
	Declared  Rate      `json:"declared"`            // the false-alarm rate the operator asked for
	E         Decimal   `json:"e,omitempty"`         // optional: e-value ≥ 0, on average at most 1 in health
	Epochs    int       `json:"epochs"`              // healthy epochs behind the threshold
	Margin    Decimal   `json:"margin"`              // factor ≥ 1 on the conformal threshold; 1 is the bare test
	P         Decimal   `json:"p,omitempty"`         // optional: conformal p-value in (0, 1] of the largest score of the epoch so far
	Score     Decimal   `json:"score"`               // the statistic, dimensionless; alarm when above Threshold
	Statistic Statistic `json:"statistic,omitempty"` // optional: which of the statistics the rest is about
	Threshold Decimal   `json:"threshold"`           // margin included
	Ticks     int       `json:"ticks"`               // ticks the score has been above the threshold
	Tier      string    `json:"tier"`                // T1, T2, … : which guarantee holds
}

// Statistic says what a member was compared with.
type Statistic string

// The statistics of an imbalance.
const (
	StatisticPeer   Statistic = "peer"     // with the other members now
	StatisticAnchor Statistic = "anchor"   // with the other members, as it was to them when the baseline was made
	StatisticOwn    Statistic = "own"      // with itself at this hour
	StatisticSlow   Statistic = "evidence" // with its own past epochs: evidence that gathers over many
)

// GroupState is the group at the time of a fact.
type GroupState struct {
	Alarmed int    `json:"alarmed"` // members above their threshold now
	Members int    `json:"members"` // members known
	Present int    `json:"present"` // in service and reporting
	Shift   string `json:"shift"`   // none, or up/down: the whole group moved together, which is no imbalance
}

// Effect is one metric's part in a score.
type Effect struct {
	Metric string  `json:"metric"`
	Peers  Decimal `json:"peers"` // median of the other members, or when the statistic is own what is usual for the member at this hour, in the metric's unit
	Score  Decimal `json:"score"` // signed; its size is the share of the statistic owed to this metric
	Value  Decimal `json:"value"` // the member's own, in the metric's unit
}

// MemberState is one member's standing in its group.
type MemberState struct {
	Name  string `json:"name"`
	State string `json:"state"` // in, drain, maint, down or absent
}

// The standings of a member.
const (
	StandingIn     = "in"
	StandingDrain  = "drain"
	StandingMaint  = "maint"
	StandingDown   = "down"
	StandingAbsent = "absent"
)

// OutcomeInfo tells how an act ended.
type OutcomeInfo struct {
	Act    string `json:"act"`
	Detail string `json:"detail,omitempty"`
	Result string `json:"result"` // as actions names it: done, refused, failed, …
	Rule   string `json:"rule,omitempty"`
	Verb   string `json:"verb"`
}

// HealthInfo is a detector's word about itself, or the engine's about its rules.
type HealthInfo struct {
	Detail string `json:"detail,omitempty"`
	Status string `json:"status"` // ok, ageing or degraded
}

// The states of health.
const (
	Healthy  = "ok"
	Ageing   = "ageing"   // what it has learnt does not certify what it should
	Degraded = "degraded" // it does less than it should
)

// ExternalInfo is the part of somebody else's CloudEvent that rules may read.
type ExternalInfo struct {
	Digest   string `json:"digest"`             // sha256:… of the event's data as received
	Severity string `json:"severity,omitempty"` // as its source words it; at most 256 bytes
	Source   string `json:"source"`             // as CloudEvents has it; 1 to 256 bytes
	Summary  string `json:"summary,omitempty"`  // for people; at most 1,024 bytes
	Type     string `json:"type"`               // as CloudEvents has it; 1 to 256 bytes
}
