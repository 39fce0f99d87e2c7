package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// shippedPacks are the packs that near misses are made from.
var shippedPacks = []string{"../../testdata/packs/web", "packs/demo"}

// nearMiss is a test of a rule in which one thing was changed, so that the rule
// does not fire any more.
type nearMiss struct {
	rule string
	test knowledge.Test
	part string // of the condition, that was changed
}

func (n nearMiss) String() string { return fmt.Sprintf("%s, %s: %s", n.rule, n.test.Name, n.part) }

// nearMissesOf changes every number that a rule compares, by a little and by a
// lot, and every text, in every test that fires it.
func nearMissesOf(t *testing.T, b *bench) []nearMiss {
	t.Helper()
	var out []nearMiss
	add := func(n nearMiss) {
		m, now, err := testWorld(&n.test)
		if err != nil { // a value that no fact has
			return
		}
		o := b.outlines[n.rule]
		asked, err := b.program.Ask(o, now, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(o.Parts(), func(p engine.Part) bool { return p.Text == n.part })
		if part := asked.Parts[at]; !asked.Fires && part != nil && *part == engine.No {
			out = append(out, n)
		}
	}
	for _, rule := range b.program.Rules() {
		o := b.outlines[rule]
		for _, bound := range o.Bounds() {
			bases, err := b.basesOf(o, bound)
			if err != nil {
				t.Fatal(err)
			}
			for _, base := range bases {
				for _, by := range []float64{-1, 1, -bound.At / 20 / bound.Step, bound.At / 20 / bound.Step, -bound.At / 4 / bound.Step, bound.At / 4 / bound.Step} {
					n := nearMiss{rule, cloneTest(base), bound.Text}
					if setReading(&n.test, bound, bound.At+float64(int(by))*bound.Step) {
						add(n)
					}
				}
			}
		}
		for _, base := range b.testsOf(rule) {
			for part, change := range map[string]func(*knowledge.TestFact){
				`F.Member != ""`:         func(f *knowledge.TestFact) { f.Member = "" },
				`F.State == "alarm"`:     func(f *knowledge.TestFact) { f.State = "clear" },
				`F.Standing == "drain"`:  func(f *knowledge.TestFact) { f.Standing = "maint" },
				`F.Kind == "imbalance"`:  func(f *knowledge.TestFact) { f.Kind = "absent" },
				`F.Kind == "membership"`: func(f *knowledge.TestFact) { f.Kind = "health" },
			} {
				n := nearMiss{rule, cloneTest(base), part}
				change(&n.test.Fact)
				if base.Fires && slices.ContainsFunc(o.Parts(), func(p engine.Part) bool { return p.Text == part }) {
					add(n)
				}
			}
		}
	}
	return out
}

func cloneTest(t knowledge.Test) knowledge.Test {
	t.Fact.Effects = maps.Clone(t.Fact.Effects)
	t.Before = slices.Clone(t.Before)
	return t
}

// names says whether a clause that does not hold is about a part.
func names(all []engine.Clause, part string) bool {
	return slices.ContainsFunc(all, func(c engine.Clause) bool {
		return !c.Holds() && (c.If == part && c.Of == nil || names(c.Of, part))
	})
}

// single says whether what was changed is read by one part of the condition:
// else it may be another part that no alternative does without.
func (b *bench) single(n nearMiss) bool {
	word, _, _ := strings.Cut(n.part, " ")
	parts := 0
	for _, p := range b.outlines[n.rule].Parts() {
		if strings.Contains(p.Text, word) {
			parts++
		}
	}
	return parts == 1
}

func TestWhyNotNamesThePartThatWasChanged(t *testing.T) {
	for _, dir := range shippedPacks {
		b, err := newBench(dir)
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for _, n := range nearMissesOf(t, b) {
			if !b.single(n) {
				continue
			}
			checked++
			m, now, err := testWorld(&n.test)
			if err != nil {
				t.Fatal(err)
			}
			e, err := b.program.Explain(now, m, engine.Question{Rules: []string{n.rule}})
			if err != nil {
				t.Fatal(err)
			}
			if a := e.Asked[0]; a.Cause != engine.ByCondition || !names(a.When, n.part) {
				t.Errorf("%v: the cause is %s, told %+v", n, a.Cause, a.When)
			}
		}
		if checked < 100 {
			t.Errorf("%d near misses of %s: the test says too little", checked, dir)
		}
	}
}

// TestNearMissesHoldTheIntendedRule hides each rule among variants of rules
// that ask for other metrics and other bounds.
func TestNearMissesHoldTheIntendedRule(t *testing.T) {
	const variants, share = 20, 0.95
	for _, dir := range shippedPacks {
		b, err := newBench(dir)
		if err != nil {
			t.Fatal(err)
		}
		program, err := engine.Compile(b.pack.Digest, slices.Concat(packSources(b.pack), disguised(b.pack, variants)), b.allow)
		if err != nil {
			t.Fatal(err)
		}
		found, first, all := 0, 0, 0
		for _, n := range nearMissesOf(t, b) {
			if strings.HasPrefix(n.part, "F.Kind") {
				continue // a fact of another kind is no near miss
			}
			m, now, err := testWorld(&n.test)
			if err != nil {
				t.Fatal(err)
			}
			e, err := program.Explain(now, m, engine.Question{})
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(e.Near, func(a engine.Account) bool { return a.Rule == n.rule })
			all++
			if at >= 0 {
				found++
			} else {
				t.Logf("%v: not among the nearest", n)
			}
			if at == 0 {
				first++
			}
		}
		t.Logf("%s: of %d near misses %d are listed, %d first, among %d rules", dir, all, found, first, len(program.Rules()))
		if float64(found) < share*float64(all) {
			t.Errorf("%s: %d of %d near misses are listed, want %v of them", dir, found, all, share)
		}
	}
}

var (
	metricIn = regexp.MustCompile(`\("([a-z_]+)"\)`)
	ruleIn   = regexp.MustCompile(`(?m)^rule `)
	numberIn = regexp.MustCompile(`\b[0-9]+(\.[0-9]+)?\b`)
)

// disguised returns n variants of each rule of a pack that asks for a metric; a
// variant of another would be the rule itself, under another name. They only
// note that they matched.
func disguised(p *knowledge.Pack, n int) []engine.Source {
	random := rand.New(rand.NewPCG(61, 62))
	var out []engine.Source
	for _, f := range p.Rules {
		for i := range n {
			if !metricIn.Match(f.Text) {
				break
			}
			text := metricIn.ReplaceAllString(string(f.Text), fmt.Sprintf(`("${1}_%d")`, i))
			text = text[ruleIn.FindStringIndex(text)[0]:] // without the comment ahead
			when, then := strings.Index(text, " when"), strings.Index(text, " then")
			text = strings.Replace(text[:when], "rule ", fmt.Sprintf("rule v%d_", i), 1) +
				numberIn.ReplaceAllStringFunc(text[when:then], func(s string) string {
					v, err := strconv.ParseFloat(s, 64)
					if err != nil {
						return s
					}
					return decimalText(v * float64(2+random.IntN(8)))
				}) + ` then Note("x"); }`
			name := fmt.Sprintf("rules/v%d_%s", i, strings.TrimPrefix(f.Name, "rules/"))
			out = append(out, engine.Source{Name: name, Text: []byte(text)})
		}
	}
	return out
}
