package knowledge

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/crypto/ssh"
)

// attack is a way to cheat: what the cheat does to a change that would be
// accepted, and what the gate says.
type attack struct {
	name string
	edit func(*site)
	want string // in the reasons
}

// replace edits a text after it was signed, and fails when there is nothing to edit.
func replace(t testing.TB, from, to string) func(string) string {
	return func(text string) string {
		if !strings.Contains(text, from) {
			t.Errorf("%q is not in %q", from, text)
		}
		return strings.Replace(text, from, to, 1)
	}
}

// blobEdit edits what is inside a signature.
func blobEdit(t testing.TB, edit func(*signatureBlob)) func(string) string {
	return func(armoured string) string {
		raw, err := dearmour([]byte(armoured))
		if err != nil {
			t.Fatal(err)
		}
		var b signatureBlob
		if err := ssh.Unmarshal(raw[len(signatureMagic):], &b); err != nil {
			t.Fatal(err)
		}
		edit(&b)
		return string(armour(append([]byte(signatureMagic), ssh.Marshal(b)...)))
	}
}

func refuseAttacks(t *testing.T, attacks []attack) {
	t.Helper()
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			s := newSite(t)
			if v := Judge(s.ask()); !v.Accepted {
				t.Fatalf("before the attack Judge = %+v, want it accepted", v)
			}
			s = newSite(t)
			a.edit(s)
			v := Judge(s.ask())
			if v.Accepted || !strings.Contains(strings.Join(v.Reasons, "\n"), a.want) {
				t.Errorf("Judge = %+v, want it refused with %q", v, a.want)
			}
		})
	}
}

func TestAttacksOnCounting(t *testing.T) {
	drop := func(s *site, files ...string) {
		s.statements = slices.DeleteFunc(s.statements, func(d *draft) bool { return slices.Contains(files, strings.TrimSuffix(d.file, ".txt")) })
	}
	bobs := func(s *site) *draft { return s.the("approval-bob") }
	refuseAttacks(t, []attack{
		{"no approval", func(s *site) { drop(s, "approval-bob", "approval-carol") }, "0 of 2 approvals"},
		{"one approval", func(s *site) { drop(s, "approval-carol") }, "1 of 2 approvals"},
		{"one approval under two file names", func(s *site) { c := *bobs(s); c.file = "b.txt"; s.statements[2] = &c }, "1 of 2 approvals"},
		{"one person approves twice, in other words", func(s *site) {
			again := s.approval("bob")
			again.file = "b.txt"
			set(again, "meaning", "I read it again")
			s.statements[2] = again
		}, "1 of 2 approvals"},
		{"one person approves with two keys", func(s *site) {
			again := s.approval("bob")
			again.file, again.by = "b.txt", []string{"bob2"}
			s.statements[2] = again
		}, "1 of 2 approvals"},
		{"two signatures on one approval", func(s *site) { drop(s, "approval-carol"); bobs(s).by = []string{"bob", "carol"} }, "1 of 2 approvals"},
		{"the author approves", func(s *site) { s.statements[2] = s.approval("alice") }, "alice is the author"},
		{"a contributor approves", func(s *site) { set(s.the("proposal"), "contributors", "carol") }, "carol wrote a part of the change"},
		{"a contributor approves where the author counts", func(s *site) {
			s.registers[0].Policies[0].AuthorCounts = true
			set(s.the("proposal"), "contributors", "bob,dave")
		}, "bob wrote a part of the change"},
		{"the author alone where the author counts", func(s *site) {
			s.registers[0].Policies[0].AuthorCounts = true
			s.statements[2] = s.approval("alice")
			drop(s, "approval-bob")
		}, "1 of 2 approvals"},
		{"an operator approves", func(s *site) { s.statements[2] = s.approval("erin") }, "erin does not hold the role approver"},
		{"somebody who may only write approves", func(s *site) { s.statements[2] = s.approval("finn") }, "finn does not hold the role approver"},
		{"somebody who is not enrolled approves", func(s *site) { s.statements[2] = s.approval("mallory") }, "mallory is not in the register"},
		{"a stranger's key signs in a person's name", func(s *site) { bobs(s).by = []string{"mallory"} }, "a key that is not among those of the person"},
		{"a colleague's key signs in a person's name", func(s *site) { bobs(s).by = []string{"carol"} }, "a key that is not among those of the person"},
		{"another printed name", func(s *site) { set(bobs(s), "name", "Carol Example") }, `want "Bob Example"`},
		{"a printed name with a homoglyph", func(s *site) { set(bobs(s), "name", "Воb Example") }, `want "Bob Example"`},
		{"a printed name, composed otherwise", func(s *site) {
			s.member("bob").Name = "Bob Čapek"
			set(bobs(s), "name", "Bob C\u030capek")
		}, `want "Bob Čapek"`},
		{"a person's id with a homoglyph", func(s *site) { set(bobs(s), "person", "bоb") }, "want person: the id of a person"},
		{"a rejection is counted as an approval", func(s *site) { set(bobs(s), "decision", "reject") }, "1 of 2 approvals"},
		{"a decision in other words", func(s *site) { set(bobs(s), "decision", "approved") }, "one of approve, reject"},
		{"approvals=3 and two approvals", func(s *site) { s.registers[0].Policies[0].Approvals = 3 }, "2 of 3 approvals"},
		{"an approval without a signature", func(s *site) { bobs(s).by = nil }, "no signature beside it"},
		{"a proposal without a signature", func(s *site) { s.the("proposal").by = nil }, "no proposal that its author signed"},
		{"a proposal signed by an approver", func(s *site) { s.the("proposal").by = []string{"bob"} }, "no proposal that its author signed"},
		{"a proposal by somebody who may not write", func(s *site) { p := s.the("proposal"); set(p, "author", "erin"); p.by = []string{"erin"} }, "erin does not hold the role author"},
		{"a proposal by a stranger", func(s *site) { p := s.the("proposal"); set(p, "author", "mallory"); p.by = []string{"mallory"} }, "mallory is not in the register"},
		{"an approver rejects", func(s *site) {
			a := s.approval("dave")
			set(a, "decision", "reject")
			s.statements = append(s.statements, a)
		}, "rejected by dave"},
		{"one who approved rejects", func(s *site) {
			a := s.approval("bob")
			a.file = "reject.txt"
			set(a, "decision", "reject")
			s.statements = append(s.statements, a)
		}, "rejected by bob"},
		{"an approver rejects with a key in software where approvals are by hardware", func(s *site) {
			s.allHardware()
			a := s.approval("bob")
			a.file = "reject.txt"
			set(a, "decision", "reject")
			s.statements = append(s.statements, a)
		}, "rejected by bob"},
		{"the author withdraws", func(s *site) {
			s.statements = append(s.statements, &draft{file: "w.txt", kind: Withdrawal, by: []string{"alice"}, fields: map[string]string{
				"person": "alice", "why": "It is wrong", "time": "2026-11-22T05:55:00Z"}})
		}, "withdrawn by alice"},
		{"the author withdraws, naming another environment", func(s *site) {
			s.statements = append(s.statements, &draft{file: "w.txt", kind: Withdrawal, by: []string{"alice"}, fields: map[string]string{
				"env": stageEnv, "person": "alice", "why": "It is wrong", "time": "2026-11-22T05:55:00Z"}})
		}, "withdrawn by alice"},
	})
}

func TestAttacksOnTheChange(t *testing.T) {
	p := func(s *site, name, value string) { set(s.the("proposal"), name, value) }
	refuseAttacks(t, []attack{
		{"a byte of the bundle", func(s *site) { s.late(func() { s.files["rules/one.grl"] = []byte("rule one {!\n") }) }, "the bytes are h1:"},
		{"a file more", func(s *site) { s.late(func() { s.files["rules/two.grl"] = nil }) }, "the bytes are h1:"},
		{"a file less", func(s *site) { s.late(func() { delete(s.files, "README.md") }) }, "the bytes are h1:"},
		{"a file renamed", func(s *site) {
			s.late(func() { s.files["rules/One.grl"] = s.files["rules/one.grl"]; delete(s.files, "rules/one.grl") })
		}, "the bytes are h1:"},
		{"two files swapped", func(s *site) {
			s.late(func() { s.files["pack.yaml"], s.files["README.md"] = s.files["README.md"], s.files["pack.yaml"] })
		}, "the bytes are h1:"},
		{"a line feed at the end of a file", func(s *site) { s.late(func() { s.files["pack.yaml"] = append(s.files["pack.yaml"], '\n') }) }, "the bytes are h1:"},
		{"approvals of another proposal", func(s *site) { s.all("proposal", TextDigest([]byte("another"))) }, "it is for another proposal"},
		{"approvals moved to a proposal with other words", func(s *site) {
			digest := TextDigest(s.ask().Statements[0].Text)
			p(s, "why", "Something else")
			set(s.the("approval-bob"), "proposal", digest)
			set(s.the("approval-carol"), "proposal", digest)
		}, "it is for another proposal"},
		{"approvals moved to a proposal whose words are composed otherwise", func(s *site) {
			p(s, "why", "Č")
			digest := TextDigest(s.ask().Statements[0].Text)
			p(s, "why", "C\u030c")
			set(s.the("approval-bob"), "proposal", digest)
			set(s.the("approval-carol"), "proposal", digest)
		}, "it is for another proposal"},
		{"an approval that names another bundle", func(s *site) { set(s.the("approval-bob"), "bundle", liveH1) }, "it says bundle"},
		{"an approval that names another environment", func(s *site) { set(s.the("approval-bob"), "env", stageEnv) }, "it says env"},
		{"an approval that names another sequence", func(s *site) { set(s.the("approval-bob"), "seq", "43") }, "it says seq 43, the proposal 42"},
		{"an approval that names another parent", func(s *site) { set(s.the("approval-bob"), "parent", "none") }, "it says parent none"},
		{"an approval that names another register", func(s *site) { set(s.the("approval-bob"), "trust", TextDigest(nil)) }, "it says trust"},
		{"the change of another environment", func(s *site) { s.all("env", stageEnv) }, "proposal is for " + stageEnv},
		{"an environment that is not in the register", func(s *site) { s.question.Env = "prod-eu2/" + prodEnv[9:] }, "is not in the register"},
		{"the same name of environment, another id", func(s *site) { s.question.Env = "prod-eu1/" + strings.Repeat("0", 32) }, "is not in the register"},
		{"a replay after another change", func(s *site) { s.all("seq", "42"); s.question.Seq = 42 }, "sequence 42, want 43"},
		{"a replay when the old bundle is live again", func(s *site) { s.all("seq", "42"); s.question.Seq = 43 }, "sequence 42, want 44"},
		{"a sequence too far", func(s *site) { s.all("seq", "43") }, "sequence 43, want 42"},
		{"a stale parent", func(s *site) { s.all("parent", "h1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=") }, "stale"},
		{"a first bundle where one is live", func(s *site) { s.all("parent", "none") }, "proposal replaces none"},
		{"a change approved under the register before", func(s *site) { s.all("trust", TextDigest(s.registers[0].Render())); s.next() }, "in force is sha256:"},
		{"a register that was changed after the approvals", func(s *site) {
			s.all("trust", TextDigest(s.registers[0].Render()))
			v := s.next()
			v.People = slices.DeleteFunc(v.People, func(p Person) bool { return p.ID == "finn" })
		}, "in force is sha256:"},
		{"expired", func(s *site) { s.question.Now = mustTime("2026-11-23T06:00:01Z") }, "proposal expired at"},
		{"too early", func(s *site) { s.question.Now = mustTime("2026-11-22T05:58:59Z") }, "not before 2026-11-22T05:59:00Z"},
		{"created in the future", func(s *site) { p(s, "created", "2026-11-22T06:05:01Z") }, "which is in the future"},
		{"lives longer than the policy allows", func(s *site) { p(s, "expires", "2026-11-29T05:00:01Z") }, "the policy allows 168h0m0s"},
		{"expires before it was created", func(s *site) { p(s, "created", "2026-11-22T06:00:02Z"); p(s, "expires", "2026-11-22T06:00:01Z") }, "before it can begin"},
		{"expires before it may begin", func(s *site) { p(s, "not-before", "2026-11-23T07:00:00Z") }, "before it can begin"},
		{"approved in the future", func(s *site) { set(s.the("approval-bob"), "time", "2026-11-22T06:05:01Z") }, "after now"},
		{"approved before it was proposed", func(s *site) { set(s.the("approval-bob"), "time", "2026-11-22T04:54:59Z") }, "before the proposal"},
		{"approved after it expired", func(s *site) {
			p(s, "expires", "2026-11-22T06:00:00Z")
			set(s.the("approval-bob"), "time", "2026-11-22T06:00:01Z")
		}, "after the proposal expired"},
		{"during a freeze", func(s *site) {
			s.registers[0].Policies[0].Freeze = []Window{{mustTime("2026-11-22T06:00:00Z"), mustTime("2026-11-22T06:00:00Z")}}
		}, "frozen from"},
		{"a standby bundle during a freeze", func(s *site) {
			s.registers[0].Policies[0].Freeze = []Window{{mustTime("2026-11-22T00:00:00Z"), mustTime("2026-11-22T06:00:00Z")}}
			p(s, "kind", "standby")
		}, "frozen from"},
		{"everywhere at once", func(s *site) { p(s, "rollout", "all=0s") }, "does not begin with shadow and"},
		{"without shadow", func(s *site) { p(s, "rollout", "ring0=30m,ring1=30m,all=0s") }, "does not begin with shadow and"},
		{"shadow at the end", func(s *site) { p(s, "rollout", "ring0=30m,all=0s,shadow=30m") }, "does not begin with shadow and"},
		{"never everywhere", func(s *site) { p(s, "rollout", "shadow=30m,ring1=30m,ring2=30m") }, "end with all=0s"},
		{"all, in other words", func(s *site) { p(s, "rollout", "shadow=30m,ring1=30m,all=0m") }, "end with all=0s"},
		{"all, but only for a while", func(s *site) { p(s, "rollout", "shadow=30m,ring1=30m,all=1s") }, "end with all=0s"},
		{"too few rings", func(s *site) { p(s, "rollout", "shadow=30m,all=0s") }, "2 stages, the policy wants 3"},
		{"a second in the shadow", func(s *site) { p(s, "rollout", "shadow=1s,ring1=30m,all=0s") }, "stays in shadow for 1s"},
		{"a second in the first ring", func(s *site) { p(s, "rollout", "shadow=30m,ring1=1s,all=0s") }, "stays in ring1 for 1s"},
		{"a ring twice", func(s *site) { p(s, "rollout", "shadow=30m,ring1=30m,ring1=30m,all=0s") }, "each once"},
		{"no evidence", func(s *site) { p(s, "evidence", "-") }, "want evidence: sha256:"},
		{"a bidirectional override in the reason", func(s *site) { p(s, "why", "good \u202edab") }, "U+202E"},
		{"a zero-width joiner in the reason", func(s *site) { p(s, "why", "go\u200dod") }, "U+200D"},
		{"a line smuggled into the reason", func(s *site) { p(s, "why", "good\nnonce "+strings.Repeat("0", 32)) }, "no proposal that its author signed"},
		{"a kind that there is not", func(s *site) { p(s, "kind", "emergency") }, "one of change, rollback, standby, policy"},
		{"contributors out of order", func(s *site) { p(s, "contributors", "finn,erin") }, "sorted, each once"},
	})
}

func TestAttacksOnSignatures(t *testing.T) {
	bob := func(s *site) *draft { return s.the("approval-bob") }
	edit := func(f func(*signatureBlob)) func(*site) {
		return func(s *site) { bob(s).sig = blobEdit(s.t, f) }
	}
	refuseAttacks(t, []attack{
		{"signed as a commit", func(s *site) { bob(s).namespace = "git" }, `signed in namespace "git", want approval@evenkeel.v1`},
		{"signed as a file", func(s *site) { bob(s).namespace = "file" }, `signed in namespace "file"`},
		{"signed as a proposal", func(s *site) { bob(s).namespace = "proposal@evenkeel.v1" }, "want approval@evenkeel.v1"},
		{"signed as a register", func(s *site) { bob(s).namespace = "register@evenkeel.v1" }, "want approval@evenkeel.v1"},
		{"signed in an older namespace", func(s *site) { bob(s).namespace = "approval@evenkeel.v0" }, "want approval@evenkeel.v1"},
		{"a proposal signed as an approval", func(s *site) { s.the("proposal").namespace = "approval@evenkeel.v1" }, "want proposal@evenkeel.v1"},
		{"another namespace written over it", edit(func(b *signatureBlob) { b.Namespace = "git" }), `signed in namespace "git"`},
		{"no namespace", func(s *site) { bob(s).namespace = "\x00" }, "signed in namespace"},
		{"the right namespace written over another", func(s *site) {
			bob(s).namespace = "git"
			bob(s).sig = blobEdit(s.t, func(b *signatureBlob) { b.Namespace = "approval@evenkeel.v1" })
		}, "signature does not hold"},
		{"hash sha256", edit(func(b *signatureBlob) { b.Hash = "sha256" }), `hashes with "sha256", want sha512`},
		{"hash sha1", edit(func(b *signatureBlob) { b.Hash = "sha1" }), `want sha512`},
		{"no hash", edit(func(b *signatureBlob) { b.Hash = "" }), `want sha512`},
		{"version 0", edit(func(b *signatureBlob) { b.Version = 0 }), "version 0, want 1"},
		{"version 2", edit(func(b *signatureBlob) { b.Version = 2 }), "version 2, want 1"},
		{"something in the reserved field", edit(func(b *signatureBlob) { b.Reserved = "x" }), "reserved"},
		{"a colleague's key put in", edit(func(b *signatureBlob) { b.Key = seeded("carol").PublicKey().Marshal() }), "of type"},
		{"another key of the person put in", edit(func(b *signatureBlob) { b.Key = seeded("bob2").PublicKey().Marshal() }), "signature does not hold"},
		{"the signature of another text", func(s *site) {
			other := s.craft("bob", "approval@evenkeel.v1", []byte("another text\n"))
			bob(s).sig = func(string) string { return string(other) }
		}, "signature does not hold"},
		{"a signature of nothing", edit(func(b *signatureBlob) { b.Signature = ssh.Marshal(ssh.Signature{Format: ssh.KeyAlgoED25519}) }), "signature does not hold"},
		{"a signature of zeros", edit(func(b *signatureBlob) {
			b.Signature = ssh.Marshal(ssh.Signature{Format: ssh.KeyAlgoED25519, Blob: make([]byte, 64)})
		}), "signature does not hold"},
		{"an ECDSA signature of zeros", func(s *site) {
			s.the("approval-carol").sig = blobEdit(s.t, func(b *signatureBlob) {
				b.Signature = ssh.Marshal(ssh.Signature{Format: ssh.KeyAlgoECDSA256, Blob: ssh.Marshal(struct{ R, S []byte }{})})
			})
		}, "signature does not hold"},
		{"an RSA key", func(s *site) { s.keys["bob"] = newRSA(s.t, 2048) }, "want one of ssh-ed25519"},
		{"a small RSA key with SHA-1", func(s *site) { s.keys["bob"] = newRSA(s.t, 1024) }, "key"},
		{"a certificate", func(s *site) { s.keys["bob"] = newCertificate(s.t, s.keys["bob"]) }, "ssh-ed25519-cert-v01@openssh.com"},
		{"a DSA key", edit(func(b *signatureBlob) {
			b.Key = ssh.Marshal(struct{ Type, P, Q, G, Y string }{"ssh-dss", "\x01", "\x01", "\x01", "\x01"})
		}), "key"},
		{"a hardware key that was not touched", func(s *site) { a := s.approval("dave"); a.by = []string{"dave-untouched"}; s.statements[2] = a }, "user presence"},
		{"a hardware key not touched, the flag set later", func(s *site) {
			a := s.approval("dave")
			a.by = []string{"dave-untouched"}
			a.sig = blobEdit(s.t, func(b *signatureBlob) { b.Signature[len(b.Signature)-5] |= 1 })
			s.statements[2] = a
		}, "signature does not hold"},
		{"a hardware key's signature with another counter", func(s *site) {
			a := s.approval("dave")
			a.sig = blobEdit(s.t, func(b *signatureBlob) { b.Signature[len(b.Signature)-1]++ })
			s.statements[2] = a
		}, "signature does not hold"},
		{"a software key where the policy wants hardware", func(s *site) { s.registers[0].Policies[0].Hardware = true }, "the policy wants hardware"},
		{"a software key wrapped as hardware", func(s *site) {
			s.keys["bob"] = newToken(newEd25519("bob"), true)
		}, "a key that is not among those of the person"},
		{"a text edited after it was signed", func(s *site) { bob(s).late = replace(s.t, "I read", "I wrote") }, "signature does not hold"},
		{"a proposal edited after it was signed", func(s *site) { s.the("proposal").late = replace(s.t, "shadow=30m", "shadow=10m") }, "signature does not hold"},
		{"carriage returns", func(s *site) { bob(s).edit = func(x string) string { return strings.ReplaceAll(x, "\n", "\r\n") } }, "want the first line of a statement"},
		{"a byte order mark", func(s *site) { bob(s).edit = func(x string) string { return "\ufeff" + x } }, "want the first line of a statement"},
		{"a blank at a line's end", func(s *site) { bob(s).edit = replace(s.t, "decision approve", "decision approve ") }, "has blanks at an end"},
		{"no last line feed", func(s *site) { bob(s).edit = func(x string) string { return strings.TrimSuffix(x, "\n") } }, "line feed"},
		{"a line twice", func(s *site) {
			bob(s).edit = replace(s.t, "decision approve\n", "decision approve\ndecision approve\n")
		}, "want the field meaning"},
		{"lines in another order", func(s *site) {
			bob(s).edit = replace(s.t, "person bob\nname Bob Example\n", "name Bob Example\nperson bob\n")
		}, "want the field person"},
		{"a line missing", func(s *site) { bob(s).edit = replace(s.t, "decision approve\n", "") }, "want the field decision"},
		{"cut short", func(s *site) { bob(s).edit = func(x string) string { return x[:strings.Index(x, "decision")] } }, "found the end, want the field decision"},
		{"oversized", func(s *site) { bob(s).edit = replace(s.t, "I read", strings.Repeat("I read ", 3000)) }, "more than 16384 bytes"},
		{"a signature that is too large", func(s *site) {
			bob(s).sig = func(x string) string { return x + strings.Repeat("\n", maxSignatureBytes) }
		}, "at most 4096"},
		{"text around a signature", func(s *site) { bob(s).sig = func(x string) string { return "From: bob\n" + x } }, "does not begin"},
		{"a signature without its end", func(s *site) { bob(s).sig = func(x string) string { return strings.TrimSuffix(x, armourEnd+"\n") } }, "does not end"},
	})
}

func TestAttacksOnTrust(t *testing.T) {
	refuseAttacks(t, []attack{
		{"no trust", func(s *site) { s.question.Trust = "-" }, "want the trusted -"},
		{"the trust of another register", func(s *site) { s.question.Trust = TextDigest(nil) }, "want the trusted"},
		{"no register", func(s *site) { s.registers = nil }, "no people register"},
		{"a register of the cheat's own", func(s *site) {
			s.question.Trust = TextDigest(s.registers[0].Render())
			s.give(s.registers[0], "bob", "mallory")
			s.the("approval-bob").by = []string{"mallory"}
		}, "want the trusted"},
		{"an expired register", func(s *site) {
			r := s.registers[0]
			r.Time, r.Expires = mustTime("2025-11-22T05:00:00Z"), mustTime("2026-11-22T05:59:59Z")
		}, "the register expired"},
		{"an expired register with the clock of the proposal", func(s *site) { s.question.Now = mustTime("2027-09-18T06:00:01Z") }, "the register expired"},
		{"a register made in the future", func(s *site) { s.registers[0].Time = mustTime("2026-11-22T06:05:01Z") }, "made at 2026-11-22T06:05:01Z, which is in the future"},
		{"the first register left out", func(s *site) {
			s.next()
			q := s.ask()
			s.question.Trust = q.Trust
			s.registers = s.registers[1:]
		}, "want the trusted"},
		{"the last register hidden", func(s *site) {
			s.next()
			q := s.ask()
			for _, d := range s.statements {
				set(d, "trust", TextDigest(q.Registers[1].Text))
			}
			s.registers = s.registers[:1]
		}, "in force is"},
		{"somebody removed approves", func(s *site) {
			v := s.next()
			v.People = slices.DeleteFunc(v.People, func(p Person) bool { return p.ID == "carol" })
		}, "carol is not in the register"},
		{"somebody who lost the role approves", func(s *site) { s.next(); s.member("carol").Roles = []string{"operator"} }, "carol does not hold the role approver"},
		{"a key that was taken away approves", func(s *site) {
			v := s.next()
			bob2 := Key{s.keys["bob2"].PublicKey()}
			s.member("bob").Keys = []Key{bob2}
			v.by = []string{"alice", "carol"}
		}, "a key that is not among those of the person"},
		{"a key added without proof", func(s *site) { v := s.next(); s.give(v, "erin", "mallory"); v.by = []string{"alice", "bob"} }, "new key of erin has not signed"},
		{"two second versions", func(s *site) { s.next(); s.next().Version = 2 }, "version 2, want 3"},
		{"a policy changed by one person", func(s *site) { v := s.next(); v.Policies[0].MinRings = 0; v.by = []string{"alice"} }, "signed by 1 of its root people"},
		{"approvals=1", func(s *site) { s.next().Policies[0].Approvals = 1 }, "approvals=1, want at least 2"},
		{"approvals=1 in another environment", func(s *site) { s.next().Policies[1].Approvals = 1 }, "approvals=1, want at least 2"},
		{"a small threshold", func(s *site) { s.next().RootThreshold = 1 }, "root-threshold 1, want at least 2"},
		{"a garbled last register", func(s *site) { s.next().late = func(string) string { return "hello\n" } }, "evenkeel register v1"},
		{"a person under two ids with one key", func(s *site) {
			v := s.next()
			v.People = append(v.People, person("gina", "approver"))
			v.People[len(v.People)-1].Keys = v.People[1].Keys[:1]
		}, "gina has a key that bob has too"},
		{"a software key enrolled again as hardware", func(s *site) {
			v := s.next()
			v.People = append(v.People, person("gina", "approver"))
			s.keys["bob-token"] = newToken(newEd25519("bob"), true)
			s.give(v, "gina", "bob-token")
		}, "gina has a key that bob has too"},
	})
}

func newRSA(t testing.TB, bits int) ssh.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newCertificate(t testing.TB, key ssh.Signer) ssh.Signer {
	t.Helper()
	c := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity, KeyId: "bob"}
	if err := c.SignCert(rand.Reader, seeded("mallory")); err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewCertSigner(c, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNoSingleByteMatters changes each byte of each text and of each signature
// of a change that is accepted, one at a time, and of the bundle's files. Each must
// be refused: there is one encoding of everything that counts.
func TestNoSingleByteMatters(t *testing.T) {
	good := newSite(t).ask()
	chain, err := ReadChain(good.Trust, good.Registers)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, b []byte, judge func(Question) Verdict, put func(*Question, []byte)) {
		for i := range b {
			flipped := slices.Clone(b)
			flipped[i] ^= 1 << (i % 8)
			q := good
			q.Registers, q.Statements = slices.Clone(good.Registers), slices.Clone(good.Statements)
			put(&q, flipped)
			if judge(q).Accepted {
				t.Errorf("accepted with byte %d of %s changed", i, what)
			}
		}
	}
	for i, text := range good.Registers {
		try(text.Name, text.Text, Judge, func(q *Question, b []byte) { q.Registers[i].Text = b })
	}
	for i, text := range good.Statements {
		try(text.Name, text.Text, chain.judge, func(q *Question, b []byte) { q.Statements[i].Text = b })
		try(text.Name+".sig", text.Signatures[0], chain.judge, func(q *Question, b []byte) { q.Statements[i].Signatures = [][]byte{b} })
	}
	fsys := fstest.MapFS{"pack.yaml": {Data: []byte("name: web\n")}, "README.md": {Data: []byte("# web\n")}, "rules/one.grl": {Data: []byte("rule one {}\n")}}
	for name, file := range fsys {
		text := file.Data
		for i := range text {
			flipped := slices.Clone(text)
			flipped[i] ^= 1
			fsys[name] = &fstest.MapFile{Data: flipped}
			files, err := ReadBundle(fsys)
			if err != nil {
				t.Fatal(err)
			}
			q := good
			if q.Bundle, err = BundleDigest(files); err != nil || Judge(q).Accepted {
				t.Errorf("accepted with byte %d of %s changed, %v", i, name, err)
			}
		}
		fsys[name] = file
	}
}

// TestGateIsAFunction asks the same papers in other orders, and with papers that
// count for nothing among them, and wants the same answer.
func TestGateIsAFunction(t *testing.T) {
	q := newSite(t).ask()
	want := Judge(q)
	for i := range q.Statements {
		p := q
		p.Statements = append(slices.Clone(q.Statements[i:]), q.Statements[:i]...)
		if got := Judge(p); got.Proposal != want.Proposal || !slices.Equal(got.Approvers, want.Approvers) || !got.Accepted {
			t.Errorf("Judge in order %d = %+v, want %+v", i, got, want)
		}
		junk := bytes.Repeat([]byte{byte(i)}, 100+sha256.Size)
		p.Statements = append(p.Statements, SignedText{Name: "junk.txt", Text: junk, Signatures: [][]byte{junk}})
		if got := Judge(p); !got.Accepted || len(got.Reasons) != 1 || !strings.Contains(got.Reasons[0], `"junk.txt" does not count`) {
			t.Errorf("Judge with junk = %+v, want it accepted and the junk named", got)
		}
	}
	later := q
	for d := time.Duration(0); d < 400*24*time.Hour; d += 41 * time.Hour {
		later.Now = q.Now.Add(d)
		if v := Judge(later); v.Accepted != !later.Now.After(mustTime("2026-11-23T06:00:00Z")) {
			t.Errorf("%v later Judge = %+v", d, v)
		}
	}
}
