package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

const (
	gateEnv   = "prod-eu1/5f0c7f1e9d2b4a6c8e10a1b2c3d4e5f6"
	gateStage = "stage/00000000000000000000000000000001"
	gateLive  = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	gateNow   = "2026-11-22T06:00:00Z"
)

// keyring is the keys of a company, made and used by the machine's ssh-keygen.
type keyring struct {
	dir  string
	seen map[string][]byte // signatures made before, by key, namespace and text
}

func newKeyring(t *testing.T) *keyring {
	t.Helper()
	k := &keyring{t.TempDir(), map[string][]byte{}}
	for _, name := range []string{"alice", "bob", "bob2", "carol", "dave", "mallory"} {
		typ := "ed25519"
		if name == "carol" {
			typ = "ecdsa"
		}
		sshKeygen(t, "-q", "-t", typ, "-N", "", "-C", name, "-f", filepath.Join(k.dir, name))
	}
	return k
}

func sshKeygen(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen %s: %v\n%s", args, err, out)
	}
}

func (k *keyring) public(t *testing.T, name string) knowledge.Key {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(k.dir, name+".pub"))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(b))
	key, err := knowledge.ParseKey(words[0] + " " + words[1])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign writes a text with the signatures of keys beside it.
func (k *keyring) sign(t *testing.T, file, namespace string, text []byte, keys ...string) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range keys {
		id := name + "\x00" + namespace + "\x00" + string(text)
		if k.seen[id] == nil {
			sshKeygen(t, "-q", "-Y", "sign", "-f", filepath.Join(k.dir, name), "-n", namespace, file)
			b, err := os.ReadFile(file + ".sig")
			if err != nil {
				t.Fatal(err)
			}
			k.seen[id] = b
			if err := os.Remove(file + ".sig"); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(file+"."+name+".sig", k.seen[id], 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// paper is a statement before it is written to its file.
type paper struct {
	kind      knowledge.Kind
	fields    map[string]string
	key       string
	namespace string
	edit      func([]byte) []byte
}

// change is a question to 'rules gate', still to be written to files.
type change struct {
	register    knowledge.Register
	foundersOf1 []string
	second      func(*knowledge.Register) // edits version 2, if there is one
	signersOf2  []string
	papers      map[string]*paper
	bundle      map[string]string
	after       func(dir string) // edits the files
	active      string
	now         string
}

func approvalBy(id, key string) *paper {
	return &paper{kind: knowledge.Approval, key: key, fields: map[string]string{"person": id, "name": strings.ToUpper(id[:1]) + id[1:] + " Example",
		"decision": "approve", "meaning": "I read the rules and the replay report and approve them", "time": "2026-11-22T05:50:00Z"}}
}

func newChange(t *testing.T, k *keyring) *change {
	t.Helper()
	at := func(s string) time.Time { v, _ := time.Parse(time.RFC3339, s); return v }
	r := knowledge.Register{ID: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", Version: 1, Previous: "-", Time: at("2026-10-23T06:00:00Z"),
		Expires: at("2027-09-18T06:00:00Z"), RootThreshold: 2, Policies: []knowledge.Policy{{Env: gateEnv, Approvals: 2,
			MaxAge: 168 * time.Hour, MinRings: 3, MinDwell: 10 * time.Minute}}}
	for _, id := range []string{"alice", "bob", "carol", "dave"} {
		p := knowledge.Person{ID: id, Roles: []string{"author", "approver", "operator", "root"}, Name: strings.ToUpper(id[:1]) + id[1:] + " Example"}
		p.Keys = []knowledge.Key{k.public(t, id)}
		if id == "bob" {
			p.Keys = append(p.Keys, k.public(t, "bob2"))
			slices.SortFunc(p.Keys, func(a, b knowledge.Key) int { return strings.Compare(a.String(), b.String()) })
		}
		r.People = append(r.People, p)
	}
	return &change{register: r, foundersOf1: []string{"alice", "bob", "bob2", "carol", "dave"},
		papers: map[string]*paper{
			"proposal.txt": {kind: knowledge.Proposal, key: "alice", fields: map[string]string{"kind": "change", "author": "alice",
				"contributors": "-", "created": "2026-11-22T05:00:00Z", "not-before": "2026-11-22T05:59:00Z", "expires": "2026-11-23T06:00:00Z",
				"rollout": "shadow=30m,ring1=30m,all=0s", "rollback-window": "72h", "evidence": knowledge.TextDigest([]byte("dossier")),
				"ticket": "CHG-1234", "why": "Drain a member whose work went into its bit bucket", "nonce": "00112233445566778899aabbccddeeff"}},
			"approval-1.txt": approvalBy("bob", "bob"),
			"approval-2.txt": approvalBy("carol", "carol"),
		},
		bundle: map[string]string{"pack.yaml": "name: web\n", "rules/one.grl": "rule one {}\n"},
		active: gateLive, now: gateNow}
}

// write signs and writes everything, and returns the arguments of 'rules gate'.
func (c *change) write(t *testing.T, k *keyring) []string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{"registers", "statements", "bundle/rules"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range c.bundle {
		if err := os.WriteFile(filepath.Join(dir, "bundle", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := c.register.Render()
	trust := knowledge.TextDigest(text)
	current := trust
	k.sign(t, filepath.Join(dir, "registers", "0001.txt"), "register@evenkeel.v1", text, c.foundersOf1...)
	if c.second != nil {
		next := c.register
		next.Version, next.Previous, next.Time = 2, trust, c.register.Time.Add(time.Hour)
		c.second(&next)
		text = next.Render()
		current = knowledge.TextDigest(text)
		k.sign(t, filepath.Join(dir, "registers", "0002.txt"), "register@evenkeel.v1", text, c.signersOf2...)
	}
	files, err := knowledge.ReadBundle(os.DirFS(filepath.Join(dir, "bundle")))
	if err != nil {
		t.Fatal(err)
	}
	digest, err := knowledge.BundleDigest(files)
	if err != nil {
		t.Fatal(err)
	}
	about := map[string]string{"trust": current, "env": gateEnv, "seq": "42", "parent": gateLive, "bundle": digest}
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(c.papers))) { // the proposal first
		p := c.papers[name]
		text := c.text(t, p, about)
		if p.kind == knowledge.Proposal {
			about["proposal"] = knowledge.TextDigest(text)
		}
		namespace := p.namespace
		if namespace == "" {
			namespace = p.kind.Namespace()
		}
		k.sign(t, filepath.Join(dir, "statements", name), namespace, text, p.key)
	}
	if c.after != nil {
		c.after(dir)
	}
	return []string{"rules", "gate", "--trust", trust, "--env", gateEnv, "--registers", filepath.Join(dir, "registers"),
		"--bundle", filepath.Join(dir, "bundle"), "--statements", filepath.Join(dir, "statements"),
		"--active", c.active, "--seq", "41", "--now", c.now}
}

func (c *change) text(t *testing.T, p *paper, about map[string]string) []byte {
	t.Helper()
	fields := maps.Clone(p.fields)
	for name, value := range about {
		if _, set := fields[name]; !set && (name != "proposal" || p.kind == knowledge.Approval) {
			fields[name] = value
		}
	}
	s, err := knowledge.NewStatement(p.kind, fields)
	if err != nil {
		t.Fatal(err)
	}
	text := s.Render()
	if p.edit != nil {
		text = p.edit(text)
	}
	return text
}

// TestRulesGate judges files that ssh-keygen signed.
func TestRulesGate(t *testing.T) {
	k := newKeyring(t)
	spoil := func(name, from, to string) func(string) {
		return func(dir string) {
			file := filepath.Join(dir, name)
			b, err := os.ReadFile(file)
			if err != nil || !bytes.Contains(b, []byte(from)) {
				t.Fatalf("%s does not hold %q, %v", name, from, err)
			}
			if err := os.WriteFile(file, bytes.Replace(b, []byte(from), []byte(to), 1), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name string
		edit func(*change)
		want string // in the reasons; "": accepted, with none
		code int
	}{
		{"a good change", func(*change) {}, "", 0},
		{"a good change beside garbage", func(c *change) {
			c.after = func(dir string) {
				k.sign(t, filepath.Join(dir, "statements", "zz.txt"), "approval@evenkeel.v1", []byte("hello\n"), "mallory")
			}
		}, `"zz.txt" does not count`, 0},
		{"a good change where the author counts", func(c *change) {
			c.register.Policies[0].AuthorCounts = true
			c.papers["approval-1.txt"] = approvalBy("alice", "alice")
		}, "", 0},
		{"a good change under the second register", func(c *change) {
			c.second = func(r *knowledge.Register) { r.Policies = slices.Clone(r.Policies); r.Policies[0].MinRings = 2 }
			c.signersOf2 = []string{"bob", "dave"}
		}, "", 0},
		{"approvals of another proposal", func(c *change) {
			c.papers["approval-1.txt"].fields["proposal"] = knowledge.TextDigest(nil)
			c.papers["approval-2.txt"].fields["proposal"] = knowledge.TextDigest(nil)
		}, "it is for another proposal", 1},
		{"the author approves", func(c *change) { c.papers["approval-1.txt"] = approvalBy("alice", "alice") }, "alice is the author", 1},
		{"a bidirectional character in the reason", func(c *change) {
			c.papers["proposal.txt"].edit = func(b []byte) []byte { return bytes.Replace(b, []byte("bit"), []byte("\u202ebit"), 1) }
		}, "U+202E", 1},
		{"one byte of the bundle", func(c *change) { c.after = spoil("bundle/rules/one.grl", "one", "onf") }, "the bytes are h1:", 1},
		{"expired", func(c *change) { c.now = "2026-11-23T07:00:00Z" }, "proposal expired", 1},
		{"signed for git", func(c *change) { c.papers["approval-1.txt"].namespace = "git" }, `namespace "git"`, 1},
		{"one approval", func(c *change) { delete(c.papers, "approval-1.txt") }, "1 of 2 approvals", 1},
		{"one person with two keys", func(c *change) {
			c.papers["approval-1.txt"] = approvalBy("bob", "bob2")
			c.papers["approval-2.txt"] = approvalBy("bob", "bob")
			c.papers["approval-2.txt"].fields["time"] = "2026-11-22T05:51:00Z"
		}, "1 of 2 approvals", 1},
		{"one ring", func(c *change) { c.papers["proposal.txt"].fields["rollout"] = "all=0s" }, "the policy wants 3", 1},
		{"a new key that nobody proved to hold", func(c *change) {
			c.second = func(r *knowledge.Register) {
				r.People = append(slices.Clone(r.People), knowledge.Person{ID: "gus", Roles: []string{"approver"}, Name: "Gus", Keys: []knowledge.Key{k.public(t, "mallory")}})
			}
			c.signersOf2 = []string{"alice", "bob"}
		}, "new key of gus has not signed", 1},
		{"a stale parent", func(c *change) { c.active = "h1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=" }, "stale", 1},
		{"a signature with carriage returns", func(c *change) {
			c.after = spoil("statements/approval-1.txt.bob.sig", "SIGNATURE-----\n", "SIGNATURE-----\r\n")
		}, "does not begin", 1},
		{"another environment", func(c *change) { c.papers["proposal.txt"].fields["env"] = gateStage }, "proposal is for stage/", 1},
		{"a symbolic link in the bundle", func(c *change) {
			c.after = func(dir string) {
				if err := os.Symlink("pack.yaml", filepath.Join(dir, "bundle", "README.md")); err != nil {
					t.Fatal(err)
				}
			}
		}, "not a regular file", 1},
		{"an empty bundle", func(c *change) {
			c.after = func(dir string) {
				if err := os.RemoveAll(filepath.Join(dir, "bundle")); err != nil {
					t.Fatal(err)
				}
				if err := os.Mkdir(filepath.Join(dir, "bundle"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
		}, "no file", 1},
		{"no folder of statements", func(c *change) {
			c.after = func(dir string) {
				if err := os.RemoveAll(filepath.Join(dir, "statements")); err != nil {
					t.Fatal(err)
				}
			}
		}, "statements: knowledge: read signed texts", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newChange(t, k)
			tt.edit(c)
			args := c.write(t, k)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append(args, "-o", "json"), &stdout, &stderr)
			var v struct {
				Accepted  *bool
				Reasons   []string
				Proposal  *string
				Approvers []string
			}
			d := json.NewDecoder(bytes.NewReader(stdout.Bytes()))
			d.DisallowUnknownFields()
			if err := d.Decode(&v); err != nil || v.Accepted == nil || v.Reasons == nil || v.Proposal == nil || v.Approvers == nil {
				t.Fatalf("rules gate prints %s, %v, want accepted, reasons, proposal and approvers", &stdout, err)
			}
			if code != tt.code || *v.Accepted != (tt.code == 0) || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.want) || tt.want == "" && len(v.Reasons) > 0 {
				t.Errorf("rules gate = %d, prints %s%s, want %d and %q", code, &stdout, &stderr, tt.code, tt.want)
			}
		})
	}
}

func TestRulesGateForPeople(t *testing.T) {
	k := newKeyring(t)
	c := newChange(t, k)
	delete(c.papers, "approval-2.txt")
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), c.write(t, k), &stdout, &stderr); code != exitFailed {
		t.Errorf("rules gate = %d, %s", code, &stderr)
	}
	for _, want := range []string{"verdict      refused\n", "approved by  bob\n", "because      1 of 2 approvals\n", "why          Drain a member", "at           " + gateNow} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("rules gate prints\n%s\nwant %q in it", &stdout, want)
		}
	}
}

func TestRulesGateIsUsedWrongly(t *testing.T) {
	good := []string{"rules", "gate", "--trust", "t", "--env", "e", "--registers", "r", "--bundle", "b", "--statements", "s"}
	for i := 2; i < len(good); i += 2 {
		checkMisuse(t, slices.Delete(slices.Clone(good), i, i+2))
		empty := slices.Clone(good)
		empty[i+1] = ""
		checkMisuse(t, empty)
	}
	for _, more := range [][]string{{"--now", "yesterday"}, {"--since", "2026"}, {"--seq", "-1"}, {"--seq", "x"}, {"-o", "xml"}, {"--active", ""},
		{"more"}, {"--skip-verify"}} {
		checkMisuse(t, append(slices.Clone(good), more...))
	}
}

func checkMisuse(t *testing.T, args []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), args, &stdout, &stderr); code != exitUsage || stdout.Len() > 0 {
		t.Errorf("%s = %d, prints %q, want wrong usage and nothing: %s", fmt.Sprint(args), code, &stdout, &stderr)
	}
}
