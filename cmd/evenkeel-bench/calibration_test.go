package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestCalibrationOfSmallGroups(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"calibration", "-o", "json", "--members", "3,8", "--alpha", "0.1,0.05", "--runs", "14"}
	if code := run(t.Context(), args, &out, &errs); code != 0 {
		t.Fatalf("run = %d, want 0: %s", code, errs.String())
	}
	var got calibrationResults
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("output %q: %v", out.String(), err)
	}
	if want := len(calibrationLaws) * (2*2 + 1); len(got.Results) != want {
		t.Fatalf("%d results, want %d: each law, size and alpha, and a total for each law", len(got.Results), want)
	}
	var all calibrated
	for _, c := range got.Results {
		if !c.Holds {
			t.Errorf("%+v: more false alarms than 1 and three standard errors", c)
		}
		if c.Members == 0 {
			all.add(c)
			if c.Ratio < 0.9-2*c.Error {
				t.Errorf("%+v: far fewer false alarms than promised: not the threshold of the test", c)
			}
		}
	}
	// Some 990 are promised: an error of 0.03, with which both sides tell.
	if all.Promised < 950 || math.Abs(all.Ratio-1) > 0.1 {
		t.Errorf("%d false alarms in all, want within a tenth of the %.0f promised", all.Alarmed, all.Promised)
	}
}

func TestCalibrationIsTheSameTwice(t *testing.T) {
	var out [2]bytes.Buffer
	for i := range out {
		args := []string{"calibration", "--members", "4", "--alpha", "0.2", "--runs", "2", "--seed", "7"}
		if code := run(t.Context(), args, &out[i], &out[i]); code != 0 {
			t.Fatalf("run = %d, want 0: %s", code, out[i].String())
		}
	}
	if out[0].String() != out[1].String() || !strings.Contains(out[0].String(), "2 runs each, seed 7") {
		t.Errorf("the same seed gives\n%s\nand then\n%s", out[0].String(), out[1].String())
	}
}

func TestCalibrationRefusesWrongFlags(t *testing.T) {
	for _, args := range [][]string{{"--members", "1"}, {"--alpha", "0"}, {"--alpha", "0.5"}, {"--runs", "0"}} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), append([]string{"calibration"}, args...), &out, &errs); code != 1 {
			t.Errorf("calibration %q = %d, want 1: %s", args, code, errs.String())
		}
	}
}
