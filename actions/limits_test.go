package actions

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestLimits(t *testing.T) {
	type set = func(*world)
	intent := func(f func(*Intent)) func(*Intent) { return f }
	same := func(*Intent) {}
	for _, tt := range []struct {
		name   string
		given  set
		verb   Verb
		change func(*Intent)
		want   string // the limit; "" is sent
	}{
		{"a first drain passes", func(*world) {}, Drain, same, ""},
		{"an intent of another version is refused", func(*world) {}, Drain, intent(func(i *Intent) { i.V = 2 }), limitIntent},
		{"an unknown verb is refused", func(*world) {}, "explode", same, limitIntent},
		{"no member is no target", func(*world) {}, Drain, intent(func(i *Intent) { i.Member = "" }), limitIntent},
		{"a wildcard is no member", func(*world) {}, Drain, intent(func(i *Intent) { i.Member = "*" }), limitTarget},
		{"a member that is not in the balancer is refused", func(*world) {}, Drain, intent(func(i *Intent) { i.Member = "m99" }), limitTarget},
		{"a group that is not configured is refused", func(*world) {}, Drain, intent(func(i *Intent) { i.Group = "api" }), limitTarget},
		{"a name with a line end is refused", func(*world) {}, Drain, intent(func(i *Intent) { i.Member = "m01\nset" }), limitIntent},
		{"a weight beyond 256 is refused", func(*world) {}, Weight, intent(func(i *Intent) { i.Params["weight"] = "257" }), limitIntent},
		{"a weight the member has already is refused", func(*world) {}, Weight, intent(func(i *Intent) { i.Params["weight"] = "100" }), limitStanding},
		{"an intent valid for a day is refused", func(*world) {}, Drain, intent(func(i *Intent) { i.Expires = i.Expires.Add(24 * time.Hour) }), limitIntent},
		{"a verb outside the pack is refused", func(w *world) { w.limits.Verbs = []Verb{Restore}; w.restart() }, Drain, same, limitVerb},
		{"a verb outside the pack is refused to operators too", func(w *world) { w.limits.Verbs = nil; w.restart() }, Drain,
			intent(func(i *Intent) { i.Rule = "operator:ana" }), limitVerb},
		{"an expired intent is refused", func(*world) {}, Drain, intent(func(i *Intent) { i.Expires = i.Time }), limitStale},
		{"facts older than three ticks are refused", func(*world) {}, Drain, intent(func(i *Intent) { i.Seen.At = i.Time.Add(-4 * time.Second) }), limitStale},
		{"facts from the future are refused", func(*world) {}, Drain, intent(func(i *Intent) { i.Seen.At = i.Time.Add(2 * time.Second) }), limitStale},
		{"an operator needs no facts", func(*world) {}, Drain,
			intent(func(i *Intent) { i.Rule, i.Seen, i.Facts = "operator:ana", Seen{}, nil }), ""},
		{"a guard that just started takes nothing out", func(w *world) { w.limits.WarmUp = time.Minute; w.restart() }, Drain, same, limitWarmUp},
		{"a guard that is warm does", func(w *world) { w.limits.WarmUp = time.Minute; w.restart(); w.sleep(time.Minute) }, Drain, same, ""},
		{"a third of the group out is the most", func(w *world) { w.hold("m00"); w.hold("m02"); w.hold("m03") }, Drain, same, limitCap},
		{"members that others took out count", func(w *world) {
			w.pool.other("m00", Maint, 0)
			w.pool.other("m02", Drain, 0)
			w.pool.other("m03", Weight, 0)
		}, Drain, same, limitCap},
		{"members that are down count", func(w *world) {
			w.limits.Panic = 100
			w.restart()
			w.pool.set(func(p *pool) { p.members["m00"].Up, p.members["m02"].Up, p.members["m03"].Up = false, false, false })
		}, Drain, same, limitCap},
		{"a drain on its way counts", func(w *world) {
			w.limits.MaxOut = 10
			w.restart()
			w.pool.set(func(p *pool) { p.answer = func(Act) error { return context.DeadlineExceeded } })
			w.want(w.intent(Drain, "m00"), Sent, "")
			w.pool.set(func(p *pool) { p.answer = nil })
		}, Drain, same, limitCap},
		{"a share that rounds to none lets none out", func(w *world) { w.limits.MaxOut = 9; w.restart() }, Drain, same, limitCap},
		{"unless one is allowed", func(w *world) { w.limits.MaxOut, w.limits.AllowOne = 9, true; w.restart() }, Drain, same, ""},
		{"two are never allowed that way", func(w *world) {
			w.limits.MaxOut, w.limits.AllowOne = 9, true
			w.restart()
			w.pool.other("m00", Drain, 0)
		}, Drain, same, limitCap},
		{"too few left in service is refused", func(w *world) { w.limits.MinHealthy = 10; w.restart() }, Drain, same, limitHealthy},
		{"a group that shrank by a third is not trusted", func(w *world) {
			w.sleep(idle)
			w.pool.set(func(p *pool) { delete(p.members, "m07"); delete(p.members, "m08"); delete(p.members, "m09") })
		}, Drain, same, limitDrop},
		{"five minutes later it is", func(w *world) {
			w.sleep(idle)
			w.pool.set(func(p *pool) { delete(p.members, "m07"); delete(p.members, "m08"); delete(p.members, "m09") })
			w.sleep(6 * time.Minute)
		}, Drain, same, ""},
		{"three of ten alarmed is a panic", func(*world) {}, Drain, intent(func(i *Intent) { i.Seen.Alarmed = 3 }), limitPanic},
		{"two of ten are not", func(*world) {}, Drain, intent(func(i *Intent) { i.Seen.Alarmed = 2 }), ""},
		{"three of ten down by their checks is a panic", func(w *world) {
			w.pool.set(func(p *pool) { p.members["m00"].Up, p.members["m02"].Up, p.members["m03"].Up = false, false, false })
		}, Drain, same, limitPanic},
		{"a group that moves together is a panic", func(*world) {}, Drain, intent(func(i *Intent) { i.Seen.Shift = "down" }), limitPanic},
		{"the third act of a minute waits", func(w *world) { w.limits.PerMinute = 2; w.restart(); w.hold("m00"); w.hold("m02") }, Drain, same, limitRate},
		{"the minute over, it goes", func(w *world) {
			w.limits.PerMinute = 2
			w.restart()
			w.hold("m00")
			w.hold("m02")
			w.sleep(time.Minute)
		}, Drain, same, ""},
		{"a restart refills no budget", func(w *world) {
			w.limits.PerMinute = 2
			w.restart()
			w.hold("m00")
			w.hold("m02")
			w.restart()
			w.sleep(time.Second)
		}, Drain, same, limitRate},
		{"the third act of an hour waits", func(w *world) {
			w.limits.PerHour = 2
			w.restart()
			w.hold("m00")
			w.hold("m02")
			w.sleep(50 * time.Minute)
		}, Drain, same, limitRate},
		{"a member that is held is not taken out twice", func(w *world) { w.hold("m01") }, Maint, same, limitHeld},
		{"a member that others drained is not ours to drain", func(w *world) { w.pool.other("m01", Drain, 0) }, Drain, same, limitStanding},
		{"a member that was put back rests", func(w *world) { w.hold("m01"); w.want(w.intent(Restore, "m01"), Sent, ""); w.sleep(time.Minute) }, Drain, same, limitCooldown},
		{"and rests over a restart", func(w *world) {
			w.hold("m01")
			w.want(w.intent(Restore, "m01"), Sent, "")
			w.sleep(time.Minute)
			w.restart()
		}, Drain, same, limitCooldown},
		{"rested, it can be taken out again", func(w *world) { w.cycle("m01") }, Drain, same, ""},
		{"tried twice, it is a human's turn", func(w *world) { w.cycle("m01"); w.cycle("m01") }, Drain, same, limitAttempts},
		{"no attempts allowed is none", func(w *world) { w.limits.Attempts = 0; w.restart() }, Drain, same, limitAttempts},
		{"left alone for an hour, it may be tried again", func(w *world) { w.cycle("m01"); w.cycle("m01"); w.sleep(time.Hour) }, Drain, same, ""},
		{"a balancer that does not answer is left alone", func(w *world) { w.pool.set(func(p *pool) { p.cut = errDown }) }, Drain, same, limitUnreachable},
		{"stopped, nothing is taken out", func(w *world) { w.halt(false) }, Drain, same, limitStop},
		{"stopped, operators take nothing out either", func(w *world) { w.halt(false) }, Drain,
			intent(func(i *Intent) { i.Rule = "operator:ana" }), limitStop},
		{"stopped stays stopped over a restart", func(w *world) { w.halt(false); w.restart() }, Drain, same, limitStop},
		{"a rule cannot put back what it did not take out", func(w *world) { w.pool.other("m01", Drain, 0) }, Restore, same, limitOwner},
		{"an operator can", func(w *world) { w.pool.other("m01", Drain, 0) }, Restore, intent(func(i *Intent) { i.Rule = "operator:ana" }), ""},
		{"an operator can without the verb", func(w *world) { w.limits.Verbs = nil; w.restart(); w.pool.other("m01", Drain, 0) }, Restore,
			intent(func(i *Intent) { i.Rule = "operator:ana" }), ""},
		{"a rule cannot undo what another hand made of it", func(w *world) {
			w.hold("m01")
			w.pool.other("m01", Maint, 0)
		}, Restore, same, limitOwner},
		{"putting back is held by no limit", func(w *world) {
			w.hold("m01")
			for _, m := range []string{"m02", "m03", "m04", "m05"} {
				w.pool.other(m, Drain, 0)
			}
			w.halt(false)
		}, Restore, intent(func(i *Intent) { i.Seen = Seen{Alarmed: 9, Members: 10, Shift: "up"} }), ""},
		{"but by a freeze", func(w *world) { w.hold("m01"); w.halt(true) }, Restore, same, limitFreeze},
		{"even over a restart", func(w *world) { w.hold("m01"); w.halt(true); w.restart(); w.sleep(time.Second) }, Restore, same, limitFreeze},
		{"putting back waits for a call on its way", func(w *world) {
			w.pool.set(func(p *pool) { p.answer = func(Act) error { return context.DeadlineExceeded } })
			w.want(w.intent(Drain, "m01"), Sent, "")
		}, Restore, same, limitBusy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 10, func(w *world) {
				tt.given(w)
				in := w.intent(tt.verb, "m01")
				tt.change(&in)
				before := len(w.pool.applied())
				want := Sent
				if tt.want != "" {
					want = Refused
				}
				w.want(in, want, tt.want)
				called := len(w.pool.applied()) - before
				if (called == 1) != (tt.want == "") {
					t.Errorf("executor called %d times for limit %q", called, tt.want)
				}
				if tt.want == "" {
					return
				}
				if story := w.log.story(t, 0); !strings.HasPrefix(story[len(story)-1], "action.refused act "+tt.want) {
					t.Errorf("last entry: got %s, want the refusal", story[len(story)-1])
				}
				if got := w.guard.Stats().Refusals[tt.want]; got < 1 {
					t.Errorf("refusals by %s counted: got %d, want at least 1", tt.want, got)
				}
			})
		})
	}
}

// cycle takes a member out, puts it back and waits until it may be taken out again.
func (w *world) cycle(member string) {
	w.Helper()
	w.hold(member)
	w.want(w.intent(Restore, member), Sent, "")
	w.sleep(11 * time.Minute)
}

func TestLimitsCheck(t *testing.T) {
	if err := DefaultLimits().Check(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for name, f := range map[string]func(*Limits){
		"max out": func(l *Limits) { l.MaxOut = 101 }, "panic": func(l *Limits) { l.Panic = -1 },
		"lease": func(l *Limits) { l.Lease = 0 }, "verify": func(l *Limits) { l.Verify = l.Settle - 1 },
		"hold": func(l *Limits) { l.Hold = 0 }, "verb": func(l *Limits) { l.Verbs = []Verb{"reboot"} },
		"twice": func(l *Limits) { l.Verbs = []Verb{Drain, Drain} }, "stale": func(l *Limits) { l.Stale = 2 * time.Hour },
	} {
		l := DefaultLimits()
		f(&l)
		if err := l.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("limits with a bad %s: got %v, want it named", name, err)
		}
	}
}
