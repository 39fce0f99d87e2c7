package actions

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestVerify refuses what is not approved at each of the moments it is asked.
func TestVerify(t *testing.T) {
	refuse := func(w *world, after int) func(context.Context, Intent, Limits) error {
		return func(_ context.Context, in Intent, l Limits) error {
			if !reflect.DeepEqual(l, w.limits) {
				t.Errorf("asked with the limits %+v, want those in force", l)
			}
			w.asked = append(w.asked, string(in.Verb)+" "+in.Member)
			if len(w.asked) > after {
				return errors.New("two people have not approved " + in.Version)
			}
			return nil
		}
	}
	for _, tt := range []struct {
		name  string
		after int // how often the answer is yes
		do    func(w *world)
		asked []string
		story []string // from the start of the guard on
		acts  []string
	}{
		{"a drain is refused before anything is read", 0, func(w *world) { w.want(w.intent(Drain, "m01"), Refused, limitUnapproved) },
			[]string{"drain m01"}, []string{"action.refused act unapproved"}, nil},
		{"a panic is not told of for one that is not approved", 0, func(w *world) {
			in := w.intent(Drain, "m01")
			in.Seen.Shift = "up"
			w.want(in, Refused, limitUnapproved)
		}, []string{"drain m01"}, []string{"action.refused act unapproved"}, nil},
		{"a drain is refused after it was recorded", 1, func(w *world) {
			w.want(w.intent(Drain, "m01"), Refused, limitUnapproved)
			w.sleep(time.Minute)
		}, []string{"drain m01", "drain m01"}, []string{"intent", "action.sent act drain", "action.refused act unapproved"}, nil},
		{"a notice is refused", 0, func(w *world) { w.want(w.intent(Notify, ""), Refused, limitUnapproved) },
			[]string{"notify "}, []string{"action.refused act unapproved"}, nil},
		{"an operator's drain is asked about too", 0, func(w *world) {
			in := w.intent(Drain, "m01")
			in.Rule = "operator:ana"
			w.want(in, Refused, limitUnapproved)
		}, []string{"drain m01"}, []string{"action.refused act unapproved"}, nil},
		{"putting back is not asked about", 2, func(w *world) {
			w.hold("m01")
			w.want(w.intent(Restore, "m01"), Sent, "")
			w.sleep(time.Second)
		}, []string{"drain m01", "drain m01"}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done",
			"intent", "action.sent act restore", "action.result applied", "outcome restore done", "outcome drain released"},
			[]string{"drain m01", "restore m01"}},
		{"undoing is not asked about", 2, func(w *world) {
			w.pool.leak = true
			w.want(w.intent(Drain, "m01"), Sent, "")
			w.sleep(10 * time.Second)
		}, []string{"drain m01", "drain m01"}, []string{"intent", "action.sent act drain", "action.result applied", "action.result missed",
			"action.sent undo restore", "action.result applied", "outcome drain undone", "outcome drain escalated"},
			[]string{"drain m01", "restore m01"}},
		{"a hold that a balancer forgot is not applied again", 2, func(w *world) {
			w.hold("m01")
			w.pool.reload()
			w.sleep(2 * time.Second)
		}, []string{"drain m01"}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done",
			"action.refused reapply unapproved"}, []string{"drain m01"}},
		{"nor when that was recorded already", 3, func(w *world) {
			w.hold("m01")
			w.pool.reload()
			w.sleep(2 * time.Second)
		}, []string{"drain m01"}, []string{"intent", "action.sent act drain", "action.result applied", "outcome drain done",
			"action.sent reapply drain", "action.result not applied", "action.refused reapply unapproved"}, []string{"drain m01"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 10, func(w *world) {
				w.verify = refuse(w, tt.after)
				w.restart()
				n := len(w.log.records)
				tt.do(w)
				if w.asked = slices.Compact(w.asked); !slices.Equal(w.asked, slices.Compact(tt.asked)) {
					t.Errorf("asked about %q, want %q", w.asked, tt.asked)
				}
				equal(t, "log", w.log.story(t, n), tt.story)
				equal(t, "acts", w.pool.applied(), tt.acts)
				for _, o := range w.guard.Open() {
					if !strings.HasSuffix(o.Detail, limitUnapproved) {
						t.Errorf("open act %+v, want the limit that holds it back", o)
					}
				}
			})
		})
	}
}

func TestSetLimits(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		next := w.limits
		next.Verbs = []Verb{Restore, Maint}
		bad := w.limits
		bad.MaxOut = 101
		if err := w.guard.SetLimits("web", bad); err == nil || !strings.Contains(err.Error(), "max out") {
			t.Errorf("limits out of range: got %v, want them named", err)
		}
		if err := w.guard.SetLimits("api", next); err == nil || !strings.Contains(err.Error(), "api") {
			t.Errorf("limits of an unknown group: got %v, want it named", err)
		}
		w.hold("m00")
		if err := w.guard.SetLimits("web", next); err != nil {
			t.Fatal(err)
		}
		next.Verbs[1] = Drain // the caller's own
		w.want(w.intent(Drain, "m01"), Refused, limitVerb)
		w.want(w.intent(Maint, "m01"), Sent, "")
		next.Verbs, next.MaxOut = []Verb{Drain}, 10
		if err := w.guard.SetLimits("web", next); err != nil {
			t.Fatal(err)
		}
		w.want(w.intent(Drain, "m02"), Refused, limitCap)
		next.Hold = 6 * time.Second
		if err := w.guard.SetLimits("web", next); err != nil {
			t.Fatal(err)
		}
		w.sleep(10 * time.Second)
		if got := w.phases(); got != "m00 escalated, m01 escalated" {
			t.Errorf("open acts: %s, want both at the end of the shorter hold", got)
		}
	})
}

// TestSetLimitsDoesNotWaitForABalancer sets them while a call hangs: that act
// goes on, and the next is judged by the new ones.
func TestSetLimitsDoesNotWaitForABalancer(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		begun, answer, first := make(chan struct{}), make(chan struct{}), make(chan Outcome, 1)
		w.pool.set(func(p *pool) { p.answer = func(Act) error { close(begun); <-answer; return nil } })
		in := w.intent(Drain, "m01")
		go func() { first <- w.submit(in) }()
		<-begun
		next := w.limits
		next.Verbs = nil
		if err := w.guard.SetLimits("web", next); err != nil {
			t.Fatal(err)
		}
		close(answer)
		if o := <-first; o.Result != Sent {
			t.Errorf("the act on its way: %+v, want it sent", o)
		}
		w.want(w.intent(Drain, "m02"), Refused, limitVerb)
	})
}
