package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

func baselineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "See, keep and correct what was learnt of a group",
		Long: `See, keep and correct what the daemon has learnt of a group: what members are
like to each other, and what was the worst in each healthy epoch. It is kept in
the data directory, in files DATA/baselines/GROUP/*.json: when a version begins,
after epochs, and at the end; the newest that is sound and fits is taken up at
the next start.

list, show and export only read, whether the daemon runs or not. reset and label
leave a request, which it takes up within a second or at its next start, and
records. import is for a daemon that does not run.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(baselineListCommand(), baselineShowCommand(), baselineExportCommand(), baselineImportCommand(),
		baselineResetCommand(), baselineLabelCommand())
	return cmd
}

// dataFlag adds --data, which all of them need.
func dataFlag(cmd *cobra.Command, data *string) {
	cmd.Flags().StringVar(data, "data", "", "data directory of 'evenkeel serve'")
}

// checkData returns an error unless data is a directory.
func checkData(data string) error {
	if data == "" {
		return &exitError{exitUsage, errors.New("baselines: no data directory given"), "add --data DIR"}
	}
	info, err := os.Stat(data)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a directory", data)
	}
	if err != nil {
		return &exitError{exitFailed, fmt.Errorf("baselines: %w", err), "give the data directory of 'evenkeel serve'"}
	}
	return nil
}

// storeOf returns the store of a group of which something is kept.
func storeOf(data, group string) (*baselineStore, error) {
	if err := checkData(data); err != nil {
		return nil, err
	}
	groups, err := storedGroups(data)
	if err != nil {
		return nil, baselineError(err)
	}
	if !slices.Contains(groups, group) {
		hint := "a group is kept from its first epochs on: is it the directory of the daemon?"
		if len(groups) > 0 {
			hint = "there is " + strings.Join(groups, ", ")
		}
		return nil, &exitError{exitUnmet, fmt.Errorf("baselines: nothing is kept of group %s in %s", group, data), hint}
	}
	return newBaselineStore(data, group), nil
}

// newestOf returns the newest file of a group that can be read. That one cannot
// is told.
func newestOf(cmd *cobra.Command, data, group string) (*detect.Learnt, baselineFile, error) {
	s, err := storeOf(data, group)
	if err != nil {
		return nil, baselineFile{}, err
	}
	l, f, err := s.newest(func(_ baselineFile, err error) { fmt.Fprintf(cmd.ErrOrStderr(), "evenkeel: warning: %v\n", err) })
	if err == nil && l == nil {
		err = &exitError{exitUnmet, fmt.Errorf("baselines: no file of group %s can be read", group), "'evenkeel baseline list' shows what is there"}
	}
	return l, f, baselineError(err)
}

// baselineError gives an error the next step.
func baselineError(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return &exitError{exitFailed, err, "run it as the user of the daemon"}
	}
	return err
}

// ageOf says what the epochs certify, as the daemon's facts do.
func ageOf(l *detect.LearntInfo) string {
	rate := func(p float64) facts.Rate {
		return facts.Rate((time.Duration(float64(l.Epoch) / p)).Round(time.Millisecond))
	}
	switch {
	case !(l.Certified < 1):
		return "ageing: certified nothing of " + rate(l.Declared).String()
	case l.Certified > l.Declared*(1+1e-9):
		return fmt.Sprintf("ageing: certified %s of %s", rate(l.Certified), rate(l.Declared))
	}
	return fmt.Sprintf("certified %s of %s", rate(l.Certified), rate(l.Declared))
}
