package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"time"
)

// label is the truth about one fault: the group's member was sick in (onset, end].
type label struct {
	group, member, fault string
	onset, end           time.Time
}

// labelColumns are those of a file of labels. The name of the group may stand
// under run; params are notes of whoever made the fault.
var labelColumns = []string{"run", "group", "onset_s", "end_s", "member", "fault", "params"}

// maxLabelSeconds bounds a time in labels: the year 9999.
const maxLabelSeconds = 253_402_300_799

// readLabels reads a CSV file with the columns onset_s, end_s, member, fault
// and either group or run, in any order.
func readLabels(name string) (labels []label, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("detect: labels: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("detect: labels %s: %w", name, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("detect: labels %s: empty, want a header run,onset_s,end_s,member,fault", name)
	}
	columns, err := readLabelHeader(rows[0])
	if err != nil {
		return nil, fmt.Errorf("detect: labels %s:1: %w", name, err)
	}
	for n, row := range rows[1:] {
		l, err := readLabel(row, columns)
		if err != nil {
			return nil, fmt.Errorf("detect: labels %s:%d: %w", name, n+2, err)
		}
		labels = append(labels, l)
	}
	return labels, nil
}

// readLabelHeader returns the place of each column.
func readLabelHeader(header []string) (map[string]int, error) {
	columns := map[string]int{}
	for i, h := range header {
		if !slices.Contains(labelColumns, h) {
			return nil, fmt.Errorf("column %q, want only %v", h, labelColumns)
		}
		if h == "run" {
			h = "group"
		}
		if _, twice := columns[h]; twice {
			return nil, fmt.Errorf("column %s is there twice, want run or group, and each once", header[i])
		}
		columns[h] = i
	}
	for _, want := range []string{"group", "onset_s", "end_s", "member", "fault"} {
		if _, ok := columns[want]; !ok {
			return nil, fmt.Errorf("no column %s, want run (or group),onset_s,end_s,member,fault", want)
		}
	}
	return columns, nil
}

func readLabel(row []string, columns map[string]int) (label, error) {
	l := label{group: row[columns["group"]], member: row[columns["member"]], fault: row[columns["fault"]]}
	for _, c := range []string{"group", "member", "fault"} {
		if row[columns[c]] == "" {
			return l, fmt.Errorf("%s is empty, want a name", c)
		}
	}
	for _, t := range []struct {
		column string
		to     *time.Time
	}{{"onset_s", &l.onset}, {"end_s", &l.end}} {
		text := row[columns[t.column]]
		s, err := strconv.ParseFloat(text, 64)
		if err != nil || !(math.Abs(s) <= maxLabelSeconds) {
			return l, fmt.Errorf("%s: found %q, want seconds", t.column, text)
		}
		*t.to = time.UnixMilli(int64(math.Round(s * 1000))).UTC()
	}
	if !l.onset.Before(l.end) {
		return l, fmt.Errorf("onset_s %s, end_s %s: want an end after the onset", row[columns["onset_s"]], row[columns["end_s"]])
	}
	return l, nil
}

// warn tells of labels that no recording can bear out.
func (s *scoreSink) warn() error {
	for _, l := range s.labels {
		given, known := false, false
		for _, g := range s.groups {
			if g.group == l.group {
				_, found := slices.BinarySearch(g.members, l.member)
				given, known = true, known || found
			}
		}
		var what string
		switch {
		case !given:
			what = "no recording of it was given"
		case !known:
			what = "the recording has no such member"
		default:
			continue
		}
		if _, err := fmt.Fprintf(s.warnings, "evenkeel: warning: label %s of %s, member %s: %s\n", l.fault, l.group, l.member, what); err != nil {
			return err
		}
	}
	return nil
}
