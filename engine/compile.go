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
// The program keeps the texts, which must not be modified afterwards.
func Compile(version string, rules []Source, allow Allow) (*Program, error) {
	return new(Draft).Compile(version, rules, allow)
}

// guardAll returns the rules in canonical order, with the values of parameters in
// the place of their names, unless c is nil.
func guardAll(rules []Source, c constants) ([]*written, Errors) {
	var ws []*written
	var errs Errors
	for _, s := range rules {
		w, found := read(s, c)
		errs = append(errs, found...)
		if len(found) == 0 {
			ws = append(ws, w)
		}
	}
	ws, twice := inOrder(ws)
	return ws, append(errs, twice...)
}

// canonical compares two rules: the higher salience comes first, then the name.
func canonical(a, b *written) int {
	return cmp.Or(cmp.Compare(b.salience, a.salience), strings.Compare(a.name, b.name))
}

// inOrder returns rules in canonical order, without those whose name another one
// before them has.
func inOrder(ws []*written) ([]*written, Errors) {
	var out []*written
	var errs Errors
	names := make(map[string]*written, len(ws))
	for _, w := range ws {
		name := strings.ToLower(w.name)
		if other := names[name]; other != nil {
			errs = append(errs, w.err(w.at(1), e18, fmt.Sprintf("rule %s is also in %s", w.name, other.file),
				"names differ in more than upper and lower case"))
			continue
		}
		names[name] = w
		out = append(out, w)
	}
	slices.SortFunc(out, canonical)
	return out, errs
}

// The parser's library is private to a rule, and dropped once it is read.
const libraryName, libraryVersion = "rule", "1"

// parse reads a rule in a library of its own, so that there is nothing with
// which the parser could merge it.
func parse(w *written) (e *ast.RuleEntry, errs Errors) {
	defer func() {
		if r := recover(); r != nil {
			e, errs = nil, Errors{w.err(w.at(0), e00, fmt.Sprintf("the parser panicked: %v", r), "")}
		}
	}()
	lib := ast.NewKnowledgeLibrary()
	err := builder.NewRuleBuilder(lib).BuildRuleFromResource(libraryName, libraryVersion, pkg.NewBytesResource(w.grl()))
	if err == nil {
		e, ok := lib.GetKnowledgeBase(libraryName, libraryVersion).RuleEntries[w.name]
		if !ok {
			errs = Errors{w.err(w.at(0), e01, "the parser lost the rule", "")}
		}
		return e, errs
	}
	report := []error{err}
	if r, ok := errors.AsType[*pkg.GruleErrorReporter](err); ok {
		report = r.Errors
	}
	for _, e := range report {
		errs = append(errs, place(e, w))
	}
	return nil, errs
}

// place finds the place of one of the parser's errors, which are numbered by
// line from one and column from zero.
func place(e error, w *written) *Error {
	var line, col int
	msg := e.Error()
	if _, err := fmt.Sscanf(msg, "grl error on %d:%d", &line, &col); err != nil {
		return w.err(w.at(0), e00, msg, "")
	}
	_, msg, _ = strings.Cut(strings.TrimPrefix(msg, "grl error on "), " ")
	return w.err(token{line: line, col: w.column(line, col+1)}, e00, "syntax: "+msg, "")
}

// syntax is a rule as the parser understood it, which is what is written.
type syntax struct {
	*written
	entry     *ast.RuleEntry
	conjuncts []string // of the condition, as written
}

// inspect parses a rule and checks it.
func inspect(w *written, allow Allow) (*syntax, Errors) {
	e, errs := parse(w)
	if len(errs) > 0 {
		return nil, errs
	}
	spans, errs := check(w, e, allow)
	if len(errs) > 0 {
		return nil, errs
	}
	x := &syntax{written: w, entry: e}
	for _, c := range conjuncts(e.WhenScope.Expression) {
		x.conjuncts = append(x.conjuncts, spellNamed(w.tokens[spans[c].from:spans[c].to]))
	}
	return x, nil
}
