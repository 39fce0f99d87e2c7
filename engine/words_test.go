package engine

import (
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

// somebodysEvent is a fact about the event of another system.
func somebodysEvent(change ...func(*facts.Fact)) facts.Fact {
	f := fact(facts.External, facts.Alarm, "web-07")
	f.External = &facts.ExternalInfo{Digest: facts.Digest(nil), Source: "https://alerts.example/api/v2", Type: "io.prometheus.alert", Severity: "critical"}
	for _, c := range change {
		c(&f)
	}
	return f
}

// Each kind of fact has its words, which are unknown of the others: a rule that
// reads them there is undecided, and says so.
func TestWordsOfEachKind(t *testing.T) {
	sick := fact(facts.Health, facts.Watch, "web-07")
	sick.Health = &facts.HealthInfo{Status: facts.Degraded}
	manual := outcomeOf("web-07", "drain", "done")
	manual.Outcome.Rule = ""
	for _, tt := range []struct {
		name string
		when string
		fact facts.Fact
		want string
	}{
		{"somebody's alert", `F.Kind == "external" && F.Source == "https://alerts.example/api/v2" && F.Type == "io.prometheus.alert" && F.Severity == "critical"`, somebodysEvent(), "matched"},
		{"another source", `F.Kind == "external" && F.Source == "https://other.example"`, somebodysEvent(), "not matched"},
		{"an alert without a severity", `F.Kind == "external" && F.Severity == "critical"`, somebodysEvent(func(f *facts.Fact) { f.External.Severity = "" }), "undecided: F.Severity"},
		{"a source of no event", `F.Source == "x"`, alarm("web-07"), "undecided: F.Source"},
		{"a type of no event", `F.Type == "x"`, alarm("web-07"), "undecided: F.Type"},
		{"a detector that is degraded", `F.Kind == "health" && F.Status == "degraded"`, sick, "matched"},
		{"the health of no detector", `F.Status == "ok"`, alarm("web-07"), "undecided: F.Status"},
		{"an act that a rule asked for", `F.Kind == "outcome" && F.AskedBy == "black_hole"`, outcomeOf("web-07", "drain", "done"), "matched"},
		{"an act that no rule asked for", `F.Kind == "outcome" && F.AskedBy != "black_hole"`, manual, "undecided: F.AskedBy"},
		{"a p-value of many zeros", "F.NegLog10P > 8.99 && F.NegLog10P < 9.01", alarm("web-07", func(f *facts.Fact) { f.Evidence.P = "0.000000001" }), "matched"},
		{"a p-value of 1", "F.NegLog10P < 0.000001", alarm("web-07", func(f *facts.Fact) { f.Evidence.P = "1" }), "matched"},
		{"a p-value that is not told", "F.NegLog10P > 7", alarm("web-07"), "undecided: F.NegLog10P"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := verdict(decide(t, mustCompile(t, one(tt.when)), at(0), tt.fact), "rule_one"); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.when, got, tt.want)
			}
		})
	}
}

// What decimals a fact may hold give a logarithm.
func TestDecadesOfEveryProbability(t *testing.T) {
	for p, want := range map[facts.Decimal]value{"1": num(0), "0.1": num(1), "0.5": num(0.30103), "0.05": num(1.30103), "0.000000001": num(9), "": {}} {
		if got := decades(p); got != want {
			t.Errorf("decades(%q) = %v, want %v", p, got, want)
		}
	}
}
