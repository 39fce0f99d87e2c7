package main

import (
	"fmt"
	"io"

	"github.com/evenkeel/evenkeel/engine"
)

// coverResult says what the tests of a rule saw of its condition.
type coverResult struct {
	Covered int         `json:"covered"` // answers seen
	Missed  []coverMiss `json:"missed"`
	Rule    string      `json:"rule"`
	Total   int         `json:"total"` // answers there are: two for each part, two for the condition
}

// coverMiss is a part of a condition that no test saw true, or false.
type coverMiss struct {
	Column int    `json:"column"`
	Line   int    `json:"line"`
	Never  bool   `json:"never"` // the answer that was not seen
	Part   string `json:"part"`
}

// coverage asks every part of every condition in the situation of each test of
// its rule.
func (b *bench) coverage() ([]coverResult, error) {
	var out []coverResult
	for _, rule := range b.program.Rules() {
		o := b.outlines[rule]
		parts := append([]engine.Part{{Text: "the condition", Line: 1, Column: 1}}, o.Parts()...)
		seen := make([]map[engine.Answer]bool, len(parts))
		for i := range seen {
			seen[i] = map[engine.Answer]bool{}
		}
		for _, t := range b.testsOf(rule) {
			m, now, err := testWorld(&t)
			if err != nil {
				return nil, err
			}
			asked, err := b.program.Ask(o, now, m, nil)
			if err != nil {
				return nil, err
			}
			seen[0][asked.All] = true
			for i, a := range asked.Parts {
				if a != nil {
					seen[i+1][*a] = true
				}
			}
		}
		r := coverResult{Rule: rule, Total: 2 * len(parts), Missed: []coverMiss{}}
		for i, p := range parts {
			for _, a := range []engine.Answer{engine.Yes, engine.No} {
				if seen[i][a] {
					r.Covered++
				} else {
					r.Missed = append(r.Missed, coverMiss{p.Column, p.Line, a == engine.Yes, p.Text})
				}
			}
		}
		out = append(out, r)
	}
	return out, nil
}

func printCoverage(w io.Writer, all []coverResult) {
	for _, r := range all {
		fmt.Fprintf(w, "coverage  %s: %d of %d (%.0f %%)\n", r.Rule, r.Covered, r.Total, 100*float64(r.Covered)/float64(r.Total))
		for _, m := range r.Missed {
			fmt.Fprintf(w, "      rules/%s.grl:%d:%d: no test in which %s is %t\n", r.Rule, m.Line, m.Column, m.Part, m.Never)
		}
	}
}
