package config

import (
	"fmt"
	"strings"
)

// Errors are the complaints about one file, in the order of its lines.
type Errors []Error

// Error returns the complaints one below the other.
func (e Errors) Error() string {
	s := make([]string, len(e))
	for i := range e {
		s[i] = e[i].Error()
	}
	return strings.Join(s, "\n")
}

// Error is one complaint.
type Error struct {
	File         string
	Line, Column int    // from 1; the column counts characters
	Text         string // what was found and what is wanted
	Source       string // the line; empty: not to be shown
}

// Error returns "file:line:column: text", the line and a caret below the place.
func (e Error) Error() string {
	head := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Text)
	if e.Source == "" {
		return head
	}
	return fmt.Sprintf("%s\n%5d | %s\n      | %s^", head, e.Line, e.Source, strings.Repeat(" ", e.Column-1))
}
