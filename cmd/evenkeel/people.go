package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func peopleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "people",
		Short: "Begin, read and change the register of people who may change rules",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(peopleAddCommand(), peopleInitCommand(), peoplePolicyCommand(), peopleRemoveCommand(), peopleReviewCommand(), peopleShowCommand(), peopleSubmitCommand())
	return cmd
}

func peopleShowCommand() *cobra.Command {
	var trust string
	cmd := &cobra.Command{
		Use:   "show DIR",
		Short: "Verify a people register, and say who may do what",
		Long: `Verify the versions 0001.txt, 0002.txt, … of a people register with their
signatures, and say who may do what. Without --trust the first version is
believed: compare its digest with the one that you pinned.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return showPeople(cmd.OutOrStdout(), args[0], trust, time.Now())
		},
	}
	cmd.Flags().StringVar(&trust, "trust", "", "digest of version 1, as pinned: sha256:…")
	return cmd
}

func showPeople(w io.Writer, dir, trust string, now time.Time) error {
	chain, pinned, err := readRegisters(dir, trust)
	if err != nil {
		return err
	}
	r, digest := chain.Current()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "trust\t%s\n", chain.Digests[0])
	fmt.Fprintf(t, "register\t%s, version %d\n", digest, r.Version)
	fmt.Fprintf(t, "holds\tfrom %s to %s\n", r.Time.Format(time.RFC3339), r.Expires.Format(time.RFC3339))
	fmt.Fprintf(t, "changed by\t%d root people\n", r.RootThreshold)
	for _, p := range r.Policies {
		fmt.Fprintf(t, "environment\t%s: %d approvals, at least %d stages of %v\n", p.Env, p.Approvals, p.MinRings, p.MinDwell)
	}
	for _, p := range r.People {
		fmt.Fprintf(t, "%s\t%s, %s\n", p.ID, p.Name, strings.Join(p.Roles, ", "))
		for _, k := range p.Keys {
			fmt.Fprintf(t, "\t%s\n", k)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if now.After(r.Expires) {
		return &exitError{exitFailed, errors.New("the register has expired: no change passes"), "root people sign the next version"}
	}
	if !pinned {
		_, err = fmt.Fprintln(w, "\nnot compared with a pinned digest: add --trust")
	}
	return err
}
