package main

import (
	"archive/zip"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

// TestAttacksByPapers has the team hand in what it found, held back or made up,
// on the channels that people use.
func TestAttacksByPapers(t *testing.T) {
	send := func(t *testing.T, x *redTeam, p *parcel) []paperResult {
		t.Helper()
		r, err := x.governor.takeArchive(t.Context(), packed(t, p), viaBus)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	words := func(x *redTeam, change func(*knowledge.SignedText), t *testing.T) *parcel {
		p := x.answer(t, "cleo", "approve", x.evil)
		change(&p.statements[0])
		return p
	}
	edited := func(from, to string) func(*knowledge.SignedText) {
		return func(s *knowledge.SignedText) { s.Text = []byte(strings.Replace(string(s.Text), from, to, 1)) }
	}
	repel(t, []attackOn{
		{"all that was ever signed, once more", func(t *testing.T, x *redTeam) {
			for _, p := range []*parcel{x.first, x.answer(t, "ben", "approve", x.first), x.answer(t, "cleo", "approve", x.first), x.evil, x.yes} {
				send(t, x, p)
			}
		}, "the change is live"},
		{"the approvals of the first change under the name of the evil", func(t *testing.T, x *redTeam) {
			p := x.answer(t, "cleo", "approve", x.first)
			p.statements[0].Text = []byte(strings.Replace(string(p.statements[0].Text), changeOf(x.first), changeOf(x.evil), 1))
			send(t, x, p)
		}, "signature"},
		{"no signature", func(t *testing.T, x *redTeam) {
			send(t, x, words(x, func(s *knowledge.SignedText) { s.Signatures = nil }, t))
		}, "no signature beside it"},
		{"a rejection turned into an approval", func(t *testing.T, x *redTeam) {
			p := x.answer(t, "cleo", "reject", x.evil)
			edited("decision reject", "decision approve")(&p.statements[0])
			send(t, x, p)
		}, "signature"},
		{"another bundle in an approval", func(t *testing.T, x *redTeam) {
			send(t, x, words(x, edited(digestOf(t, x.evil), digestOf(t, x.first)), t))
		}, "signature"},
		{"ben once more, in other words", func(t *testing.T, x *redTeam) {
			x.clock = x.clock.Add(time.Second)
			send(t, x, x.answer(t, "ben", "approve", x.evil))
		}, "people are counted"},
		{"the author's own approval", func(t *testing.T, x *redTeam) { send(t, x, x.answer(t, "ana", "approve", x.evil)) }, "author"},
		{"people of another site", func(t *testing.T, x *redTeam) {
			x.keys = x.stranger
			send(t, x, x.answer(t, "cleo", "approve", x.evil))
		}, "not among those of the person"},
		{"an approval ahead of its proposal", func(t *testing.T, x *redTeam) {
			p := x.proposal(t, x.pack(t, "another evil"), nil)
			send(t, x, x.answer(t, "cleo", "approve", p))
		}, "is not known here, want it first"},
		{"the evil's files beside a good proposal", func(t *testing.T, x *redTeam) {
			p := x.proposal(t, x.pack(t, "the good"), nil)
			p.bundle = x.evil.bundle
			send(t, x, p)
		}, "something else was sent"},
		{"a rejection that is kept back until the rollout", func(t *testing.T, x *redTeam) {
			no := x.answer(t, "ben", "reject", x.evil)
			send(t, x, x.answer(t, "cleo", "approve", x.evil))
			x.pass(t, 10*time.Second)
			if x.runs(t, x.evil) != "web-a" {
				t.Fatalf("it runs in %q, want what two people approved in its ring", x.runs(t, x.evil))
			}
			send(t, x, no)
		}, "rejected by ben"},
		{"a withdrawal that is kept back until the rollout", func(t *testing.T, x *redTeam) {
			fields := map[string]string{"proposal": changeOf(x.evil), "trust": x.trust, "env": x.env, "person": "ana", "why": "it is wrong", "time": stamp(x.clock)}
			no := x.signed(t, "ana", knowledge.Withdrawal, fields)
			send(t, x, x.answer(t, "cleo", "approve", x.evil))
			send(t, x, &parcel{statements: []knowledge.SignedText{no}})
		}, "withdrawn by ana"},
		{"garbage", func(t *testing.T, x *redTeam) {
			if _, err := x.governor.takeArchive(t.Context(), []byte("PK garbage"), viaHTTP); err != nil {
				t.Fatal(err)
			}
		}, "not a valid zip"},
		{"an archive that unfolds without end", func(t *testing.T, x *redTeam) {
			b := archive(t, &zip.FileHeader{Name: "statements/a.txt", Method: zip.Deflate, Comment: strings.Repeat("x", 60_000)},
				&zip.FileHeader{Name: "evidence/dossier.json", Method: zip.Deflate, Comment: strings.Repeat(" ", 60_000)})
			if _, err := x.governor.takeArchive(t.Context(), b, viaHTTP); err != nil {
				t.Fatal(err)
			}
		}, "want the first line"},
		{"hundreds of parcels", func(t *testing.T, x *redTeam) {
			b := packed(t, words(x, func(s *knowledge.SignedText) { s.Signatures = nil }, t))
			for range 300 {
				if _, err := x.governor.takeArchive(t.Context(), b, viaHTTP); err != nil {
					t.Fatal(err)
				}
			}
			if n := x.entries(t)["paper.refused"]; n != 300 {
				t.Errorf("%d refusals, want each", n)
			}
		}, "no signature beside it"},
	})
}

// TestAttacksOnTheInbox leaves what is no paper in the inbox: it is refused or
// left, nothing hangs, and a stop that lies beside it is taken.
func TestAttacksOnTheInbox(t *testing.T) {
	join := func(t *testing.T, errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		drop func(t *testing.T, dir string)
		want string
	}{
		{"a link to a folder", func(t *testing.T, dir string) { join(t, os.Symlink("/etc", dir+"/a")) }, ""},
		{"a link as a folder of a parcel", func(t *testing.T, dir string) {
			join(t, os.Mkdir(dir+"/a", 0o755), os.Symlink("/etc", dir+"/a/statements"))
		},
			"is not a folder"},
		{"a link as a paper of a parcel", func(t *testing.T, dir string) {
			join(t, os.MkdirAll(dir+"/a/statements", 0o755), os.Symlink("/etc/hostname", dir+"/a/statements/a.txt"))
		}, "regular file"},
		{"a link as a file of a bundle", func(t *testing.T, dir string) {
			join(t, os.MkdirAll(dir+"/a/bundle", 0o755), os.Symlink("/dev/zero", dir+"/a/bundle/pack.yaml"))
		}, "not a regular file"},
		{"a pipe as a paper", func(t *testing.T, dir string) {
			join(t, syscall.Mkfifo(dir+"/a.txt", 0o600), os.WriteFile(dir+"/a.txt.x.sig", nil, 0o600))
		}, "regular file"},
		{"a pipe as a dossier", func(t *testing.T, dir string) {
			join(t, os.MkdirAll(dir+"/a/evidence", 0o755), syscall.Mkfifo(dir+"/a/evidence/dossier.json", 0o600))
		}, "want one file in it"},
		{"a paper without bounds", func(t *testing.T, dir string) {
			join(t, os.WriteFile(dir+"/a.txt", nil, 0o600), os.Truncate(dir+"/a.txt", 1<<40), os.WriteFile(dir+"/a.txt.x.sig", nil, 0o600))
		}, "want the first line"},
		{"a signature without bounds", func(t *testing.T, dir string) {
			join(t, os.WriteFile(dir+"/a.txt", []byte("a\n"), 0o600), os.WriteFile(dir+"/a.txt.x.sig", nil, 0o600), os.Truncate(dir+"/a.txt.x.sig", 1<<40))
		}, "want the first line"},
		{"a parcel that is being written", func(t *testing.T, dir string) { join(t, os.MkdirAll(dir+"/.a/statements", 0o755)) }, ""},
		{"half of a parcel", func(t *testing.T, dir string) { join(t, os.MkdirAll(dir+"/a/bundle/rules", 0o755)) }, "no file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newRedTeam(t)
			b := &inbox{dir: filepath.Join(x.dir, inboxDir), take: x.governor.take, now: time.Now, logger: slog.New(slog.DiscardHandler)}
			b.refuse = func(ctx context.Context, name string, why error) error {
				return x.governor.refuse(ctx, name, nil, inboxDir, why)
			}
			join(t, b.prepare())
			tt.drop(t, b.dir)
			stop, _ := x.stop(t, "ben", "all")
			join(t, stop.write(b.dir+"/z-stop"))
			for range 3 {
				join(t, b.look(t.Context()))
			}
			if stops := x.governor.ledger.Stops(); len(stops) != 1 {
				t.Errorf("stops %+v, want ben's", stops)
			}
			if said := x.said(t); !strings.Contains(said, tt.want) {
				t.Errorf("the log says\n%s\nwant the reason %q", said, tt.want)
			}
		})
	}
}
