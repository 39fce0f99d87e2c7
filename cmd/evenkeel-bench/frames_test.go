package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestFramesMeasuresGroupsOfEverySize(t *testing.T) {
	stdout, stderr, code := runBench(t, "frames", "--groups", "3x16,200x18", "--runs", "1", "--for", "100ms", "-o", "json")
	if code != 0 {
		t.Fatal(stderr)
	}
	var got struct{ Results []result }
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	units := []string{"ns/cell", "Mcells/s", "% of a core at 1 s", "MB"}
	if len(got.Results) != 2*len(units) || !strings.Contains(got.Results[4].Name, "200 members × 18 features") {
		t.Fatalf("results %+v, want four for each group", got.Results)
	}
	for i, r := range got.Results {
		small := i == 3 // what a few members keep is less than what else comes and goes in the heap
		if r.Unit != units[i%4] || !small && !(r.Median > 0) {
			t.Errorf("%s: %v %s, want more than zero %s", r.Name, r.Median, r.Unit, units[i%4])
		}
	}
	for _, r := range [][]result{got.Results[:4], got.Results[4:]} {
		if product := r[0].Median * r[1].Median; math.Abs(product-1000) > 1e-6 {
			t.Errorf("%v ns a cell and %v million cells a second, want one to follow from the other", r[0].Median, r[1].Median)
		}
	}
}

func TestFramesRefuses(t *testing.T) {
	for _, groups := range []string{"3", "1x16", "3x15", "3x300", "20000x16", "ax16", "3xb"} {
		if _, stderr, code := runBench(t, "frames", "--groups", groups); code != 1 || !strings.Contains(stderr, "want MEMBERSxFEATURES") {
			t.Errorf("--groups %s: %d, %s, want 1 and what is wanted", groups, code, stderr)
		}
	}
}
