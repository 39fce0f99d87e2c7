package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
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

func TestPublishedSeriesKeepTheirRate(t *testing.T) {
	for _, name := range []string{"detect-asd.json", "detect-d2.json"} {
		var c rival.SeriesComparison
		published(t, name, &c)
		if ours := c.Methods[0]; ours.Method != "evenkeel" || ours.Realised < 0.5*c.Alpha || ours.Realised > 1.3*c.Alpha {
			t.Errorf("%s: ours realises %v of a declared %v, want half to 1.3 times", name, ours.Realised, c.Alpha)
		}
	}
}
