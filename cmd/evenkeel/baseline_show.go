package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/facts/detect"
)

// baselineRow is one file in a list; keys sorted.
type baselineRow struct {
	Age     string    `json:"age,omitempty"`
	Bytes   int64     `json:"bytes"`
	Damaged string    `json:"damaged,omitempty"` // why it cannot be read; empty: it can
	Digest  string    `json:"digest,omitempty"`  // of the version
	Epochs  int       `json:"epochs"`
	File    string    `json:"file"`
	Group   string    `json:"group"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Taken   time.Time `json:"taken,omitzero"`
	Version int       `json:"version"`
}

func baselineListCommand() *cobra.Command {
	var data, output string
	cmd := &cobra.Command{
		Use:   "list --data DIR",
		Short: "List what is kept, newest first",
		Long: `List the files of all groups, newest first: each version of a baseline, why and
since when it was in force, and how many healthy epochs were behind its threshold
when the file was written. The exit code is 7 when a file is damaged: the daemon
takes the one before.`,
		Example: "  evenkeel baseline list --data /var/lib/evenkeel",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(checkOutput(output, "table", "json"), checkData(data)); err != nil {
				return err
			}
			rows, err := baselineRows(data)
			if err != nil {
				return baselineError(err)
			}
			if err := writeBaselines(cmd.OutOrStdout(), rows, output); err != nil {
				return err
			}
			if i := slices.IndexFunc(rows, func(r baselineRow) bool { return r.Damaged != "" }); i >= 0 {
				return &exitError{exitTampered, errors.New(rows[i].Damaged), "the daemon does not use it; keep a copy and remove it"}
			}
			return nil
		},
	}
	dataFlag(cmd, &data)
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

func baselineRows(data string) ([]baselineRow, error) {
	rows := []baselineRow{}
	groups, err := storedGroups(data)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		s := newBaselineStore(data, group)
		files, err := s.files()
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			row := baselineRow{Bytes: f.bytes, File: f.name, Group: group, Version: f.version}
			if l, err := s.read(f); err != nil {
				row.Damaged = err.Error()
			} else {
				row.Age, row.Epochs, row.Taken = ageOf(&l.LearntInfo), l.Tests[0].Epochs, l.Taken
				row.Digest, row.Reason, row.Since = l.Baseline.Digest, l.Baseline.Reason, l.Baseline.Since
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func writeBaselines(out io.Writer, rows []baselineRow, output string) error {
	if output == "json" {
		return json.NewEncoder(out).Encode(struct {
			Baselines []baselineRow `json:"baselines"`
			V         int           `json:"v"`
		}{rows, 1})
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "GROUP\tVERSION\tREASON\tSINCE\tEPOCHS\tAGE\tFILE")
	for _, r := range rows {
		if r.Damaged != "" {
			fmt.Fprintf(w, "%s\t%d\tDAMAGED\t\t\t\t%s\n", r.Group, r.Version, r.File)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%s\t%s\n", r.Group, r.Version, plain(r.Reason), r.Since.Format(time.RFC3339), r.Epochs, r.Age, r.File)
	}
	return w.Flush()
}

func baselineShowCommand() *cobra.Command {
	var data, feature, output string
	cmd := &cobra.Command{
		Use:   "show GROUP --data DIR",
		Short: "Show the newest baseline of a group",
		Long: `Show the newest baseline of a group: its version and age, each test with its
epochs and threshold, and with --feature what a feature is with each member
compared to its peers.`,
		Example: `  evenkeel baseline show web --data /var/lib/evenkeel
  evenkeel baseline show web --data /var/lib/evenkeel --feature latency_ms -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "table", "json"); err != nil {
				return err
			}
			l, f, err := newestOf(cmd, data, args[0])
			if err != nil {
				return err
			}
			cells := l.Cells(feature)
			if feature != "" && !slices.Contains(l.Features, feature) {
				return &exitError{exitUnmet, fmt.Errorf("baselines: group %s has no feature %.40q", args[0], feature), "it has " + strings.Join(l.Features, ", ")}
			}
			if output == "json" {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
					About detect.LearntInfo `json:"about"`
					Age   string            `json:"age"`
					Cells []detect.Cell     `json:"cells,omitempty"`
					File  string            `json:"file"`
					V     int               `json:"v"`
				}{l.LearntInfo, ageOf(&l.LearntInfo), cells, f.name, 1})
			}
			return writeBaseline(cmd.OutOrStdout(), l, f, feature, cells)
		},
	}
	dataFlag(cmd, &data)
	cmd.Flags().StringVar(&feature, "feature", "", "show what this feature is with each member")
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

func writeBaseline(out io.Writer, l *detect.Learnt, f baselineFile, feature string, cells []detect.Cell) error {
	b := &l.Baseline
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "group\t%s of %s\nversion\t%d: %s\nsince\t%s\ndigest\t%s\n", l.Group, l.Env, b.Version, plain(b.Reason), b.Since.Format(time.RFC3339), b.Digest)
	fmt.Fprintf(w, "taken\t%s\nfile\t%s, %d bytes\nage\t%s\n", l.Taken.Format(time.RFC3339), filepath.Base(f.name), f.bytes, ageOf(&l.LearntInfo))
	fmt.Fprintf(w, "epochs of\t%v at ticks of %v\nmembers\t%d\nfeatures\t%s\n", time.Duration(l.Epoch), time.Duration(l.Tick), len(l.Members), strings.Join(l.Features, ", "))
	if err := w.Flush(); err != nil {
		return err
	}
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nTEST\tEPOCHS\tJOINED\tTHRESHOLD")
	for _, t := range l.Tests {
		threshold := "-"
		if t.Threshold > 0 {
			threshold = fmt.Sprintf("%.3g", t.Threshold)
		}
		fmt.Fprintf(w, "%s\t%d\t%v\t%s\n", t.Test, t.Epochs, t.Joined, threshold)
	}
	if feature != "" {
		fmt.Fprintf(w, "\nMEMBER\tOFFSET\tSLOPE\tSCALE\t%s against its peers\n", feature)
		for _, c := range cells {
			fmt.Fprintf(w, "%s\t%.4g\t%.4g\t%.4g\t\n", c.Member, c.Offset, c.Slope, c.Scale)
		}
	}
	return w.Flush()
}
