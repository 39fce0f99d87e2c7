package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// lift stands for an engine in which every rule is put aside that is lifted: it
// records what it is told.
func (o *office) lift(ctx context.Context, l engine.Lift) error {
	o.lifts = append(o.lifts, l)
	_, err := o.log.Append(ctx, audit.Entry{Type: "quarantine.lifted", Actor: "engine", Corr: l.Rule, Body: map[string]any{"by": l.By,
		"env": "fra1", "group": l.Group, "reason": l.Reason, "rule": l.Rule, "version": l.Version}})
	return err
}

// aside records that the engine put a rule aside, and returns the digest of the
// entry.
func (o *office) aside(t *testing.T, group, rule, version string) string {
	t.Helper()
	records, err := o.log.Append(t.Context(), audit.Entry{Type: "quarantine.begun", Actor: "engine", Corr: rule, Body: map[string]any{
		"decision": knowledge.TextDigest(nil), "env": "fra1", "group": group, "rule": rule, "version": version, "why": "it costs too much"}})
	if err != nil {
		t.Fatal(err)
	}
	return knowledge.TextDigest(records[0].Bytes)
}

// stop returns a stop that a person signed, and its digest.
func (o *office) stop(t *testing.T, person, scope string) (*parcel, string) {
	t.Helper()
	s := o.signed(t, person, knowledge.Stop, map[string]string{"trust": o.trust, "env": o.env, "scope": scope, "person": person,
		"why": "it drains too much", "time": stamp(o.clock), "nonce": randomID()})
	return &parcel{statements: []knowledge.SignedText{s}}, knowledge.TextDigest(s.Text)
}

// resume returns a person's resume of what has a digest.
func (o *office) resume(t *testing.T, person, digest string) *parcel {
	t.Helper()
	r, err := knowledge.ParseRegister(o.register.Text)
	if err != nil {
		t.Fatal(err)
	}
	who, _ := r.Person(person)
	return &parcel{statements: []knowledge.SignedText{o.signed(t, person, knowledge.Resume, map[string]string{"stop": digest, "trust": o.trust,
		"env": o.env, "person": person, "name": who.Name, "meaning": "the cause is gone " + randomID(), "time": stamp(o.clock)})}}
}

// held returns the scopes that the guard holds, with who stopped them.
func (o *office) held() string {
	var out []string
	for _, s := range o.guard.Stops() {
		out = append(out, string(s.Scope)+" by "+s.By)
	}
	return strings.Join(out, ", ")
}

func TestTwoSignedResumesLiftARule(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	p := o.live(t, "the first")
	version, err := knowledge.BundleDigest(p.bundle)
	if err != nil {
		t.Fatal(err)
	}
	digest := o.aside(t, "web-b", "slow_member", version)
	elsewhere := o.aside(t, "gone", "slow_member", version)
	for _, d := range []string{digest, elsewhere} {
		if r := o.take(t, o.resume(t, "ben", d)); r.Result != resultTaken {
			t.Fatalf("ben: %s", r.Why)
		}
	}
	if r := o.take(t, o.resume(t, "ben", digest)); r.Result != resultRefused || !strings.Contains(r.Why, "people are counted") {
		t.Errorf("ben again: %s %s", r.Result, r.Why)
	}
	if r := o.take(t, o.resume(t, "cleo", knowledge.TextDigest([]byte("another")))); r.Result != resultRefused || !strings.Contains(r.Why, "not known here") {
		t.Errorf("cleo about something else: %s %s", r.Result, r.Why)
	}
	o.reopen(t)
	o.pass(t, time.Second)
	if len(o.lifts) > 0 {
		t.Fatalf("lifts %+v by the word of one person", o.lifts)
	}
	o.take(t, o.resume(t, "cleo", elsewhere)) // of a group that is not here: nothing to do
	if r := o.take(t, o.resume(t, "cleo", digest)); r.Result != resultTaken {
		t.Fatalf("cleo: %s", r.Why)
	}
	o.pass(t, time.Second)
	o.reopen(t)
	o.pass(t, time.Second)
	if len(o.lifts) != 1 || o.lifts[0].Group != "web-b" || o.lifts[0].Rule != "slow_member" || o.lifts[0].Version != version ||
		!slices.Equal(o.lifts[0].By, []string{"ben", "cleo"}) || !strings.Contains(o.lifts[0].Reason, digest) {
		t.Errorf("lifts %+v, want one of web-b, by both", o.lifts)
	}
	if n := o.entries(t); n["quarantine.lifted"] != 1 || n["resume.signed"] != 4 {
		t.Errorf("entries %v", n)
	}
}

func TestGuardHoldsWhatPeopleStopped(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	group, digest := o.stop(t, "ana", "group/web-a")
	o.take(t, group)
	all, everything := o.stop(t, "ben", "all")
	o.take(t, all)
	if got := o.held(); got != "all by person:ben, group/web-a by person:ana" {
		t.Errorf("the guard holds %s", got)
	}
	if err := os.WriteFile(filepath.Join(o.dir, stopFile), []byte("by cleo: smoke\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.reopen(t)
	for _, person := range []string{"ana", "cleo"} {
		for _, d := range []string{digest, everything} {
			if r := o.take(t, o.resume(t, person, d)); r.Result != resultTaken {
				t.Fatalf("%s: %s", person, r.Why)
			}
		}
		if person == "ana" && o.held() != "all by person:ben, group/web-a by person:ana" {
			t.Errorf("after one of two the guard holds %s", o.held())
		}
	}
	if got := o.held(); got != "all by person:ben" || !strings.Contains(o.governor.waits(), "remove it first") {
		t.Errorf("with the file the guard holds %q, waiting for %q", got, o.governor.waits())
	}
	if err := os.Remove(filepath.Join(o.dir, stopFile)); err != nil {
		t.Fatal(err)
	}
	o.reopen(t)
	o.pass(t, time.Second)
	if got := o.held(); got != "" || o.governor.waits() != "" {
		t.Errorf("without the file the guard holds %q, waiting for %q", got, o.governor.waits())
	}
	o.pass(t, time.Second)
	if n := o.entries(t); n["stop"] != 2 || n["resume"] != 2 {
		t.Errorf("entries %v, want one turn of the switch for each", n)
	}
}

func TestStopByTheFileIsEndedBySignatures(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	if err := o.guard.Stop(t.Context(), "file", actions.Everything, "a drill"); err != nil {
		t.Fatal(err)
	}
	o.pass(t, 0)
	stops := o.governor.ledger.Stops()
	if len(stops) != 1 || stops[0].Signed {
		t.Fatalf("stops %+v, want the one by the switch", stops)
	}
	o.take(t, o.resume(t, "ben", stops[0].Digest))
	if err := o.guard.Stop(t.Context(), "file", actions.Everything, "another drill"); err != nil {
		t.Fatal(err)
	}
	o.clock = o.clock.Add(time.Second)
	o.take(t, o.resume(t, "cleo", stops[0].Digest))
	if got := o.held(); got != "all by file" {
		t.Errorf("the second stop stands, the guard holds %q", got)
	}
	stops = o.governor.ledger.Stops()
	if len(stops) != 1 || stops[0].Why != "another drill" {
		t.Fatalf("stops %+v, want the second", stops)
	}
	for _, person := range []string{"ana", "ben"} {
		o.take(t, o.resume(t, person, stops[0].Digest))
	}
	if got := o.held(); got != "" {
		t.Errorf("after both were resumed the guard holds %q", got)
	}
}
