package engine

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// VocabularyVersion is the version of the words that rules may use. A word
// never changes its meaning within a version.
const VocabularyVersion = 1

// Type is the type of a word's value.
type Type string

// The types.
const (
	Number Type = "number" // a measurement; never NaN or infinite
	Count  Type = "count"  // an integer
	Text   Type = "text"
	Truth  Type = "truth"
	None   Type = "none" // of a call made for its effect
)

// Word is one word of the vocabulary.
type Word struct {
	Name   string   `json:"name"`             // F.Field, F.Method, C.Field, D.Field or the name of a call
	Args   []Type   `json:"args,omitempty"`   // of a method or call; nil for a field
	Type   Type     `json:"type"`             // of the value
	Unit   string   `json:"unit,omitempty"`   // of a number or count
	Range  string   `json:"range,omitempty"`  // what values it may have: "0 to 1", "≥ 0", "> 0"
	Values []string `json:"values,omitempty"` // of a text with a closed set of values
	Doc    string   `json:"doc"`              // what it says; when it is unknown

	// Scale is a difference of a number or count that is plainly large, in its
	// unit: what lies so far apart is not nearly the same. 0: that depends on the
	// numbers themselves.
	Scale float64 `json:"scale,omitempty"`

	certain bool // known in every situation
	field   func(*situation) value
	method  func(*facts.Effect) value // of F, by metric; nil effect: not among the fact's effects
}

// value is what a word reads in a situation.
type value struct {
	n     float64
	s     string
	known bool
}

func num(v float64) value { return value{n: v, known: !math.IsNaN(v) && !math.IsInf(v, 0)} }
func str(s string) value  { return value{s: s, known: true} }
func cnt(n int) value     { return value{n: float64(n), known: true} }

// situation is what one decision is about.
type situation struct {
	now  time.Time
	fact *facts.Fact
	mem  *Memory
}

// Vocabulary returns every word rules may use, in the order of the manual. The
// caller may keep and change the slice.
func Vocabulary() []Word {
	return slices.Concat(fields[:], calls[:])
}

// find returns a word of the vocabulary, or nil.
func find(name string) *Word {
	if i := indexOf(fields[:], name); i >= 0 {
		return &fields[i]
	}
	if i := indexOf(calls[:], name); i >= 0 {
		return &calls[i]
	}
	return nil
}

// findIn returns a word of the vocabulary or of the derived values, or nil.
func findIn(derived []Word, name string) *Word {
	if i := indexOf(derived, name); i >= 0 {
		return &derived[i]
	}
	return find(name)
}

// indexOf returns where a word is in one of the tables, or -1.
func indexOf(words []Word, name string) int {
	return slices.IndexFunc(words, func(w Word) bool { return w.Name == name })
}

// Signature returns the word as a rule writes it: with the types of its
// arguments when it is called.
func (w *Word) Signature() string {
	if w.Args == nil {
		return w.Name
	}
	args := make([]string, len(w.Args))
	for i, a := range w.Args {
		args[i] = string(a)
	}
	return w.Name + "(" + strings.Join(args, ", ") + ")"
}
