package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestBacktestMeasuresTimeAndHeap(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"backtest", "-o", "json", "--dir", t.TempDir(), "--runs", "2", "--facts", "1000", "--rules", "200", "--groups", "3", "--base"}
	if code := run(t.Context(), args, &out, &errs); code != 0 {
		t.Fatalf("run = %d, want 0: %s", code, errs.String())
	}
	var got struct{ Results []result }
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("output %q: %v", out.String(), err)
	}
	for i, unit := range []string{"s", "s of one", "facts/s", "MB"} {
		if r := got.Results[i]; r.Unit != unit || r.Median <= 0 || !strings.HasPrefix(r.Name, "1000 facts on 200 rules") {
			t.Errorf("result %+v, want some %s of 1000 facts on 200 rules", r, unit)
		}
	}
	for _, args := range [][]string{{"--facts", "1"}, {"--rules", "1"}, {"--groups", "0"}} {
		if code := run(t.Context(), append([]string{"backtest"}, args...), &out, &errs); code != 1 {
			t.Errorf("run(%q) = %d, want 1", args, code)
		}
	}
}
