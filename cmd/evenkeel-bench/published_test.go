package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts/rival"
)

// published decodes a file of published numbers, which must have no field that
// the program does not write.
func published(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "bench", name))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func TestPublishedNumbersSayWhatIsClaimed(t *testing.T) {
	var c rival.Comparison
	published(t, "detect-lbtrace.json", &c)
	ours := c.Methods[0]
	if ours.Method != "evenkeel" || ours.Faults != 38 || ours.Found < 30 || ours.MedianDelay > 4 || ours.RightMemberFirst != ours.Found {
		t.Errorf("ours: %+v, want at least 30 of 38, a median of 4 s, and the right member always", ours.Summary)
	}
	if 10*ours.TrueMetricFirst < 9*ours.Attributed || ours.Attributed != ours.Found {
		t.Errorf("a true metric in the top three for %d of %d, want nine in ten", ours.TrueMetricFirst, ours.Attributed)
	}
	for _, k := range ours.Kinds {
		blackHole := slices.Contains([]string{"empty", "err", "drop", "hang", "hangall", "hollow", "flap"}, k.Fault)
		if blackHole && k.Found != k.Of {
			t.Errorf("%s: %d of %d found, want every black hole", k.Fault, k.Found, k.Of)
		}
	}
	for _, m := range c.Methods[1:] {
		if m.Faults != ours.Faults || m.HealthyEpochs != ours.HealthyEpochs || m.Found >= ours.Found {
			t.Errorf("%s: %+v, want the same faults and epochs as ours, and fewer found", m.Method, m.Summary)
		}
	}
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "bench", "detect-lbtrace.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, powerPlot(&c)) {
		t.Error("detect-lbtrace.svg is not what is drawn of detect-lbtrace.json")
	}
}

func TestPublishedServersKeepWhatIsPromised(t *testing.T) {
	var all []keptRate
	published(t, "servers.json", &all)
	seen, frozen := map[string]int{}, map[string]float64{}
	for _, k := range all {
		test, _, _ := strings.Cut(k.Test, ",")
		seen[k.Data+": "+test]++
		switch realised := float64(k.Alarms) / float64(k.Tests); {
		case test == "sliding T1" && !(k.Ratio >= 0.5 && k.Ratio <= 1.3):
			t.Errorf("%+v: want half to 1.3 times what is promised", k)
		case test == "T5" && !(k.Bound > 0 && realised <= k.Bound):
			t.Errorf("%+v: want a rate of at most the bound", k)
		case test == "product over samples" && k.Ratio < 100:
			t.Errorf("%+v: want far more alarms than are claimed", k)
		case test == "frozen T1":
			frozen[k.Data] = max(frozen[k.Data], k.Ratio)
		}
	}
	for _, data := range []string{"asd", "d2"} {
		for test, want := range map[string]int{"sliding T1": 4, "frozen T1": 2, "T5": 2, "product over samples": 1} {
			if got := seen[data+": "+test]; got != want {
				t.Errorf("%s of %s: %d lines, want %d", test, data, got, want)
			}
		}
		if frozen[data] <= 1.3 {
			t.Errorf("%s: frozen T1 stays within %.2f of what is promised, want it to fail", data, frozen[data])
		}
	}
}

// Each cell of the grid alarms at most as often as is promised, and each
// continuous law at least nine times in ten, within three standard errors.
func TestPublishedCalibrationHolds(t *testing.T) {
	for name, members := range map[string][]int{"calibration.json": {3, 5, 8, 30}, "calibration-1000.json": {1000}} {
		var c calibrationResults
		published(t, name, &c)
		if want := len(calibrationLaws) * (4*len(members) + 1); len(c.Results) != want {
			t.Fatalf("%s: %d results, want %d", name, len(c.Results), want)
		}
		at := 0
		for _, law := range calibrationLaws {
			total := calibrated{Law: law.name}
			for _, n := range members {
				for _, alpha := range []float64{0.1, 0.05, 0.01, 0.005} {
					x := c.Results[at]
					at++
					if x.Law != law.name || x.Members != n || x.Alpha != alpha || !x.Holds || x.Ratio > 1+3*x.Error {
						t.Errorf("%s: %+v, want %s of %d members at %v to hold", name, x, law.name, n, alpha)
					}
					total.add(x)
				}
			}
			x := c.Results[at]
			at++
			if x.Alarmed != total.Alarmed || x.Epochs != total.Epochs || !x.Holds || x.Ratio < 0.9-3*x.Error {
				t.Errorf("%s: %+v, want the sum of the cells before, at most 1 and at least 0.9 within three errors", name, x)
			}
			if len(members) > 1 && x.Ratio < 0.9 {
				t.Errorf("%s: %+v, want at least 0.9", name, x)
			}
		}
	}
}

func TestPublishedSeriesKeepTheirRate(t *testing.T) {
	for _, name := range []string{"detect-asd.json", "detect-d2.json"} {
		var c rival.SeriesComparison
		published(t, name, &c)
		if ours := c.Methods[0]; ours.Method != "evenkeel" || ours.Realised < 0.5*c.Alpha || ours.Realised > 1.3*c.Alpha {
			t.Errorf("%s: ours realises %v of a declared %v, want half to 1.3 times", name, ours.Realised, c.Alpha)
		}
	}
}
