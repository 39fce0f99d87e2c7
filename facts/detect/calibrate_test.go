package detect

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

func recordingConfig(group string) Config {
	return Config{Env: "test", Group: group, Warmup: 40 * time.Second, Epoch: 30 * time.Second, Alpha: 1.0 / 20}
}

// learnRun records a healthy group: 40 ticks of warm-up and four epochs.
func learnRun(t testing.TB, seed uint64, n int, rate float64) *Run {
	t.Helper()
	s := newSynthetic(seed, n)
	s.rate = rate
	l, err := NewLearner(recordingConfig("web"))
	if err != nil {
		t.Fatal(err)
	}
	for range 40 + 4*30 {
		if err := l.Observe(s.frame()); err != nil {
			t.Fatal(err)
		}
	}
	r, err := l.Run()
	if err != nil {
		t.Fatal(err)
	}
	if r.epochs != 4 {
		t.Fatalf("%d epochs learnt, want 4", r.epochs)
	}
	return r
}

// What healthy recordings of other groups taught finds a fault right after the
// warm-up, at the rate they certify.
func TestCalibrateCarriesOverToAnotherGroup(t *testing.T) {
	var runs []*Run
	for i := range 6 {
		runs = append(runs, learnRun(t, uint64(40+i), 6+i, 20+10*float64(i)))
	}
	c, err := Calibrate(recordingConfig("web"), runs)
	if err != nil {
		t.Fatal(err)
	}
	if c.Epochs() != 24 {
		t.Errorf("%d epochs, want 24", c.Epochs())
	}
	config := recordingConfig("web")
	config.Calibration = c
	alarmed := 0
	for seed := range uint64(8) {
		d, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		s := newSynthetic(900+seed, 8)
		if raised, _ := alarmsIn(t, d, s, 100); len(raised) > 0 {
			alarmed++
		}
		s.fault[5] = "hollow"
		found := false
		for range 6 {
			for _, f := range observe(t, d, s.frame()) {
				if f.Kind != facts.Imbalance || f.Member != "m0006" || found {
					continue
				}
				found = true
				if e := f.Evidence; e.Tier != "T1" || e.Epochs != 24 || e.Certified.String() != "1/750s" || e.Declared.String() != "1/10m" {
					t.Errorf("evidence %+v, want T1 of 24 epochs, certified 1/750s of 1/10m", e)
				}
			}
		}
		if !found {
			t.Errorf("seed %d: a hollow member was not found in 6 ticks", seed)
		}
	}
	// Sixteen healthy epochs at 1/20 each: three or more have a chance below 5 %.
	if alarmed > 3 {
		t.Errorf("%d of 8 healthy stretches alarmed", alarmed)
	}
}

func TestCalibrateRefuses(t *testing.T) {
	if _, err := Calibrate(recordingConfig("web"), nil); err == nil || !strings.Contains(err.Error(), "no healthy runs") {
		t.Errorf("Calibrate(nothing) = %v", err)
	}
	a := &Run{trace: &trace{features: []string{"a"}}, epochs: 1}
	b := &Run{trace: &trace{features: []string{"b"}}, epochs: 1}
	if _, err := Calibrate(recordingConfig("web"), []*Run{a, b}); err == nil || !strings.Contains(err.Error(), "no metric in common") {
		t.Errorf("Calibrate(unlike runs) = %v", err)
	}
	l, err := NewLearner(recordingConfig("web"))
	if err != nil {
		t.Fatal(err)
	}
	s := newSynthetic(1, 3)
	for range 50 {
		if err := l.Observe(s.frame()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Run(); err == nil || !strings.Contains(err.Error(), "an epoch of 30s") {
		t.Errorf("Run of a short recording = %v", err)
	}
	if err := l.Observe(s.frame()); err != nil {
		t.Errorf("a learner that was asked too early refuses to go on: %v", err)
	}
}

func TestCalibrationOfOtherMetricsIsRefused(t *testing.T) {
	c, err := Calibrate(recordingConfig("web"), []*Run{learnRun(t, 1, 5, 40)})
	if err != nil {
		t.Fatal(err)
	}
	config := recordingConfig("web")
	config.Calibration = c
	d, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	s := newSynthetic(2, 5)
	s.metrics = []string{"hx_stot", "other_a", "other_b"}
	for range 41 {
		if _, err = d.Observe(s.frame()); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "calibrate with recordings of its own kind") {
		t.Errorf("Observe = %v, want the calibration refused", err)
	}
}
