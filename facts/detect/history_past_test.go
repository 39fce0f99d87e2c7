package detect

import (
	"math"
	"testing"
	"time"
)

// one returns a history of a single series of one feature, whose y at a time
// of day is of(hour), and the series after so many days.
func one(t *testing.T, days float64, of func(hour float64) float64) (*season, *past) {
	t.Helper()
	s := newSeason(1, 0)
	s.h = newHistory([]int{1, 3, 12}, []string{"request_rate"}, seasonBlock)
	s.series = []*past{newPast(s.h)}
	s.touch = func(_, _ int, y []float64) { y[0] = of(s.hour()) }
	s.days(t, days)
	return s, s.series[0]
}

// hour returns the time of day of the middle of the block last taken in.
func (s *season) hour() float64 {
	return float64(s.time().Add(-seasonBlock/2).Unix()%86400) / 3600
}

func TestLevelFollowsTheDayWithoutJumps(t *testing.T) {
	day := func(hour float64) float64 { return 3 + math.Sin(2*math.Pi*hour/24) }
	s, p := one(t, 10, day)
	steepest := 2 * math.Pi / 24 * seasonBlock.Hours()
	last := float64(p.at(0, hourAt(s.time())))
	for range 288 {
		s.next(t)
		usual := float64(p.usual[0])
		if off := usual - day(s.hour()); math.Abs(off) > 0.03 {
			t.Fatalf("at %.2f h %.3f was expected, %.3f off: want less than the curve within an hour", s.hour(), usual, off)
		}
		if s.block%288 > 1 && math.Abs(usual-last) > 1.5*steepest {
			t.Fatalf("at %.2f h the level goes from %.3f to %.3f, want steps below %.3f, also at the full hour", s.hour(), last, usual, 1.5*steepest)
		}
		last = usual
	}
}

func TestTheLevelOfLateStandsInForHoursNotSeen(t *testing.T) {
	day := func(hour float64) float64 { return math.Sin(2 * math.Pi * hour / 24) }
	s, p := one(t, 0.25, day)
	if got := p.at(0, hour{7, 8, 0}); math.Abs(got-1) > 0.1 {
		t.Errorf("at six in the morning %.3f is expected of half past seven, want the 1 of late", got)
	}
	if got := p.at(0, hour{1, 2, 0}); math.Abs(got-day(1.5)) > 0.05 {
		t.Errorf("%.3f is expected of half past one, want the %.3f that was", got, day(1.5))
	}
	s.days(t, 0.8)
	if got := p.at(0, hour{7, 8, 0}); math.Abs(got-day(7.5)) > 0.05 {
		t.Errorf("%.3f is expected of half past seven on the second day, want the %.3f of the first", got, day(7.5))
	}
}

func TestAFaultTeachesLittle(t *testing.T) {
	for _, size := range []float64{1, 1000, 1e29} {
		s, p := one(t, 15, func(float64) float64 { return 3 })
		s.touch = func(_, _ int, y []float64) { y[0] = 3 + s.t2()*0.05 }
		s.days(t, 10)
		now := hourAt(s.time())
		level, spread := p.at(0, now), float64(p.spread[0])
		s.touch = func(_, _ int, y []float64) { y[0] = 3 + size }
		s.days(t, 1.0/24)
		if got := (p.at(0, now) - level) / spread; got > 0.4 || got <= 0 {
			t.Errorf("an hour %g off moves the level of the hour by %.2f scales, want a third at most", size, got)
		}
		if got := float64(p.spread[0])/spread - 1; got > 0.06 {
			t.Errorf("an hour %g off moves the scale by %.0f %%, want 5 at most", size, 100*got)
		}
	}
}

func TestAPastIsKept(t *testing.T) {
	for _, tt := range []struct {
		name    string
		do      func(s *season, p *past)
		learns  bool
		restart bool
	}{
		{"a block that is held is scored, not learnt from", func(_ *season, p *past) { p.hold = true }, false, false},
		{"a series left out keeps its levels, its windows begin anew", func(s *season, p *past) {
			all := s.series
			s.series = nil
			for range 40 {
				s.next(t)
			}
			s.series = all
		}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, p := one(t, 3, func(hour float64) float64 { return hour })
			before, learnt := p.at(0, hour{10, 11, 0}), p.learnt
			tt.do(s, p)
			s.next(t)
			if !p.judged {
				t.Fatal("the series is not judged")
			}
			if got := p.at(0, hour{10, 11, 0}); got != before {
				t.Errorf("level at half past ten was %v, is %v", before, got)
			}
			if got := p.learnt > learnt; got != tt.learns {
				t.Errorf("learnt from the block: %v, want %v", got, tt.learns)
			}
			if got := p.win.seen == 1; got != tt.restart {
				t.Errorf("windows began anew: %v, want %v", got, tt.restart)
			}
		})
	}
}

func TestHourAt(t *testing.T) {
	for _, tt := range []struct {
		at   string
		want hour
	}{
		{"2019-07-02T03:30:00Z", hour{3, 4, 0}},
		{"2019-07-02T04:00:00Z", hour{3, 4, 0.5}},
		{"2019-07-02T00:15:00Z", hour{23, 0, 0.75}},
		{"2019-07-02T23:45:00+02:00", hour{21, 22, 0.25}},
		{"1969-12-31T23:59:30Z", hour{23, 0, 0.491666}},
	} {
		when, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		got := hourAt(when)
		if got.lo != tt.want.lo || got.hi != tt.want.hi || math.Abs(got.w-tt.want.w) > 1e-6 {
			t.Errorf("hourAt(%s) = %+v, want %+v", tt.at, got, tt.want)
		}
	}
}
