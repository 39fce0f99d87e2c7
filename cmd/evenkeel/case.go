package main

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

// changeCase is a change as somebody judges it by themselves: from the papers
// and the very bytes, wherever they came from. All of it was recomputed.
type changeCase struct {
	digest   string // of the proposal
	proposal knowledge.Statement
	register *knowledge.Register // in force, as far as it is known here
	trust    string              // its digest
	live     liveReport          // what is live, as far as it is known here
	pinned   string              // digest of its first version
	papers   *parcel
	pack     *knowledge.Pack
	dossier  *knowledge.Dossier // nil: not here
	verdict  knowledge.Verdict  // of the gate, as if its parent were live
	parent   *packBytes         // what it would replace; nil: not here
	site     *site              // whose log the papers are from; nil: somebody handed them over
}

// openCase reads a change from the log, or from a folder or archive that
// somebody handed over, or from a daemon, and refuses what is not what the
// proposal says.
func (o *paperOptions) openCase(ctx context.Context, id, from string, warn io.Writer) (*changeCase, error) {
	if from != "" {
		return o.handedCase(ctx, id, from)
	}
	s, err := openSite(ctx, o.config, warn)
	if err != nil {
		return nil, err
	}
	change, err := s.change(id)
	if err != nil {
		return nil, err
	}
	p, err := s.parcel(change)
	if err != nil {
		return nil, err
	}
	k, err := newCase(p, change.Digest, s.config.Trust, s.now)
	if err != nil {
		return nil, err
	}
	k.site = s
	k.live = reportStatus(s.ledger, s.now, false).Live
	if k.register, k.trust, err = s.register(); err != nil { // it may be newer than a change that has begun
		return nil, err
	}
	if parent := change.Statement.Field("parent"); parent != "none" {
		k.parent, err = s.bothWays(parent)
	}
	return k, err
}

// handedCase reads a change from where somebody else keeps it. With a
// configuration it must be of its environment.
func (o *paperOptions) handedCase(ctx context.Context, id, from string) (k *changeCase, err error) {
	trust, env, err := o.pinned()
	if err != nil {
		return nil, err
	}
	if remote(from) {
		k, err = fetchCase(ctx, id, from, trust)
	} else {
		var p *parcel
		if p, err = readHandedOver(from); err == nil {
			k, err = newCase(p, id, trust, time.Now())
		}
	}
	if err != nil {
		return nil, err
	}
	if is, _, _ := strings.Cut(k.proposal.Field("env"), "/"); env != "" && is != env {
		return nil, &exitError{exitRefused, fmt.Errorf("the change is of the environment %s, the configuration of %s", is, env), "give the configuration of " + is + ", or --trust alone"}
	}
	return k, nil
}

// pinned returns the digest of the register that is trusted, as it was given or
// as the configuration has it, and the configuration's environment, if there is
// one.
func (o *paperOptions) pinned() (trust, env string, err error) {
	if o.config == "" && o.trust != "" {
		return o.trust, "", nil
	}
	c, err := loadTrusted(o.config)
	if err != nil {
		return "", "", err
	}
	return cmp.Or(o.trust, c.Trust), c.Env, nil
}

// bothWays returns a pack of the store with the bytes that it was read from; nil
// when it is not there.
func (s *site) bothWays(digest string) (*packBytes, error) {
	files, err := s.store.bundle(digest)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := knowledge.ParsePack(files)
	return &packBytes{p, digest, files}, err
}

// readHandedOver reads a parcel that somebody handed over: a folder or a zip
// archive of one.
func readHandedOver(from string) (*parcel, error) {
	info, err := os.Stat(from)
	if err != nil {
		return nil, fmt.Errorf("parcel: %w", err)
	}
	if info.IsDir() {
		return readParcel(os.DirFS(from))
	}
	b, err := readFile(from, maxParcelBytes)
	if err != nil {
		return nil, fmt.Errorf("parcel: %w", err)
	}
	p, err := unpackParcel(b)
	if errors.Is(err, zip.ErrFormat) {
		return nil, &exitError{exitUsage, err, "give a folder, or a zip archive of one"}
	}
	return p, err
}

// newCase checks the papers of a change. id is the beginning of the proposal's
// digest, or empty when there is one proposal.
func newCase(p *parcel, id, trust string, now time.Time) (*changeCase, error) {
	chain, err := knowledge.ReadChain(trust, p.registers)
	if err != nil {
		return nil, &exitError{exitTampered, err, "the people register is not the one that is pinned: ask who sent this"}
	}
	k := &changeCase{papers: p, pinned: trust}
	k.register, k.trust = chain.Current()
	if err := k.find(id); err != nil {
		return nil, err
	}
	bundle, err := knowledge.BundleDigest(p.bundle)
	if err != nil {
		return nil, err
	}
	if want := k.proposal.Field("bundle"); bundle != want {
		return nil, &exitError{exitTampered, fmt.Errorf("the files have the digest %s, the proposal is for %s", bundle, want), "do not sign it; ask who sent this"}
	}
	if p.dossier != nil {
		k.dossier, err = knowledge.DecodeDossier(p.dossier)
		if err == nil {
			err = k.dossier.Fits(k.proposal)
		}
		if err != nil {
			return nil, &exitError{exitTampered, err, "do not sign it; ask who sent this"}
		}
	}
	if err := k.compile(); err != nil {
		return nil, err
	}
	k.live = liveReport{Bundle: k.proposal.Field("parent"), Seq: k.proposal.Number("seq") - 1}
	k.judge(now)
	return k, nil
}

// judge asks the gate as if the parent were live, about this proposal and none
// of the others that may be among the papers.
func (k *changeCase) judge(now time.Time) {
	p := k.proposal
	k.verdict = knowledge.Judge(knowledge.Question{Trust: k.pinned, Env: p.Field("env"), Registers: k.papers.registers, Statements: k.mine(),
		Bundle: p.Field("bundle"), Active: p.Field("parent"), Seq: p.Number("seq") - 1, Now: now})
}

// mine returns the proposal and what is said of it.
func (k *changeCase) mine() []knowledge.SignedText {
	var out []knowledge.SignedText
	for _, t := range k.papers.statements {
		s, err := knowledge.ParseStatement(t.Text)
		if err != nil || s.Kind == knowledge.Rollback || s.Field("proposal") != k.digest && knowledge.TextDigest(t.Text) != k.digest {
			continue
		}
		out = append(out, t)
	}
	return out
}

// bySomebody returns an error unless the gate knows the proposal as its
// author's: nobody approves what nobody has signed.
func (k *changeCase) bySomebody() error {
	if k.verdict.Proposal == k.digest {
		return nil
	}
	return &exitError{exitTampered, fmt.Errorf("the gate does not know the proposal: %s", strings.Join(k.verdict.Reasons, "; ")), "do not sign it; ask who sent this"}
}

// errNotAmong reports that papers do not hold the one proposal that is meant.
var errNotAmong = errors.New("want one proposal among the papers")

// find picks the proposal out of the statements.
func (k *changeCase) find(id string) error {
	id = strings.TrimPrefix(id, "sha256:")
	var found []string
	for _, t := range k.papers.statements {
		s, err := knowledge.ParseStatement(t.Text)
		digest := knowledge.TextDigest(t.Text)
		if err != nil || s.Kind != knowledge.Proposal || !strings.HasPrefix(digest, "sha256:"+id) || slices.Contains(found, digest) {
			continue
		}
		found = append(found, digest)
		k.proposal, k.digest = s, digest
	}
	if len(found) != 1 {
		return &exitError{exitFailed, fmt.Errorf("%w: %d begin with %q", errNotAmong, len(found), id), "give more digits of its digest"}
	}
	return nil
}

// compile reads the bundle as a pack, as the daemon would.
func (k *changeCase) compile() (err error) {
	k.pack, err = knowledge.ParsePack(k.papers.bundle)
	if err == nil {
		err = k.pack.CheckRollout(k.proposal)
	}
	if err == nil {
		_, err = compilePack(k.pack)
	}
	if err != nil {
		return &exitError{exitRefused, fmt.Errorf("the bundle is no pack that could go live: %w", err), "do not sign it"}
	}
	return nil
}
