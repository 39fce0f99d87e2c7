package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

func (r *packDiff) add(part, name, what, looser string) {
	r.Changes = append(r.Changes, packChange{part, name, what, looser})
}

// manifest compares all that a pack declares but its rules and tests.
func (r *packDiff) manifest(from, to *knowledge.Pack) {
	value := func(part, a, b string) {
		if a != b {
			r.add(part, "", a+" -> "+b, "")
		}
	}
	value("name", from.Name, to.Name)
	if a, b := from.Mode, to.Mode; a != b {
		r.add("mode", "", a+" -> "+b, direction(int64(slices.Index(knowledgeModes, a)), int64(slices.Index(knowledgeModes, b))))
	}
	r.set("verb", from.Verbs, to.Verbs)
	r.set("tier", from.Tiers, to.Tiers)
	value("certified", from.Certified, to.Certified)
	r.declared("derived", derivedWords(from), derivedWords(to))
	r.declared("parameter", parameterWords(from), parameterWords(to))
	r.rings(from.Rings, to.Rings)
	before := from.Limits.Settings()
	for i, s := range to.Limits.Settings() {
		if was := before[i]; was.Value != s.Value {
			r.add("limit", s.Name, was.Value+" -> "+s.Value, direction(was.Reach, s.Reach))
		}
	}
	if from.Readme != to.Readme {
		r.add("readme", "", "changed", "")
	}
}

// rings compares the rings of a rollout by name: a group that leaves the rings
// joins with all the others at the end.
func (r *packDiff) rings(from, to []knowledge.Ring) {
	for _, ring := range to {
		i := slices.IndexFunc(from, func(was knowledge.Ring) bool { return was.Name == ring.Name })
		switch groups := strings.Join(ring.Groups, ", "); {
		case i < 0:
			r.add("ring", ring.Name, "new: "+groups, "")
		case !slices.Equal(from[i].Groups, ring.Groups):
			r.add("ring", ring.Name, strings.Join(from[i].Groups, ", ")+" -> "+groups, "")
		}
	}
	for _, was := range from {
		if !slices.ContainsFunc(to, func(ring knowledge.Ring) bool { return ring.Name == was.Name }) {
			r.add("ring", was.Name, "gone", "")
		}
	}
}

// knowledgeModes orders the modes of a pack by what they let happen.
var knowledgeModes = []string{"observe", "suggest", "act"}

func direction(from, to int64) string {
	switch {
	case to > from:
		return "looser"
	case to < from:
		return "tighter"
	}
	return ""
}

// declared compares what packs declare by name.
func (r *packDiff) declared(part string, from, to map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(to)) {
		switch was, ok := from[name]; {
		case !ok:
			r.add(part, name, "new: "+to[name], "")
		case was != to[name]:
			r.add(part, name, was+" -> "+to[name], "")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if _, ok := to[name]; !ok {
			r.add(part, name, "gone", "")
		}
	}
}

func derivedWords(p *knowledge.Pack) map[string]string {
	out := map[string]string{}
	for _, d := range p.Derived {
		out[d.Name] = joined(d.Type, d.Unit, d.Range, strings.Join(d.Values, "|"), d.Doc)
	}
	return out
}

func parameterWords(p *knowledge.Pack) map[string]string {
	out := map[string]string{}
	for _, v := range p.Parameters {
		out[v.Name] = joined(strings.TrimSpace(v.Value+" "+v.Unit), v.Range, v.Doc)
	}
	return out
}

// joined lists the parts of a declaration that there are.
func joined(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// set compares two sets of words, of which each one lets more happen.
func (r *packDiff) set(part string, from, to []string) {
	for _, s := range to {
		if !slices.Contains(from, s) {
			r.add(part, s, "new", "looser")
		}
	}
	for _, s := range from {
		if !slices.Contains(to, s) {
			r.add(part, s, "gone", "tighter")
		}
	}
}

// ruleWords is what is said of a rule.
type ruleWords struct {
	engine.GraphRule
	parts []string // of its condition
	text  string
}

func readRules(p *knowledge.Pack) (map[string]ruleWords, error) {
	g, err := engine.NewGraph(packSources(p))
	if err != nil {
		return nil, packError(p.Name, err)
	}
	allow, err := packAllow(p)
	if err != nil {
		return nil, err
	}
	out := map[string]ruleWords{}
	for _, rule := range g.Rules {
		out[rule.Name] = ruleWords{GraphRule: rule}
	}
	for _, s := range packSources(p) {
		o, err := engine.NewOutline(s, allow)
		if err != nil {
			return nil, packError(p.Name, err)
		}
		w := out[o.Name()]
		w.text = string(s.Text)
		for _, part := range o.Parts() {
			w.parts = append(w.parts, part.Text)
		}
		out[o.Name()] = w
	}
	return out, nil
}

// rules compares the rules by name.
func (r *packDiff) rules(from, to *knowledge.Pack) error {
	before, err := readRules(from)
	if err != nil {
		return err
	}
	after, err := readRules(to)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		b := after[name]
		switch a, ok := before[name]; {
		case !ok:
			r.add("rule", name, fmt.Sprintf("new: salience %d, %s, when %s", b.Salience, b.does(), strings.Join(b.parts, "; ")), b.reach())
		case a.text != b.text:
			r.add("rule", name, strings.Join(a.changes(b), "; "), "")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			r.add("rule", name, "gone: "+before[name].does(), turned[before[name].reach()])
		}
	}
	return nil
}

// turned is what taking something away is, of what adding it is.
var turned = map[string]string{"looser": "tighter", "tighter": "looser"}

// reach says what adding the rule is: one that proposes lets more happen, one
// that only vetoes less.
func (a ruleWords) reach() string {
	has := func(call string) bool {
		return slices.ContainsFunc(a.Effects, func(s string) bool { return strings.HasPrefix(s, call) })
	}
	switch propose, veto := has("Propose "), has("Veto "); {
	case propose && !veto:
		return "looser"
	case veto && !propose:
		return "tighter"
	}
	return ""
}

func (a ruleWords) does() string {
	deeds := slices.Clone(a.Effects)
	for _, w := range a.Writes {
		deeds = append(deeds, "writes "+w)
	}
	return strings.Join(deeds, " and ")
}

// changes says how rule b differs from rule a.
func (a ruleWords) changes(b ruleWords) (said []string) {
	if a.Salience != b.Salience {
		said = append(said, fmt.Sprintf("salience %d -> %d", a.Salience, b.Salience))
	}
	if a.does() != b.does() {
		said = append(said, a.does()+" -> "+b.does())
	}
	for _, part := range a.parts {
		if !slices.Contains(b.parts, part) {
			said = append(said, "no longer asks "+part)
		}
	}
	for _, part := range b.parts {
		if !slices.Contains(a.parts, part) {
			said = append(said, "now asks "+part)
		}
	}
	if len(said) == 0 {
		// The parts may be joined otherwise, or the reasons may be others.
		said = append(said, "its text only, with the same parts and calls: read it below")
	}
	return said
}

// tests compares the tests of each rule by name.
func (r *packDiff) tests(from, to *knowledge.Pack) {
	names := func(p *knowledge.Pack) map[string]string {
		out := map[string]string{}
		for _, t := range p.Tests {
			rule, name := t.Rule, t.Name
			t.File, t.Line = "", 0
			out[rule+": "+name] = fmt.Sprintf("%+v", t)
		}
		return out
	}
	before, after := names(from), names(to)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		switch was, ok := before[name]; {
		case !ok:
			r.add("test", name, "new", "")
		case was != after[name]:
			r.add("test", name, "changed", "")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			r.add("test", name, "gone", "")
		}
	}
}
