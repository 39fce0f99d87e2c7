package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

// The change that the demo ends with: what it says in pack.yaml, and in its
// place.
const (
	offerFrom = "cooldown: 20s"
	offerTo   = "cooldown: 2m"
	offerWhy  = "a member that was mended deserves two minutes before it is taken out again"
)

// offer ends the demo with a change of rules that lacks one signature: ana
// proposes it, ben has approved it, and whoever watches is cleo. Everything is
// real but the people: keys, statements, signatures and the gate.
type offer struct {
	*speaker
	dir       string // that keeps all of it
	trust     string
	register  *knowledge.Register
	registers []knowledge.SignedText
}

// offerSignature asks whoever watches to sign a change as the second person. Where
// nobody can be asked it says how, if what it needs is kept.
func offerSignature(ctx context.Context, dir string, kept bool, in io.Reader, out io.Writer) error {
	_, asked := terminal(in)
	root := filepath.Join(dir, "governance")
	if _, err := os.Lstat(root); !asked && !kept || !errors.Is(err, fs.ErrNotExist) {
		return nil // nobody could sign it, or somebody was asked before
	}
	o := &offer{dir: root, speaker: &speaker{paperOptions: &paperOptions{as: "cleo", key: filepath.Join(root, registersDir, "keys", "cleo")},
		in: in, out: out, errout: out, now: time.Now().UTC().Truncate(time.Second)}}
	p, err := o.prepare(ctx)
	if err != nil {
		return fmt.Errorf("demo: prepare a change: %w", err)
	}
	k, err := newCase(p, "", o.trust, o.now)
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\nOne more thing. Nobody changes rules alone: ana proposes the change below, and ben\nhas signed it. It takes a second person, and you are cleo.\n\n")
	if err := k.print(out); err != nil {
		return err
	}
	change := filepath.Join(root, "change")
	if err := p.write(change); err != nil {
		return err
	}
	if !asked {
		_, err := fmt.Fprintf(out, "sign it:  evenkeel rules approve --from %s --trust %s --as cleo --key %s --via %s\njudge it: evenkeel rules gate --trust %s --env %s --registers %[1]s/registers --bundle %[1]s/bundle --statements %[1]s/statements\n",
			change, o.trust, o.key, filepath.Join(root, "approval"), o.trust, k.proposal.Field("env"))
		return err
	}
	return o.ask(k, p)
}

// ask has the viewer sign, and says what the gate makes of it.
func (o *offer) ask(k *changeCase, p *parcel) error {
	who, err := o.person(o.register)
	if err != nil {
		return err
	}
	s, err := knowledge.NewStatement(knowledge.Approval, k.approval(o.speaker, who, "approve", "I have seen the demo and approve it"))
	if err != nil {
		return err
	}
	fmt.Fprintln(o.out, escapeText(s.Render()))
	signed, err := o.sign(knowledge.Approval, s.Render())
	if e, ok := errors.AsType[*exitError](err); ok && e.code == exitRefused {
		_, err := fmt.Fprintln(o.out, "nothing was signed: it stays as it is")
		return err
	}
	if err != nil {
		return err
	}
	p.statements = append(p.statements, signed)
	if k, err = newCase(p, "", o.trust, o.now); err != nil {
		return err
	}
	if !k.verdict.Accepted {
		return fmt.Errorf("demo: the gate refused what you signed: %s", strings.Join(k.verdict.Reasons, "; "))
	}
	_, err = fmt.Fprintf(o.out, "\nsigned. The gate accepts the change: it is approved by %s. A daemon would begin with\nit in shadow now, then ring by ring, and go back by itself if it did other than was found.\n", strings.Join(k.verdict.Approvers, " and "))
	return err
}

// prepare makes three people, a change of the demo's pack, and the papers of two
// of them.
func (o *offer) prepare(ctx context.Context) (*parcel, error) {
	registers := filepath.Join(o.dir, registersDir)
	people := initOptions{env: demoGroup, demo: true}
	if err := people.init(io.Discard, registers, o.now); err != nil {
		return nil, err
	}
	chain, _, err := readRegisters(registers, "")
	if err != nil {
		return nil, err
	}
	o.register, o.trust = chain.Current()
	if o.registers, err = readTexts(registers); err != nil {
		return nil, err
	}
	files, err := offeredPack()
	if err != nil {
		return nil, err
	}
	bundle := &parcel{bundle: files}
	if err := bundle.write(filepath.Join(o.dir, "pack")); err != nil {
		return nil, err
	}
	p := &parcel{registers: o.registers, bundle: files}
	d := &knowledge.Dossier{V: 1, Parent: "none"}
	study, dir := studyOptions{budget: time.Minute}, filepath.Join(o.dir, "pack", bundleDir)
	if err := errors.Join(study.check(ctx, d, dir), study.test(ctx, d, dir)); err != nil {
		return nil, err
	}
	p.dossier = d.Encode()
	return p, o.speak(p, d)
}

// offeredPack returns the files of the demo's pack with the change.
func offeredPack() (map[string][]byte, error) {
	dir, err := fs.Sub(builtInPacks, "packs/demo")
	if err != nil {
		return nil, err
	}
	files, err := knowledge.ReadBundle(dir)
	if err != nil {
		return nil, err
	}
	changed := bytes.Replace(files["pack.yaml"], []byte(offerFrom), []byte(offerTo), 1)
	if bytes.Equal(changed, files["pack.yaml"]) {
		return nil, fmt.Errorf("pack.yaml does not say %q", offerFrom)
	}
	files["pack.yaml"] = changed
	return files, nil
}

// speak adds what ana and ben say.
func (o *offer) speak(p *parcel, d *knowledge.Dossier) error {
	proposal, err := o.signAs("ana", knowledge.Proposal, map[string]string{"trust": o.trust, "env": o.register.Policies[0].Env, "seq": "1",
		"parent": "none", "bundle": d.Bundle, "kind": "change", "author": "ana", "contributors": "-", "created": o.time(), "not-before": o.time(),
		"expires": stamp(o.now.Add(24 * time.Hour)), "rollout": fmt.Sprintf("shadow=%v,ring1=%[1]v,all=0s", demoDwell), "rollback-window": "72h",
		"evidence": knowledge.TextDigest(p.dossier), "ticket": "-", "why": offerWhy, "nonce": randomID()})
	if err != nil {
		return err
	}
	p.statements = []knowledge.SignedText{proposal}
	k, err := newCase(p, "", o.trust, o.now)
	if err != nil {
		return err
	}
	ben, _ := o.register.Person("ben")
	approval, err := o.signAs("ben", knowledge.Approval, k.approval(o.speaker, ben, "approve", "I have read the rules and the report"))
	p.statements = append(p.statements, approval)
	return err
}

// signAs returns a statement signed with a key of the demo's.
func (o *offer) signAs(person string, kind knowledge.Kind, fields map[string]string) (knowledge.SignedText, error) {
	return signWith(filepath.Join(o.dir, registersDir, "keys", person), person, kind, fields)
}

// signWith returns a statement signed with a key in a file.
func signWith(file, person string, kind knowledge.Kind, fields map[string]string) (signed knowledge.SignedText, err error) {
	s, err := knowledge.NewStatement(kind, fields)
	if err != nil {
		return signed, err
	}
	signer, err := knowledge.KeySource{}.Open(file)
	if err != nil {
		return signed, err
	}
	text := s.Render()
	armoured, err := signer.Sign(text)
	return knowledge.SignedText{Name: paperName(kind, person, text), Text: text, Signatures: [][]byte{armoured}}, errors.Join(err, signer.Close())
}
