package knowledge

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// A town is a site with an environment that runs: a log, the ledger that folds
// it, and a clock. Every entry goes through the log's own form.
type town struct {
	*site
	l    *Ledger
	made []audit.Entry // what was to be recorded
	log  []audit.Record
	now  time.Time
	said int // drafts so far, for what must differ

	first SignedText // what a test put live
}

const townName = "prod-eu1"

func newTown(t testing.TB) *town {
	w := bareTown(t)
	w.must(w.register(0))
	return w
}

// bareTown is a town whose log is empty.
func bareTown(t testing.TB) *town {
	w := &town{site: newSite(t), now: mustTime("2026-11-22T06:00:00Z")}
	w.l = NewLedger(TextDigest(w.registers[0].Render()), townName)
	return w
}

// register signs a version of the register, which names the one before it.
func (w *town) register(i int) SignedText {
	v := w.registers[i]
	if v.Previous == "" {
		v.Previous = TextDigest(w.registers[i-1].Render())
	}
	text := v.Render()
	t := SignedText{Name: "register.txt", Text: text}
	for _, name := range v.by {
		t.Signatures = append(t.Signatures, w.craft(name, registerNamespace, text))
	}
	return t
}

// bundle returns a pack of the name with two rings.
func bundle(name string) *Pack {
	sum := sha256.Sum256([]byte(name))
	return &Pack{Name: name, Digest: "h1:" + base64.StdEncoding.EncodeToString(sum[:]),
		Rings: []Ring{{"ring1", []string{"web"}}, {"ring2", []string{"db"}}}}
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

func stamped(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// append records an entry as the log would, and applies it.
func (w *town) append(e audit.Entry) error {
	at := w.now
	if at.Before(w.l.clock) {
		at = w.l.clock // the log's times never go back
	}
	r := record(w.t, e, townName, int64(len(w.log)), at)
	w.made, w.log = append(w.made, e), append(w.log, r)
	return w.l.Apply(r)
}

// record returns an entry in its stored form.
func record(t testing.TB, e audit.Entry, env string, seq int64, at time.Time) audit.Record {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	stored := struct {
		Actor string `json:"actor"`
		Body  any    `json:"body"`
		Corr  string `json:"corr"`
		Env   string `json:"env"`
		Seq   int64  `json:"seq"`
		Time  string `json:"time"`
		Type  string `json:"type"`
		V     int    `json:"v"`
	}{e.Actor, e.Body, e.Corr, env, seq, stamped(at), e.Type, 1}
	if err := enc.Encode(stored); err != nil {
		t.Fatal(err)
	}
	r := audit.Record{Seq: seq, Time: at.Truncate(time.Millisecond), Bytes: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
	if _, err := audit.Decode(r.Bytes); err != nil {
		t.Fatalf("the log would not store the entry %s: %v", r.Bytes, err)
	}
	return r
}

// take delivers a paper: it is judged, recorded and applied.
func (w *town) take(p SignedText) error {
	e, err := w.l.Accept(p, w.now)
	if err != nil {
		if !errors.Is(err, ErrKnown) {
			w.must(nilError(w.append(Refusal(p, "inbox", err))))
		}
		return err
	}
	if err := w.append(e); err != nil {
		w.t.Errorf("Accept took %s, Apply = %v", p.Text, err)
	}
	return nil
}

func nilError(err error) SignedText {
	if err != nil {
		panic(err)
	}
	return SignedText{}
}

// must delivers papers that have to be taken in. Those without a text are none.
func (w *town) must(papers ...SignedText) {
	w.t.Helper()
	for _, p := range papers {
		if len(p.Text) == 0 {
			continue
		}
		if err := w.take(p); err != nil {
			w.t.Fatalf("Accept(%s) = %v", p.Text, err)
		}
	}
}

// refused delivers a paper that must be refused, leave the ledger as it was and
// leave its trace in the log.
func (w *town) refused(p SignedText, want string) {
	w.t.Helper()
	before, n := w.shape(), len(w.log)
	err := w.take(p)
	if err == nil || !strings.Contains(err.Error(), want) {
		w.t.Errorf("Accept(%s)\n= %v, want it refused with %q", p.Text, err, want)
		return
	}
	if after := w.shape(); !reflect.DeepEqual(before, after) {
		w.t.Errorf("a refused paper changed the ledger: %+v, was %+v", after, before)
	}
	if errors.Is(err, ErrKnown) {
		return
	}
	if len(w.log) != n+1 || !bytes.Contains(w.log[n].Bytes, []byte(`"type":"paper.refused"`)) {
		w.t.Error("a refused attempt is not in the log")
	}
}

// shape is all that can be seen of a ledger, but for its clock.
func (w *town) shape() map[string]any { return shapeOf(w.l, w.now) }

func shapeOf(l *Ledger, now time.Time) map[string]any {
	current, digest := l.Chain().Current()
	glass, open := l.Breakglass(now)
	s := map[string]any{"env": l.Env(), "live": l.Live(), "changes": l.Changes(now), "stops": l.Stops(), "asides": l.Quarantines(), "register": digest,
		"version": current != nil && current.Version > 0, "orders": len(l.orders), "thefts": len(l.thefts), "reviews": maps.Clone(l.reviews),
		"glass": glass, "open": open, "archive": slices.Clone(l.archive)}
	for _, group := range []string{"web", "db", "other"} {
		for _, p := range []string{"one", "two", "three", "standby"} {
			s["runs "+group+p] = l.Runs(group, bundle(p))
			s["may "+group+p] = l.Authorise(bundle(p), group, "drain", now)
		}
	}
	return s
}

// sign makes a paper of the kind from fields; those left out fit what is live.
func (w *town) sign(kind Kind, by string, fields map[string]string) SignedText {
	w.said++
	live := w.l.Live()
	_, trust := w.l.Chain().Current()
	env := w.l.Env()
	if env == "" {
		env = prodEnv
	}
	nonce := sha256.Sum256([]byte(strconv.Itoa(w.said)))
	context := map[string]string{"trust": trust, "env": env, "seq": strconv.FormatUint(live.Seq+1, 10), "parent": live.Bundle,
		"person": by, "name": person(by).Name, "time": formatTime(w.now), "why": "there is a reason", "meaning": "I have read it",
		"nonce": hex.EncodeToString(nonce[:16])}
	return w.signDraft(&draft{file: string(kind) + ".txt", kind: kind, fields: fields, by: []string{by}}, context)
}

// propose returns alice's proposal to have the bundle go live.
func (w *town) propose(name string, fields map[string]string) SignedText {
	f := map[string]string{"bundle": bundle(name).Digest, "kind": "change", "author": "alice", "contributors": "-", "created": formatTime(w.now),
		"not-before": formatTime(w.now), "expires": formatTime(w.now.Add(24 * time.Hour)), "rollout": "shadow=30m,ring1=30m,all=0s",
		"rollback-window": "72h", "evidence": TextDigest([]byte("dossier")), "ticket": "CHG-1"}
	maps.Copy(f, fields)
	by := f["author"]
	return w.sign(Proposal, by, f)
}

// approve returns somebody's approval of a proposal.
func (w *town) approve(proposal SignedText, by string, fields map[string]string) SignedText {
	return w.about(Approval, proposal, by, map[string]string{"decision": "approve"}, fields)
}

// about returns a statement that repeats a proposal's five lines.
func (w *town) about(kind Kind, proposal SignedText, by string, fields ...map[string]string) SignedText {
	s, err := ParseStatement(proposal.Text)
	if err != nil {
		w.t.Fatal(err)
	}
	f := map[string]string{"proposal": TextDigest(proposal.Text)}
	for _, a := range about {
		f[a.name] = s.Field(a.name)
	}
	for _, more := range fields {
		maps.Copy(f, more)
	}
	return w.sign(kind, by, f)
}

// steps records all that is due, and returns the types of the entries.
func (w *town) steps() []string {
	w.t.Helper()
	var out []string
	for s, ok := w.l.Due(w.now); ok; s, ok = w.l.Due(w.now) {
		out = append(out, strings.TrimPrefix(s.Type, "activation."))
		if err := w.append(s.Entry(nil)); err != nil {
			w.t.Fatalf("Due = %+v, Apply = %v", s, err)
		}
		if len(out) > 100 {
			w.t.Fatalf("Due goes on for ever: %v", out[90:])
		}
	}
	return out
}

func (w *town) wait(d time.Duration) *town { w.now = w.now.Add(d); return w }

// due lets time pass and wants exactly these steps.
func (w *town) due(d time.Duration, want ...string) {
	w.t.Helper()
	if got := w.wait(d).steps(); !slices.Equal(got, want) {
		w.t.Errorf("steps after %v = %v, want %v", d, got, want)
	}
}

// begin brings a bundle into shadow, by the yes of bob and carol if nobody is named.
func (w *town) begin(name string, fields map[string]string, yes ...string) SignedText {
	w.t.Helper()
	if yes == nil {
		yes = []string{"bob", "carol"}
	}
	p := w.propose(name, fields)
	w.must(p)
	for _, who := range yes {
		w.must(w.approve(p, who, nil))
	}
	w.due(0, "shadow")
	return p
}

// live brings a bundle all the way.
func (w *town) live(name string) SignedText {
	w.t.Helper()
	p := w.begin(name, nil)
	w.due(30*time.Minute, "ring")
	w.due(30*time.Minute, "activated")
	return p
}

// state returns the state of a change and why.
func (w *town) state(p SignedText) Change {
	w.t.Helper()
	c, err := w.l.Change(TextDigest(p.Text), w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// wantState wants a change to be in a state, for a reason if there is one.
func (w *town) wantState(p SignedText, state, why string) {
	w.t.Helper()
	if c := w.state(p); c.State != state || !strings.Contains(strings.Join(c.Reasons, "\n"), why) {
		w.t.Errorf("change is %s (%q), want %s (%q)", c.State, c.Reasons, state, why)
	}
}

// wantRuns wants the groups web, db and other to run these bundles.
func (w *town) wantRuns(candidate string, want ...string) {
	w.t.Helper()
	for i, group := range []string{"web", "db", "other"} {
		digest := none
		if want[i] != none {
			digest = bundle(want[i]).Digest
		}
		if got := w.l.Runs(group, bundle(candidate)); got != digest {
			w.t.Errorf("group %s runs %s, want %s", group, got, want[i])
		}
	}
}

// may asks for an act in the group web by a bundle's rule drain.
func (w *town) may(name string) Verdict { return w.l.Authorise(bundle(name), "web", "drain", w.now) }

func (w *town) wantMay(name string, want bool, why string) {
	w.t.Helper()
	if v := w.may(name); v.Accepted != want || !strings.Contains(strings.Join(v.Reasons, "\n"), why) {
		w.t.Errorf("Authorise(%s) = %+v, want %v (%q)", name, v, want, why)
	}
}

// replay folds the log anew, as after a restart, and wants the same ledger.
func (w *town) replay() {
	w.t.Helper()
	again := NewLedger(w.l.trust, townName)
	for _, r := range w.log {
		_ = again.Apply(r) // what was no good then is no good now
	}
	if got, want := shapeOf(again, w.now), w.shape(); !reflect.DeepEqual(got, want) {
		for k := range want {
			if !reflect.DeepEqual(got[k], want[k]) {
				w.t.Errorf("after a restart %s = %+v, was %+v", k, got[k], want[k])
			}
		}
	}
}
