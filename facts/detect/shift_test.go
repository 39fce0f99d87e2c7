package detect

import "testing"

func TestShift(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*synthetic)
		want   string
	}{
		{"nothing", func(*synthetic) {}, "none"},
		{"more load on all", func(s *synthetic) { s.rate = 72 }, "up"},
		{"less load on all", func(s *synthetic) { s.rate = 15 }, "down"},
		{"a slow dependency of all", func(s *synthetic) { s.slow = 4 }, "up"},
		{"one black hole that drains the others", func(s *synthetic) {
			s.override = nil
			s.fault[0] = "empty" // five times the rate
			s.rate = 40
		}, "none"},
		{"one slow member", func(s *synthetic) { s.fault[0] = "slow" }, "none"},
		{"a member that left", func(s *synthetic) { s.away[0] = true; s.rate = 44 }, "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSynthetic(31, 10)
			d := quick(t, nil)
			alarmsIn(t, d, s, aged)
			tt.change(s)
			for range 6 {
				observe(t, d, s.frame())
			}
			if got := d.shift.word(); got != tt.want {
				t.Errorf("shift %q after 6 ticks, want %q", got, tt.want)
			}
		})
	}
}

// What moved and stays becomes usual: a shift says that the group moves, not
// where it is.
func TestShiftFades(t *testing.T) {
	s := newSynthetic(32, 10)
	d := quick(t, nil)
	alarmsIn(t, d, s, aged)
	s.rate = 72
	for range 4 * shiftTicks {
		observe(t, d, s.frame())
	}
	if got := d.shift.word(); got != "none" {
		t.Errorf("shift %q long after the load changed, want none", got)
	}
}
