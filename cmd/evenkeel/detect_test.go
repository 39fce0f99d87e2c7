package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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

// recordFleet writes a recording of six members over so many seconds. From
// second sick on, member m3 answers empty; 0: it never does.
func recordFleet(t *testing.T, dir, group string, seed uint64, seconds, sick int) string {
	t.Helper()
	name := filepath.Join(dir, group+".csv.gz")
	w, err := source.CreateRecording(name, true)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	metrics := []string{"be_bytes_out", "be_cpu", "be_requests", "be_served", "be_svc_ms", "hx_scur", "hx_stot"}
	members := []string{"m1", "m2", "m3", "m4", "m5", "m6"}
	for s := 1; s <= seconds; s++ {
		f := facts.NewFrame(time.Unix(int64(s), 0).UTC(), group, members, metrics)
		for i := range members {
			requests := math.Round(40 + math.Sqrt(40)*rng.NormFloat64())
			work := 1 + 0.1*rng.NormFloat64()
			row := []float64{4000 * requests * work, 0.0075 * requests * work, requests, requests, 100 * work, math.Round(4 + rng.NormFloat64()), requests}
			if sick > 0 && s > sick && members[i] == "m3" {
				row = []float64{0, 0, 5 * requests, 0, 0, 0, 5 * requests}
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
	return name
}

func runDetect(t *testing.T, args ...string) (string, error) {
	t.Helper()
	stdout, _, err := runDetectAside(t, args...)
	return stdout, err
}

// runDetectAside returns what the command says beside its output, too.
func runDetectAside(t *testing.T, args ...string) (string, string, error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := detectCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append([]string{}, args...)) // for nil it takes those of the process
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	err := cmd.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

// fleetRecordings writes four healthy recordings, a faulty one and its label.
func fleetRecordings(t *testing.T) (dir, faulty string) {
	t.Helper()
	dir = t.TempDir()
	for i := range 4 {
		recordFleet(t, dir, fmt.Sprintf("h%d", i+1), uint64(i), 100, 0)
	}
	faulty = recordFleet(t, dir, "sick", 99, 60, 45)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("labels.csv", "run,onset_s,end_s,member,fault,params\nsick,45,60,m3,empty,\n")
	write("sick.load.csv.gz", "what a client saw\n")
	return dir, faulty
}

var fleetFlags = []string{"--alpha", "1/9", "--epoch", "30s", "--warmup", "40s"}

func TestDetectPrintsFactsInOrder(t *testing.T) {
	dir, faulty := fleetRecordings(t)
	args := append([]string{"--calibrate", filepath.Join(dir, "h1.csv.gz") + "," + filepath.Join(dir, "h2.csv.gz"),
		"--calibrate", filepath.Join(dir, "h[34].csv.gz"), faulty, "-o", "jsonl"}, fleetFlags...)
	first, err := runDetect(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	var last time.Time
	alarms := 0
	for line := range strings.Lines(first) {
		prefix := fmt.Sprintf(`{"source":%q,`, faulty)
		if !strings.HasPrefix(line, prefix) {
			t.Fatalf("line %.80q does not begin with %s", line, prefix)
		}
		f, err := facts.Decode([]byte("{" + strings.TrimSpace(strings.TrimPrefix(line, prefix))))
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if f.Time.Before(last) {
			t.Errorf("fact of %v after one of %v", f.Time, last)
		}
		last = f.Time.Time
		if f.Kind == facts.Imbalance && f.State == facts.Alarm {
			if alarms++; f.Member != "m3" || f.Time.Unix() <= 45 {
				t.Errorf("alarm of %s at %v, want m3 after 45 s", f.Member, f.Time)
			}
		}
	}
	if alarms == 0 {
		t.Error("no alarm was printed")
	}
	if again, err := runDetect(t, args...); err != nil || again != first {
		t.Errorf("the second run differs from the first, or failed: %v", err)
	}
}

func TestDetectScores(t *testing.T) {
	dir, _ := fleetRecordings(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.csv.gz")) // as a shell gives them: the client's view among them
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--calibrate", filepath.Join(dir, "*.csv.gz"), "--score", filepath.Join(dir, "labels.csv"), "-o", "json"}, fleetFlags...)
	out, err := runDetect(t, append(args, files...)...)
	if err != nil {
		t.Fatal(err)
	}
	var got rival.Score
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.HealthyEpochs != 8 || got.FalseAlarms > 4 || got.Faults != 1 || got.Found != 1 || got.RightMemberFirst != 1 || got.MedianDelay > 3 {
		t.Errorf("score %+v, want one fault found within 3 s and eight healthy epochs", got)
	}
	out, err = runDetect(t, append(slicesWithout(args, "-o", "json"), files...)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sick", "empty", "m3", "of 8 healthy epochs"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table has no %q:\n%s", want, out)
		}
	}
}

func slicesWithout(args []string, drop ...string) []string {
	var out []string
	for _, a := range args {
		keep := true
		for _, d := range drop {
			keep = keep && a != d
		}
		if keep {
			out = append(out, a)
		}
	}
	return out
}

func TestDetectTableTellsAlarmsToPeople(t *testing.T) {
	dir, faulty := fleetRecordings(t)
	healthy := filepath.Join(dir, "h1.csv.gz")
	args := append([]string{"--calibrate", filepath.Join(dir, "h[234].csv.gz")}, fleetFlags...)
	out, err := runDetect(t, append(args, faulty)...)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out, "\n"); lines != 3 || !strings.Contains(out, "m3") || !strings.Contains(out, "46s") ||
		!strings.Contains(out, "sick: judged 20 of 60 s\n") {
		t.Errorf("want a head, one alarm, of m3 at 46s, and what was judged:\n%s", out)
	}
	if out, err = runDetect(t, append(args, "--alpha", "1/100", healthy)...); err != nil || !strings.Contains(out, "h1: judged 60 of 100 s") {
		t.Errorf("a healthy recording: %v\n%s", err, out)
	}
}

func TestDetectSaysWhatWasNotJudged(t *testing.T) {
	dir, faulty := fleetRecordings(t)
	calibrated := []string{"--calibrate", filepath.Join(dir, "h?.csv.gz"), faulty}
	for _, tt := range []struct {
		name           string
		args           []string
		stdout, stderr string
		code           int
	}{
		{"no history to learn from", []string{faulty},
			"not judged: needs more than 10m40s of history, has 1m0s: give --calibrate or a longer recording", "", exitUnmet},
		{"a warm-up as long as the recording", append([]string{"--warmup", "70s", "--epoch", "30s"}, calibrated...),
			"not judged: needs more than the 1m10s of its warm-up, has 1m0s", "", exitUnmet},
		{"facts go on all the same", []string{faulty, "-o", "jsonl"}, `"kind":"health"`, "not judged: needs", exitDone},
		{"a score of nothing", []string{faulty, "--score", filepath.Join(dir, "labels.csv")}, "sick", "not judged: needs", exitUnmet},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, err := runDetectAside(t, tt.args...)
			code := exitDone
			if e, ok := errors.AsType[*exitError](err); ok {
				code = e.code
			} else if err != nil {
				t.Fatal(err)
			}
			if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
				t.Errorf("code %d, want %d\n%s\nwant %q\n%s\nwant %q", code, tt.code, stdout, tt.stdout, stderr, tt.stderr)
			}
		})
	}
}

// everySeconds writes a recording of two members with a frame every so often.
func everySeconds(t *testing.T, dir, name string, every int) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("time_s,group,member,metric,value\n")
	for i := 1; i <= 30; i++ {
		for _, m := range []string{"m1", "m2"} {
			fmt.Fprintf(&text, "%d,g,%s,hx_stot,%d\n", i*every, m, 40+i%3)
		}
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDetectTakesTheTickFromTheRecording(t *testing.T) {
	dir := t.TempDir()
	slow, fast := everySeconds(t, dir, "slow.csv", 10), everySeconds(t, dir, "fast.csv", 1)
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string // of stdout or the error
	}{
		{"its own spacing", []string{slow}, exitUnmet, "needs more than 1h46m40s of history, has 5m0s"},
		{"a tick that agrees", []string{slow, "--tick", "10s"}, exitUnmet, "has 5m0s"},
		{"a tick that contradicts", []string{slow, "--tick", "1s"}, exitUsage, "slow.csv has a frame every 10s, but the tick is 1s by --tick"},
		{"two paces", []string{fast, slow}, exitUsage, "but the tick is 1s by "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := runDetect(t, tt.args...)
			e, ok := errors.AsType[*exitError](err)
			if !ok || e.code != tt.code || !strings.Contains(out+err.Error(), tt.want) {
				t.Errorf("%v, want code %d and %q\n%s", err, tt.code, tt.want, out)
			}
		})
	}
}

func TestDetectRefuses(t *testing.T) {
	dir, faulty := fleetRecordings(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	empty := in("short.csv")
	if err := os.WriteFile(empty, []byte("time_s,group,member,metric,value\n1,g,m1,hx_stot,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	badLabels := in("bad.csv")
	if err := os.WriteFile(badLabels, []byte("run,onset_s,end_s,member,fault\nsick,soon,60,m3,empty\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"nothing to read", nil, exitUsage, "no recording given"},
		{"a client's view alone", []string{in("x.load.csv.gz")}, exitUsage, "holds what a client saw, want the recording"},
		{"a client's view to calibrate with", []string{"--calibrate", in("sick.load.csv.gz"), faulty}, exitUsage, "holds what a client saw"},
		{"a pattern without a file", []string{"--calibrate", in("z*.csv.gz"), faulty}, exitUsage, "no file matches"},
		{"an alpha that is none", []string{"--alpha", "30", faulty}, exitUsage, `found "30", want a probability`},
		{"an output that is none", []string{"-o", "xml", faulty}, exitUsage, `output "xml"`},
		{"a score without the truth", []string{"-o", "json", faulty}, exitUsage, "needs --score"},
		{"an epoch below a tick", []string{"--epoch", "10ms", faulty}, exitUsage, "epoch 10ms, want"},
		{"a recording that is not there", []string{in("none.csv")}, exitFailed, "none.csv"},
		{"a recording too short to learn from", []string{"--calibrate", empty, faulty}, exitFailed, "short.csv"},
		{"a faulty recording called healthy", []string{"--calibrate", faulty, "--score", in("labels.csv"), faulty}, exitUsage, "sick is faulty by"},
		{"the only healthy recording judged", []string{"--calibrate", in("h1.csv.gz"), "--epoch", "30s", in("h1.csv.gz")}, exitUsage, "cannot be judged by itself"},
		{"labels without a time", []string{"--score", badLabels, faulty}, exitUsage, `bad.csv:2: onset_s: found "soon"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := runDetect(t, tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("detect %v: %v, want an error with %q", tt.args, err, tt.want)
			}
			code := exitFailed
			if e, ok := errors.AsType[*exitError](err); ok {
				code = e.code
			}
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
		})
	}
}
