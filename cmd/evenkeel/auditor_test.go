package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

// audited runs the auditor's script, which uses nothing of this program.
func audited(t *testing.T, dir, trust string) (string, bool) {
	t.Helper()
	script, err := filepath.Abs("../../testdata/audit/verify-change.sh")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "sh", script, dir, trust).CombinedOutput()
	return string(out), err == nil
}

// exported writes the papers of a change as 'rules export' does.
func (o *office) exported(t *testing.T, p *parcel) string {
	t.Helper()
	s := &site{ledger: o.governor.ledger, store: o.governor.store, now: o.clock}
	c, err := s.change(knowledge.TextDigest(p.statements[0].Text))
	if err != nil {
		t.Fatal(err)
	}
	papers, err := s.parcel(c)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "change")
	if err := papers.write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAuditorVerifiesAChangeWithStockTools(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	p := o.live(t, "the first")
	out, holds := audited(t, o.exported(t, p), o.trust)
	if !holds || !strings.Contains(out, "holds     2 of 2 approvals") || !strings.Contains(out, "approved  by ben") || !strings.Contains(out, "by ana: a better threshold") {
		t.Fatalf("holds %v:\n%s", holds, out)
	}
	change := func(dir, pattern string, edit func(b []byte) []byte) {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", pattern, names, err)
		}
		b, err := os.ReadFile(names[0])
		if err == nil {
			err = os.WriteFile(names[0], edit(b), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	replace := func(from, to string) func([]byte) []byte {
		return func(b []byte) []byte { return []byte(strings.Replace(string(b), from, to, 1)) }
	}
	for _, tt := range []struct {
		name  string
		spoil func(dir string)
		want  string
	}{
		{"a byte of a rule", func(dir string) { change(dir, "bundle/rules/*.grl", func(b []byte) []byte { return append(b, '\n') }) }, "the files in bundle have the digest"},
		{"a file more", func(dir string) {
			if err := os.WriteFile(filepath.Join(dir, "bundle", "rules", "more.grl"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "the files in bundle have the digest"},
		{"another reason", func(dir string) { change(dir, "statements/proposal*.txt", replace("a better", "a worse")) }, "not signed by its author"},
		{"an approval of something else", func(dir string) { change(dir, "statements/approval*.txt", replace("seq 1", "seq 2")) }, "1 of 2 approvals"},
		{"an approval without its signature", func(dir string) { change(dir, "statements/approval*.sig", func([]byte) []byte { return nil }) }, "1 of 2 approvals"},
		{"another dossier", func(dir string) { change(dir, "evidence/*", func(b []byte) []byte { return append(b, ' ') }) }, "the dossier is not the one"},
		{"another register", func(dir string) { change(dir, "registers/0001.txt", replace("Ana Ames", "Ana Amos")) }, "not the register that is pinned"},
		{"a register that somebody has not signed", func(dir string) {
			change(dir, "registers/0001.txt.1.sig", func([]byte) []byte { return nil })
		}, "has not signed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := o.exported(t, p)
			tt.spoil(dir)
			if out, holds := audited(t, dir, o.trust); holds || !strings.Contains(out, tt.want) {
				t.Errorf("holds %v, want refused for %q:\n%s", holds, tt.want, out)
			}
		})
	}
	if out, holds := audited(t, o.exported(t, p), "sha256:"+strings.Repeat("0", 64)); holds || !strings.Contains(out, "not the register that is pinned") {
		t.Errorf("under another trust: holds %v\n%s", holds, out)
	}
}

// What the daemon exports is what the gate by itself accepts.
func TestExportIsWhatTheGateJudges(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	first := o.live(t, "the first")
	o.pass(t, time.Hour)
	second := o.live(t, "the second")
	for _, p := range []*parcel{first, second} {
		dir := o.exported(t, p)
		q, err := o.governor.ledger.Question(knowledge.TextDigest(p.statements[0].Text), o.clock)
		if err != nil {
			t.Fatal(err)
		}
		g := gateOptions{registers: filepath.Join(dir, registersDir), bundle: filepath.Join(dir, bundleDir), statements: filepath.Join(dir, statementsDir)}
		again := knowledge.Question{Trust: o.trust, Env: o.env, Active: q.Active, Seq: q.Seq, Now: q.Now}
		if err := g.read(&again); err != nil {
			t.Fatal(err)
		}
		if v := knowledge.Judge(again); !v.Accepted || strings.Join(v.Approvers, " ") != "ben cleo" {
			t.Errorf("verdict %+v, want it accepted by ben and cleo", v)
		}
	}
}

// What is said of a change after it began is with it, and changes nothing of the
// verdict by which it began.
func TestExportKeepsApartWhatWasSaidLater(t *testing.T) {
	o := newOffice(t)
	o.take(t, &parcel{registers: []knowledge.SignedText{o.register}})
	o.live(t, "the first")
	p := o.proposal(t, o.pack(t, "the second"), nil)
	for _, paper := range []*parcel{p, o.answer(t, "ben", "approve", p), o.answer(t, "cleo", "approve", p)} {
		o.take(t, paper)
	}
	o.pass(t, 10*time.Second)
	if r := o.take(t, o.answer(t, "cleo", "reject", p)); r.Result != resultTaken {
		t.Fatalf("rejection: %s", r.Why)
	}
	o.reopen(t)
	dir := o.exported(t, p)
	if out, holds := audited(t, dir, o.trust); !holds {
		t.Errorf("the auditor's script refuses it:\n%s", out)
	}
	q, err := o.governor.ledger.Question(knowledge.TextDigest(p.statements[0].Text), o.clock)
	if err != nil {
		t.Fatal(err)
	}
	again := knowledge.Question{Trust: o.trust, Env: o.env, Active: q.Active, Seq: q.Seq, Now: q.Now}
	g := gateOptions{registers: filepath.Join(dir, registersDir), bundle: filepath.Join(dir, bundleDir), statements: filepath.Join(dir, statementsDir)}
	if err := g.read(&again); err != nil {
		t.Fatal(err)
	}
	if v := knowledge.Judge(again); !v.Accepted {
		t.Errorf("verdict %+v, want that of the instant when it began", v)
	}
	k, err := readHandedOver(dir)
	if err != nil || len(k.later) != 1 || k.later[0].Name != "001-rejection-cleo.txt" || len(k.later[0].Signatures) != 1 || len(k.statements) != 3 {
		t.Fatalf("read back %+v, %v, want one paper that is later", k, err)
	}
	shown, err := newCase(k, "", o.trust, o.clock)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := shown.print(&out); err != nil || !strings.Contains(out.String(), "reject by cleo at") {
		t.Errorf("shown without what was said later: %v\n%s", err, out.String())
	}
	if r := o.take(t, k); r.Result == resultTaken { // all of it is known, or the change has ended
		t.Errorf("taken again: %+v", r)
	}
}
