package knowledge

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"io"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// A site is a small company with an environment, and a change under way that
// the gate accepts. Tests edit it and ask again.
type site struct {
	t          testing.TB
	keys       map[string]ssh.Signer // private keys by the name of key
	registers  []*version
	files      map[string][]byte
	statements []*draft
	question   Question // Registers, Statements, Trust and Bundle are filled in
	swap       func()   // of files, after everything was signed
}

// late edits the files after everything was signed.
func (s *site) late(edit func()) { s.swap = edit }

// A version of the register, and the keys that sign it.
type version struct {
	*Register
	by   []string
	edit func(text string) string // before it is signed
	late func(text string) string // after it was signed
}

// A draft is a statement to be signed. Fields left out are filled in so that it
// fits the register, the bundle and the proposal.
type draft struct {
	file      string
	kind      Kind
	fields    map[string]string
	by        []string
	namespace string                   // if not that of the kind
	edit      func(text string) string // before it is signed
	late      func(text string) string // after it was signed
	sig       func(armoured string) string
}

const (
	prodEnv  = "prod-eu1/5f0c7f1e9d2b4a6c8e10a1b2c3d4e5f6"
	stageEnv = "stage/00000000000000000000000000000001"
	liveH1   = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
)

func mustTime(s string) time.Time {
	t, err := parseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}

func newEd25519(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// seeded returns a key that is the same in every run.
func seeded(name string) ssh.Signer {
	var private crypto.Signer = newEd25519(name)
	if name == "carol" || name == "gina" {
		seed := sha256.Sum256([]byte(name))
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
		if err != nil {
			panic(err)
		}
		private = key
	}
	s, err := ssh.NewSignerFromSigner(private)
	if err != nil {
		panic(err)
	}
	if name == "dave" || name == "dave-untouched" {
		return newToken(newEd25519("dave"), name == "dave")
	}
	return s
}

// token signs as a FIDO authenticator does.
//
// Source: golang.org/x/crypto/ssh, which verifies: the signature is over the
// SHA-256 of the application, flags, counter and the SHA-256 of the data.
type token struct {
	private ed25519.PrivateKey
	public  ssh.PublicKey
	touched bool
}

const tokenApplication = "ssh:"

func newToken(private ed25519.PrivateKey, touched bool) *token {
	public, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type        string
		Point       []byte
		Application string
	}{ssh.KeyAlgoSKED25519, private.Public().(ed25519.PublicKey), tokenApplication}))
	if err != nil {
		panic(err)
	}
	return &token{private, public, touched}
}

func (k *token) PublicKey() ssh.PublicKey { return k.public }

func (k *token) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	app, digest := sha256.Sum256([]byte(tokenApplication)), sha256.Sum256(data)
	status := []byte{0, 0, 0, 0, 7} // flags, counter
	if k.touched {
		status[0] = 1
	}
	return &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Rest: status,
		Blob: ed25519.Sign(k.private, slices.Concat(app[:], status, digest[:]))}, nil
}

func person(name string, roles ...string) Person {
	return Person{ID: name, Roles: roles, Name: string(name[0]-32) + name[1:] + " Example"}
}

func newSite(t testing.TB) *site {
	s := &site{t: t, keys: map[string]ssh.Signer{}, files: map[string][]byte{
		"pack.yaml": []byte("name: web\n"), "README.md": []byte("# web\n"), "rules/one.grl": []byte("rule one {}\n")}}
	for _, name := range []string{"alice", "bob", "bob2", "carol", "dave", "dave-untouched", "erin", "finn", "gina", "mallory"} {
		s.keys[name] = seeded(name)
	}
	all := []string{"author", "approver", "operator", "root"}
	r := &Register{ID: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", Version: 1, Previous: "-",
		Time: mustTime("2026-10-23T06:00:00Z"), Expires: mustTime("2027-09-18T06:00:00Z"), RootThreshold: 2,
		People: []Person{person("alice", all...), person("bob", all...), person("carol", all...), person("dave", all...),
			person("erin", "operator"), person("finn", "author")}}
	for _, env := range []string{prodEnv, stageEnv} {
		r.Policies = append(r.Policies, Policy{Env: env, Approvals: 2, MaxAge: 168 * time.Hour, MinRings: 3, MinDwell: 10 * time.Minute})
	}
	v := &version{Register: r}
	for i := range r.People {
		s.give(v, r.People[i].ID, r.People[i].ID)
	}
	s.give(v, "bob", "bob2")
	s.registers = []*version{v}
	s.statements = []*draft{
		{file: "proposal.txt", kind: Proposal, by: []string{"alice"}, fields: map[string]string{"kind": "change", "author": "alice",
			"contributors": "-", "created": "2026-11-22T05:00:00Z", "not-before": "2026-11-22T05:59:00Z", "expires": "2026-11-23T06:00:00Z",
			"rollout": "shadow=30m,ring1=30m,all=0s", "rollback-window": "72h", "evidence": TextDigest([]byte("dossier")), "ticket": "CHG-1234",
			"why": "Drain a member that answers nothing", "nonce": "00112233445566778899aabbccddeeff"}},
		s.approval("bob"), s.approval("carol"),
	}
	s.question = Question{Env: prodEnv, Active: liveH1, Seq: 41, Now: mustTime("2026-11-22T06:00:00Z")}
	return s
}

// give adds a key to a person, whose signature the version then bears.
func (s *site) give(v *version, id, key string) {
	i := slices.IndexFunc(v.People, func(p Person) bool { return p.ID == id })
	p := &v.People[i]
	p.Keys = append(p.Keys, Key{s.keys[key].PublicKey()})
	slices.SortFunc(p.Keys, func(a, b Key) int { return bytes.Compare([]byte(a.String()), []byte(b.String())) })
	v.by = append(v.by, key)
}

func (s *site) approval(id string) *draft {
	return &draft{file: "approval-" + id + ".txt", kind: Approval, by: []string{id}, fields: map[string]string{"person": id,
		"name": person(id).Name, "decision": "approve", "meaning": "I read the rules and approve them", "time": "2026-11-22T05:50:00Z"}}
}

// next adds a version of the register to be edited, signed by alice and bob.
func (s *site) next() *version {
	last := s.registers[len(s.registers)-1]
	r := *last.Register
	r.Version++
	r.Time = r.Time.Add(24 * time.Hour)
	r.Previous = ""
	r.Policies = slices.Clone(r.Policies)
	r.People = slices.Clone(r.People)
	for i := range r.People {
		r.People[i].Keys = slices.Clone(r.People[i].Keys)
	}
	v := &version{Register: &r, by: []string{"alice", "bob"}}
	s.registers = append(s.registers, v)
	return v
}

// the returns a statement by the start of its file's name.
func (s *site) the(file string) *draft {
	i := slices.IndexFunc(s.statements, func(d *draft) bool { return d.file == file+".txt" })
	return s.statements[i]
}

func (s *site) member(id string) *Person {
	r := s.registers[len(s.registers)-1]
	i := slices.IndexFunc(r.People, func(p Person) bool { return p.ID == id })
	return &r.People[i]
}

// all sets a field of every statement.
func (s *site) all(name, value string) {
	for _, d := range s.statements {
		d.fields[name] = value
	}
}

// allHardware has the policy want hardware keys, and everybody sign with one.
func (s *site) allHardware() {
	s.registers[0].Policies[0].Hardware = true
	for _, d := range s.statements {
		id := d.by[0]
		s.keys[id+"-token"] = newToken(newEd25519(id+"-token"), true)
		s.give(s.registers[0], id, id+"-token")
		d.by = []string{id + "-token"}
	}
}

// ask signs everything as it now is and returns the question.
func (s *site) ask() Question {
	q := s.question
	previous := "-"
	for i, v := range s.registers {
		if v.Previous == "" {
			v.Previous = previous
		}
		text := string(v.Render())
		if v.edit != nil {
			text = v.edit(text)
		}
		t := SignedText{Name: "000" + strconv.Itoa(i+1) + ".txt", Text: []byte(text)}
		for _, name := range v.by {
			t.Signatures = append(t.Signatures, s.craft(name, "register@evenkeel.v1", t.Text))
		}
		if v.late != nil {
			t.Text = []byte(v.late(text))
		}
		previous = TextDigest(t.Text)
		if i == 0 && q.Trust == "" {
			q.Trust = previous
		}
		q.Registers = append(q.Registers, t)
	}
	q.Bundle = s.digest()
	context := map[string]string{"trust": previous, "env": q.Env, "seq": strconv.FormatUint(q.Seq+1, 10), "parent": q.Active, "bundle": q.Bundle}
	for _, d := range s.statements {
		t := s.signDraft(d, context)
		if d.kind == Proposal && context["proposal"] == "" {
			context["proposal"] = TextDigest(t.Text)
		}
		q.Statements = append(q.Statements, t)
	}
	if s.swap != nil {
		s.swap()
		q.Bundle = s.digest()
	}
	return q
}

func (s *site) digest() string {
	s.t.Helper()
	h1, err := BundleDigest(s.files)
	if err != nil {
		s.t.Fatal(err)
	}
	return h1
}

func (s *site) signDraft(d *draft, context map[string]string) SignedText {
	fields := map[string]string{}
	maps.Copy(fields, d.fields)
	for _, f := range grammar[d.kind] {
		if _, set := fields[f.name]; !set {
			fields[f.name] = context[f.name]
		}
	}
	text := string(Statement{d.kind, fields}.Render())
	if d.edit != nil {
		text = d.edit(text)
	}
	t := SignedText{Name: d.file, Text: []byte(text)}
	namespace := d.namespace
	if namespace == "" {
		namespace = d.kind.Namespace()
	}
	for _, name := range d.by {
		armoured := s.craft(name, namespace, t.Text)
		if d.sig != nil {
			armoured = []byte(d.sig(string(armoured)))
		}
		t.Signatures = append(t.Signatures, armoured)
	}
	if d.late != nil {
		t.Text = []byte(d.late(text))
	}
	return t
}

// craft signs without asking whether anybody would accept it.
func (s *site) craft(key, namespace string, text []byte) []byte {
	s.t.Helper()
	return craftWith(s.t, s.keys[key], namespace, text)
}

func craftWith(t testing.TB, key ssh.Signer, namespace string, text []byte) []byte {
	t.Helper()
	inner, err := key.Sign(nil, signedData(namespace, text))
	if err != nil {
		t.Fatal(err)
	}
	return armour(append([]byte("SSHSIG"), ssh.Marshal(signatureBlob{1, key.PublicKey().Marshal(), namespace, "", "sha512", ssh.Marshal(inner)})...))
}
