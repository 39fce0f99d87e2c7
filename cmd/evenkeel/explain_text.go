package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
)

// explainText writes an explanation for a person: what matters most first, one
// thing a line, columns aligned.
type explainText struct {
	w    *tabwriter.Writer
	fail error // the first that writing met
}

// line writes a line of its own columns: nothing above it moves what is below.
func (t *explainText) line(format string, args ...any) {
	t.row(fmt.Sprintf(format, args...))
	t.flush()
}

// row writes a line whose cells stand below those of the row before. The log
// holds words of strangers: what could upset a terminal becomes a dot.
func (t *explainText) row(cells ...string) {
	for i := range cells {
		cells[i] = strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return '·'
		}, cells[i])
	}
	for len(cells) > 1 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	_, err := fmt.Fprintln(t.w, strings.Join(cells, "\t"))
	t.fail = errors.Join(t.fail, err)
}

func (t *explainText) flush() { t.fail = errors.Join(t.fail, t.w.Flush()) }

// section begins a section, if there is anything in it.
func (t *explainText) section(name string, n int) bool {
	if n > 0 {
		t.line("")
		t.line("%s", name)
	}
	return n > 0
}

func (e *explained) print(w io.Writer) error {
	t := &explainText{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	d, f := &e.decision, &e.fact
	t.line("decision %d on %s %s of %s, group %s, mode %s, %s", e.seq, f.Kind, f.State, subject(f), d.Group, d.Mode, d.Clock)
	if e.differs != nil {
		t.line("NOT WHAT WAS RECORDED: made again, the decision is another. Do not rely on the reasons below.")
		t.line("  %s", e.differs)
	} else {
		t.line("made again from the log: the same bytes, %s", short(d.Digest(), 14))
	}
	t.line("pack %s, %s", d.Version, count(d.Rules, "rule"))
	if what := cutWords[d.Cut]; what != "" {
		t.line("CUT: %s", what)
	}
	t.line("")
	e.verdict(t)
	for _, a := range e.why.Asked {
		t.line("")
		t.line("why not %s: %s", a.Rule, causeOf(&a, &e.why.Decision))
		t.clauses("  ", a.When, true)
		t.inputs("  ", a.Inputs)
	}
	e.supposed(t)
	e.troubles(t)
	e.reasons(t)
	if t.section("before: the fact", 1) {
		t.about(e.story.fact.Seq, d.Facts[0], f)
	}
	if t.section("after: what came of it", len(e.story.after)) {
		for _, r := range e.story.after {
			t.act(r)
		}
		t.flush()
	}
	return t.fail
}

// cutWords says why not all rules were heard.
var cutWords = map[engine.Cut]string{
	engine.CutBySteps: "the rules took too many steps; those that were not reached are among the refused",
	engine.CutByTime:  "the machine stood still, so that no rule counted; below is what they would have said",
}

// subject names what a fact is about.
func subject(f *facts.Fact) string {
	if f.Member+f.Cohort == "" {
		return "the group"
	}
	return f.Member + f.Cohort // one of them
}

// verdict says what the decision wants and how that ended.
func (e *explained) verdict(t *explainText) {
	if len(e.decision.Wanted) == 0 {
		t.line("wants nothing")
	}
	for i, in := range e.decision.Intents() {
		t.line("wants %s, by %s: %s", target(e.decision.Wanted[i]), strings.Join(e.decision.Wanted[i].Rules, ", "), in.Reason)
		t.line("  %s", e.end(in.ID()))
	}
}

// end says how an act ended.
func (e *explained) end(act string) string {
	if len(e.decision.Advise) > 0 {
		return "not done: " + held(&e.decision)
	}
	if e.decision.Mode != engine.Act {
		return fmt.Sprintf("not done: the group is in mode %s", e.decision.Mode)
	}
	last := "the log says nothing of it yet"
	for _, r := range e.story.after {
		if s, err := audit.Decode(r.Bytes); err == nil && s.Corr == act {
			last = fmt.Sprintf("%s, entry %d", tellAct(s), s.Seq)
		}
	}
	return last
}

// supposed says what would be other.
func (e *explained) supposed(t *explainText) {
	if e.would == nil {
		return
	}
	var all []string
	for _, s := range e.suppose {
		all = append(all, s.String())
	}
	t.line("")
	t.line("what if %s", strings.Join(all, ", "))
	changes := decisionChanges(&e.why.Decision, &e.would.Decision)
	for _, c := range changes {
		t.line("  %s", c)
	}
	if len(changes) == 0 {
		t.line("  nothing would change")
	}
	for _, a := range e.would.Asked {
		t.line("  why not %s then: %s", a.Rule, causeOf(&a, &e.would.Decision))
		t.clauses("    ", a.When, true)
	}
}

// troubles tells of rules that could not be asked, and of proposals that lost.
func (e *explained) troubles(t *explainText) {
	of := map[engine.Verdict][]engine.Account{}
	for _, a := range e.why.Told {
		of[a.Verdict] = append(of[a.Verdict], a)
	}
	for _, v := range []engine.Verdict{engine.RuleQuarantined, engine.RuleRefused, engine.RuleUndecided} {
		if t.section(string(v), len(of[v])) {
			for _, a := range of[v] {
				t.row("  "+a.Rule, causeOf(&a, &e.why.Decision))
			}
			t.flush()
		}
	}
	if d := &e.why.Decision; t.section("did not stand", len(d.Conflicts)+len(d.Vetoes)) {
		for _, c := range d.Conflicts {
			t.row(fmt.Sprintf("  %s by %s", c.Verb, c.Lost), lostTo(c))
		}
		for _, v := range d.Vetoes {
			t.row(fmt.Sprintf("  every %s", v.Verb), fmt.Sprintf("vetoed by %s: %s", v.Rule, v.Reason))
		}
		t.flush()
	}
}

// reasons tells of rules that matched and of those that nearly did.
func (e *explained) reasons(t *explainText) {
	for _, a := range e.why.Told {
		if a.Verdict == engine.RuleMatched {
			t.line("")
			t.line("matched: %s, salience %d", a.Rule, a.Salience)
			t.clauses("  ", a.When, false)
		}
	}
	if d := &e.why.Decision; t.section("derived", len(d.Derived)) {
		for _, x := range d.Derived {
			over := ""
			if len(x.Over) > 0 {
				over = ", over " + strings.Join(x.Over, ", ")
			}
			t.row(fmt.Sprintf("  %s = %s", x.Field, x.Value), "by "+x.Rule+over)
		}
		t.flush()
	}
	if t.section("nearly matched, the nearest first", len(e.why.Near)) {
		for _, a := range e.why.Near {
			t.line("  %s: %s", a.Rule, partsLacking(a.Failing))
			t.clauses("    ", a.When, true)
		}
	}
}

func partsLacking(n int) string {
	if n == 1 {
		return "1 part does not hold"
	}
	return fmt.Sprintf("%d parts do not hold", n)
}

// clauses writes the parts of a condition; only those that do not hold, if so
// asked.
func (t *explainText) clauses(indent string, all []engine.Clause, failing bool) {
	for _, c := range all {
		if failing && c.Holds() {
			continue
		}
		if len(c.Of) > 0 {
			t.flush()
			what := map[string]string{"yes": "holds", "no": "is the nearest", "unknown": "could not be decided"}[c.Answer]
			t.line("%sof %d alternatives this one %s:", indent, c.Branches, what)
			t.clauses(indent+"  ", c.Of, failing)
			continue
		}
		text := c.If
		if c.Not {
			text = "not " + text
		}
		t.row(indent+text, wasRead(&c), room(&c))
	}
	t.flush()
}

// wasRead says what a clause read.
func wasRead(c *engine.Clause) string {
	switch {
	case c.Unknown != "":
		return c.Unknown + " is unknown"
	case c.Value != "":
		return c.Value
	case c.Holds() != c.Not:
		return "true"
	}
	return "false"
}

// room says how far beyond its bound a value is.
func room(c *engine.Clause) string {
	unit := ""
	if c.Unit != "" && c.Unit != "1" {
		unit = " (" + c.Unit + ")"
	}
	switch {
	case c.Margin == "":
		return ""
	case c.Holds():
		return "by " + c.Margin + unit
	case strings.HasPrefix(c.Margin, "-"):
		return "lacks " + c.Margin[1:] + unit
	}
	return "at the bound"
}

// inputs tells where the derived values come from that a rule reads.
func (t *explainText) inputs(indent string, all []engine.Input) {
	for _, in := range all {
		switch {
		case in.By != "":
			t.line("%s%s = %s, set by %s", indent, in.Field, in.Value, in.By)
		case in.Value != "":
			t.line("%s%s = %s, as supposed", indent, in.Field, in.Value)
		default:
			t.line("%s%s was not set", indent, in.Field)
		}
		for _, a := range in.From {
			t.line("%s  %s, which sets it: %s", indent, a.Rule, causeOf(&a, nil))
			t.clauses(indent+"    ", a.When, true)
			t.inputs(indent+"    ", a.Inputs)
		}
	}
}

// held says which rules hold a whole decision back.
func held(d *engine.Decision) string {
	return "critical rules are quarantined or refused: " + strings.Join(d.Advise, ", ")
}

// causeOf says in words why nothing came of a rule; d may be nil for one that
// did not match.
func causeOf(a *engine.Account, d *engine.Decision) string {
	switch a.Cause {
	case engine.Acted:
		return "it acted: what it proposes is wanted"
	case engine.ByCondition:
		return "its condition does not hold"
	case engine.ByUnknown:
		return fmt.Sprintf("%s is unknown", a.Field)
	case engine.ByDerived:
		if a.Field != "" {
			return fmt.Sprintf("%s was not derived", a.Field)
		}
		return "what was derived does not meet its condition"
	case engine.ByMode:
		return fmt.Sprintf("it matched and is wanted, but the group is in mode %s", d.Mode)
	case engine.ByCritical:
		return "it matched and is wanted, but the decision only advises: " + held(d)
	case engine.WithoutIntent:
		return "it matched, and proposes nothing"
	case engine.Cause(engine.RuleQuarantined):
		return "it is quarantined: it failed too often; two people lift that"
	case engine.Cause(engine.RuleRefused):
		return "it could not be evaluated: " + a.Why
	}
	return fmt.Sprintf("it matched, but its %s did not stand: %s", a.Lost[0].Verb, lostTo(a.Lost[0]))
}

// about writes the fact that a decision is about: what was measured, and by whom.
func (t *explainText) about(seq int64, id string, f *facts.Fact) {
	t.row(fmt.Sprintf("  entry %d", seq), fmt.Sprintf("%s %s of %s, since %s", f.Kind, f.State, subject(f), f.Onset))
	t.row("  id", id)
	if e := f.Evidence; e != nil {
		t.row("  evidence", fmt.Sprintf("%s, threshold %s, for %s; tier %s, certified %s from %s",
			e.Score, e.Threshold, count(e.Ticks, "tick"), e.Tier, e.Certified, count(e.Epochs, "healthy epoch")))
	}
	for _, x := range f.Effect {
		t.row("  "+x.Metric, fmt.Sprintf("%s, its peers %s, share %s", x.Value, x.Peers, x.Score))
	}
	if o := f.Outcome; o != nil {
		t.row("  outcome", fmt.Sprintf("%s %s, act %s", o.Verb, o.Result, o.Act))
	}
	if f.Window != "" {
		t.row("  samples", f.Window)
	}
	t.row("  detector", fmt.Sprintf("%s, build %s", f.Detector.ID, f.Detector.Build))
	t.row("  parameters", f.Detector.Params)
	if f.Evidence != nil && f.Evidence.Baseline != "" {
		t.row("  baseline", f.Evidence.Baseline)
	}
	t.flush()
}

// act writes an entry of what came of a decision.
func (t *explainText) act(r audit.Record) {
	s, err := audit.Decode(r.Bytes)
	if err != nil {
		t.row(fmt.Sprintf("  entry %d", r.Seq), err.Error())
		return
	}
	t.row(fmt.Sprintf("  entry %d", r.Seq), auditTime(s.Time), s.Type, tellAct(s))
}
