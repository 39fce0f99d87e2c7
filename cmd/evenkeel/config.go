package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/cmd/internal/config"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration file",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "check FILE",
		Short: "Say whether a configuration file is right, and else what is wrong in it",
		Long: `Say whether a configuration file and the packs that it names are right, and
else what is wrong. Of each group it says when its first alarm is possible, when
the history is long enough for the rate of false alarms that is declared, and
when the group is compared with its own past.
Sources, balancers and brokers are not asked.`,
		Example: "  evenkeel config check /etc/evenkeel/evenkeel.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := config.Load(args[0])
			if err != nil {
				return err
			}
			if err := checkPacks(c); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "ok: environment %s, %s\n", c.Env, count(len(c.Groups), "group"))
			for i := range c.Groups {
				expected, err := plan(c, &c.Groups[i])
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), expected); err != nil {
					return err
				}
			}
			return nil
		},
	})
	return cmd
}
