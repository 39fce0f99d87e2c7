package knowledge

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Limits is the envelope that a pack's acts must stay in. Percentages are of
// the group's members.
type Limits struct {
	MaxOut         int  // percent, 1 to 50: out after an act, whoever took them out; default 10
	AllowOne       bool // one member may be out where MaxOut rounds down to none; default false
	MinHealthy     int  // members left in service after an act, 1 to 16384; default 2
	MembershipDrop int  // percent, 1 to 100: nothing is taken out of a group that shrank by more in 5 minutes; default 20
	Panic          int  // percent, 1 to 100: nothing is taken out while so many look sick; default 30

	ActsPerMinute int           // 1 to 60, per group; default 2
	ActsPerHour   int           // 1 to 600, per group; default 20
	Cooldown      time.Duration // 1s to 24h, between two acts that take out the same member; default 10m
	Attempts      int           // 1 to 10, acts on the same member before a human owns it; default 2

	Stale  time.Duration // 100ms to 5m, age of the newest fact about the group; default 3s
	WarmUp time.Duration // 0s to 1h, after a start; default 30s
	Settle time.Duration // 10ms to 1m, between two read-backs that must show no new work; default 200ms
	Verify time.Duration // 100ms to 5m, until the effect is read back; default 5s
	Undo   time.Duration // 1s to 10m, until the undoing is read back; default 30s

	Hold    time.Duration // 1s to 720h, longest that a member is kept out; default 24h
	Release bool          // after Hold the member is put back (after_hold: restore); default false, a human owns it (escalate)
}

// defaultLimits returns the limits of a pack that names none.
func defaultLimits() Limits {
	return Limits{MaxOut: 10, MinHealthy: 2, MembershipDrop: 20, Panic: 30, ActsPerMinute: 2, ActsPerHour: 20,
		Cooldown: 10 * time.Minute, Attempts: 2, Stale: 3 * time.Second, WarmUp: 30 * time.Second,
		Settle: 200 * time.Millisecond, Verify: 5 * time.Second, Undo: 30 * time.Second, Hold: 24 * time.Hour}
}

func (r *reader) limits(n ast.Node, l *Limits) {
	percent := func(name string, to *int, high int) field {
		return field{name, false, r.text("limits."+name, func(s string) error { return parsePercent(s, to, high) })}
	}
	count := func(name string, to *int, high int) field {
		return field{name, false, r.text("limits."+name, func(s string) error { return parseCount(s, to, high) })}
	}
	duration := func(name string, to *time.Duration, low, high time.Duration) field {
		set := func(s string) error { return parseDuration(s, to, low, high) }
		return field{name, false, r.text("limits."+name, set)}
	}
	choice := func(name string, to *bool, yes, no string) field {
		return field{name, false, r.text("limits."+name, func(s string) error { return parseBool(s, to, yes, no) })}
	}
	r.mapping(n, "limits",
		percent("max_out", &l.MaxOut, 50),
		choice("allow_one", &l.AllowOne, "true", "false"),
		count("min_healthy", &l.MinHealthy, 16384),
		percent("membership_drop", &l.MembershipDrop, 100),
		percent("panic", &l.Panic, 100),
		count("acts_per_minute", &l.ActsPerMinute, 60),
		count("acts_per_hour", &l.ActsPerHour, 600),
		duration("cooldown", &l.Cooldown, time.Second, 24*time.Hour),
		count("attempts", &l.Attempts, 10),
		duration("stale", &l.Stale, 100*time.Millisecond, 5*time.Minute),
		duration("warm_up", &l.WarmUp, 0, time.Hour),
		duration("settle", &l.Settle, 10*time.Millisecond, time.Minute),
		duration("verify", &l.Verify, 100*time.Millisecond, 5*time.Minute),
		duration("undo", &l.Undo, time.Second, 10*time.Minute),
		duration("hold", &l.Hold, time.Second, 720*time.Hour),
		choice("after_hold", &l.Release, "restore", "escalate"),
	)
	if len(r.errs) == 0 && (l.Settle > l.Verify || l.Verify > l.Hold) {
		r.fail(n, "limits: found settle %v, verify %v, hold %v, want each at most the next", l.Settle, l.Verify, l.Hold)
	}
}

func parsePercent(s string, to *int, high int) error {
	digits, ok := strings.CutSuffix(s, "%")
	v, err := strconv.Atoi(digits)
	if !ok || err != nil || v < 1 || v > high || strconv.Itoa(v) != digits {
		return fmt.Errorf("1%% to %d%%", high)
	}
	*to = v
	return nil
}

func parseCount(s string, to *int, high int) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < 1 || v > high || strconv.Itoa(v) != s {
		return fmt.Errorf("a whole number from 1 to %d", high)
	}
	*to = v
	return nil
}

func parseDuration(s string, to *time.Duration, low, high time.Duration) error {
	v, err := time.ParseDuration(s)
	if err != nil || s == "0" || v < low || v > high {
		return fmt.Errorf("a time with its unit from %v to %v, such as 90s or 10m", low, high)
	}
	*to = v
	return nil
}

func parseBool(s string, to *bool, yes, no string) error {
	if s != yes && s != no {
		return errors.New(yes + " or " + no)
	}
	*to = s == yes
	return nil
}
