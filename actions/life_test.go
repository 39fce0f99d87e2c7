package actions

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLifeOfAnAct(t *testing.T) {
	for _, tt := range []struct {
		name  string
		do    func(w *world)
		story []string // entries after the start's
		calls []string
		told  []string
		open  string
	}{
		{"a drain is verified and held, and put back on request", func(w *world) {
			w.want(w.intent(Drain, "m01"), Sent, "")
			w.sleep(time.Second)
			w.want(w.intent(Restore, "m01"), Sent, "")
			w.sleep(time.Second)
		}, []string{
			"intent", "action.sent act drain", "action.result applied", "outcome drain done",
			"intent", "action.sent act restore", "action.result applied", "outcome restore done", "outcome drain released",
		}, []string{"drain m01", "restore m01"}, []string{"drain m01 done", "restore m01 done", "drain m01 released"}, ""},

		{"a weight is set, and the old one given back", func(w *world) {
			w.want(w.intent(Weight, "m01"), Sent, "")
			w.sleep(time.Second)
			w.want(w.intent(Restore, "m01"), Sent, "")
			w.sleep(time.Second)
			if got := w.pool.members["m01"].Weight; got != 100 {
				w.Errorf("weight: got %d, want 100", got)
			}
		}, []string{
			"intent", "action.sent act weight", "action.result applied", "outcome weight done",
			"intent", "action.sent act weight", "action.result applied", "outcome restore done", "outcome weight released",
		}, []string{"weight m01", "weight m01"}, []string{"weight m01 done", "restore m01 done", "weight m01 released"}, ""},

		{"a member that gets work all the same is put back and a human told", func(w *world) {
			w.pool.leak = true
			w.want(w.intent(Drain, "m01"), Sent, "")
			w.sleep(time.Minute)
		}, []string{
			"intent", "action.sent act drain", "action.result applied", "action.result missed",
			"action.sent undo restore", "action.result applied", "outcome drain undone", "outcome drain escalated",
		}, []string{"drain m01", "restore m01"}, []string{"drain m01 undone", "drain m01 escalated"}, ""},

		{"a refused call has no effect and says so at once", func(w *world) {
			w.pool.answer = func(Act) error { return fmt.Errorf("permission denied: %w", ErrNotApplied) }
			w.want(w.intent(Drain, "m01"), Failed, "")
			w.sleep(time.Minute)
		}, []string{"intent", "action.sent act drain", "action.result not applied", "outcome drain failed"},
			nil, []string{"drain m01 failed"}, ""},

		{"a dry run says what it would have done", func(w *world) {
			w.pool.answer = func(Act) error { return ErrDryRun }
			w.want(w.intent(Drain, "m01"), DryRun, "")
			w.want(w.intent(Drain, "m01"), Refused, limitCooldown)
		}, []string{"intent", "action.sent act drain", "action.result not applied", "outcome drain dry run", "action.refused act cooldown"},
			nil, []string{"drain m01 dry run"}, ""},

		{"a lost answer is read back: there", func(w *world) {
			w.pool.after = func(Act) error { return context.DeadlineExceeded }
			w.want(w.intent(Drain, "m01"), Sent, "")
			w.sleep(2900 * time.Millisecond)
			if got := w.phases(); got != "m01 sending" {
				w.Errorf("before lease and skew are over: got %s, want m01 sending", got)
			}
			w.sleep(time.Second)
		}, []string{"intent", "action.sent act drain", "action.result unknown", "action.result seen", "outcome drain done"},
			[]string{"drain m01"}, []string{"drain m01 done"}, "m01 holding"},

		{"a lost answer is read back: not there", func(w *world) {
			w.pool.answer = func(Act) error { return context.DeadlineExceeded }
			w.want(w.intent(Drain, "m01"), Sent, "")
			w.sleep(4 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result unknown", "outcome drain failed"},
			nil, []string{"drain m01 failed"}, ""},

		{"a lost restore is tried again by whoever wants it", func(w *world) {
			w.hold("m01")
			w.pool.set(func(p *pool) { p.answer = func(Act) error { return context.DeadlineExceeded } })
			w.want(w.intent(Restore, "m01"), Sent, "")
			w.sleep(4 * time.Second)
			w.pool.set(func(p *pool) { p.answer = nil })
			w.want(w.intent(Restore, "m01"), Sent, "")
			w.sleep(time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done",
			"intent", "action.sent act restore", "action.result unknown", "outcome restore failed",
			"intent", "action.sent act restore", "action.result applied", "outcome restore done", "outcome drain released"},
			[]string{"drain m01", "restore m01"},
			[]string{"drain m01 done", "restore m01 failed", "restore m01 done", "drain m01 released"}, ""},

		{"a hold that another hand ended is let go", func(w *world) {
			w.hold("m01")
			w.pool.other("m01", Restore, 0)
			w.sleep(5 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done", "outcome drain released"},
			[]string{"drain m01"}, []string{"drain m01 done", "drain m01 released"}, ""},

		{"a member that another hand put into maintenance is let go", func(w *world) {
			w.hold("m01")
			w.pool.other("m01", Maint, 0)
			w.sleep(5 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done", "outcome drain released"},
			[]string{"drain m01"}, []string{"drain m01 done", "drain m01 released"}, ""},

		{"a member that left the group is let go", func(w *world) {
			w.hold("m01")
			w.pool.set(func(p *pool) { delete(p.members, "m01") })
			w.sleep(5 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done", "outcome drain released"},
			[]string{"drain m01"}, []string{"drain m01 done", "drain m01 released"}, ""},

		{"a hold that a reload lost is applied again", func(w *world) {
			w.hold("m01")
			w.pool.reload()
			w.sleep(5 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done",
			"action.sent reapply drain", "action.result applied", "outcome drain done"},
			[]string{"drain m01", "drain m01"}, []string{"drain m01 done", "drain m01 done"}, "m01 holding"},

		{"a hold that outlived a reload is noted", func(w *world) {
			w.hold("m01")
			w.pool.set(func(p *pool) { p.instance++ })
			w.sleep(5 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done", "action.result seen"},
			[]string{"drain m01"}, []string{"drain m01 done"}, "m01 holding"},

		{"a lost hold waits while the limits forbid it, and says so once", func(w *world) {
			w.hold("m01")
			w.halt(false)
			w.pool.reload()
			w.sleep(5 * time.Second)
			if err := w.guard.Resume(w.Context(), anaAndBo, Everything, "over"); err != nil {
				w.Fatal(err)
			}
			w.sleep(5 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done", "stop",
			"action.refused reapply stop", "resume", "action.sent reapply drain", "action.result applied", "outcome drain done"},
			[]string{"drain m01", "drain m01"}, []string{"drain m01 done", "drain m01 done"}, "m01 holding"},

		{"a reload before the drain was verified is no failure", func(w *world) {
			w.want(w.intent(Drain, "m01"), Sent, "")
			w.pool.reload()
			w.sleep(5 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied",
			"action.sent reapply drain", "action.result applied", "outcome drain done"},
			[]string{"drain m01", "drain m01"}, []string{"drain m01 done"}, "m01 holding"},

		{"after a day a human owns the member, until it is back", func(w *world) {
			w.hold("m01")
			w.sleep(24 * time.Hour)
			if got := w.phases(); got != "m01 escalated" {
				w.Errorf("after a day: got %s, want m01 escalated", got)
			}
			w.want(w.intent(Restore, "m01"), Refused, limitOwner)
			in := w.intent(Restore, "m01")
			in.Rule = "operator:ana"
			w.want(in, Sent, "")
			w.sleep(time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done", "outcome drain escalated",
			"action.refused act owner", "intent", "action.sent act restore", "action.result applied", "outcome restore done", "outcome drain released"},
			[]string{"drain m01", "restore m01"},
			[]string{"drain m01 done", "drain m01 escalated", "restore m01 done", "drain m01 released"}, ""},

		{"or it is put back, where the limits say so", func(w *world) {
			w.limits.Release = true
			w.restart()
			w.hold("m01")
			w.sleep(24 * time.Hour)
		}, []string{"lease.acquired", "intent", "action.sent act drain", "action.result applied", "outcome drain done",
			"action.sent release restore", "action.result applied", "outcome drain released"},
			[]string{"drain m01", "restore m01"}, []string{"drain m01 done", "drain m01 released"}, ""},

		{"a human is told once of a member that was tried often enough", func(w *world) {
			w.pool.set(func(p *pool) { p.answer = func(Act) error { return ErrNotApplied } })
			w.limits.Attempts = 1
			w.restart()
			w.want(w.intent(Drain, "m01"), Failed, "")
			w.want(w.intent(Drain, "m01"), Refused, limitAttempts)
			w.want(w.intent(Drain, "m01"), Refused, limitAttempts)
		}, []string{"lease.acquired", "intent", "action.sent act drain", "action.result not applied", "outcome drain failed",
			"outcome drain escalated", "action.refused act attempts", "action.refused act attempts"},
			nil, []string{"drain m01 failed", "drain m01 escalated"}, ""},

		{"a human is told of a panic once", func(w *world) {
			for range 3 {
				in := w.intent(Drain, "m01")
				in.Seen.Shift = "up"
				w.want(in, Refused, limitPanic)
			}
		}, []string{"outcome drain escalated", "action.refused act panic", "action.refused act panic", "action.refused act panic"},
			nil, []string{"drain m01 escalated"}, ""},

		{"a notice is told once a cooldown", func(w *world) {
			w.want(w.intent(Notify, ""), Done, "")
			w.want(w.intent(Notify, ""), Refused, limitCooldown)
		}, []string{"intent", "outcome notify done", "action.refused act cooldown"}, nil, []string{"notify  done"}, ""},

		{"a member that cannot be put back is escalated", func(w *world) {
			w.pool.leak = true
			w.want(w.intent(Drain, "m01"), Sent, "")
			w.pool.set(func(p *pool) { p.answer = func(Act) error { return ErrNotApplied } })
			w.sleep(45 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "action.result missed",
			"action.sent undo restore", "action.result not applied", "outcome drain escalated"},
			[]string{"drain m01"}, []string{"drain m01 escalated"}, "m01 escalated"},

		{"a frozen undo waits, and goes on", func(w *world) {
			w.pool.leak = true
			w.want(w.intent(Drain, "m01"), Sent, "")
			w.halt(true)
			w.sleep(20 * time.Second)
			if err := w.guard.Resume(w.Context(), anaAndBo, Everything, "over"); err != nil {
				w.Fatal(err)
			}
			w.sleep(20 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "stop", "action.result missed", "action.refused undo freeze",
			"resume", "action.sent undo restore", "action.result applied", "outcome drain undone", "outcome drain escalated"},
			[]string{"drain m01", "restore m01"}, []string{"drain m01 undone", "drain m01 escalated"}, ""},

		{"a balancer that falls silent after a drain: told within a minute, nothing stale done", func(w *world) {
			w.want(w.intent(Drain, "m01"), Sent, "")
			w.pool.set(func(p *pool) { p.cut = errDown })
			w.sleep(59 * time.Second)
			w.pool.set(func(p *pool) { p.cut = nil })
			w.sleep(20 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "action.result missed", "outcome drain escalated"},
			[]string{"drain m01"}, []string{"drain m01 escalated"}, "m01 escalated"},

		{"a balancer that comes back in time is gone on with", func(w *world) {
			w.hold("m01")
			w.pool.set(func(p *pool) { p.cut = errDown })
			w.sleep(time.Minute)
			if d := w.guard.Open()[0].Detail; !strings.Contains(d, errDown.Error()) {
				w.Errorf("detail while it is silent: got %q, want the error", d)
			}
			w.pool.reload()
			w.pool.set(func(p *pool) { p.cut = nil })
			w.sleep(10 * time.Second)
		}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done",
			"action.sent reapply drain", "action.result applied", "outcome drain done"},
			[]string{"drain m01", "drain m01"}, []string{"drain m01 done", "drain m01 done"}, "m01 holding"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 10, func(w *world) {
				tt.do(w)
				equal(w.T, "entries", compact(w.log.story(w.T, 1)), tt.story)
				equal(w.T, "calls", w.pool.applied(), tt.calls)
				equal(w.T, "told", w.heard(), tt.told)
				if got := w.phases(); got != tt.open {
					w.Errorf("open acts: got %q, want %q", got, tt.open)
				}
				w.replays()
			})
		})
	}
}

// compact drops repetitions of a pair of entries: retries.
func compact(story []string) []string {
	var out []string
	for i := 0; i < len(story); i++ {
		if n := len(out); n >= 2 && i+1 < len(story) && slices.Equal(out[n-2:], story[i:i+2]) {
			i++
			continue
		}
		out = append(out, story[i])
	}
	return out
}

// replays checks that the ledger and the stops a restart would build are the
// running ones.
func (w *world) replays() {
	w.Helper()
	w.stop()
	fresh := &Guard{log: w.log, groups: map[string]*group{"web": {ledger: newLedger()}}, orphan: map[string]*ledger{}, stop: newStopSwitch("")}
	if err := fresh.replay(w.Context()); err != nil {
		w.Fatal(err)
	}
	got, want := fresh.groups["web"].ledger, w.guard.groups["web"].ledger
	now := time.Now()
	got.forget(now)
	want.forget(now)
	if fmt.Sprint(len(got.acts), got.spent, got.known, got.noted, got.panic) != fmt.Sprint(len(want.acts), want.spent, want.known, want.noted, want.panic) ||
		!reflect.DeepEqual(got.members, want.members) {
		w.Errorf("replayed ledger differs: %d acts, %d spent, want %d, %d", len(got.acts), len(got.spent), len(want.acts), len(want.spent))
	}
	stops := func(g *Guard) []StopState {
		all := g.stop.list()
		for i := range all {
			all[i].Since = time.Time{} // of the record, which may be later than the stop
		}
		return all
	}
	if got, want := stops(fresh), stops(w.guard); !slices.Equal(got, want) {
		w.Errorf("replayed stops %+v, want %+v", got, want)
	}
	for id, a := range want.acts {
		b := got.acts[id]
		if b == nil || fmt.Sprintf("%+v", *a) != fmt.Sprintf("%+v", *b) {
			w.Errorf("replayed act differs:\n got %+v\nwant %+v", b, a)
		}
	}
}

func TestDuplicateIntentsAreDoneOnce(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		drain := w.intent(Drain, "m01")
		w.want(drain, Sent, "")
		w.want(drain, Sent, "")
		w.sleep(time.Second)
		w.want(drain, Done, "")
		late := w.intent(Drain, "m01")
		w.want(late, Refused, limitHeld)
		size := w.log.Size()
		w.want(late, Refused, limitHeld)
		if got := w.log.Size(); got != size {
			t.Errorf("a refusal asked for again: log grew from %d to %d entries, want no more", size, got)
		}
		w.restart()
		w.want(drain, Done, "")
		w.want(late, Refused, limitHeld)
		equal(w.T, "calls", w.pool.applied(), []string{"drain m01"})
	})
}

func TestOutcomesAreToldAgainAfterARestart(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		w.hold("m01")
		equal(w.T, "told", w.heard(), []string{"drain m01 done"})
		w.restart()
		equal(w.T, "told within the minute", w.heard(), []string{"drain m01 done"})
		w.sleep(time.Hour)
		w.restart()
		equal(w.T, "told of a hold", w.heard(), []string{"drain m01 done"})
		w.want(w.intent(Restore, "m01"), Sent, "")
		w.sleep(time.Hour)
		w.heard()
		w.restart()
		equal(w.T, "told of what ended long ago", w.heard(), nil)
	})
}

func TestOutcomeCallbackMaySubmit(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		w.stop()
		var got []Outcome
		g, err := NewGuard(w.Context(), Config{Log: w.log, Groups: []Group{{Name: "web", Executor: w.pool, Limits: w.limits}},
			OnOutcome: func(ctx context.Context, o Outcome) {
				if got = append(got, o); o.Verb == Drain && o.Result == Done {
					in := w.intent(Notify, o.Member)
					if _, err := w.guard.Submit(ctx, in); err != nil {
						t.Error(err)
					}
				}
			}})
		if err != nil {
			t.Fatal(err)
		}
		w.guard = g
		ctx, cancel := context.WithCancel(w.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		w.stop = func() {}
		w.want(w.intent(Drain, "m01"), Sent, "")
		w.sleep(time.Second)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("run: got %v, want why it ended", err)
		}
		if len(got) != 2 || got[1].Verb != Notify {
			t.Errorf("told: got %+v, want drain done, notify done", got)
		}
	})
}

func TestGroupsDoNotWaitForEachOther(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		w.stop()
		hung := make(chan struct{})
		slow := newPool(numbered(10)...)
		slow.answer = func(Act) error { <-hung; return nil }
		g, err := NewGuard(w.Context(), Config{Log: w.log, Groups: []Group{
			{Name: "web", Executor: w.pool, Limits: w.limits}, {Name: "slow", Executor: slow, Limits: w.limits}}})
		if err != nil {
			t.Fatal(err)
		}
		w.guard = g
		w.stop = func() {}
		done := make(chan Outcome)
		go func() {
			in := w.intent(Drain, "m01")
			in.Group = "slow"
			o, _ := g.Submit(w.Context(), in)
			done <- o
		}()
		w.sleep(time.Millisecond)
		w.want(w.intent(Drain, "m01"), Sent, "")
		if got := len(g.Open()); got != 1 { // the view of a group is what it last showed
			t.Errorf("open acts while a group hangs: got %d, want 1", got)
		}
		close(hung)
		if o := <-done; o.Result != Sent {
			t.Errorf("slow group: got %+v, want it sent", o)
		}
	})
}

func TestFenceGrows(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		w.hold("m01")
		w.hold("m02")
		w.restart()
		w.want(w.intent(Restore, "m01"), Sent, "")
		var last Fence
		for _, a := range w.pool.acts {
			if a.Fence.Epoch < last.Epoch || a.Fence.Epoch == last.Epoch && a.Fence.Seq <= last.Seq {
				t.Errorf("fence %+v after %+v, want it to grow", a.Fence, last)
			}
			last = a.Fence
		}
		if last.Epoch != 2 {
			t.Errorf("epoch after a restart: got %d, want 2", last.Epoch)
		}
	})
}

func TestActsOfGroupsNoLongerConfiguredAreShown(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		w.hold("m01")
		g, err := NewGuard(w.Context(), Config{Log: w.log})
		if err != nil {
			t.Fatal(err)
		}
		open := g.Open()
		if len(open) != 1 || open[0].Member != "m01" || open[0].Group != "web" || !strings.Contains(open[0].Detail, "no longer configured") {
			t.Errorf("open acts: got %+v, want m01 of web", open)
		}
	})
}

func TestNewGuardRefusesBadConfiguration(t *testing.T) {
	good := Group{Name: "web", Executor: newPool("m01"), Limits: DefaultLimits()}
	bad := func(f func(*Group)) Config {
		g := good
		f(&g)
		return Config{Log: &memLog{}, Groups: []Group{g}}
	}
	for name, c := range map[string]Config{
		"without a log":    {},
		"no executor":      bad(func(g *Group) { g.Executor = nil }),
		"want a name":      bad(func(g *Group) { g.Name = "" }),
		"lease":            bad(func(g *Group) { g.Limits.Lease = 0 }),
		"configured twice": {Log: &memLog{}, Groups: []Group{good, good}},
		"sweep":            {Log: &memLog{}, Sweep: time.Hour},
	} {
		if _, err := NewGuard(t.Context(), c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want an error that says so", name, err)
		}
	}
}
