package knowledge

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// succeed has a new version of the register taken in, after edit.
func (w *town) succeed(edit func(v *version)) {
	w.t.Helper()
	v := w.next()
	edit(v)
	w.must(w.register(len(w.registers) - 1))
}

// without leaves a person out of a version.
func without(id string) func(v *version) {
	return func(v *version) {
		v.People = slices.DeleteFunc(v.People, func(p Person) bool { return p.ID == id })
		v.by = slices.DeleteFunc([]string{"alice", "bob", "carol", "dave"}, func(by string) bool { return by == id })
	}
}

func TestRegisterSuccession(t *testing.T) {
	w := newTown(t)
	w.first = w.live("one")
	two, three := w.propose("two", nil), w.propose("three", nil)
	w.must(two, w.approve(two, "bob", nil), w.approve(two, "carol", nil), three)
	w.succeed(without("dave"))
	late := w.propose("late", map[string]string{"trust": w.state(two).Statement.Field("trust")})
	w.wantState(two, "stale", "the people register was replaced")
	w.due(0, "stale", "stale")
	w.refused(late, "names the register")
	w.refused(w.approve(two, "bob", map[string]string{"meaning": "again"}), "approval names the register")
	w.refused(w.sign(Stop, "dave", map[string]string{"scope": "all"}), "dave is not in the register")
	w.wantMay("one", true, "") // approved as of its activation
	w.replay()
	w.live("three")
	if n := len(w.l.Chain().Versions); n != 2 {
		t.Errorf("the chain has %d versions, want 2", n)
	}
}

func TestRegisterFork(t *testing.T) {
	w := newTown(t)
	w.succeed(without("dave"))
	w.registers = w.registers[:1]
	v := w.next()
	v.People = v.People[:len(v.People)-1]
	w.refused(w.register(1), "version 2, want 3")
	v.Version = 3
	w.refused(w.register(1), "previous")
	w.replay()
}

// TestRegisterReplacedMidway rolls a change out that bob and carol approved.
func TestRegisterReplacedMidway(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(v *version)
		why  string // the rollout is halted
	}{
		{"somebody leaves who had no part in it", without("dave"), ""},
		{"an operator leaves", without("erin"), ""},
		{"somebody who approved it leaves", without("carol"), "1 of 2 approvals"},
		{"its author leaves", without("alice"), "no proposal that its author signed"},
		{"somebody who approved it is no approver any more", func(v *version) {
			i := slices.IndexFunc(v.People, func(p Person) bool { return p.ID == "carol" })
			v.People[i].Roles = []string{"author", "operator", "root"}
			v.by = []string{"alice", "bob", "dave"}
		}, "1 of 2 approvals"},
		{"the key that approved it is taken away", func(v *version) {
			i := slices.IndexFunc(v.People, func(p Person) bool { return p.ID == "bob" })
			v.People[i].Keys = slices.DeleteFunc(v.People[i].Keys, func(k Key) bool { return k.String() == (Key{newSite(t).keys["bob"].PublicKey()}).String() })
			v.by = []string{"alice", "carol", "dave"}
		}, "1 of 2 approvals"},
		{"three approvals are wanted from now on", func(v *version) { v.Policies[0].Approvals = 3 }, "2 of 3 approvals"},
		{"more rings are wanted from now on", func(v *version) { v.Policies[0].MinRings = 4 }, "the policy wants 4"},
		{"hardware keys are wanted from now on", func(v *version) { v.Policies[0].Hardware = true }, "author"},
		{"the environment is gone", func(v *version) { v.Policies = v.Policies[1:] }, "has no environment"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTown(t)
			w.live("one")
			two := w.begin("two", nil)
			w.due(30*time.Minute, "ring")
			w.succeed(tt.edit)
			if tt.why == "" {
				w.wantMay("two", true, "")
				w.due(30*time.Minute, "activated")
				return
			}
			w.wantMay("two", false, tt.why) // at once
			w.due(0, "halted")
			w.wantState(two, "halted", tt.why)
			w.wantMay("one", true, "")
			w.replay()
		})
	}
}

// TestRejectionBySomebodyWhoLeaves counts: a no is not taken back by a register.
func TestRejectionBySomebodyWhoLeaves(t *testing.T) {
	w := newTown(t)
	p := w.begin("one", nil)
	w.must(w.approve(p, "dave", map[string]string{"decision": "reject", "meaning": "wait"}))
	w.succeed(without("dave"))
	w.due(0, "halted")
	w.wantState(p, "halted", "rejected by dave: wait")
	w.replay()
}

func TestRegisterExpires(t *testing.T) {
	w := bareTown(t)
	w.registers[0].Expires = w.now.Add(3 * time.Hour)
	w.l = NewLedger(TextDigest(w.registers[0].Render()), townName)
	w.must(w.register(0))
	w.first = w.live("one")
	two := w.begin("two", nil)
	three := w.propose("three", nil)
	w.must(three, w.approve(three, "bob", nil))
	w.due(30*time.Minute, "ring")
	ok := w.approve(three, "carol", nil)
	w.wait(95 * time.Minute)
	w.wantMay("two", false, "the register expired")
	w.due(0, "halted")
	w.wantState(two, "halted", "the register expired")
	w.wantMay("one", true, "") // live stays, and acts
	w.refused(ok, "the register expired")
	w.refused(w.propose("four", nil), "the register expired")
	w.refused(w.about(Rollback, w.first, "dave", w.back("three")), "the register expired")
	stop := w.sign(Stop, "erin", map[string]string{"scope": "all"})
	w.must(stop) // no is said at any time
	w.refused(w.sign(Resume, "bob", map[string]string{"stop": TextDigest(stop.Text)}), "the register expired")
	w.must(w.approve(three, "dave", map[string]string{"decision": "reject"}))
	w.wantState(three, "rejected", "")
	w.succeed(func(v *version) { v.Time, v.Expires = w.now, w.now.Add(time.Hour) })
	for _, by := range []string{"bob", "carol"} {
		w.must(w.sign(Resume, by, map[string]string{"stop": TextDigest(stop.Text)}))
	}
	w.begin("three", map[string]string{"expires": formatTime(w.now.Add(2 * time.Hour))})
	w.replay()
}

// TestEnvironmentIsNamedLater has a register that names the environment in its
// second version only, and never twice.
func TestEnvironmentIsNamedLater(t *testing.T) {
	w := bareTown(t)
	policy := w.registers[0].Policies[0]
	w.registers[0].Policies = w.registers[0].Policies[1:]
	w.l = NewLedger(TextDigest(w.registers[0].Render()), townName)
	w.must(w.register(0))
	w.refused(w.propose("one", nil), "names no such environment")
	twin := policy
	twin.Env = townName + "/" + strings.Repeat("a", 32)
	w.succeed(func(v *version) { v.Policies = append(v.Policies, policy, twin) })
	w.refused(w.propose("one", nil), "or two of its name")
	w.succeed(func(v *version) { v.Policies = v.Policies[:2] })
	w.live("one")
	w.replay()
}

func TestRegistersOutOfOrder(t *testing.T) {
	w := bareTown(t)
	w.next()
	second := w.register(1)
	w.refused(second, "want the trusted")
	w.must(w.register(0), second)
	w.refused(w.register(0), "known already")
	w.replay()
}
