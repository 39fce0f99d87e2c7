package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/facts/rival"
	"github.com/evenkeel/evenkeel/facts/source"
)

// detectOptions are the flags of "evenkeel-bench detect".
type detectOptions struct {
	data, calibrate, svg string
	asd, d2              string
	alpha                string
	epoch, warmup, tick  time.Duration
	output               string
}

func detectCommand(o *options, stdout io.Writer) *cobra.Command {
	var d detectOptions
	cmd := &cobra.Command{Use: "detect", Short: "Compare the detectors with the methods that others use, on labelled recordings", Args: cobra.NoArgs,
		Example: `  evenkeel-bench detect --data lbtrace --svg power.svg
  evenkeel-bench detect --data lbtrace --alpha 1/30 --epoch 60s --warmup 40s -o json
  evenkeel-bench detect --asd asd --alpha 0.02`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.output = o.output
			return detectBench(cmd.Context(), d, stdout)
		}}
	f := cmd.Flags()
	f.StringVar(&d.data, "data", "", "directory of recordings, *.csv.gz, and labels.csv")
	f.StringVar(&d.asd, "asd", "", "directory of the Application Server Dataset as CSV, instead of --data")
	f.StringVar(&d.d2, "d2", "", "directory of JumpStarter's Dataset2 as CSV, instead of --data")
	f.StringVar(&d.calibrate, "calibrate", "*", "pattern of the names of those that teach health; what has a label does not")
	f.StringVar(&d.alpha, "alpha", "1/30", "declared probability of a false alarm in an epoch, as 1/30 or 0.033")
	f.DurationVar(&d.epoch, "epoch", time.Minute, "what --alpha is per; of the data sets: 24 of their ticks")
	f.DurationVar(&d.warmup, "warmup", 40*time.Second, "healthy start of each recording, which fits its members; of the data sets: a week")
	f.DurationVar(&d.tick, "tick", time.Second, "time from one frame to the next")
	f.StringVar(&d.svg, "svg", "", "also draw power against delay to this file")
	return cmd
}

// detectBench compares on recordings of many runs.
func detectBench(ctx context.Context, d detectOptions, w io.Writer) error {
	alpha, err := d.check()
	if err != nil {
		return err
	}
	if d.data == "" {
		return seriesBench(ctx, d, alpha, w)
	}
	labels, err := rival.ReadLabels(filepath.Join(d.data, "labels.csv"))
	if err != nil {
		return err
	}
	recordings, err := readRecordings(ctx, d, labels)
	if err != nil {
		return err
	}
	c, err := rival.Compare(ctx, detect.Config{Env: benchEnv, Build: "bench", Tick: d.tick, Epoch: d.epoch, Alpha: alpha, Warmup: d.warmup},
		recordings, labels)
	if err != nil {
		return err
	}
	if d.svg != "" {
		if err := os.WriteFile(d.svg, powerPlot(c), 0o644); err != nil {
			return fmt.Errorf("detect: plot: %w", err)
		}
	}
	if d.output == "json" {
		return writeJSON(w, c)
	}
	return c.Print(w)
}

func (d *detectOptions) check() (alpha float64, err error) {
	if d.output != "table" && d.output != "json" {
		return 0, fmt.Errorf("output %q, want table or json", d.output)
	}
	given := 0
	for _, dir := range []string{d.data, d.asd, d.d2} {
		if dir != "" {
			given++
		}
	}
	if given != 1 {
		return 0, fmt.Errorf("detect: %d directories of data, want one: --data with recordings and labels.csv, --asd or --d2", given)
	}
	if alpha, err = rival.ParseProbability(d.alpha); err != nil {
		return 0, fmt.Errorf("detect: --alpha: %w", err)
	}
	return alpha, nil
}

func writeJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("detect: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

const (
	recordingSuffix = ".csv.gz"
	// clientSuffix is of files that hold what a client saw while a recording
	// was made.
	clientSuffix = ".load.csv.gz"
)

// readRecordings reads all recordings of the directory.
func readRecordings(ctx context.Context, d detectOptions, labels []rival.Label) ([]rival.Recording, error) {
	files, err := filepath.Glob(filepath.Join(d.data, "*"+recordingSuffix))
	if err != nil {
		return nil, fmt.Errorf("detect: %s: %w", d.data, err)
	}
	var out []rival.Recording
	for _, file := range files {
		if strings.HasSuffix(file, clientSuffix) {
			continue
		}
		teaches, err := filepath.Match(d.calibrate, filepath.Base(file))
		if err != nil {
			return nil, fmt.Errorf("detect: --calibrate %q: %w", d.calibrate, err)
		}
		groups, err := readGroups(ctx, file)
		if err != nil {
			return nil, err
		}
		for _, r := range groups {
			faulty := slices.ContainsFunc(labels, func(l rival.Label) bool { return l.Group == r.Group })
			r.Judged, r.Calibrates = true, teaches && !faulty
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("detect: no recording in %s, want files *%s", d.data, recordingSuffix)
	}
	return out, nil
}

// readGroups reads the groups of one recording.
func readGroups(ctx context.Context, file string) (out []rival.Recording, err error) {
	rec, err := source.OpenRecording(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	for {
		f, err := rec.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = rival.Collect(out, file, f)
	}
}
