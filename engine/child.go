package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
)

// The bounds of the process that parses proposed text. The guard admits only
// what is cheap; these hold whatever the guard overlooks.
const (
	childMemory  = 1 << 30                // bytes, beyond what the process has when it starts; 10,000 rules need a quarter
	childSeconds = 2                      // of processor time, for the process and its first rules
	rulesASecond = 250                    // that are parsed and analysed on a slow machine
	childWall    = 20 * time.Second       // for a small version; a busy machine gives it a tenth of a processor
	wallPerRule  = 20 * time.Millisecond  // beyond childWall
	maxQuestion  = 64 << 20               // bytes: twice the largest pack
	maxAnswer    = 8 << 20                // bytes: some 20,000 findings
	maxMessage   = 2 << 10                // bytes of one finding's text
	answerGrace  = 500 * time.Millisecond // from killing the process to giving its pipes up
)

// question is what the child is asked, surveyed what it says.
type (
	question struct {
		Rules      []Source       `json:"rules"`
		Verbs      []actions.Verb `json:"verbs"`
		Tiers      []string       `json:"tiers"`
		Certified  *int64         `json:"certified,omitempty"` // nanoseconds
		Derived    []Word         `json:"derived,omitempty"`
		Parameters []Parameter    `json:"parameters,omitempty"`
	}
	surveyed struct {
		V        int            `json:"v"` // 1
		Findings []answeredItem `json:"findings"`
	}
	answeredItem struct {
		File   string `json:"file"`
		Line   int    `json:"line"`
		Column int    `json:"column"`
		Rule   string `json:"rule,omitempty"`
		Code   Code   `json:"code"`
		Msg    string `json:"msg"`
		Hint   string `json:"hint,omitempty"`
	}
)

// SurveyApart is [Survey] in a process of its own, which is killed when it
// takes more than a bounded share of memory or time: the text of a proposal is
// never parsed in the process that decides. The command must lead to
// [AnswerSurvey] on its standard input and output; the context ends it early.
//
// A version that kills the process is refused (E17). An error is the machine's:
// the process could not be started, or did not speak as agreed.
func SurveyApart(ctx context.Context, command *exec.Cmd, rules []Source, allow Allow) (Errors, error) {
	q := question{Rules: rules, Verbs: allow.Verbs, Tiers: allow.Tiers, Derived: allow.Derived, Parameters: allow.Parameters}
	if allow.Certified != nil {
		n := int64(*allow.Certified)
		q.Certified = &n
	}
	in, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("engine: survey: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, childWall+time.Duration(len(rules))*wallPerRule)
	defer cancel()
	out, err := ask(ctx, command, in)
	if err == nil {
		return readAnswer(out, rules)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(rules) > 0 && (!exit.Exited() || exit.ExitCode() == exitMemory) {
		return Errors{{File: rules[0].Name, Line: 1, Column: 1, Code: e17,
			Msg:  "the parser needs more memory or time than a version may take (" + exit.String() + ")",
			Hint: "check fewer of the rules at a time: one of them is to blame, or their number"}}, nil
	}
	return nil, fmt.Errorf("engine: survey in a process of its own: %w", err)
}

// exitMemory is how the runtime ends a process that gets no memory.
const exitMemory = 2

// ask runs a command with in on its standard input and returns what it wrote.
func ask(ctx context.Context, command *exec.Cmd, in []byte) ([]byte, error) {
	c := exec.CommandContext(ctx, command.Path)
	c.Args, c.Env, c.Dir = command.Args, command.Env, command.Dir
	c.WaitDelay = answerGrace
	c.Stdin = bytes.NewReader(in)
	out, complaint := &capped{left: maxAnswer, end: errFull}, &capped{left: maxMessage}
	c.Stdout, c.Stderr = out, complaint
	err := c.Run()
	switch {
	case out.left < 0:
		return nil, fmt.Errorf("answer of more than %d bytes", maxAnswer)
	case err != nil && complaint.kept.Len() > 0:
		first, _, _ := strings.Cut(complaint.kept.String(), "\n")
		return nil, fmt.Errorf("%w: %q", err, first)
	case err != nil:
		return nil, err
	}
	return out.kept.Bytes(), nil
}

// capped keeps the first bytes that are written to it.
type capped struct {
	kept bytes.Buffer
	left int   // below zero: some were dropped
	end  error // of the writer, once some were
}

var errFull = errors.New("more than was asked for")

func (c *capped) Write(p []byte) (int, error) {
	if c.left < 0 {
		return len(p), c.end
	}
	c.kept.Write(p[:min(len(p), c.left)])
	c.left -= len(p)
	return len(p), nil
}

// AnswerSurvey is the other end of [SurveyApart]: it bounds its own process,
// reads the question, surveys and answers. It leaves the process bounded.
func AnswerSurvey(in io.Reader, out io.Writer) error {
	if err := boundMemory(childMemory); err != nil {
		return fmt.Errorf("engine: bound the memory of the parser: %w", err)
	}
	q, err := readQuestion(in)
	if err != nil {
		return err
	}
	if err := boundTime(childSeconds + len(q.Rules)/rulesASecond); err != nil {
		return fmt.Errorf("engine: bound the time of the parser: %w", err)
	}
	return q.answer(out)
}

func readQuestion(in io.Reader) (q question, err error) {
	b, err := io.ReadAll(io.LimitReader(in, maxQuestion+1))
	if err != nil || len(b) > maxQuestion {
		return q, fmt.Errorf("engine: question of %d bytes, want at most %d: %w", len(b), maxQuestion, err)
	}
	if err := decodeStrict(b, &q); err != nil {
		return q, fmt.Errorf("engine: question: %w", err)
	}
	if len(q.Rules) > MaxRules {
		return q, fmt.Errorf("engine: question of %d rules, want at most %d", len(q.Rules), MaxRules)
	}
	return q, nil
}

// answer surveys what is asked about.
func (q *question) answer(out io.Writer) error {
	allow := Allow{Verbs: q.Verbs, Tiers: q.Tiers, Derived: q.Derived, Parameters: q.Parameters}
	if q.Certified != nil {
		r := facts.Rate(*q.Certified)
		allow.Certified = &r
	}
	a := surveyed{V: 1, Findings: []answeredItem{}}
	for _, e := range Survey(q.Rules, allow) {
		a.Findings = append(a.Findings, answeredItem{e.File, e.Line, e.Column, e.Rule, e.Code, e.Msg, e.Hint})
	}
	return json.NewEncoder(out).Encode(a)
}

func decodeStrict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the first value")
	}
	return nil
}

// readAnswer takes the child's word for nothing but what a rule is refused for:
// each finding has to be about a file that was asked about.
func readAnswer(b []byte, rules []Source) (Errors, error) {
	var a surveyed
	if err := decodeStrict(b, &a); err != nil {
		return nil, fmt.Errorf("engine: answer of the survey: %w", err)
	}
	if a.V != 1 || a.Findings == nil {
		return nil, fmt.Errorf("engine: answer of the survey: version %d, want 1 and its findings", a.V)
	}
	text := make(map[string][]byte, len(rules))
	for _, s := range rules {
		text[s.Name] = s.Text
	}
	var out Errors
	for _, f := range a.Findings {
		source, ok := text[f.File]
		if !ok || f.Line < 1 || f.Column < 1 || !codeForm(f.Code) || f.Msg == "" || len(f.Msg)+len(f.Hint) > maxMessage {
			return nil, fmt.Errorf("engine: answer of the survey: finding %.40q of %.80q is not one", f.Code, f.File)
		}
		out = append(out, &Error{File: f.File, Line: f.Line, Column: f.Column, Rule: f.Rule, Code: f.Code, Msg: f.Msg, Hint: f.Hint,
			source: sourceLine(source, f.Line)})
	}
	return out, nil
}

func codeForm(c Code) bool {
	return len(c) == 3 && (c[0] == 'E' || c[0] == 'W') && isDigit(c[1]) && isDigit(c[2])
}
