package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/knowledge"
)

// actuator is the last to look at who approved what: right before an act it asks
// a ledger of its own, folded from the log's bytes, with every signature checked
// again. A governor or an engine that lied, or that somebody changed, gets no act
// out of it that two people did not approve: none in a group to which the bundle
// has not come, by a rule or with a verb that it does not have, or beyond the
// limits that it sets.
type actuator struct {
	log   governLog
	store store
	now   func() time.Time

	mu     sync.Mutex // guards what follows
	ledger *knowledge.Ledger
	read   int64 // entries of the log that the ledger has
	packs  map[string]*knowledge.Pack
}

// maxActuatorPacks bounds the packs in memory: what is live, its parent, what is
// rolled out, a standby.
const maxActuatorPacks = 4

func newActuator(log governLog, s store, trust, env string, now func() time.Time) *actuator {
	return &actuator{log: log, store: s, now: now, ledger: knowledge.NewLedger(trust, env), packs: map[string]*knowledge.Pack{}}
}

// verify returns why an intent must not be carried out, nil when it may. limits
// are those by which it is judged.
//
// What a person asks for by hand is refused: two people approved rules, and there
// is no statement by which they approve one act. The guard asks about nothing that
// puts a member back, so that is open to everybody.
func (a *actuator) verify(ctx context.Context, i actions.Intent, limits actions.Limits) error {
	if name, byHand := strings.CutPrefix(i.Rule, "operator:"); byHand {
		return fmt.Errorf("%.40q asks for it by hand, and only rules that two people approved take anything out: put back, or stop", name)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.catchUp(ctx); err != nil {
		return err
	}
	p, err := a.pack(i.Version)
	if err != nil {
		return err
	}
	if v := a.ledger.Authorise(p, i.Group, i.Rule, a.now()); !v.Accepted {
		return errors.New(strings.Join(v.Reasons, "; "))
	}
	return envelops(p, i, limits)
}

// envelops returns an error unless the intent is one that the rules of the pack
// may have, judged by the pack's limits.
func envelops(p *knowledge.Pack, i actions.Intent, limits actions.Limits) error {
	approved, err := packLimits(p)
	switch {
	case err != nil:
		return err
	case p.Mode != string(engine.Act):
		return fmt.Errorf("the bundle %s is approved for mode %s", p.Digest, p.Mode)
	case !slices.Contains(p.Verbs, string(i.Verb)):
		return fmt.Errorf("the bundle %s is approved for the verbs %q, not for %.40q", p.Digest, p.Verbs, i.Verb)
	case !slices.ContainsFunc(p.Rules, func(f knowledge.File) bool { return f.Name == "rules/"+i.Rule+".grl" }):
		return fmt.Errorf("the bundle %s has no rule %.40q", p.Digest, i.Rule)
	case !reflect.DeepEqual(limits, approved):
		return fmt.Errorf("the limits in force are not those of the bundle %s", p.Digest)
	}
	return nil
}

// catchUp folds what came to the log since. An entry that no paper bears out
// counts for nothing; the governor tells of it.
func (a *actuator) catchUp(ctx context.Context) error {
	size := a.log.Size()
	err := a.log.Scan(ctx, a.read, size, func(r audit.Record) error {
		_ = a.ledger.Apply(r)
		a.read = r.Seq + 1
		return nil
	})
	if err != nil {
		return fmt.Errorf("actuator: read the log: %w", err)
	}
	return nil
}

func (a *actuator) pack(digest string) (*knowledge.Pack, error) {
	if p := a.packs[digest]; p != nil {
		return p, nil
	}
	p, err := a.store.pack(digest)
	if err != nil {
		return nil, err
	}
	if len(a.packs) >= maxActuatorPacks {
		clear(a.packs)
	}
	a.packs[digest] = p
	return p, nil
}
