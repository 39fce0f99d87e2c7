package engine

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// parameterRoot is the root of parameters.
const parameterRoot = "P"

// maxParameters bounds the parameters of a version: people have to know what
// each is for.
const maxParameters = 256

// maxParameterBytes bounds a text: put in the place of every name in a rule, the
// texts leave it cheap to parse.
const maxParameterBytes = 64

var parameterName = regexp.MustCompile(`^P\.[A-Z][A-Za-z0-9]{1,31}$`)

// Parameter is a constant of a version, which rules read under its name. It is
// put in the place of the name before anything reads the rule, so that whatever
// holds of a number or text that stands in a rule holds of a parameter.
type Parameter struct {
	Word         // P.Name, number or text; Unit and Range are for people
	Value string `json:"value"` // as a rule would write it; a text without its quotes
}

// constants are the tokens that stand for each parameter, by its name without
// the root.
type constants map[string][]token

// constantsOf returns the tokens of parameters; those that are not in order are
// left out, so that a rule which reads them is refused.
func constantsOf(parameters []Parameter) constants {
	out := constants{}
	for _, p := range parameters {
		if ts, err := p.tokens(); err == nil {
			out[strings.TrimPrefix(p.Name, parameterRoot+".")] = ts
		}
	}
	return out
}

// checkParameters says what is wrong with a version's parameters.
func checkParameters(parameters []Parameter) error {
	if len(parameters) > maxParameters {
		return fmt.Errorf("engine: %d parameters, want at most %d", len(parameters), maxParameters)
	}
	for i, p := range parameters {
		if slices.ContainsFunc(parameters[:i], func(o Parameter) bool { return o.Name == p.Name }) {
			return fmt.Errorf("engine: parameter %s is declared twice", p.Name)
		}
		if _, err := p.tokens(); err != nil {
			return err
		}
	}
	return nil
}

// tokens reads the value of a parameter as the guard reads one in a rule.
func (p *Parameter) tokens() ([]token, error) {
	written := p.Value
	switch {
	case !parameterName.MatchString(p.Name):
		return nil, fmt.Errorf("engine: parameter %q: want P. and a name of letters and digits, the first in upper case", p.Name)
	case p.Args != nil || p.Values != nil || p.Type != Number && p.Type != Text || len(p.Value) > maxParameterBytes:
		return nil, fmt.Errorf("engine: parameter %s is a %q of %d bytes, want a number or text of at most %d",
			p.Name, p.Type, len(p.Value), maxParameterBytes)
	case p.Type == Text:
		written = `"` + p.Value + `"`
	}
	ts, f := lex([]byte(written))
	if f != nil {
		return nil, fmt.Errorf("engine: parameter %s: %s", p.Name, f.msg)
	}
	value, said := ts, "" // said: nothing but the tokens is written
	for _, t := range ts {
		said += t.literal()
	}
	if p.Type == Number && strings.HasPrefix(written, "-") {
		value = ts[1:]
	}
	want := map[Type]kind{Number: number, Text: text}[p.Type]
	if said != written || said == "-0" || len(value) != 1 || value[0].kind != want {
		return nil, fmt.Errorf("engine: parameter %s: found %.40q, want one %s", p.Name, p.Value, p.Type)
	}
	return ts, nil
}

// resolve puts the values of parameters in the place of their names, from the
// condition on. The text of the rule stays as it was written: the tokens keep
// its places.
func (w *written) resolve(c constants) Errors {
	var errs Errors
	var out []token
	then := w.then
	for i := 0; i < len(w.tokens); i++ {
		if i < w.when || !w.names(i) {
			out = append(out, w.tokens[i])
			continue
		}
		value, err := w.constant(i, c)
		if err != nil {
			errs = append(errs, err)
		}
		if i < w.then {
			then += len(value) - 3
		}
		out = append(out, value...)
		i += 2
	}
	w.tokens, w.then, w.constants = out, then, c
	return errs
}

// names says whether the name of a parameter begins at token i.
func (w *written) names(i int) bool {
	root, dot, name := w.at(i), w.at(i+1), w.at(i+2)
	return root.kind == word && root.text == parameterRoot && dot.kind == mark && dot.text == "." && name.kind == word
}

// constant returns what stands for the parameter that is named at token i.
func (w *written) constant(i int, c constants) ([]token, *Error) {
	root, name, after := w.at(i), w.at(i+2), w.at(i+3)
	said := parameterRoot + "." + name.text
	value, ok := c[name.text]
	switch {
	case name.end-root.pos != len(said):
		return nil, w.err(root, e00, "the name of a parameter is torn apart, want "+said, "")
	case !ok:
		return nil, w.err(root, e02, "unknown parameter "+said, "declare it under parameters in pack.yaml")
	case after.kind == mark && after.text == "(":
		return nil, w.err(root, e02, said+" is a parameter, want it without parentheses", "")
	case w.signed(i):
		return nil, w.err(w.at(i-1), e03, "a sign ahead of a parameter", "declare the value with its sign")
	}
	out := slices.Clone(value)
	for k := range out {
		out[k].line, out[k].col, out[k].pos, out[k].end = root.line, root.col, root.pos, root.pos
		out[k].name = said
	}
	out[len(out)-1].end = name.end
	return out, nil
}

// signed says whether a minus that is a sign stands before token i.
func (w *written) signed(i int) bool {
	is := func(t token, s string) bool { return t.kind == mark && t.text == s }
	before := w.at(i - 2)
	return is(w.at(i-1), "-") && (before.kind == keyword || before.kind == mark && before.text != ")")
}

// literal writes a token as rules do.
func (t token) literal() string {
	if t.kind == text {
		return `"` + t.text + `"`
	}
	return t.text
}

// grl returns the text of the rule with the values of its parameters.
func (w *written) grl() []byte {
	var out []byte
	from := 0
	for _, t := range w.tokens {
		if t.name != "" {
			out = append(append(out, w.text[from:t.pos]...), t.literal()...)
			from = t.end
		}
	}
	return append(out, w.text[from:]...)
}

// column returns where in the rule stands what grl has at a column of a line.
func (w *written) column(line, col int) int {
	shift := 0
	for _, t := range w.tokens {
		if t.name != "" && t.line == line && t.col+shift < col {
			shift += len(t.literal()) - (t.end - t.pos)
		}
	}
	return col - shift
}

// spellNamed spells tokens for people, with the name of a parameter before its value.
func spellNamed(ts []token) string {
	out := make([]token, 0, len(ts))
	sign := ""
	for _, t := range ts {
		switch {
		case t.name != "" && t.kind == mark:
			sign = t.text
			continue
		case t.name != "":
			t = token{kind: word, text: t.name + " (" + sign + t.literal() + ")"}
			sign = ""
		}
		out = append(out, t)
	}
	return spell(out)
}

// wordsOf returns parameters as words of the vocabulary.
func wordsOf(parameters []Parameter) []Word {
	out := make([]Word, len(parameters))
	for i, p := range parameters {
		out[i] = p.Word
	}
	return out
}
