package main

import (
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
	cmd.AddCommand(rulesCheckCommand(), rulesDiffCommand(), rulesFmtCommand(), rulesGraphCommand(), rulesTestCommand(), rulesBacktestCommand(),
		rulesSurveyCommand(), rulesVocabularyCommand(), rulesQuarantineCommand(),
		rulesGateCommand(), rulesSignCommand(), rulesStatusCommand(), rulesHistoryCommand(), rulesShowCommand(), rulesExportCommand(), rulesProposeCommand(),
		rulesApproveCommand(), rulesRejectCommand(), rulesWithdrawCommand(), rulesRollbackCommand(), rulesBreakglassCommand())
	return cmd
}

func rulesVocabularyCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "vocabulary [DIR]",
		Short: "List the words that rules may use, with those of a pack",
		Long: `List the words that rules may use. With the directory of a pack also its own:
the values D that its rules derive, and its parameters P, which pack.yaml declares:

  derived:
    Diagnosis: {type: text, values: [black_hole, slow], doc: what is wrong with the member}
  parameters:
    SlowTicks: {value: 5, unit: ticks, range: 1 to 60, doc: how long a member is slow before it is drained}
    Latency: {value: latency_ms, doc: the metric that tells how long an answer takes}

A parameter is read as P.SlowTicks. It is the number or text that stands under
value, wherever a rule may have one, and the same as long as the version lives.`,
		Example: "  evenkeel rules vocabulary packs/web",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			var allow engine.Allow
			if len(args) > 0 {
				p, err := readPack(args[0])
				if err != nil {
					return packError(args[0], err)
				}
				if allow, err = packAllow(p); err != nil {
					return err
				}
			}
			if output == "json" {
				return printJSON(cmd.OutOrStdout(), vocabularyReport{allow.Parameters, engine.VocabularyVersion,
					slices.Concat(engine.Vocabulary(), allow.Derived)})
			}
			return printVocabulary(cmd.OutOrStdout(), allow)
		},
	}
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

// vocabularyReport is what 'rules vocabulary -o json' prints.
type vocabularyReport struct {
	Parameters []engine.Parameter `json:"parameters,omitempty"`
	Vocabulary int                `json:"vocabulary"`
	Words      []engine.Word      `json:"words"`
}

func printVocabulary(w io.Writer, allow engine.Allow) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(v engine.Word, values string) {
		if v.Values != nil {
			values = strings.Join(v.Values, " ")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", v.Signature(), v.Type, v.Unit, values, v.Doc)
	}
	fmt.Fprintf(t, "WORD\tTYPE\tUNIT\tVALUES\tMEANING (vocabulary %d)\n", engine.VocabularyVersion)
	for _, v := range slices.Concat(engine.Vocabulary(), allow.Derived) {
		line(v, v.Range)
	}
	for _, p := range allow.Parameters {
		is := p.Value
		if p.Range != "" {
			is += " of " + p.Range
		}
		line(p.Word, is)
	}
	return t.Flush()
}
