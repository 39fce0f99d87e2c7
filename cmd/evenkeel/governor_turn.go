package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

// start has the groups run what the ledger says, at the start of a process. What
// the actuator will answer for each of them is in the log before that.
func (g *governor) start(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, err := g.clock(ctx)
	if err != nil {
		return err
	}
	g.seek(now)
	live := g.ledger.Live()
	var asked []string
	for _, group := range g.groups {
		digest := g.ledger.Runs(group, g.candidate)
		if digest == nothingLive || slices.Contains(asked, digest) {
			continue
		}
		asked = append(asked, digest)
		v := knowledge.Verdict{Approvers: []string{}, Proposal: live.Proposal}
		if p, err := g.store.pack(digest); err != nil {
			v.Reasons = []string{err.Error()}
		} else {
			v = g.ledger.Authorise(p, group, "", now)
		}
		if err := g.record(ctx, v.Entry("start", live.Bundle, live.Seq)); err != nil {
			return err
		}
	}
	g.turn(ctx, "start")
	return nil
}

// again has the groups run what the ledger says, after some could not.
func (g *governor) again(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn(ctx, "again")
}

// nothingLive stands for the bundle of an environment in which none is live.
const nothingLive = "none"

// runs returns what the group is to run: a digest, or nothingLive.
func (g *governor) runs(group string) string { return g.ledger.Runs(group, g.candidate) }

// turner has the groups of a loop run what they are told to: packs that two
// people approved, and where none is live the one that the configuration names,
// which only observes.
type turner struct {
	groups    []loopGroup
	store     store
	guard     *actions.Guard
	engine    *engine.Engine
	standings *standings
	shadowed  func(facts.Fact, engine.Decision, error) // told what a candidate decides where it does not run

	mu       sync.Mutex                 // guards what follows
	compiled map[string]*engine.Program // by digest of the pack
	shadows  map[string]string          // by group: digest of the candidate that decides beside what runs
	told     map[string]string          // by group: what it was told to run, and does
	running  map[string]startGroup
	failed   bool // a group is not where it should be
}

// newTurner returns a turner of groups that run their configured packs.
func newTurner(groups []loopGroup, s store, guard *actions.Guard, e *engine.Engine, standings *standings) *turner {
	t := &turner{groups: groups, store: s, guard: guard, engine: e, standings: standings, told: map[string]string{}, running: map[string]startGroup{},
		compiled: map[string]*engine.Program{}, shadows: map[string]string{}}
	for i := range groups {
		t.runs(&groups[i], nothingLive, startGroup{Because: whyNothingLive, Mode: engine.Observe, Pack: groups[i].Pack.Digest})
	}
	return t
}

// runs keeps what a group runs from now on.
func (t *turner) runs(g *loopGroup, digest string, as startGroup) {
	t.told[g.Name], t.running[g.Name] = digest, as
	detail := fmt.Sprintf("%s in %s", as.Pack, as.Mode)
	if as.Because != "" {
		detail += ": " + as.Because
	}
	t.standings.good(partRules(g.Name), detail)
}

// partRules is what a group runs, in the standings.
func partRules(group string) string { return "rules " + group }

// maxCompiled bounds the programs in memory: what is live, its parent, what is
// rolled out, a standby.
const maxCompiled = 4

// program returns a pack's rules, ready to decide.
func (t *turner) program(p *knowledge.Pack) (*engine.Program, error) {
	if ready := t.compiled[p.Digest]; ready != nil {
		return ready, nil
	}
	ready, err := compilePack(p)
	if err != nil {
		return nil, fmt.Errorf("pack %s:\n%w", p.Name, err)
	}
	if len(t.compiled) >= maxCompiled {
		clear(t.compiled)
	}
	t.compiled[p.Digest] = ready
	return ready, nil
}

// turn has each group run what runs says, if it does not; groups that do not run
// the candidate, if there is one, have it in shadow. What cannot be run,
// because its files are gone or were changed, leaves the group where it is: the
// actuator lets nothing through that is not meant to run there.
func (t *turner) turn(runs func(group string) string, candidate *knowledge.Pack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = false
	for i := range t.groups {
		g := &t.groups[i]
		digest := runs(g.Name)
		var err error
		if t.told[g.Name] != digest {
			err = t.load(g, digest)
		}
		if err == nil {
			err = t.shadow(g, candidate)
		}
		if err != nil {
			t.failed = true
			t.standings.bad(partRules(g.Name), err)
		}
	}
}

// load puts a pack in force for a group, its limits first.
func (t *turner) load(g *loopGroup, digest string) error {
	pack, because := g.Pack, whyNothingLive
	if digest != nothingLive {
		var err error
		if pack, err = t.store.pack(digest); err != nil {
			return err
		}
		because = ""
	}
	mode := g.maximum(pack)
	switch {
	case digest == nothingLive: // nobody approved it for this
		mode = engine.Observe
	case mode == engine.Act && g.Executor == nil:
		mode, because = engine.Suggest, "there is no executor"
	}
	limits, err := packLimits(pack)
	if err != nil {
		return fmt.Errorf("pack %s: %w", pack.Name, err)
	}
	program, err := t.program(pack)
	if err != nil {
		return err
	}
	t.told[g.Name] = "" // neither of them, should a step fail
	if g.Executor != nil {
		if err := t.guard.SetLimits(g.Name, limits); err != nil {
			return err
		}
	}
	if err := t.engine.Load(g.Name, program, mode); err != nil {
		return err
	}
	t.runs(g, digest, startGroup{Because: because, Mode: mode, Pack: pack.Digest})
	return nil
}

// shadow lets the candidate decide beside what the group runs, unless that is the
// candidate.
func (t *turner) shadow(g *loopGroup, candidate *knowledge.Pack) error {
	want := ""
	if candidate != nil && candidate.Digest != t.told[g.Name] {
		want = candidate.Digest
	}
	if want == t.shadows[g.Name] {
		return nil
	}
	var program *engine.Program
	mode := engine.Observe
	if want != "" {
		var err error
		if program, err = t.program(candidate); err != nil {
			return err
		}
		mode = g.maximum(candidate)
	}
	if err := t.engine.Shadow(g.Name, program, mode, t.shadowed); err != nil {
		return err
	}
	t.shadows[g.Name] = want
	return nil
}

// whyNothingLive is why a group only observes although a register is pinned.
const whyNothingLive = whyObserve + ", and none are live here"

// now returns what each group runs, and whether that is what it should.
func (t *turner) now() (running map[string]startGroup, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.running), !t.failed
}
