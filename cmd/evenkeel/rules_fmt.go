package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/engine"
)

// fmtOptions are the flags of 'rules fmt'.
type fmtOptions struct{ diff, list, check bool }

func rulesFmtCommand() *cobra.Command {
	var o fmtOptions
	cmd := &cobra.Command{
		Use:   "fmt DIR",
		Short: "Lay the rules of a pack out the one way",
		Long: `Lay the rules of a pack out the one way: blanks, indentation and the place of
operators; line breaks within a condition and comments stay. The files are
rewritten, unless a flag asks only to be told.

Exit code 3 with --check when a file is laid out otherwise, 1 when one cannot be read.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return formatPack(cmd.OutOrStdout(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.diff, "diff", "d", false, "print what would change, change nothing")
	f.BoolVarP(&o.list, "list", "l", false, "print which files would change, change nothing")
	f.BoolVar(&o.check, "check", false, "exit with 3 when a file would change, change nothing")
	return cmd
}

func formatPack(w io.Writer, dir string, o fmtOptions) error {
	p, err := readPack(dir)
	if err != nil {
		return packError(dir, err)
	}
	var errs engine.Errors
	changed := 0
	for _, s := range packSources(p) {
		out, err := engine.Format(s)
		if of, ok := err.(engine.Errors); ok {
			errs = append(errs, of...)
			continue
		}
		if err != nil {
			return err
		}
		if bytes.Equal(out, s.Text) {
			continue
		}
		changed++
		if err := o.tell(w, dir, s, out); err != nil {
			return err
		}
	}
	switch {
	case len(errs) > 0:
		return packError(dir, errs)
	case o.check && changed > 0:
		return &exitError{exitUnmet, fmt.Errorf("rules fmt %s: %s laid out otherwise", dir, count(changed, "file")),
			"run 'evenkeel rules fmt " + dir + "'"}
	}
	return nil
}

// tell prints what is to change in a file, or changes it.
func (o fmtOptions) tell(w io.Writer, dir string, s engine.Source, to []byte) error {
	if o.list || !o.diff && !o.check {
		fmt.Fprintln(w, s.Name)
	}
	if o.diff {
		if _, err := w.Write(diff.Diff(s.Name, s.Text, s.Name, to)); err != nil {
			return err
		}
	}
	if o.diff || o.list || o.check {
		return nil
	}
	name := filepath.Join(dir, filepath.FromSlash(s.Name))
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("rules fmt: %w", err)
	}
	if err := os.WriteFile(name, to, info.Mode().Perm()); err != nil {
		return fmt.Errorf("rules fmt: %w", err)
	}
	return nil
}
