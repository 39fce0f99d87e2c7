package main

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/knowledge"
)

// TestAttacksOnTheLog has the team write what it likes into the log, signed with
// the log's key: an entry proves nothing, the papers in it do.
func TestAttacksOnTheLog(t *testing.T) {
	entry := func(make func(t *testing.T, x *redTeam) []audit.Entry) func(*testing.T, *redTeam) {
		return func(t *testing.T, x *redTeam) { x.write(t, "fra1", x.clock, make(t, x)...) }
	}
	step := func(typ, stage string) func(*testing.T, *redTeam) {
		return entry(func(t *testing.T, x *redTeam) []audit.Entry { return []audit.Entry{x.step(t, typ, stage, x.evil)} })
	}
	yes := func(t *testing.T, x *redTeam, keys string) knowledge.SignedText {
		t.Helper()
		at := x.keys
		x.keys = keys
		p := x.answer(t, "cleo", "approve", x.evil)
		x.keys = at
		return p.statements[0]
	}
	approval := func(x *redTeam, p knowledge.SignedText) []audit.Entry {
		return []audit.Entry{paperEntry("change.approved", "person:cleo", changeOf(x.evil), knowledge.Approval, p)}
	}
	repel(t, []attackOn{
		{"an activation, at once", step("activation.activated", "all"), "does not follow"},
		{"a rollout's beginning with one approval", step("activation.shadow", "shadow"), "1 of 2 approvals"},
		{"a ring", step("activation.ring", "ring1"), "does not follow"},
		{"a ring without a name", step("activation.ring", ""), "does not follow"},
		{"a standby", step("activation.standby", ""), "of another kind"},
		{"a rollback that nobody signed", step("activation.rolledback", "all"), "no rollback or break-glass"},
		{"a break-glass that nobody signed", step("activation.breakglass.opened", ""), "no rollback or break-glass"},
		{"the whole rollout, stage by stage", func(t *testing.T, x *redTeam) {
			for i, s := range [][2]string{{"activation.shadow", "shadow"}, {"activation.ring", "ring1"}, {"activation.activated", "all"}} {
				x.write(t, "fra1", x.clock.Add(time.Duration(i)*time.Minute), x.step(t, s[0], s[1], x.evil))
			}
		}, "1 of 2 approvals"},
		{"a verdict of the gate that accepts", func(t *testing.T, x *redTeam) {
			v := x.governor.ledger.Verdict(changeOf(x.evil), x.clock)
			v.Accepted, v.Reasons, v.Approvers = true, nil, []string{"ben", "cleo"}
			x.write(t, "fra1", x.clock, v.Entry("activate", digestOf(t, x.first), 1), x.step(t, "activation.shadow", "shadow", x.evil))
		}, "1 of 2 approvals"},
		{"an approval without a signature", entry(func(t *testing.T, x *redTeam) []audit.Entry {
			p := yes(t, x, x.keys)
			p.Signatures = nil
			return approval(x, p)
		}), "no signature beside it"},
		{"an approval signed by a machine", entry(func(t *testing.T, x *redTeam) []audit.Entry { return approval(x, yes(t, x, x.stranger)) }),
			"not among those of the person"},
		{"ben's approval in cleo's name", entry(func(_ *testing.T, x *redTeam) []audit.Entry { return approval(x, x.yes.statements[0]) }), "known already"},
		{"ben's signature under cleo's approval", entry(func(t *testing.T, x *redTeam) []audit.Entry {
			p := yes(t, x, x.keys)
			p.Signatures = x.yes.statements[0].Signatures
			return approval(x, p)
		}), "signature"},
		{"an approval of what is live, told to be of the evil", entry(func(t *testing.T, x *redTeam) []audit.Entry {
			return approval(x, x.answer(t, "cleo", "approve", x.first).statements[0])
		}), "the change is live"},
		{"cleo's rejection, recorded as her approval", entry(func(t *testing.T, x *redTeam) []audit.Entry {
			return approval(x, x.answer(t, "cleo", "reject", x.evil).statements[0])
		}), "the text makes an entry change.rejected"},
		{"a register by which the team may approve", entry(func(_ *testing.T, x *redTeam) []audit.Entry {
			text := append([]byte(nil), x.register.Text...)
			return []audit.Entry{{Type: "register.accepted", Actor: "people", Corr: "x", Body: map[string]any{"digest": knowledge.TextDigest(text[:len(text)-1]),
				"signatures": []string{}, "text": string(text[:len(text)-1]), "version": 2}}}
		}), "register"},
		{"the first change once more, from its proposal on", func(t *testing.T, x *redTeam) {
			p := paperEntry("change.proposed", "person:ana", changeOf(x.first), knowledge.Proposal, x.first.statements[0])
			x.write(t, "fra1", x.clock, p, x.step(t, "activation.shadow", "shadow", x.first))
		}, "known already"},
		{"an entry from next year, so that time passes", func(t *testing.T, x *redTeam) {
			x.write(t, "fra1", x.clock.Add(365*24*time.Hour), x.step(t, "activation.shadow", "shadow", x.evil))
		}, "expired"},
		{"a body of another shape", entry(func(*testing.T, *redTeam) []audit.Entry {
			return []audit.Entry{{Type: "activation.activated", Actor: "rollout", Corr: "x", Body: map[string]any{"proposal": []int{1}}}}
		}), "body"},
		{"a refusal that hides the team's own", func(t *testing.T, x *redTeam) {
			x.write(t, "fra1", x.clock, knowledge.Refusal(knowledge.SignedText{Name: "entry 0"}, viaLog, errAnother), x.step(t, "activation.ring", "ring1", x.evil))
		}, "does not follow"},
	})
}

// TestAttacksOnStops has the team end stops that people gave: acts by the
// approved rules stay refused.
func TestAttacksOnStops(t *testing.T) {
	stop := func(t *testing.T, x *redTeam) knowledge.SignedText {
		t.Helper()
		s := x.signed(t, "ben", knowledge.Stop, map[string]string{"trust": x.trust, "env": x.env, "scope": "all", "person": "ben",
			"why": "smoke", "time": stamp(x.clock), "nonce": randomID()})
		if r := x.take(t, &parcel{statements: []knowledge.SignedText{s}}); r.Result != resultTaken {
			t.Fatal(r.Why)
		}
		return s
	}
	resume := func(t *testing.T, x *redTeam, person, digest string) knowledge.SignedText {
		t.Helper()
		return x.signed(t, person, knowledge.Resume, map[string]string{"trust": x.trust, "env": x.env, "stop": digest, "person": person,
			"name": map[string]string{"ben": "Ben Bose", "cleo": "Cleo Cruz"}[person], "meaning": "the smoke is gone " + randomID(), "time": stamp(x.clock)})
	}
	for _, tt := range []attackOn{
		{"an entry of the guard that resumes", func(t *testing.T, x *redTeam) {
			stop(t, x)
			x.write(t, "fra1", x.clock, audit.Entry{Type: "resume", Actor: "ana", Body: map[string]any{"by": []string{"ana", "ben"}, "reason": "fine", "scope": "all"}})
		}, ""},
		{"a resume without a signature", func(t *testing.T, x *redTeam) {
			digest := knowledge.TextDigest(stop(t, x).Text)
			r := resume(t, x, "ben", digest)
			r.Signatures = nil
			x.write(t, "fra1", x.clock, paperEntry("resume.signed", "person:ben", knowledge.TextDigest(r.Text), knowledge.Resume, r))
		}, "no signature beside it"},
		{"one person resumes twice", func(t *testing.T, x *redTeam) {
			digest := knowledge.TextDigest(stop(t, x).Text)
			for range 2 {
				x.take(t, &parcel{statements: []knowledge.SignedText{resume(t, x, "ben", digest)}})
			}
		}, "people are counted"},
		{"two resumes of another stop", func(t *testing.T, x *redTeam) {
			stop(t, x)
			for _, person := range []string{"ben", "cleo"} {
				x.take(t, &parcel{statements: []knowledge.SignedText{resume(t, x, person, changeOf(x.evil))}})
			}
		}, "is not known here"},
		{"a resume signed by strangers", func(t *testing.T, x *redTeam) {
			digest := knowledge.TextDigest(stop(t, x).Text)
			x.keys = x.stranger
			for _, person := range []string{"ben", "cleo"} {
				x.take(t, &parcel{statements: []knowledge.SignedText{resume(t, x, person, digest)}})
			}
		}, "not among those of the person"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newRedTeam(t)
			if err := x.act(t, nil); err != nil {
				t.Fatalf("before the stop: %v", err)
			}
			tt.try(t, x)
			for range 2 {
				if err := x.act(t, nil); err == nil {
					t.Error("an act may be done although people stopped it")
				}
				x.reopen(t)
			}
			if said := x.said(t); !strings.Contains(said, tt.want) {
				t.Errorf("the log says\n%s\nwant the reason %q", said, tt.want)
			}
		})
	}
}
