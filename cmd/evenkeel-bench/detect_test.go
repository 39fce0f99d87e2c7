package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/rival"
	"github.com/evenkeel/evenkeel/facts/source"
)

// writeRecording writes a recording of five members over so many seconds, of
// which m3 answers without work from second sick on; 0: it never does.
func writeRecording(t *testing.T, dir, group string, seed uint64, seconds, sick int) {
	t.Helper()
	w, err := source.CreateRecording(filepath.Join(dir, group+".csv.gz"), true)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	members := []string{"m1", "m2", "m3", "m4", "m5"}
	for s := 1; s <= seconds; s++ {
		f := facts.NewFrame(time.Unix(int64(s), 0).UTC(), group, members, []string{"be_bytes_out", "be_cpu", "be_requests", "be_served"})
		for i := range members {
			requests := math.Round(40 + math.Sqrt(40)*rng.NormFloat64())
			row := []float64{4000 * requests, 0.01 * requests * (1 + 0.1*rng.NormFloat64()), requests, requests}
			if sick > 0 && s > sick && i == 2 {
				row = []float64{0, 0, requests, 0}
			}
			copy(f.Row(i), row)
		}
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// labelledRecordings returns a directory with three healthy recordings and a
// faulty one, and what a client saw.
func labelledRecordings(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 3 {
		writeRecording(t, dir, fmt.Sprintf("h%d", i), uint64(i), 80, 0)
	}
	writeRecording(t, dir, "hurt", 9, 60, 45)
	writeFile(t, filepath.Join(dir, "labels.csv"), "run,onset_s,end_s,member,fault,params\nhurt,45,60,m3,empty,\n")
	writeFile(t, filepath.Join(dir, "h0.load.csv.gz"), "what a client saw\n")
	return dir
}

func runBench(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), code
}

func TestDetectComparesOnRecordings(t *testing.T) {
	dir := labelledRecordings(t)
	args := []string{"detect", "--data", dir, "--alpha", "1/7", "--epoch", "20s"}
	svg := filepath.Join(t.TempDir(), "power.svg")
	stdout, stderr, code := runBench(t, append(args, "-o", "json", "--svg", svg)...)
	if code != 0 {
		t.Fatal(stderr)
	}
	var c rival.Comparison
	if err := json.Unmarshal([]byte(stdout), &c); err != nil {
		t.Fatal(err)
	}
	if c.Recordings != 4 || c.CalibrationEpochs != 6 || c.Methods[0].Found != 1 || c.Methods[0].HealthyEpochs != 6 {
		t.Errorf("%d recordings, %d epochs, ours %+v, want 4, 6 and the fault found", c.Recordings, c.CalibrationEpochs, c.Methods[0].Summary)
	}
	b, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	texts := wellFormed(t, b)
	for _, m := range c.Methods {
		if want := fmt.Sprintf("%s %d/1", m.Method, m.Found); !strings.Contains(texts, want) {
			t.Errorf("the plot has no label %q: %s", want, texts)
		}
	}
	if stdout, stderr, code = runBench(t, append(args, "--calibrate", "h[012]*")...); code != 0 || !strings.Contains(stdout, "evenkeel") {
		t.Errorf("table: %d, %s\n%s", code, stderr, stdout)
	}
}

// wellFormed fails unless b is well-formed XML, and returns its text.
func wellFormed(t *testing.T, b []byte) string {
	t.Helper()
	var texts strings.Builder
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts.String()
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, b)
		}
		if text, ok := token.(xml.CharData); ok {
			texts.Write(text)
			texts.WriteByte('\n')
		}
	}
}

func TestDetectRefuses(t *testing.T) {
	dir, empty := labelledRecordings(t), t.TempDir()
	writeFile(t, filepath.Join(empty, "labels.csv"), "run,onset_s,end_s,member,fault\n")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no data", nil, "0 directories of data, want one"},
		{"an output that is none", []string{"--data", dir, "-o", "xml"}, `output "xml"`},
		{"an alpha that is none", []string{"--data", dir, "--alpha", "3"}, `--alpha: found "3"`},
		{"a directory without labels", []string{"--data", t.TempDir()}, "labels.csv"},
		{"a directory without recordings", []string{"--data", empty}, "no recording in"},
		{"a pattern that is none", []string{"--data", dir, "--calibrate", "["}, `--calibrate "["`},
		{"nobody healthy", []string{"--data", dir, "--calibrate", "hurt*"}, "0 healthy recordings"},
		{"a plot that cannot be written", []string{"--data", dir, "--epoch", "20s", "--svg", filepath.Join(dir, "none", "p.svg")}, "plot"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, stderr, code := runBench(t, append([]string{"detect"}, tt.args...)...); code != 1 || !strings.Contains(stderr, tt.want) {
				t.Errorf("run = %d, %s, want 1 and %q", code, stderr, tt.want)
			}
		})
	}
}

func TestPlotNamesKeepApart(t *testing.T) {
	var c rival.Comparison
	for i, found := range []int{10, 10, 9, 0, 0, 0, 1} {
		m := rival.MethodScore{Method: fmt.Sprintf("<m%d>", i), Summary: rival.Summary{Found: found, Faults: 10}}
		for d := range found {
			m.Delays = append(m.Delays, float64(d))
		}
		c.Methods = append(c.Methods, m)
	}
	at := plotNames(&c)
	for i, y := range at {
		if y < plotTop-plotLine || y > plotBottom+plotLine {
			t.Errorf("name %d is at %v, want it beside the axes", i, y)
		}
		for j := range i {
			if math.Abs(y-at[j]) < plotLine-1e-9 {
				t.Errorf("names %d and %d are at %v and %v, want %d between them", j, i, at[j], y, plotLine)
			}
		}
	}
	if texts := wellFormed(t, powerPlot(&c)); !strings.Contains(texts, "<m3> 0/10") {
		t.Errorf("no name of the fourth method in %s", texts)
	}
}

func TestPowerStepsLeaveOutWhatIsOffThePlot(t *testing.T) {
	if got, want := powerSteps([]float64{0, 15, 31}, 4), "M60 370H60.0V291.5H310.0V213.0H560"; got != want {
		t.Errorf("powerSteps = %s, want %s", got, want)
	}
}
