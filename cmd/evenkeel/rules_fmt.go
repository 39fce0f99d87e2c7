package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

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
		if _, err := w.Write(lineDiff(s.Name, s.Text, to)); err != nil {
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

// diffContext is how many equal lines are printed around a change.
const diffContext = 3

// lineDiff returns the unified difference of two versions of a file, by a
// longest common subsequence of their lines; cost is the product of their
// numbers, of which a rule has some tens.
func lineDiff(name string, from, to []byte) []byte {
	a, b := bytes.SplitAfter(from, []byte("\n")), bytes.SplitAfter(to, []byte("\n"))
	common := make([][]int, len(a)+1) // of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if bytes.Equal(a[i], b[j]) {
				common[i][j] = 1 + common[i+1][j+1]
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var lines []diffLine
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && bytes.Equal(a[i], b[j]):
			lines = append(lines, diffLine{' ', a[i], i, j})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			lines = append(lines, diffLine{'-', a[i], i, j})
			i++
		default:
			lines = append(lines, diffLine{'+', b[j], i, j})
			j++
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "--- %s\n+++ %s\n", name, name)
	for len(lines) > 0 {
		lines = printHunk(&out, lines)
	}
	return out.Bytes()
}

// diffLine is a line that stays, goes or comes, and where in both versions.
type diffLine struct {
	sign byte
	text []byte
	a, b int
}

// printHunk prints the first change of lines with those near it, and returns
// what is after it.
func printHunk(w io.Writer, lines []diffLine) []diffLine {
	changed := func(l diffLine) bool { return l.sign != ' ' }
	first := slices.IndexFunc(lines, changed)
	if first < 0 {
		return nil
	}
	end := first + 1
	for i := end; i < len(lines) && i <= end+2*diffContext; i++ {
		if changed(lines[i]) {
			end = i + 1
		}
	}
	hunk := lines[max(first-diffContext, 0):min(end+diffContext, len(lines))]
	removed, added := 0, 0
	for _, l := range hunk {
		if l.sign != '+' {
			removed++
		}
		if l.sign != '-' {
			added++
		}
	}
	fmt.Fprintf(w, "@@ -%d,%d +%d,%d @@\n", hunk[0].a+1, removed, hunk[0].b+1, added)
	for _, l := range hunk {
		fmt.Fprintf(w, "%c%s", l.sign, l.text)
		if !bytes.HasSuffix(l.text, []byte("\n")) && len(l.text) > 0 {
			fmt.Fprint(w, "\n\\ No newline at end of file\n")
		}
	}
	return lines[end:]
}
