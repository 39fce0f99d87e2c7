package knowledge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// The bounds of a YAML file's text. The parser's cost grows with the square of
// what nests in a line.
const (
	maxLineBytes = 1024
	maxOpen      = 8  // brackets open at once; a test needs 4
	maxDepth     = 32 // columns of indentation by twos; a test needs 10
	maxFaults    = 20 // errors reported of one file
)

// reader reads one YAML file and collects what is wrong with it.
type reader struct {
	file  string
	lines []string
	errs  Errors
}

// field is one key of a mapping, and what to do with its value.
type field struct {
	name     string
	required bool
	read     func(ast.Node)
}

// document returns the one document of a file; nil after an error.
func (r *reader) document(text []byte) ast.Node {
	r.lines = strings.Split(string(text), "\n")
	if !r.plain() {
		return nil
	}
	f, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey()) // repeated keys are found below
	if err != nil {
		line, column, msg := 1, 1, err.Error()
		var e yaml.Error
		if errors.As(err, &e) {
			msg = e.GetMessage()
			if t := e.GetToken(); t != nil && t.Position != nil {
				line, column = t.Position.Line, t.Position.Column
			}
		}
		r.report(line, column, "not YAML: "+msg)
		return nil
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		r.report(1, 1, fmt.Sprintf("found %d documents, want one", len(f.Docs)))
		return nil
	}
	return f.Docs[0].Body
}

// plain refuses text that would make the parser slow or an error unreadable.
func (r *reader) plain() bool {
	open := 0
	for i, line := range r.lines {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case len(line) > maxLineBytes:
			r.report(i+1, 1, fmt.Sprintf("line of %d bytes, want at most %d", len(line), maxLineBytes))
		case !utf8.ValidString(line) || strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c == 0x7f }):
			r.report(i+1, 1, "found a control character or bytes that are not UTF-8, want plain text and blanks")
		case indent > 2*maxDepth:
			r.report(i+1, 1, fmt.Sprintf("indented by %d blanks, want at most %d", indent, 2*maxDepth))
		}
		for _, c := range line {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open = max(open-1, 0)
			}
		}
		if open > maxOpen || strings.Count(line, "- ") > maxOpen {
			r.report(i+1, 1, fmt.Sprintf("more than %d collections opened at once", maxOpen))
		} else if strings.HasPrefix(line[indent:], "? ") {
			r.report(i+1, indent+1, "found a key of the form \"? key\", want a plain name")
		}
		if len(r.errs) > 0 {
			return false
		}
	}
	return true
}

func (r *reader) report(line, column int, msg string) {
	if len(r.errs) >= maxFaults {
		return
	}
	e := r.at(line, column)
	e.Msg = msg
	r.errs = append(r.errs, e)
}

// at returns an error at a place, that does not say yet what is wrong.
func (r *reader) at(line, column int) *Error {
	e := &Error{File: r.file, Line: line, Column: column}
	if line >= 1 && line <= len(r.lines) && len(r.lines[line-1]) <= 200 && utf8.ValidString(r.lines[line-1]) &&
		!strings.ContainsFunc(r.lines[line-1], func(c rune) bool { return c < ' ' || c == 0x7f }) {
		e.source = r.lines[line-1]
	}
	return e
}

func (r *reader) fail(n ast.Node, format string, args ...any) {
	line, column := place(n)
	r.report(line, column, fmt.Sprintf(format, args...))
}

func place(n ast.Node) (line, column int) {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key // a block mapping's own token is its first colon
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 1, 1
}

// mapping reads the keys of n, which are a closed set.
func (r *reader) mapping(n ast.Node, what string, fields ...field) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	default:
		r.fail(n, "%s: found %s, want keys and values", what, describe(n))
		return
	}
	have := map[string]bool{}
	for _, v := range values {
		name, ok := scalar(v.Key)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		switch {
		case !ok:
			r.fail(v.Key, "%s: found %s as a key, want a plain name", what, describe(v.Key))
		case i < 0:
			r.fail(v.Key, "%s: unknown key %.40q, want one of %s", what, name, names(fields))
		case have[name]:
			r.fail(v.Key, "%s: key %s is there twice", what, name)
		default:
			have[name] = true
			fields[i].read(v.Value)
		}
	}
	for _, f := range fields {
		if f.required && !have[f.name] {
			r.fail(n, "%s: key %s is missing", what, f.name)
		}
	}
}

// entries reads a mapping whose keys are not known beforehand.
func (r *reader) entries(n ast.Node, what string, limit int, read func(name string, v ast.Node)) {
	m, ok := n.(*ast.MappingNode)
	if !ok || len(m.Values) > limit {
		r.fail(n, "%s: found %s, want at most %d keys and values", what, describe(n), limit)
		return
	}
	have := map[string]bool{}
	for _, v := range m.Values {
		name, ok := scalar(v.Key)
		if !ok || have[name] {
			r.fail(v.Key, "%s: found %s, want different plain names", what, describe(v.Key))
			continue
		}
		have[name] = true
		read(name, v.Value)
	}
}

// list reads the elements of n.
func (r *reader) list(n ast.Node, what string, limit int, read func(ast.Node)) {
	s, ok := n.(*ast.SequenceNode)
	if !ok || len(s.Values) > limit {
		r.fail(n, "%s: found %s, want a list of at most %d", what, describe(n), limit)
		return
	}
	for _, v := range s.Values {
		read(v)
	}
}

// text returns a reader that hands a scalar, as written, to set.
func (r *reader) text(what string, set func(string) error) func(ast.Node) {
	return func(n ast.Node) {
		s, ok := scalar(n)
		if !ok {
			r.fail(n, "%s: found %s, want a plain value", what, describe(n))
			return
		}
		if err := set(s); err != nil {
			r.fail(n, "%s: found %.60q, want %s", what, s, err)
		}
	}
}

// words returns a reader of a list of different words out of a closed set.
func (r *reader) words(what string, to *[]string, set ...string) func(ast.Node) {
	return func(n ast.Node) {
		*to = []string{}
		r.list(n, what, len(set), func(v ast.Node) {
			r.text(what, func(s string) error {
				if !slices.Contains(set, s) || slices.Contains(*to, s) {
					return errors.New("different ones of " + strings.Join(set, ", "))
				}
				*to = append(*to, s)
				return nil
			})(v)
		})
	}
}

func scalar(n ast.Node) (string, bool) {
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func describe(n ast.Node) string {
	if s, ok := scalar(n); ok {
		return fmt.Sprintf("%.60q", s)
	}
	switch n.(type) {
	case *ast.MappingNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias"
	case *ast.TagNode:
		return "a tag"
	case *ast.LiteralNode:
		return "a text of several lines"
	}
	return "something else"
}

func names(fields []field) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return strings.Join(out, ", ")
}
