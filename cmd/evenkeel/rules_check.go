package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// checkForms are the forms of output of 'rules check'.
var checkForms = []string{"text", "json", "sarif"}

// checkOptions are the flags of 'rules check'.
type checkOptions struct {
	output string
	facts  string // a file of recorded facts, one a line; empty: none
	strict bool
}

func rulesCheckCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Say what is wrong or doubtful in a pack, with the place of each finding",
		Long: `Say what is wrong (E) or doubtful (W) in a pack, each finding with its place. The
rules are parsed in a process of its own with bounds on memory and time.

Exit code 1 when something is wrong, 3 with --strict when something is doubtful.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(o.output, checkForms...); err != nil {
				return err
			}
			return checkPack(cmd.Context(), cmd.OutOrStdout(), args[0], o)
		},
	}
	outputFlag(cmd, &o.output, checkForms...)
	cmd.Flags().StringVar(&o.facts, "facts", "",
		"recorded facts, one a line, as 'evenkeel detect -o jsonl' prints them: finds gaps (W13) and bounds that nothing reaches (W14)")
	cmd.Flags().BoolVar(&o.strict, "strict", false, "exit with 3 when something is doubtful")
	return cmd
}

// checkReport is what 'rules check -o json' prints.
type checkReport struct {
	Errors   []finding `json:"errors"`
	Pack     string    `json:"pack,omitempty"`
	Rules    int       `json:"rules"`
	Tests    int       `json:"tests"`
	V        string    `json:"version,omitempty"`
	Warnings []finding `json:"warnings"`
}

func checkPack(ctx context.Context, w io.Writer, dir string, o checkOptions) error {
	r := checkReport{Errors: []finding{}, Warnings: []finding{}}
	all, err := r.read(ctx, dir, o.facts)
	if err != nil {
		return err
	}
	for _, f := range all {
		if engine.Code(f.Code).Doubtful() {
			r.Warnings = append(r.Warnings, f)
		} else {
			r.Errors = append(r.Errors, f)
		}
	}
	switch o.output {
	case "json":
		err = printJSON(w, r)
	case "sarif":
		err = printJSON(w, newSARIF(r))
	default:
		err = printFindings(w, r)
	}
	switch {
	case err != nil:
		return err
	case len(r.Errors) > 0:
		return &exitError{exitFailed, fmt.Errorf("rules check %s: %s", dir, count(len(r.Errors), "error")), ""}
	case o.strict && len(r.Warnings) > 0:
		return &exitError{exitUnmet, fmt.Errorf("rules check %s: %s", dir, count(len(r.Warnings), "warning")), ""}
	}
	return nil
}

// read reads and surveys a pack, and returns what it found.
func (r *checkReport) read(ctx context.Context, dir, recorded string) ([]finding, error) {
	p, err := readPack(dir)
	if err != nil {
		return findings(err)
	}
	r.Pack, r.Rules, r.Tests, r.V = p.Name, len(p.Rules), len(p.Tests), p.Digest
	if len(p.Rules) == 0 {
		return packFindings(knowledge.Errors{{File: "pack.yaml", Line: 1, Column: 1, Msg: "the pack has no rule, want at least one in rules/*.grl"}}), nil
	}
	allow, err := packAllow(p)
	if err != nil {
		return nil, err
	}
	found, err := surveyPack(ctx, p)
	if err != nil {
		return nil, err
	}
	refused := slices.ContainsFunc(found, func(e *engine.Error) bool { return !e.Code.Doubtful() })
	if recorded != "" && !refused {
		doubts, err := reviewFile(recorded, p, allow)
		if err != nil {
			return nil, err
		}
		found = append(found, doubts...)
	}
	all := rulesFindings(found)
	if refused {
		return all, nil
	}
	unread, err := unreadParameters(p)
	if err != nil {
		return nil, err
	}
	return slices.Concat(unread, all, untested(p)), nil
}

// surveyPack returns what is wrong or doubtful about a pack's rules. They are
// parsed in a process of their own.
func surveyPack(ctx context.Context, p *knowledge.Pack) (engine.Errors, error) {
	allow, err := packAllow(p)
	if err != nil {
		return nil, err
	}
	command, err := surveyCommand()
	if err != nil {
		return nil, err
	}
	return engine.SurveyApart(ctx, command, packSources(p), allow)
}

// soundPack refuses a pack whose rules do not hold. The survey bounds its own
// time.
func soundPack(p *knowledge.Pack) error {
	found, err := surveyPack(context.Background(), p)
	wrong := slices.DeleteFunc(found, func(e *engine.Error) bool { return e.Code.Doubtful() })
	if err == nil && len(wrong) > 0 {
		err = wrong
	}
	return err
}

// surveyCommand returns the command that starts this program as the process in
// which rules are parsed. The name is given, not taken from how this process was
// started: that leads to the program from a test of it too.
func surveyCommand() (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("rules check: find this program, to start it again: %w", err)
	}
	return &exec.Cmd{Path: self, Args: []string{"evenkeel", "rules", "survey"}, Env: []string{"GOTRACEBACK=none"}}, nil
}

// rulesSurveyCommand is the process that surveyCommand starts.
func rulesSurveyCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "survey",
		Short:  "Answer one survey of rules on the standard input, in bounded memory and time",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return engine.AnswerSurvey(cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// finding is one thing that is wrong with a pack, as it is printed.
type finding struct {
	Code   string `json:"code,omitempty"`
	Column int    `json:"column"`
	File   string `json:"file"`
	Hint   string `json:"hint,omitempty"`
	Line   int    `json:"line"`
	Msg    string `json:"message"`
	Rule   string `json:"rule,omitempty"`

	text, excerpt string
}

// findings takes the errors of reading a pack apart; an error of another kind,
// such as a file that cannot be read, is returned as it is.
func findings(err error) ([]finding, error) {
	of, ok := errors.AsType[knowledge.Errors](err)
	if !ok {
		return nil, err
	}
	return packFindings(of), nil
}

func packFindings(of knowledge.Errors) []finding {
	out := make([]finding, len(of))
	for i, e := range of {
		out[i] = finding{File: e.File, Line: e.Line, Column: e.Column, Msg: e.Msg, text: e.Error(),
			excerpt: e.Excerpt()}
	}
	return out
}

// unreadParameters returns an error for each parameter that decides nothing.
func unreadParameters(p *knowledge.Pack) ([]finding, error) {
	g, err := engine.NewGraph(packSources(p))
	if err != nil {
		return nil, err
	}
	var words []string
	for _, r := range g.Rules {
		words = append(words, r.Reads...)
	}
	return packFindings(p.Unread(words)), nil
}

func rulesFindings(of engine.Errors) []finding {
	out := make([]finding, len(of))
	for i, e := range of {
		out[i] = finding{Code: string(e.Code), File: e.File, Line: e.Line, Column: e.Column, Rule: e.Rule,
			Msg: e.Msg, Hint: e.Hint, text: e.Error(), excerpt: e.Excerpt()}
	}
	return out
}

// untested returns an error for each rule that no test fires, or that no test
// misses, and for each test of a rule that is not there.
func untested(p *knowledge.Pack) []finding {
	var out []finding
	add := func(file, rule, msg, hint string) {
		out = append(out, finding{Code: string(engine.E19), File: file, Line: 1, Column: 1, Rule: rule, Msg: msg, Hint: hint,
			text: fmt.Sprintf("%s:1:1: rule %s: E19 %s", file, rule, msg)})
	}
	for _, f := range p.Rules {
		name := ruleOf(f.Name)
		for _, fires := range []bool{true, false} {
			if !slices.ContainsFunc(p.Tests,
				func(t knowledge.Test) bool { return t.Rule == name && t.Fires == fires }) {
				add(f.Name, name, fmt.Sprintf("no test in which its condition is %t", fires),
					"write one in tests/"+name+".yaml")
			}
		}
	}
	for _, t := range p.Tests {
		if !slices.ContainsFunc(p.Rules, func(f knowledge.File) bool { return ruleOf(f.Name) == t.Rule }) {
			add(t.File, t.Rule, "tests of a rule that is not there", "")
			break
		}
	}
	return out
}

// ruleOf returns the rule in a file of a pack: one rule a file, of one name.
func ruleOf(file string) string {
	return strings.TrimSuffix(strings.TrimPrefix(file, "rules/"), ".grl")
}

func printFindings(w io.Writer, r checkReport) error {
	for _, f := range slices.Concat(r.Errors, r.Warnings) {
		fmt.Fprintln(w, f.text)
		if f.excerpt != "" {
			fmt.Fprintln(w, f.excerpt)
		}
		if f.Hint != "" {
			fmt.Fprintln(w, "  hint:", f.Hint)
		}
	}
	if len(r.Errors) > 0 {
		return nil
	}
	warned := ""
	if len(r.Warnings) > 0 {
		warned = ", " + count(len(r.Warnings), "warning")
	}
	_, err := fmt.Fprintf(w, "pack %s: %s, %s, no error%s\nversion %s\n", r.Pack, count(r.Rules, "rule"), count(r.Tests, "test"),
		warned, r.V)
	return err
}
