package actions

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// scenario goes through every kind of entry and call: a drain that is held,
// lost in a reload and applied again; a restore; a drain without effect that is
// undone; and a weight. Errors are the caller's doing.
func (w *world) scenario() {
	try := func(v Verb, member string) {
		_, _ = w.guard.Submit(w.Context(), w.intent(v, member)) // whatever fails, what follows must hold
		w.sleep(time.Second)
	}
	try(Drain, "m01")
	w.pool.reload()
	w.sleep(5 * time.Second)
	try(Weight, "m02")
	try(Restore, "m01")
	w.pool.set(func(p *pool) { p.leak = true })
	try(Drain, "m03")
	w.sleep(8 * time.Second)
	w.pool.set(func(p *pool) { p.leak = false })
	try(Drain, "m04")
}

// sound checks what must hold whatever went wrong, once everything works again
// and there was time to settle: nobody is out without an open act, nobody is
// claimed who is not out, the cap held, every call was recorded first, and a
// member can be put back and taken out.
func (w *world) sound() {
	w.Helper()
	w.sleep(2 * time.Minute)
	var open, out []string
	for _, o := range w.guard.Open() {
		open = append(open, o.Member)
		if o.Phase != string(holding) && o.Phase != string(escalated) {
			w.Errorf("open act is not settled: %+v", o)
		}
	}
	for n, m := range w.pool.members {
		if m.Standing != InService || m.Weight != 100 {
			out = append(out, n)
		}
	}
	slices.Sort(open)
	slices.Sort(out)
	if !slices.Equal(open, out) {
		w.Errorf("out are %v, open acts are of %v, want the same", out, open)
	}
	story := strings.Join(w.log.story(w.T, 0), "; ")
	if sent := strings.Count(story, "action.sent"); sent < len(w.pool.acts) {
		w.Errorf("%d calls were applied, %d recorded: %s", len(w.pool.acts), sent, story)
	}
	for _, m := range out {
		in := w.intent(Restore, m)
		in.Rule = "operator:ana"
		w.want(in, Sent, "")
		w.sleep(time.Second)
	}
	if got := w.phases(); got != "" {
		w.Errorf("after putting all back: %s, want no open act", got)
	}
	w.hold("m05")
	w.replays()
}

// watchCap fails the test when an act of ours takes too many out.
func (w *world) watchCap() {
	room := len(w.pool.members) * w.limits.MaxOut / 100
	w.pool.check = func(p *pool, a Act) {
		n := 0
		for name, m := range p.members {
			if name == a.Member && a.Verb.removes() || m.Standing != InService || m.Weight == 0 {
				n++
			}
		}
		if a.Verb.removes() && n > room {
			w.Errorf("%s %s: %d members are out, limit %d", a.Verb, a.Member, n, room)
		}
	}
}

// calls counts what a fault-free scenario offers to the log and asks of the
// balancer.
func scenarioSize(t *testing.T) (entries, acts int) {
	inWorld(t, 10, func(w *world) {
		w.scenario()
		entries, acts = w.log.offered, len(w.pool.acts)
	})
	if entries < 25 || acts < 7 {
		t.Fatalf("scenario: %d entries, %d calls: too short to show much", entries, acts)
	}
	return entries, acts
}

func TestLogFailsAtEachEntry(t *testing.T) {
	entries, _ := scenarioSize(t)
	for _, keep := range []bool{false, true} {
		for n := range entries {
			for _, restart := range []bool{false, true} {
				t.Run(fmt.Sprintf("entry %d, kept %t, restarted %t", n, keep, restart), func(t *testing.T) {
					inWorld(t, 10, func(w *world) {
						w.watchCap()
						w.log.spoil(keep, func(at int, _ audit.Entry) error {
							if at == n {
								return errDisk
							}
							return nil
						})
						w.scenario()
						if restart {
							w.restart()
						}
						w.sound()
					})
				})
			}
		}
	}
}

func TestLogStaysFullForAWhile(t *testing.T) {
	entries, _ := scenarioSize(t)
	for n := range entries {
		t.Run(fmt.Sprintf("from entry %d", n), func(t *testing.T) {
			inWorld(t, 10, func(w *world) {
				w.watchCap()
				w.log.spoil(false, func(at int, _ audit.Entry) error {
					if at >= n {
						return errDisk
					}
					return nil
				})
				w.scenario()
				before := len(w.pool.applied())
				if _, err := w.guard.Submit(w.Context(), w.intent(Drain, "m06")); !errors.Is(err, errDisk) {
					w.Errorf("submit without a log: got %v, want %v", err, errDisk)
				}
				if got := len(w.pool.applied()); got != before {
					w.Errorf("%d calls without a record", got-before)
				}
				w.log.spoil(false, nil)
				w.sound()
			})
		})
	}
}

func TestExecutorFailsAtEachCall(t *testing.T) {
	_, acts := scenarioSize(t)
	for name, fault := range map[string]func(p *pool, fail func(Act) error){
		"before it is applied": func(p *pool, fail func(Act) error) { p.answer = fail },
		"after it was applied": func(p *pool, fail func(Act) error) { p.after = fail },
	} {
		for _, err := range []error{errDown, ErrNotApplied} {
			if name == "after it was applied" && errors.Is(err, ErrNotApplied) {
				continue // an executor never says that
			}
			for n := range acts {
				t.Run(fmt.Sprintf("call %d, %v, %s", n, err, name), func(t *testing.T) {
					inWorld(t, 10, func(w *world) {
						w.watchCap()
						at := 0
						w.pool.set(func(p *pool) {
							fault(p, func(Act) error {
								if at++; at == n+1 {
									return err
								}
								return nil
							})
						})
						w.scenario()
						w.sound()
					})
				})
			}
		}
	}
}

func TestBalancerIsSilentFromEachCall(t *testing.T) {
	for n := range 40 {
		t.Run(fmt.Sprintf("from call %d for ten seconds", n), func(t *testing.T) {
			inWorld(t, 10, func(w *world) {
				w.watchCap()
				silent := false
				go func() {
					for !silent {
						w.pool.set(func(p *pool) {
							if silent = p.observed >= n; silent {
								p.cut = errDown
							}
						})
						time.Sleep(50 * time.Millisecond)
					}
					time.Sleep(10 * time.Second)
					w.pool.set(func(p *pool) { p.cut = nil })
				}()
				w.scenario()
				w.sound()
			})
		})
	}
}

// TestDiesAtEachStep ends the process at each write and each call, with the
// step done or not done, and goes on with another one.
func TestDiesAtEachStep(t *testing.T) {
	entries, acts := scenarioSize(t)
	for n := 1; n <= entries+acts; n++ {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("step %d, done %t", n, done), func(t *testing.T) {
				inWorld(t, 10, func(w *world) {
					w.watchCap()
					steps := 0
					die := func() error { // the n-th step is the last
						if steps++; steps == n && done {
							return nil
						}
						if steps >= n {
							return errors.New("dead")
						}
						return nil
					}
					w.log.spoil(false, func(int, audit.Entry) error { return die() })
					w.pool.set(func(p *pool) { p.answer = func(Act) error { return die() } })
					w.scenario()
					w.stop()
					w.log.spoil(false, nil)
					w.pool.set(func(p *pool) { p.answer = nil })
					w.restart()
					w.sound()
				})
			})
		}
	}
}
