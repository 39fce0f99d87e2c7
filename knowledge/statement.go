package knowledge

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is what a statement says: the second word of its first line, and the
// first part of the namespace that it is signed in.
type Kind string

// The kinds of statement. A rejection is an approval whose decision is reject.
const (
	Proposal   Kind = "proposal"   // the author asks that a bundle go live
	Approval   Kind = "approval"   // somebody else says yes or no to a proposal
	Withdrawal Kind = "withdrawal" // the author takes a proposal back
	Stop       Kind = "stop"       // one operator or approver: no more acts
	Resume     Kind = "resume"     // one of the approvers who together end a stop
	Rollback   Kind = "rollback"   // one approver: back to the immediate parent, inside the approved window
	Breakglass Kind = "breakglass" // one approver: a standby bundle that was approved before, for a while
	Review     Kind = "review"     // somebody has read the people register and finds it right
	Archive    Kind = "archive"    // one of two people who let entries of the log be moved away
)

// Namespace returns the namespace in which statements of the kind are signed. A
// signature made in one says nothing in another, nor does one over a commit.
func (k Kind) Namespace() string { return string(k) + "@evenkeel.v1" }

func (k Kind) header() string { return "evenkeel " + string(k) + " v1" }

// statementField is a line of a statement: its name, and what follows it.
type statementField struct {
	name string
	form form
}

// The five lines in which an approval repeats its proposal, so that whoever
// reads one knows what it is for.
var about = []statementField{{"trust", formDigest}, {"env", formEnv}, {"seq", formNumber}, {"parent", formParent}, {"bundle", formBundle}}

// grammar is the fields of each kind of statement, in their order.
var grammar = map[Kind][]statementField{
	Proposal: slices.Concat(about, []statementField{{"kind", formChange}, {"author", formPerson}, {"contributors", formPeople},
		{"created", formTime}, {"not-before", formTime}, {"expires", formTime}, {"rollout", formRollout}, {"rollback-window", formSpan},
		{"evidence", formDigest}, {"ticket", formWord}, {"why", formAny}, {"nonce", formHex}}),
	Approval: slices.Concat([]statementField{{"proposal", formDigest}}, about, []statementField{{"person", formPerson}, {"name", formAny},
		{"decision", formDecision}, {"meaning", formAny}, {"time", formTime}}),
	Withdrawal: {{"proposal", formDigest}, {"trust", formDigest}, {"env", formEnv}, {"person", formPerson}, {"why", formAny}, {"time", formTime}},
	Stop: {{"trust", formDigest}, {"env", formEnv}, {"scope", formScope}, {"person", formPerson}, {"why", formAny}, {"time", formTime},
		{"nonce", formHex}},
	Resume: {{"stop", formDigest}, {"trust", formDigest}, {"env", formEnv}, {"person", formPerson}, {"name", formAny}, {"meaning", formAny},
		{"time", formTime}},
	Rollback: slices.Concat([]statementField{{"proposal", formDigest}}, about, []statementField{{"person", formPerson}, {"name", formAny},
		{"why", formAny}, {"time", formTime}}),
	Breakglass: slices.Concat([]statementField{{"proposal", formDigest}}, about, []statementField{{"person", formPerson}, {"name", formAny},
		{"life", formSpan}, {"why", formAny}, {"time", formTime}}),
	Review: {{"trust", formDigest}, {"person", formPerson}, {"name", formAny}, {"meaning", formAny}, {"time", formTime}},
	Archive: {{"trust", formDigest}, {"env", formEnv}, {"checkpoint", formDigest}, {"first", formNumber}, {"last", formNumber},
		{"person", formPerson}, {"name", formAny}, {"why", formAny}, {"time", formTime}},
}

// Statement is what a person signs: one kind of text, its fields as they are
// written. Parsing a text and rendering it again gives the same bytes.
type Statement struct {
	Kind   Kind
	values map[string]string
}

// Stage is one stage of a rollout: shadow, then rings, then all.
type Stage struct {
	Name  string
	Dwell time.Duration
}

// ParseStatement reads a statement of any kind. There is one way to write one:
// every field of its kind, in order, on a line of its own, and nothing else.
func ParseStatement(b []byte) (Statement, error) {
	kind, ok := kindOf(b)
	if !ok {
		return Statement{}, fmt.Errorf("knowledge: line 1: found %.60q, want the first line of a statement, such as %q", firstLine(b), Proposal.header())
	}
	r, err := openText(b, kind.header())
	if err != nil {
		return Statement{}, fmt.Errorf("knowledge: %s: %w", kind, err)
	}
	s := Statement{kind, map[string]string{}}
	for _, f := range grammar[kind] {
		s.values[f.name] = r.take(f.name, f.form)
	}
	if err := r.end(); err != nil {
		return Statement{}, fmt.Errorf("knowledge: %s: %w", kind, err)
	}
	return s, nil
}

// NewStatement makes a statement of the kind from its fields by name, and
// refuses what [ParseStatement] would refuse.
func NewStatement(kind Kind, fields map[string]string) (Statement, error) {
	for name := range fields {
		if !slices.ContainsFunc(grammar[kind], func(f statementField) bool { return f.name == name }) {
			return Statement{}, fmt.Errorf("knowledge: %s: no field %q", kind, name)
		}
	}
	return ParseStatement(Statement{kind, fields}.Render())
}

// Render returns the bytes that are signed.
func (s Statement) Render() []byte {
	b := []byte(s.Kind.header() + "\n")
	for _, f := range grammar[s.Kind] {
		b = append(b, f.name+" "+s.values[f.name]+"\n"...)
	}
	return b
}

// Field returns a field as it is written, "" when the kind has no such field.
func (s Statement) Field(name string) string { return s.values[name] }

// Rollout returns the stages of a proposal.
func (s Statement) Rollout() []Stage {
	stages, _ := readRollout(s.values["rollout"])
	return stages
}

// Time returns a field that is a time; the zero time when it is none.
func (s Statement) Time(name string) time.Time {
	t, _ := parseTime(s.values[name])
	return t
}

// Number returns a field that is a number; zero when it is none.
func (s Statement) Number(name string) uint64 {
	n, _ := readNumber(s.values[name])
	return n
}

// Span returns a field that is a duration; zero when it is none.
func (s Statement) Span(name string) time.Duration {
	d, _ := readSpan(s.values[name])
	return d
}

// firstLine returns the first line of a text, or as much as a header can have.
func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(b[:min(len(b), 64)], []byte("\n"))
	return string(line)
}

func kindOf(b []byte) (Kind, bool) {
	words := strings.Split(firstLine(b), " ")
	if len(words) != 3 {
		return "", false
	}
	kind := Kind(words[1])
	_, ok := grammar[kind]
	return kind, ok && kind.header() == firstLine(b)
}
