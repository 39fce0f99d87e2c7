package engine

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// maxSalience bounds the priority of a rule on both sides of zero.
const maxSalience = 1_000_000

var ruleName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{2,63}$`)

// banned names the parser's built-ins that would reach the clock, the log, the
// engine's own state or unbounded memory.
var banned = map[string]bool{
	"DEFUNC": true, "Now": true, "MakeTime": true, "Log": true, "LogFormat": true, "Retract": true, "Forget": true,
	"Changed": true, "Complete": true, "Repeat": true, "Replace": true, "Split": true, "MatchString": true,
}

// written is a rule file that passed the guard: its text is known to be cheap
// to parse and to hold exactly one rule.
type written struct {
	file     string
	text     []byte
	name     string
	salience int
	tokens   []token // of the whole file
	when     int     // index of the first token of the condition
	then     int     // index of "then"
	// constants are the parameters that were put in place; nil: names stand as
	// they are written.
	constants constants
}

// read is guard, and puts the values of parameters in the place of their names;
// nil leaves the names.
func read(s Source, c constants) (*written, Errors) {
	w, errs := guard(s)
	if len(errs) == 0 && c != nil {
		errs = w.resolve(c)
	}
	return w, errs
}

// guard reads one rule file without the parser. It refuses what would be
// expensive to parse, what the parser reads otherwise than a person does, and
// anything but one rule whose name is the file's.
func guard(s Source) (*written, Errors) {
	g := &gate{w: &written{file: s.Name, text: s.Text}}
	toks, f := lex(s.Text)
	if f != nil {
		g.fail(token{line: f.line, col: f.col}, f.code, f.msg, f.hint)
		return nil, g.errs
	}
	g.w.tokens = toks
	g.header()
	if len(g.errs) == 0 {
		g.body()
	}
	return g.w, g.errs
}

type gate struct {
	w    *written
	i    int
	errs Errors
}

func (g *gate) fail(at token, code Code, msg, hint string) {
	g.errs = append(g.errs, g.w.err(at, code, msg, hint))
}

// err returns an error at a token of the rule.
func (w *written) err(at token, code Code, msg, hint string) *Error {
	return &Error{File: w.file, Line: max(at.line, 1), Column: max(at.col, 1), Rule: w.name,
		Code: code, Msg: msg, Hint: hint, source: sourceLine(w.text, at.line)}
}

// at returns token i, or one that stands for the end of the file.
func (w *written) at(i int) token {
	if i < len(w.tokens) {
		return w.tokens[i]
	}
	if len(w.tokens) == 0 {
		return token{kind: mark, line: 1, col: 1}
	}
	last := w.tokens[len(w.tokens)-1]
	return token{kind: mark, line: last.line, col: last.col + len(last.text)}
}

func (t token) String() string {
	switch {
	case t.text == "" && t.kind == mark:
		return "the end of the file"
	case t.kind == text:
		return `"` + t.text + `"`
	}
	return t.text
}

// expect moves over the given token, or fails.
func (g *gate) expect(k kind, s, want string) (token, bool) {
	t := g.w.at(g.i)
	if t.kind != k || s != "" && t.text != s || t.text == "" && k != text {
		g.fail(t, e00, fmt.Sprintf("found %s, want %s", t, want),
			`a file holds one rule: rule NAME "what it is for" salience N { when CONDITION then CALLS; }`)
		return t, false
	}
	g.i++
	return t, true
}

// header reads up to "when" and finds "then".
func (g *gate) header() {
	if _, ok := g.expect(keyword, "rule", "rule"); !ok {
		return
	}
	name, ok := g.expect(word, "", "the name of the rule")
	if !ok {
		return
	}
	g.w.name = name.text
	g.checkName(name)
	if g.w.at(g.i).kind == text {
		g.i++
	}
	if t := g.w.at(g.i); t.kind == keyword && t.text == "salience" {
		g.i++
		if !g.salience() {
			return
		}
	}
	if _, ok := g.expect(mark, "{", "{"); !ok {
		return
	}
	if _, ok := g.expect(keyword, "when", "when"); !ok {
		return
	}
	g.w.when = g.i
	end := len(g.w.tokens) - 1
	if t := g.w.at(end); t.kind != mark || t.text != "}" {
		g.fail(t, e00, fmt.Sprintf("the file ends with %s, want }", t), "a file holds one rule and nothing after it")
		return
	}
	for i := g.w.when; i < end; i++ {
		if t := g.w.at(i); t.kind == keyword && t.text == "then" {
			g.w.then = i
			return
		}
	}
	g.fail(g.w.at(end), e00, "found }, want then", "")
}

func (g *gate) checkName(t token) {
	if !ruleName.MatchString(t.text) {
		g.fail(t, e18, fmt.Sprintf("rule name of %d bytes, want 3 to 64", len(t.text)), "")
	}
	if want := strings.TrimSuffix(path.Base(g.w.file), ".grl"); want != t.text {
		g.fail(t, e18, fmt.Sprintf("rule %s is in file %s, want it in %s.grl", t.text, path.Base(g.w.file), t.text),
			"one rule a file, both of one name")
	}
}

func (g *gate) salience() bool {
	sign := ""
	if t := g.w.at(g.i); t.kind == mark && t.text == "-" {
		sign = "-"
		g.i++
	}
	t, ok := g.expect(number, "", "an integer")
	if !ok {
		return false
	}
	n, err := strconv.Atoi(sign + t.text)
	if err != nil || n < -maxSalience || n > maxSalience {
		g.fail(t, e00,
			fmt.Sprintf("salience %s%s, want an integer from -%d to %d", sign, t.text, maxSalience, maxSalience), "")
		return false
	}
	g.w.salience = n
	return true
}

// body bounds what the parser will see between "when" and the last brace.
func (g *gate) body() {
	depth, comparisons := 0, 0
	for i := g.w.when; i < len(g.w.tokens)-1; i++ {
		t := g.w.at(i)
		switch t.kind {
		case keyword:
			g.keyword(i, t)
		case word:
			if banned[t.text] {
				g.fail(t, e04, t.text+" is not admitted", "see 'evenkeel rules vocabulary' for what is")
			}
		case mark:
			switch t.text {
			case "(":
				depth++
				if depth == maxDepth+1 {
					g.fail(t, e17, fmt.Sprintf("parentheses nested deeper than %d", maxDepth), "split the rule")
				}
			case ")":
				depth--
			case "==", "!=", "<", "<=", ">", ">=":
				comparisons++
				if comparisons == maxComparisons+1 {
					g.fail(t, e17, fmt.Sprintf("more than %d comparisons", maxComparisons), "split the rule")
				}
			default:
				g.mark(i, t)
			}
		}
	}
	if depth != 0 {
		g.fail(g.w.at(len(g.w.tokens)-1), e00, "parentheses do not match", "")
	}
}

func (g *gate) keyword(i int, t token) {
	switch {
	case t.text == "true", t.text == "false", i == g.w.then:
	case t.text == "nil":
		g.fail(t, e03, "nil is not a value", `write Known("F.Field") to ask whether a field is known`)
	default:
		g.fail(t, e00, fmt.Sprintf("%s is a reserved word", t.text), "")
	}
}

func (g *gate) mark(i int, t token) {
	prev := g.w.at(i - 1)
	switch t.text {
	case "{", "}":
		g.fail(t, e00, "found "+t.text+" inside the rule", "a file holds one rule")
	case "[", "]":
		g.fail(t, e17, "index selectors are not admitted: each one doubles the cost of parsing", "")
	case "&", "|", "%":
		g.fail(t, e03, "operator "+t.text+" is not admitted", "write && or ||")
	case "=", "+=", "-=", "*=", "/=":
		if t.text == "=" && i > g.w.then && g.w.at(i-3).text == derivedRoot {
			return
		}
		g.fail(t, e05, "assignment is not admitted: rules read the fact and its context, and propose",
			"write == to compare; after then, D.Name = sets a derived value")
	case "!":
		if prev.text == "!" && prev.kind == mark {
			g.fail(t, e03, "double negation", "")
		}
	case ".":
		switch {
		case prev.kind != word:
			g.fail(t, e04, fmt.Sprintf("method or field of %s, want one of F, C or D", prev),
				"only F.Field, F.Method(…), C.Field and D.Field are admitted")
		case g.w.at(i-2).kind == mark && g.w.at(i-2).text == ".":
			g.fail(t, e04, fmt.Sprintf("field of a field (%s.…), want at most one point", prev),
				"only F.Field, F.Method(…), C.Field and D.Field are admitted")
		}
	}
}
