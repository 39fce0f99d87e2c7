package main

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
)

// TestAttacksByAnEngine has the team change the engine and whatever tells the
// guard its limits: the guard is the real one, with the real log and a hand that
// would do anything.
func TestAttacksByAnEngine(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, x *redTeam, i *actions.Intent, l *actions.Limits)
		want   string
	}{
		{"a version with one approval", func(t *testing.T, x *redTeam, i *actions.Intent, _ *actions.Limits) { i.Version = digestOf(t, x.evil) }, "the act is by"},
		{"a version that nobody knows", func(_ *testing.T, _ *redTeam, i *actions.Intent, _ *actions.Limits) {
			i.Version = "h1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
		}, "no such file"},
		{"a version that leads elsewhere", func(_ *testing.T, _ *redTeam, i *actions.Intent, _ *actions.Limits) { i.Version = "h1:../../evil" }, "want h1:"},
		{"no version", func(_ *testing.T, _ *redTeam, i *actions.Intent, _ *actions.Limits) { i.Version = nothingLive }, "want h1:"},
		{"a candidate in a group to which it has not come", func(t *testing.T, x *redTeam, i *actions.Intent, l *actions.Limits) {
			x.take(t, x.answer(t, "cleo", "approve", x.evil))
			x.pass(t, 10*time.Second)
			if x.state(t, x.evil) != "ring1" {
				t.Fatal(x.state(t, x.evil))
			}
			i.Version = digestOf(t, x.evil)
		}, "the act is by"},
		{"a candidate that is in shadow", func(t *testing.T, x *redTeam, i *actions.Intent, _ *actions.Limits) {
			x.take(t, x.answer(t, "cleo", "approve", x.evil))
			i.Version = digestOf(t, x.evil)
		}, "the act is by"},
		{"a rule that the bundle does not have", func(_ *testing.T, _ *redTeam, i *actions.Intent, _ *actions.Limits) { i.Rule = "drain_all" }, `has no rule "drain_all"`},
		{"an operator that there is not", func(_ *testing.T, _ *redTeam, i *actions.Intent, _ *actions.Limits) { i.Rule = "operator:mallory" }, "asks for it by hand"},
		{"a rule that is a path", func(_ *testing.T, _ *redTeam, i *actions.Intent, _ *actions.Limits) { i.Rule = "../rules/drain_costly" }, "has no rule"},
		{"a verb outside of the bundle", func(_ *testing.T, _ *redTeam, i *actions.Intent, l *actions.Limits) {
			i.Verb = actions.Maint
			l.Verbs = append(l.Verbs, actions.Maint)
		}, `not for "maint"`},
		{"a verb that the limits know and the bundle does not", func(_ *testing.T, _ *redTeam, i *actions.Intent, l *actions.Limits) {
			i.Verb, i.Params = actions.Weight, map[string]string{"weight": "0"}
			l.Verbs = append(l.Verbs, actions.Weight)
		}, `not for "weight"`},
		{"more members out", func(_ *testing.T, _ *redTeam, _ *actions.Intent, l *actions.Limits) { l.MaxOut = 100 }, "limits in force are not those"},
		{"more acts a minute", func(_ *testing.T, _ *redTeam, _ *actions.Intent, l *actions.Limits) { l.PerMinute = 1000 }, "limits in force are not those"},
		{"no cooldown", func(_ *testing.T, _ *redTeam, _ *actions.Intent, l *actions.Limits) { l.Cooldown = 0 }, "limits in force are not those"},
		{"facts of an hour ago", func(_ *testing.T, _ *redTeam, _ *actions.Intent, l *actions.Limits) { l.Stale = time.Hour }, "limits in force are not those"},
		{"another environment", func(_ *testing.T, _ *redTeam, i *actions.Intent, _ *actions.Limits) { i.Env = "stage" }, "made for environment"},
		{"a group that is not configured", func(_ *testing.T, _ *redTeam, i *actions.Intent, _ *actions.Limits) { i.Group = "web-z" }, "no group"},
		{"a stop is written by hand", func(t *testing.T, x *redTeam, _ *actions.Intent, _ *actions.Limits) {
			if err := writeWhole(x.dir+"/"+stopFile, []byte("by ben: smoke\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "stopped by file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newRedTeam(t)
			x.clock = x.clock.Add(time.Minute)
			i := actions.Intent{Decision: "sha256:d", Env: "fra1", Expires: x.clock.Add(time.Minute), Group: "web-b", Member: "m01", Reason: "r",
				Rule: "drain_costly", Seen: actions.Seen{At: x.clock}, Time: x.clock, V: 1, Verb: actions.Drain, Version: digestOf(t, x.first)}
			if o, acts := x.submit(t, i, x.limits(t, x.first)); o.Result != actions.Sent || acts != 1 {
				t.Fatalf("what is approved: %+v and %d acts, want it sent", o, acts)
			}
			i.Member = "m02"
			l := x.limits(t, x.first)
			tt.change(t, x, &i, &l)
			i.Time, i.Seen.At, i.Expires = x.clock, x.clock, x.clock.Add(time.Minute)
			o, acts := x.submit(t, i, l)
			if o.Result != actions.Refused || acts > 0 || !strings.Contains(o.Detail, tt.want) {
				t.Errorf("%+v and %d acts, want it refused with %q", o, acts, tt.want)
			}
			if said := x.said(t); !strings.Contains(said, tt.want) && !strings.Contains(said, strings.ReplaceAll(tt.want, `"`, `\"`)) {
				t.Errorf("the log says\n%s\nwant the reason %q", said, tt.want)
			}
		})
	}
}

// submit hands an intent to a guard with these limits that has just started, and
// returns how often it touched a member.
func (x *redTeam) submit(t *testing.T, i actions.Intent, l actions.Limits) (actions.Outcome, int) {
	t.Helper()
	f := newFleet()
	now := func() time.Time { return x.clock }
	a := newActuator(x.log, store{x.dir}, x.trust, "fra1", now)
	var groups []actions.Group
	for _, name := range officeGroups {
		groups = append(groups, actions.Group{Name: name, Executor: f, Limits: l})
	}
	g, err := actions.NewGuard(t.Context(), actions.Config{Log: x.log, Env: "fra1", Groups: groups, Now: now, Verify: a.verify, StopFile: x.dir + "/" + stopFile})
	if err != nil {
		t.Fatal(err)
	}
	x.clock = x.clock.Add(l.WarmUp + time.Second)
	i.Seen.At, i.Time, i.Expires = x.clock, x.clock, x.clock.Add(time.Minute)
	o, err := g.Submit(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	return o, f.acts()
}
