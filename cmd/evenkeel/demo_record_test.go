package main

import (
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts/sim"
	"github.com/evenkeel/evenkeel/facts/source"
)

func recordOptions6(t *testing.T) recordDemo {
	t.Helper()
	c, err := demoOptions{members: 6, rate: 200, seed: 3, balancer: balancerHAProxy, output: "text", baseline: minBaseline,
		record: t.TempDir(), faults: "empty,slow=2", epochs: 5, seeds: 2, epoch: 20 * time.Second}.checkRecord()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDemoRecordPlan(t *testing.T) {
	o := recordOptions6(t)
	plan := recordPlan(o)
	if !reflect.DeepEqual(plan, recordPlan(o)) {
		t.Error("the same options give two plans")
	}
	epochs, names := 0, map[string]bool{}
	for _, r := range plan {
		if names[r.name] {
			t.Errorf("%s is planned twice", r.name)
		}
		names[r.name] = true
		if r.fault.Kind == sim.None {
			epochs += int((r.lasts - recordWarmup) / o.epoch)
		} else if r.onset < recordOnset || r.end-r.onset != o.epoch || r.end+recordTail > r.lasts {
			t.Errorf("%s lasts %v with a fault from %v to %v", r.name, r.lasts, r.onset, r.end)
		}
		for _, d := range r.disturbance {
			if d.at < recordWarmup || d.at+d.lasts > r.lasts {
				t.Errorf("%s: %s from %v for %v, want it in what is judged of %v", r.name, d.kind, d.at, d.lasts, r.lasts)
			}
			if d.member != "" && d.member == r.victim {
				t.Errorf("%s: the sick member is restarted, which mends it", r.name)
			}
		}
	}
	if epochs != o.epochs {
		t.Errorf("%d healthy epochs are planned, want %d", epochs, o.epochs)
	}
	for _, want := range []string{"h001", "h002-restart", "h003-surge", "empty.1", "empty.2-surge", "slow=2.1-dependency"} {
		if !names[want] {
			t.Errorf("%s is not planned: %v", want, names)
		}
	}
}

// TestDemoRecordsARun records a few seconds of a real pool behind a real balancer, and
// reads them back.
func TestDemoRecordsARun(t *testing.T) {
	o := recordOptions6(t)
	run := recordRun{name: "empty.1", seed: 1, lasts: 8 * time.Second, fault: sim.Fault{Kind: sim.Empty}, victim: "m02",
		onset: 2500 * time.Millisecond, end: 6 * time.Second,
		disturbance: []benignEvent{{kind: sim.Surge, at: 3 * time.Second, lasts: time.Second, factor: surgeFactor}}}
	done, err := recordOne(t.Context(), o, run)
	if err != nil {
		t.Fatal(err)
	}
	if done.onset < run.onset || done.end < run.end || done.end < done.onset || done.disturbance[0].at < 3*time.Second {
		t.Errorf("happened: %+v, want it not before what was planned: %+v", done, run)
	}
	rec, err := source.OpenRecording(filepath.Join(o.record, "empty.1.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	var times []int64
	// Requests without an answer's work, of the member at fault: in health those
	// that come and those that are done make up for each other.
	sick := 0.0
	for {
		f, err := rec.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if f.Group != "empty.1" || len(f.Members) != 6 {
			t.Fatalf("frame of %s with members %v, want 6 of empty.1", f.Group, f.Members)
		}
		times = append(times, f.Time.Unix())
		if undone := f.At("m02", "be_requests") - f.At("m02", "be_downstream"); !math.IsNaN(undone) { // it was read twice in a row
			sick += undone
		}
	}
	// A second that a busy machine missed is a gap in the recording.
	if len(times) < 2 || times[0] != 1 || times[len(times)-1] > 8 || !slices.IsSorted(times) {
		t.Errorf("recorded the seconds %v, want those of 1 to 8", times)
	}
	if sick < 20 {
		t.Errorf("m02 left %.0f requests undone in its fault, want it to show", sick)
	}
	if left, err := filepath.Glob(filepath.Join(o.record, ".*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind (%v)", left, err)
	}
}

func TestDemoRecordKeepsWhatIsComplete(t *testing.T) {
	o := recordOptions6(t)
	plan := recordPlan(o)
	sick := slices.IndexFunc(plan, func(r recordRun) bool { return r.name == "empty.2-surge" })
	x, err := openRecordIndex(o.record)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []recordRun{plan[0], plan[sick]} {
		if err := x.add(o, r); err != nil {
			t.Fatal(err)
		}
	}
	// A run that was cut short after its label was written.
	labels := filepath.Join(o.record, labelsFile)
	text, err := os.ReadFile(labels)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(labels, append(text, "drop.1,1,2,m01,drop,\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := openRecordIndex(o.record)
	if err != nil {
		t.Fatal(err)
	}
	if !again.has("h001") || !again.has("empty.2-surge") || again.has("drop.1") || again.common(plan) != 2 {
		t.Errorf("read back %v, want the two runs that were added", again.runs)
	}
	if len(again.labels) != 1 || again.labels[0][0] != "empty.2-surge" || again.labels[0][3] != plan[sick].victim {
		t.Errorf("labels %v, want that of empty.2-surge alone", again.labels)
	}
	if len(again.disturbances) != 1 || again.disturbances[0][4] != "surge" {
		t.Errorf("disturbances %v, want one surge", again.disturbances)
	}
	if err := again.agrees(o, plan); err != nil {
		t.Errorf("the same plan: %v", err)
	}
	other := o
	other.members++
	if err := again.agrees(other, recordPlan(other)); err == nil || !strings.Contains(err.Error(), "h001") {
		t.Errorf("error %v for a pool of another size, want one that names the run", err)
	}
	if err := os.WriteFile(labels, []byte("run,when\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openRecordIndex(o.record); err == nil || !strings.Contains(err.Error(), labelsFile) {
		t.Errorf("error %v for a file that is not ours, want one that names it", err)
	}
}

func TestDemoRecordRefuses(t *testing.T) {
	good := demoOptions{members: 6, rate: 200, balancer: balancerAuto, output: "text", baseline: minBaseline, record: "x",
		faults: "empty", epochs: 2, seeds: 1, epoch: time.Minute}
	for _, tt := range []struct {
		name  string
		spoil func(*demoOptions)
		want  string
	}{
		{"a fault that is none", func(o *demoOptions) { o.faults = "empty,fire" }, "want one of none"},
		{"what is nobody's fault", func(o *demoOptions) { o.faults = "surge" }, "want faults of one member"},
		{"nothing to record", func(o *demoOptions) { o.faults, o.epochs = "none", 0 }, "want 1 to 10000 runs"},
		{"more than anybody waits for", func(o *demoOptions) { o.epochs = 1 << 40 }, "want 1 to 10000 runs"},
		{"an epoch below the longest window", func(o *demoOptions) { o.epoch = time.Second }, "--epoch 1s"},
		{"a pool too small to compare", func(o *demoOptions) { o.members = 3 }, "--members 3"},
	} {
		o := good
		tt.spoil(&o)
		if _, err := o.checkRecord(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}
