package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/cmd/internal/config"
	"github.com/evenkeel/evenkeel/knowledge"
)

// site is what a person's commands see of an environment: its log as it stands,
// whether or not a daemon runs, and the bytes that the log names. It only reads.
type site struct {
	config *config.Config
	ledger *knowledge.Ledger
	store  store
	now    time.Time
}

// openSite reads the log of the environment that a configuration file names.
// What its entries say and its papers do not bear out is told on warn.
func openSite(ctx context.Context, file string, warn io.Writer) (*site, error) {
	c, err := loadTrusted(file)
	if err != nil {
		return nil, err
	}
	s := &site{config: c, ledger: knowledge.NewLedger(c.Trust, c.Env), store: store{c.Data}, now: time.Now()}
	err = s.scan(ctx, func(r audit.Record) error {
		if err := s.ledger.Apply(r); err != nil {
			fmt.Fprintf(warn, "evenkeel: warning: %v\n", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// loadTrusted reads a configuration that pins a people register.
func loadTrusted(file string) (*config.Config, error) {
	if file == "" {
		return nil, &exitError{exitUsage, errors.New("no configuration file given"), "add -c evenkeel.yaml"}
	}
	c, err := config.Load(file)
	if err == nil && c.Trust == "" {
		err = &exitError{exitFailed, fmt.Errorf("%s pins no people register", file), "add trust: with the digest that 'evenkeel people init' printed"}
	}
	return c, err
}

// scan calls f with each entry of the log, of which there may be none yet.
func (s *site) scan(ctx context.Context, f func(audit.Record) error) (err error) {
	source := auditSource{data: s.config.Data}
	r, err := audit.OpenReader(s.config.Data, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return source.explain(err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.Scan(ctx, 0, -1, f); err != nil {
		return source.explain(err)
	}
	return nil
}

// groups returns the names of the groups that the configuration has.
func (s *site) groups() []string {
	var out []string
	for _, g := range s.config.Groups {
		out = append(out, g.Name)
	}
	return out
}

// register returns the people register in force.
func (s *site) register() (*knowledge.Register, string, error) {
	r, digest := s.ledger.Chain().Current()
	if r == nil {
		return nil, "", &exitError{exitFailed, errors.New("the log holds no people register"), "'evenkeel people submit' hands it to the daemon, which takes it within a second while it runs"}
	}
	return r, digest, nil
}

// change returns a change by the beginning of its digest.
func (s *site) change(id string) (knowledge.Change, error) {
	c, err := s.ledger.Change(id, s.now)
	if err != nil {
		return c, &exitError{exitFailed, err, "'evenkeel rules history' lists the changes"}
	}
	return c, nil
}

// parcel returns the papers of a change with the bytes that they are about, as
// far as they are here.
func (s *site) parcel(c knowledge.Change) (*parcel, error) {
	q, err := s.ledger.Question(c.Digest, s.now)
	if err != nil {
		return nil, err
	}
	p, err := s.store.gather(q, s.ledger.Later(c.Digest), c.Statement)
	if err != nil {
		return nil, &exitError{exitFailed, err, "propose the bundle again, or put its files back"}
	}
	return p, nil
}

// gather returns the papers of a question, and what was said later, with the
// bytes that the proposal is about. A dossier that is kept elsewhere is left out.
func (s store) gather(q knowledge.Question, later []knowledge.SignedText, proposal knowledge.Statement) (p *parcel, err error) {
	p = &parcel{registers: q.Registers, statements: q.Statements, later: later}
	if p.bundle, err = s.bundle(proposal.Field("bundle")); err != nil {
		return nil, err
	}
	p.dossier, err = s.dossier(proposal.Field("evidence"))
	if errors.Is(err, fs.ErrNotExist) {
		p.dossier, err = nil, nil
	}
	return p, err
}
