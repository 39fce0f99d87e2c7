package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/engine"
)

func rulesQuarantineCommand() *cobra.Command {
	var s auditSource
	var output string
	cmd := &cobra.Command{
		Use:   "quarantine --data DIR",
		Short: "List the rules that are put aside",
		Long: `List the rules that are put aside in the version that decided last in their
group. A rule that fails three times within ten minutes is not evaluated any
more: every decision names it, and two people have to lift it, each with
'evenkeel resume' and the digest that is printed here, or another version be
activated. While a rule is put aside that the pack calls critical, decisions
only advise.

The audit log of the data directory, or of a copy of it, is read from its end to
its beginning; nothing is locked or changed.`,
		Example: `  evenkeel rules quarantine --data /var/lib/evenkeel
  evenkeel rules quarantine --data ./copy -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			return listQuarantine(cmd.Context(), cmd.OutOrStdout(), &s, output)
		},
	}
	s.flags(cmd)
	outputFlag(cmd, &output, "text", "json")
	return cmd
}

func listQuarantine(ctx context.Context, w io.Writer, s *auditSource, output string) (err error) {
	r, err := s.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	aside, err := engine.Aside(ctx, r)
	switch {
	case err != nil:
		return s.explain(err)
	case output == "json":
		return printJSON(w, append([]engine.PutAside{}, aside...))
	case len(aside) == 0:
		_, err := fmt.Fprintln(w, "no rule is put aside")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "GROUP\tRULE\tSINCE\tVERSION\tDIGEST\tWHY")
	for _, a := range aside {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", a.Group, a.Rule, a.Since, a.Version, a.Digest, escapeLine(a.Why))
	}
	return t.Flush()
}
