package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/knowledge"
)

// The scripted red team: somebody who is root where the daemon runs, and so has
// the console, the broker, the store of bundles, the log with its signing key and
// every other key of a machine. The one thing that is missing is a second
// person's key: ben has been tricked into one approval of what would do harm.
//
// What it tries is in the tables of TestAttacks…, here and in package knowledge,
// where the gate and the ledger are attacked. This counts what did not work:
//
//	go test ./knowledge ./cmd/evenkeel -run Attacks -v | grep -c '^    --- PASS'
//
// By channel the tables are: papers handed in (TestAttacksByPapers and …OnTheInbox;
// in package knowledge …OnCounting, …OnTheChange, …OnSignatures, …OnTrust), the log
// (TestAttacksOnTheLog, …OnStops; …ByForgedEntries), the files (TestAttacksOnTheStore),
// and the actuator (TestAttacksByAnEngine).
//
// What no check on this machine can tell is an older copy of everything put in
// the place of the data directory: see TestAttacksThatOnlyAWitnessSees.
type redTeam struct {
	*office
	first    *parcel           // what people approved, and is live
	evil     *parcel           // what ben alone has approved
	yes      *parcel           // ben's
	stranger string            // directory of the keys of people that nobody enrolled here
	kept     map[string][]byte // files of the log, for later
}

func newRedTeam(t *testing.T) *redTeam {
	t.Helper()
	other := newOffice(t)
	x := &redTeam{office: newOffice(t), stranger: other.keys}
	x.take(t, &parcel{registers: []knowledge.SignedText{x.register}})
	x.first = x.live(t, "the first")
	x.evil = x.proposal(t, x.pack(t, "the evil"), nil)
	x.yes = x.answer(t, "ben", "approve", x.evil)
	for _, p := range []*parcel{x.evil, x.yes} {
		if r := x.take(t, p); r.Result != resultTaken {
			t.Fatal(r.Why)
		}
	}
	return x
}

// digestOf returns the digest of a parcel's bundle.
func digestOf(t *testing.T, p *parcel) string {
	t.Helper()
	digest, err := knowledge.BundleDigest(p.bundle)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// change returns the digest of a parcel's proposal.
func changeOf(p *parcel) string { return knowledge.TextDigest(p.statements[0].Text) }

// write has the team write entries into the log, with the log's own key, while
// the daemon is down.
func (x *redTeam) write(t *testing.T, env string, at time.Time, entries ...audit.Entry) {
	t.Helper()
	if err := x.log.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(x.dir, audit.Options{Origin: "evenkeel/fra1/audit", Env: env, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = log.Append(t.Context(), entries...)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	x.open(t)
}

// step returns the entry by which the rollout of a parcel's change would go on.
func (x *redTeam) step(t *testing.T, typ, stage string, p *parcel) audit.Entry {
	t.Helper()
	return knowledge.Step{Type: typ, Proposal: changeOf(p), Bundle: digestOf(t, p), Parent: digestOf(t, x.first), Seq: 2, Stage: stage,
		Why: "dwelt long enough"}.Entry(officeGroups)
}

// paperEntry returns the entry by which a paper would have been taken in.
func paperEntry(typ, actor, corr string, kind knowledge.Kind, p knowledge.SignedText) audit.Entry {
	signatures := []string{}
	for _, s := range p.Signatures {
		signatures = append(signatures, string(s))
	}
	return audit.Entry{Type: typ, Actor: actor, Corr: corr, Body: map[string]any{"digest": knowledge.TextDigest(p.Text), "kind": string(kind),
		"signatures": signatures, "text": string(p.Text)}}
}

// save keeps the files of the data directory, and load puts them back in place
// of what is there.
func (x *redTeam) save(t *testing.T) {
	t.Helper()
	x.kept = map[string][]byte{}
	files, err := filepath.Glob(filepath.Join(x.dir, "audit*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if x.kept[f], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
}

func (x *redTeam) load(t *testing.T) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(x.kept)) {
		if err := os.WriteFile(name, x.kept[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// closed does something while the daemon is down.
func (x *redTeam) closed(t *testing.T, do func(*testing.T)) {
	t.Helper()
	if err := x.log.Close(); err != nil {
		t.Fatal(err)
	}
	do(t)
	x.open(t)
}

// inStore returns the file of a parcel's bundle in the store.
func (x *redTeam) inStore(t *testing.T, p *parcel, name string) string {
	t.Helper()
	dir, err := store{x.dir}.bundleDir(digestOf(t, p))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// won returns what the team achieved: groups that run, or may act by, what two
// people did not approve.
func (x *redTeam) won(t *testing.T) (won []string) {
	t.Helper()
	a := newActuator(x.log, store{x.dir}, x.trust, "fra1", func() time.Time { return x.clock })
	evil := digestOf(t, x.evil)
	for _, g := range officeGroups {
		if runs := x.governor.ledger.Runs(g, x.governor.candidate); runs == evil {
			won = append(won, g+" runs it")
		}
		i := actions.Intent{Version: evil, Group: g, Rule: "drain_costly", Verb: actions.Drain}
		if a.verify(t.Context(), i, x.limits(t, x.evil)) == nil {
			won = append(won, g+" may act by it")
		}
	}
	return won
}

// act asks the actuator for a drain by what is live, changed by the engine.
func (x *redTeam) act(t *testing.T, change func(*actions.Intent, *actions.Limits)) error {
	t.Helper()
	a := newActuator(x.log, store{x.dir}, x.trust, "fra1", func() time.Time { return x.clock })
	i, limits := actions.Intent{Version: digestOf(t, x.first), Group: "web-b", Rule: "drain_costly", Verb: actions.Drain}, x.limits(t, x.first)
	if change != nil {
		change(&i, &limits)
	}
	return a.verify(t.Context(), i, limits)
}

// said returns the reasons of all refusals that the log holds, one a line.
func (x *redTeam) said(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := x.log.Scan(context.Background(), 0, -1, func(r audit.Record) error {
		e, err := audit.Decode(r.Bytes)
		switch e.Type {
		case "paper.refused", "gate.verdict", "activation.halted", "action.refused":
			b.Write(append(e.Body, '\n'))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// attackOn is one thing that the team tries, and the reason that the log gives
// for which it did not work; "" where nothing is refused since nothing asks.
type attackOn struct {
	name string
	try  func(t *testing.T, x *redTeam)
	want string
}

// repel wants each attack to win nothing, neither at once nor after a restart nor
// when time passes, and its refusal in the log.
func repel(t *testing.T, attacks []attackOn) {
	t.Helper()
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			x := newRedTeam(t)
			a.try(t, x)
			for range 2 {
				if won := x.won(t); len(won) > 0 {
					t.Errorf("the red team won: %q", won)
				}
				x.pass(t, 10*time.Second)
				x.reopen(t)
				if err := x.governor.start(t.Context()); err != nil {
					t.Fatal(err)
				}
				x.pass(t, 10*time.Second)
			}
			if said := x.said(t); !strings.Contains(said, a.want) {
				t.Errorf("the log says\n%s\nwant the reason %q", said, a.want)
			}
			verified(t, x.dir)
		})
	}
}
