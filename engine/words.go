package engine

import (
	"math"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Closed sets of values that more than one word has.
var (
	tierValues  = []string{"T1", "T2", "T3", "T4", "T5", "T6"}
	statistics  = []string{"peer", "anchor", "own", "evidence"}
	shiftValues = []string{"none", "up", "down"}
)

// Why a word may be unknown.
const (
	ofImbalance = "; unknown unless the kind is imbalance"
	unlessTold  = "; unknown when the evidence does not tell"
	ofOutcome   = "; unknown unless the kind is outcome"
	ofHealth    = "; unknown unless the kind is health"
	ofExternal  = "; unknown unless the kind is external"
	ofEffect    = "; unknown when the metric is not among the fact's effects"
	ofSize      = "; unknown before the first fact that tells it"
)

// The table of fields and methods. Unknown means: a rule that reads the word is
// undecided, which the decision says. A certain word is known in every
// situation.
var fields = [...]Word{
	{Name: "F.Kind", Type: Text, Values: []string{"imbalance", "absent", "membership", "outcome", "health", "external"},
		certain: true,
		Doc:     "what the fact is about",
		field:   func(s *situation) value { return str(string(s.fact.Kind)) }},
	{Name: "F.State", Type: Text, Values: []string{"alarm", "clear", "watch"},
		certain: true,
		Doc:     "whether the condition holds, ended, or is only told",
		field:   func(s *situation) value { return str(string(s.fact.State)) }},
	{Name: "F.Env", Type: Text,
		certain: true,
		Doc:     "environment",
		field:   func(s *situation) value { return str(s.fact.Env) }},
	{Name: "F.Group", Type: Text,
		certain: true,
		Doc:     "group",
		field:   func(s *situation) value { return str(s.fact.Group) }},
	{Name: "F.Member", Type: Text,
		certain: true,
		Doc:     "member; empty when the fact is about a cohort or the whole group",
		field:   func(s *situation) value { return str(s.fact.Member) }},
	{Name: "F.Cohort", Type: Text,
		certain: true,
		Doc:     "cohort, such as a rack, that is out of balance as one; empty when the fact is not about one",
		field:   func(s *situation) value { return str(s.fact.Cohort) }},
	{Name: "F.Evidence", Type: Number, Unit: "1", Range: "≥ 0", Scale: 4,
		Doc:   "the statistic of the test" + ofImbalance,
		field: evidence(func(e *facts.Evidence) value { return num(e.Score.Float()) })},
	{Name: "F.Threshold", Type: Number, Unit: "1", Range: "≥ 0", Scale: 4,
		Doc:   "the threshold of the statistic" + ofImbalance,
		field: evidence(func(e *facts.Evidence) value { return num(e.Threshold.Float()) })},
	{Name: "F.Margin", Type: Number, Unit: "1", Range: "≥ 0", Scale: 1,
		Doc:   "F.Evidence by F.Threshold, above 1 in an alarm" + ofImbalance,
		field: evidence(func(e *facts.Evidence) value { return num(e.Score.Float() / e.Threshold.Float()) })},
	{Name: "F.Tier", Type: Text, Values: tierValues,
		Doc:   "which guarantee on false alarms holds" + ofImbalance,
		field: evidence(func(e *facts.Evidence) value { return str(e.Tier) })},
	{Name: "F.Epochs", Type: Count, Unit: "epochs", Range: "≥ 0", Scale: 100,
		Doc:   "healthy epochs behind the threshold" + ofImbalance,
		field: evidence(func(e *facts.Evidence) value { return cnt(e.Epochs) })},
	{Name: "F.Ticks", Type: Count, Unit: "ticks", Range: "≥ 0", Scale: 10,
		Doc:   "ticks the statistic has been above the threshold" + ofImbalance,
		field: evidence(func(e *facts.Evidence) value { return cnt(e.Ticks) })},
	{Name: "F.DeclaredPerHour", Type: Number, Unit: "false alarms per hour", Range: "> 0",
		Doc:   "the rate of false alarms that the operator asked for" + ofImbalance,
		field: evidence(func(e *facts.Evidence) value { return num(e.Declared.PerHour()) })},
	{Name: "F.CertifiedPerHour", Type: Number, Unit: "false alarms per hour", Range: "> 0",
		Doc:   "the lowest rate of false alarms that the healthy history certifies; unknown when it certifies none",
		field: evidence(func(e *facts.Evidence) value { return num(e.Certified.PerHour()) })},
	{Name: "F.AssuredPerHour", Type: Number, Unit: "false alarms per hour", Range: "> 0",
		Doc:   "the rate of false alarms that this very history assures with 95 % confidence; unknown when it assures none",
		field: evidence(func(e *facts.Evidence) value { return num(e.Assured.PerHour()) })},
	{Name: "F.Statistic", Type: Text, Values: statistics,
		Doc:   "what the member was compared with" + unlessTold,
		field: evidence(func(e *facts.Evidence) value { return optional(string(e.Statistic)) })},
	{Name: "F.PValue", Type: Number, Unit: "1", Range: "> 0 to 1", Scale: 1,
		Doc:   "share of healthy epochs with a score as large as the largest of this one, this one among them" + unlessTold,
		field: evidence(func(e *facts.Evidence) value { return decimal(e.P) })},
	{Name: "F.NegLog10P", Type: Number, Unit: "decades", Range: "≥ 0", Scale: 3,
		Doc:   "F.PValue as the negative of its logarithm, such as 7 for 0.0000001, to six decimals; bounds below 0.000001 are written with it" + unlessTold,
		field: evidence(func(e *facts.Evidence) value { return decades(e.P) })},
	{Name: "F.EValue", Type: Number, Unit: "1", Range: "≥ 0",
		Doc:   "evidence of the epoch, on average at most 1 in health" + unlessTold,
		field: evidence(func(e *facts.Evidence) value { return decimal(e.E) })},
	{Name: "F.ForSeconds", Type: Number, Unit: "seconds", Range: "≥ 0", Scale: 60,
		Doc:   "from the onset of the fact to its time",
		field: func(s *situation) value { return num(s.fact.Time.Sub(s.fact.Onset.Time).Seconds()) }},
	{Name: "F.AgeSeconds", Type: Number, Unit: "seconds", Scale: 10,
		Doc:   "from the time of the fact to the decision",
		field: func(s *situation) value { return num(s.now.Sub(s.fact.Time.Time).Seconds()) }},
	{Name: "F.Shift", Type: Text, Values: shiftValues,
		Doc:   "whether the whole group moved together, which is no imbalance; unknown when the fact does not tell",
		field: shift},
	{Name: "F.Standing", Type: Text, Values: []string{"in", "drain", "maint", "down", "absent"},
		Doc:   "standing of the member in the balancer; unknown unless the fact is the membership of one member",
		field: standing},
	{Name: "F.Result", Type: Text,
		Values: []string{"done", "refused", "dry run", "failed", "undone", "escalated", "released"},
		Doc:    "how an act ended" + ofOutcome,
		field:  outcome(func(o *facts.OutcomeInfo) value { return str(o.Result) })},
	{Name: "F.Verb", Type: Text, Values: []string{"drain", "maint", "weight", "restore", "notify"},
		Doc:   "what the act did" + ofOutcome,
		field: outcome(func(o *facts.OutcomeInfo) value { return str(o.Verb) })},
	{Name: "F.AskedBy", Type: Text,
		Doc:   "the rule that asked for the act" + ofOutcome + ", or when no rule did",
		field: outcome(func(o *facts.OutcomeInfo) value { return optional(o.Rule) })},
	{Name: "F.Status", Type: Text, Values: []string{facts.Healthy, facts.Ageing, facts.Degraded},
		Doc:   "how the detector is, or with F.State alarm the engine, when it put a rule aside" + ofHealth,
		field: health},
	{Name: "F.Source", Type: Text,
		Doc:   "whose event it is, as CloudEvents has it" + ofExternal,
		field: external(func(x *facts.ExternalInfo) value { return optional(x.Source) })},
	{Name: "F.Type", Type: Text,
		Doc:   "the type of the event, as CloudEvents has it" + ofExternal,
		field: external(func(x *facts.ExternalInfo) value { return optional(x.Type) })},
	{Name: "F.Severity", Type: Text,
		Doc:   "how severe the event is, in the words of its source" + ofExternal + ", or when the source does not tell",
		field: external(func(x *facts.ExternalInfo) value { return optional(x.Severity) })},
	{Name: "F.Score", Args: []Type{Text}, Type: Number, Unit: "1", Range: "-1e15 to 1e15", Scale: 4,
		Doc: "signed share of the metric in the statistic, below zero when the member has less " +
			"than its peers; 0 when the metric is not among the effects",
		method: score},
	{Name: "F.Value", Args: []Type{Text}, Type: Number, Unit: "the metric's",
		Doc:    "the value of the member" + ofEffect,
		method: effect(func(e *facts.Effect) value { return num(e.Value.Float()) })},
	{Name: "F.Peers", Args: []Type{Text}, Type: Number, Unit: "the metric's",
		Doc:    "the median of the other members" + ofEffect,
		method: effect(func(e *facts.Effect) value { return num(e.Peers.Float()) })},
	{Name: "F.Ratio", Args: []Type{Text}, Type: Number, Unit: "1", Scale: 1,
		Doc:    "the value of the member by the median of the others, unknown when that is zero" + ofEffect,
		method: effect(func(e *facts.Effect) value { return num(e.Value.Float() / e.Peers.Float()) })},
	{Name: "C.Members", Type: Count, Unit: "members", Range: "≥ 0", Scale: 10,
		Doc:   "members of the group" + ofSize,
		field: func(s *situation) value { return value{n: float64(s.mem.members), known: s.mem.sized} }},
	{Name: "C.Present", Type: Count, Unit: "members", Range: "≥ 0", Scale: 10,
		Doc:   "members in service and reporting" + ofSize,
		field: func(s *situation) value { return value{n: float64(s.mem.present), known: s.mem.sized} }},
	{Name: "C.AlarmedMembers", Type: Count, Unit: "members", Range: "≥ 0", Scale: 10,
		certain: true,
		Doc:     "members whose alarm stands now",
		field:   func(s *situation) value { return cnt(s.mem.alarmed(s.now)) }},
	{Name: "C.OutMembers", Type: Count, Unit: "members", Range: "≥ 0", Scale: 10,
		certain: true,
		Doc:     "members not in service, whoever took them out",
		field:   func(s *situation) value { return cnt(s.mem.out) }},
	{Name: "C.OwnedOut", Type: Count, Unit: "members", Range: "≥ 0", Scale: 10,
		certain: true,
		Doc:     "members out of service that evenkeel took out",
		field:   func(s *situation) value { return cnt(len(s.mem.held)) }},
	{Name: "C.OutSeconds", Type: Number, Unit: "seconds", Range: "≥ 0", Scale: 600,
		certain: true,
		Doc:     "how long evenkeel has held the member of the fact out; 0 when it does not",
		field:   func(s *situation) value { return num(s.mem.outFor(s.fact.Member, s.now).Seconds()) }},
	{Name: "C.QuietSeconds", Type: Number, Unit: "seconds", Range: "≥ 0", Scale: 600,
		certain: true,
		Doc:     "since the last alarm in the group, or since its first fact when there was none",
		field:   func(s *situation) value { return num(s.mem.quietFor(s.now).Seconds()) }},
	{Name: "C.DrainsLastHour", Type: Count, Unit: "acts", Range: "0 to 256", Scale: 10,
		certain: true,
		Doc:     "members that evenkeel took out in the last hour",
		field:   func(s *situation) value { return cnt(s.mem.drainsSince(s.now.Add(-time.Hour))) }},
	{Name: "C.Mode", Type: Text, Values: []string{"observe", "suggest", "act"},
		certain: true,
		Doc:     "whether what rules propose is done in this group",
		field:   func(s *situation) value { return str(string(s.mem.mode)) }},
}

// The table of calls. The sandbox performs them.
var calls = [...]Word{
	{Name: "Propose", Args: []Type{Text, Text, Text}, Type: None,
		Doc: `Propose("verb", F.Member, "reason"): ask the guard to do it; only after then`},
	{Name: "Veto", Args: []Type{Text, Text}, Type: None,
		Doc: `Veto("verb", "reason"): no proposal of the verb stands in this decision; only after then`},
	{Name: "Note", Args: []Type{Text}, Type: None,
		Doc: `Note("text"): record it with the decision; only after then`},
	{Name: "Known", Args: []Type{Text}, Type: Truth,
		Doc: `Known("F.Field"): whether the field is known, so that reading it decides the rule`},
	{Name: "Max", Args: []Type{Number, Number}, Type: Number, Doc: "the larger of two numbers"},
	{Name: "Min", Args: []Type{Number, Number}, Type: Number, Doc: "the smaller of two numbers"},
	{Name: "Abs", Args: []Type{Number}, Type: Number, Doc: "the number without its sign"},
}

func evidence(read func(*facts.Evidence) value) func(*situation) value {
	return func(s *situation) value {
		if s.fact.Evidence == nil {
			return value{}
		}
		return read(s.fact.Evidence)
	}
}

// decimal is an optional measurement.
func decimal(d facts.Decimal) value { return value{n: d.Float(), known: d != ""} }

// decades is the negative logarithm of a probability that is optional. Rounded,
// it is the same on every machine, whose logarithms differ in the last bits.
func decades(p facts.Decimal) value {
	if p == "" {
		return value{}
	}
	return num(math.Abs(math.Round(math.Log10(p.Float())*1e6) / 1e6))
}

// optional is a text that a fact may leave out.
func optional(s string) value { return value{s: s, known: s != ""} }

func health(s *situation) value {
	if s.fact.Health == nil {
		return value{}
	}
	return str(s.fact.Health.Status)
}

func external(read func(*facts.ExternalInfo) value) func(*situation) value {
	return func(s *situation) value {
		if s.fact.External == nil {
			return value{}
		}
		return read(s.fact.External)
	}
}

func outcome(read func(*facts.OutcomeInfo) value) func(*situation) value {
	return func(s *situation) value {
		if s.fact.Outcome == nil {
			return value{}
		}
		return read(s.fact.Outcome)
	}
}

func effect(read func(*facts.Effect) value) func(*facts.Effect) value {
	return func(e *facts.Effect) value {
		if e == nil {
			return value{}
		}
		return read(e)
	}
}

func score(e *facts.Effect) value {
	if e == nil {
		return num(0)
	}
	return num(e.Score.Float())
}

func shift(s *situation) value {
	if s.fact.GroupState == nil {
		return value{}
	}
	return str(s.fact.GroupState.Shift)
}

func standing(s *situation) value {
	f := s.fact
	if f.Kind != facts.Membership || f.Member == "" || len(f.Members) != 1 {
		return value{}
	}
	return str(f.Members[0].State)
}
