package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/evenkeel/evenkeel/facts/bus"
	"github.com/evenkeel/evenkeel/knowledge"
)

const (
	// governEvery is how often what the clock makes due is carried out: a change
	// goes back, or a stop ends, well within the second that people expect.
	governEvery = 200 * time.Millisecond
	// papersName is the durable consumer of papers on the bus.
	papersName = "governor"

	partGovernor = "governor"

	viaBus  = "nats"
	viaHTTP = "http"
)

// governance is the part of a loop in which people govern its rules: papers come in
// by the inbox, the bus and the console, and leave it as what groups run.
type governance struct {
	actuator *actuator
	governor *governor
	inbox    *inbox
	overseer *overseer
	turner   *turner
	bus      *bus.Bus
	post     func(ctx context.Context, archive []byte) (answer any, refused bool, err error)

	standings *standings
}

// openGovernance makes what the guard asks, if a register is pinned.
func (l *loop) openGovernance(context.Context) error {
	c := l.config
	if c.Trust == "" {
		return nil
	}
	var groups []string
	for _, g := range c.Groups {
		groups = append(groups, g.Name)
	}
	l.governance = &governance{bus: l.bus, overseer: newOverseer(groups), standings: l.standings, actuator: newActuator(l.log, store{c.Data}, c.Trust, c.Env, c.Now)}
	return nil
}

// startGovernance restores what the log says of the rules, and has the groups run it.
func (l *loop) startGovernance(ctx context.Context) error {
	g, c := l.governance, l.config
	if g == nil {
		return nil
	}
	l.standings.expect(partGovernor, "", 0)
	kept := store{c.Data}
	g.turner = newTurner(c.Groups, kept, l.guard, l.engine, l.standings)
	g.governor = &governor{log: l.log, store: kept, now: c.Now, logger: c.Logger, survey: soundPack, overseer: g.overseer, guard: l.guard, lift: l.engine.Lift,
		ledger: knowledge.NewLedger(c.Trust, c.Env)}
	for _, group := range c.Groups {
		g.governor.groups = append(g.governor.groups, group.Name)
	}
	g.turner.shadowed = g.overseer.shadowed
	g.governor.turn = func(context.Context, string) { g.turner.turn(g.governor.runs, g.governor.candidate) }
	g.inbox = &inbox{dir: filepath.Join(c.Data, inboxDir), take: g.governor.take, now: c.Now, logger: c.Logger}
	g.inbox.refuse = func(ctx context.Context, name string, why error) error {
		return g.governor.refuse(ctx, name, nil, inboxDir, why)
	}
	g.post = func(ctx context.Context, archive []byte) (any, bool, error) {
		results, err := g.takeArchive(ctx, archive, viaHTTP)
		return results, anyRefused(results), err
	}
	if err := g.inbox.prepare(); err != nil {
		return err
	}
	if err := g.governor.restore(ctx); err != nil {
		return err
	}
	return g.governor.start(ctx)
}

// begin starts what takes papers in and carries them out.
func (g *governance) begin(c *crew) {
	c.start("governor", g.govern)
	c.start("inbox", g.inbox.run)
	c.start("papers", func(ctx context.Context) error {
		return g.bus.ConsumePapers(ctx, papersName, func(ctx context.Context, body []byte) error {
			_, err := g.takeArchive(ctx, body, viaBus)
			return err
		})
	})
}

// takeArchive takes an archive in. What was begun is ended although the process
// stops, or whoever sent it went away.
func (g *governance) takeArchive(ctx context.Context, body []byte, via string) ([]paperResult, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handleTime)
	defer cancel()
	return g.governor.takeArchive(ctx, body, via)
}

// govern carries out what is due, until ctx ends.
func (g *governance) govern(ctx context.Context) error {
	t := time.NewTicker(governEvery)
	defer t.Stop()
	for {
		if err := g.step(ctx); err != nil && ctx.Err() == nil {
			g.standings.bad(partGovernor, err)
		} else if err == nil {
			g.standings.good(partGovernor, g.governor.waits())
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.C:
		}
	}
}

func (g *governance) step(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handleTime)
	defer cancel()
	if err := g.governor.tick(ctx); err != nil {
		return err
	}
	if _, ok := g.turner.now(); !ok {
		g.governor.again(ctx)
	}
	return nil
}
