package rival

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// newRecording makes a recording of six members that share a load; from second
// sick on m3 answers empty, 0: it never does.
func newRecording(group string, seed uint64, seconds, sick int) Recording {
	rng := rand.New(rand.NewPCG(seed, 0))
	metrics := []string{"be_bytes_out", "be_cpu", "be_requests", "be_served", "be_svc_ms", "hx_hrsp_2xx", "hx_scur", "hx_stot"}
	members := []string{"m1", "m2", "m3", "m4", "m5", "m6"}
	r := Recording{File: group + ".csv", Group: group, Judged: true, Calibrates: sick == 0}
	for s := 1; s <= seconds; s++ {
		f := facts.NewFrame(at(s), group, members, metrics)
		for i := range members {
			requests := math.Round(40 + math.Sqrt(40)*rng.NormFloat64())
			work := 1 + 0.1*rng.NormFloat64()
			row := []float64{4000 * requests * work, 0.0075 * requests * work, requests, requests, 100 * work, requests,
				math.Round(4 + rng.NormFloat64()), requests}
			if sick > 0 && s > sick && members[i] == "m3" {
				row = []float64{0, 0, 5 * requests, 0, 0, 5 * requests, 0, 5 * requests}
			}
			copy(f.Row(i), row)
		}
		r.Frames = append(r.Frames, f)
	}
	return r
}

var testConfig = detect.Config{Env: "test", Tick: time.Second, Epoch: 30 * time.Second, Alpha: 1.0 / 9, Warmup: 40 * time.Second}

func testRecordings() []Recording {
	var out []Recording
	for i := range 4 {
		out = append(out, newRecording(fmt.Sprintf("h%d", i), uint64(i), 100, 0))
	}
	return append(out, newRecording("g", 99, 80, 45))
}

func TestCompareJudgesAllMethodsAlike(t *testing.T) {
	labels := []Label{sickAt(45, 80, "empty"), {Group: "other", Member: "m1", Fault: "slow", Onset: at(1), End: at(2)}}
	c, err := Compare(t.Context(), testConfig, testRecordings(), labels)
	if err != nil {
		t.Fatal(err)
	}
	if c.Recordings != 5 || c.CalibrationEpochs != 8 || len(c.Methods) != 1+len(Methods()) {
		t.Fatalf("%d recordings, %d epochs, %d methods, want 5, 8 and %d", c.Recordings, c.CalibrationEpochs, len(c.Methods), 1+len(Methods()))
	}
	for _, m := range c.Methods {
		// At 1/9 an epoch, 5 of 8 would come once in 2,000 times.
		if m.HealthyEpochs != 8 || m.FalseAlarms > 4 || m.Faults != 1 {
			t.Errorf("%s: %d false of %d healthy epochs, %d faults, want at most 4 of 8, and one", m.Method, m.FalseAlarms, m.HealthyEpochs, m.Faults)
		}
		// A black hole answers 200: the rule on success rates is blind to it.
		if want := m.Method != "envoy-success-rate"; (m.Found == 1) != want {
			t.Errorf("%s: found %v, want %v", m.Method, m.Found == 1, want)
		}
	}
	if ours := c.Methods[0]; ours.Method != "evenkeel" || ours.MedianDelay > 3 || ours.RightMemberFirst != 1 || ours.TrueMetricFirst != 1 {
		t.Errorf("ours: %+v, want the right member and a true metric within 3 s", ours.Summary)
	}
	if u := c.Unborne(); len(u) != 1 || u[0].Group != "other" {
		t.Errorf("unborne labels %v, want the one of a group that was not given", u)
	}
	testOutput(t, c)
}

func testOutput(t *testing.T, c *Comparison) {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var again Comparison
	if err := json.Unmarshal(b, &again); err != nil || len(again.Methods) != len(c.Methods) || again.Methods[0].Found != 1 {
		t.Errorf("JSON gives back %+v, %v", again, err)
	}
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"recordings: 5; declared: 0.111 per epoch of 30s, after 40s", "evenkeel", "isolation-forest", "empty  1", "true metric in the top 3: 1 of 1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestCompareIsTheSameTwice(t *testing.T) {
	labels := []Label{sickAt(45, 80, "empty")}
	var first []byte
	for range 2 {
		c, err := Compare(t.Context(), testConfig, testRecordings()[2:], labels)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		} else if !bytes.Equal(first, b) {
			t.Errorf("two comparisons differ:\n%s\n%s", first, b)
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	short, other := newRecording("s", 1, 30, 0), newRecording("o", 1, 100, 0)
	for i := range other.Frames {
		f := other.Frames[i]
		other.Frames[i] = facts.NewFrame(f.Time, f.Group, f.Members, []string{"a", "b", "c", "d", "e", "f", "g", "h"})
		copy(other.Frames[i].Values, f.Values)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	all := testRecordings()
	for _, tt := range []struct {
		name       string
		ctx        context.Context
		recordings []Recording
		want       string
	}{
		{"one healthy recording", t.Context(), all[3:], "1 healthy recordings to calibrate with, want at least two"},
		{"a recording shorter than the warm-up", t.Context(), append(all[:4:4], short), "s.csv: "},
		{"a recording of another kind", t.Context(), append(all[:4:4], other), "want"},
		{"an ended context", ended, all, context.Canceled.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Compare(tt.ctx, testConfig, tt.recordings, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Compare: %v, want an error with %q", err, tt.want)
			}
		})
	}
	bad := testConfig
	bad.Epoch = time.Millisecond
	if _, err := Compare(t.Context(), bad, all, nil); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("Compare with an epoch below a tick: %v, want an error", err)
	}
}
