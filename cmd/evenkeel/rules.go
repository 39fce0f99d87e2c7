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
)

func rulesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Check, lay out, draw and test packs of rules, and judge who may change them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(rulesCheckCommand(), rulesDiffCommand(), rulesFmtCommand(), rulesGraphCommand(), rulesTestCommand(), rulesSurveyCommand(),
		rulesGateCommand(), rulesSignCommand(), rulesVocabularyCommand())
	return cmd
}

// outputFlag adds -o to a command, with the forms that it has.
func outputFlag(cmd *cobra.Command, to *string, forms ...string) {
	cmd.Flags().StringVarP(to, "output", "o", forms[0], strings.Join(forms, ", "))
}

// checkOutput refuses a form of output that the command does not have.
func checkOutput(s string, forms ...string) error {
	if !slices.Contains(forms, s) {
		return &exitError{exitUsage, fmt.Errorf("output %q, want %s", s, strings.Join(forms, " or ")), ""}
	}
	return nil
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
