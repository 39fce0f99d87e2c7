package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"text/tabwriter"
)

// result is one number with its unit, over the runs.
type result struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Runs   int     `json:"runs"`
}

func over(name, unit string, runs []float64) result {
	s := slices.Sorted(slices.Values(runs))
	return result{name, unit, quantile(s, 0.5), s[0], s[len(s)-1], len(s)}
}

// quantile returns the nearest-rank q-quantile of s, which is sorted and not
// empty: the least value that at least q·n of the n do not exceed.
func quantile(s []float64, q float64) float64 {
	const rounding = 1e-9 // of q·n, which is whole for most
	rank := int(math.Ceil(q*float64(len(s)) - rounding))
	return s[min(max(rank, 1), len(s))-1]
}

func printResults(w io.Writer, output string, all []result) error {
	if output == "json" {
		return json.NewEncoder(w).Encode(struct {
			CPUs    int      `json:"cpus"`
			Go      string   `json:"go"`
			Results []result `json:"results"`
			V       int      `json:"v"`
		}{runtime.NumCPU(), runtime.Version(), all, 1})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "measurement\tmedian\tlow\thigh\tunit\t\n")
	for _, r := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t\n", r.Name, digits(r.Median), digits(r.Low), digits(r.High), r.Unit)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d runs each, %d CPUs, %s\n", all[0].Runs, runtime.NumCPU(), runtime.Version())
	return err
}

// digits writes v with three significant digits, or all of its whole ones.
func digits(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// scratch returns a new directory on the disk to be measured, and its removal.
func (o *options) scratch() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp(o.dir, "evenkeel-bench-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}
