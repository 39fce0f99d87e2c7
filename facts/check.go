package facts

import (
	"fmt"
	"regexp"
	"strings"
)

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// maxExternalBytes bounds what rules compare of somebody else's event: as much as
// a text in a rule may hold.
const maxExternalBytes = 256

// complaint words the error about a field: what was found, and what was wanted.
type complaint func(field string, found any, want string) error

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
	if f.Cohort != "" {
		if err := CheckName("cohort", f.Cohort); err != nil {
			return fmt.Errorf("%w: %w", ErrFact, err)
		}
		if f.Member != "" || f.Kind != Imbalance {
			return bad("cohort", f.Cohort, "none in a fact about a member, or of another kind than imbalance")
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

func (f *Fact) checkSections(bad complaint) error {
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
	for _, check := range []func(complaint) error{f.checkEvidence, f.checkMembers, f.checkTexts} {
		if err := check(bad); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fact) checkEvidence(bad complaint) error {
	if e := f.Evidence; e != nil {
		if err := e.check(bad); err != nil {
			return err
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
	return nil
}

func (e *Evidence) check(bad complaint) error {
	for _, d := range []struct {
		field    string
		d        Decimal
		optional bool
	}{{"score", e.Score, false}, {"threshold", e.Threshold, false}, {"margin", e.Margin, false}, {"e", e.E, true}, {"p", e.P, true}} {
		if !d.d.valid() && !(d.optional && d.d == "") {
			return bad("evidence."+d.field, d.d, "a decimal number")
		}
	}
	switch p := e.P.Float(); {
	case e.Margin.Float() < 1:
		return bad("evidence.margin", e.Margin, "at least 1")
	case e.Epochs < 0 || e.Ticks < 0:
		return bad("evidence", fmt.Sprint(e.Epochs, " ", e.Ticks), "no negative count")
	case len(e.Tier) != 2 || e.Tier[0] != 'T' || e.Tier[1] < '1' || e.Tier[1] > '6':
		return bad("evidence.tier", e.Tier, "T1 to T6")
	case e.P != "" && !(p > 0 && p <= 1):
		return bad("evidence.p", e.P, "more than 0, at most 1")
	case e.E.Float() < 0:
		return bad("evidence.e", e.E, "at least 0")
	case e.Assured < 0:
		return bad("evidence.assured", int64(e.Assured), "no negative rate")
	case e.Baseline != "" && !digestForm.MatchString(e.Baseline):
		return bad("evidence.baseline", e.Baseline, "sha256: and 64 hexadecimal digits")
	}
	switch e.Statistic {
	case "", StatisticPeer, StatisticAnchor, StatisticOwn, StatisticSlow:
		return nil
	}
	return bad("evidence.statistic", e.Statistic, "peer, anchor, own or evidence")
}

func (f *Fact) checkMembers(bad complaint) error {
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
	return nil
}

func (f *Fact) checkTexts(bad complaint) error {
	texts := map[string]string{}
	if o := f.Outcome; o != nil {
		texts["outcome.act"], texts["outcome.verb"], texts["outcome.result"] = o.Act, o.Verb, o.Result
		texts["outcome.rule"], texts["outcome.detail"] = o.Rule, o.Detail
	}
	if h := f.Health; h != nil {
		if h.Status != Healthy && h.Status != Ageing && h.Status != Degraded {
			return bad("health.status", h.Status, "ok, ageing or degraded")
		}
		texts["health.status"], texts["health.detail"] = h.Status, h.Detail
	}
	if x := f.External; x != nil {
		if !digestForm.MatchString(x.Digest) {
			return bad("external.digest", x.Digest, "sha256: and 64 hexadecimal digits")
		}
		for _, t := range []struct {
			field, s string
			required bool
		}{{"source", x.Source, true}, {"type", x.Type, true}, {"severity", x.Severity, false}} {
			if len(t.s) > maxExternalBytes || t.required && t.s == "" {
				return bad("external."+t.field, t.s, fmt.Sprintf("1 to %d bytes", maxExternalBytes))
			}
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
