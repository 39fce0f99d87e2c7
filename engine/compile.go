package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/hyperjumptech/grule-rule-engine/ast"
	"github.com/hyperjumptech/grule-rule-engine/builder"
	"github.com/hyperjumptech/grule-rule-engine/pkg"
)

// MaxRules bounds a version: the size evenkeel is planned for.
const MaxRules = 10_000

// Source is one rule file: slash-separated name within the pack, and GRL text.
type Source struct {
	Name string
	Text []byte
}

// Allow is what a pack permits its rules. The zero value permits nothing.
type Allow struct {
	Verbs []actions.Verb // rules may propose
	Tiers []string       // of the evidence that may take capacity away: T1, T2, …
	// Certified is the false-alarm rate that such evidence has to certify at
	// least; nil: the one the operator declared, 0: none.
	Certified *facts.Rate
	// Derived is the values that rules may set after then, for rules of later
	// strata to read: their names are D.Name, their types number, count, text
	// or truth. Those with Args are refused.
	Derived []Word
	// Parameters are the constants of the version, which rules read as P.Name.
	Parameters []Parameter
	// Critical names the rules without which nothing may be done: while one of
	// them is put aside, or when it is refused, a decision only advises.
	Critical []string
}

// Compile checks the rules of a version and makes them ready to decide. The
// version is the digest of the whole pack; every decision carries it. Order of
// the files does not matter.
//
// What is wrong with the rules comes as [Errors]: every reason found, each with
// its place. The text reaches the parser only after it was found cheap to parse.
func Compile(version string, rules []Source, allow Allow) (*Program, error) {
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
	ws, errs := guardAll(rules, constantsOf(allow.Parameters))
	if len(errs) > 0 {
		return nil, errs.sorted()
	}
	p := &Program{version: version, tiers: slices.Clone(allow.Tiers), certified: allow.Certified,
		slots: newSlots(allow.Derived), parameters: wordsOf(allow.Parameters), free: make(chan *instance, maxInstances)}
	if len(ws) == 0 {
		return p, nil
	}
	lib, errs := parse(ws)
	if len(errs) > 0 {
		return nil, errs.sorted()
	}
	p.lib = lib
	entries := lib.GetKnowledgeBase(libraryName, libraryVersion).RuleEntries
	for _, w := range ws {
		e, ok := entries[w.name]
		if !ok {
			errs = append(errs, w.err(w.at(0), E01, "the parser lost the rule", ""))
			continue
		}
		spans, found := check(w, e, allow)
		errs = append(errs, found...)
		if len(found) == 0 {
			p.rules = append(p.rules, newRule(w, e, spans, p.slots, allow.Critical))
		}
	}
	if len(errs) > 0 {
		return nil, errs.sorted()
	}
	if errs := p.stratify(ws); len(errs) > 0 {
		return nil, errs.sorted()
	}
	first, err := p.newInstance()
	if err != nil {
		return nil, err
	}
	p.free <- first
	return p, nil
}

// guardAll returns the rules in canonical order: salience descending, then
// name; with the values of parameters in the place of their names, unless c is
// nil.
func guardAll(rules []Source, c constants) ([]*written, Errors) {
	var ws []*written
	var errs Errors
	names := map[string]*written{}
	for _, s := range rules {
		w, found := read(s, c)
		errs = append(errs, found...)
		if len(found) > 0 {
			continue
		}
		if other := names[strings.ToLower(w.name)]; other != nil {
			errs = append(errs, w.err(w.at(1), E18, fmt.Sprintf("rule %s is also in %s", w.name, other.file),
				"names differ in more than upper and lower case"))
			continue
		}
		names[strings.ToLower(w.name)] = w
		ws = append(ws, w)
	}
	slices.SortFunc(ws, func(a, b *written) int {
		return cmp.Or(cmp.Compare(b.salience, a.salience), strings.Compare(a.name, b.name))
	})
	return ws, errs
}

// The parser's library is private to a program and holds one set of rules.
const libraryName, libraryVersion = "pack", "1"

// parse builds all rules as one resource in a library of their own. On any
// error the library is dropped: the parser leaves half-built rules behind.
func parse(ws []*written) (lib *ast.KnowledgeLibrary, errs Errors) {
	var all strings.Builder
	first := make([]int, len(ws)) // line at which each rule starts
	line := 1
	for i, w := range ws {
		first[i] = line
		all.Write(w.grl())
		all.WriteByte('\n')
		line += 1 + strings.Count(string(w.text), "\n")
	}
	defer func() {
		if r := recover(); r != nil {
			lib, errs = nil, Errors{ws[0].err(ws[0].at(0), E00, fmt.Sprintf("the parser panicked: %v", r), "")}
		}
	}()
	lib = ast.NewKnowledgeLibrary()
	err := builder.NewRuleBuilder(lib).BuildRuleFromResource(libraryName, libraryVersion,
		pkg.NewBytesResource([]byte(all.String())))
	if err == nil {
		return lib, nil
	}
	report := []error{err}
	if r, ok := errors.AsType[*pkg.GruleErrorReporter](err); ok {
		report = r.Errors
	}
	for _, e := range report {
		errs = append(errs, place(e, ws, first))
	}
	return nil, errs
}

// place finds the file of one of the parser's errors, which are numbered by
// line of the whole resource and column from zero.
func place(e error, ws []*written, first []int) *Error {
	var line, col int
	msg := e.Error()
	if _, err := fmt.Sscanf(msg, "grl error on %d:%d", &line, &col); err != nil {
		return ws[0].err(ws[0].at(0), E00, msg, "")
	}
	_, msg, _ = strings.Cut(strings.TrimPrefix(msg, "grl error on "), " ")
	i, found := slices.BinarySearch(first, line)
	if !found {
		i--
	}
	i = min(max(i, 0), len(ws)-1)
	return ws[i].err(token{line: line - first[i] + 1, col: ws[i].column(line-first[i]+1, col+1)}, E00, "syntax: "+msg, "")
}
