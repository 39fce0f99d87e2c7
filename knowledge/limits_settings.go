package knowledge

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Setting is one limit as pack.yaml writes it.
type Setting struct {
	Name, Value string
	// Reach orders values of one limit: the greater, the more the limit lets
	// through. It is the same for values of which neither is looser.
	Reach int64
}

// Settings returns the limits in the order in which they are documented.
func (l Limits) Settings() []Setting {
	percent := func(name string, v int) Setting { return Setting{name, strconv.Itoa(v) + "%", int64(v)} }
	count := func(name string, v int) Setting { return Setting{name, strconv.Itoa(v), int64(v)} }
	span := func(name string, v time.Duration) Setting { return Setting{name, written(v), int64(v)} }
	tighter := func(s Setting) Setting { return Setting{s.Name, s.Value, -s.Reach} }
	one, hold := int64(0), "escalate"
	if l.AllowOne {
		one = 1
	}
	if l.Release {
		hold = "restore"
	}
	return []Setting{
		percent("max_out", l.MaxOut), {"allow_one", fmt.Sprint(l.AllowOne), one}, tighter(count("min_healthy", l.MinHealthy)),
		percent("membership_drop", l.MembershipDrop), percent("panic", l.Panic),
		count("acts_per_minute", l.ActsPerMinute), count("acts_per_hour", l.ActsPerHour),
		tighter(span("cooldown", l.Cooldown)), count("attempts", l.Attempts),
		span("stale", l.Stale), tighter(span("warm_up", l.WarmUp)), tighter(span("settle", l.Settle)),
		span("verify", l.Verify), span("undo", l.Undo), span("hold", l.Hold), {"after_hold", hold, 0},
	}
}

// written returns a duration as people write it: 10m, not 10m0s.
func written(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
