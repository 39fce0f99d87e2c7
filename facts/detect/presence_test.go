package detect

import (
	"slices"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/facts"
)

// unpaged blanks what the named members tell of themselves, for good.
func unpaged(f *facts.Frame, members ...string) {
	for _, metric := range f.Metrics {
		if !strings.HasPrefix(metric, balancerPrefix) {
			for _, m := range members {
				blank(f, metric, m)
			}
		}
	}
}

// set puts a number in a frame.
func set(f *facts.Frame, member, metric string, v float64) {
	i, _ := slices.BinarySearch(f.Members, member)
	k, _ := slices.BinarySearch(f.Metrics, metric)
	f.Row(i)[k] = v
}

// refusing makes a frame show a member that is not listening.
func refusing(f *facts.Frame, member string) {
	unpaged(f, member)
	for _, metric := range []string{"hx_hrsp_2xx", "hx_hrsp_5xx", "hx_bout", "hx_scur"} {
		set(f, member, metric, 0)
	}
	set(f, member, "hx_stot", 380)
	set(f, member, "hx_wredis", 380)
}

func TestFaultIsFoundWithoutThePage(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fault  string
		before bool // the pages never were
		within int
	}{
		{"a black hole whose page dies with it", "empty", false, 3},
		{"a black hole that never had a page, nor its neighbours", "empty", true, 3},
		{"errors, and no page", "err", false, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSynthetic(41, 10)
			d := quick(t, nil)
			pageless := func(f *facts.Frame) { unpaged(f, "m0003", "m0004", "m0005") }
			if tt.before {
				s.override = pageless
			}
			if raised, who := alarmsIn(t, d, s, aged); len(raised) > 0 {
				t.Fatalf("alarms of %v in health, at %v", who, raised)
			}
			s.override, s.fault[2] = pageless, tt.fault
			raised, who := alarmsIn(t, d, s, tt.within)
			if len(raised) != 1 || !who["m0003"] {
				t.Errorf("alarms of %v within %d ticks, want m0003 alone", who, tt.within)
			}
			if got := d.shift.word(); got != "none" {
				t.Errorf("shift %q, want none: the balancer sees all the load", got)
			}
		})
	}
}

func TestDeadPageAloneIsNoFault(t *testing.T) {
	s := newSynthetic(42, 10)
	d := quick(t, nil)
	alarmsIn(t, d, s, aged)
	for tick := range 40 {
		s.override = nil
		if tick < 20 {
			s.override = func(f *facts.Frame) { unpaged(f, "m0003") }
		}
		if raised, _ := alarmsIn(t, d, s, 1); len(raised) > 0 {
			t.Fatalf("alarm %d ticks after the page was gone", tick)
		}
		if m := d.group.members[2]; m.standing != facts.StandingIn || !m.scored {
			t.Fatalf("tick %d: standing %s, scored %v, want judged throughout", tick, m.standing, m.scored)
		}
	}
}

func TestRestartSettlesAndIsForgivenOnce(t *testing.T) {
	s := newSynthetic(43, 10)
	d := quick(t, nil)
	alarmsIn(t, d, s, aged)
	m := d.group.members[2]
	tick := func(override func(*facts.Frame)) (alarmed bool) {
		s.override = override
		raised, _ := alarmsIn(t, d, s, 1)
		return len(raised) > 0
	}
	down := func(f *facts.Frame) { refusing(f, m.name) }
	for range 3 {
		if tick(down) || m.standing != facts.StandingAbsent {
			t.Fatalf("standing %s, want absent without an alarm", m.standing)
		}
	}
	for i := range 15 {
		if tick(nil) || m.scored {
			t.Fatalf("alarmed, or scored %d ticks after its return, want 15 of settling", i)
		}
	}
	if tick(nil) || !m.scored || m.win.seen != 1 {
		t.Fatalf("scored %v with %d ticks in its windows, want a fresh start", m.scored, m.win.seen)
	}
	for i := range restartTicks {
		if tick(down) || m.scored {
			t.Fatalf("alarmed, or scored after %d ticks of a second restart", i)
		}
	}
	if !tick(down) {
		t.Errorf("no alarm of a member that refuses connections for more than %d ticks", restartTicks)
	}
	pageless := func(f *facts.Frame) { unpaged(f, m.name) }
	for i := range 15 {
		if tick(pageless); m.scored {
			t.Fatalf("scored %d ticks after it answers again, want 15 of settling", i)
		}
	}
	if tick(pageless); !m.scored || m.alarm.standing {
		t.Errorf("scored %v, alarm %v after settling, want judged and healthy", m.scored, m.alarm.standing)
	}
}

func TestFreshCountersAreANewProcess(t *testing.T) {
	s := newSynthetic(16, 5)
	d := quick(t, nil)
	alarmsIn(t, d, s, 50)
	s.override = func(f *facts.Frame) { // gauges, and no rates yet
		for _, m := range []string{"be_bytes_out", "be_cpu", "be_downstream", "be_requests", "be_served", "be_svc_ms", "queue_depth", "zz_other"} {
			blank(f, m, "m0002")
		}
	}
	observe(t, d, s.frame())
	if m := d.group.members[1]; m.standing != facts.StandingAbsent || m.scored {
		t.Errorf("standing %s, scored %v, want absent: its counters began anew", m.standing, m.scored)
	}
	for range 16 {
		observe(t, d, s.frame())
	}
	if m := d.group.members[1]; !m.scored {
		t.Error("not scored after settling: a page that stays short is no restart")
	}
}

func TestMemberThatNobodyTellsOfIsAbsent(t *testing.T) {
	for _, tt := range []struct {
		name string
		drop func(f *facts.Frame)
	}{
		{"the balancer does not list it", func(f *facts.Frame) {
			for _, m := range f.Metrics {
				if strings.HasPrefix(m, balancerPrefix) {
					blank(f, m, "m0002")
				}
			}
		}},
		{"there is no balancer, and no page", func(f *facts.Frame) {
			unpaged(f, "m0002")
			for _, m := range f.Metrics {
				if strings.HasPrefix(m, balancerPrefix) {
					blank(f, m, "")
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSynthetic(44, 5)
			d := quick(t, nil)
			alarmsIn(t, d, s, 50)
			s.override = tt.drop
			observe(t, d, s.frame())
			if m := d.group.members[1]; m.standing != facts.StandingAbsent || m.scored {
				t.Errorf("standing %s, scored %v, want absent", m.standing, m.scored)
			}
		})
	}
}
