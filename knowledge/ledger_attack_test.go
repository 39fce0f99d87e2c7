package knowledge

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

func TestTwoProposalsRace(t *testing.T) {
	w := newTown(t)
	one, two := w.propose("one", nil), w.propose("two", nil)
	w.must(one, two, w.approve(two, "bob", nil), w.approve(one, "bob", nil), w.approve(two, "carol", nil), w.approve(one, "carol", nil))
	w.due(0, "shadow")
	w.wantState(one, "shadow", "")
	w.wantState(two, "approved", "is being rolled out")
	w.due(30*time.Minute, "ring")
	w.wantRuns("two", none, none, none)
	w.due(30*time.Minute, "activated", "stale")
	w.wantState(two, "stale", "live is "+bundle("one").Digest)
	w.refused(w.approve(two, "dave", nil), "the change has ended: stale")
	w.replay()
}

func TestHaltedRolloutLetsTheOtherBegin(t *testing.T) {
	w := newTown(t)
	w.first = w.live("one")
	two := w.begin("two", nil)
	three := w.propose("three", nil)
	w.must(three, w.approve(three, "bob", nil), w.approve(three, "dave", nil))
	w.due(30*time.Minute, "ring")
	w.wantRuns("two", "two", "one", "one")
	s, ok := w.l.Halt("fires 40 times an hour, 3 were expected")
	if !ok || s.Parent != bundle("one").Digest {
		t.Fatalf("Halt = %+v, %v", s, ok)
	}
	if err := w.append(s.Entry([]string{"web"})); err != nil {
		t.Fatal(err)
	}
	w.wantRuns("two", "one", "one", "one")
	w.wantMay("two", false, "runs the bundle "+bundle("one").Digest)
	w.wantMay("one", true, "")
	w.wantState(two, "halted", "fires 40 times")
	w.due(0, "shadow")
	w.wantState(three, "shadow", "")
	if _, ok := NewLedger("", "x").Halt(""); ok {
		t.Error("Halt of nothing")
	}
}

// TestHaltedChangeIsNeverUsedAgain plays the papers of a halted change again, at
// the same parent and sequence: nothing begins.
func TestHaltedChangeIsNeverUsedAgain(t *testing.T) {
	w := newTown(t)
	p := w.propose("one", nil)
	papers := []SignedText{p, w.approve(p, "bob", nil), w.approve(p, "carol", nil)}
	w.must(papers...)
	w.due(0, "shadow")
	s, _ := w.l.Halt("it burns its budget")
	if err := w.append(s.Entry(nil)); err != nil {
		t.Fatal(err)
	}
	for _, x := range papers {
		w.refused(x, "known already")
	}
	w.refused(w.approve(p, "dave", nil), "the change has ended: halted")
	w.due(time.Hour)
	if err := w.append(l0step(w, typeShadow, p, "shadow").Entry(nil)); err == nil {
		t.Error("a forged entry began a halted change again")
	}
	w.wantState(p, "halted", "burns its budget")
	w.replay()
}

// l0step is a step that somebody who writes the log makes up.
func l0step(w *town, typ string, p SignedText, stage string) Step {
	s, _ := ParseStatement(p.Text)
	return Step{typ, TextDigest(p.Text), s.Field("bundle"), w.l.Live().Bundle, s.Number("seq"), stage, "forged"}
}

func TestNoDuringARolloutReturnsToTheParent(t *testing.T) {
	for _, tt := range []struct {
		name string
		no   func(w *town, p SignedText) SignedText
		why  string
	}{
		{"a rejection", func(w *town, p SignedText) SignedText {
			return w.approve(p, "dave", map[string]string{"decision": "reject", "meaning": "it drains healthy members"})
		}, "rejected by dave: it drains healthy members"},
		{"a rejection by somebody who approved", func(w *town, p SignedText) SignedText {
			return w.approve(p, "bob", map[string]string{"decision": "reject", "meaning": "I changed my mind"})
		}, "rejected by bob"},
		{"a withdrawal", func(w *town, p SignedText) SignedText { return w.about(Withdrawal, p, "alice") }, "withdrawn by alice"},
		{"a stop of everything", func(w *town, _ SignedText) SignedText { return w.sign(Stop, "erin", map[string]string{"scope": "all"}) }, "stopped by erin"},
		{"a stop of a group outside the ring", func(w *town, _ SignedText) SignedText {
			return w.sign(Stop, "erin", map[string]string{"scope": "group/other"})
		}, "stopped by erin"},
		{"a rollback of what is live", func(w *town, _ SignedText) SignedText { return w.about(Rollback, w.first, "dave", w.back("zero")) }, "stale"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTown(t)
			w.live("zero")
			w.first = w.live("one")
			p := w.begin("two", nil)
			w.due(30*time.Minute, "ring")
			w.wantMay("two", true, "")
			w.must(tt.no(w, p))
			if v := w.may("two"); v.Accepted && !strings.Contains(tt.why, "stale") { // at once, before any step
				t.Errorf("Authorise = %+v", v)
			}
			w.steps()
			w.wantState(p, "halted", tt.why)
			w.wantMay("two", false, "runs the bundle")
			w.due(48 * time.Hour)
			w.replay()
		})
	}
}

func TestRejectionAndWithdrawalBeforeTheBeginning(t *testing.T) {
	w := newTown(t)
	p, q := w.propose("one", nil), w.propose("two", nil)
	w.must(p, w.approve(p, "bob", nil), w.approve(p, "dave", map[string]string{"decision": "reject"}))
	w.wantState(p, "rejected", "rejected by dave")
	w.refused(w.approve(p, "carol", nil), "the change has ended: rejected")
	w.must(q, w.about(Withdrawal, q, "alice"))
	w.wantState(q, "withdrawn", "withdrawn by alice")
	w.due(time.Hour)
	w.replay()
}

func TestApprovalsAfterTheBeginning(t *testing.T) {
	w := newTown(t)
	p := w.begin("one", nil)
	w.refused(w.approve(p, "dave", nil), "the change has begun")
	w.due(30*time.Minute, "ring")
	w.refused(w.approve(p, "dave", nil), "the change has begun")
	w.due(30*time.Minute, "activated")
	w.refused(w.approve(p, "dave", nil), "the change is live")
}

func TestExpiry(t *testing.T) {
	w := newTown(t)
	p := w.propose("one", nil)
	q := w.begin("two", map[string]string{"rollout": "shadow=10h,ring1=10h,all=0s"})
	w.must(p, w.approve(p, "bob", nil))
	w.due(10*time.Hour, "ring")
	w.must(w.approve(p, "dave", nil))
	w.wantState(p, "approved", "is being rolled out")
	w.due(15*time.Hour, "halted", "expired")
	w.wantState(q, "halted", "proposal expired")
	w.wantState(p, "expired", "")
	w.now = mustTime("2026-11-22T07:00:00Z") // the clock is set back
	w.due(0)
	w.wantMay("two", false, "runs the bundle none")
	w.wantState(q, "halted", "")
	w.refused(p, "known already")
	w.refused(w.propose("three", nil), "would not be over")
}

// TestRolloutThatCannotBeOverInTimeDoesNotBegin has the second approval come
// half an hour before the proposal expires.
func TestRolloutThatCannotBeOverInTimeDoesNotBegin(t *testing.T) {
	w := newTown(t)
	p := w.propose("one", nil)
	w.must(p, w.approve(p, "bob", nil))
	w.due(23 * time.Hour)
	w.wait(30 * time.Minute)
	w.refused(w.approve(p, "carol", nil), "the change is expired: its rollout takes 1h0m0s and would not be over")
	w.due(0, "expired")
	w.wantState(p, "expired", "would not be over")
}

// TestClockSetBack revives nothing: the log's last entry is the floor.
func TestClockSetBack(t *testing.T) {
	w := newTown(t)
	p := w.propose("one", nil)
	w.must(p, w.approve(p, "bob", nil))
	w.wait(25 * time.Hour)
	w.must(w.sign(Review, "bob", nil)) // any entry
	w.now = mustTime("2026-11-22T06:30:00Z")
	w.wantState(p, "expired", "expired at")
	if _, err := w.l.Accept(w.approve(p, "carol", nil), w.now); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("Accept = %v, want it expired", err)
	}
	if s, ok := w.l.Due(w.now); !ok || s.Type != typeExpired {
		t.Errorf("Due = %+v, want it expired", s)
	}
}

func TestFreezeThatBeginsMidway(t *testing.T) {
	w := bareTown(t)
	w.registers[0].Policies[0].Freeze = []Window{{w.now.Add(40 * time.Minute), w.now.Add(3 * time.Hour)}}
	w.l = NewLedger(TextDigest(w.registers[0].Render()), townName)
	w.must(w.register(0))
	p := w.begin("one", nil)
	w.due(30*time.Minute, "ring")
	w.due(30 * time.Minute) // frozen: it stays where it is, and goes on to act there
	w.wantState(p, "ring", "frozen from")
	w.wantMay("one", true, "")
	if err := w.append(l0step(w, typeActivated, p, "all").Entry(nil)); err == nil {
		t.Error("a forged entry went on in a freeze")
	}
	q := w.propose("two", nil)
	w.must(q, w.approve(q, "bob", nil), w.approve(q, "carol", nil))
	w.due(time.Minute)
	w.due(2*time.Hour, "activated", "stale")
	w.replay()
}

func TestRollbackByTwoPassesAFreeze(t *testing.T) {
	w := bareTown(t)
	w.registers[0].Policies[0].Freeze = []Window{{w.now, w.now.Add(30 * time.Hour)}}
	w.l = NewLedger(TextDigest(w.registers[0].Render()), townName)
	w.must(w.register(0))
	w.begin("one", map[string]string{"kind": "rollback"})
	w.due(30*time.Minute, "ring")
	w.due(30*time.Minute, "activated")
}

func TestStopHoldsWhatWouldBegin(t *testing.T) {
	w := newTown(t)
	stop := w.sign(Stop, "erin", map[string]string{"scope": "all"})
	w.must(stop)
	p := w.propose("one", nil)
	w.must(p, w.approve(p, "bob", nil), w.approve(p, "carol", nil))
	w.due(time.Hour)
	w.wantState(p, "approved", "everything is stopped by erin")
	resume := map[string]string{"stop": TextDigest(stop.Text)}
	w.must(w.sign(Resume, "bob", resume))
	w.due(0)
	w.refused(w.sign(Resume, "bob", resume), "known already")
	w.refused(w.sign(Resume, "bob", map[string]string{"stop": TextDigest(stop.Text), "meaning": "really"}), "bob has asked for its end already")
	w.refused(w.sign(Resume, "erin", resume), "erin does not hold the role approver")
	w.refused(w.sign(Resume, "dave", map[string]string{"stop": TextDigest(stop.Text), "time": "2026-11-22T05:00:00Z"}), "before the stop")
	w.must(w.sign(Resume, "dave", resume))
	w.due(0, "shadow")
	w.refused(w.sign(Resume, "carol", resume), "the stop has ended")
	w.refused(stop, "known already")
	w.replay()
}

// TestKeysInSoftware may stop where the policy wants hardware, and nothing else.
func TestKeysInSoftware(t *testing.T) {
	w := bareTown(t)
	w.registers[0].Policies[0].Hardware = true
	w.l = NewLedger(TextDigest(w.registers[0].Render()), townName)
	w.must(w.register(0))
	stop := w.sign(Stop, "erin", map[string]string{"scope": "all"})
	w.must(stop)
	w.refused(w.sign(Resume, "bob", map[string]string{"stop": TextDigest(stop.Text)}), "the policy wants hardware")
	w.refused(w.propose("one", nil), "the policy wants hardware")
	w.refused(w.sign(Review, "bob", nil), "the policy wants hardware")
	w.must(w.sign(Resume, "dave", map[string]string{"stop": TextDigest(stop.Text)}))
	p := w.propose("one", map[string]string{"author": "dave"})
	w.must(p)
	w.refused(w.approve(p, "bob", nil), "the policy wants hardware")
	w.must(w.approve(p, "bob", map[string]string{"decision": "reject"}))
}

func TestScopesOfStops(t *testing.T) {
	w := newTown(t)
	w.live("one")
	for _, tt := range []struct{ scope, group, rule, why string }{
		{"group/web", "web", "drain", "group/web is stopped by erin"}, {"group/web", "db", "drain", ""},
		{"rule/drain", "web", "drain", "rule/drain is stopped by erin"}, {"rule/drain", "web", "restore", ""},
		{"all", "web", "drain", "all is stopped by erin"}, {"all", "db", "restore", "all is stopped by erin"},
	} {
		stop := w.sign(Stop, "erin", map[string]string{"scope": tt.scope})
		w.must(stop)
		if v := w.l.Authorise(bundle("one"), tt.group, tt.rule, w.now); v.Accepted != (tt.why == "") || !strings.Contains(strings.Join(v.Reasons, ""), tt.why) {
			t.Errorf("stop of %s: Authorise(%s, %s) = %+v", tt.scope, tt.group, tt.rule, v)
		}
		w.replay()
		got := w.l.Stops()
		if len(got) != 1 || got[0].Scope != tt.scope || got[0].By != "erin" || got[0].Missing != 2 || got[0].Digest != TextDigest(stop.Text) {
			t.Errorf("Stops = %+v", got)
		}
		for _, by := range []string{"bob", "carol"} {
			w.must(w.sign(Resume, by, map[string]string{"stop": TextDigest(stop.Text)}))
		}
		if got := w.l.Stops(); len(got) != 0 {
			t.Errorf("after two resumes Stops = %+v", got)
		}
	}
	w.refused(w.sign(Stop, "erin", map[string]string{"scope": "all", "time": formatTime(w.now.Add(-25 * time.Hour))}), "want within 24h")
}

// TestStopByTheSwitch folds what the guard records of the switch file: it takes
// two signatures to end it.
func TestStopByTheSwitch(t *testing.T) {
	w := newTown(t)
	w.live("one")
	entry := func(body map[string]any) string {
		if err := w.append(audit.Entry{Type: "stop", Actor: "file", Body: body}); err != nil {
			t.Fatal(err)
		}
		return TextDigest(w.log[len(w.log)-1].Bytes)
	}
	entry(map[string]any{"by": []string{"person:erin"}, "freeze": 0, "reason": "signed"})
	w.wantMay("one", true, "")
	digest := entry(map[string]any{"by": []string{"file"}, "freeze": 0, "reason": "stop file /data/STOP"})
	w.wantMay("one", false, "all is stopped by file: stop file /data/STOP")
	if err := w.append(audit.Entry{Type: "resume", Actor: "root", Body: map[string]any{"by": []string{"ana", "ben"}}}); err != nil {
		t.Fatal(err)
	}
	w.wantMay("one", false, "all is stopped")
	for _, by := range []string{"bob", "carol"} {
		w.must(w.sign(Resume, by, map[string]string{"stop": digest}))
	}
	w.wantMay("one", true, "")
	entry(map[string]any{"by": "nobody knows"})
	w.wantMay("one", false, "all is stopped by file")
	w.replay()
}

func TestRollbacksThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		back func(w *town, one, two SignedText) SignedText
		want string
	}{
		{"to another bundle than the parent", func(w *town, _, two SignedText) SignedText {
			return w.about(Rollback, two, "dave", w.back("three"))
		}, "did not put the live bundle"},
		{"of the change before", func(w *town, one, _ SignedText) SignedText { return w.about(Rollback, one, "dave", w.back("one")) }, "did not make live what is live"},
		{"by an operator", func(w *town, _, two SignedText) SignedText { return w.about(Rollback, two, "erin", w.back("one")) }, "erin does not hold the role approver"},
		{"after the window", func(w *town, _, two SignedText) SignedText {
			w.wait(73 * time.Hour)
			return w.about(Rollback, two, "dave", w.back("one"))
		}, "the rollback window ended"},
		{"with another sequence", func(w *town, _, two SignedText) SignedText {
			return w.about(Rollback, two, "dave", w.back("one"), map[string]string{"seq": "7"})
		}, "sequence 7, want 3"},
		{"signed before the bundle went live", func(w *town, _, two SignedText) SignedText {
			return w.about(Rollback, two, "dave", w.back("one"), map[string]string{"time": "2026-11-22T06:00:00Z"})
		}, "before the bundle went live"},
		{"a second time", func(w *town, _, two SignedText) SignedText {
			w.must(w.about(Rollback, two, "dave", w.back("one")))
			w.due(0, "rolledback")
			return w.about(Rollback, two, "carol", w.back("one"))
		}, "did not make live what is live"},
		{"of a rollback", func(w *town, one, two SignedText) SignedText {
			w.must(w.about(Rollback, two, "dave", w.back("one")))
			w.due(0, "rolledback")
			return w.about(Rollback, one, "dave", w.back("two"))
		}, "did not put the live bundle"},
		{"while another is to be carried out", func(w *town, _, two SignedText) SignedText {
			w.must(w.about(Rollback, two, "dave", w.back("one")))
			return w.about(Rollback, two, "carol", w.back("one"))
		}, "another rollback or break-glass"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTown(t)
			one := w.live("one")
			two := w.live("two")
			w.refused(tt.back(w, one, two), tt.want)
			w.replay()
		})
	}
}

// TestMemoryIsBounded floods a town with proposals and stops by one person.
func TestMemoryIsBounded(t *testing.T) {
	w := newTown(t)
	var last SignedText
	for range maxOfAuthor {
		last = w.propose("one", nil)
		w.must(last, w.about(Withdrawal, last, "alice"))
	}
	w.refused(w.propose("one", nil), "64 changes by alice are known")
	w.refused(last, "known already") // a change that ended is not forgotten
	p := w.propose("two", map[string]string{"author": "bob"})
	w.must(p, w.approve(p, "carol", nil), w.approve(p, "dave", nil))
	w.due(0, "shadow")
	w.due(30*time.Minute, "ring")
	w.due(30*time.Minute, "activated")
	q := w.propose("three", map[string]string{"author": "bob"})
	w.must(q, w.approve(q, "carol", nil), w.approve(q, "dave", nil))
	w.due(0, "shadow")
	w.due(30*time.Minute, "ring")
	w.due(30*time.Minute, "activated")
	for round := range 9 { // they can begin nothing now, and make room
		for range maxOfAuthor {
			last = w.propose("one", map[string]string{"expires": formatTime(w.now.Add(2 * time.Hour))})
			w.must(last, w.about(Withdrawal, last, "alice"))
		}
		w.due(3 * time.Hour)
		if n := len(w.l.Changes(w.now)); n > maxChanges || round > 7 && n < maxChanges {
			t.Errorf("round %d: %d changes are known, want at most %d", round, n, maxChanges)
		}
	}
	w.wantState(q, "live", "")
	w.wantState(p, "superseded", "") // somebody may go back to it
	for i := range maxStops {
		w.must(w.sign(Stop, "erin", map[string]string{"scope": "group/" + itoa(uint64(i))}))
	}
	w.refused(w.sign(Stop, "erin", map[string]string{"scope": "group/x"}), "256 stops are known already: stop all")
	w.must(w.sign(Stop, "erin", map[string]string{"scope": "all"}))
	w.refused(w.sign(Stop, "erin", map[string]string{"scope": "all"}), "257 stops are known already")
	w.replay()
}

// TestRollbackThatComesTooLateIsDropped accepts a rollback in time, and is away
// until the window has closed.
func TestRollbackThatComesTooLateIsDropped(t *testing.T) {
	w := newTown(t)
	w.live("one")
	two := w.live("two")
	w.wait(71 * time.Hour)
	w.must(w.about(Rollback, two, "dave", w.back("one")))
	w.due(2*time.Hour, "expired")
	w.wantRuns("two", "two", "two", "two")
	w.due(0)
	w.replay()
}
