package knowledge

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// standby has a standby bundle approved by two.
func (w *town) standby() SignedText {
	w.t.Helper()
	p := w.propose("standby", map[string]string{"kind": "standby"})
	w.must(p, w.approve(p, "bob", nil), w.approve(p, "carol", nil))
	w.due(0, "standby")
	w.wantState(p, "standby", "")
	return p
}

// shatter signs a break-glass of a standby as things stand.
func (w *town) shatter(standby SignedText, by string, fields map[string]string) SignedText {
	live := w.l.Live()
	_, trust := w.l.Chain().Current()
	return w.about(Breakglass, standby, by, map[string]string{"life": "30m", "seq": itoa(live.Seq + 1), "parent": live.Bundle, "trust": trust}, fields)
}

func TestBreakglass(t *testing.T) {
	w := newTown(t)
	w.live("one")
	standby := w.standby()
	w.live("two") // a standby outlives what was live when it was approved
	w.due(200 * time.Hour)
	three := w.begin("three", nil)
	w.due(30*time.Minute, "ring")
	w.wantMay("standby", false, "runs the bundle")
	w.must(w.shatter(standby, "dave", nil))
	w.due(0, "breakglass.opened", "halted")
	w.wantState(three, "halted", "runs by break-glass")
	w.wantRuns("three", "standby", "standby", "standby")
	w.wantMay("standby", true, "")
	w.wantMay("two", false, "runs the bundle")
	c, open := w.l.Breakglass(w.now)
	if !open || c.State != "breakglass" || !c.Until.Equal(w.now.Add(30*time.Minute)) || !slices.Equal(c.Approvers, []string{"bob", "carol"}) {
		t.Errorf("Breakglass = %+v, %v", c, open)
	}
	if live := w.l.Live(); live.Bundle != bundle("two").Digest || live.Seq != 2 || !live.Observe.Equal(w.now.Add(afterReview)) {
		t.Errorf("live = %+v", live)
	}
	w.replay()
	w.refused(w.shatter(standby, "carol", nil), "runs by break-glass already")
	four := w.propose("four", nil)
	w.must(four, w.approve(four, "bob", nil), w.approve(four, "carol", nil))
	w.due(29 * time.Minute)
	w.wantState(four, "approved", "runs by break-glass")
	w.wait(time.Minute)
	w.wantMay("standby", false, "the break-glass is over")
	w.due(0, "breakglass.closed", "shadow")
	w.wantRuns("three", "two", "two", "two")
	w.wantMay("two", true, "")
	w.replay()

	// Somebody else has to have looked at it, or nothing more is done.
	w.wait(time.Minute)
	w.must(w.sign(Review, "dave", nil))
	w.wait(72 * time.Hour)
	w.steps()
	w.wantMay("two", false, "nobody else has reviewed the break-glass by dave")
	w.must(w.sign(Review, "erin", nil))
	w.wantMay("two", true, "")
	w.refused(w.sign(Review, "erin", map[string]string{"meaning": "an older one", "time": formatTime(w.now.Add(-time.Hour))}), "erin has signed a review of")
	w.replay()
}

func TestBreakglassThatIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		send func(w *town, standby SignedText) SignedText
		want string
	}{
		{"of a standby that one person approved", func(w *town, _ SignedText) SignedText {
			p := w.propose("other", map[string]string{"kind": "standby"})
			w.must(p, w.approve(p, "bob", nil))
			w.due(0)
			return w.shatter(p, "dave", nil)
		}, "is no standby that was approved"},
		{"of a standby that was rejected since", func(w *town, p SignedText) SignedText {
			w.must(w.approve(p, "bob", map[string]string{"decision": "reject"}))
			return w.shatter(p, "dave", nil)
		}, "is no standby that was approved"},
		{"of a standby that was withdrawn since", func(w *town, p SignedText) SignedText {
			w.must(w.about(Withdrawal, p, "alice"))
			return w.shatter(p, "dave", nil)
		}, "is no standby that was approved"},
		{"of a change", func(w *town, _ SignedText) SignedText { return w.shatter(w.first, "dave", nil) }, "is no standby that was approved"},
		{"after the register was replaced", func(w *town, p SignedText) SignedText {
			w.succeed(without("erin"))
			return w.shatter(p, "dave", nil)
		}, "the people register was replaced since"},
		{"after the register was replaced, and a step", func(w *town, p SignedText) SignedText {
			w.succeed(without("erin"))
			w.due(0, "stale")
			return w.shatter(p, "dave", nil)
		}, "is no standby that was approved"},
		{"under a register that has expired", func(w *town, p SignedText) SignedText {
			w.now = mustTime("2027-09-18T07:00:00Z")
			return w.shatter(p, "dave", nil)
		}, "the register expired"},
		{"by an operator", func(w *town, p SignedText) SignedText { return w.shatter(p, "erin", nil) }, "erin does not hold the role approver"},
		{"by a stranger", func(w *town, p SignedText) SignedText { return w.shatter(p, "mallory", nil) }, "mallory is not in the register"},
		{"for more than an hour", func(w *town, p SignedText) SignedText { return w.shatter(p, "dave", map[string]string{"life": "61m"}) }, "want at most 1h"},
		{"for no time", func(w *town, p SignedText) SignedText { return w.shatter(p, "dave", map[string]string{"life": "0s"}) }, "break-glass for 0s"},
		{"signed two hours ago", func(w *town, p SignedText) SignedText {
			return w.shatter(p, "dave", map[string]string{"time": formatTime(w.now.Add(-2 * time.Hour))})
		}, "want within 1h"},
		{"of another bundle", func(w *town, p SignedText) SignedText {
			return w.shatter(p, "dave", map[string]string{"bundle": bundle("two").Digest})
		}, "is for the bundle"},
		{"on another parent", func(w *town, p SignedText) SignedText {
			return w.shatter(p, "dave", map[string]string{"parent": liveH1})
		}, "stale"},
		{"of another sequence", func(w *town, p SignedText) SignedText { return w.shatter(p, "dave", map[string]string{"seq": "9"}) }, "sequence 9, want 2"},
		{"while everything is stopped", func(w *town, p SignedText) SignedText {
			w.must(w.sign(Stop, "erin", map[string]string{"scope": "all"}))
			return w.shatter(p, "dave", nil)
		}, "everything is stopped by erin"},
		{"again, once it is over", func(w *town, p SignedText) SignedText {
			x := w.shatter(p, "dave", nil)
			w.must(x)
			w.due(0, "breakglass.opened")
			w.due(30*time.Minute, "breakglass.closed")
			return x
		}, "known already"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTown(t)
			w.first = w.live("one")
			p := w.standby()
			w.refused(tt.send(w, p), tt.want)
			w.replay()
		})
	}
}

func TestBreakglassInAFreeze(t *testing.T) {
	w := bareTown(t)
	w.registers[0].Policies[0].Freeze = []Window{{w.now.Add(time.Hour), w.now.Add(3 * time.Hour)}}
	w.l = NewLedger(TextDigest(w.registers[0].Render()), townName)
	w.must(w.register(0))
	p := w.standby()
	w.wait(time.Hour)
	w.refused(w.shatter(p, "dave", nil), "frozen from")
}

func TestBreakglassEndsWithItsStandby(t *testing.T) {
	for name, end := range map[string]func(w *town, p SignedText){
		"a rejection": func(w *town, p SignedText) {
			w.must(w.approve(p, "bob", map[string]string{"decision": "reject"}))
		},
		"another register": func(w *town, _ SignedText) { w.succeed(without("erin")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			w.live("one")
			p := w.standby()
			w.must(w.shatter(p, "dave", nil))
			w.due(0, "breakglass.opened")
			end(w, p)
			w.wantMay("standby", false, "the break-glass is over")
			if got := w.steps(); got[0] != "breakglass.closed" {
				t.Errorf("steps = %v", got)
			}
			w.wantMay("one", true, "")
			w.replay()
		})
	}
}

// TestBreakglassBeforeAnythingIsLive returns to nothing.
func TestBreakglassBeforeAnythingIsLive(t *testing.T) {
	w := newTown(t)
	p := w.standby()
	w.must(w.shatter(p, "dave", nil))
	w.due(0, "breakglass.opened")
	w.wantRuns("", "standby", "standby", "standby")
	w.due(30*time.Minute, "breakglass.closed")
	w.wantRuns("", none, none, none)
	w.wantMay("standby", false, "runs the bundle none")
	if v := w.l.Authorise(&Pack{Digest: none}, "web", "drain", w.now); v.Accepted {
		t.Error("an act by nothing is authorised")
	}
	// opened again by another, who is then no reviewer either
	w.must(w.shatter(p, "carol", nil))
	w.due(0, "breakglass.opened")
	w.wait(time.Minute)
	w.must(w.sign(Review, "carol", nil))
	w.due(29*time.Minute, "breakglass.closed")
	w.live("one")
	w.wait(72 * time.Hour)
	w.wantMay("one", false, "reviewed the break-glass by dave, carol")
	w.must(w.sign(Review, "bob", nil))
	w.wantMay("one", true, "")
}

func TestStolenKey(t *testing.T) {
	key := func(w *town, name string) Key { return Key{w.keys[name].PublicKey()} }
	stolen := func(w *town, name string, since time.Time, by string) SignedText {
		return w.sign(Review, by, map[string]string{"meaning": CompromisedSince(key(w, name), since)})
	}
	t.Run("a resume by it ends no stop, before as after", func(t *testing.T) {
		w := newTown(t)
		stop := w.sign(Stop, "erin", map[string]string{"scope": "all"})
		digest, before := TextDigest(stop.Text), w.now
		w.must(stop, w.resume(digest, "bob"), stolen(w, "bob", before, "dave"))
		w.wait(time.Minute)
		w.must(w.resume(digest, "carol"))
		if s := w.l.Stops(); len(s) != 1 || !slices.Equal(s[0].Resumed, []string{"carol"}) || s[0].Missing != 1 {
			t.Fatalf("stops %+v, want one by whose end carol stands alone", s)
		}
		w.replay()
		again := w.resume(digest, "bob")
		again.Signatures = [][]byte{w.craft("bob2", "resume@evenkeel.v1", again.Text)}
		w.must(again)
		if s := w.l.Stops(); len(s) != 0 {
			t.Errorf("stops %+v, want none: bob said so with the key that he has", s)
		}
		w.replay()
	})
	t.Run("what is live is tainted, and observes a day later", func(t *testing.T) {
		w := newTown(t)
		before := w.now
		w.live("one")
		w.must(stolen(w, "bob", before, "dave"))
		live := w.l.Live()
		if !strings.Contains(live.Tainted, "1 of 2 approvals") || !live.Observe.Equal(w.now.Add(24*time.Hour)) {
			t.Errorf("live = %+v", live)
		}
		w.wantMay("one", true, "")
		w.replay()
		w.wait(24 * time.Hour)
		w.wantMay("one", false, "only observing since")
		w.begin("two", nil, "carol", "dave")
		w.due(30*time.Minute, "ring")
		w.wantMay("two", true, "") // its own approvals are in no doubt
		s, _ := w.l.Halt("enough")
		w.must(nilError(w.append(s.Entry(nil))))
		p := w.propose("one", nil) // the same bundle, approved again
		w.must(p)
		w.refused(w.approve(p, "bob", nil), "no signature beside it")
		again := w.approve(p, "bob", map[string]string{"meaning": "with the key that I still have"})
		again.Signatures = [][]byte{w.craft("bob2", "approval@evenkeel.v1", again.Text)}
		w.must(again, w.approve(p, "carol", nil))
		w.due(0, "shadow")
		w.due(30*time.Minute, "ring")
		w.due(30*time.Minute, "activated")
		if live := w.l.Live(); live.Tainted != "" || !live.Observe.IsZero() {
			t.Errorf("approved again, live = %+v", live)
		}
		w.wantMay("one", true, "")
		w.replay()
	})
	t.Run("what was approved before is not", func(t *testing.T) {
		w := newTown(t)
		w.live("one")
		w.must(stolen(w, "bob", w.now, "dave"))
		if live := w.l.Live(); live.Tainted != "" {
			t.Errorf("live = %+v", live)
		}
	})
	t.Run("a date put back on a paper does not help", func(t *testing.T) {
		w := newTown(t)
		p := w.propose("one", nil)
		w.must(p)
		w.wait(4 * time.Minute)
		w.must(stolen(w, "bob", w.now.Add(-time.Minute), "dave"))
		w.refused(w.approve(p, "bob", map[string]string{"time": formatTime(w.now.Add(-4 * time.Minute))}), "no signature beside it")
	})
	t.Run("a rollout is halted", func(t *testing.T) {
		w := newTown(t)
		p := w.begin("one", nil)
		w.must(stolen(w, "alice", w.now.Add(-time.Hour), "dave"))
		w.due(0, "halted")
		w.wantState(p, "halted", "no proposal that its author signed")
	})
	t.Run("an approval that waits counts no more", func(t *testing.T) {
		w := newTown(t)
		p := w.propose("one", nil)
		w.must(p, w.approve(p, "bob", nil), stolen(w, "bob", w.now.Add(-time.Hour), "dave"))
		if c := w.state(p); c.Missing != 2 {
			t.Errorf("%d approvals missing, want 2", c.Missing)
		}
	})
	t.Run("a standby cannot be used", func(t *testing.T) {
		w := newTown(t)
		p := w.standby()
		w.must(stolen(w, "carol", w.now.Add(-time.Hour), "dave"))
		w.refused(w.shatter(p, "dave", nil), "rest on a key that was stolen")
		w.due(0, "stale")
	})
	t.Run("nobody goes back to what it approved", func(t *testing.T) {
		w := newTown(t)
		start := w.now
		w.live("one")
		middle := w.now
		p := w.propose("two", nil)
		w.must(p, w.approve(p, "dave", nil), w.approve(p, "carol", nil))
		w.due(0, "shadow")
		w.due(30*time.Minute, "ring")
		w.due(30*time.Minute, "activated")
		w.must(stolen(w, "bob", start, "dave"))
		w.refused(w.about(Rollback, p, "dave", w.back("one")), "rest on a key that was stolen")
		_ = middle
		w.replay()
	})
	t.Run("a rollback that it signed is tainted", func(t *testing.T) {
		w := newTown(t)
		w.live("one")
		p := w.live("two")
		then := w.now
		w.must(w.about(Rollback, p, "dave", w.back("one")))
		w.due(0, "rolledback")
		w.must(stolen(w, "dave", then, "bob"))
		if live := w.l.Live(); !strings.Contains(live.Tainted, "the rollback to it") {
			t.Errorf("live = %+v", live)
		}
		w.replay()
	})
	t.Run("who may not say so", func(t *testing.T) {
		w := newTown(t)
		w.refused(stolen(w, "bob", w.now, "erin"), "erin does not hold the role root")
		w.refused(stolen(w, "mallory", w.now, "bob"), "no version of the register has a key")
		w.refused(w.sign(Review, "bob", map[string]string{"meaning": theftWords + "yesterday SHA256:x"}), "want one like")
		w.must(stolen(w, "bob", w.now, "dave"))
		w.refused(stolen(w, "bob", w.now.Add(time.Minute), "carol"), "known already")
		w.replay()
	})
}
