package actions

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

func TestEntriesAreCanonicalAndReadBack(t *testing.T) {
	t0 := time.Date(2026, 11, 22, 5, 51, 46, 120e6, time.UTC)
	in := Intent{Decision: "sha256:d", Env: "fra1", Expires: t0, Facts: []string{"sha256:f"}, Group: "web", Member: "m01",
		Params: map[string]string{"weight": "3"}, Reason: "black <hole> & \u2028 \"more\"", Rule: "r", Seen: Seen{Alarmed: 1, At: t0, Members: 10, Present: 10, Shift: "none"},
		Time: t0, V: 1, Verb: Weight, Version: "h1:x"}
	for _, body := range []any{
		&epochBody{7, []string{"api", "web"}},
		&intentBody{Act: in.ID(), Group: "web", Instance: "12@9", Intent: in, Member: "m01", Out: 1, PriorWeight: 100, Size: 10},
		&refusedBody{"a", "d", "web", limitCap, "m01", "r", t0, Drain, whyAct},
		&sentBody{"a", t0, 7, "gen", "web", "m01", 3, Restore, 0, whyUndo},
		&resultBody{"a", answerUnknown, "timeout", "web", "12@9", "m01"},
		&Outcome{Act: "a", Detail: "d", Group: "web", Limit: "l", Member: "m01", Result: Undone, Rule: "r", Time: t0, Verb: Drain},
	} {
		r, err := leaf(0, entryOf("guard", "a", body)) // refuses what is not canonical
		if err != nil {
			t.Errorf("%T: %v", body, err)
			continue
		}
		if !ours(r.Bytes) {
			t.Errorf("%T: not taken for one of the guard's: %s", body, r.Bytes)
		}
		s, err := audit.Decode(r.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(s)
		if err != nil || !reflect.DeepEqual(got, body) {
			t.Errorf("%T: read back %+v (%v), want %+v", body, got, err, body)
		}
	}
	other, err := leaf(0, audit.Entry{Type: "fact.accepted", Actor: "engine", Body: map[string]string{"type": "intent"}})
	if err != nil || ours(other.Bytes) {
		t.Errorf("an entry of another type is taken for the guard's: %v", err)
	}
}

func TestIntentID(t *testing.T) {
	t0 := time.Date(2026, 11, 22, 5, 51, 46, 120e6, time.UTC)
	in := Intent{Env: "fra1", Expires: t0, Group: "web", Member: "m01", Rule: "r", Time: t0, V: 1, Verb: Drain, Reason: "a<b"}
	const want = "sha256:"
	id := in.ID()
	if len(id) != len(want)+64 || !strings.HasPrefix(id, want) {
		t.Errorf("id: got %q", id)
	}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var again Intent
	if err := json.Unmarshal(b, &again); err != nil || again.ID() != id {
		t.Errorf("id after a round trip: got %s (%v), want %s", again.ID(), err, id)
	}
	again.Reason = "a<c"
	if again.ID() == id {
		t.Error("another reason, the same id")
	}
}

func TestRefusalOfGarbageIsRecorded(t *testing.T) {
	junk := strings.Repeat("\xff\x00\n\u2028\ufffd;drop ", 400)
	inWorld(t, 3, func(w *world) {
		for i, f := range []func(*Intent){
			func(in *Intent) { in.Reason = junk },
			func(in *Intent) { in.Rule = junk },
			func(in *Intent) { in.Member = junk },
			func(in *Intent) { in.Group = junk },
			func(in *Intent) { in.Verb = Verb(junk) },
			func(in *Intent) { in.Params = map[string]string{junk: junk} },
			func(in *Intent) { in.Facts = make([]string, 1e5) },
			func(in *Intent) { in.Rule = "" },
			func(in *Intent) { in.Time = time.Time{} },
		} {
			in := w.intent(Drain, "m01")
			f(&in)
			o, err := w.guard.Submit(w.Context(), in)
			if err != nil || o.Result != Refused {
				t.Errorf("garbage %d: got %+v, %v, want it refused", i, o, err)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"act":"a","answer":"applied","detail":"","group":"web","instance":"i","member":"m01"}`,
		`{"act":"a","group":"web","instance":"i","intent":{"verb":"drain","member":"m01","params":{"weight":"x"}},"member":"m01","out":1,"prior_weight":1,"size":2}`,
		`{"act":"a","deadline":"2026-11-22T05:51:46Z","epoch":1,"expect":"","group":"web","member":"m01","seq":1,"verb":"drain","weight":0,"why":"act"}`,
		`{"act":"a","group":"web","member":"m01","result":"done","rule":"r","time":"2026-11-22T05:51:46Z","verb":"drain"}`,
		`{"by":["ana"],"freeze":1,"reason":"r"}`,
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		// Whatever a log holds, folding it neither panics nor loses an open act's member.
		l := newLedger()
		at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
		for i, text := range []string{first, second, first} {
			for _, kind := range types {
				body, err := decode(audit.Stored{Type: kind, Body: json.RawMessage(text)})
				if err == nil {
					l.add(at.Add(time.Duration(i)*time.Second), body)
				}
			}
		}
		for id, a := range l.acts {
			if a.id != id || l.owner(a.intent.Member) == nil && a.verb.removes() {
				t.Errorf("act %q: %+v", id, a)
			}
		}
		_ = fmt.Sprint(l.open())
	})
}
