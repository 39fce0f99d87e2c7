package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// boundResult is one generated test: a fact that fires a rule, with one reading
// moved to a bound or a step beside it.
type boundResult struct {
	Column int    `json:"column"`
	Fires  bool   `json:"fires"` // what was decided
	Like   string `json:"like"`  // the test that it was made of
	Line   int    `json:"line"`
	Part   string `json:"part"`
	Rule   string `json:"rule"`
	Value  string `json:"value"`
	Want   bool   `json:"want"` // what the rule says as it is written
}

// bounds runs three tests for each bound of each rule: below it, at it, above
// it. What the program decides must be what the rule says as it is written, read
// by another reader than the program's.
func (b *bench) bounds() ([]boundResult, error) {
	var out []boundResult
	for _, rule := range b.program.Rules() {
		o := b.outlines[rule]
		for _, bound := range o.Bounds() {
			around, err := b.around(o, bound)
			if err != nil {
				return nil, err
			}
			out = append(out, around...)
		}
	}
	return out, nil
}

// around returns the three tests of a bound, made of the first test in which
// the bound decides; of the first that they can be made of when there is none.
func (b *bench) around(o *engine.Outline, bound engine.Bound) ([]boundResult, error) {
	bases, err := b.basesOf(o, bound)
	if err != nil {
		return nil, err
	}
	var first []boundResult
	for _, base := range bases {
		var out []boundResult
		for _, steps := range []float64{-1, 0, 1} {
			if r, ok := b.at(o, bound, base, bound.At+steps*bound.Step); ok {
				out = append(out, r)
			}
		}
		if slices.ContainsFunc(out, func(r boundResult) bool { return r.Fires != out[0].Fires }) {
			return out, nil
		}
		if first == nil {
			first = out
		}
	}
	return first, nil
}

// basesOf returns the tests from which those of a bound can be made: they fire
// the rule, and that part of its condition holds.
func (b *bench) basesOf(o *engine.Outline, bound engine.Bound) ([]knowledge.Test, error) {
	var out []knowledge.Test
	at := slices.Index(o.Parts(), bound.Part)
	for _, t := range b.testsOf(o.Name()) {
		m, now, err := testWorld(&t)
		if err != nil {
			return nil, err
		}
		asked, err := b.program.Ask(o, now, m, nil)
		if err != nil {
			return nil, err
		}
		if part := asked.Parts[at]; asked.All == engine.Yes && part != nil && *part == engine.Yes {
			out = append(out, t)
		}
	}
	return out, nil
}

// at runs the test in which the reading of a bound is v; false when no fact can
// say so, and no rule derive it.
func (b *bench) at(o *engine.Outline, bound engine.Bound, base knowledge.Test, v float64) (boundResult, bool) {
	t := base
	t.Fact.Effects = maps.Clone(base.Fact.Effects)
	t.Before = slices.Clone(base.Before)
	var given map[string]float64
	if strings.HasPrefix(bound.Word, "D.") {
		given = map[string]float64{bound.Word: v} // no fact says it: it is put in the place of what was derived
	} else if !setReading(&t, bound, v) {
		return boundResult{}, false
	}
	m, now, err := testWorld(&t)
	if err != nil { // a count below zero, a probability above one
		return boundResult{}, false
	}
	asked, err := b.program.Ask(o, now, m, given)
	if err != nil { // outside the declared range
		return boundResult{}, false
	}
	return boundResult{Column: bound.Column, Fires: asked.Fires, Like: base.Name, Line: bound.Line, Part: bound.Text,
		Rule: o.Name(), Value: strconv.FormatFloat(v, 'g', 9, 64), Want: asked.All == engine.Yes}, true
}

// setReading makes a test's facts say v of a word.
func setReading(t *knowledge.Test, b engine.Bound, v float64) bool {
	f := &t.Fact
	if to := map[string]*int{"F.Ticks": &f.Ticks, "F.Epochs": &f.Epochs, "C.Members": &f.Members, "C.Present": &f.Present,
		"C.AlarmedMembers": &f.Alarmed}[b.Word]; to != nil {
		*to = int(v)
		return v >= 0 && v == float64(*to)
	}
	seconds := time.Duration(v * float64(time.Second))
	switch b.Word {
	case "F.Evidence":
		f.Score = decimalText(v)
	case "F.Threshold":
		f.Limit = decimalText(v)
	case "F.PValue":
		f.P = decimalText(v)
	case "F.EValue":
		f.E = decimalText(v)
	case "F.Margin":
		f.Score = decimalText(v * decimalOf(f.Limit))
	case "F.ForSeconds":
		f.For = seconds
	case "F.AgeSeconds":
		t.After = seconds
	case "C.OutSeconds", "C.QuietSeconds":
		return setPast(t, b.Word, seconds)
	default:
		return setEffect(f, b, v)
	}
	return seconds >= 0
}

// setPast moves the fact of the past that a word counts from.
func setPast(t *knowledge.Test, word string, ago time.Duration) bool {
	moved := false
	for i, f := range t.Before {
		counts := f.Kind == "imbalance" && f.State == "alarm"
		if word == "C.OutSeconds" {
			counts = f.Kind == "outcome" && f.Verb == "drain" && f.Result == "done"
		}
		if counts {
			t.Before[i].Ago = max(ago-t.After, 0)
			moved = true
		}
	}
	slices.SortStableFunc(t.Before, func(a, b knowledge.TestFact) int { return int(b.Ago - a.Ago) })
	return moved && ago >= t.After
}

// setEffect sets what a method reads of a metric that is among the effects.
func setEffect(f *knowledge.TestFact, b engine.Bound, v float64) bool {
	e, ok := f.Effects[b.Metric]
	if !ok {
		return false
	}
	switch b.Word {
	case "F.Score":
		e.Score = decimalText(v)
	case "F.Value":
		e.Value = decimalText(v)
	case "F.Peers":
		e.Peers = decimalText(v)
	case "F.Ratio":
		e.Value = decimalText(v * decimalOf(e.Peers))
		if decimalOf(e.Value)/decimalOf(e.Peers) != v { // rounded: at the bound would be beside it
			e.Value, e.Peers = decimalText(v), "1"
		}
	default:
		return false
	}
	f.Effects[b.Metric] = e
	return true
}

// decimalText writes a number as facts do, to nine decimals.
func decimalText(v float64) string {
	s := strings.TrimRight(strconv.FormatFloat(v, 'f', 9, 64), "0")
	if s = strings.TrimSuffix(s, "."); s == "-0" {
		return "0"
	}
	return s
}

// decimalOf reads what a test was checked to hold.
func decimalOf(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0
	}
	return v
}

func printBounds(w io.Writer, all []boundResult) {
	for i, r := range all {
		if i == 0 || all[i-1].Rule != r.Rule || all[i-1].Part != r.Part || all[i-1].Line != r.Line || all[i-1].Column != r.Column {
			fmt.Fprintf(w, "bound  %s: %s (like %s)\n", r.Rule, r.Part, r.Like)
		}
		verdict := map[bool]string{true: "fires", false: "does not fire"}[r.Fires]
		if r.Fires != r.Want {
			verdict += ", WRONG: it is written otherwise"
		}
		fmt.Fprintf(w, "      at %s %s\n", r.Value, verdict)
	}
}
