package engine

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// Draft surveys and compiles versions of a pack that differ in few rules from
// one to the next, such as a pack while somebody writes it. What was found out
// about a rule is kept while every version holds it with the same text: only
// rules that changed are parsed, and only they are compared with all others. The
// answers are those of [Survey] and [Compile], which start from nothing.
//
// It keeps what it knows of the rules of the last version, some 30 kB each. The
// zero value is ready for use, by one goroutine at a time.
//
// Cost: after a change of one rule of 5,000, some 100 ms for either; a change of
// what the pack permits starts from nothing.
type Draft struct {
	allow Allow
	kept  map[draftKey]*drafted
	pass  int // surveys made
}

type draftKey struct{ file, text string }

// drafted is what is known of a rule.
type drafted struct {
	w       *written
	refused Errors // by the guard

	inspected bool
	syntax    *syntax
	wrong     Errors

	study *study // nil until it is surveyed, or something is wrong
}

// take returns the rules that the guard admits, in canonical order, and what is
// wrong with the others. Allow must not be changed afterwards.
func (d *Draft) take(rules []Source, allow Allow) ([]*drafted, Errors) {
	if !reflect.DeepEqual(d.allow, allow) {
		d.allow, d.kept = allow, nil
	}
	constants := constantsOf(allow.Parameters)
	kept := make(map[draftKey]*drafted, len(rules))
	of := make(map[*written]*drafted, len(rules))
	var ws []*written
	var errs Errors
	for _, s := range rules {
		key := draftKey{s.Name, string(s.Text)}
		r := d.kept[key]
		if r == nil {
			r = &drafted{}
			r.w, r.refused = read(s, constants)
		}
		kept[key] = r
		errs = append(errs, r.refused...)
		if len(r.refused) == 0 {
			ws, of[r.w] = append(ws, r.w), r
		}
	}
	d.kept = kept
	ws, twice := inOrder(ws)
	out := make([]*drafted, len(ws))
	for i, w := range ws {
		out[i] = of[w]
	}
	return out, append(errs, twice...)
}

// inspect parses and checks a rule, unless that was done.
func (d *Draft) inspect(r *drafted) (*syntax, Errors) {
	if !r.inspected {
		r.syntax, r.wrong = inspect(r.w, d.allow)
		r.inspected = true
	}
	return r.syntax, r.wrong
}

// Survey is the function [Survey].
func (d *Draft) Survey(rules []Source, allow Allow) Errors {
	d.pass++
	all, found := d.take(rules, allow)
	var studies []*study
	for _, r := range all {
		if r.study == nil {
			r.study = d.study(r)
		}
		if r.study == nil {
			found = append(found, r.wrong...)
			continue
		}
		studies = append(studies, r.study)
	}
	pairwise(studies, d.pass)
	for _, s := range studies {
		found = append(found, s.findings()...)
	}
	_, errs := arrange(studies)
	found = append(found, errs...)
	_ = found.sorted()
	return slices.CompactFunc(found, func(a, b *Error) bool {
		return a.File == b.File && a.Line == b.Line && a.Column == b.Column && a.Code == b.Code
	})
}

// study analyses a rule with which nothing is wrong; else it returns nil.
func (d *Draft) study(r *drafted) *study {
	if _, errs := d.inspect(r); len(errs) > 0 {
		return nil
	}
	t, err := grow(r.w, d.allow.Derived)
	if err != nil {
		r.wrong = Errors{err}
		return nil
	}
	s := analyse(t)
	s.born = d.pass
	return s
}

// Compile is the function [Compile].
func (d *Draft) Compile(version string, rules []Source, allow Allow) (*Program, error) {
	if version == "" || len(rules) > MaxRules {
		return nil, fmt.Errorf("engine: compile version %q with %d rules: want a version and at most %d rules",
			version, len(rules), MaxRules)
	}
	if err := checkDerived(allow.Derived); err != nil {
		return nil, err
	}
	if err := checkParameters(allow.Parameters); err != nil {
		return nil, err
	}
	all, errs := d.take(rules, allow)
	if len(errs) > 0 {
		return nil, errs.sorted()
	}
	p := newProgram(version, allow)
	kept := slices.Clone(rules)
	p.grove = sync.OnceValue(func() *grove { return p.grow(kept, constantsOf(allow.Parameters), allow.Derived) })
	var ws []*written
	for _, r := range all {
		x, found := d.inspect(r)
		errs = append(errs, found...)
		if len(found) == 0 {
			ws, p.rules = append(ws, r.w), append(p.rules, newRule(x, p.slots, allow.Critical))
		}
	}
	if len(errs) > 0 {
		return nil, errs.sorted()
	}
	if errs := p.stratify(ws); len(errs) > 0 {
		return nil, errs.sorted()
	}
	return p, p.warm()
}
