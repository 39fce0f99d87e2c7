package config

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

const (
	maxLineBytes = 4096 // the longest value is a URL; the parser's cost grows with the square of what nests in a line
	maxOpen      = 16   // brackets open at once; the deepest value needs 5
)

// decoder walks the tree of one file and collects complaints.
type decoder struct {
	file, dir string
	lines     []string
	errs      Errors
}

// key is one key that a mapping may have.
type key struct {
	name     string
	required bool
	read     func(path string, n ast.Node)
}

func readBounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err == nil && len(text) > MaxBytes {
		err = fmt.Errorf("more than %d bytes, want at most that", MaxBytes)
	}
	return text, err
}

// parse returns the one document of text, or nil after a complaint.
func (d *decoder) parse(text []byte) ast.Node {
	d.lines = strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	if !d.plausible(text) {
		return nil
	}
	// Repeated keys are let through here and refused with the rest.
	f, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line, column, what := 1, 1, err.Error()
		var e yaml.Error
		if errors.As(err, &e) {
			what = e.GetMessage()
			if t := e.GetToken(); t != nil {
				line, column = t.Position.Line, t.Position.Column
			}
		}
		d.report(line, column, "not YAML: "+what)
		return nil
	}
	var docs []ast.Node
	for _, doc := range f.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentGroupType {
			docs = append(docs, doc.Body)
		}
	}
	switch len(docs) {
	case 1:
		return docs[0]
	case 0:
		d.report(1, 1, "the file is empty, want at least env, data and groups")
	default:
		d.fail(docs[1], "", "found a second document, want one")
	}
	return nil
}

// plausible refuses what would make the parser slow or its answer hard to show.
func (d *decoder) plausible(text []byte) bool {
	if len(text) > MaxBytes {
		d.report(1, 1, fmt.Sprintf("the file has %d bytes, want at most %d", len(text), MaxBytes))
		return false
	}
	open := 0
	for i, line := range d.lines {
		column, complaint := 1, ""
		if len(line) > maxLineBytes {
			complaint = fmt.Sprintf("the line has %d bytes, want at most %d", len(line), maxLineBytes)
		} else if !utf8.ValidString(line) {
			complaint = "found bytes that are not UTF-8, want plain text"
		} else if !strings.HasPrefix(strings.TrimLeft(line, " "), "#") {
			column, complaint = scan(line, &open)
		}
		if complaint != "" {
			d.errs = append(d.errs, Error{File: d.file, Line: i + 1, Column: column, Text: complaint}) // without such a line
			return false
		}
	}
	return true
}

// scan looks through a line for what no configuration needs; open counts the
// brackets that are open, quoted ones included.
func scan(line string, open *int) (column int, complaint string) {
	for i, r := range []rune(line) {
		switch {
		case r < ' ' || r == 0x7f:
			return i + 1, fmt.Sprintf("found the control character %q, want blanks and plain text", r)
		case r == '[' || r == '{':
			*open++
		case r == ']' || r == '}':
			*open = max(0, *open-1)
		}
		if *open > maxOpen {
			return i + 1, fmt.Sprintf("found more than %d brackets open at once, want fewer", maxOpen)
		}
	}
	return 1, ""
}

// report adds a complaint about a place, unless there are enough already.
func (d *decoder) report(line, column int, text string) {
	if len(d.errs) >= MaxErrors {
		return
	}
	d.errs = append(d.errs, d.at(line, column, text))
}

// at returns a complaint about a place.
func (d *decoder) at(line, column int, text string) Error {
	e := Error{File: d.file, Line: line, Column: column, Text: text}
	if line >= 1 && line <= len(d.lines) && !strings.Contains(d.lines[line-1], "@") { // a password may stand before an @
		e.Source = d.lines[line-1]
	}
	return e
}

// fail adds a complaint about the value or key at n.
func (d *decoder) fail(n ast.Node, path, format string, args ...any) {
	line, column := position(n)
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	d.report(line, column, text)
}

func position(n ast.Node) (line, column int) {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key // a block mapping's own token is the first colon
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 1, 1
}

// pairs returns the entries of a mapping whose keys are plain and different, or
// nil after a complaint.
func (d *decoder) pairs(n ast.Node, path string) []*ast.MappingValueNode {
	var all []*ast.MappingValueNode
	if m, ok := n.(*ast.MappingNode); ok {
		all = m.Values
	} else {
		d.fail(n, path, "found %s, want keys and values (key: value)", describe(n))
		return nil
	}
	seen := make(map[string]int, len(all)) // key → line
	kept := all[:0:0]
	for _, v := range all {
		name, ok := scalar(v.Key)
		line, _ := position(v.Key)
		if !ok {
			d.fail(v.Key, path, "found %s as a key, want a plain name", describe(v.Key))
		} else if first := seen[name]; first > 0 {
			d.fail(v.Key, path, "key %s is already on line %d, want it once", name, first)
		} else {
			seen[name] = line
			kept = append(kept, v)
		}
	}
	return kept
}

// mapping reads the keys of n, which are a closed set.
func (d *decoder) mapping(n ast.Node, path string, keys ...key) {
	before := len(d.errs)
	pairs := d.pairs(n, path)
	if pairs == nil && len(d.errs) > before {
		return
	}
	have := map[string]bool{}
	for _, v := range pairs {
		name, _ := scalar(v.Key)
		i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
		if i < 0 {
			d.fail(v.Key, path, "unknown key %.40s, want %s", name, choices(name, keys))
			continue
		}
		have[name] = true
		keys[i].read(join(path, name), v.Value)
	}
	for _, k := range keys {
		if k.required && !have[k.name] {
			d.fail(n, path, "key %s is missing", k.name)
		}
	}
}

// each reads the entries of n, whose keys are names that check accepts.
func (d *decoder) each(n ast.Node, path, what string, limit int, check func(string) error, read func(name, path string, n ast.Node)) {
	before := len(d.errs)
	pairs := d.pairs(n, path)
	if len(pairs) == 0 && len(d.errs) == before {
		d.fail(n, path, "found none, want at least one %s", what)
	}
	if len(pairs) > limit {
		d.fail(n, path, "found %d, want at most %d %ss", len(pairs), limit, what)
		return
	}
	for _, v := range pairs {
		name, _ := scalar(v.Key)
		if err := check(name); err != nil {
			d.fail(v.Key, path, "%v", err)
			continue
		}
		read(name, join(path, name), v.Value)
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

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func hasKey(n ast.Node, name string) bool {
	m, ok := n.(*ast.MappingNode)
	return ok && slices.ContainsFunc(m.Values, func(v *ast.MappingValueNode) bool {
		s, ok := scalar(v.Key)
		return ok && s == name
	})
}

// place returns the value at the path of keys in n, or n where there is none.
func place(n ast.Node, keys ...string) ast.Node {
	at := n
	for _, name := range keys {
		m, ok := at.(*ast.MappingNode)
		if !ok {
			return n
		}
		i := slices.IndexFunc(m.Values, func(v *ast.MappingValueNode) bool {
			s, ok := scalar(v.Key)
			return ok && s == name
		})
		if i < 0 {
			return n
		}
		at = m.Values[i].Value
	}
	return at
}

// item is one element of a list.
type item struct {
	text string
	at   ast.Node
}

// list returns the elements of n, which are different texts that check accepts.
func (d *decoder) list(n ast.Node, path, what string, limit int, check func(string) error) []item {
	l, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, path, "found %s, want a list of %ss, such as [a, b]", describe(n), what)
		return nil
	}
	if len(l.Values) == 0 || len(l.Values) > limit {
		d.fail(n, path, "found %d, want 1 to %d %ss", len(l.Values), limit, what)
		return nil
	}
	var items []item
	seen := make(map[string]bool, len(l.Values))
	for _, v := range l.Values {
		s, ok := scalar(v)
		if !ok {
			d.fail(v, path, "found %s, want the name of a %s", describe(v), what)
		} else if err := check(s); err != nil {
			d.fail(v, path, "%v", err)
		} else if seen[s] {
			d.fail(v, path, "found %s twice, want it once", s)
		} else {
			seen[s] = true
			items = append(items, item{s, v})
		}
	}
	return items
}

// texts returns the elements without their places.
func texts(items []item) []string {
	var all []string
	for _, i := range items {
		all = append(all, i.text)
	}
	return all
}
