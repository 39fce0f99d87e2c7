package rival

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"time"
)

// Label is the truth about one fault: the member of the group was sick in
// (Onset, End].
type Label struct {
	Group, Member, Fault string
	Onset, End           time.Time
}

// maxLabelSeconds bounds a time in labels: the year 9999.
const maxLabelSeconds = 253_402_300_799

// ReadLabels reads a CSV file with the columns onset_s, end_s, member, fault
// and either group or run, in any order; other columns are notes of whoever made
// the faults. Times are seconds since 1970. An error names file, line and column.
func ReadLabels(name string) (labels []Label, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("rival: labels: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return parseLabels(f, name)
}

func parseLabels(r io.Reader, name string) ([]Label, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("rival: labels %s: %w", name, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("rival: labels %s: empty, want a header run,onset_s,end_s,member,fault", name)
	}
	columns, err := labelColumns(rows[0])
	if err != nil {
		return nil, fmt.Errorf("rival: labels %s:1: %w", name, err)
	}
	var labels []Label
	for n, row := range rows[1:] {
		l, err := parseLabel(row, columns)
		if err != nil {
			return nil, fmt.Errorf("rival: labels %s:%d: %w", name, n+2, err)
		}
		labels = append(labels, l)
	}
	return labels, nil
}

// labelColumns returns the place of each column that is wanted.
func labelColumns(header []string) (map[string]int, error) {
	columns := map[string]int{}
	for i, h := range header {
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

func parseLabel(row []string, columns map[string]int) (Label, error) {
	l := Label{Group: row[columns["group"]], Member: row[columns["member"]], Fault: row[columns["fault"]]}
	for _, c := range []string{"group", "member", "fault"} {
		if row[columns[c]] == "" {
			return l, fmt.Errorf("%s is empty, want a name", c)
		}
	}
	for _, t := range []struct {
		column string
		to     *time.Time
	}{{"onset_s", &l.Onset}, {"end_s", &l.End}} {
		text := row[columns[t.column]]
		s, err := strconv.ParseFloat(text, 64)
		if err != nil || !(math.Abs(s) <= maxLabelSeconds) {
			return l, fmt.Errorf("%s: found %q, want seconds", t.column, text)
		}
		*t.to = time.UnixMilli(int64(math.Round(s * 1000))).UTC()
	}
	if !l.Onset.Before(l.End) {
		return l, fmt.Errorf("onset_s %s, end_s %s: want an end after the onset", row[columns["onset_s"]], row[columns["end_s"]])
	}
	return l, nil
}

// Unborne is a label that no recording can bear out.
type Unborne struct {
	Label
	Reason string
}

// Unbornes returns the labels of groups that were not watched, or of members
// that their recording does not have.
func Unbornes(labels []Label, watched []Watch) []Unborne {
	var out []Unborne
	for _, l := range labels {
		given, known := false, false
		for _, w := range watched {
			if w.Group == l.Group {
				given, known = true, known || slices.Contains(w.Members, l.Member)
			}
		}
		switch {
		case !given:
			out = append(out, Unborne{l, "no recording of it was given"})
		case !known:
			out = append(out, Unborne{l, "the recording has no such member"})
		}
	}
	return out
}
