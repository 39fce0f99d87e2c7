package knowledge

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestPapersThatAreRefused delivers what must not be taken in, to a town with a
// register, a live bundle one and alice's proposal of two.
func TestPapersThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		send func(w *town, two SignedText) SignedText
		want string
	}{
		{"garbage", func(*town, SignedText) SignedText { return SignedText{Name: "x.txt", Text: []byte("hello\n")} }, "want the first line of a statement"},
		{"nothing", func(*town, SignedText) SignedText { return SignedText{} }, "want the first line of a statement"},
		{"a text of 17 KiB", func(*town, SignedText) SignedText {
			return SignedText{Text: []byte(Stop.header() + "\n" + strings.Repeat("x", 17<<10))}
		}, "more than 16384 bytes"},
		{"a file that could not be read", func(*town, SignedText) SignedText { return SignedText{fault: errors.New("no regular file")} }, "no regular file"},
		{"a proposal without a signature", func(w *town, _ SignedText) SignedText {
			p := w.propose("three", nil)
			p.Signatures = nil
			return p
		}, "no signature beside it"},
		{"a proposal by a stranger", func(w *town, _ SignedText) SignedText {
			return w.propose("three", map[string]string{"author": "mallory"})
		}, "mallory is not in the register"},
		{"a proposal by an operator", func(w *town, _ SignedText) SignedText { return w.propose("three", map[string]string{"author": "erin"}) }, "erin does not hold the role author"},
		{"a proposal signed by somebody else", func(w *town, _ SignedText) SignedText {
			p := w.propose("three", nil)
			p.Signatures[0] = w.craft("bob", "proposal@evenkeel.v1", p.Text)
			return p
		}, "signed by a key that is not among those"},
		{"a proposal signed as an approval", func(w *town, _ SignedText) SignedText {
			p := w.propose("three", nil)
			p.Signatures[0] = w.craft("alice", "approval@evenkeel.v1", p.Text)
			return p
		}, "signed in namespace"},
		{"a proposal edited after it was signed", func(w *town, _ SignedText) SignedText {
			p := w.propose("three", nil)
			p.Text = []byte(strings.Replace(string(p.Text), "CHG-1", "CHG-2", 1))
			return p
		}, "signature does not hold"},
		{"a proposal for another environment", func(w *town, _ SignedText) SignedText { return w.propose("three", map[string]string{"env": stageEnv}) }, "proposal is for " + stageEnv},
		{"a proposal that names another register", func(w *town, _ SignedText) SignedText {
			return w.propose("three", map[string]string{"trust": TextDigest(nil)})
		}, "names the register"},
		{"a proposal on another parent", func(w *town, _ SignedText) SignedText { return w.propose("three", map[string]string{"parent": liveH1}) }, "stale: live is"},
		{"a proposal of a sequence that was used", func(w *town, _ SignedText) SignedText { return w.propose("three", map[string]string{"seq": "1"}) }, "stale: live is"},
		{"a proposal of a sequence ahead", func(w *town, _ SignedText) SignedText { return w.propose("three", map[string]string{"seq": "3"}) }, "stale: live is"},
		{"a proposal made tomorrow", func(w *town, _ SignedText) SignedText {
			return w.propose("three", map[string]string{"created": formatTime(w.now.Add(time.Hour))})
		}, "in the future"},
		{"a proposal that expired", func(w *town, _ SignedText) SignedText {
			return w.propose("three", map[string]string{"created": "2026-11-20T00:00:00Z", "expires": "2026-11-21T00:00:00Z"})
		}, "expired"},
		{"a proposal that lives too long", func(w *town, _ SignedText) SignedText {
			return w.propose("three", map[string]string{"expires": formatTime(w.now.Add(169 * time.Hour))})
		}, "the policy allows 168h"},
		{"a proposal that goes everywhere at once", func(w *town, _ SignedText) SignedText {
			return w.propose("three", map[string]string{"rollout": "shadow=30m,all=0s"})
		}, "2 stages, the policy wants 3"},
		{"a proposal that hurries", func(w *town, _ SignedText) SignedText {
			return w.propose("three", map[string]string{"rollout": "shadow=30m,ring1=1s,all=0s"})
		}, "the policy wants 10m"},
		{"a proposal whose rollout would outlive it", func(w *town, _ SignedText) SignedText {
			return w.propose("three", map[string]string{"rollout": "shadow=20h,ring1=5h,all=0s"})
		}, "would not be over"},
		{"a proposal whose rollout would outlive it, once it may begin", func(w *town, _ SignedText) SignedText {
			return w.propose("three", map[string]string{"not-before": formatTime(w.now.Add(23*time.Hour + 30*time.Minute))})
		}, "would not be over"},
		{"an approval of a proposal that did not come", func(w *town, _ SignedText) SignedText { return w.approve(w.propose("three", nil), "bob", nil) }, "is not known here, want it first"},
		{"an approval by the author", func(w *town, p SignedText) SignedText { return w.approve(p, "alice", nil) }, "alice is the author"},
		{"an approval by an operator", func(w *town, p SignedText) SignedText { return w.approve(p, "erin", nil) }, "erin does not hold the role approver"},
		{"an approval by somebody who only writes", func(w *town, p SignedText) SignedText { return w.approve(p, "finn", nil) }, "finn does not hold the role approver"},
		{"an approval with another bundle", func(w *town, p SignedText) SignedText {
			return w.approve(p, "bob", map[string]string{"bundle": bundle("three").Digest})
		}, "it says bundle"},
		{"an approval with another sequence", func(w *town, p SignedText) SignedText { return w.approve(p, "bob", map[string]string{"seq": "9"}) }, "it says seq 9"},
		{"an approval made before the proposal", func(w *town, p SignedText) SignedText {
			return w.approve(p, "bob", map[string]string{"time": "2026-11-22T01:00:00Z"})
		}, "before the proposal"},
		{"an approval made tomorrow", func(w *town, p SignedText) SignedText {
			return w.approve(p, "bob", map[string]string{"time": formatTime(w.now.Add(time.Hour))})
		}, "in the future"},
		{"an approval under another printed name", func(w *town, p SignedText) SignedText {
			return w.approve(p, "bob", map[string]string{"name": "Carol Example"})
		}, `want "Bob Example"`},
		{"an approval by an untouched token", func(w *town, p SignedText) SignedText {
			a := w.approve(p, "dave", nil)
			a.Signatures = [][]byte{w.craft("dave-untouched", "approval@evenkeel.v1", a.Text)}
			return a
		}, "signature does not hold"},
		{"a withdrawal by somebody else", func(w *town, p SignedText) SignedText { return w.about(Withdrawal, p, "bob") }, "the author is alice"},
		{"a rejection by an operator", func(w *town, p SignedText) SignedText {
			return w.approve(p, "erin", map[string]string{"decision": "reject"})
		}, "erin does not hold the role approver"},
		{"a rejection of what is live", func(w *town, _ SignedText) SignedText {
			return w.approve(w.first, "dave", map[string]string{"decision": "reject"})
		}, "sign a rollback or a stop"},
		{"a stop by somebody who only writes", func(w *town, _ SignedText) SignedText { return w.sign(Stop, "finn", map[string]string{"scope": "all"}) }, "finn does not hold the role operator or approver"},
		{"a stop in another environment", func(w *town, _ SignedText) SignedText {
			return w.sign(Stop, "erin", map[string]string{"scope": "all", "env": stageEnv})
		}, "stop is for " + stageEnv},
		{"a stop of two days ago", func(w *town, _ SignedText) SignedText {
			return w.sign(Stop, "erin", map[string]string{"scope": "all", "time": "2026-11-20T00:00:00Z"})
		}, "want within 24h"},
		{"a resume of no stop", func(w *town, _ SignedText) SignedText {
			return w.sign(Resume, "bob", map[string]string{"stop": TextDigest(nil)})
		}, "is not known here"},
		{"a review of another register", func(w *town, _ SignedText) SignedText {
			return w.sign(Review, "bob", map[string]string{"trust": TextDigest(nil)})
		}, "review names the register"},
		{"an archive by an operator", func(w *town, _ SignedText) SignedText {
			return w.sign(Archive, "erin", map[string]string{"checkpoint": TextDigest(nil), "first": "0", "last": "9"})
		}, "erin does not hold the role approver"},
		{"a break-glass of a change that is no standby", func(w *town, p SignedText) SignedText {
			return w.about(Breakglass, p, "bob", map[string]string{"life": "30m"})
		}, "is no standby that was approved"},
		{"a rollback of what is not live", func(w *town, p SignedText) SignedText { return w.about(Rollback, p, "bob") }, "did not make live what is live"},
		{"another first register", func(w *town, _ SignedText) SignedText {
			w.registers[0].ID = strings.Repeat("a", 32)
			return w.register(0)
		}, "version 1, want 2"},
		{"a register that one person signed", func(w *town, _ SignedText) SignedText {
			v := w.next()
			v.by = []string{"alice"}
			return w.register(1)
		}, "signed by 1 of its root people"},
		{"a register made tomorrow", func(w *town, _ SignedText) SignedText {
			w.next().Time = w.now.Add(time.Hour)
			return w.register(1)
		}, "in the future"},
		{"a register that leaves one out", func(w *town, _ SignedText) SignedText {
			w.next().Version++
			return w.register(1)
		}, "version 3, want 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTown(t)
			w.first = w.live("one")
			two := w.propose("two", nil)
			w.must(two)
			w.refused(tt.send(w, two), tt.want)
			w.replay()
		})
	}
}

func TestNothingIsTakenInBeforeTheRegister(t *testing.T) {
	w := bareTown(t)
	_, w.first = w.next(), w.register(1)
	w.registers = w.registers[:1]
	w.refused(w.propose("one", map[string]string{"trust": TextDigest(nil)}), "the people register names no such environment yet")
	w.refused(w.sign(Stop, "erin", map[string]string{"scope": "all", "trust": TextDigest(nil)}), "the people register names no such environment yet")
	w.refused(w.first, "want the trusted")
	if _, ok := w.l.Due(w.now); ok {
		t.Error("something is due in an empty town")
	}
	w.wantMay("one", false, "runs the bundle none")
	if w.l.Verdict("", w.now).Accepted {
		t.Error("an empty town accepts")
	}
}

func TestPapersTwiceAreKnown(t *testing.T) {
	w := newTown(t)
	p := w.propose("one", nil)
	standby := w.propose("standby", map[string]string{"kind": "standby"})
	stop := w.sign(Stop, "erin", map[string]string{"scope": "group/db"})
	w.must(p, w.approve(p, "bob", nil), standby, w.approve(standby, "bob", nil), w.approve(standby, "carol", nil), stop)
	w.steps()
	papers := []SignedText{w.register(0), p, w.approve(p, "carol", map[string]string{"time": "2026-11-22T06:00:00Z"}), standby, stop,
		w.sign(Resume, "bob", map[string]string{"stop": TextDigest(stop.Text)}), w.sign(Review, "carol", nil),
		w.sign(Archive, "bob", map[string]string{"checkpoint": TextDigest(nil), "first": "0", "last": "9"}),
		w.about(Breakglass, standby, "dave", map[string]string{"life": "10m"})}
	for _, x := range papers {
		if err := w.take(x); err != nil && !errors.Is(err, ErrKnown) {
			t.Fatal(err)
		}
	}
	n := len(w.log)
	for range 2 {
		for _, x := range papers {
			if err := w.take(x); !errors.Is(err, ErrKnown) {
				t.Errorf("Accept(%s) again = %v, want ErrKnown", x.Text, err)
			}
		}
		w.steps()
	}
	if grown := len(w.log) - n; grown > 3 {
		t.Errorf("the log grew by %d entries for papers that were known", grown)
	}
	w.replay()
}

// TestApprovalsArePeople has bob approve again, in other words and with his
// other key: it is refused, and counts once.
func TestApprovalsArePeople(t *testing.T) {
	w := newTown(t)
	p := w.propose("one", map[string]string{"contributors": "carol"})
	w.must(p, w.approve(p, "bob", nil))
	w.refused(w.approve(p, "bob", map[string]string{"meaning": "again"}), "bob has approved it already")
	again := w.approve(p, "bob", map[string]string{"meaning": "with the other key"})
	again.Signatures = [][]byte{w.craft("bob2", "approval@evenkeel.v1", again.Text)}
	w.refused(again, "bob has approved it already")
	w.refused(w.approve(p, "carol", nil), "carol wrote a part of the change")
	w.due(time.Hour)
	w.wantState(p, "proposed", "1 of 2 approvals")
	w.must(w.approve(p, "dave", nil))
	w.due(0, "shadow")
	w.refused(w.approve(p, "gina", nil), "gina is not in the register")
}

// TestBadSignatureFirst delivers a proposal with a signature that does not
// hold: refused, but it may come again with one that does, and only that is kept.
func TestBadSignatureFirst(t *testing.T) {
	w := newTown(t)
	p := w.propose("one", nil)
	bad := p
	bad.Signatures = [][]byte{w.craft("mallory", "proposal@evenkeel.v1", p.Text), []byte("rubbish")}
	w.refused(bad, "not among those")
	bad.Signatures = append(bad.Signatures, p.Signatures...)
	w.must(bad)
	q, err := w.l.Question(TextDigest(p.Text), w.now)
	if err != nil || len(q.Statements[0].Signatures) != 1 {
		t.Errorf("kept %d signatures (%v), want one", len(q.Statements[0].Signatures), err)
	}
}

// TestRefusalsCannotForgeTheLog refuses papers whose names and reasons hold what
// should not be in a line that people read.
func TestRefusalsCannotForgeTheLog(t *testing.T) {
	w := newTown(t)
	name := "a\u202etxt.\nx\x00\xff" + strings.Repeat("y", 1000)
	e := Refusal(SignedText{Name: name, Text: []byte{0xff, 0}}, "inbox", errors.New(strings.Repeat("line\n", 100)+"\u2028end"))
	if err := w.append(e); err != nil {
		t.Fatal(err)
	}
	text := string(w.log[len(w.log)-1].Bytes)
	for _, bad := range []string{"\u202e", "\u2028", `\n`, `\u0000`, "\xff"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in the log: %.300s", bad, text)
		}
	}
	if len(text) > 4000 {
		t.Errorf("a refusal of %d bytes", len(text))
	}
	v := w.l.Verdict(TextDigest(nil), w.now)
	if err := w.append(v.Entry("activate", none, 0)); err != nil {
		t.Fatal(err)
	}
}
