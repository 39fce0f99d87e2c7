package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

func rulesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Check and test packs of rules",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(rulesCheckCommand(), rulesTestCommand(), rulesVocabularyCommand())
	return cmd
}

// outputFlag adds -o to a command: text, or one JSON object.
func outputFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVarP(to, "output", "o", "text", "text or json")
}

func checkOutput(s string) error {
	if s != "text" && s != "json" {
		return &exitError{exitUsage, fmt.Errorf("output %q, want text or json", s), ""}
	}
	return nil
}

func rulesCheckCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Say what is wrong with a pack, with the place of each error",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			return checkPack(cmd.OutOrStdout(), args[0], output)
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

// checkReport is what 'rules check -o json' prints.
type checkReport struct {
	Errors []finding `json:"errors"`
	Pack   string    `json:"pack,omitempty"`
	Rules  int       `json:"rules"`
	Tests  int       `json:"tests"`
	V      string    `json:"version,omitempty"`
}

func checkPack(w io.Writer, dir, output string) error {
	r := checkReport{Errors: []finding{}}
	p, err := readPack(dir)
	if err == nil {
		r.Pack, r.Rules, r.Tests, r.V = p.Name, len(p.Rules), len(p.Tests), p.Digest
		_, err = compilePack(p)
	}
	if err == nil {
		r.Errors = append(r.Errors, untested(p)...)
	} else if r.Errors, err = findings(err); err != nil {
		return err
	}
	if output == "json" {
		err = printJSON(w, r)
	} else {
		err = printFindings(w, r)
	}
	if err == nil && len(r.Errors) > 0 {
		err = &exitError{exitFailed, fmt.Errorf("rules check %s: %s", dir, count(len(r.Errors), "error")), ""}
	}
	return err
}

// untested returns an error for each rule that no test fires, or that no test
// misses, and for each test of a rule that is not there.
func untested(p *knowledge.Pack) []finding {
	var out []finding
	add := func(file, rule, msg, hint string) {
		out = append(out, finding{Code: "E19", File: file, Line: 1, Column: 1, Rule: rule, Msg: msg, Hint: hint,
			text: fmt.Sprintf("%s:1:1: rule %s: E19 %s", file, rule, msg)})
	}
	for _, f := range p.Rules {
		name := strings.TrimSuffix(strings.TrimPrefix(f.Name, "rules/"), ".grl")
		for _, fires := range []bool{true, false} {
			if !slices.ContainsFunc(p.Tests,
				func(t knowledge.Test) bool { return t.Rule == name && t.Fires == fires }) {
				add(f.Name, name, fmt.Sprintf("no test in which its condition is %t", fires),
					"write one in tests/"+name+".yaml")
			}
		}
	}
	for _, t := range p.Tests {
		if !slices.ContainsFunc(p.Rules, func(f knowledge.File) bool { return f.Name == "rules/"+t.Rule+".grl" }) {
			add(t.File, t.Rule, "tests of a rule that is not there", "")
			break
		}
	}
	return out
}

func printFindings(w io.Writer, r checkReport) error {
	for _, f := range r.Errors {
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
	_, err := fmt.Fprintf(w, "pack %s: %s, %s, no error\nversion %s\n", r.Pack, count(r.Rules, "rule"), count(r.Tests, "test"), r.V)
	return err
}

// printJSON writes v as one object, indented for people.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func rulesVocabularyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "vocabulary",
		Short: "List the words that rules may use",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printVocabulary(cmd.OutOrStdout())
		},
	}
}

func printVocabulary(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "WORD\tTYPE\tUNIT\tVALUES\tMEANING (vocabulary %d)\n", engine.VocabularyVersion)
	for _, v := range engine.Vocabulary() {
		values := v.Range
		if v.Values != nil {
			values = strings.Join(v.Values, " ")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", v.Signature(), v.Type, v.Unit, values, v.Doc)
	}
	return t.Flush()
}
