package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
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

// office is an environment with three people and a governor on a real log, in
// which time passes when the test says so.
type office struct {
	dir      string // the data directory
	trust    string
	env      string // NAME/ID
	keys     string // directory of the people's keys
	register knowledge.SignedText
	clock    time.Time
	log      *audit.Log
	governor *governor
	turns    []string // what the groups were told, and why
	guard    *actions.Guard
	lifts    []engine.Lift
}

var officeGroups = []string{"web-a", "web-b", "web-c"}

func newOffice(t *testing.T) *office {
	t.Helper()
	return newOfficeAt(t, time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC))
}

func newOfficeAt(t *testing.T, clock time.Time) *office {
	t.Helper()
	o := &office{dir: t.TempDir(), clock: clock}
	registers := filepath.Join(t.TempDir(), "registers")
	init := initOptions{env: "fra1", demo: true}
	if err := init.init(io.Discard, registers, o.clock); err != nil {
		t.Fatal(err)
	}
	texts, err := readTexts(registers)
	if err != nil {
		t.Fatal(err)
	}
	o.register, o.trust, o.keys = texts[0], knowledge.TextDigest(texts[0].Text), filepath.Join(registers, "keys")
	r, err := knowledge.ParseRegister(texts[0].Text)
	if err != nil {
		t.Fatal(err)
	}
	o.env = r.Policies[0].Env
	o.open(t)
	return o
}

// open starts the governor on the log, as a process that starts does.
func (o *office) open(t *testing.T) {
	t.Helper()
	log, err := openAudit(o.dir, "fra1", func() time.Time { return o.clock })
	if err != nil {
		t.Fatal(err)
	}
	o.log = log
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	o.governor = &governor{log: log, store: store{o.dir}, now: func() time.Time { return o.clock },
		logger: slog.New(slog.DiscardHandler), groups: officeGroups, overseer: newOverseer(officeGroups), ledger: knowledge.NewLedger(o.trust, "fra1"),
		survey: func(p *knowledge.Pack) error {
			_, err := compilePack(p)
			return err
		}}
	o.governor.turn = func(_ context.Context, why string) { o.turns = append(o.turns, why) }
	o.guard, err = actions.NewGuard(t.Context(), actions.Config{Log: log, Env: "fra1", Now: o.governor.now, StopFile: filepath.Join(o.dir, stopFile)})
	if err != nil {
		t.Fatal(err)
	}
	o.governor.guard, o.governor.lift = o.guard, o.lift
	if err := o.governor.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.governor.seek(o.clock)
}

// reopen is a restart.
func (o *office) reopen(t *testing.T) {
	t.Helper()
	if err := o.log.Close(); err != nil {
		t.Fatal(err)
	}
	o.open(t)
}

// signed returns a statement signed by a person.
func (o *office) signed(t *testing.T, person string, kind knowledge.Kind, fields map[string]string) knowledge.SignedText {
	t.Helper()
	signed, err := signWith(filepath.Join(o.keys, person), person, kind, fields)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// pack writes a variant of the web pack with rings, and returns its files.
func (o *office) pack(t *testing.T, readme string) map[string][]byte {
	t.Helper()
	files, err := knowledge.ReadBundle(os.DirFS("../../testdata/packs/web"))
	if err != nil {
		t.Fatal(err)
	}
	files = maps.Clone(files)
	files["README.md"] = []byte(readme)
	files["pack.yaml"] = append(slices.Clone(files["pack.yaml"]), "\nrings:\n  ring1: [web-a]\n"...)
	return files
}

// proposal returns a parcel in which ana proposes a bundle in place of the live
// one, with changes of the fields.
func (o *office) proposal(t *testing.T, bundle map[string][]byte, change map[string]string) *parcel {
	t.Helper()
	digest, err := knowledge.BundleDigest(bundle)
	if err != nil {
		t.Fatal(err)
	}
	live := o.governor.ledger.Live()
	dossier := (&knowledge.Dossier{V: 1, Bundle: digest, Parent: live.Bundle}).Encode()
	_, trust := o.governor.ledger.Chain().Current()
	fields := map[string]string{"trust": trust, "env": o.env, "seq": "1", "parent": "none", "bundle": digest, "kind": "change",
		"author": "ana", "contributors": "-", "created": stamp(o.clock), "not-before": stamp(o.clock), "expires": stamp(o.clock.Add(time.Hour)),
		"rollout": "shadow=10s,ring1=10s,all=0s", "rollback-window": "72h", "evidence": knowledge.TextDigest(dossier),
		"ticket": "-", "why": "a better threshold", "nonce": randomID()}
	if live.Seq > 0 {
		fields["seq"], fields["parent"] = fmt.Sprint(live.Seq+1), live.Bundle
	}
	maps.Copy(fields, change)
	return &parcel{statements: []knowledge.SignedText{o.signed(t, "ana", knowledge.Proposal, fields)}, bundle: bundle, dossier: dossier}
}

// answer returns a person's approval or rejection of a proposal.
func (o *office) answer(t *testing.T, person, decision string, p *parcel) *parcel {
	t.Helper()
	s, err := knowledge.ParseStatement(p.statements[0].Text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := knowledge.ParseRegister(o.register.Text)
	if err != nil {
		t.Fatal(err)
	}
	who, _ := r.Person(person)
	fields := map[string]string{"proposal": knowledge.TextDigest(p.statements[0].Text), "person": person, "name": who.Name,
		"decision": decision, "meaning": "I have read it", "time": stamp(o.clock)}
	for _, f := range about {
		fields[f] = s.Field(f)
	}
	return &parcel{statements: []knowledge.SignedText{o.signed(t, person, knowledge.Approval, fields)}}
}

// limits returns the limits of a parcel's bundle, as the guard takes them.
func (o *office) limits(t *testing.T, p *parcel) actions.Limits {
	t.Helper()
	pack, err := knowledge.ParsePack(p.bundle)
	if err != nil {
		t.Fatal(err)
	}
	limits, err := packLimits(pack)
	if err != nil {
		t.Fatal(err)
	}
	return limits
}

// take has the governor take a parcel, and returns what became of its last paper.
func (o *office) take(t *testing.T, p *parcel) paperResult {
	t.Helper()
	results, err := o.governor.take(t.Context(), p, "test")
	if err != nil || len(results) == 0 {
		t.Fatalf("take = %v, %v", results, err)
	}
	return results[len(results)-1]
}

// pass lets time pass.
func (o *office) pass(t *testing.T, d time.Duration) {
	t.Helper()
	o.clock = o.clock.Add(d)
	if err := o.governor.tick(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// state returns the state of a change, with its stage if it is in a ring.
func (o *office) state(t *testing.T, p *parcel) string {
	t.Helper()
	c, err := o.governor.ledger.Change(knowledge.TextDigest(p.statements[0].Text), o.clock)
	if err != nil {
		t.Fatal(err)
	}
	if c.State == "ring" {
		return c.Stage
	}
	return c.State
}

// runs returns which groups run the bundle of a parcel.
func (o *office) runs(t *testing.T, p *parcel) string {
	t.Helper()
	digest, err := knowledge.BundleDigest(p.bundle)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, g := range officeGroups {
		if o.governor.ledger.Runs(g, o.governor.candidate) == digest {
			out = append(out, g)
		}
	}
	return strings.Join(out, " ")
}

// entries returns the types of the entries that the log holds.
func (o *office) entries(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	err := o.log.Scan(t.Context(), 0, -1, func(r audit.Record) error {
		e, err := audit.Decode(r.Bytes)
		out[e.Type]++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// live brings a bundle live: proposed, approved by both others, rolled out.
func (o *office) live(t *testing.T, readme string) *parcel {
	t.Helper()
	p := o.proposal(t, o.pack(t, readme), nil)
	for _, paper := range []*parcel{p, o.answer(t, "ben", "approve", p), o.answer(t, "cleo", "approve", p)} {
		if r := o.take(t, paper); r.Result != "taken" {
			t.Fatalf("%s: %s", r.Name, r.Why)
		}
	}
	o.pass(t, 10*time.Second)
	o.pass(t, 10*time.Second)
	if s := o.state(t, p); s != "live" {
		t.Fatalf("state %s, want live", s)
	}
	return p
}

func TestChangeGoesLiveInRings(t *testing.T) {
	o := newOffice(t)
	if r := o.take(t, &parcel{registers: []knowledge.SignedText{o.register}}); r.Result != "taken" {
		t.Fatalf("register: %s", r.Why)
	}
	p := o.proposal(t, o.pack(t, "the first"), nil)
	if r := o.take(t, p); r.Result != "taken" {
		t.Fatalf("proposal: %s", r.Why)
	}
	if r := o.take(t, p); r.Result != "known" {
		t.Errorf("the proposal again: %s %s, want known", r.Result, r.Why)
	}
	if r := o.take(t, o.answer(t, "ana", "approve", p)); r.Result != "refused" || !strings.Contains(r.Why, "author") {
		t.Errorf("the author approves: %s %s", r.Result, r.Why)
	}
	o.take(t, o.answer(t, "ben", "approve", p))
	if s := o.state(t, p); s != "proposed" || len(o.turns) > 0 {
		t.Fatalf("after one approval: %s, turns %v", s, o.turns)
	}
	o.take(t, o.answer(t, "cleo", "approve", p))
	for _, want := range []struct{ state, runs string }{{"shadow", ""}, {"ring1", "web-a"}, {"live", "web-a web-b web-c"}} {
		if s, runs := o.state(t, p), o.runs(t, p); s != want.state || runs != want.runs {
			t.Fatalf("state %s, running in %q, want %s in %q", s, runs, want.state, want.runs)
		}
		o.reopen(t)
		o.pass(t, 0)
		if s := o.state(t, p); s != want.state {
			t.Fatalf("state %s after a restart, want %s", s, want.state)
		}
		o.pass(t, 10*time.Second)
	}
	got := o.entries(t)
	for _, typ := range []string{"register.accepted", "change.proposed", "gate.verdict", "activation.shadow", "activation.ring", "activation.activated", "paper.refused"} {
		if got[typ] != 1 {
			t.Errorf("%d entries %s, want 1: %v", got[typ], typ, got)
		}
	}
}

func TestStageThatNobodyWatchedIsNotOver(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spend func(o *office) // fifteen minutes in which nobody watches
	}{
		{"the daemon was down", func(o *office) { o.clock = o.clock.Add(15 * time.Minute); o.reopen(t) }},
		{"the clock was set on", func(o *office) { o.clock = o.clock.Add(15 * time.Minute) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t)
			o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
			p := o.proposal(t, o.pack(t, "the first"), map[string]string{"rollout": "shadow=10s,ring1=10m,all=0s"})
			for _, paper := range []*parcel{p, o.answer(t, "ben", "approve", p), o.answer(t, "cleo", "approve", p)} {
				o.take(t, paper)
			}
			o.pass(t, 10*time.Second)
			tt.spend(o)
			for range 59 {
				o.pass(t, 10*time.Second)
				if s, runs := o.state(t, p), o.runs(t, p); s != "ring1" || runs != "web-a" {
					t.Fatalf("state %s in %q, want ring1 in web-a until it was watched for its ten minutes", s, runs)
				}
			}
			o.pass(t, 10*time.Second)
			o.pass(t, 10*time.Second)
			if s := o.state(t, p); s != "live" {
				t.Errorf("state %s, want live", s)
			}
		})
	}
}

func TestRejectionEndsARolloutAtOnce(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	first := o.live(t, "the first")
	p := o.proposal(t, o.pack(t, "the second"), nil)
	o.take(t, p)
	o.take(t, o.answer(t, "ben", "approve", p))
	o.take(t, o.answer(t, "cleo", "approve", p))
	o.pass(t, 10*time.Second)
	if s, runs := o.state(t, p), o.runs(t, p); s != "ring1" || runs != "web-a" {
		t.Fatalf("state %s in %q, want ring1 in web-a", s, runs)
	}
	if r := o.take(t, o.answer(t, "cleo", "reject", p)); r.Result != "taken" {
		t.Fatalf("rejection: %s", r.Why)
	}
	if s, runs := o.state(t, p), o.runs(t, first); s != "halted" && s != "rejected" || runs != "web-a web-b web-c" {
		t.Errorf("state %s, the first runs in %q, want it everywhere", s, runs)
	}
}

func TestProposalsWithoutWhatTheyAreAboutAreRefused(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	for _, tt := range []struct {
		name   string
		spoil  func(p *parcel)
		change map[string]string
		want   string
	}{
		{"no bundle", func(p *parcel) { p.bundle = nil }, nil, "neither with it nor here"},
		{"another bundle", func(p *parcel) { p.bundle = o.pack(t, "another") }, nil, "something else was sent"},
		{"no dossier", func(p *parcel) { p.dossier = nil }, map[string]string{"evidence": knowledge.TextDigest([]byte("elsewhere"))}, "dossier is neither"},
		{"another dossier", func(p *parcel) {
			d, err := knowledge.DecodeDossier(p.dossier)
			if err != nil {
				t.Fatal(err)
			}
			d.Hours = 1
			p.dossier = d.Encode()
		}, nil, "names the dossier"},
		{"no dossier but a file", func(p *parcel) { p.dossier = []byte("[]") }, nil, "knowledge: dossier"},
		{"a ring that the pack does not have", func(*parcel) {}, map[string]string{"rollout": "shadow=10s,ring9=10s,all=0s"}, "stage ring9"},
		{"a ring of a group that is not here", func(*parcel) {}, nil, "ring1: found group elsewhere, want one of web-a, web-b, web-c"},
		{"no signature", func(p *parcel) { p.statements[0].Signatures = nil }, nil, "no signature"},
		{"a rule that does not compile", func(*parcel) {}, nil, "E02"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := o.pack(t, tt.name)
			if strings.Contains(tt.name, "compile") {
				files["rules/slow_member.grl"] = []byte("rule slow_member \"x\" salience 1 {\n  when\n    F.Nothing > 1\n  then\n    Veto(\"drain\", \"x\");\n}\n")
			}
			if strings.Contains(tt.name, "a group that") {
				files["pack.yaml"] = bytes.Replace(files["pack.yaml"], []byte("[web-a]"), []byte("[web-a, elsewhere]"), 1)
			}
			p := o.proposal(t, files, tt.change)
			tt.spoil(p)
			if r := o.take(t, p); r.Result != "refused" || !strings.Contains(r.Why, tt.want) {
				t.Errorf("%s %q, want refused for %q", r.Result, r.Why, tt.want)
			}
		})
	}
	if got := o.entries(t); got["paper.refused"] != 9 || got["change.proposed"] != 0 {
		t.Errorf("entries %v, want 9 refusals and no proposal", got)
	}
}

func TestActuatorAsksForItself(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	first := o.live(t, "the first")
	a := newActuator(o.log, store{o.dir}, o.trust, "fra1", func() time.Time { return o.clock })
	digest, err := knowledge.BundleDigest(first.bundle)
	if err != nil {
		t.Fatal(err)
	}
	act := actions.Intent{Version: digest, Group: "web-b", Rule: "slow_member", Verb: actions.Drain}
	limits := o.limits(t, first)
	if err := a.verify(t.Context(), act, limits); err != nil {
		t.Errorf("by what is live: %v", err)
	}
	for _, version := range []string{digest, ""} {
		byHand := actions.Intent{Version: version, Group: "web-b", Rule: "operator:ana", Verb: actions.Drain}
		if err := a.verify(t.Context(), byHand, limits); err == nil || !strings.Contains(err.Error(), `"ana" asks for it by hand`) {
			t.Errorf("by a person, version %q: %v", version, err)
		}
	}
	p := o.proposal(t, o.pack(t, "the second"), nil)
	o.take(t, p)
	candidate, err := knowledge.BundleDigest(p.bundle)
	if err != nil {
		t.Fatal(err)
	}
	act.Version = candidate
	if err := a.verify(t.Context(), act, limits); err == nil || !strings.Contains(err.Error(), "runs the bundle") {
		t.Errorf("by what nobody approved: %v", err)
	}
	o.take(t, o.answer(t, "ben", "approve", p))
	o.take(t, o.answer(t, "cleo", "approve", p))
	o.pass(t, 10*time.Second)
	if err := a.verify(t.Context(), act, limits); err == nil {
		t.Error("by what has not come to the group: got no error")
	}
	act.Group = "web-a"
	if err := a.verify(t.Context(), act, limits); err != nil {
		t.Errorf("in the ring: %v", err)
	}
	stop := o.signed(t, "ben", knowledge.Stop, map[string]string{"trust": o.trust, "env": o.env, "scope": "group/web-a", "person": "ben",
		"why": "it drains too much", "time": stamp(o.clock), "nonce": randomID()})
	if r := o.take(t, &parcel{statements: []knowledge.SignedText{stop}}); r.Result != "taken" {
		t.Fatalf("stop: %s", r.Why)
	}
	if err := a.verify(t.Context(), act, limits); err == nil || !strings.Contains(err.Error(), "stopped by ben") {
		t.Errorf("where it is stopped: %v", err)
	}
}
