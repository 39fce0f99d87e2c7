package main

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// dataset is a recording of a group of servers with labels, as its publishers
// cut it: a matrix ticks × metrics for each member, without names or times.
type dataset struct {
	name    string
	members []recorded
	metrics []string // m0, m1 …, sorted by name
	ticks   int      // of the longest member; all end together
	trained int      // the first of them, which have no labels
}

// recorded is one member of a dataset.
type recorded struct {
	name     string
	rows     [][]float64 // tick by tick; nil where it was not recorded yet
	abnormal []bool      // labelled
	trained  int         // rows of the part without labels
}

const (
	recordedTick   = 5 * time.Minute
	recordedEpoch  = 24 // ticks: two hours
	recordedWarmup = 48 * time.Hour
	// maxRecorded bounds a member's file, in rows: a year of ticks.
	maxRecorded = 366 * 288
)

// asdDataset reads the Application Server Dataset (InterFusion, MIT): twelve
// servers, of which the seventh changed for good within what its publishers
// call normal, and is left out.
func asdDataset(dir string) (*dataset, error) {
	d := &dataset{name: "asd"}
	for i := 1; i <= 12; i++ {
		if i == 7 {
			continue
		}
		at := filepath.Join(dir, fmt.Sprintf("omi-%d_", i))
		if err := d.add(fmt.Sprintf("omi-%02d", i), at+"train.csv.gz", at+"test.csv.gz", at+"test_label.csv"); err != nil {
			return nil, err
		}
	}
	return d, d.align()
}

// d2Dataset reads Dataset2 of JumpStarter (MIT): thirty services of one platform.
func d2Dataset(dir string) (*dataset, error) {
	d := &dataset{name: "d2"}
	for i := range 30 {
		at := filepath.Join(dir, fmt.Sprintf("service%d.", i))
		if err := d.add(fmt.Sprintf("service-%02d", i), at+"train.csv.gz", at+"test.csv.gz", at+"test_label.csv.gz"); err != nil {
			return nil, err
		}
	}
	return d, d.align()
}

// add reads one member: a part without labels, a part with them.
func (d *dataset) add(name, train, test, label string) error {
	var parts [3][][]float64
	for i, file := range []string{train, test, label} {
		rows, err := readMatrix(file)
		if err != nil {
			return err
		}
		parts[i] = rows
	}
	if len(parts[1]) != len(parts[2]) {
		return fmt.Errorf("%s: %d rows, but %d labels", test, len(parts[1]), len(parts[2]))
	}
	r := recorded{name: name, rows: slices.Concat(parts[0], parts[1]), abnormal: make([]bool, len(parts[0])), trained: len(parts[0])}
	for _, l := range parts[2] {
		r.abnormal = append(r.abnormal, l[0] != 0)
	}
	d.members = append(d.members, r)
	return nil
}

// align makes all members end together and names the metrics.
func (d *dataset) align() error {
	width := len(d.members[0].rows[0])
	for _, m := range d.members {
		if len(m.rows) > d.ticks {
			d.ticks, d.trained = len(m.rows), m.trained
		}
	}
	for i := range d.members {
		m := &d.members[i]
		if len(m.rows[0]) != width {
			return fmt.Errorf("%s: %s has %d metrics, want %d as the others", d.name, m.name, len(m.rows[0]), width)
		}
		late := d.ticks - len(m.rows)
		m.rows = append(make([][]float64, late), m.rows...)
		m.abnormal = append(make([]bool, late), m.abnormal...)
	}
	for k := range width {
		d.metrics = append(d.metrics, "m"+strconv.Itoa(k))
	}
	slices.Sort(d.metrics)
	return nil
}

// frame returns the frame of a tick, counted from 0.
func (d *dataset) frame(tick int) *facts.Frame {
	var names []string
	var rows [][]float64
	for _, m := range d.members {
		if m.rows[tick] != nil {
			names, rows = append(names, m.name), append(rows, m.rows[tick])
		}
	}
	f := facts.NewFrame(time.Unix(0, 0).UTC().Add(time.Duration(tick+1)*recordedTick), d.name, names, d.metrics)
	for r := range rows {
		for k, metric := range d.metrics {
			column, _ := strconv.Atoi(metric[1:])
			f.Row(r)[k] = rows[r][column]
		}
	}
	return f
}

// readMatrix reads numbers in CSV, without a header, compressed when the name
// says so. Every row has as many as the first.
func readMatrix(file string) (_ [][]float64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, hint(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var in io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	table := csv.NewReader(in)
	table.ReuseRecord = true
	var rows [][]float64
	for len(rows) < maxRecorded {
		record, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		row := make([]float64, len(record))
		for k, s := range record {
			if row[k], err = strconv.ParseFloat(s, 64); err != nil || math.IsInf(row[k], 0) {
				return nil, fmt.Errorf("%s: row %d: %q is no finite number", file, len(rows)+1, s)
			}
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no rows", file)
	}
	return rows, nil
}

// hint says what is expected in a directory of data.
func hint(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: want the files as their publishers name them", err)
	}
	return err
}
