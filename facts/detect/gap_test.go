package detect

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

func TestNothingGoesOnAcrossAGap(t *testing.T) {
	for _, tt := range []struct {
		name  string
		gap   int // ticks without a frame
		anew  bool
		block int // ticks of the running block afterwards
	}{
		{"two frames that are missing are no gap", 2, false, 3},
		{"an hour without frames is one", 3600, true, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := New(Config{Env: "test", Group: "web", Warmup: 60 * time.Second, Epoch: 20 * time.Second, Alpha: 0.05, Windows: []int{1, 3}})
			if err != nil {
				t.Fatal(err)
			}
			s := newSynthetic(7, 4)
			for range 300 {
				observe(t, d, s.frame())
			}
			for d.group.block.at != 2 {
				observe(t, d, s.frame())
			}
			s.ticks += tt.gap
			observe(t, d, s.frame())
			for _, m := range d.group.members {
				if got := m.win.seen == 1; got != tt.anew {
					t.Errorf("windows of %s began anew: %v, want %v", m.name, got, tt.anew)
				}
				if m.standing != facts.StandingIn || !m.scored {
					t.Errorf("%s is %s, want it in and scored at once", m.name, m.standing)
				}
			}
			if got := d.group.block.at; got != tt.block {
				t.Errorf("the running block has %d ticks, want %d", got, tt.block)
			}
		})
	}
}

// A gap ends the windows over blocks, too, but not what was learnt.
func TestHistoryGoesOnAfterAGap(t *testing.T) {
	s := newSeason(12, 3)
	s.days(t, 3)
	learnt := s.series[0].learnt
	s.block += 288
	s.next(t)
	for i, p := range s.series {
		if p.win.seen != 1 || p.learnt != learnt+1 {
			t.Errorf("member %d: windows of %d blocks, %d learnt, want 1 and %d", i, p.win.seen, p.learnt, learnt+1)
		}
	}
}
