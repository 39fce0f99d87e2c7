package knowledge

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// The bounds of a pack's parameters.
const (
	maxParameters     = 256 // people have to know what each is for
	maxParameterBytes = 64  // of a text
	maxExact          = 1 << 53
)

// Parameter is a constant that a pack's rules read as P.Name, so that it stands
// in one place, with what it means. It is part of the pack's digest like a rule,
// and never changes within a version.
type Parameter struct {
	Name  string // without its root P
	Type  string // number or text
	Value string // a number in the one spelling of rules, or a text
	Unit  string // of a number
	Range string // of a number: "LOW to HIGH", both included
	Doc   string // what it decides

	at *Error // its place
}

var (
	parameterNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,6})?$`)
	parameterText   = regexp.MustCompile(`^[ !#-&*-\[\]-~]+$`) // as texts in rules: printable, but for quotes, parentheses and \
)

// parameters reads the parameters that a pack declares, in the order of the file.
func (r *reader) parameters(n ast.Node, p *Pack) {
	r.entries(n, "parameters", maxParameters, func(name string, n ast.Node) {
		if !derivedName.MatchString(name) {
			r.fail(n, "parameters: found %.40q, want a name of 2 to 32 letters and digits, the first in upper case", name)
			return
		}
		what := "parameters." + name
		v := Parameter{Name: name, at: r.at(place(n))}
		before := len(r.errs)
		r.mapping(n, what,
			field{"value", true, func(n ast.Node) { r.parameterValue(n, what+".value", &v) }},
			r.line(what, "unit", false, &v.Unit), r.line(what, "range", false, &v.Range), r.line(what, "doc", true, &v.Doc))
		if len(r.errs) > before {
			return
		}
		if err := v.check(); err != nil {
			r.fail(n, "%s: %s", what, err)
			return
		}
		p.Parameters = append(p.Parameters, v)
	})
}

func (r *reader) parameterValue(n ast.Node, what string, v *Parameter) {
	v.Type = "text"
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		v.Type = "number"
	case *ast.StringNode:
	default:
		r.fail(n, "%s: found %s, want a number or a text", what, describe(n))
		return
	}
	r.text(what, func(s string) error {
		v.Value = s
		if v.Type == "number" {
			_, err := parameterNumberOf(s)
			return err
		}
		if len(s) > maxParameterBytes || !parameterText.MatchString(s) {
			return errors.New(`a text of 1 to 64 printable characters but quotes, parentheses and \`)
		}
		return nil
	})(n)
}

// parameterNumberOf reads a number in the one spelling that rules have for it:
// beyond six decimals, and above 2^53, the evaluator calls different numbers
// equal.
func parameterNumberOf(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !parameterNumber.MatchString(s) || strconv.FormatFloat(v, 'f', -1, 64) != s || s == "-0" ||
		v > maxExact || v < -maxExact {
		return 0, errors.New("a decimal number in its shortest spelling, of at most six decimals and 2^53, such as 30 or 1.5")
	}
	return v, nil
}

// check holds a parameter to its range.
func (v *Parameter) check() error {
	switch {
	case v.Type == "text" && (v.Unit != "" || v.Range != ""):
		return fmt.Errorf("found the unit %.40q and the range %.40q of the text %q, want them for a number; a number stands without quotes",
			v.Unit, v.Range, v.Value)
	case v.Type == "text":
		return nil
	case v.Unit == "":
		return errors.New(`key unit is missing, want one such as seconds, members or "1"`)
	case v.Range == "":
		return errors.New("key range is missing, want one such as 1 to 60")
	}
	from, to, _ := strings.Cut(v.Range, " to ")
	low, errLow := parameterNumberOf(from)
	high, errHigh := parameterNumberOf(to)
	value, err := parameterNumberOf(v.Value)
	switch {
	case errLow != nil || errHigh != nil || low >= high:
		return fmt.Errorf("found the range %.40q, want two numbers such as 1 to 60, the lower one first", v.Range)
	case err != nil || value < low || value > high:
		return fmt.Errorf("found the value %s, want %s %s", v.Value, v.Range, v.Unit)
	}
	return nil
}

// Unread returns an error, with its place, for each parameter that is not among
// the words that the rules read. Words are as in rules: P.Name.
func (p *Pack) Unread(words []string) Errors {
	var out Errors
	for _, v := range p.Parameters {
		if !slices.Contains(words, "P."+v.Name) {
			e := *v.at
			e.Msg = fmt.Sprintf("parameters: no rule reads P.%s, want it read or left out", v.Name)
			out = append(out, &e)
		}
	}
	return out
}
