package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeLabels(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "labels.csv")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadLabels(t *testing.T) {
	got, err := readLabels(writeLabels(t, "fault,group,member,onset_s,end_s,params\nempty,web,m3,45.25,60,\n"))
	if err != nil || len(got) != 1 {
		t.Fatalf("readLabels: %v, %v, want one label", got, err)
	}
	if l := got[0]; l.group != "web" || l.member != "m3" || l.fault != "empty" || l.onset.UnixMilli() != 45_250 || l.end.UnixMilli() != 60_000 {
		t.Errorf("readLabels: %+v", l)
	}
}

func TestReadLabelsRefuses(t *testing.T) {
	const head = "run,onset_s,end_s,member,fault\n"
	for _, tt := range []struct{ name, text, want string }{
		{"an empty file", "", "empty, want a header"},
		{"a column that is missing", "run,onset_s,member,fault\n", ":1: no column end_s"},
		{"a column that is unknown", "run,onset_s,end_s,membre,fault\n", `:1: column "membre"`},
		{"run and group", "run,group,onset_s,end_s,member,fault\n", ":1: column group is there twice"},
		{"a time that is none", head + "web,soon,60,m3,empty\n", `:2: onset_s: found "soon"`},
		{"a time that is no number", head + "web,NaN,60,m3,empty\n", `:2: onset_s: found "NaN"`},
		{"a time without end", head + "web,45,+Inf,m3,empty\n", `:2: end_s: found "+Inf"`},
		{"an end before the onset", head + "web,45,60,m3,empty\nweb,60,60,m3,empty\n", ":3: onset_s 60, end_s 60: want an end after"},
		{"nobody", head + "web,45,60,,empty\n", ":2: member is empty"},
		{"a row too short", head + "web,45,60\n", "wrong number of fields"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := readLabels(writeLabels(t, tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("readLabels: %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestScoreWarnsOfLabelsThatNothingBearsOut(t *testing.T) {
	dir, faulty := fleetRecordings(t)
	labels := writeLabels(t, "run,onset_s,end_s,member,fault\nsick,45,60,m3,empty\nsick,45,60,m33,empty\nother,45,60,m3,empty\n")
	args := append([]string{"--calibrate", filepath.Join(dir, "h?.csv.gz"), "--score", labels, faulty}, fleetFlags...)
	_, stderr, err := runDetectAside(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	want := "evenkeel: warning: label empty of sick, member m33: the recording has no such member\n" +
		"evenkeel: warning: label empty of other, member m3: no recording of it was given\n"
	if stderr != want {
		t.Errorf("stderr %q, want %q", stderr, want)
	}
}
