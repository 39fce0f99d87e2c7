package knowledge

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// TestAttacksByForgedEntries has somebody who can write the log, and sign as no person,
// add entries to it: bob alone has approved two, one is live.
func TestAttacksByForgedEntries(t *testing.T) {
	type edit = map[string]any
	paper := func(p SignedText, kind Kind, signatures ...string) edit {
		return edit{"digest": TextDigest(p.Text), "kind": string(kind), "signatures": append([]string{}, signatures...), "text": string(p.Text)}
	}
	for _, tt := range []struct {
		name  string
		entry func(w *town, two SignedText) audit.Entry
		want  string
	}{
		{"an approval without a signature", func(w *town, two SignedText) audit.Entry {
			a := w.approve(two, "carol", nil)
			return audit.Entry{Type: typeApproved, Actor: "person:carol", Corr: TextDigest(two.Text), Body: paper(a, Approval)}
		}, "no signature beside it"},
		{"an approval signed by the server", func(w *town, two SignedText) audit.Entry {
			a := w.approve(two, "carol", nil)
			return audit.Entry{Type: typeApproved, Actor: "person:carol", Corr: TextDigest(two.Text),
				Body: paper(a, Approval, string(w.craft("mallory", "approval@evenkeel.v1", a.Text)))}
		}, "signed by a key that is not among those"},
		{"bob's approval again, as carol's", func(w *town, two SignedText) audit.Entry {
			a := w.approve(two, "bob", map[string]string{"meaning": "again"})
			return audit.Entry{Type: typeApproved, Actor: "person:carol", Corr: TextDigest(two.Text), Body: paper(a, Approval, a.armour()...)}
		}, "bob has approved it already"},
		{"a text that is not the one of its digest", func(w *town, two SignedText) audit.Entry {
			a := w.approve(two, "carol", nil)
			body := paper(a, Approval, a.armour()...)
			body["digest"] = TextDigest(nil)
			return audit.Entry{Type: typeApproved, Actor: "person:carol", Corr: TextDigest(two.Text), Body: body}
		}, "the text has digest"},
		{"a rejection recorded as an approval", func(w *town, two SignedText) audit.Entry {
			a := w.approve(two, "carol", map[string]string{"decision": "reject"})
			return audit.Entry{Type: typeApproved, Actor: "person:carol", Corr: TextDigest(two.Text), Body: paper(a, Approval, a.armour()...)}
		}, "the text makes an entry change.rejected"},
		{"an approval in another's name", func(w *town, two SignedText) audit.Entry {
			a := w.approve(two, "carol", nil)
			return audit.Entry{Type: typeApproved, Actor: "person:dave", Corr: TextDigest(two.Text), Body: paper(a, Approval, a.armour()...)}
		}, "by person:carol"},
		{"an approval of another story", func(w *town, two SignedText) audit.Entry {
			a := w.approve(two, "carol", nil)
			return audit.Entry{Type: typeApproved, Actor: "person:carol", Corr: TextDigest(nil), Body: paper(a, Approval, a.armour()...)}
		}, "the text makes an entry"},
		{"an approval of another kind", func(w *town, two SignedText) audit.Entry {
			a := w.approve(two, "carol", nil)
			return audit.Entry{Type: typeApproved, Actor: "person:carol", Corr: TextDigest(two.Text), Body: paper(a, Proposal, a.armour()...)}
		}, "the text makes an entry"},
		{"a body with more in it", func(w *town, two SignedText) audit.Entry {
			a := w.approve(two, "carol", nil)
			body := paper(a, Approval, a.armour()...)
			body["accepted"] = true
			return audit.Entry{Type: typeApproved, Actor: "person:carol", Corr: TextDigest(two.Text), Body: body}
		}, "unknown field"},
		{"a body of another shape", func(*town, SignedText) audit.Entry {
			return audit.Entry{Type: typeApproved, Actor: "x", Body: edit{"text": 7}}
		}, "body"},
		{"a register that nobody signed", func(w *town, _ SignedText) audit.Entry {
			w.next()
			r := w.register(1)
			return audit.Entry{Type: typeRegister, Actor: "people", Corr: TextDigest(r.Text),
				Body: edit{"digest": TextDigest(r.Text), "signatures": []string{}, "text": string(r.Text), "version": 2}}
		}, "signed by 0 of its root people"},
		{"a resume that nobody signed", func(w *town, _ SignedText) audit.Entry {
			stop := w.sign(Stop, "erin", map[string]string{"scope": "all"})
			w.must(stop)
			r := w.sign(Resume, "bob", map[string]string{"stop": TextDigest(stop.Text)})
			return audit.Entry{Type: typeResume, Actor: "person:bob", Corr: TextDigest(r.Text), Body: paper(r, Resume)}
		}, "no signature beside it"},
		{"the rollout begins with one approval", func(w *town, two SignedText) audit.Entry {
			return l0step(w, typeShadow, two, "shadow").Entry(nil)
		}, "1 of 2 approvals"},
		{"the change is a standby", func(w *town, two SignedText) audit.Entry { return l0step(w, typeStandby, two, "").Entry(nil) }, "of another kind"},
		{"the rollout begins in its ring", func(w *town, two SignedText) audit.Entry { return l0step(w, typeRing, two, "ring1").Entry(nil) }, "does not follow"},
		{"the change is live at once", func(w *town, two SignedText) audit.Entry { return l0step(w, typeActivated, two, "all").Entry(nil) }, "does not follow"},
		{"the next ring comes too early", func(w *town, two SignedText) audit.Entry {
			w.must(w.approve(two, "carol", nil))
			w.due(0, "shadow")
			return l0step(w, typeRing, two, "ring1").Entry(nil)
		}, "it stays in stage shadow until"},
		{"a ring is left out", func(w *town, two SignedText) audit.Entry {
			w.must(w.approve(two, "carol", nil))
			w.due(0, "shadow")
			w.wait(time.Hour)
			return l0step(w, typeActivated, two, "all").Entry(nil)
		}, "does not follow"},
		{"the last stage is called a ring", func(w *town, two SignedText) audit.Entry {
			w.must(w.approve(two, "carol", nil))
			w.due(0, "shadow")
			w.due(30*time.Minute, "ring")
			w.wait(time.Hour)
			return l0step(w, typeRing, two, "all").Entry(nil)
		}, "does not follow"},
		{"a ring without a name of what has not begun", func(w *town, two SignedText) audit.Entry { return l0step(w, typeRing, two, "").Entry(nil) }, "does not follow"},
		{"a ring without a name of what is live", func(w *town, _ SignedText) audit.Entry { return l0step(w, typeRing, w.first, "").Entry(nil) }, "does not follow"},
		{"a rollout begins again", func(w *town, two SignedText) audit.Entry {
			w.must(w.approve(two, "carol", nil))
			w.due(0, "shadow")
			w.due(30*time.Minute, "ring")
			return l0step(w, typeShadow, two, "shadow").Entry(nil)
		}, "the change has begun"},
		{"a standby begins again, at another time", func(w *town, _ SignedText) audit.Entry {
			p := w.standby()
			w.wait(time.Hour)
			return l0step(w, typeStandby, p, "").Entry(nil)
		}, "the change has begun"},
		{"a rollback is carried out when its window has closed", func(w *town, _ SignedText) audit.Entry {
			w.wait(71 * time.Hour)
			back := w.about(Rollback, w.first, "dave", w.back("zero"))
			w.must(back)
			w.wait(2 * time.Hour)
			return audit.Entry{Type: typeRolledback, Actor: "rollout", Corr: "x", Body: stepBody{Groups: []string{}, Proposal: TextDigest(back.Text)}}
		}, "the rollback window ended"},
		{"a break-glass is opened when everything is stopped", func(w *town, _ SignedText) audit.Entry {
			p := w.standby()
			x := w.shatter(p, "dave", nil)
			w.must(x, w.sign(Stop, "erin", map[string]string{"scope": "all"}))
			return audit.Entry{Type: typeOpened, Actor: "rollout", Corr: "x", Body: stepBody{Groups: []string{}, Proposal: TextDigest(x.Text)}}
		}, "everything is stopped"},
		{"a rollback that nobody signed", func(w *town, two SignedText) audit.Entry { return l0step(w, typeRolledback, two, "all").Entry(nil) }, "no rollback or break-glass"},
		{"a break-glass that nobody signed", func(w *town, two SignedText) audit.Entry { return l0step(w, typeOpened, two, "").Entry(nil) }, "no rollback or break-glass"},
		{"the end of a break-glass that is not", func(w *town, two SignedText) audit.Entry { return l0step(w, typeClosed, two, "").Entry(nil) }, "no break-glass is open"},
		{"a rollback carried out as a break-glass", func(w *town, _ SignedText) audit.Entry {
			back := w.about(Rollback, w.first, "dave", w.back("zero"))
			w.must(back)
			return audit.Entry{Type: typeOpened, Actor: "rollout", Corr: "x", Body: stepBody{Groups: []string{}, Proposal: TextDigest(back.Text)}}
		}, "is a rollback"},
		{"a halt of what is live", func(w *town, _ SignedText) audit.Entry { return l0step(w, typeHalted, w.first, "all").Entry(nil) }, "not being rolled out"},
		{"what is live is stale", func(w *town, _ SignedText) audit.Entry { return l0step(w, typeStale, w.first, "").Entry(nil) }, "the change has begun"},
		{"a step of no change", func(w *town, _ SignedText) audit.Entry {
			return audit.Entry{Type: typeHalted, Actor: "rollout", Body: stepBody{Groups: []string{}, Proposal: TextDigest(nil)}}
		}, "no change under way"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTown(t)
			w.live("zero")
			w.first = w.live("one")
			two := w.propose("two", nil)
			w.must(two, w.approve(two, "bob", nil))
			e := tt.entry(w, two)
			before := w.shape()
			if err := w.append(e); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Apply = %v, want %q", err, tt.want)
			}
			if after := w.shape(); !reflect.DeepEqual(before, after) {
				t.Errorf("a forged entry changed the ledger:\n%+v, was\n%+v", after, before)
			}
			w.replay()
		})
	}
}

func TestEntriesOfElsewhere(t *testing.T) {
	w := newTown(t)
	p := w.propose("one", nil)
	e, err := w.l.Accept(p, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.l.Apply(record(t, e, "stage", 1, w.now)); err == nil || !strings.Contains(err.Error(), "of the environment stage") {
		t.Errorf("Apply of an entry of another environment = %v", err)
	}
	if err := w.l.Apply(record(t, e, townName, 1, w.now)); err == nil || !strings.Contains(err.Error(), "was applied before") {
		t.Errorf("Apply of a number that was = %v", err)
	}
	if err := w.l.Apply(audit.Record{Seq: 2, Bytes: []byte(`{"x":1,"type":"change.proposed"}`)}); !isDecode(err) {
		t.Errorf("Apply of garbage = %v", err)
	}
	if err := w.l.Apply(record(t, audit.Entry{Type: "decision", Actor: "engine", Body: map[string]any{}}, "stage", 3, w.now)); err != nil {
		t.Errorf("Apply of what is none of its business = %v", err)
	}
	if err := w.l.Apply(record(t, e, townName, 4, w.now)); err != nil {
		t.Errorf("Apply = %v", err)
	}
	if got := entryType([]byte(`{"actor":"a","body":{"x":",\"type\":\"stop\""},"corr":"","env":"e","seq":1,"time":"t","type":"decision","v":1}`)); got != "decision" {
		t.Errorf("entryType = %s", got)
	}
}

func isDecode(err error) bool {
	return err != nil && !errors.Is(err, ErrKnown) && strings.Contains(err.Error(), "malformed entry")
}

// FuzzLedgerApply gives a ledger entries that nobody signed: nothing ever runs.
func FuzzLedgerApply(f *testing.F) {
	w := newTown(f)
	w.live("zero")
	one := w.live("one")
	w.must(w.propose("two", nil), w.about(Rollback, one, "dave", w.back("zero")), w.sign(Stop, "erin", map[string]string{"scope": "rule/drain"}))
	for _, r := range w.log {
		f.Add(r.Bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := NewLedger(TextDigest([]byte("nobody's register")), townName)
		if e, err := audit.Decode(b); err == nil {
			_ = l.Apply(audit.Record{Seq: e.Seq, Time: e.Time, Bytes: b})
		}
		_ = l.Apply(audit.Record{Seq: 1 << 60, Time: w.now, Bytes: b})
		if s, ok := l.Due(w.now); ok || l.Live().Bundle != none || l.Env() != "" {
			t.Errorf("after %q due is %+v, live %+v", b, s, l.Live())
		}
	})
}

// FuzzLedgerAccept gives the ledger of a town papers with signatures of others:
// nothing begins.
func FuzzLedgerAccept(f *testing.F) {
	w := newTown(f)
	p := w.propose("one", nil)
	w.must(p, w.approve(p, "bob", nil))
	a := w.approve(p, "carol", nil)
	f.Add(a.Text, w.craft("mallory", "approval@evenkeel.v1", a.Text))
	f.Add(p.Text, p.Signatures[0])
	f.Add(w.register(0).Text, w.register(0).Signatures[0])
	f.Fuzz(func(t *testing.T, text, signature []byte) {
		e, err := w.l.Accept(SignedText{Name: string(text[:min(len(text), 20)]), Text: text, Signatures: [][]byte{signature}}, w.now)
		if err == nil && (e.Type == typeApproved || e.Type == typeProposed) {
			t.Errorf("took %s", text)
		}
		if err != nil {
			record(t, Refusal(SignedText{Name: string(signature), Text: text}, "inbox", err), townName, 0, w.now)
		}
	})
}
