package main

import (
	"context"
	"errors"
	"slices"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
)

// stopSwitch is the guard, as the governor turns it.
type stopSwitch interface {
	Stops() []actions.StopState
	Stop(ctx context.Context, actor string, scope actions.Scope, reason string) error
	Resume(ctx context.Context, people []string, scope actions.Scope, reason string) error
}

const (
	// personActor begins the name of a person whose signature was verified. The
	// ledger leaves stops by them to the statements that they signed.
	personActor = "person:"
	// maxSpeakers is how many of those who ended a stop are named to guard and
	// engine, which want two. The statements of all are in the log.
	maxSpeakers = 16
)

// turnSwitch has the guard hold what people stopped, and no longer what enough
// of them resumed. The actuator refuses what is stopped in any case, by the
// ledger; the guard also shows it, and lets go of what waits. mu is held.
func (g *governor) turnSwitch(ctx context.Context) error {
	if err := g.catchUp(ctx); err != nil {
		return err
	}
	held := g.guard.Stops()
	holds := func(scope actions.Scope) bool {
		return slices.ContainsFunc(held, func(s actions.StopState) bool { return s.Scope == scope || s.Scope == actions.Everything })
	}
	var errs []error
	for _, s := range g.ledger.Stops() {
		scope := actions.Scope(s.Scope)
		if s.Signed && !holds(scope) {
			errs = append(errs, g.guard.Stop(ctx, personActor+s.By, scope, s.Why))
			held = g.guard.Stops()
		}
	}
	g.kept = ""
	for _, s := range held {
		people, at, ended := g.ledger.Ended(string(s.Scope))
		if !ended || s.Since.After(at) { // stopped again, and not in the log yet
			continue
		}
		err := g.guard.Resume(ctx, speakers(people), s.Scope, "resumed by statements that they signed")
		if errors.Is(err, actions.ErrStopFile) {
			g.kept, err = err.Error(), nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// speakers returns people as guard and log name those who signed.
func speakers(people []string) []string {
	var out []string
	for _, id := range people[:min(len(people), maxSpeakers)] {
		out = append(out, personActor+id)
	}
	return out
}

// liftRules has the engine evaluate the rules again that were put aside and that
// enough people resumed. mu is held.
func (g *governor) liftRules(ctx context.Context) error {
	var errs []error
	for _, q := range g.ledger.Quarantines() {
		runs := g.ledger.Runs(q.Group, g.candidate)
		if q.Missing > 0 || runs != q.Version && runs != nothingLive || !slices.Contains(g.groups, q.Group) {
			continue
		}
		err := g.lift(ctx, engine.Lift{Group: q.Group, Rule: q.Rule, Version: q.Version,
			By: q.Resumed[:min(len(q.Resumed), maxSpeakers)], Reason: "resume of " + q.Digest})
		switch {
		case errors.Is(err, engine.ErrNotAside): // the group has not come to the version yet
		case err != nil:
			errs = append(errs, err)
		default:
			g.logger.Info("rule lifted", "group", q.Group, "rule", q.Rule, "version", q.Version, "by", q.Resumed)
		}
	}
	return errors.Join(errs...)
}

// waits says what keeps people's word from being carried out, "" when nothing does.
func (g *governor) waits() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.kept
}
