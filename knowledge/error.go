package knowledge

import (
	"fmt"
	"strings"
)

// Error is one thing that is wrong in a pack, and where.
type Error struct {
	File   string // within the pack
	Line   int    // from 1; 0: the file as a whole
	Column int    // from 1, in characters
	Msg    string // what was found and what was wanted

	source string
}

// Error returns "file:line:column: what".
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

// Excerpt returns the line with a caret under the column, as two lines without
// a final line break; empty when there is no such line.
func (e *Error) Excerpt() string {
	if e.source == "" {
		return ""
	}
	return "  " + e.source + "\n  " + strings.Repeat(" ", max(e.Column-1, 0)) + "^"
}

// Errors is everything found wrong in a pack, in the order of files and lines.
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
