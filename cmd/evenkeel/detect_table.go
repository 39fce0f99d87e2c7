package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// alarmTable prints one row for each alarm, for people.
type alarmTable struct {
	w    io.Writer
	rows []*alarmRow
}

// alarmRow is one alarm from its first fact to its last.
type alarmRow struct {
	file, group, member string // cohort in place of the member when it is about one
	onset, from, to     time.Time
	ended               facts.State // empty: it stood at the end of the recording
	worst               facts.Fact  // with the largest score
}

func (t *alarmTable) frame(string, *facts.Frame) {}

func (t *alarmTable) fact(file string, f *facts.Fact) error {
	if f.Kind != facts.Imbalance {
		return nil
	}
	member := f.Member
	if f.Cohort != "" {
		member = "(" + f.Cohort + ")"
	}
	var row *alarmRow
	for _, r := range t.rows {
		if r.file == file && r.group == f.Group && r.member == member && r.ended == "" {
			row = r
		}
	}
	if row == nil {
		if f.State != facts.Alarm {
			return nil // of a member whose cohort is told in its place
		}
		row = &alarmRow{file: file, group: f.Group, member: member, onset: f.Onset.Time, from: f.Time.Time, worst: *f}
		t.rows = append(t.rows, row)
	}
	row.to = f.Time.Time
	if f.State != facts.Alarm {
		row.ended = f.State
	}
	if f.Evidence.Score.Float() > row.worst.Evidence.Score.Float() {
		row.worst = *f
	}
	return nil
}

func (t *alarmTable) end() error {
	if len(t.rows) == 0 {
		return nil // which is told with what was judged
	}
	w := tabwriter.NewWriter(t.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RECORDING\tGROUP\tMEMBER\tALARM\tEND\tSCORE\tTHRESHOLD\tCERTIFIED\tBECAUSE")
	for _, r := range t.rows {
		e := r.worst.Evidence
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s %s\t%s\n", r.file, r.group, orGroup(r.member), clock(r.from), r.endText(),
			e.Score, e.Threshold, e.Certified, e.Tier, because(r.worst.Effect))
	}
	return w.Flush()
}

func (r *alarmRow) endText() string {
	switch r.ended {
	case facts.Clear:
		return clock(r.to)
	case "":
		return "-"
	}
	return clock(r.to) + " (member left, or its cohort is told)"
}

func orGroup(member string) string {
	if member == "" {
		return "(group)"
	}
	return member
}

// clock shows a recording's time as its seconds.
func clock(t time.Time) string { return fmt.Sprintf("%gs", float64(t.UnixMilli())/1000) }

// because puts the three largest effects into words.
func because(effects []facts.Effect) string {
	var parts []string
	for _, e := range effects[:min(3, len(effects))] {
		parts = append(parts, fmt.Sprintf("%s %s (peers %s)", e.Metric, e.Value, e.Peers))
	}
	return strings.Join(parts, ", ")
}
