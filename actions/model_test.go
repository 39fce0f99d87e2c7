package actions

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// TestRandomWalks lets intents, other hands, reloads, crashes, stops, a failing
// log and a failing balancer happen in any order. The model is the balancer's
// own book: whose hand was last on each member, and how many are out.
func TestRandomWalks(t *testing.T) {
	seed := rand.Uint64()
	for walk := range uint64(60) {
		t.Run(fmt.Sprintf("seed %d walk %d", seed, walk), func(t *testing.T) {
			inWorld(t, 10, func(w *world) {
				r := rand.New(rand.NewPCG(seed, walk))
				w.limits.Cooldown, w.limits.Attempts, w.limits.PerMinute = time.Minute, 100, 4
				w.restart()
				w.model()
				for range 150 {
					w.walk(r)
					w.sleep(time.Duration(r.Int64N(int64(4 * time.Second))))
				}
				w.log.spoil(false, nil)
				w.pool.set(func(p *pool) { p.cut, p.answer, p.after = nil, nil, nil })
				for _, s := range scopes {
					if err := w.guard.Resume(w.Context(), anaAndBo, s, "end"); err != nil {
						t.Fatal(err)
					}
				}
				w.ends()
			})
		})
	}
}

// scopes hold each for every act of the walk.
var scopes = []Scope{Everything, OfGroup("web"), OfRule("black_hole")}

// model checks, at the moment each act of ours is applied: the cap holds after
// it, nothing is taken out while stopped, no more than four a minute are, and
// only what our hand did last is put back (operators do not act here).
func (w *world) model() {
	var minute []time.Time
	w.pool.check = func(p *pool, a Act) {
		if !a.Verb.removes() || a.Verb == Weight && a.Weight == 100 {
			if m := p.members[a.Member]; p.hand[a.Member] == "other" && (m.Standing != InService || m.Weight != 100) {
				w.Errorf("%s %s: another hand was last on it", a.Verb, a.Member)
			}
			return
		}
		out := 1
		for n, m := range p.members {
			if n != a.Member && (m.Standing != InService || m.Weight == 0 || !m.Up) {
				out++
			}
		}
		now := time.Now()
		minute = append(minute, now)
		for now.Sub(minute[0]) >= time.Minute {
			minute = minute[1:]
		}
		if out > 3 || len(minute) > 4 || len(w.guard.Stops()) > 0 {
			w.Errorf("%s %s: %d out, %d in a minute, stops %v; want at most 3, 4, none", a.Verb, a.Member, out, len(minute), w.guard.Stops())
		}
	}
}

// walk takes one random step.
func (w *world) walk(r *rand.Rand) {
	member := fmt.Sprintf("m%02d", r.IntN(10))
	submit := func(v Verb) {
		_, _ = w.guard.Submit(w.Context(), w.intent(v, member)) // the log may be failing
	}
	switch r.IntN(16) {
	case 0, 1, 2:
		submit(Drain)
	case 3:
		submit(Maint)
	case 4:
		submit(Weight)
	case 5, 6, 7:
		submit(Restore)
	case 8:
		w.pool.other(member, []Verb{Drain, Maint, Restore}[r.IntN(3)], 0)
		w.pool.set(func(p *pool) {
			now := p.members[member].generation()
			if (now == p.ours[member] || now == p.asked[member]) && strings.Contains(w.phases(), member) {
				p.hand[member] = "us" // looks like what we hold: nobody can tell
			}
		})
	case 9:
		w.pool.reload()
	case 10:
		w.log.spoil(false, nil) // without a log there is no start
		w.restart()
	case 11:
		fail := r.IntN(2) == 0
		w.log.spoil(r.IntN(2) == 0, func(int, audit.Entry) error {
			if fail {
				return errDisk
			}
			return nil
		})
	case 12:
		err := []error{nil, nil, errDown, ErrNotApplied}[r.IntN(4)]
		w.pool.set(func(p *pool) { p.answer = func(Act) error { return err } })
	case 13:
		lost := r.IntN(3) == 0
		w.pool.set(func(p *pool) {
			p.after = func(Act) error {
				if lost {
					return errDown
				}
				return nil
			}
		})
	case 14:
		down := r.IntN(2) == 0
		w.pool.set(func(p *pool) {
			if p.cut = nil; down {
				p.cut = errDown
			}
		})
	case 15:
		scope := scopes[r.IntN(len(scopes))]
		if r.IntN(3) == 0 {
			_ = w.guard.Stop(w.Context(), "ana", scope, "walk") // holds even where it cannot be recorded
		} else {
			_ = w.guard.Resume(w.Context(), anaAndBo, scope, "walk")
		}
	}
}

// ends checks that, left alone, every member that our hand left out has an open
// act, and every open act a member that is out or is kept in by a limit.
func (w *world) ends() {
	w.Helper()
	w.sleep(3 * time.Minute)
	open := map[string]string{}
	for _, o := range w.guard.Open() {
		open[o.Member] = o.Phase + " " + o.Detail
	}
	for n, m := range w.pool.members {
		out := m.Standing != InService || m.Weight != 100
		if out && w.pool.hand[n] == "us" && open[n] == "" {
			w.Errorf("%s is out by us and nobody owns it: %+v", n, m)
		}
		if !out && open[n] != "" && !strings.Contains(open[n], "held back by limit") {
			w.Errorf("%s is in service and its act is %s", n, open[n])
		}
	}
	w.restart()
	w.sleep(10 * time.Second)
	w.replays()
}
