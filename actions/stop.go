package actions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

const (
	// stopPoll is how often the stop file is looked for, so that the stop becomes
	// a record within a second; every act looks for itself as well.
	stopPoll = 500 * time.Millisecond
	// maxPeople bounds the people of a resume: two suffice.
	maxPeople = 16
)

// ErrStopFile reports a resume of everything while the stop file is there.
var ErrStopFile = errors.New("the file still asks for a stop")

// Stop ends all acts of the scope that take members out, at once and over
// restarts: those asked for from now on, those that wait for their balancer or
// for the log, and holds that a balancer forgets. One person suffices. What is
// out can still be put back, by anyone who may.
//
// A stop is never refused: one whose scope is none of [Everything], [OfGroup]
// and [OfRule] stops everything. It holds from the moment of the call; the
// error says that it could not be recorded and would not survive a restart now
// (Run keeps trying).
func (g *Guard) Stop(ctx context.Context, actor string, scope Scope, reason string) error {
	return g.halt(ctx, StopState{By: actor, Scope: scope, Reason: reason})
}

// Freeze is Stop for everything: nothing is put back either.
func (g *Guard) Freeze(ctx context.Context, actor, reason string) error {
	return g.halt(ctx, StopState{By: actor, Freeze: true, Scope: Everything, Reason: reason})
}

func (g *Guard) halt(ctx context.Context, st StopState) error {
	if st.By = clip(strings.TrimSpace(st.By), maxName); st.By == "" {
		st.By = "unnamed"
	}
	if !st.Scope.valid() {
		st.Reason = fmt.Sprintf("no scope is %.40q, so everything: %s", st.Scope, st.Reason)
		st.Scope = Everything
	}
	st.Reason, st.Since = clip(st.Reason, maxText), stamp(g.now())
	g.stop.set(st)
	return g.recordStops(ctx)
}

// recordStops makes the stops that hold durable.
func (g *Guard) recordStops(ctx context.Context) error {
	if err := g.stop.writing.take(ctx); err != nil {
		return fmt.Errorf("actions: stopped, but the stop is not recorded: %w", err)
	}
	defer g.stop.writing.give()
	pending := g.stop.pending()
	if len(pending) == 0 {
		return nil
	}
	entries := make([]audit.Entry, len(pending))
	for i, p := range pending {
		b := &stopBody{By: []string{p.By}, Reason: p.Reason, Scope: p.Scope}
		if p.Freeze {
			b.Freeze = 1
		}
		entries[i] = audit.Entry{Type: typeStop, Actor: p.By, Body: b}
	}
	if _, err := g.log.Append(ctx, entries...); err != nil {
		return fmt.Errorf("actions: stopped, but the stop is not recorded: %w", err)
	}
	g.stop.settled(pending)
	return nil
}

// Resume ends the stop or freeze of a scope; what is stopped in another stays
// so. It takes two different people: the names are compared and recorded, their
// keys are not checked here. While the stop file is there everything stays
// stopped ([ErrStopFile]). A stop that comes while the resume is recorded outlives it.
func (g *Guard) Resume(ctx context.Context, people []string, scope Scope, reason string) error {
	people, err := different(people)
	if err != nil {
		return fmt.Errorf("actions: resume: %w", err)
	}
	if !scope.valid() {
		return fmt.Errorf("actions: resume: scope %.40q: want all, group/NAME or rule/NAME", scope)
	}
	if on, _, detail := g.stop.readFile(); on && scope == Everything {
		return fmt.Errorf("actions: resume: %s: %w: remove it first", detail, ErrStopFile)
	}
	if err := g.stop.writing.take(ctx); err != nil {
		return fmt.Errorf("actions: resume: still stopped: %w", err)
	}
	defer g.stop.writing.give()
	ended := g.stop.standing(scope)
	b := &stopBody{By: people, Reason: clip(reason, maxText), Scope: scope}
	if _, err := g.log.Append(ctx, audit.Entry{Type: typeResume, Actor: people[0], Body: b}); err != nil {
		return fmt.Errorf("actions: resume: still stopped: %w", err)
	}
	g.stop.clear(scope, ended)
	for _, gr := range g.groups {
		gr.nudge()
	}
	return nil
}

// different returns the names as they are recorded: at least two, each another
// person's.
func different(people []string) ([]string, error) {
	if len(people) < 2 || len(people) > maxPeople {
		return nil, fmt.Errorf("by %d people: want two different people, and at most %d", len(people), maxPeople)
	}
	var names []string
	for _, p := range people {
		p = clip(strings.TrimSpace(p), maxName)
		if p == "" || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, p) }) {
			return nil, fmt.Errorf("by %.128q: want two different people", people)
		}
		names = append(names, p)
	}
	return names, nil
}

// Stops returns the stops that hold, everything first, then groups, then rules,
// each by name.
func (g *Guard) Stops() []StopState {
	g.stop.look(g.now())
	return g.stop.list()
}

// watchStop turns a stop file into a record.
func (g *Guard) watchStop(ctx context.Context) {
	tick := time.NewTicker(stopPoll)
	defer tick.Stop()
	for {
		g.stop.look(g.now())
		_ = g.recordStops(ctx) // holds either way; tried again at the next tick
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// turns lets one goroutine at a time write turns of the switch to the log, so
// that log and memory agree on their order. Whoever waits can give up.
type turns chan struct{}

func (t turns) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	default:
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("another turn of the switch is being written"), context.Cause(ctx))
	}
}

func (t turns) give() { <-t }
