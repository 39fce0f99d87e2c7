package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts/sim"
)

// TestDemo runs the whole loop on a real pool: learn, break, see, decide, drain
// and prove. The times are those of the demo, with less to learn from and less
// to watch than a person gets. It has the machine to itself. A run in which the
// machine stood still for a good part of a tick is one of a pool that was not in
// health: if it went wrong it is made again, and if all are such runs they show
// nothing but that the log verifies.
func TestDemo(t *testing.T) {
	const runs, still = 3, demoTick / 4
	for _, balancer := range []string{balancerHAProxy, balancerBuiltin} {
		t.Run("a black hole behind "+balancer+" is found, decided, drained and proved", func(t *testing.T) {
			for run := range runs {
				var err error
				var story bytes.Buffer
				pause := longestPause(func() { err = demoProves(t, balancer, &story) })
				if err == nil {
					return
				}
				t.Logf("run %d, in which the machine paused for %v: %v\n%s", run+1, pause, err, story.String())
				if pause < still {
					t.FailNow()
				}
			}
		})
	}
}

// longestPause runs f and returns the longest time in which another goroutine,
// which wanted to run every ten milliseconds, did not.
func longestPause(f func()) time.Duration {
	done, longest := make(chan struct{}), make(chan time.Duration)
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		var most time.Duration
		for last := time.Now(); ; {
			select {
			case <-tick.C:
				now := time.Now()
				most, last = max(most, now.Sub(last)), now
			case <-done:
				longest <- max(most, time.Since(last))
				return
			}
		}
	}()
	f()
	close(done)
	return <-longest
}

// demoProves runs the demo once and returns what is wrong with its result.
func demoProves(t *testing.T, balancer string, story io.Writer) error {
	t.Helper()
	c, err := demoOptions{fault: "empty", members: 10, rate: 300, seed: 7, balancer: balancer, output: "json", once: true,
		data: filepath.Join(t.TempDir(), "kept"), baseline: minBaseline}.check()
	if err != nil {
		t.Fatal(err)
	}
	c.watch = 15 * time.Second
	var result bytes.Buffer
	err = runDemo(t.Context(), c, strings.NewReader(""), &result, story)
	if n := len(verified(t, c.data)); n == 0 {
		t.Error("--data keeps a log without entries")
	}
	if err != nil {
		return err
	}
	var got demoResult
	if err := json.Unmarshal(result.Bytes(), &got); err != nil {
		t.Fatalf("%s: %v", result.Bytes(), err)
	}
	if !got.Audit.Verified || got.Audit.Entries == 0 {
		t.Errorf("audit %+v, want entries that verify", got.Audit)
	}
	switch {
	case !strings.HasPrefix(got.Balancer, balancer+"/") || got.Member != c.victim || got.Fault != "empty":
		return fmt.Errorf("got %s, want a fault empty in %s behind %s", result.Bytes(), c.victim, balancer)
	case got.Alarm == nil || got.Drained == nil || got.Lost == nil || *got.Drained < *got.Alarm:
		return fmt.Errorf("got %s, want an alarm, and then a drain", result.Bytes())
	case got.HealthyMembersActed > 0:
		return fmt.Errorf("%d healthy members were acted on", got.HealthyMembersActed)
	}
	return nil
}

func TestDemoRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args string
		code int
		want string
	}{
		{"a fault that is none", "--fault fire", exitUsage, "want one of none, empty"},
		{"a load that shows nothing", "--rate 100", exitUsage, "hint: use --rate 200 or more"},
		{"a load that drowns the pool", "--rate 2000", exitUsage, "hint: use --rate 640 or less"},
		{"no number for a load", "--rate NaN", exitUsage, "want at least 2"},
		{"a pool too small to compare", "--members 3", exitUsage, "want 4 to 50"},
		{"a balancer that is unknown", "--balancer nginx", exitUsage, "want auto, haproxy or builtin"},
		{"an output that is unknown", "-o yaml", exitUsage, "want text or json"},
		{"a baseline that teaches nothing", "--baseline 5s", exitUsage, "want 35s to 10m0s"},
		{"a port that is taken", "--listen " + taken.Addr().String(), exitFailed, "address already in use"},
		{"an address that others can reach", "--listen 0.0.0.0:0", exitFailed, "want an address on loopback"},
		{"a data directory that is a file", "--data " + file, exitFailed, "hint: choose a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			shortTemp(t)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"demo"}, strings.Fields(tt.args)...), &stdout, &stderr)
			if code != tt.code || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("got code %d and %q, want %d and %q", code, stderr.String(), tt.code, tt.want)
			}
			if left := remains(t); len(left) > 0 {
				t.Errorf("it left %v behind", left)
			}
		})
	}
	t.Run("to go on without haproxy when that is asked for", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		shortTemp(t)
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"demo", "--balancer", "haproxy"}, &stdout, &stderr)
		if code != exitFailed || !strings.Contains(stderr.String(), "hint: install it") {
			t.Errorf("got code %d and %q, want %d and a hint to install it", code, stderr.String(), exitFailed)
		}
		if left := remains(t); len(left) > 0 {
			t.Errorf("it left %v behind", left)
		}
	})
}

// shortTemp gives the test a temporary directory of its own, with a path short
// enough for a socket in it.
func shortTemp(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ekt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
}

// remains returns what is in the temporary directory of this test.
func remains(t *testing.T) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// cue calls act when a text has been written to it.
type cue struct {
	bytes.Buffer
	text string
	act  func()
}

func (c *cue) Write(p []byte) (int, error) {
	n, err := c.Buffer.Write(p)
	if strings.Contains(c.String(), c.text) {
		c.act()
	}
	return n, err
}

func TestDemoInterrupted(t *testing.T) {
	for _, tt := range []struct {
		name     string
		balancer string
		once     bool
		want     error
	}{
		{"one that was to end by itself says that it did not", balancerHAProxy, true, errInterrupted},
		{"one that goes on until then has done its duty", balancerBuiltin, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			shortTemp(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := demoOptions{fault: "empty", members: 4, rate: 100, balancer: tt.balancer, output: "text", once: tt.once, baseline: minBaseline}
			c, err := o.check()
			if err != nil {
				t.Fatal(err)
			}
			out := &cue{text: "learning for", act: cancel}
			if err := runDemo(ctx, c, strings.NewReader(""), out, out); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if !strings.Contains(out.String(), "verified offline") {
				t.Errorf("it says %q, want the log verified", out.String())
			}
			if left := remains(t); len(left) > 0 {
				t.Errorf("it left %v behind", left)
			}
		})
	}
}

func TestDemoDraws(t *testing.T) {
	victims := map[string]bool{}
	for seed := range uint64(50) {
		o := demoOptions{fault: "empty", members: 10, rate: 400, seed: seed, balancer: balancerAuto, output: "text", baseline: minBaseline}
		a, err := o.check()
		b, again := o.check()
		if err != nil || again != nil || a != b {
			t.Fatalf("seed %d: %+v, %v, then %+v, %v, want the same", seed, a, err, b, again)
		}
		victims[a.victim] = true
	}
	if len(victims) < 5 {
		t.Errorf("50 seeds choose among %v only", victims)
	}
	for fault, want := range map[string]bool{"restart": true, "surge": false, "dependency": false, "none": false, "slow": true} {
		c, err := demoOptions{fault: fault, members: 10, rate: 400, balancer: balancerAuto, output: "text", baseline: minBaseline}.check()
		if err != nil || (c.victim != "") != want {
			t.Errorf("%s: member %q, %v, want a member: %v", fault, c.victim, err, want)
		}
	}
}

func TestDemoDetect(t *testing.T) {
	for baseline := minBaseline; baseline <= 2*time.Minute; baseline += time.Second {
		c := demoDetect(baseline)
		learnt := c.Warmup + time.Duration(c.MinEpochs)*c.Epoch
		if c.MinEpochs < 1 || c.Warmup < demoWarmup || learnt > baseline-demoSlack || learnt < baseline-demoSlack-demoEpoch {
			t.Errorf("baseline %v: warm-up %v and %d epochs of %v, want them to fill it but for %v", baseline, c.Warmup, c.MinEpochs, c.Epoch, demoSlack)
		}
	}
}

func TestExpectedLoss(t *testing.T) {
	for _, tt := range []struct {
		fault sim.Fault
		want  float64
	}{
		{sim.Fault{Kind: sim.Empty}, 0.782},
		{sim.Fault{Kind: sim.Flap}, 0.391},
		{sim.Fault{Kind: sim.Hollow}, 0.1},
		{sim.Fault{Kind: sim.Partial, Size: 0.3}, 0.03},
		{sim.Fault{Kind: sim.Slow, Size: 5}, 0},
		{sim.Fault{Kind: sim.Restart}, 0},
	} {
		c := demoConfig{demoOptions: demoOptions{members: 10, rate: 400}, kind: tt.fault}
		if got := expectedLoss(c); got < tt.want-0.001 || got > tt.want+0.001 {
			t.Errorf("%s: got %.3f, want %.3f", tt.fault, got, tt.want)
		}
	}
}
