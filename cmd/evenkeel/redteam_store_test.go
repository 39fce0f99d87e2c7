package main

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

// TestAttacksOnTheStore has the team change the files that the log names by
// their digests, for a change that two people approve after all.
func TestAttacksOnTheStore(t *testing.T) {
	must := func(t *testing.T, errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	// evilFor puts the files of the evil where those of another bundle were.
	evilFor := func(t *testing.T, x *redTeam, p *parcel) {
		t.Helper()
		must(t, os.RemoveAll(x.inStore(t, p, "")), os.CopyFS(x.inStore(t, p, ""), os.DirFS(x.inStore(t, x.evil, ""))))
	}
	good := func(t *testing.T, x *redTeam) *parcel {
		t.Helper()
		p := x.proposal(t, x.pack(t, "the good"), nil)
		for _, paper := range []*parcel{p, x.answer(t, "ben", "approve", p)} {
			if r := x.take(t, paper); r.Result != resultTaken {
				t.Fatal(r.Why)
			}
		}
		return p
	}
	approved := func(t *testing.T, x *redTeam, p *parcel) {
		t.Helper()
		if r := x.take(t, x.answer(t, "cleo", "approve", p)); r.Result != resultTaken {
			t.Fatal(r.Why)
		}
	}
	dossier := func(x *redTeam, t *testing.T, p *parcel) string {
		t.Helper()
		return filepath.Join(x.dir, dossiersDir, strings.TrimPrefix(knowledge.TextDigest(p.dossier), "sha256:")+".json")
	}
	repel(t, []attackOn{
		{"the files of what is live, before a restart", func(t *testing.T, x *redTeam) { evilFor(t, x, x.first) }, "files were changed"},
		{"the files of what is live, as a link", func(t *testing.T, x *redTeam) {
			dir := x.inStore(t, x.first, "")
			must(t, os.RemoveAll(dir), os.Symlink(x.inStore(t, x.evil, ""), dir))
		}, "files were changed"},
		{"one byte of what is live", func(t *testing.T, x *redTeam) {
			file := x.inStore(t, x.first, "pack.yaml")
			b, err := os.ReadFile(file)
			must(t, err, os.WriteFile(file, bytes.Replace(b, []byte("max_out: 10%"), []byte("max_out: 90%"), 1), 0o600))
		}, "files were changed"},
		{"a file more beside what is live", func(t *testing.T, x *redTeam) {
			must(t, os.WriteFile(x.inStore(t, x.first, "rules/more.grl"), []byte("rule more {}\n"), 0o600))
		}, "files were changed"},
		{"a file of what is live that never ends", func(t *testing.T, x *redTeam) {
			file := x.inStore(t, x.first, "README.md")
			must(t, os.Remove(file), os.Symlink("/dev/zero", file))
		}, "is not a regular file"},
		{"a file of what is live without bounds", func(t *testing.T, x *redTeam) {
			must(t, os.Truncate(x.inStore(t, x.first, "README.md"), 1<<40))
		}, "more than"},
		{"nothing left of what is live", func(t *testing.T, x *redTeam) { must(t, os.RemoveAll(filepath.Join(x.dir, bundlesDir))) }, "no such file"},
		{"the files of what is about to be approved", func(t *testing.T, x *redTeam) { p := good(t, x); evilFor(t, x, p); approved(t, x, p) },
			"what was approved is gone"},
		{"the files of what is in shadow, before a restart", func(t *testing.T, x *redTeam) {
			p := good(t, x)
			approved(t, x, p)
			evilFor(t, x, p)
			x.reopen(t)
		}, "what was approved is gone"},
		{"the dossier of what is about to be approved", func(t *testing.T, x *redTeam) {
			p := good(t, x)
			must(t, os.WriteFile(dossier(x, t, p), []byte(`{"v":1}`), 0o600))
			approved(t, x, p)
		}, "what was approved is gone"},
		{"a dossier that never ends", func(t *testing.T, x *redTeam) {
			p := good(t, x)
			must(t, os.Remove(dossier(x, t, p)), os.Symlink("/dev/zero", dossier(x, t, p)))
			approved(t, x, p)
		}, "has more than"},
		{"a dossier without bounds", func(t *testing.T, x *redTeam) {
			p := good(t, x)
			must(t, os.Truncate(dossier(x, t, p), 1<<40))
			approved(t, x, p)
		}, "has more than"},
	})
}

// TestAttacksThatOnlyAWitnessSees puts older or other copies of the whole log in
// its place. No check on the machine itself can tell; who keeps a checkpoint
// elsewhere can ('evenkeel audit verify --since'). What it gains is bounded by
// what people signed: rules that two of them approved, then or now.
func TestAttacksThatOnlyAWitnessSees(t *testing.T) {
	reject := func(t *testing.T, x *redTeam, p *parcel) {
		t.Helper()
		if r := x.take(t, x.answer(t, "ben", "reject", p)); r.Result != resultTaken {
			t.Fatal(r.Why)
		}
	}
	for _, tt := range []struct {
		name string
		try  func(t *testing.T, x *redTeam)
		live string // README of what is live then
	}{
		{"an older copy, from before a change was rejected", func(t *testing.T, x *redTeam) {
			x.closed(t, x.save)
			reject(t, x, x.evil)
			x.closed(t, x.load)
		}, "the first"},
		{"an older copy, from before the second bundle was live", func(t *testing.T, x *redTeam) {
			x.closed(t, x.save)
			reject(t, x, x.evil)
			x.live(t, "the second")
			x.closed(t, x.load)
		}, "the first"},
		{"no log at all", func(t *testing.T, x *redTeam) {
			x.closed(t, x.save)
			x.closed(t, func(t *testing.T) {
				for _, name := range slices.Sorted(maps.Keys(x.kept)) {
					if err := os.Remove(name); err != nil {
						t.Fatal(err)
					}
				}
			})
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newRedTeam(t)
			tt.try(t, x)
			x.pass(t, time.Minute)
			if won := x.won(t); len(won) > 0 {
				t.Errorf("the red team won: %q", won)
			}
			want := nothingLive
			if tt.live != "" {
				want = digestOf(t, x.first)
			}
			if live := x.governor.ledger.Live().Bundle; live != want {
				t.Errorf("live is %s, want %s", live, want)
			}
		})
	}
}
