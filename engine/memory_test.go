package engine

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

func TestMemory(t *testing.T) {
	roster := func(in, out int, change ...func(*facts.Fact)) facts.Fact {
		f := fact(facts.Membership, facts.Watch, "", change...)
		for i := range in + out {
			s := facts.MemberState{Name: fmt.Sprintf("web-%02d", i+1), State: facts.StandingIn}
			if i >= in {
				s.State = facts.StandingMaint
			}
			f.Members = append(f.Members, s)
		}
		return f
	}
	sec := func(n int) func(*facts.Fact) { return when(time.Duration(n) * time.Second) }
	for _, tt := range []struct {
		name  string
		facts []facts.Fact
		word  string // of the context
		want  string // empty: unknown
	}{
		{"nothing tells the size of the group", []facts.Fact{fact(facts.Absent, facts.Alarm, "web-01")}, "Members", ""},
		{"an imbalance tells the size", []facts.Fact{alarm("web-01")}, "Members", "10"},
		{"a roster tells the size", []facts.Fact{roster(3, 1)}, "Members", "4"},
		{"and who is present", []facts.Fact{roster(3, 1)}, "Present", "3"},
		{"and who is out", []facts.Fact{roster(3, 1)}, "OutMembers", "1"},
		{"a later roster replaces it", []facts.Fact{roster(3, 1), roster(5, 0)}, "OutMembers", "0"},
		{"one member goes out", []facts.Fact{roster(3, 1), standingOf("web-01", facts.StandingDown)}, "OutMembers", "2"},
		{"and comes back", []facts.Fact{roster(3, 1), standingOf("web-04", facts.StandingIn)}, "OutMembers", "0"},

		{"an alarm stands", []facts.Fact{alarm("web-01", sec(-2)), standingOf("web-02", "in")}, "AlarmedMembers", "1"},
		{"until it expires", []facts.Fact{fact(facts.Absent, facts.Alarm, "web-01", sec(-3)), standingOf("web-02", "in")}, "AlarmedMembers", "0"},
		{"or is cleared", []facts.Fact{fact(facts.Absent, facts.Alarm, "web-01", sec(-2)), fact(facts.Absent, facts.Clear, "web-01", sec(-1))}, "AlarmedMembers", "0"},
		{"a clear that comes late does not end a newer alarm", []facts.Fact{fact(facts.Absent, facts.Alarm, "web-01", sec(-1)), fact(facts.Absent, facts.Clear, "web-01", sec(-2))}, "AlarmedMembers", "1"},
		{"the same member twice counts once", []facts.Fact{alarm("web-01", sec(-1)), alarm("web-01")}, "AlarmedMembers", "1"},
		{"the detector may know of more", []facts.Fact{alarm("web-01", func(f *facts.Fact) { f.GroupState.Alarmed = 4 })}, "AlarmedMembers", "4"},

		{"quiet since the first fact", []facts.Fact{standingOf("web-01", "in", sec(-90)), standingOf("web-01", "in")}, "QuietSeconds", "90"},
		{"quiet since the last alarm of any member", []facts.Fact{alarm("web-01", sec(-90)), fact(facts.Absent, facts.Alarm, "", sec(-60)), standingOf("web-01", "in")}, "QuietSeconds", "60"},
		{"a clear does not break the quiet", []facts.Fact{alarm("web-01", sec(-90)), fact(facts.Imbalance, facts.Clear, "web-01", sec(-10)), standingOf("web-01", "in")}, "QuietSeconds", "90"},

		{"held out by us", []facts.Fact{outcomeOf("web-01", "drain", "done", sec(-30)), standingOf("web-01", "drain")}, "OutSeconds", "30"},
		{"held since the first act", []facts.Fact{outcomeOf("web-01", "drain", "done", sec(-30)), outcomeOf("web-01", "maint", "done", sec(-10)), standingOf("web-01", "maint")}, "OutSeconds", "30"},
		{"another member is held", []facts.Fact{outcomeOf("web-02", "drain", "done", sec(-30)), standingOf("web-01", "drain")}, "OutSeconds", "0"},
		{"it counts as ours", []facts.Fact{outcomeOf("web-02", "drain", "done", sec(-30)), standingOf("web-01", "drain")}, "OwnedOut", "1"},
		{"an act that was refused holds nothing", []facts.Fact{outcomeOf("web-01", "drain", "refused")}, "OwnedOut", "0"},
		{"nor one that failed", []facts.Fact{outcomeOf("web-01", "drain", "failed")}, "OwnedOut", "0"},
		{"nor a dry run", []facts.Fact{outcomeOf("web-01", "drain", "dry run")}, "OwnedOut", "0"},
		{"nor one that was undone", []facts.Fact{outcomeOf("web-01", "drain", "done", sec(-9)), outcomeOf("web-01", "drain", "undone")}, "OwnedOut", "0"},
		{"restored", []facts.Fact{outcomeOf("web-01", "drain", "done", sec(-9)), outcomeOf("web-01", "restore", "done")}, "OwnedOut", "0"},
		{"released", []facts.Fact{outcomeOf("web-01", "drain", "done", sec(-9)), outcomeOf("web-01", "drain", "released")}, "OwnedOut", "0"},
		{"a human owns it", []facts.Fact{outcomeOf("web-01", "drain", "done", sec(-9)), outcomeOf("web-01", "drain", "escalated")}, "OwnedOut", "0"},
		{"a restore that failed changes nothing", []facts.Fact{outcomeOf("web-01", "drain", "done", sec(-9)), outcomeOf("web-01", "restore", "failed")}, "OwnedOut", "1"},

		{"drains of the last hour", []facts.Fact{outcomeOf("web-01", "drain", "done", sec(-3601)), outcomeOf("web-02", "drain", "done", sec(-3599)), outcomeOf("web-02", "drain", "undone", sec(-5))}, "DrainsLastHour", "2"},
		{"a restore is no drain", []facts.Fact{outcomeOf("web-01", "restore", "done", sec(-5))}, "DrainsLastHour", "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, mustCompile(t), t0, tt.facts...)
			if got := d.Context[tt.word]; got != tt.want {
				t.Errorf("C.%s = %q, want %q (context %v)", tt.word, got, tt.want, d.Context)
			}
		})
	}
}

func TestMemoryIsOfOneGroup(t *testing.T) {
	m := NewMemory("test", "api", Act)
	if _, err := m.Apply(alarm("web-01"), "id"); err == nil {
		t.Error("Apply of another group's fact = nil, want an error")
	}
}

// TestUndo applies random facts, takes each back, and wants what was before.
func TestUndo(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	m, twin := NewMemory("test", "web", Act), NewMemory("test", "web", Act)
	for i := range 2000 {
		f := randomFact(random, time.Duration(i)*time.Second)
		id := fmt.Sprint(i)
		undo, err := m.Apply(f, id)
		if err != nil {
			t.Fatal(err)
		}
		undo()
		if !reflect.DeepEqual(m, twin) {
			t.Fatalf("step %d: after undo of %+v\n%+v\nwant\n%+v", i, f, m, twin)
		}
		for _, x := range []*Memory{m, twin} {
			if _, err := x.Apply(f, id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// randomFact returns a fact of any kind that a memory folds, about one of five
// members or the group.
func randomFact(r *rand.Rand, at time.Duration) facts.Fact {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	member := pick("", "web-01", "web-02", "web-03", "web-04", "web-05")
	move := when(at)
	switch r.IntN(4) {
	case 0:
		f := alarm(member, move)
		f.State = facts.State(pick("alarm", "clear"))
		f.GroupState.Alarmed = r.IntN(4)
		f.Evidence.Ticks = r.IntN(9)
		f.Evidence.Score = facts.Number(r.Float64() * 9)
		f.Evidence.Tier = pick("T1", "T1", "T2")
		f.Effect[1].Value = facts.Number(r.Float64() * 20000)
		return f
	case 1:
		f := fact(facts.Absent, facts.State(pick("alarm", "clear")), member, move)
		return f
	case 2:
		if member == "" {
			f := fact(facts.Membership, facts.Watch, "", move)
			for i := range 5 {
				f.Members = append(f.Members, facts.MemberState{Name: fmt.Sprintf("web-%02d", i+1), State: pick("in", "in", "drain", "down")})
			}
			return f
		}
		return standingOf(member, pick("in", "drain", "maint"), move)
	}
	return outcomeOf(member, pick("drain", "maint", "restore"), pick("done", "done", "undone", "released", "refused", "escalated"), move)
}

func TestMemoryIsBounded(t *testing.T) {
	m := NewMemory("test", "web", Act)
	for i := range facts.MaxMembers {
		if _, err := m.Apply(fact(facts.Absent, facts.Alarm, fmt.Sprintf("web-%05d", i)), "id"); err != nil {
			t.Fatalf("member %d: %v", i, err)
		}
	}
	if _, err := m.Apply(fact(facts.Absent, facts.Alarm, "one-too-many"), "id"); err == nil {
		t.Error("Apply beyond the bound = nil, want an error")
	}
	if _, err := m.Apply(fact(facts.Absent, facts.Alarm, "web-00007"), "id"); err != nil {
		t.Errorf("Apply for a known member at the bound = %v, want nil", err)
	}
	if _, err := m.Apply(fact(facts.Absent, facts.Alarm, "later", when(time.Minute)), "id"); err != nil {
		t.Errorf("Apply after the alarms expired = %v, want room again", err)
	}
	for i := range 2 * maxDrains {
		apply(t, m, outcomeOf("web-00001", "drain", "done", when(time.Duration(i)*time.Millisecond)))
	}
	if n := len(m.drains); n > maxDrains {
		t.Errorf("%d drains are remembered, want at most %d", n, maxDrains)
	}
}
