package knowledge

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// The bounds of a pack's derived values.
const (
	maxDerived       = 24  // values: a decision tells all of them
	maxDerivedValues = 64  // texts that one may be
	maxLineTold      = 200 // bytes of what a declaration tells people
)

// Derived declares a value that rules derive, for others to read.
type Derived struct {
	Name   string // without its root D
	Type   string // number, count, text or truth
	Unit   string // of a number or count
	Range  string // of a number or count, such as 0 to 1, ≥ 0 or > 0; what lies outside is not set
	Values []string
	Doc    string // what it says
}

var (
	derivedTypes = []string{"number", "count", "text", "truth"}
	derivedName  = regexp.MustCompile(`^[A-Z][A-Za-z0-9]{1,31}$`)
	derivedValue = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
)

// derived reads the values that a pack declares, in the order of the file.
func (r *reader) derived(n ast.Node, p *Pack) {
	r.entries(n, "derived", maxDerived, func(name string, n ast.Node) {
		if !derivedName.MatchString(name) {
			r.fail(n, "derived: found %.40q, want a name of 2 to 32 letters and digits, the first in upper case", name)
			return
		}
		d := Derived{Name: name}
		what := "derived." + name
		r.mapping(n, what,
			field{"type", true, r.text(what+".type", func(s string) error {
				d.Type = s
				return oneOf(s, derivedTypes)
			})},
			r.line(what, "unit", false, &d.Unit), r.line(what, "doc", true, &d.Doc),
			field{"range", false, r.text(what+".range", func(s string) error {
				d.Range = s
				return checkDerivedRange(s)
			})},
			field{"values", false, func(n ast.Node) { r.derivedValues(n, what+".values", &d) }})
		if d.Values != nil && d.Type != "text" {
			r.fail(n, "%s: found values of a %s, want them for a text only", what, d.Type)
		}
		if d.Range != "" && d.Type != "number" && d.Type != "count" {
			r.fail(n, "%s: found a range of a %s, want it for a number or count only", what, d.Type)
		}
		p.Derived = append(p.Derived, d)
	})
}

// checkDerivedRange refuses what is not a range as the vocabulary has them.
func checkDerivedRange(s string) error {
	from, to, both := strings.Cut(s, " to ")
	lower, above := strings.CutPrefix(from, "> ")
	lower, atLeast := strings.CutPrefix(lower, "≥ ")
	low, err := parameterNumberOf(lower)
	if err == nil && both {
		high, errHigh := parameterNumberOf(to)
		if err = errHigh; low >= high {
			err = errors.New("the lower one first")
		}
	}
	if err != nil || above && atLeast || !both && !above && !atLeast {
		return errors.New("a range such as 0 to 1, ≥ 0 or > 0")
	}
	return nil
}

// line returns a key of a declaration whose value is a text for people.
func (r *reader) line(what, key string, required bool, to *string) field {
	return field{key, required, r.text(what+"."+key, func(s string) error {
		if *to = s; s == "" || len(s) > maxLineTold {
			return errors.New("1 to 200 bytes")
		}
		return nil
	})}
}

func (r *reader) derivedValues(n ast.Node, what string, d *Derived) {
	d.Values = []string{}
	r.list(n, what, maxDerivedValues, func(v ast.Node) {
		r.text(what, func(s string) error {
			if !derivedValue.MatchString(s) || slices.Contains(d.Values, s) {
				return errors.New("different words of letters, digits, . _ and -")
			}
			d.Values = append(d.Values, s)
			return nil
		})(v)
	})
}
