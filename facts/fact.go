package facts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

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
	Member     string        `json:"member,omitempty"`  // empty: the fact is about the whole group
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

// Evidence is the test behind an imbalance fact.
type Evidence struct {
	Certified Rate    `json:"certified"` // the lowest false-alarm rate that the healthy history seen so far can certify
	Declared  Rate    `json:"declared"`  // the false-alarm rate the operator asked for
	Epochs    int     `json:"epochs"`    // healthy epochs behind the threshold
	Margin    Decimal `json:"margin"`    // factor ≥ 1 on the conformal threshold; 1 is the bare test
	Score     Decimal `json:"score"`     // the statistic, dimensionless; alarm when above Threshold
	Threshold Decimal `json:"threshold"` // margin included
	Ticks     int     `json:"ticks"`     // ticks the score has been above the threshold
	Tier      string  `json:"tier"`      // T1, T2, … : which guarantee holds
}

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
	Peers  Decimal `json:"peers"` // median of the other members, in the metric's unit
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

// HealthInfo is a detector's word about itself.
type HealthInfo struct {
	Detail string `json:"detail,omitempty"`
	Status string `json:"status"` // ok, ageing, degraded
}

// ExternalInfo is the part of somebody else's CloudEvent that rules may read.
type ExternalInfo struct {
	Digest   string `json:"digest"` // sha256:… of the event's data as received
	Severity string `json:"severity,omitempty"`
	Source   string `json:"source"`
	Summary  string `json:"summary,omitempty"`
	Type     string `json:"type"`
}

// Time is an instant, encoded as RFC 3339 UTC with milliseconds.
type Time struct{ time.Time }

const timeLayout = "2006-01-02T15:04:05.000Z"

// At returns t as it can be encoded: in UTC, cut to milliseconds.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Millisecond)} }

// String returns the encoding of t.
func (t Time) String() string { return t.UTC().Format(timeLayout) }

// MarshalText implements [encoding.TextMarshaler].
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalJSON hides time.Time's own encoding.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// UnmarshalJSON accepts exactly what MarshalJSON writes.
func (t *Time) UnmarshalJSON(b []byte) error {
	p, err := time.Parse(`"`+timeLayout+`"`, string(b))
	if err != nil {
		return fmt.Errorf("time %.40s, want a time like \"2026-11-22T05:51:46.000Z\"", b)
	}
	*t = Time{p.UTC()}
	return nil
}

// Decimal is a measurement as text: an optional minus sign, digits, and an
// optional point with digits; no exponent, no NaN, at most 40 bytes.
type Decimal string

var decimalForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// Number returns v rounded to six significant digits, as a Decimal. NaN and
// values outside ±1e15 have no decimal form; they become "0".
func Number(v float64) Decimal {
	if math.IsNaN(v) || math.Abs(v) >= 1e15 || math.Abs(v) < 1e-12 {
		return "0"
	}
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 5, 64), 64)
	if err != nil {
		return "0"
	}
	return Decimal(strconv.FormatFloat(r, 'f', -1, 64))
}

// Float returns the number d spells; 0 for an invalid one.
func (d Decimal) Float() float64 {
	v, err := strconv.ParseFloat(string(d), 64)
	if err != nil {
		return 0
	}
	return v
}

// Rate is a false-alarm rate, given as the mean time between two false alarms
// and written "1/30d". Zero is "none": nothing can be certified.
type Rate time.Duration

// String returns the rate as "1/30d", in the largest of the units d, h, m, s
// and ms that divides it, or "none".
func (r Rate) String() string {
	if r <= 0 {
		return "none"
	}
	for _, u := range rateUnits {
		if time.Duration(r)%u.d == 0 {
			return fmt.Sprintf("1/%d%s", time.Duration(r)/u.d, u.name)
		}
	}
	return fmt.Sprintf("1/%dms", time.Duration(r).Milliseconds())
}

var rateUnits = []struct {
	name string
	d    time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}

var rateForm = regexp.MustCompile(`^1/([1-9][0-9]{0,9})(d|h|m|s|ms)$`)

// ParseRate reads what [Rate.String] writes.
func ParseRate(s string) (Rate, error) {
	if s == "none" {
		return 0, nil
	}
	m := rateForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("facts: rate %.40q, want a rate like 1/30d", s)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("facts: rate %.40q: %w", s, err)
	}
	for _, u := range rateUnits {
		if u.name == m[2] {
			if n > math.MaxInt64/int64(u.d) {
				return 0, fmt.Errorf("facts: rate %s is below one in 292 years, want more", s)
			}
			return Rate(n * int64(u.d)), nil
		}
	}
	return 0, fmt.Errorf("facts: rate %.40q has no unit", s)
}

// PerHour returns the rate as false alarms per hour.
func (r Rate) PerHour() float64 {
	if r <= 0 {
		return math.Inf(1)
	}
	return float64(time.Hour) / float64(r)
}

// MarshalText implements [encoding.TextMarshaler].
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *Rate) UnmarshalText(b []byte) error {
	v, err := ParseRate(string(b))
	if err != nil {
		return err
	}
	*r = v
	return nil
}

// Encode returns the one encoding of f, or an error that wraps [ErrFact] when
// f is not valid or too large.
func (f *Fact) Encode() ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	return f.encode()
}

func (f *Fact) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return nil, fmt.Errorf("facts: encode %s of %s: %w", f.Kind, f.Group, err)
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(out) > MaxFactBytes {
		return nil, fmt.Errorf("facts: %s fact of %s has %d bytes, want at most %d: %w", f.Kind, f.Group, len(out), MaxFactBytes, ErrFact)
	}
	return out, nil
}

// Decode returns the fact whose encoding b is. It refuses, with an error that
// wraps [ErrFact], anything [Fact.Encode] would not have written.
func Decode(b []byte) (Fact, error) {
	var f Fact
	if len(b) > MaxFactBytes {
		return f, fmt.Errorf("facts: fact of %d bytes, want at most %d: %w", len(b), MaxFactBytes, ErrFact)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return Fact{}, fmt.Errorf("facts: %w: byte %d: %w", ErrFact, d.InputOffset(), err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Fact{}, fmt.Errorf("facts: %w: byte %d: more after the end of the object", ErrFact, d.InputOffset())
	}
	if err := f.check(); err != nil {
		return Fact{}, err
	}
	again, err := f.encode()
	if err != nil {
		return Fact{}, err
	}
	if i := firstDifference(b, again); i >= 0 {
		return Fact{}, fmt.Errorf("facts: %w: not in canonical form from byte %d: found %.24q, want %.24q",
			ErrFact, i, b[min(i, len(b)):], again[min(i, len(again)):])
	}
	return f, nil
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	if len(a) != len(b) {
		return min(len(a), len(b))
	}
	return -1
}

// ID returns "sha256:" and the digest of f's encoding.
func (f *Fact) ID() (string, error) {
	b, err := f.Encode()
	if err != nil {
		return "", err
	}
	return Digest(b), nil
}

// Digest returns "sha256:" and the lower-case hexadecimal SHA-256 of b.
func Digest(b []byte) string {
	s := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(s[:])
}

// CloudEvent returns the attributes of the CloudEvents 1.0 event that carries
// a fact, in binary content mode: the body is the encoding itself. id is the
// fact's [Fact.ID].
//
// Source: CloudEvents specification 1.0.2, section 3.1 (required attributes).
func (f *Fact) CloudEvent(id string) map[string]string {
	subject := f.Group
	if f.Member != "" {
		subject += "/" + f.Member
	}
	return map[string]string{
		"specversion":     "1.0",
		"id":              id,
		"source":          "/evenkeel/" + f.Env + "/" + f.Detector.ID,
		"type":            "com.evenkeel.fact." + string(f.Kind) + ".v1",
		"subject":         subject,
		"time":            f.Time.String(),
		"datacontenttype": "application/json",
	}
}

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func (f *Fact) check() error {
	bad := func(field string, found any, want string) error {
		return fmt.Errorf("facts: %w: field %s: found %.60q, want %s", ErrFact, field, fmt.Sprint(found), want)
	}
	if f.V != 1 {
		return bad("v", f.V, "1")
	}
	for _, n := range []struct{ what, s string }{{"env", f.Env}, {"group", f.Group}, {"detector.id", f.Detector.ID}} {
		if err := CheckName(n.what, n.s); err != nil {
			return fmt.Errorf("%w: %w", ErrFact, err)
		}
	}
	if f.Member != "" {
		if err := CheckName("member", f.Member); err != nil {
			return fmt.Errorf("%w: %w", ErrFact, err)
		}
	}
	switch f.State {
	case Alarm, Clear, Watch:
	default:
		return bad("state", f.State, "alarm, clear or watch")
	}
	if len(f.Detector.Build) > 256 {
		return bad("detector.build", f.Detector.Build, "at most 256 bytes")
	}
	if !digestForm.MatchString(f.Detector.Params) {
		return bad("detector.params", f.Detector.Params, "sha256: and 64 hexadecimal digits")
	}
	if f.Window != "" && !digestForm.MatchString(f.Window) {
		return bad("window", f.Window, "sha256: and 64 hexadecimal digits")
	}
	for _, t := range []struct {
		field string
		t     Time
	}{{"time", f.Time}, {"onset", f.Onset}, {"expires", f.Expires}} {
		if y := t.t.UTC().Year(); y < 1970 || y > 9999 {
			return bad(t.field, t.t, "a year from 1970 to 9999")
		}
	}
	if f.Expires.Before(f.Time.Time) {
		return bad("expires", f.Expires, "a time not before "+f.Time.String())
	}
	return f.checkSections(bad)
}

func (f *Fact) checkSections(bad func(field string, found any, want string) error) error {
	have := map[string]bool{"evidence": f.Evidence != nil, "members": f.Members != nil,
		"outcome": f.Outcome != nil, "health": f.Health != nil, "external": f.External != nil}
	section, known := map[Kind]string{Imbalance: "evidence", Absent: "", Membership: "members",
		Result: "outcome", Health: "health", External: "external"}[f.Kind]
	if !known {
		return bad("kind", f.Kind, "imbalance, absent, membership, outcome, health or external")
	}
	for _, name := range []string{"evidence", "members", "outcome", "health", "external"} {
		if have[name] != (name == section) {
			return bad(name, have[name], fmt.Sprintf("%t in a fact of kind %s", name == section, f.Kind))
		}
	}
	if len(f.Effect) > MaxEffects {
		return bad("effect", len(f.Effect), fmt.Sprintf("at most %d metrics", MaxEffects))
	}
	for i, e := range f.Effect {
		at := fmt.Sprintf("effect[%d]", i)
		if err := CheckName("metric", e.Metric); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrFact, at, err)
		}
		for _, d := range []Decimal{e.Value, e.Peers, e.Score} {
			if !d.valid() {
				return bad(at, d, "a decimal number")
			}
		}
	}
	if e := f.Evidence; e != nil {
		for _, d := range []Decimal{e.Score, e.Threshold, e.Margin} {
			if !d.valid() {
				return bad("evidence", d, "a decimal number")
			}
		}
		if e.Margin.Float() < 1 {
			return bad("evidence.margin", e.Margin, "at least 1")
		}
		if e.Epochs < 0 || e.Ticks < 0 {
			return bad("evidence", fmt.Sprint(e.Epochs, " ", e.Ticks), "no negative count")
		}
		if len(e.Tier) != 2 || e.Tier[0] != 'T' || e.Tier[1] < '1' || e.Tier[1] > '6' {
			return bad("evidence.tier", e.Tier, "T1 to T6")
		}
	}
	if g := f.GroupState; g != nil {
		if g.Alarmed < 0 || g.Members < 0 || g.Present < 0 || g.Present > g.Members {
			return bad("group_state", fmt.Sprint(*g), "counts that are not negative, present ≤ members")
		}
		if g.Shift != "none" && g.Shift != "up" && g.Shift != "down" {
			return bad("group_state.shift", g.Shift, "none, up or down")
		}
	}
	names := make([]string, len(f.Members))
	for i, m := range f.Members {
		names[i] = m.Name
		switch m.State {
		case StandingIn, StandingDrain, StandingMaint, StandingDown, StandingAbsent:
		default:
			return bad(fmt.Sprintf("members[%d].state", i), m.State, "in, drain, maint, down or absent")
		}
	}
	if err := checkNames("member", names, MaxMembers); err != nil {
		return fmt.Errorf("%w: %w", ErrFact, err)
	}
	return f.checkTexts(bad)
}

func (f *Fact) checkTexts(bad func(field string, found any, want string) error) error {
	texts := map[string]string{}
	if o := f.Outcome; o != nil {
		texts["outcome.act"], texts["outcome.verb"], texts["outcome.result"] = o.Act, o.Verb, o.Result
		texts["outcome.rule"], texts["outcome.detail"] = o.Rule, o.Detail
	}
	if h := f.Health; h != nil {
		texts["health.status"], texts["health.detail"] = h.Status, h.Detail
	}
	if x := f.External; x != nil {
		if !digestForm.MatchString(x.Digest) {
			return bad("external.digest", x.Digest, "sha256: and 64 hexadecimal digits")
		}
		texts["external.source"], texts["external.type"] = x.Source, x.Type
		texts["external.severity"], texts["external.summary"] = x.Severity, x.Summary
	}
	for field, s := range texts {
		if len(s) > 1024 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return bad(field, s, "at most 1,024 bytes without control characters")
		}
	}
	return nil
}

func (d Decimal) valid() bool { return len(d) <= 40 && decimalForm.MatchString(string(d)) }
