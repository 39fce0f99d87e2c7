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
		Use:     "check FILE",
		Short:   "Say whether a configuration file is right, and else what is wrong in it",
		Example: "  evenkeel config check /etc/evenkeel/evenkeel.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := config.Load(args[0])
			if err != nil {
				return err
			}
			groups := "groups"
			if len(c.Groups) == 1 {
				groups = "group"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "ok: environment %s, %d %s\n", c.Env, len(c.Groups), groups)
			return err
		},
	})
	return cmd
}
