package knowledge

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func set(d *draft, name, value string) { d.fields[name] = value }

func TestGateAccepts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		edit  func(*site)
		want  []string // approvers
		notes string
	}{
		{"a proposal with two approvals", func(*site) {}, []string{"bob", "carol"}, ""},
		{"three approvals", func(s *site) { s.statements = append(s.statements, s.approval("dave")) }, []string{"bob", "carol", "dave"}, ""},
		{"a hardware key that was touched", func(s *site) { s.statements[2] = s.approval("dave") }, []string{"bob", "dave"}, ""},
		{"an approval by the spare key", func(s *site) { s.the("approval-bob").by = []string{"bob2"} }, []string{"bob", "carol"}, ""},
		{"an approval with both of a person's keys", func(s *site) { s.the("approval-bob").by = []string{"bob2", "bob"} }, []string{"bob", "carol"}, ""},
		{"the author's own where the policy counts it", func(s *site) {
			s.registers[0].Policies[0].AuthorCounts = true
			s.statements[2] = s.approval("alice")
		}, []string{"alice", "bob"}, ""},
		{"an author who may not approve", func(s *site) { p := s.the("proposal"); set(p, "author", "finn"); p.by = []string{"finn"} }, []string{"bob", "carol"}, ""},
		{"at the instant at which it begins", func(s *site) { s.question.Now = mustTime("2026-11-22T05:59:00Z") }, []string{"bob", "carol"}, ""},
		{"at the instant at which it expires", func(s *site) { s.question.Now = mustTime("2026-11-23T06:00:00Z") }, []string{"bob", "carol"}, ""},
		{"the first bundle of an environment", func(s *site) { s.question.Active, s.question.Seq = "none", 0 }, []string{"bob", "carol"}, ""},
		{"the second version of the register", func(s *site) { s.next() }, []string{"bob", "carol"}, ""},
		{"a rollback that is proposed and approved during a freeze", func(s *site) {
			s.registers[0].Policies[0].Freeze = []Window{{mustTime("2026-11-22T00:00:00Z"), mustTime("2026-11-22T06:00:00Z")}}
			set(s.the("proposal"), "kind", "rollback")
		}, []string{"bob", "carol"}, ""},
		{"a change after a freeze", func(s *site) {
			s.registers[0].Policies[0].Freeze = []Window{{mustTime("2026-11-22T00:00:00Z"), mustTime("2026-11-22T05:59:59Z")}}
		}, []string{"bob", "carol"}, ""},
		{"hardware keys where the policy wants them", func(s *site) { s.allHardware() }, []string{"bob", "carol"}, ""},
		{"a clock four minutes slow", func(s *site) { set(s.the("approval-bob"), "time", "2026-11-22T06:04:00Z") }, []string{"bob", "carol"}, ""},
		{"another proposal beside it, with its own approvals missing", func(s *site) {
			p := *s.the("proposal")
			p.file, p.fields = "another.txt", map[string]string{}
			for k, v := range s.the("proposal").fields {
				p.fields[k] = v
			}
			set(&p, "nonce", strings.Repeat("1", 32))
			s.statements = append(s.statements, &p)
		}, []string{"bob", "carol"}, ""},
		{"garbage beside it", func(s *site) {
			s.statements = append(s.statements, &draft{file: "zz.txt", kind: Review, late: func(string) string { return "hello\n" }})
		}, []string{"bob", "carol"}, `"zz.txt" does not count`},
		{"a statement of another kind beside it", func(s *site) {
			s.statements = append(s.statements, &draft{file: "stop.txt", kind: Stop, by: []string{"erin"}, fields: samples})
		}, []string{"bob", "carol"}, "no use for a statement of kind stop"},
		{"a stranger's rejection", func(s *site) {
			a := s.approval("dave")
			set(a, "decision", "reject")
			a.by = []string{"mallory"}
			s.statements = append(s.statements, a)
		}, []string{"bob", "carol"}, "signed by a key that is not among those"},
		{"an operator's rejection", func(s *site) {
			a := s.approval("erin")
			set(a, "decision", "reject")
			s.statements = append(s.statements, a)
		}, []string{"bob", "carol"}, "erin does not hold the role approver"},
		{"a withdrawal by somebody else", func(s *site) {
			s.statements = append(s.statements, &draft{file: "w.txt", kind: Withdrawal, by: []string{"bob"}, fields: map[string]string{
				"person": "bob", "why": "I changed my mind", "time": "2026-11-22T05:55:00Z"}})
		}, []string{"bob", "carol"}, ""},
		{"a rejection of another proposal", func(s *site) {
			a := s.approval("dave")
			set(a, "decision", "reject")
			set(a, "proposal", TextDigest(nil))
			s.statements = append(s.statements, a)
		}, []string{"bob", "carol"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			tt.edit(s)
			v := Judge(s.ask())
			if !v.Accepted || !slices.Equal(v.Approvers, tt.want) || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.notes) {
				t.Errorf("Judge = %+v, want it accepted with %v and a note %q", v, tt.want, tt.notes)
			}
			if v.Plan.Kind != Proposal || TextDigest(v.Plan.Render()) != v.Proposal {
				t.Errorf("Plan is a %s with digest %s, want the proposal %s", v.Plan.Kind, TextDigest(v.Plan.Render()), v.Proposal)
			}
		})
	}
}

// TestGateRollback lets one approver go back to the parent of the live bundle.
func TestGateRollback(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(s *site, r *draft)
		want string // "": accepted
	}{
		{"inside the window", func(*site, *draft) {}, ""},
		{"at the end of the window", func(s *site, _ *draft) { s.question.Now = s.question.Since.Add(72 * time.Hour) }, ""},
		{"during a freeze", func(s *site, _ *draft) {
			s.registers[0].Policies[0].Freeze = []Window{{mustTime("2026-11-22T00:00:00Z"), mustTime("2026-12-22T06:00:00Z")}}
		}, ""},
		{"after the window", func(s *site, _ *draft) { s.question.Now = s.question.Since.Add(72*time.Hour + time.Second) }, "the rollback window ended"},
		{"when nobody knows since when the bundle is live", func(s *site, _ *draft) { s.question.Since = time.Time{} }, "is not known"},
		{"signed before the bundle went live", func(_ *site, r *draft) { set(r, "time", "2026-11-21T05:00:00Z") }, "before the bundle went live"},
		{"signed in the future", func(_ *site, r *draft) { set(r, "time", "2026-12-21T05:00:00Z") }, "in the future"},
		{"to a bundle that is not the parent", func(s *site, _ *draft) { s.files["pack.yaml"] = []byte("name: old\n") }, "did not put the live bundle"},
		{"by an operator", func(_ *site, r *draft) {
			set(r, "person", "erin")
			set(r, "name", "Erin Example")
			r.by = []string{"erin"}
		}, "erin does not hold the role approver"},
		{"by a stranger's key", func(_ *site, r *draft) { r.by = []string{"mallory"} }, "not among those"},
		{"signed as an approval", func(_ *site, r *draft) { r.namespace = "approval@evenkeel.v1" }, "signed in namespace"},
		{"with another sequence", func(_ *site, r *draft) { set(r, "seq", "42") }, "sequence 42, want 43"},
		{"in another environment", func(_ *site, r *draft) { set(r, "env", stageEnv) }, "rollback is for " + stageEnv},
		{"of a proposal that is not here", func(_ *site, r *draft) { set(r, "proposal", TextDigest(nil)) }, "is not here"},
		{"of an approval's digest", func(s *site, r *draft) { set(r, "proposal", TextDigest(s.ask().Statements[1].Text)) }, "is not here"},
		{"of a proposal that put another bundle live", func(s *site, _ *draft) { s.all("bundle", "h1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=") }, "did not put the live bundle"},
		{"of a proposal of another sequence", func(s *site, _ *draft) { s.all("seq", "41") }, "did not put the live bundle"},
		{"of a proposal of another environment", func(s *site, _ *draft) { s.all("env", stageEnv) }, "did not put the live bundle"},
		{"of a proposal that one person approved", func(s *site, _ *draft) { s.the("approval-bob").by = nil }, "1 of 2 approvals"},
		{"of a proposal that was approved after it went live", func(s *site, _ *draft) { set(s.the("approval-bob"), "time", "2026-11-22T09:00:00Z") }, "after the bundle went live"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			parent, err := BundleDigest(s.files)
			if err != nil {
				t.Fatal(err)
			}
			p := s.the("proposal")
			set(p, "env", prodEnv)
			for _, d := range s.statements { // what put the live bundle in the place of the one in files
				set(d, "parent", parent)
				set(d, "bundle", liveH1)
				set(d, "seq", "42")
			}
			s.question.Active, s.question.Seq, s.question.Since = liveH1, 42, mustTime("2026-11-22T06:00:00Z")
			s.question.Now = mustTime("2026-11-22T20:00:00Z")
			r := &draft{file: "rollback.txt", kind: Rollback, by: []string{"carol"}, fields: map[string]string{
				"person": "carol", "name": "Carol Example", "why": "It drains too much", "time": "2026-11-22T19:59:00Z"}}
			tt.edit(s, r)
			s.statements = append(s.statements, r)
			v := Judge(s.ask())
			if tt.want == "" {
				if !v.Accepted || !slices.Equal(v.Approvers, []string{"carol"}) || v.Plan.Kind != Rollback {
					t.Errorf("Judge = %+v, want it accepted for carol", v)
				}
			} else if v.Accepted || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.want) {
				t.Errorf("Judge = %+v, want it refused with %q", v, tt.want)
			}
		})
	}
}

// TestRollbackUnderAnOlderRegister undoes what was approved under a register
// that has been replaced since.
func TestRollbackUnderAnOlderRegister(t *testing.T) {
	s := newSite(t)
	parent, err := BundleDigest(s.files)
	if err != nil {
		t.Fatal(err)
	}
	v1 := TextDigest(s.registers[0].Render())
	for _, d := range s.statements {
		set(d, "parent", parent)
		set(d, "bundle", liveH1)
		set(d, "seq", "42")
		set(d, "trust", v1)
	}
	v := s.next() // alice, the author, has left
	v.People = v.People[1:]
	v.by = []string{"bob", "carol"}
	s.question.Seq, s.question.Since, s.question.Now = 42, mustTime("2026-11-22T06:00:00Z"), mustTime("2026-11-22T20:00:00Z")
	s.statements = append(s.statements, &draft{file: "rollback.txt", kind: Rollback, by: []string{"carol"}, fields: map[string]string{
		"person": "carol", "name": "Carol Example", "why": "It drains too much", "time": "2026-11-22T19:59:00Z"}})
	if got := Judge(s.ask()); !got.Accepted {
		t.Errorf("Judge = %+v, want it accepted", got)
	}
}

func TestVerdictIsOneJSONObject(t *testing.T) {
	s := newSite(t)
	s.statements = nil
	b, err := json.Marshal(Judge(s.ask()))
	const want = `{"accepted":false,"reasons":["no proposal that its author signed"],"proposal":"","approvers":[]}`
	if err != nil || string(b) != want {
		t.Errorf("verdict = %s, %v, want %s", b, err, want)
	}
}

func TestReadSignedTexts(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.txt": "a\n", "a.txt.sig": "1", "a.txt.bob.sig": "2", "a.txt.txt": "b\n", "a.txt.txt.sig": "3", "a.txtx.sig": "no", "b.txt.sig": "no",
		"note.md": "no", "big.txt": "evenkeel review v1\n" + strings.Repeat("x", MaxTextBytes), "big.txt.sig": strings.Repeat("x", maxSignatureBytes+9),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a.txt", filepath.Join(dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.txt", filepath.Join(dir, "a.txt.link.sig")); err != nil {
		t.Fatal(err)
	}
	texts, err := ReadSignedTexts(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, x := range texts {
		sigs := make([]string, len(x.Signatures))
		for i, b := range x.Signatures {
			sigs[i] = string(b[:min(len(b), 4)])
		}
		slices.Sort(sigs)
		got[x.Name] = string(x.Text[:min(len(x.Text), 4)]) + "|" + strings.Join(sigs, ",")
	}
	want := map[string]string{"a.txt": "a\n|,1,2", "a.txt.txt": "b\n|3", "big.txt": "even|xxxx", "link.txt": "|"}
	if len(got) != len(want) {
		t.Errorf("ReadSignedTexts = %q, want %q", got, want)
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s = %q, want %q", name, got[name], want[name])
		}
	}
	for _, x := range texts {
		if p := sift(&Register{}, Policy{}, []SignedText{x}); x.Name == "link.txt" && !strings.Contains(p.notes[0], "not a regular file") ||
			x.Name == "big.txt" && !strings.Contains(p.notes[0], "more than 16384 bytes") {
			t.Errorf("notes on %s: %v", x.Name, p.notes)
		}
	}
	if _, err := ReadSignedTexts(os.DirFS(filepath.Join(dir, "none"))); err == nil {
		t.Error("ReadSignedTexts of a directory that is not there = nil")
	}
	many := fstest.MapFS{}
	for i := range maxSignedTexts + 1 {
		many[strings.Repeat("x", 1+i%50)+time.Duration(i).String()+".txt"] = &fstest.MapFile{}
	}
	if _, err := ReadSignedTexts(many); err == nil {
		t.Error("ReadSignedTexts of too many = nil")
	}
}

func TestReadBundle(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "rules"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadBundle(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("ReadBundle of nothing = %v", err)
	}
	for name, text := range map[string]string{"pack.yaml": "a", "rules/x.grl": "b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := ReadBundle(os.DirFS(dir))
	if err != nil || len(files) != 2 || string(files["rules/x.grl"]) != "b" {
		t.Fatalf("ReadBundle = %q, %v", files, err)
	}
	// sha256sum pack.yaml rules/x.grl | LC_ALL=C sort -k2 | sha256sum | cut -c1-64 | xxd -r -p | base64
	const want = "h1:RHU6LSGE1vzLIazhEB8AmbSyiXRCYoC/TooCmWgltlc="
	if got, err := BundleDigest(files); err != nil || got != want {
		t.Errorf("BundleDigest = %s, %v, want %s", got, err, want)
	}
	if err := os.Symlink("pack.yaml", filepath.Join(dir, "rules", "y.grl")); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadBundle(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("ReadBundle with a symbolic link = %v", err)
	}
	for _, name := range []string{"a\nb", "a\x7fb", "a\xffb"} {
		if _, err := ReadBundle(fstest.MapFS{name: {Data: []byte("x")}}); err == nil {
			t.Errorf("ReadBundle with a file named %q = nil", name)
		}
	}
	if _, err := ReadBundle(fstest.MapFS{"x": {Data: make([]byte, MaxPackBytes+1)}}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("ReadBundle of a large file = %v", err)
	}
}

func BenchmarkJudge(b *testing.B) {
	q := newSite(b).ask()
	for b.Loop() {
		if v := Judge(q); !v.Accepted {
			b.Fatal(v.Reasons)
		}
	}
}

// BenchmarkJudgeStatements judges an author and two approvals when the register
// has been read before.
func BenchmarkJudgeStatements(b *testing.B) {
	q := newSite(b).ask()
	c, err := ReadChain(q.Trust, q.Registers)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if v := c.judge(q); !v.Accepted {
			b.Fatal(v.Reasons)
		}
	}
}

func BenchmarkBundleDigest(b *testing.B) {
	files := map[string][]byte{}
	for i := range 200 {
		files["rules/"+time.Duration(i).String()+".grl"] = []byte(strings.Repeat("x", 2000))
	}
	for b.Loop() {
		if _, err := BundleDigest(files); err != nil {
			b.Fatal(err)
		}
	}
}
