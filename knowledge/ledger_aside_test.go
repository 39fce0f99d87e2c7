package knowledge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// faulty has the engine record that a rule was put aside, and returns the digest
// of the entry.
func (w *town) faulty(group, rule, version string) string {
	w.t.Helper()
	err := w.append(audit.Entry{Type: typeBegun, Actor: "engine", Corr: rule, Body: map[string]string{"decision": TextDigest(nil), "env": townName,
		"group": group, "rule": rule, "version": version, "why": "drain is proposed\nby a fact about no member"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return TextDigest(w.log[len(w.log)-1].Bytes)
}

// lifted has the engine record that a rule is evaluated again.
func (w *town) lifted(group, rule, version string, by ...string) error {
	return w.append(audit.Entry{Type: typeLifted, Actor: "engine", Corr: rule, Body: map[string]any{"by": by, "env": townName, "group": group,
		"reason": "resumed", "rule": rule, "version": version}})
}

func (w *town) resume(digest, by string, fields ...map[string]string) SignedText {
	f := map[string]string{"stop": digest}
	for _, more := range fields {
		for k, v := range more {
			f[k] = v
		}
	}
	return w.sign(Resume, by, f)
}

func TestTwoPeopleLiftAQuarantine(t *testing.T) {
	w := newTown(t)
	w.live("one")
	one := bundle("one").Digest
	digest := w.faulty("web", "drain", one)
	other := w.faulty("db", "drain", one)
	w.wantMay("one", true, "") // what else the bundle holds goes on
	if err := w.lifted("web", "drain", one, "bob", "carol"); err == nil || !strings.Contains(err.Error(), "2 people more") {
		t.Errorf("a lift that nobody asked for: Apply = %v", err)
	}
	w.must(w.resume(digest, "bob"))
	w.refused(w.resume(digest, "bob", map[string]string{"meaning": "with my other key"}), "people are counted, not statements")
	want := Quarantine{digest, "web", "drain", one, "drain is proposedU+000Aby a fact about no member", w.now, []string{"bob"}, 1}
	if got := w.l.Quarantines(); len(got) != 2 || !slices.Equal(got[0].Resumed, want.Resumed) || got[0].Missing != 1 ||
		got[0].Digest != digest || got[0].Rule != want.Rule || got[0].Why != want.Why || got[1].Digest != other || got[1].Missing != 2 {
		t.Errorf("Quarantines = %+v, want the first as %+v", got, want)
	}
	w.replay()
	if err := w.lifted("web", "drain", one, "bob", "carol"); err == nil || !strings.Contains(err.Error(), "1 people more") {
		t.Errorf("a lift that one person asked for: Apply = %v", err)
	}
	w.must(w.resume(digest, "carol"))
	w.refused(w.resume(digest, "dave"), "has ended")
	w.replay()
	if got := w.l.Quarantines()[0]; got.Missing != 0 || !slices.Equal(got.Resumed, []string{"bob", "carol"}) {
		t.Errorf("after two resumes %+v, want it to be lifted", got)
	}
	for _, wrong := range [][3]string{{"web", "veto", one}, {"cache", "drain", one}, {"web", "drain", bundle("two").Digest}} {
		if err := w.lifted(wrong[0], wrong[1], wrong[2], "bob", "carol"); err == nil || !strings.Contains(err.Error(), "is not put aside in") {
			t.Errorf("a lift of %q: Apply = %v", wrong, err)
		}
	}
	if err := w.lifted("web", "drain", one, "bob", "carol"); err != nil {
		t.Error(err)
	}
	again := w.faulty("web", "drain", one) // it fails again: it takes two people again
	w.refused(w.resume(digest, "dave"), "is not known here")
	if got := w.l.Quarantines(); len(got) != 2 || got[1].Digest != again || got[1].Missing != 2 {
		t.Errorf("after it failed again %+v", got)
	}
	w.replay()
}

func TestResumesOfAQuarantineThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		send func(w *town, digest string) SignedText
		want string
	}{
		{"of another entry", func(w *town, _ string) SignedText { return w.resume(TextDigest([]byte("another")), "bob") }, "is not known here"},
		{"of a version that does not run any more", func(w *town, digest string) SignedText { w.live("two"); return w.resume(digest, "bob") }, "does not run any more"},
		{"by an operator", func(w *town, digest string) SignedText { return w.resume(digest, "erin") }, "erin does not hold the role approver"},
		{"in another environment", func(w *town, digest string) SignedText {
			return w.resume(digest, "bob", map[string]string{"env": stageEnv})
		}, "want " + prodEnv},
		{"signed before it began", func(w *town, digest string) SignedText {
			return w.resume(digest, "bob", map[string]string{"time": formatTime(w.now.Add(-time.Hour))})
		}, "before the stop"},
		{"without a signature", func(w *town, digest string) SignedText { p := w.resume(digest, "bob"); p.Signatures = nil; return p }, "no signature"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTown(t)
			w.live("one")
			digest := w.faulty("web", "drain", bundle("one").Digest)
			w.refused(tt.send(w, digest), tt.want)
			for _, q := range w.l.Quarantines() {
				if q.Missing != 2 {
					t.Errorf("%d people are missing, want 2", q.Missing)
				}
			}
		})
	}
}

// TestQuarantinesAreBounded keeps those of versions that may run.
func TestQuarantinesAreBounded(t *testing.T) {
	w := newTown(t)
	w.live("one")
	keep := w.faulty("web", "kept", bundle("one").Digest)
	for i := range maxAside + 5 {
		w.faulty("web", "rule_"+itoa(uint64(i)), bundle("three").Digest)
	}
	if got := w.l.Quarantines(); len(w.l.asides) != maxAside || len(got) != 1 || got[0].Digest != keep {
		t.Errorf("%d are kept, of which %+v may run", len(w.l.asides), got)
	}
}

// TestWhoEndedAStop tells the guard by whose word its stop ends.
func TestWhoEndedAStop(t *testing.T) {
	w := newTown(t)
	wantEnded := func(want bool, by ...string) {
		t.Helper()
		people, at, ok := w.l.Ended("group/db")
		if ok != want || !slices.Equal(people, by) || ok && !at.Equal(w.now) {
			t.Errorf("Ended = %v, %v, %v, want %v, %v", people, at, ok, want, by)
		}
	}
	wantEnded(false)
	for range 2 {
		stop := w.sign(Stop, "erin", map[string]string{"scope": "group/db"})
		w.must(stop)
		if s := w.l.Stops(); len(s) != 1 || !s[0].Signed {
			t.Errorf("Stops = %+v, want one that is signed", s)
		}
		wantEnded(false)
		w.must(w.resume(TextDigest(stop.Text), "carol"), w.resume(TextDigest(stop.Text), "bob"))
		wantEnded(true, "bob", "carol")
		w.replay()
		w.wait(time.Minute)
	}
	w.must(w.sign(Stop, "erin", map[string]string{"scope": "all"}))
	w.wait(-time.Minute)
	wantEnded(true, "bob", "carol") // it is of another scope
}

// TestAnUnsignedResumeEndsWhatIsOlderThanTheRegister folds a log from before
// there was anybody who could sign.
func TestAnUnsignedResumeEndsWhatIsOlderThanTheRegister(t *testing.T) {
	w := bareTown(t)
	turn := func(typ string) {
		t.Helper()
		if err := w.append(audit.Entry{Type: typ, Actor: "file", Body: map[string]any{"by": []string{"ana", "ben"}, "freeze": 0, "reason": "drill", "scope": "all"}}); err != nil {
			t.Fatal(err)
		}
	}
	turn(typeSwitch)
	turn(typeSwitchOff)
	if s := w.l.Stops(); len(s) != 0 {
		t.Errorf("before there is a register Stops = %+v, want none", s)
	}
	w.must(w.register(0))
	turn(typeSwitch)
	turn(typeSwitchOff)
	if s := w.l.Stops(); len(s) != 1 || s[0].Signed {
		t.Errorf("with a register Stops = %+v, want the one that nobody signed", s)
	}
	w.replay()
}
