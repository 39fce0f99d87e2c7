package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/evenkeel/evenkeel/facts/sim"
)

// The files beside the recordings, and their columns. Times are seconds of the
// run, on the axis of its time_s.
const (
	runsFile         = "runs.csv"
	labelsFile       = "labels.csv"
	disturbancesFile = "disturbances.csv"
)

var (
	runsHead         = []string{"run", "members", "rate_rps", "dur_s", "seed"}
	labelsHead       = []string{"run", "onset_s", "end_s", "member", "fault", "params"}
	disturbancesHead = []string{"run", "from_s", "to_s", "member", "kind", "factor"}
)

// recordIndex is what was recorded in a directory: runs.csv, the labels of the
// faults and the list of disturbances. A run is there once it is in runs.csv,
// which is written last.
type recordIndex struct {
	dir                        string
	runs, labels, disturbances [][]string // without the heads
}

func openRecordIndex(dir string) (*recordIndex, error) {
	x := &recordIndex{dir: dir}
	for _, f := range x.files() {
		rows, err := readTable(filepath.Join(dir, f.name), f.head)
		if err != nil {
			return nil, &exitError{exitFailed, fmt.Errorf("demo: %w", err), "record into another directory, or move this file away"}
		}
		*f.rows = rows
	}
	x.labels = slices.DeleteFunc(x.labels, x.stray)
	x.disturbances = slices.DeleteFunc(x.disturbances, x.stray)
	return x, nil
}

type indexFile struct {
	name string
	head []string
	rows *[][]string
}

// files are in the order in which they are written.
func (x *recordIndex) files() []indexFile {
	return []indexFile{{disturbancesFile, disturbancesHead, &x.disturbances}, {labelsFile, labelsHead, &x.labels}, {runsFile, runsHead, &x.runs}}
}

// stray reports whether a row is of a run that was not completed.
func (x *recordIndex) stray(row []string) bool { return !x.has(row[0]) }

// has reports whether the run was recorded.
func (x *recordIndex) has(run string) bool {
	return slices.ContainsFunc(x.runs, func(row []string) bool { return row[0] == run })
}

// agrees returns an error when a run that is there was recorded of another pool
// than is planned now.
func (x *recordIndex) agrees(o recordDemo, plan []recordRun) error {
	for _, r := range plan {
		want := x.row(o, r)
		for _, row := range x.runs {
			if row[0] == r.name && !slices.Equal(row, want) {
				return fmt.Errorf("%s holds %s with %v = %v, want %v as asked for", runsFile, r.name, runsHead[1:], row[1:], want[1:])
			}
		}
	}
	return nil
}

// row is what stands in runs.csv of a run.
func (x *recordIndex) row(o recordDemo, r recordRun) []string {
	return []string{r.name, strconv.Itoa(o.members), number(o.rate), runSeconds(r.lasts), strconv.FormatUint(r.seed, 10)}
}

// common returns how many of the runs were recorded.
func (x *recordIndex) common(runs []recordRun) int {
	n := 0
	for _, r := range runs {
		if x.has(r.name) {
			n++
		}
	}
	return n
}

// add takes in a run whose recording is complete.
func (x *recordIndex) add(o recordDemo, r recordRun) error {
	for _, d := range r.disturbance {
		member := d.member
		if member == "" {
			member = "*" // all alike: never an imbalance
		}
		x.disturbances = append(x.disturbances, []string{r.name, runSeconds(d.at), runSeconds(d.at + d.lasts), member, string(d.kind), number(d.factor)})
	}
	if r.fault.Kind != sim.None {
		params := ""
		if r.fault.Size != 0 {
			params = "size=" + number(r.fault.Size)
		}
		x.labels = append(x.labels, []string{r.name, runSeconds(r.onset), runSeconds(r.end), r.victim, string(r.fault.Kind), params})
	}
	x.runs = append(x.runs, x.row(o, r))
	for _, f := range x.files() {
		if err := writeTable(filepath.Join(x.dir, f.name), f.head, *f.rows); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	return nil
}

func runSeconds(d time.Duration) string { return number(d.Seconds()) }
func number(v float64) string           { return strconv.FormatFloat(v, 'f', -1, 64) }

// readTable returns the rows of a table, none when there is no such file.
func readTable(name string, head []string) ([][]string, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only: nothing to lose
	r := csv.NewReader(f)
	r.FieldsPerRecord = len(head)
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], head) {
		return nil, fmt.Errorf("%s: want the columns %v in its first line", name, head)
	}
	return rows[1:], nil
}

// writeTable writes a table in place of the one that is there, whole or not at
// all.
func writeTable(name string, head []string, rows [][]string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".table-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removed(f.Name())) }()
	w := csv.NewWriter(f)
	err = errors.Join(w.Write(head), w.WriteAll(rows), f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
