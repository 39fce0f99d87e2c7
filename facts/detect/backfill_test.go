package detect

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// pastDetector returns a detector that is armed after 60 + 10·20 ticks.
func pastDetector(t *testing.T) *Detector {
	t.Helper()
	d, err := New(Config{Env: "test", Group: "web", Warmup: 60 * time.Second, Epoch: 20 * time.Second, Alpha: 0.05, Windows: []int{1, 3}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func learn(t *testing.T, d *Detector, s *synthetic, ticks int) {
	t.Helper()
	for range ticks {
		if err := d.Learn(s.frame()); err != nil {
			t.Fatalf("Learn at tick %d: %v", s.ticks, err)
		}
	}
}

func TestLearnTeachesWhatObserveDoes(t *testing.T) {
	var told [2][]facts.Fact
	for i := range told {
		d, s := pastDetector(t), newSynthetic(3, 4)
		for range 240 { // before there is a threshold
			if i == 0 {
				learn(t, d, s, 1)
			} else {
				observe(t, d, s.frame())
			}
		}
		d.report.membership, d.report.health, d.report.status = time.Time{}, time.Time{}, ""
		for range 200 {
			told[i] = append(told[i], observe(t, d, s.frame())...)
		}
	}
	a, errA := json.Marshal(told[0])
	b, errB := json.Marshal(told[1])
	if errA != nil || errB != nil || !slices.Equal(a, b) {
		t.Errorf("after the same healthy past, learnt or observed, other facts are told (%v, %v)", errA, errB)
	}
}

func TestThePastIsLearntWithoutAlarms(t *testing.T) {
	const pastTicks = 1500
	for _, tt := range []struct {
		name  string
		past  func(s *synthetic, tick int)
		now   func(s *synthetic)
		alarm string // whose alarm is told of now
	}{
		{"a fault that ended is not told", func(s *synthetic, tick int) {
			delete(s.fault, 1)
			if tick > 400 && tick < 440 {
				s.fault[1] = "hollow"
			}
		}, func(*synthetic) {}, ""},
		{"a fault that is there now is told, though the same was in the past", func(s *synthetic, tick int) {
			delete(s.fault, 1)
			if tick > 400 && tick < 410 {
				s.fault[1] = "hollow"
			}
		}, func(s *synthetic) { s.fault[2] = "empty" }, "m0003"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, s := pastDetector(t), newSynthetic(5, 5)
			for tick := range pastTicks {
				tt.past(s, tick)
				learn(t, d, s, 1)
				if n := d.standing(); n != 0 {
					t.Fatalf("tick %d of the past: %d alarms stand, want none", tick, n)
				}
			}
			quiet := pastDetector(t)
			learn(t, quiet, newSynthetic(5, 5), pastTicks)
			if got, want := d.tests[peerTest].history.len(), quiet.tests[peerTest].history.len(); got != want || got == 0 {
				t.Errorf("%d epochs are known, want %d as of a past without a fault", got, want)
			}
			first := observe(t, d, s.frame())
			if len(first) < 2 || first[0].Kind != facts.Membership || first[len(first)-1].Kind != facts.Health {
				t.Errorf("with the first frame %d facts are told, want the group's members and the detector's health", len(first))
			}
			tt.now(s)
			alarmed := ""
			for range 10 {
				for _, f := range observe(t, d, s.frame()) {
					if f.Kind == facts.Imbalance {
						alarmed = f.Member
					}
				}
			}
			if alarmed != tt.alarm {
				t.Errorf("alarm of %q, want %q", alarmed, tt.alarm)
			}
		})
	}
}

func TestLearnRefusesWhatObserveRefuses(t *testing.T) {
	d, s := pastDetector(t), newSynthetic(8, 3)
	f := s.frame()
	if err := d.Learn(f); err != nil {
		t.Fatal(err)
	}
	if err := d.Learn(f); !errors.Is(err, facts.ErrShape) {
		t.Errorf("Learn of the same frame twice: %v, want %v", err, facts.ErrShape)
	}
}
