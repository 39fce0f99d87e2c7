package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func peopleSubmitCommand() *cobra.Command {
	o := &paperOptions{}
	cmd := &cobra.Command{
		Use:   "submit DIR -c FILE",
		Short: "Hand the versions of a people register to the daemon",
		Long: `Hand the versions of a people register to the daemon, with their signatures.
It takes those that it has not, if they hold, and records which it refuses.

DIR is verified first. Who hands it over does not matter, and nothing is signed.`,
		Example: "  evenkeel people submit registers -c evenkeel.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := loadTrusted(o.config)
			if err != nil {
				return err
			}
			chain, _, err := readRegisters(args[0], c.Trust)
			if err != nil {
				return err
			}
			texts, err := readTexts(args[0])
			if err != nil {
				return err
			}
			s := o.speaker(cmd)
			where, err := s.send(cmd.Context(), "register", &parcel{registers: texts})
			if err != nil {
				return err
			}
			r, digest := chain.Current()
			_, err = fmt.Fprintf(s.out, "register  %s, version %d\nsent      %s\n", digest, r.Version, where)
			return err
		},
	}
	cmd.Flags().StringVarP(&o.config, "config", "c", "", "configuration file of the daemon: its env, data and trust are used")
	o.viaFlag(cmd)
	return cmd
}
