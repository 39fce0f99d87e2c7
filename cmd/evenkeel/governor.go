package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// maxSteps bounds the steps that are taken at one time: each stage of each
// change that a ledger keeps would be fewer.
const maxSteps = 4096

// governor is the daemon's side of governance. It takes papers in, whatever
// channel they come on, and records each, and each that it refuses; and it
// carries out what the ledger says is due, by recording it first. Then it has
// the groups turn to what they are to run.
//
// It holds no key, and nothing in it is an approval: whoever owns it can delay
// what people decided, and can begin nothing.
type governor struct {
	log    governLog
	store  store
	now    func() time.Time
	logger *slog.Logger
	groups []string                              // all that run what is live
	survey func(*knowledge.Pack) error           // refuses a pack whose rules do not hold, in a process of its own
	turn   func(ctx context.Context, why string) // has the groups run what the ledger says; called with mu held

	overseer *overseer                                // measures what is being rolled out
	guard    stopSwitch                               // of the acts
	lift     func(context.Context, engine.Lift) error // has the engine evaluate a rule again that was put aside

	mu        sync.Mutex // guards what follows, and orders the entries of the log that make it
	ledger    *knowledge.Ledger
	read      int64           // entries of the log that the ledger has
	last      time.Time       // of the last of them
	candidate *knowledge.Pack // of the rollout under way; nil: there is none
	kept      string          // what keeps people's word from being carried out; "": nothing does
	forged    []audit.Entry   // refusals of entries of the log that no paper bears out, to be recorded
	gone      error           // why what is being rolled out cannot be read; nil: it can
}

// paperResult is what became of one paper of a parcel.
type paperResult struct {
	Digest string `json:"digest"`
	Name   string `json:"name"`
	Result string `json:"result"` // taken, known or refused
	Why    string `json:"why,omitempty"`
}

// The results of a paper.
const (
	resultTaken   = "taken"
	resultKnown   = "known"
	resultRefused = "refused"
)

// anyRefused says whether one of the papers was refused.
func anyRefused(results []paperResult) bool {
	return slices.ContainsFunc(results, func(r paperResult) bool { return r.Result == resultRefused })
}

// take takes in the papers of a parcel: versions of the register first, then
// proposals, then what is said of them. An error means that the log could not be
// written, and that the parcel is to be offered again; taking a paper twice does
// nothing.
func (g *governor) take(ctx context.Context, p *parcel, via string) ([]paperResult, error) {
	sound, err := g.examine(ctx, p)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []paperResult
	for _, t := range inOrder(p) {
		r, err := g.takeOne(ctx, p, t, via, sound)
		if err != nil {
			return out, err
		}
		out = append(out, r)
	}
	return out, g.carryOn(ctx)
}

// examine surveys the bundle of a parcel, by digest, if a proposal in it would be
// taken: that takes seconds for many rules, and a stop must not wait for it.
func (g *governor) examine(ctx context.Context, p *parcel) (map[string]error, error) {
	if p.bundle == nil {
		return nil, nil
	}
	wanted, err := g.wants(ctx, p)
	if err != nil || !wanted {
		return nil, err
	}
	pack, err := knowledge.ParsePack(p.bundle)
	if err != nil {
		return nil, nil // said when the proposal is taken
	}
	return map[string]error{pack.Digest: g.survey(pack)}, nil
}

// wants says whether a proposal in the parcel would be taken as things stand.
func (g *governor) wants(ctx context.Context, p *parcel) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, err := g.clock(ctx)
	return slices.ContainsFunc(p.statements, func(t knowledge.SignedText) bool {
		s, malformed := knowledge.ParseStatement(t.Text)
		if malformed != nil || s.Kind != knowledge.Proposal {
			return false
		}
		_, no := g.ledger.Accept(t, now)
		return no == nil
	}), err
}

// inOrder returns the papers of a parcel so that each comes after what it is
// about.
func inOrder(p *parcel) []knowledge.SignedText {
	rank := func(t knowledge.SignedText) int {
		s, err := knowledge.ParseStatement(t.Text)
		switch {
		case err != nil || s.Kind == knowledge.Proposal || s.Kind == knowledge.Stop:
			return 0
		case s.Kind == knowledge.Approval:
			return 1
		}
		return 2
	}
	statements := slices.Concat(p.statements, p.later)
	slices.SortStableFunc(statements, func(a, b knowledge.SignedText) int { return rank(a) - rank(b) })
	return slices.Concat(p.registers, statements)
}

// takeOne takes one paper in, or records why not.
func (g *governor) takeOne(ctx context.Context, p *parcel, t knowledge.SignedText, via string, sound map[string]error) (paperResult, error) {
	r := paperResult{Digest: knowledge.TextDigest(t.Text), Name: t.Name, Result: resultTaken}
	now, err := g.clock(ctx)
	if err != nil {
		return r, err
	}
	entry, err := g.ledger.Accept(t, now)
	if errors.Is(err, knowledge.ErrKnown) {
		r.Result = resultKnown
		return r, nil
	}
	if err == nil {
		err = g.keep(p, t, sound)
	}
	if err != nil {
		r.Result, r.Why = resultRefused, err.Error()
		g.logger.Warn("paper refused", "name", t.Name, "via", via, "why", err)
		return r, g.record(ctx, knowledge.Refusal(t, via, err))
	}
	g.logger.Info("paper taken", "type", entry.Type, "by", entry.Actor, "digest", r.Digest, "via", via)
	return r, g.record(ctx, entry)
}

// keep stores what a proposal is about, and returns an error unless it is there
// and could go live. Its author's signature was verified before: strangers
// store nothing.
func (g *governor) keep(p *parcel, t knowledge.SignedText, sound map[string]error) error {
	s, err := knowledge.ParseStatement(t.Text)
	if err != nil || s.Kind != knowledge.Proposal {
		return nil // not what a bundle belongs to
	}
	if p.bundle != nil {
		if digest, err := knowledge.BundleDigest(p.bundle); err != nil || digest != s.Field("bundle") {
			return fmt.Errorf("the files beside it have the digest %s, it is for %s: %w", digest, s.Field("bundle"), errors.Join(err, errAnother))
		}
		if _, err := g.store.putBundle(p.bundle); err != nil {
			return err
		}
	}
	if p.dossier != nil {
		if err := fits(p.dossier, s); err != nil {
			return err
		}
		if _, err := g.store.putDossier(p.dossier); err != nil {
			return err
		}
	}
	pack, err := g.store.pack(s.Field("bundle"))
	if err != nil {
		return fmt.Errorf("its bundle is neither with it nor here: %w", err)
	}
	dossier, err := g.store.dossier(s.Field("evidence"))
	if err != nil {
		return fmt.Errorf("its dossier is neither with it nor here: %w", err)
	}
	if err := fits(dossier, s); err != nil {
		return err
	}
	if err := errors.Join(pack.CheckRollout(s), pack.CheckGroups(g.groups)); err != nil {
		return err
	}
	if why, done := sound[pack.Digest]; done {
		return why
	}
	return g.survey(pack)
}

// fits returns an error unless b is the dossier that the proposal names.
func fits(b []byte, proposal knowledge.Statement) error {
	d, err := knowledge.DecodeDossier(b)
	if err != nil {
		return err
	}
	return d.Fits(proposal)
}

var errAnother = errors.New("something else was sent")

// refuse records what came and is no parcel. name is its file's, or the channel
// on which it came; body is empty if it is not known.
func (g *governor) refuse(ctx context.Context, name string, body []byte, via string, why error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.logger.Warn("parcel refused", "name", name, "via", via, "why", why)
	return g.record(ctx, knowledge.Refusal(knowledge.SignedText{Name: name, Text: body}, via, why))
}

// takeArchive takes in a parcel that came as an archive.
func (g *governor) takeArchive(ctx context.Context, body []byte, via string) ([]paperResult, error) {
	p, err := unpackParcel(body)
	if err == nil && len(p.registers)+len(p.statements) == 0 {
		err = errNoPaper
	}
	if err != nil {
		return []paperResult{{knowledge.TextDigest(body), via, resultRefused, err.Error()}}, g.refuse(ctx, via, body, via, err)
	}
	return g.take(ctx, p, via)
}

// errNoPaper refuses a parcel: a bundle or a dossier by itself says nothing.
var errNoPaper = errors.New("parcel: it holds no paper")

// tick carries out what the clock alone makes due, and ends a rollout that does
// other than its dossier says. Nobody is asked.
func (g *governor) tick(ctx context.Context) error {
	if why := g.overseer.look(g.now()); why != "" {
		if err := g.halt(ctx, why); err != nil {
			return err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.carryOn(ctx)
}

// carryOn carries out what people said and what the clock makes due: stops
// first, which wait for nothing. mu is held.
func (g *governor) carryOn(ctx context.Context) error {
	return errors.Join(g.turnSwitch(ctx), g.advance(ctx), g.liftRules(ctx), g.refuseForged(ctx))
}

// advance carries out all that is due. mu is held.
func (g *governor) advance(ctx context.Context) error {
	for range maxSteps {
		now, err := g.clock(ctx)
		if err != nil {
			return err
		}
		step, due := g.ledger.Due(now)
		if g.gone != nil {
			step, due = g.ledger.Halt(g.gone.Error())
		}
		if !due {
			return nil
		}
		if step.Further() {
			if !g.overseer.ripe(step.Proposal) {
				return nil // the clock says that it dwelt long enough, and nobody watched it
			}
			if why := g.overseer.end(now); why != "" {
				step, _ = g.ledger.Halt(why)
			}
		}
		if err := g.carryOut(ctx, step, now); err != nil {
			return err
		}
	}
	return fmt.Errorf("governor: %d steps in a row: the ledger does not come to rest", maxSteps)
}

// halt ends the rollout under way, for a reason that was seen.
func (g *governor) halt(ctx context.Context, why string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	step, rolling := g.ledger.Halt(why)
	if !rolling {
		return nil
	}
	now, err := g.clock(ctx)
	if err != nil {
		return err
	}
	return g.carryOut(ctx, step, now)
}

// carryOut records a step, ahead of it the gate's verdict on what it begins, and
// has the groups turn. mu is held.
func (g *governor) carryOut(ctx context.Context, s knowledge.Step, now time.Time) error {
	if s.Begins() {
		live := g.ledger.Live()
		if err := g.record(ctx, g.ledger.Verdict(s.Proposal, now).Entry("activate", live.Bundle, live.Seq)); err != nil {
			return err
		}
	}
	if err := g.record(ctx, s.Entry(g.touched(s))); err != nil {
		return err
	}
	g.logger.Info("rules", "step", s.Type, "stage", s.Stage, "bundle", s.Bundle, "change", changeID(s.Proposal), "why", s.Why)
	g.follow(ctx, now, s.Type)
	return nil
}

// follow has the groups run what the ledger says now. mu is held.
func (g *governor) follow(ctx context.Context, now time.Time, why string) {
	g.seek(now)
	g.turn(ctx, why)
}

// seek finds the pack that is being rolled out, and has it watched. mu is held.
func (g *governor) seek(now time.Time) {
	g.candidate, g.gone = nil, nil
	c, rolling := g.ledger.Rollout(now)
	if !rolling {
		g.overseer.begin(overseen{}, nil, nil, now)
		return
	}
	d := &knowledge.Dossier{}
	p, err := g.store.pack(c.Statement.Field("bundle"))
	if err == nil {
		d, err = g.dossier(c)
	}
	if err != nil { // the groups that ran it go back: Runs knows no candidate
		g.logger.Error("what is being rolled out is gone", "error", err)
		p, g.gone = nil, fmt.Errorf("what was approved is gone: %w", err)
	}
	g.candidate = p
	var ring []string
	for _, group := range g.groups {
		if p != nil && g.ledger.Runs(group, p) == p.Digest {
			ring = append(ring, group)
		}
	}
	dwell := time.Duration(0)
	for _, s := range c.Statement.Rollout() {
		if s.Name == c.Stage {
			dwell = s.Dwell
		}
	}
	g.overseer.begin(overseen{c.Digest, c.Statement.Field("bundle"), c.Stage, dwell}, d, ring, now)
}

// dossier returns the dossier of a change.
func (g *governor) dossier(c knowledge.Change) (*knowledge.Dossier, error) {
	b, err := g.store.dossier(c.Statement.Field("evidence"))
	if err != nil {
		return nil, err
	}
	return knowledge.DecodeDossier(b)
}

// touched returns the groups that run something else because of a step, as far
// as can be told before it is taken. mu is held.
func (g *governor) touched(s knowledge.Step) []string {
	var out []string
	for _, group := range g.groups {
		runs := g.ledger.Runs(group, g.candidate)
		if s.Back() && runs == s.Bundle || s.Stage != "" && !s.Back() && runs != s.Bundle && g.reaches(s, group) {
			out = append(out, group)
		}
	}
	return out
}

// reaches says whether a stage of a rollout is the one in which the group joins.
func (g *governor) reaches(s knowledge.Step, group string) bool {
	if g.candidate == nil || s.Stage == "all" {
		return s.Stage == "all"
	}
	i := slices.IndexFunc(g.candidate.Rings, func(r knowledge.Ring) bool { return r.Name == s.Stage })
	return i >= 0 && slices.Contains(g.candidate.Rings[i].Groups, group)
}
