package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts/rival"
)

func writeLabels(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "labels.csv")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
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

func TestScoreBesideTheMethodsOthersUse(t *testing.T) {
	dir, _ := fleetRecordings(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	flags := append([]string{"--calibrate", filepath.Join(dir, "h?.csv.gz"), "--score", filepath.Join(dir, "labels.csv"), "-o", "json"}, fleetFlags...)
	args := append(flags, files...)
	alone, err := runDetect(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	beside, stderr, err := runDetectAside(t, append(args, "--compare")...)
	if err != nil || stderr != "" {
		t.Fatalf("%v, stderr %q", err, stderr)
	}
	var one rival.Score
	var all rival.Comparison
	if err := errors.Join(json.Unmarshal([]byte(alone), &one), json.Unmarshal([]byte(beside), &all)); err != nil {
		t.Fatal(err)
	}
	if len(all.Methods) < 2 || all.Methods[0].Summary != one.Summary {
		t.Errorf("beside %d others our score is %+v, want %+v as alone", len(all.Methods)-1, all.Methods[0].Summary, one.Summary)
	}
	judged := append([]string{"--calibrate", filepath.Join(dir, "h?.csv.gz"), "--score", filepath.Join(dir, "labels.csv"), "--compare"}, fleetFlags...)
	table, err := runDetect(t, append(judged, filepath.Join(dir, "sick.csv.gz"))...)
	if err != nil || !strings.Contains(table, "recordings: 1; declared: 0.111 per epoch of 30s") || !strings.Contains(table, "knn") {
		t.Errorf("only the faulty recording judged: %v\n%s", err, table)
	}
}

func TestCompareAsksForTruthAndHealth(t *testing.T) {
	dir, faulty := fleetRecordings(t)
	healthy, labels := filepath.Join(dir, "h?.csv.gz"), filepath.Join(dir, "labels.csv")
	for _, args := range [][]string{
		{"--compare", "--calibrate", healthy}, {"--compare", "--score", labels},
		{"--compare", "--calibrate", healthy, "--score", labels, "-o", "jsonl"},
	} {
		if _, err := runDetect(t, append(args, faulty)...); err == nil || !strings.Contains(err.Error(), "needs --score, --calibrate") {
			t.Errorf("detect %v: %v, want an error", args, err)
		}
	}
}
