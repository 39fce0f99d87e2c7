package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/rival"
)

const (
	// maxSeriesBytes bounds one file of a data set, uncompressed: some ten
	// times the largest.
	maxSeriesBytes = 64 << 20
	asdServers     = 12
	d2Services     = 30
)

// asdDrifted is the server of which the publishers' training data, which should
// be healthy, shifts for good in its last quarter.
const asdDrifted = 7

// memberSeries is the samples of one member and what is labelled of them.
type memberSeries struct {
	name        string
	train, test [][]float64
	sick        []bool // of the test samples
	metrics     []interpretation
}

// interpretation says in which metrics a stretch of test samples shows, both
// ends included.
type interpretation struct {
	from, to int
	metrics  []string
}

// readASD reads the Application Server Dataset (Z. Li et al., "Multivariate
// time series anomaly detection and interpretation using hierarchical
// inter-metric and temporal embedding", KDD 2021; 12 servers, 30 and 15 days,
// labels of samples and metrics) as CSV files omi-I_train.csv.gz,
// omi-I_test.csv.gz, omi-I_test_label.csv and interpretation_omi-I.txt. Server 7
// is left out.
func readASD(dir string) (rival.Series, error) {
	var all []memberSeries
	for i := 1; i <= asdServers; i++ {
		if i == asdDrifted {
			continue
		}
		name := fmt.Sprintf("omi-%d", i)
		m, err := readMember(name, filepath.Join(dir, name+"_train.csv.gz"), filepath.Join(dir, name+"_test.csv.gz"), filepath.Join(dir, name+"_test_label.csv"))
		if err != nil {
			return rival.Series{}, err
		}
		text, err := readText(filepath.Join(dir, "interpretation_"+name+".txt"))
		if err != nil {
			return rival.Series{}, err
		}
		if m.metrics, err = parseInterpretations(text); err != nil {
			return rival.Series{}, fmt.Errorf("detect: interpretation of %s: %w", name, err)
		}
		all = append(all, m)
	}
	return newSeries(dir, "asd", all)
}

// readD2 reads Dataset2 of JumpStarter (M. Ma et al., "Jump-starting
// multivariate time series anomaly detection for online service systems", USENIX
// ATC 2021; 30 services, 20 and 25 days, labels of samples) as CSV files
// serviceI.train.csv.gz, serviceI.test.csv.gz and serviceI.test_label.csv.gz.
func readD2(dir string) (rival.Series, error) {
	var all []memberSeries
	for i := range d2Services {
		name := fmt.Sprintf("service%d", i)
		at := filepath.Join(dir, name)
		m, err := readMember(name, at+".train.csv.gz", at+".test.csv.gz", at+".test_label.csv.gz")
		if err != nil {
			return rival.Series{}, err
		}
		all = append(all, m)
	}
	return newSeries(dir, "d2", all)
}

func readMember(name, train, test, label string) (m memberSeries, err error) {
	m.name = name
	if m.train, err = readSamples(train); err != nil {
		return m, err
	}
	if m.test, err = readSamples(test); err != nil {
		return m, err
	}
	labels, err := readSamples(label)
	if err != nil {
		return m, err
	}
	if len(labels) != len(m.test) {
		return m, fmt.Errorf("detect: %s has %d labels, want %d, one a sample", label, len(labels), len(m.test))
	}
	for _, l := range labels {
		m.sick = append(m.sick, l[0] != 0)
	}
	return m, nil
}

// newSeries puts the members' samples side by side; the last of training data
// is at the same time for all, whenever it begins.
func newSeries(file, group string, all []memberSeries) (rival.Series, error) {
	slices.SortFunc(all, func(a, b memberSeries) int { return strings.Compare(a.name, b.name) })
	train, test := 0, len(all[0].test)
	width := len(all[0].test[0])
	for _, m := range all {
		train = max(train, len(m.train))
		if len(m.test) != test || len(m.test[0]) != width || len(m.train[0]) != width {
			return rival.Series{}, fmt.Errorf("detect: %s has %d test samples of %d metrics, want %d of %d as %s has", m.name,
				len(m.test), len(m.test[0]), test, width, all[0].name)
		}
	}
	metrics := make([]string, width)
	for k := range metrics {
		metrics[k] = seriesMetric(k + 1)
	}
	out := rival.Series{Recording: rival.Recording{File: file, Group: group}, From: seriesTime(train)}
	for t := range train + test {
		var members []string
		var values []float64
		for _, m := range all {
			rows, at := m.test, t-train
			if t < train {
				rows, at = m.train, t-train+len(m.train)
			}
			if at >= 0 {
				members = append(members, m.name)
				values = append(values, rows[at]...)
			}
		}
		out.Frames = append(out.Frames, &facts.Frame{Time: seriesTime(t + 1), Group: group, Members: members, Metrics: metrics, Values: values})
	}
	for _, m := range all {
		out.Segments = append(out.Segments, m.segments(train)...)
	}
	return out, nil
}

// seriesMetric names the k-th metric, from 1.
func seriesMetric(k int) string { return fmt.Sprintf("metric_%02d", k) }

// seriesTime is the end of the n-th tick.
func seriesTime(n int) time.Time { return time.Unix(0, 0).UTC().Add(time.Duration(n) * seriesTick) }

// segments returns the stretches of labelled samples, which come after so many
// of training, with the metrics of the interpretations that they overlap.
func (m *memberSeries) segments(train int) []rival.Segment {
	var out []rival.Segment
	for from := 0; from < len(m.sick); from++ {
		if !m.sick[from] {
			continue
		}
		to := from
		for to < len(m.sick) && m.sick[to] {
			to++
		}
		g := rival.Segment{Member: m.name, From: seriesTime(train + from), To: seriesTime(train + to)}
		for _, p := range m.metrics {
			if p.from < to && p.to >= from {
				g.Metrics = append(g.Metrics, p.metrics...)
			}
		}
		slices.Sort(g.Metrics)
		g.Metrics = slices.Compact(g.Metrics)
		out = append(out, g)
		from = to
	}
	return out
}

// parseInterpretations reads lines such as "760-765:4,5,7": the first and last
// sample of a stretch and the numbers, from 1, of its metrics.
func parseInterpretations(text string) ([]interpretation, error) {
	var out []interpretation
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var p interpretation
		span, list, _ := strings.Cut(line, ":")
		from, to, _ := strings.Cut(span, "-")
		var errs [2]error
		p.from, errs[0] = strconv.Atoi(from)
		p.to, errs[1] = strconv.Atoi(to)
		if err := errors.Join(errs[:]...); err != nil || p.from > p.to {
			return nil, fmt.Errorf("found %q, want FIRST-LAST:METRIC,METRIC", line)
		}
		for _, n := range strings.Split(list, ",") {
			k, err := strconv.Atoi(n)
			if err != nil || k < 1 {
				return nil, fmt.Errorf("found metric %q, want a number from 1 on", n)
			}
			p.metrics = append(p.metrics, seriesMetric(k))
		}
		out = append(out, p)
	}
	return out, nil
}

// readSamples reads rows of numbers, as many in each, without a header.
func readSamples(name string) ([][]float64, error) {
	text, err := readText(name)
	if err != nil {
		return nil, err
	}
	var out [][]float64
	for line := range strings.Lines(text) {
		var row []float64
		for _, field := range strings.Split(strings.TrimSpace(line), ",") {
			v, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return nil, fmt.Errorf("detect: %s:%d: found %.40q, want a number", name, len(out)+1, field)
			}
			row = append(row, v)
		}
		if len(out) > 0 && len(row) != len(out[0]) {
			return nil, fmt.Errorf("detect: %s:%d: found %d numbers, want %d", name, len(out)+1, len(row), len(out[0]))
		}
		out = append(out, row)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("detect: %s is empty, want rows of numbers", name)
	}
	return out, nil
}

// readText returns the text of a file, plain or compressed.
func readText(name string) (string, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("detect: %w", err)
	}
	var r io.Reader = bytes.NewReader(raw)
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			return "", fmt.Errorf("detect: %s: %w", name, err)
		}
	}
	text, err := io.ReadAll(io.LimitReader(r, maxSeriesBytes+1))
	if err != nil {
		return "", fmt.Errorf("detect: %s: %w", name, err)
	}
	if len(text) > maxSeriesBytes {
		return "", fmt.Errorf("detect: %s has more than %d bytes, want less", name, maxSeriesBytes)
	}
	return string(text), nil
}
