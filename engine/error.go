package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Code names a reason why a rule is refused (E) or doubted (W). The set is
// closed; a code never changes its meaning.
type Code string

// The codes; [Codes] says what each means. E19 is found by whoever has the tests.
const (
	e00 Code = "E00"
	e01 Code = "E01"
	e02 Code = "E02"
	e03 Code = "E03"
	e04 Code = "E04"
	e05 Code = "E05"
	e06 Code = "E06"
	e07 Code = "E07"
	e08 Code = "E08"
	e09 Code = "E09"
	e16 Code = "E16"
	e17 Code = "E17"
	e18 Code = "E18"
	E19 Code = "E19"
	e20 Code = "E20"

	w00 Code = "W00"
	w10 Code = "W10"
	w11 Code = "W11"
	w12 Code = "W12"
	w13 Code = "W13"
	w14 Code = "W14"
	w15 Code = "W15"
)

// Doubtful says whether the code is a warning: it refuses nothing.
func (c Code) Doubtful() bool { return strings.HasPrefix(string(c), "W") }

// Codes returns what each code means. The caller may keep and change the map.
func Codes() map[Code]string {
	return map[Code]string{
		e00: "not in the language: characters, literals, the shape of a rule",
		e01: "the parser understood something else than what is written",
		e02: "unknown name, wrong number or type of arguments or operands",
		e03: "nil, bit operators, %, !!, or && and || mixed without parentheses",
		e04: "method of a literal or of a result, or a built-in that is not admitted",
		e05: "assignment, but of a declared derived value by one rule of its salience",
		e06: "never true",
		e07: "always true, or the same for every fact",
		e08: "division by something that may be zero",
		e09: "compares a measurement by == or !=",
		e16: "rules that wait for each other's derived values",
		e17: "too large to be parsed or evaluated within bounds",
		e18: "the name of the rule",
		E19: "a rule without a test",
		e20: "a verb that the pack does not permit",
		w00: "too many alternatives to be analysed: not found to be right",
		w10: "shadowed: another rule makes it superfluous, or always wins",
		w11: "redundant: follows from the rest, or is there twice",
		w12: "conflicting: different acts in one situation at equal salience",
		w13: "a gap: recorded alarms to which no rule applies",
		w14: "a bound outside 0.1 to 99.9 % of the recorded values",
		w15: "flapping: one step between where an act starts and where it ends",
	}
}

// Error is one reason why a rule is refused or doubted, and where.
type Error struct {
	File   string
	Line   int // from 1
	Column int // from 1, in bytes
	Rule   string
	Code   Code
	Msg    string // what was found and what was wanted
	Hint   string // the next step, may be empty

	source string // the line
}

// Error returns "file:line:column: rule NAME: CODE what". Rule is left out when
// the rule's name could not be read.
func (e *Error) Error() string {
	rule := ""
	if e.Rule != "" {
		rule = "rule " + e.Rule + ": "
	}
	return fmt.Sprintf("%s:%d:%d: %s%s %s", e.File, e.Line, e.Column, rule, e.Code, e.Msg)
}

// Excerpt returns the source line with a caret under the column, as two lines
// without a final line break; empty when there is no such line.
func (e *Error) Excerpt() string {
	if e.source == "" {
		return ""
	}
	n := min(max(e.Column-1, 0), len(e.source))
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, e.source[:n])
	return "  " + e.source + "\n  " + pad + "^"
}

// Errors is every reason found, sorted by file, line and column.
type Errors []*Error

// Error returns one line for each error.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find an [Error].
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// sorted returns es as an error, in order; nil when there is none.
func (es Errors) sorted() error {
	if len(es) == 0 {
		return nil
	}
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return es
}

// sourceLine returns line n (from 1) of text, without its end; empty when there
// is none. A line with bytes that a terminal would act on is not shown.
func sourceLine(text []byte, n int) string {
	lines := strings.Split(string(text), "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	line := strings.TrimSuffix(lines[n-1], "\r")
	if len(line) > 200 || strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') }) {
		return ""
	}
	return line
}
