package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func rulesShowCommand() *cobra.Command {
	var o paperOptions
	var from string
	cmd := &cobra.Command{
		Use:   "show [CHANGE] -c FILE",
		Short: "Show a change as those see it who are to approve it",
		Long: `Show a change as those see it who are to approve it: what it says, how it
differs from what is live, what was found about it, and what the gate makes of
it. All of it is computed from the very files; what does not hold exits with 7.`,
		Example: `  evenkeel rules show 3fa41b02 -c evenkeel.yaml
  evenkeel rules show 3fa41b02 --from http://127.0.0.1:8420 --trust sha256:…`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			if id == "" && from == "" {
				return &exitError{exitUsage, errors.New("no change given"), "'evenkeel rules status' lists them"}
			}
			k, err := o.openCase(cmd.Context(), id, from, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return k.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVarP(&o.config, "config", "c", "", "configuration file of the daemon")
	o.fromFlags(cmd, &from)
	return cmd
}

func rulesExportCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "export CHANGE DIR -c FILE",
		Short: "Write the papers of a change, and what they are about, to plain files",
		Long: `Write the people register, the statements with their signatures, the bundle and
the dossier of a change to DIR, which must not exist: what 'evenkeel rules gate'
judges and 'evenkeel rules approve --from' reads, and what ssh-keygen and
sha256sum verify without this program.

Of a change that has begun the statements are those by which it did, and the
command that is printed gives the gate's verdict of that instant. What was said
of it afterwards, such as a rejection that ended its rollout, or a rollback, is in
the folder later, in its order: it changes nothing of that verdict.`,
		Example: "  evenkeel rules export 3fa41b02 change-42 -c evenkeel.yaml",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := openSite(cmd.Context(), file, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return s.export(cmd.OutOrStdout(), args[0], args[1])
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file of the daemon")
	return cmd
}

func (s *site) export(w io.Writer, id, dir string) error {
	c, err := s.change(id)
	if err != nil {
		return err
	}
	p, err := s.parcel(c)
	if err != nil {
		return err
	}
	q, err := s.ledger.Question(c.Digest, s.now)
	if err != nil {
		return err
	}
	if err := p.write(dir); err != nil {
		return err
	}
	args := fmt.Sprintf("--trust %s --env %s --registers registers --bundle bundle --statements statements --active %s --seq %d --now %s\n",
		q.Trust, q.Env, q.Active, q.Seq, stamp(q.Now))
	more := ""
	if len(p.later) > 0 {
		more = "; " + count(len(p.later), "statement") + " said later"
	}
	_, err = fmt.Fprintf(w, "%s: %d registers, %d statements, %d files%s\njudge it: cd %s && evenkeel rules gate %s", dir, len(p.registers), len(p.statements), len(p.bundle), more, dir, args)
	return err
}
