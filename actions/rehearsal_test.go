package actions

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestRehearsalJudgesAsTheGuard gives the same intents to a guard over a pool
// that does as it is told, and to its rehearsal. Steps of ten seconds leave an
// act the time to end, and no bound of the limits is one of their multiples but
// the minute of the rate, which counts the same in both.
func TestRehearsalJudgesAsTheGuard(t *testing.T) {
	const members, walks, steps = 10, 20, 120
	seed := rand.Uint64()
	refused := map[string]int{}
	for walk := range uint64(walks) {
		inWorld(t, members, func(w *world) {
			r := rand.New(rand.NewPCG(seed, walk))
			w.limits.Cooldown, w.limits.Attempts, w.limits.PerMinute = 63*time.Second, 3, 2
			w.limits.Hold, w.limits.Release = 203*time.Second, true
			w.restart()
			rehearsal, err := NewRehearsal("web", w.limits)
			if err != nil {
				t.Fatal(err)
			}
			out := map[string]Standing{} // by another hand
			for i := range steps {
				member := fmt.Sprintf("m%02d", r.IntN(members))
				if r.IntN(20) == 0 && out[member] == "" && rehearsal.gr.ledger.owner(member) == nil {
					out[member] = Drained
					w.pool.other(member, Drain, 0)
				}
				in := w.intent([]Verb{Drain, Drain, Maint, Restore, Notify}[r.IntN(5)], member)
				in.Seen.Alarmed = r.IntN(4)
				got := rehearsal.Submit(time.Now(), in, func() []Member { return pooled(members, out) })
				want := w.submit(in)
				if got.Limit != want.Limit || (got.Result == Refused) != (want.Result == Refused) {
					t.Fatalf("seed %d walk %d step %d: %s %s: got %s %q, want %s %q (%s)", seed, walk, i, in.Verb, member,
						got.Result, got.Limit, want.Result, want.Limit, want.Detail)
				}
				refused[got.Limit]++
				w.sleep(10 * time.Second)
			}
		})
	}
	for _, limit := range []string{"", limitRate, limitCooldown, limitAttempts, limitCap, limitPanic, limitHeld, limitStanding, limitOwner} {
		if refused[limit] == 0 {
			t.Errorf("limit %q was never met in %v: the walks say too little", limit, refused)
		}
	}
}

func pooled(n int, out map[string]Standing) []Member {
	var all []Member
	for _, name := range numbered(n) {
		m := Member{Name: name, Standing: InService, Up: true, Weight: 100}
		if s := out[name]; s != "" {
			m.Standing = s
		}
		all = append(all, m)
	}
	return all
}

func TestRehearsal(t *testing.T) {
	t0 := time.Date(2026, 11, 22, 5, 51, 46, 0, time.UTC)
	at := func(d time.Duration) time.Time { return t0.Add(d) }
	intent := func(v Verb, member string, now time.Time) Intent {
		return Intent{Env: "test", Expires: now.Add(3 * time.Second), Group: "web", Member: member, Rule: "black_hole", Time: now,
			V: 1, Verb: v, Seen: Seen{Alarmed: 1, At: now, Shift: "none"}}
	}
	type step struct {
		after   time.Duration
		verb    Verb
		member  string
		members int // of the group
		want    string
	}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"the first act needs no warm-up", []step{{0, Drain, "m01", 20, ""}}},
		{"a member that is out is not taken out again", []step{{0, Drain, "m01", 20, ""}, {time.Minute, Drain, "m01", 20, limitHeld}}},
		{"a hold that is over gives its room back", []step{{0, Drain, "m01", 10, ""}, {time.Hour, Drain, "m02", 10, limitCap},
			{24 * time.Hour, Drain, "m02", 10, ""}}},
		{"what was put back gives its room back at once", []step{{0, Drain, "m01", 10, ""}, {time.Minute, Restore, "m01", 10, ""},
			{time.Hour, Drain, "m02", 10, ""}}},
		{"and rests", []step{{0, Drain, "m01", 10, ""}, {time.Minute, Restore, "m01", 10, ""}, {2 * time.Minute, Drain, "m01", 10, limitCooldown}}},
		{"a member that left gives its room back", []step{{0, Drain, "m19", 20, ""}, {time.Second, Drain, "m18", 20, ""},
			{10 * time.Minute, Drain, "m01", 19, limitCap}, {20 * time.Minute, Drain, "m01", 18, ""}}},
		{"a group that shrank fast is not trusted", []step{{0, Notify, "m01", 20, ""}, {time.Second, Drain, "m01", 15, limitDrop}}},
		{"a human is not told the same twice", []step{{0, Notify, "m01", 20, ""}, {time.Minute, Notify, "m01", 20, limitCooldown},
			{time.Minute, Notify, "m02", 20, ""}, {time.Hour, Notify, "m01", 20, ""}}},
		{"the clock does not go back", []step{{time.Hour, Drain, "m01", 20, ""}, {0, Drain, "m02", 20, limitStale}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			limits := DefaultLimits()
			limits.Verbs = []Verb{Drain, Restore, Notify}
			r, err := NewRehearsal("web", limits)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range tt.steps {
				r.Observe(at(s.after), s.members)
				o := r.Submit(at(s.after), intent(s.verb, s.member, at(s.after)), func() []Member { return pooled(s.members, nil) })
				if o.Limit != s.want {
					t.Errorf("step %d: %s %s: got limit %q (%s), want %q", i, s.verb, s.member, o.Limit, o.Detail, s.want)
				}
			}
		})
	}
	if _, err := NewRehearsal("web", Limits{MaxOut: 101}); err == nil {
		t.Error("limits out of their range make a rehearsal, want an error")
	}
}
