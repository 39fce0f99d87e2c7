package engine

import (
	"fmt"
	"testing"
	"time"
)

// outlines returns the rules of a version, by name, as they are written.
func outlines(t *testing.T, rules []Source, allow Allow) map[string]*Outline {
	t.Helper()
	out := map[string]*Outline{}
	for _, s := range rules {
		o := must(NewOutline(s, allow))
		out[o.Name()] = o
	}
	return out
}

// A rule that reads derived values is asked after the strata below it.
func TestRulesOverDerivedValuesAreAsked(t *testing.T) {
	rules := pair()
	p, all := diagnose(t, rules...), outlines(t, rules, allowDerived())
	asked := func(rule string, given map[string]float64) string {
		t.Helper()
		a, err := p.Ask(all[rule], at(0), situated(t, alarm("web-07")), given)
		if err != nil {
			return err.Error()
		}
		out := fmt.Sprintf("%t %d:", a.Fires, a.All)
		for _, part := range a.Parts {
			if part == nil {
				out += " -"
				continue
			}
			out += fmt.Sprintf(" %d", *part)
		}
		return out
	}
	for _, tt := range []struct {
		rule  string
		given map[string]float64
		want  string
	}{
		{"act", nil, "true 1: 1 1 1"},
		{"act", map[string]float64{"D.Confidence": 0.49}, "false 0: 1 1 0"},
		{"act", map[string]float64{"D.Confidence": 0.5}, "true 1: 1 1 1"},
		{"sure", map[string]float64{"D.Confidence": 0.3}, "false 0: 1 0"},
		{"black_hole", nil, "true 1: 1"},
		{"act", map[string]float64{"D.Confidence": 1.01}, "engine: ask rule act: D.Confidence is never 1.01, want a number of 0 to 1"},
		{"act", map[string]float64{"D.Strikes": 1.5}, "engine: ask rule act: D.Strikes is never 1.5, want a count of any size"},
		{"act", map[string]float64{"D.Sure": 1}, "engine: ask rule act: D.Sure is no derived number"},
		{"act", map[string]float64{"F.Ticks": 1}, "engine: ask rule act: F.Ticks is no derived number"},
	} {
		if got := asked(tt.rule, tt.given); got != tt.want {
			t.Errorf("Ask(%s, %v) = %s, want %s", tt.rule, tt.given, got, tt.want)
		}
	}
	if a, err := p.Ask(outlines(t, []Source{one("F.Ticks > 1")}, everything)["rule_one"], at(0), situated(t, alarm("web-07")), nil); err == nil {
		t.Errorf("Ask of a rule of another version = %+v, want an error", a)
	}
}

// What nobody derived is unknown to both readers.
func TestDerivedValuesThatWereNotSetAreUnknown(t *testing.T) {
	rules := []Source{source("act", 2, `!Known("D.Sure") || D.Sure`, `Note("x");`), source("ask", 1, `D.Who == "web-07"`, `Note("x");`),
		source("sure", 1, "F.Ticks > 99", "D.Sure = true;"), source("who", 1, "F.Ticks > 99", "D.Who = F.Member;")}
	p, all := diagnose(t, rules...), outlines(t, rules, allowDerived())
	m := situated(t, alarm("web-07"))
	if a := must(p.Ask(all["act"], at(0), m, nil)); !a.Fires || a.All != Yes || a.Parts[1] != nil {
		t.Errorf("act: %+v, want it to fire by its first part", a)
	}
	if a := must(p.Ask(all["ask"], at(0), m, nil)); a.Fires || a.All != Unknown {
		t.Errorf("ask: %+v, want it unknown", a)
	}
}

// The bounds of derived values are bounds, and the analysis knows their ranges.
func TestOutlinesKnowDerivedValues(t *testing.T) {
	o := must(NewOutline(source("act", 1, `D.Confidence >= 0.5 && D.Strikes > 2 && D.Diagnosis == "slow"`, `Note("x");`), allowDerived()))
	b := o.Bounds()
	if len(b) != 2 || b[0].Word != "D.Confidence" || b[0].At != 0.5 || b[0].Step != 0.1 || b[1].Word != "D.Strikes" || b[1].Step != 1 {
		t.Errorf("bounds %+v", b)
	}
	for _, tt := range []struct {
		when string
		want Code
	}{
		{"D.Confidence > 1.5", e06},
		{"D.Confidence >= 0", e07},
		{"D.Strikes > 2 && D.Strikes < 3", e06},
		{`D.Diagnosis != "slow" && D.Diagnosis != "black_hole"`, e06},
		{`D.Sure && !D.Sure`, e06},
		{`D.Confidence > 0.4 && D.Confidence > 0.2`, w11},
		{"D.Confidence > 0.2", ""},
	} {
		found := Survey([]Source{source("act", 1, tt.when, `Note("x");`)}, allowDerived())
		got := Code("")
		if len(found) > 0 {
			got = found[0].Code
		}
		if got != tt.want {
			t.Errorf("%s: %v, want %q", tt.when, found, tt.want)
		}
	}
}

// Both readers of a rule agree over derived values, too.
func TestOwnReaderAgreesOverDerivedValues(t *testing.T) {
	for program := range uint64(20) {
		r := newMaker(41, program)
		rules := r.rules(9)
		p, all := diagnose(t, rules...), outlines(t, rules, allowDerived())
		for range 50 {
			m, now := r.memory(t), at(time.Duration(r.IntN(9))*250*time.Millisecond)
			for _, name := range p.Rules() {
				a := must(p.Ask(all[name], now, m, nil))
				if a.Fires != (a.All == Yes) {
					t.Fatalf("rule %s: the program says %t, the reader %d\n%s\non %+v", name, a.Fires, a.All, all[name].tree.text, m.fact)
				}
			}
		}
	}
}
