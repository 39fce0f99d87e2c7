package knowledge

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// TestPapersInAnyOrder delivers the papers of two changes, each several times,
// in orders at random until none is taken in any more: what comes of them is the
// same.
func TestPapersInAnyOrder(t *testing.T) {
	var want []Change
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newTown(t)
		one, two := w.propose("one", nil), w.propose("two", nil)
		stop := w.sign(Stop, "erin", map[string]string{"scope": "group/db"})
		papers := []SignedText{one, two, stop, w.approve(one, "bob", nil), w.approve(one, "carol", nil), w.approve(two, "carol", nil),
			w.approve(one, "alice", nil), w.approve(one, "erin", nil), w.approve(two, "bob", map[string]string{"seq": "7"}),
			w.approve(two, "dave", map[string]string{"decision": "reject"}), w.about(Withdrawal, two, "bob")}
		for round := range 4 {
			r.Shuffle(len(papers), func(i, j int) { papers[i], papers[j] = papers[j], papers[i] })
			for _, p := range papers {
				_ = w.take(p) // refused ones come again in the next round
			}
			if round == 0 {
				w.replay()
			}
		}
		w.due(0, "shadow")
		got := w.l.Changes(w.now)
		slices.SortFunc(got, func(a, b Change) int { return len(a.State) - len(b.State) })
		if want == nil {
			want = got
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: changes = %+v, want %+v", seed, got, want)
		}
	}
	if want[0].State != "shadow" || want[1].State != "rejected" {
		t.Errorf("changes = %+v", want)
	}
}

// A walk does what people, thieves and clocks do, at random, and keeps a model
// of what has to be true of it.
type walk struct {
	*town
	r         *rand.Rand
	proposals []SignedText
	yes       map[string]map[string]bool // proposal → people whose approval was taken in
	bundles   map[string]string          // proposal → bundle
	grown     map[string]time.Time       // bundle → when its second approval was taken in
	stops     map[string]map[string]bool // stop of everything → people who resumed it
	acts      int                        // that were authorised
	forced    bool                       // a rollback or break-glass was taken in: groups may run at once
}

// TestWalk holds a ledger to three promises after each of many random deeds:
// no act is authorised by a bundle that two people other than its author did not
// approve; none while everything is stopped; and a restart changes nothing. None
// runs in a group outside the rings before the dwells are over, either.
func TestWalk(t *testing.T) {
	acts, orders := 0, 0
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := &walk{town: newTown(t), r: rand.New(rand.NewPCG(seed, 2)), yes: map[string]map[string]bool{}, bundles: map[string]string{},
				grown: map[string]time.Time{}, stops: map[string]map[string]bool{}}
			for range 120 {
				w.deed()
				w.steps()
				w.check()
			}
			w.replay()
			acts += w.acts
			if w.forced {
				orders++
			}
		})
	}
	if acts < 1000 || orders < 5 {
		t.Errorf("%d acts were authorised, and %d walks had a rollback or break-glass: too few to prove anything", acts, orders)
	}
}

func (w *walk) pick(words ...string) string { return words[w.r.IntN(len(words))] }

func (w *walk) anyone() string {
	return w.pick("alice", "bob", "bob", "carol", "carol", "dave", "dave", "erin", "finn", "mallory")
}

// send delivers a paper, perhaps with a thief's signature or an edited byte.
func (w *walk) send(p SignedText) bool {
	switch w.r.IntN(12) {
	case 0:
		p.Signatures = [][]byte{w.craft("mallory", "approval@evenkeel.v1", p.Text)}
	case 1:
		p.Text = append([]byte{}, p.Text...)
		p.Text[w.r.IntN(len(p.Text))] ^= 1
	case 2:
		p.Signatures = nil
	}
	err := w.take(p)
	return err == nil || errors.Is(err, ErrKnown)
}

func (w *walk) deed() {
	switch w.r.IntN(12) {
	case 0, 1:
		w.proposal()
	case 2, 3, 4, 5:
		w.word()
	case 6:
		w.stopOrResume()
	case 7:
		w.order()
	case 8:
		w.forge()
	case 9:
		if s, ok := w.l.Halt("it looks bad"); ok && w.r.IntN(3) == 0 {
			w.must(nilError(w.append(s.Entry(nil))))
		}
	default:
		w.wait(time.Duration(w.r.IntN(45)-5) * time.Minute) // now and then the clock goes back
	}
}

func (w *walk) proposal() {
	f := map[string]string{"author": w.pick("alice", "alice", "finn", "mallory", "erin"), "kind": w.pick("change", "change", "change", "standby")}
	switch w.r.IntN(10) {
	case 0:
		f["rollout"] = "shadow=30m,all=0s"
	case 1:
		f["contributors"] = "bob"
	case 2:
		f["seq"] = "1"
	case 3:
		f["env"] = stageEnv
	}
	name := w.pick("one", "two", "three")
	if f["kind"] == "standby" {
		name = "standby"
	}
	p := w.propose(name, f)
	if w.send(p) {
		w.proposals = append(w.proposals, p)
		w.bundles[TextDigest(p.Text)] = bundle(name).Digest
	}
}

// word has anybody say yes or no to one of the last proposals.
func (w *walk) word() {
	if len(w.proposals) == 0 {
		return
	}
	p := w.proposals[max(0, len(w.proposals)-1-w.r.IntN(3))]
	who := w.anyone()
	switch w.r.IntN(12) {
	case 0:
		w.send(w.approve(p, who, map[string]string{"decision": "reject"}))
		return
	case 1:
		w.send(w.about(Withdrawal, p, who))
		return
	}
	digest := TextDigest(p.Text)
	if !w.send(w.approve(p, who, nil)) {
		return
	}
	if w.yes[digest] == nil {
		w.yes[digest] = map[string]bool{}
	}
	w.yes[digest][who] = true
	if b := w.bundles[digest]; len(w.yes[digest]) == 2 && w.grown[b].IsZero() {
		w.grown[b] = w.l.now(w.now)
	}
}

func (w *walk) stopOrResume() {
	for digest, who := range w.stops {
		id := w.pick("bob", "carol", "dave", "erin")
		if w.send(w.sign(Resume, id, map[string]string{"stop": digest})) {
			who[id] = true
		}
	}
	if w.r.IntN(3) == 0 {
		s := w.sign(Stop, w.anyone(), map[string]string{"scope": w.pick("all", "group/db", "rule/other")})
		x, _ := ParseStatement(s.Text)
		if w.send(s) && x.Field("scope") == "all" {
			w.stops[TextDigest(s.Text)] = map[string]bool{}
		}
	}
}

func (w *walk) order() {
	for _, p := range w.proposals[max(0, len(w.proposals)-6):] {
		s, _ := ParseStatement(p.Text)
		var x SignedText
		if s.Field("kind") == "standby" {
			x = w.shatter(p, w.anyone(), map[string]string{"life": w.pick("10m", "60m", "61m")})
		} else {
			x = w.about(Rollback, p, w.anyone(), map[string]string{"bundle": s.values["parent"], "parent": w.l.Live().Bundle, "seq": itoa(w.l.Live().Seq + 1)})
		}
		if s.Field("parent") == none && s.Field("kind") != "standby" {
			continue // there is no bundle to go back to, and no statement that says so
		}
		w.forced = w.send(x) || w.forced
	}
}

// forge adds a step that nobody took.
func (w *walk) forge() {
	if len(w.proposals) == 0 {
		return
	}
	p := w.proposals[w.r.IntN(len(w.proposals))]
	typ := w.pick(typeShadow, typeRing, typeActivated, typeStandby, typeRolledback, typeOpened, typeScheduled)
	_ = w.append(l0step(w.town, typ, p, w.pick("shadow", "ring1", "all")).Entry(nil))
}

func (w *walk) check() {
	now := w.l.now(w.now)
	for _, name := range []string{"one", "two", "three", "standby"} {
		for _, group := range []string{"web", "db", "other"} {
			v := w.l.Authorise(bundle(name), group, "drain", w.now)
			if !v.Accepted {
				if len(v.Reasons) == 0 {
					w.t.Errorf("refused without a reason: %+v", v)
				}
				continue
			}
			w.acts++
			second := w.grown[bundle(name).Digest]
			if second.IsZero() {
				w.t.Errorf("an act by %s in %s is authorised, and two people did not approve it", name, group)
			}
			if group != "web" && !w.forced && now.Before(second.Add(time.Hour)) {
				w.t.Errorf("an act by %s in %s is authorised %v after its second approval", name, group, now.Sub(second))
			}
			for _, who := range w.stops {
				if len(who) < 2 {
					w.t.Errorf("an act by %s in %s is authorised while everything is stopped", name, group)
				}
			}
		}
	}
}
