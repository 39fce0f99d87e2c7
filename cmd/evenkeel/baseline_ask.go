package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func baselineResetCommand() *cobra.Command {
	var data string
	r := baselineRequest{V: 1, Kind: requestReset}
	cmd := &cobra.Command{
		Use:   "reset GROUP --data DIR --by NAME --reason TEXT",
		Short: "Begin a new version of a group's baseline",
		Long: `Begin a new version of a group's baseline: what members are now, compared to
each other, is what creep is told from, and evidence over epochs begins anew.
Thresholds and pasts stay; they slide by themselves.

It leaves a request, which the daemon takes up within a second, or at its next
start, and records. The name is recorded and not proven: nothing is signed.`,
		Example: "  evenkeel baseline reset web --data /var/lib/evenkeel --by ana --reason 'moved to the new racks'",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return askBaseline(cmd, data, args[0], r)
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().StringVar(&r.By, "by", "", "who asks for it")
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why, one line")
	return cmd
}

func baselineLabelCommand() *cobra.Command {
	var data, from, to string
	r := baselineRequest{V: 1, Kind: requestLabel}
	cmd := &cobra.Command{
		Use:   "label GROUP faulty|healthy --data DIR --from TIME --to TIME --by NAME",
		Short: "Say of a time that somebody in a group was at fault, or nobody",
		Long: `Say of a time that somebody in a group was at fault: the epochs that began in it
are taken out of what thresholds are taken from. healthy puts back what an
earlier label took out.

With --incident in place of --by the record of incidents says so, and no person
answers for it: then at most one epoch in twenty is taken out, as more would make
what is left a selection.

It leaves a request, which the daemon takes up within a second, or at its next
start, and records. The name is recorded and not proven: nothing is signed.`,
		Example: `  evenkeel baseline label web faulty --data /var/lib/evenkeel --from 2026-11-22T05:00:00Z --to 2026-11-22T07:00:00Z --by ana
  evenkeel baseline label web faulty --data /var/lib/evenkeel --from 2026-11-22T05:00:00Z --to 2026-11-22T07:00:00Z --incident INC-4711`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("label", args[1], "faulty", "healthy"); err != nil {
				return err
			}
			r.Healthy = args[1] == "healthy"
			for _, x := range []struct {
				flag, text string
				t          *time.Time
			}{{"--from", from, &r.From}, {"--to", to, &r.To}} {
				t, err := time.Parse(time.RFC3339, x.text)
				if err != nil {
					return &exitError{exitUsage, fmt.Errorf("%s %.40q, want a time like 2026-11-22T05:50:00Z", x.flag, x.text), "see --help"}
				}
				*x.t = t.UTC()
			}
			return askBaseline(cmd, data, args[0], r)
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().StringVar(&from, "from", "", "epochs that began then or later, as 2026-11-22T05:50:00Z")
	cmd.Flags().StringVar(&to, "to", "", "and before then")
	cmd.Flags().StringVar(&r.By, "by", "", "who says so")
	cmd.Flags().StringVar(&r.Incident, "incident", "", "incident that says so, in place of a person")
	return cmd
}

// askBaseline leaves a request for the daemon.
func askBaseline(cmd *cobra.Command, data, group string, r baselineRequest) error {
	r.Group, r.By, r.Incident, r.Reason = group, strings.TrimSpace(r.By), strings.TrimSpace(r.Incident), strings.TrimSpace(r.Reason)
	if err := r.check(); err != nil {
		return &exitError{exitUsage, fmt.Errorf("baseline %s: %w", r.Kind, err), "see '" + cmd.CommandPath() + " --help'"}
	}
	s, err := storeOf(data, group)
	if err != nil {
		return err
	}
	if err := s.ask(r, time.Now()); err != nil {
		return baselineError(err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "asked: the daemon takes it up within a second, or at its next start; 'evenkeel audit show --data %s --type baseline' tells\n", data)
	return err
}
