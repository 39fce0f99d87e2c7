package detect

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

func newTestReader(t *testing.T) *Reader {
	t.Helper()
	r, err := NewReader(Config{Env: "test", Group: "web", Warmup: 40 * time.Second, Epoch: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReaderGivesTheResidualsThatDetectorsLearnFrom(t *testing.T) {
	l, err := NewLearner(Config{Env: "test", Group: "web", Warmup: 40 * time.Second, Epoch: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	r, s := newTestReader(t), newSynthetic(7, 5)
	var got []float32
	for tick := range 100 {
		s.away[2] = tick >= 60 && tick < 65
		f := s.frame()
		if err := l.Observe(f); err != nil {
			t.Fatal(err)
		}
		reading, err := r.Observe(f)
		if err != nil {
			t.Fatal(err)
		}
		if reading == nil {
			continue
		}
		for _, m := range reading.Members {
			for _, z := range m.Z {
				got = append(got, float32(z))
			}
		}
	}
	if len(got) == 0 || len(got) != len(l.trace.z) {
		t.Fatalf("%d residuals, want %d", len(got), len(l.trace.z))
	}
	for i, z := range l.trace.z {
		if got[i] != z {
			t.Fatalf("residual %d is %v, want %v", i, got[i], z)
		}
	}
}

func TestReaderShowsTheWarmupAndWhoCameBack(t *testing.T) {
	r, s := newTestReader(t), newSynthetic(3, 4)
	var anew []int // ticks at which m0002 began anew
	for tick := 1; tick <= 100; tick++ {
		s.away[1] = tick >= 60 && tick < 65
		reading, err := r.Observe(s.frame())
		if err != nil {
			t.Fatal(err)
		}
		if (reading == nil) != (tick <= 40) || (r.Warmup() == nil) != (tick < 40) {
			t.Fatalf("tick %d: reading %v, warm-up of %d members, want both from the warm-up's end", tick, reading, len(r.Warmup()))
		}
		if reading == nil {
			continue
		}
		for _, m := range reading.Members {
			if m.Name == "m0002" && m.Anew {
				anew = append(anew, tick)
			}
			for k := range m.Y {
				if math.IsNaN(m.Y[k]) || math.IsNaN(m.Peers[k]) {
					t.Fatalf("tick %d: %s of %s is %v against %v, want numbers", tick, r.Features()[k], m.Name, m.Y[k], m.Peers[k])
				}
			}
		}
	}
	if len(anew) != 2 || anew[0] != 41 || anew[1] < 65 {
		t.Errorf("m0002 began anew at %v, want 41 and its return after 65", anew)
	}
	warm := r.Warmup()
	if len(warm) != 4 || len(warm["m0001"]) < 30 || len(warm["m0001"][0]) != len(r.Features()) {
		t.Errorf("warm-up of %d members, %d ticks, want 4 members and most of 40 ticks", len(warm), len(warm["m0001"]))
	}
}

func TestReaderRefusesWhatADetectorRefuses(t *testing.T) {
	if _, err := NewReader(Config{}); err == nil {
		t.Error("NewReader without a group gave no error")
	}
	r := newTestReader(t)
	if _, err := r.Observe(&facts.Frame{Time: at(1), Group: "other"}); !errors.Is(err, facts.ErrShape) {
		t.Errorf("Observe: %v, want facts.ErrShape", err)
	}
}

func TestReaderScoresUnderACalibration(t *testing.T) {
	c := Config{Env: "test", Group: "web", Warmup: 40 * time.Second, Epoch: 30 * time.Second,
		Slide: -1} // a detector stops to follow a member of whom an alarm stands, a reader knows of none
	c.Calibration = taughtBySynthetic(t, c)
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(c)
	if err != nil {
		t.Fatal(err)
	}
	s := newSynthetic(6, 5)
	for tick := range 90 {
		if tick == 60 {
			s.fault[2] = "hollow"
		}
		f := s.frame()
		if _, err := d.Observe(f); err != nil {
			t.Fatal(err)
		}
		reading, err := r.Observe(f)
		if err != nil {
			t.Fatal(err)
		}
		if reading == nil {
			continue
		}
		for i, m := range reading.Members {
			if want := d.group.members[i].u; m.Score != want {
				t.Fatalf("tick %d: score of %s is %v, want the detector's %v", tick, m.Name, m.Score, want)
			}
		}
	}
	if got := r.Explain("m0003"); len(got) != len(c.Calibration.law.features) || got[0] != "downstream_per_request" && got[0] != "bytes_per_request" {
		t.Errorf("Explain = %v, want all features, the missing work first", got)
	}
	if got := r.Explain("nobody"); got != nil {
		t.Errorf("Explain of nobody = %v, want nil", got)
	}
	if got := newTestReader(t).Explain("m0003"); got != nil {
		t.Errorf("Explain without a calibration = %v, want nil", got)
	}
}
