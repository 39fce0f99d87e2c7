package actions

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

var anaAndBo = []string{"ana", "bo"}

func (w *world) halt(freeze bool) {
	w.Helper()
	stop := func() error { return w.guard.Stop(w.Context(), "ana", Everything, "drill") }
	if freeze {
		stop = func() error { return w.guard.Freeze(w.Context(), "ana", "drill") }
	}
	if err := stop(); err != nil {
		w.Fatal(err)
	}
}

func TestResumeTakesTwoPeople(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		w.halt(false)
		for _, two := range [][]string{nil, {"ana"}, {"ana", "ana"}, {"ana", " ANA "}, {"ana", ""}, {"", "bo"}, {"ana", "bo", "Bo"}, make([]string, 17)} {
			if err := w.guard.Resume(w.Context(), two, Everything, "fine"); err == nil {
				t.Errorf("resume by %q: got nil, want an error", two)
			}
		}
		w.want(w.intent(Drain, "m01"), Refused, limitStop)
		if err := w.guard.Resume(w.Context(), anaAndBo, Everything, "fine"); err != nil {
			t.Fatal(err)
		}
		w.want(w.intent(Drain, "m01"), Sent, "")
		w.restart()
		if st := w.guard.Stops(); len(st) != 0 {
			t.Errorf("stopped after resume and restart: %+v", st)
		}
	})
}

func TestStopFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stop")
	inWorld(t, 10, func(w *world) {
		w.file = file
		w.restart()
		w.hold("m00")
		write := func(s string) {
			if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("")
		w.log.spoil(false, func(int, audit.Entry) error { return errDisk })
		if _, err := w.guard.Submit(w.Context(), w.intent(Drain, "m01")); err == nil {
			t.Error("submit without a log: got nil, want an error")
		}
		w.log.spoil(false, nil)
		w.want(w.intent(Drain, "m01"), Refused, limitStop)
		w.want(w.intent(Restore, "m00"), Sent, "")
		w.sleep(2 * stopPoll)
		if story := strings.Join(w.log.story(t, 0), "; "); strings.Count(story, "stop") != 2 {
			t.Errorf("want one refusal by the stop and one stop entry: %s", story)
		}
		write("freeze")
		w.sleep(2 * stopPoll)
		if st := w.guard.Stops(); len(st) != 1 || !st[0].Freeze || st[0].By != "file" {
			t.Errorf("got %+v, want a freeze by file", st)
		}
		if err := w.guard.Resume(w.Context(), anaAndBo, Everything, "fine"); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("resume while the file is there: got %v, want it named", err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		w.restart()
		w.want(w.intent(Drain, "m01"), Refused, limitFreeze)
		if err := w.guard.Resume(w.Context(), anaAndBo, Everything, "fine"); err != nil {
			t.Fatal(err)
		}
		w.want(w.intent(Drain, "m01"), Sent, "")
	})
}

func TestStopThatCannotBeRecordedHoldsAllTheSame(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		w.log.spoil(false, func(int, audit.Entry) error { return errDisk })
		if err := w.guard.Stop(w.Context(), "ana", Everything, "fire"); err == nil {
			t.Error("stop: got nil, want the error of the log")
		}
		w.log.spoil(false, nil)
		w.want(w.intent(Drain, "m01"), Refused, limitStop)
		w.sleep(2 * stopPoll)
		w.restart()
		w.want(w.intent(Drain, "m01"), Refused, limitStop)
	})
}

// TestStopByScope stops one scope at a time: acts outside it go on.
func TestStopByScope(t *testing.T) {
	api := func(in *Intent) { in.Group = "api" }
	other := func(in *Intent) { in.Rule = "slow_member" }
	same := func(*Intent) {}
	for _, tt := range []struct {
		name   string
		scope  Scope
		change func(*Intent)
		limit  string // "" is sent
	}{
		{"a stop of everything holds here", Everything, same, limitStop},
		{"a stop of the group holds here", OfGroup("web"), same, limitStop},
		{"a stop of the group holds for every rule", OfGroup("web"), other, limitStop},
		{"a stop of the group leaves other groups alone", OfGroup("web"), api, ""},
		{"a stop of another group leaves this one alone", OfGroup("db"), same, ""},
		{"a stop of the rule holds here", OfRule("black_hole"), same, limitStop},
		{"a stop of the rule holds in every group", OfRule("black_hole"), api, limitStop},
		{"a stop of the rule leaves other rules alone", OfRule("black_hole"), other, ""},
		{"a stop of an operator's acts is a stop of their rule", OfRule("operator:ana"), func(in *Intent) { in.Rule = "operator:ana" }, limitStop},
		{"a scope that is none is everything", "web", same, limitStop},
		{"so is one without a name", "group/", api, limitStop},
		{"and one with a name of two words", "rule/a b", other, limitStop},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, 10, func(w *world) {
				w.groups = []string{"web", "api"}
				w.restart()
				w.hold("m00")
				if err := w.guard.Stop(w.Context(), "ana", tt.scope, "drill"); err != nil {
					t.Fatal(err)
				}
				for range 2 { // before a restart and after it
					in := w.intent(Drain, "m01")
					if tt.change(&in); tt.limit != "" {
						w.want(in, Refused, tt.limit)
					} else {
						w.want(in, Sent, "")
						in = w.intent(Restore, "m01")
						tt.change(&in)
						w.sleep(time.Second)
						w.want(in, Sent, "")
					}
					w.sleep(11 * time.Minute)
					w.restart()
					if st := w.guard.Stops(); len(st) != 1 || st[0].By != "ana" || !strings.HasSuffix(st[0].Reason, "drill") {
						t.Errorf("stops %+v, want the one by ana", st)
					}
				}
				w.want(w.intent(Restore, "m00"), Sent, "")
			})
		})
	}
}

func TestScopesAreResumedOneByOne(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		all := []Scope{Everything, OfGroup("web"), OfRule("black_hole"), OfRule("other")}
		for _, s := range all {
			if err := w.guard.Stop(w.Context(), "ana", s, "drill"); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.guard.Resume(w.Context(), anaAndBo, "web", "fine"); err == nil {
			t.Error("resume of a scope that is none: got nil, want an error")
		}
		for i, s := range all[:3] {
			w.want(w.intent(Drain, "m01"), Refused, limitStop)
			if err := w.guard.Resume(w.Context(), anaAndBo, s, "fine"); err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				w.restart()
			}
		}
		w.want(w.intent(Drain, "m01"), Sent, "")
		if st := w.guard.Stops(); len(st) != 1 || st[0].Scope != OfRule("other") {
			t.Errorf("stops %+v, want that of another rule", st)
		}
	})
}

func TestStopsAreBounded(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		for i := range maxStops + 2 {
			if err := w.guard.Stop(w.Context(), "ana", OfRule(fmt.Sprint("rule_", i)), "drill"); err != nil {
				t.Fatal(err)
			}
		}
		before := w.guard.Stops()
		if len(before) != maxStops+1 || before[0].Scope != Everything {
			t.Errorf("%d stops, the first of %s: want %d and everything", len(before), before[0].Scope, maxStops+1)
		}
		w.restart()
		if after := w.guard.Stops(); !slices.Equal(before, after) {
			t.Errorf("stops after a restart: %d, want the %d from before", len(after), len(before))
		}
	})
}

// TestEntriesWithoutAScopeAreAboutEverything folds a log from before there were
// scopes.
func TestEntriesWithoutAScopeAreAboutEverything(t *testing.T) {
	type old struct {
		By     []string `json:"by"`
		Freeze int      `json:"freeze"`
		Reason string   `json:"reason"`
	}
	inWorld(t, 10, func(w *world) {
		write := func(typ string, o old) {
			t.Helper()
			if _, err := w.log.Append(w.Context(), audit.Entry{Type: typ, Actor: "ana", Body: o}); err != nil {
				t.Fatal(err)
			}
			w.restart()
		}
		write(typeStop, old{By: []string{"ana"}, Reason: "fire"})
		w.want(w.intent(Drain, "m01"), Refused, limitStop)
		write(typeStop, old{By: []string{"ana"}, Freeze: 1, Reason: "fire"})
		w.want(w.intent(Drain, "m01"), Refused, limitFreeze)
		write(typeResume, old{By: anaAndBo, Reason: "out"})
		w.want(w.intent(Drain, "m01"), Sent, "")
	})
}

// TestStopDuringAResumeOutlivesIt stops while two people's resume is being
// written: the stop holds, and still does after a restart.
func TestStopDuringAResumeOutlivesIt(t *testing.T) {
	inWorld(t, 10, func(w *world) {
		w.halt(false)
		second := make(chan error, 1)
		w.log.spoil(false, func(_ int, e audit.Entry) error {
			if e.Type == typeResume {
				go func() { second <- w.guard.Stop(w.Context(), "cem", Everything, "not yet") }()
				for { // it holds before it is written: the log is ours now
					if st := w.guard.Stops(); st[0].By == "cem" {
						return nil
					}
					runtime.Gosched()
				}
			}
			return nil
		})
		if err := w.guard.Resume(w.Context(), anaAndBo, Everything, "fine"); err != nil {
			t.Fatal(err)
		}
		if err := <-second; err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if st := w.guard.Stops(); len(st) != 1 || st[0].By != "cem" {
				t.Errorf("stops %+v, want the one that came last", st)
			}
			w.want(w.intent(Drain, "m01"), Refused, limitStop)
			w.restart()
		}
	})
}

// TestAStopReachesActsThatWait stops each scope while an act is being recorded,
// while it waits for the group, and while a hold waits to be applied again.
func TestAStopReachesActsThatWait(t *testing.T) {
	for _, scope := range scopes {
		t.Run(string(scope), func(t *testing.T) {
			inWorld(t, 10, func(w *world) {
				w.hold("m00")
				stopAt := func(types ...string) {
					w.log.spoil(false, func(_ int, e audit.Entry) error {
						if slices.Contains(types, e.Type) {
							w.guard.stop.set(StopState{By: "ana", Scope: scope}) // the log is busy: it is written later
						}
						return nil
					})
				}
				stopAt(typeIntent)
				w.want(w.intent(Drain, "m01"), Refused, limitStop)
				w.log.spoil(false, nil)
				w.sleep(2 * stopPoll)
				if err := w.guard.Resume(w.Context(), anaAndBo, scope, "fine"); err != nil {
					t.Fatal(err)
				}

				begun, answer := make(chan struct{}), make(chan struct{})
				w.pool.set(func(p *pool) {
					p.answer = func(Act) error { close(begun); <-answer; return ErrNotApplied }
				})
				var wg sync.WaitGroup
				first := w.intent(Drain, "m02")
				wg.Go(func() { _, _ = w.guard.Submit(w.Context(), first) })
				<-begun
				waiting := w.intent(Drain, "m03")
				wg.Go(func() {
					if o, err := w.guard.Submit(w.Context(), waiting); err != nil || o.Limit != limitStop {
						t.Errorf("the intent that waited: %+v, %v, want it refused by the stop", o, err)
					}
				})
				if err := w.guard.Stop(w.Context(), "ana", scope, "now"); err != nil {
					t.Fatal(err)
				}
				close(answer)
				wg.Wait()
				w.pool.set(func(p *pool) { p.answer = nil })
				w.pool.reload()
				w.sleep(5 * time.Second)
				if err := w.guard.Resume(w.Context(), anaAndBo, scope, "fine"); err != nil {
					t.Fatal(err)
				}
				stopAt(typeSent) // of the reapply
				w.sleep(5 * time.Second)
				equal(t, "acts", w.pool.applied(), []string{"drain m00"})
				if got := w.phases(); got != "m00 holding" {
					t.Errorf("open acts: %s, want the hold that waits", got)
				}
			})
		})
	}
}
