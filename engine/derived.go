package engine

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"github.com/hyperjumptech/grule-rule-engine/ast"
)

// derivedRoot is the root of derived values.
const derivedRoot = "D"

// maxDerived bounds the derived values of a pack: a decision lists all of them.
const maxDerived = maxListed

var derivedName = regexp.MustCompile(`^D\.[A-Z][A-Za-z0-9]{1,31}$`)

// checkDerived says what is wrong with a pack's declarations.
func checkDerived(words []Word) error {
	if len(words) > maxDerived {
		return fmt.Errorf("engine: %d derived values, want at most %d", len(words), maxDerived)
	}
	for i, w := range words {
		switch {
		case !derivedName.MatchString(w.Name):
			return fmt.Errorf("engine: derived value %q: want D. and a name of letters and digits, the first in upper case", w.Name)
		case indexOf(words[:i], w.Name) >= 0:
			return fmt.Errorf("engine: derived value %s is declared twice", w.Name)
		case w.Args != nil || w.Type != Number && w.Type != Count && w.Type != Text && w.Type != Truth:
			return fmt.Errorf("engine: derived value %s is a %q, want number, count, text or truth", w.Name, w.Type)
		case w.Values != nil && w.Type != Text:
			return fmt.Errorf("engine: derived value %s is a %s, want a list of values for texts only", w.Name, w.Type)
		case w.Range != "" && w.Type != Number && w.Type != Count:
			return fmt.Errorf("engine: derived value %s is a %s, want a range for numbers and counts only", w.Name, w.Type)
		}
		if l, ok := rangeOf(&w); !ok || l.empty() {
			return fmt.Errorf("engine: derived value %s has the range %q, want one such as 0 to 1, ≥ 0 or > 0", w.Name, w.Range)
		}
	}
	return nil
}

// assignment checks a statement that sets a derived value.
func (c *checker) assignment(a *ast.Assignment, at token) {
	v := a.Variable
	if !a.IsAssign || v == nil || v.Variable == nil || v.Variable.Variable != nil || v.ArrayMapSelector != nil ||
		v.Variable.ArrayMapSelector != nil || v.Variable.Name != derivedRoot {
		c.fail(at, e05, "assignment is not admitted", "after then, D.Name = sets a derived value")
		c.lost = true
		return
	}
	to := c.field(v, at)
	sign := c.take("=")
	from := c.here()
	c.then = false
	value := c.expr(a.Expression)
	c.then = true
	c.take(";")
	if c.lost || to.word == nil {
		return
	}
	if slices.Contains(c.sets, to.word.Name) {
		c.fail(at, e05, to.word.Name+" is set twice", "a derived value is set once in a decision")
	}
	c.sets = append(c.sets, to.word.Name)
	c.want(to.t, value, from, "the value of "+to.word.Name)
	c.textValue(sign, to, value)
	c.numberValue(sign, to.word, value)
}

// numberValue refuses a literal outside the range of the derived value that it
// is to be.
func (c *checker) numberValue(sign token, w *Word, value typed) {
	fits := w.Type == Number && (value.t == Number || value.t == Count) || w.Type == Count && value.t == Count
	if value.literal == nil || !fits {
		return
	}
	v, written := value.literal.Value, ""
	n := 0.0
	if v.CanInt() {
		n, written = float64(v.Int()), strconv.FormatInt(v.Int(), 10)
	} else {
		n, written = v.Float(), strconv.FormatFloat(v.Float(), 'f', -1, 64)
	}
	if l, _ := rangeOf(w); !l.admits(n) {
		c.fail(sign, e06, fmt.Sprintf("%s is never %s, want %s", w.Name, written, w.Range), "")
	}
}

// assignment is a derived value that a rule sets.
type assignment struct {
	word int
	value
}

// assign takes down that the rule in evaluation sets word i. A number that is
// none or outside the declared range, and a text that is not among the declared,
// are not set: the rule is undecided.
func (b *sandbox) assign(i int, v reflect.Value) error {
	b.step()
	w, to := &b.words[i], value{known: true}
	switch {
	case w.Type == Text && v.Kind() == reflect.String:
		to.s = v.String()
		to.known = w.Values == nil || slices.Contains(w.Values, to.s)
	case w.Type == Truth && v.Kind() == reflect.Bool:
		if v.Bool() {
			to.n = 1
		}
	case w.Type == Number && v.CanFloat():
		to = num(v.Float())
	case (w.Type == Number || w.Type == Count) && v.CanInt() && -maxInteger <= v.Int() && v.Int() <= maxInteger:
		to.n = float64(v.Int())
	case v.CanInt():
		to.known = false
	default:
		return fmt.Errorf("the value of %s is a %s, want a %s", w.Name, v.Kind(), w.Type)
	}
	numeric := w.Type == Number || w.Type == Count
	if !to.known || numeric && !b.row.slots.admits(i, to.n) {
		b.absent = w.Name
		return errAbsent
	}
	b.assigned = append(b.assigned, assignment{i, to})
	return nil
}

// derive sets a derived value, unless a rule of higher salience did.
func (in *instance) derive(x assignment, r *rule, d *Decision) {
	row, name := &in.box.row, in.box.words[x.word].Name
	if row.known[x.word] {
		i := slices.IndexFunc(d.Derived, func(y Derived) bool { return y.Field == name })
		d.Derived[i].Over = append(d.Derived[i].Over, r.name)
		return
	}
	row.put(x.word, x.value)
	said := show(in.box.leafs[x.word].v)
	if in.box.words[x.word].Type == Truth {
		said = strconv.FormatBool(x.n != 0)
	}
	d.Derived = append(d.Derived, Derived{Field: name, Rule: r.name, Value: said})
}
