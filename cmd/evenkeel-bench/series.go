package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/facts/rival"
)

// seriesWarmup fits the members of a public data set to all hours of a week.
const seriesWarmup = 7 * 24 * time.Hour

// seriesBench compares on one of the public data sets.
func seriesBench(ctx context.Context, d detectOptions, alpha float64, w io.Writer) error {
	read, dir := readASDSeries, d.asd
	if d.d2 != "" {
		read, dir = readD2Series, d.d2
	}
	s, err := read(dir)
	if err != nil {
		return err
	}
	c, err := rival.CompareSeries(ctx, detect.Config{Env: benchEnv, Build: "bench", Tick: recordedTick, Epoch: recordedEpoch * recordedTick,
		Alpha: alpha, Warmup: seriesWarmup}, s)
	if err != nil {
		return err
	}
	if d.output == "json" {
		return writeJSON(w, c)
	}
	return printSeries(w, c)
}

func printSeries(out io.Writer, c *rival.SeriesComparison) error {
	if _, err := fmt.Fprintf(out, "members: %d; declared: %.3g per member and epoch of %v, by its last %d epochs\n\n",
		c.Members, c.Alpha, time.Duration(c.Epoch)*time.Second, c.SlideEpochs); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "METHOD\tSEGMENTS FOUND\tOF\tMEDIAN DELAY\tFALSE ALARMS\tHEALTHY EPOCHS\tREALISED\t95 %")
	for _, m := range c.Methods {
		fmt.Fprintf(w, "%s\t%d\t%d\t%v\t%d\t%d\t%.4f\t%.4f to %.4f\n", m.Method, m.Found, m.Segments,
			time.Duration(m.MedianDelay)*time.Second, m.FalseAlarms, m.HealthyEpochs, m.Realised, m.FalseAlarmLow, m.FalseAlarmHigh)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if ours := c.Methods[0]; ours.HitRate >= 0 {
		_, err := fmt.Fprintf(out, "\nHitRate@100%% of the segments found: %.2f\n", ours.HitRate)
		return err
	}
	return nil
}
