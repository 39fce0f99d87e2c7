package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/engine"
)

// difference is the first place at which two encodings differ.
type difference struct {
	Found string `json:"found"` // what was made now
	Path  string `json:"path"`  // such as matched[0].when[2].value
	Want  string `json:"want"`  // what is recorded
}

func (d difference) String() string {
	return fmt.Sprintf("%s: recorded %s, now %s", d.Path, short(d.Want, auditBodyWidth), short(d.Found, auditBodyWidth))
}

// firstDifference returns where two JSON texts differ; nil: they are the same
// bytes. Keys are compared in their order.
func firstDifference(want, found []byte) *difference {
	if bytes.Equal(want, found) {
		return nil
	}
	var a, b any
	errA, errB := json.Unmarshal(want, &a), json.Unmarshal(found, &b)
	if errA == nil && errB == nil {
		if d := differ("", a, b); d != nil {
			return d
		}
	}
	return &difference{Path: "the encoding", Want: string(want), Found: string(found)} // the values are the same
}

// differ compares what two JSON texts say.
func differ(path string, a, b any) *difference {
	if am, ok := a.(map[string]any); ok {
		if bm, ok := b.(map[string]any); ok {
			both := maps.Clone(am)
			maps.Copy(both, bm)
			for _, k := range slices.Sorted(maps.Keys(both)) {
				if d := differ(strings.TrimPrefix(path+"."+k, "."), am[k], bm[k]); d != nil {
					return d
				}
			}
			return nil
		}
	}
	if al, ok := a.([]any); ok {
		if bl, ok := b.([]any); ok {
			for i := range max(len(al), len(bl)) {
				if d := differ(fmt.Sprintf("%s[%d]", path, i), element(al, i), element(bl, i)); d != nil {
					return d
				}
			}
			return nil
		}
	}
	if a == b {
		return nil
	}
	return &difference{Path: path, Want: spelledJSON(a), Found: spelledJSON(b)}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// spelledJSON writes a value; what is not there is null in a decoded text.
func spelledJSON(v any) string {
	if v == nil {
		return "nothing"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// decisionChanges says in lines what is other in a decision: what it wants, what
// was derived, and what became of rules. Those that are gone begin with -, those
// that are new with +.
func decisionChanges(was, would *engine.Decision) []string {
	var out []string
	before, after := decisionLines(was), decisionLines(would)
	for _, l := range before {
		if !slices.Contains(after, l) {
			out = append(out, "- "+l)
		}
	}
	for _, l := range after {
		if !slices.Contains(before, l) {
			out = append(out, "+ "+l)
		}
	}
	return out
}

// decisionLines tells a decision in lines, what matters most first.
func decisionLines(d *engine.Decision) []string {
	var out []string
	for _, w := range d.Wanted {
		out = append(out, fmt.Sprintf("wants %s by %s", target(w), strings.Join(w.Rules, ", ")))
	}
	for _, c := range d.Conflicts {
		out = append(out, fmt.Sprintf("%s by %s is lost: %s", c.Verb, c.Lost, lostTo(c)))
	}
	for _, v := range d.Vetoes {
		out = append(out, fmt.Sprintf("%s vetoes %s", v.Rule, v.Verb))
	}
	for _, x := range d.Derived {
		out = append(out, fmt.Sprintf("%s = %s", x.Field, x.Value))
	}
	for _, m := range d.Matched {
		out = append(out, m.Rule+" matches")
	}
	for _, u := range d.Undecided {
		out = append(out, fmt.Sprintf("%s is undecided: %s is unknown", u.Rule, u.Field))
	}
	for _, r := range d.Refused {
		out = append(out, fmt.Sprintf("%s is refused: %s", r.Rule, r.Why))
	}
	return out
}

// target names what an intent is about.
func target(w engine.Want) string {
	if w.Member == "" {
		return string(w.Verb)
	}
	return fmt.Sprintf("%s %s", w.Verb, w.Member)
}

// lostTo says why a proposal did not stand.
func lostTo(c engine.Conflict) string {
	why := map[string]string{
		"veto":      "a veto",
		"cut":       "not all rules were evaluated, and one might have vetoed it",
		"salience":  "a proposal of higher salience",
		"class":     "a less invasive proposal of the same salience",
		"escalated": "proposals of the same salience exclude each other: a human was told",
		"tier":      "the pack does not accept evidence of this tier",
		"ageing":    "the evidence certifies a higher rate of false alarms than the pack accepts",
	}[c.Why]
	if c.Winner != "" {
		why += " of " + c.Winner
	}
	return why
}
