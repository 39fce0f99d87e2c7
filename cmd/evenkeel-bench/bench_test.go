package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
)

func TestLoopMeasuresEverything(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"loop", "-o", "json", "--dir", t.TempDir(), "--runs", "1", "--rate", "100", "--for", "200ms"}
	if code := run(t.Context(), args, &out, &errs); code != 0 {
		t.Fatalf("run = %d, want 0: %s", code, errs.String())
	}
	var got struct{ Results []result }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("output %q: %v", out.String(), err)
	}
	units := map[string]int{}
	for _, r := range got.Results {
		units[r.Unit]++
		if r.Median <= 0 || r.Low > r.Median || r.Median > r.High {
			t.Errorf("%s: %v ≤ %v ≤ %v, want that order, above zero", r.Name, r.Low, r.Median, r.High)
		}
	}
	if units["ms"] != 2 || units["ns/cell"] != 1 || units["entries/s"] != 1 || units["facts/s"] != 1 {
		t.Errorf("units %v, want two of ms and one each of ns/cell, entries/s and facts/s", units)
	}
}

func TestRunRefusesWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"-o", "xml"}, {"--runs", "0"}, {"--rate", "0"}, {"--for", "1ms"}, {"what"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, &out, &errs); code != 1 || !strings.HasPrefix(errs.String(), "evenkeel-bench: error: ") {
			t.Errorf("run(%q) = %d, %q, want 1 and an error", args, code, errs.String())
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"--dir", t.TempDir()}, &out, &errs); code != 1 {
		t.Errorf("run with an ended context = %d, want 1", code)
	}
}

func TestTableShowsUnits(t *testing.T) {
	var out bytes.Buffer
	if err := printResults(&out, "table", []result{over("appends", "entries/s", []float64{2, 3, 1234})}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"appends", "entries/s", "1234"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("table %q has no %q", out.String(), want)
		}
	}
}

func TestQuantileIsTheNearestRank(t *testing.T) {
	for _, tt := range []struct {
		n    int // values 1 to n
		q    float64
		want float64
	}{
		{1, 0.5, 1}, {2, 0.5, 1}, {3, 0.5, 2}, {4, 0.5, 2}, {5, 0.5, 3}, {100, 0.99, 99}, {101, 0.99, 100}, {10, 0, 1}, {10, 1, 10},
	} {
		s := make([]float64, tt.n)
		for i := range s {
			s[i] = float64(i + 1)
		}
		if got := quantile(s, tt.q); got != tt.want {
			t.Errorf("quantile(1…%d, %v) = %v, want %v", tt.n, tt.q, got, tt.want)
		}
	}
}
