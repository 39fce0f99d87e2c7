package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/bus"
	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/facts/source"
)

const (
	busDir     = "bus"    // under the data directory: the embedded broker's store
	stopFile   = "STOP"   // under the data directory: while it is there, nothing is taken out
	engineName = "engine" // of the durable consumer, and of our heartbeat
	actorLoop  = "evenkeel"
	localName  = "local" // of the detectors, the hands and the heart of this process, in subjects
	freshTicks = 4       // a source without a frame for so long is not fresh: one more than the detector's own patience
)

// loop is one process: log, broker, guard, engine and watchers, wired. It is
// made by openLoop and lives until Run returns.
type loop struct {
	config     loopConfig
	modes      map[string]engine.Mode
	log        *watchedLog
	bus        *bus.Bus
	store      fs.FileInfo // of the embedded broker's directory; nil: there is none
	guard      *actions.Guard
	desk       *desk
	engine     *engine.Engine
	watchers   []watch      // one for each group, in their order
	listener   net.Listener // nil: no console
	outbox     *outbox
	standings  *standings
	scribe     *scribe
	keepers    map[string]*keeper // by group, never changed once it runs
	governance *governance        // nil: nobody governs
	found      []audit.Entry      // about the baselines, to be recorded with the start

	closers []func() error // last in, first out
	busy    atomic.Int64   // unix nanoseconds since when a fact is being handled; 0: none is
	ended   atomic.Bool    // the parts are being stopped
	telling sync.Mutex     // held while an event is told
}

// openLoop builds everything, and starts nothing but what the log and the
// broker need. Whoever gets a loop must call Run or close.
func openLoop(ctx context.Context, c loopConfig) (_ *loop, err error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	l := &loop{config: c, modes: map[string]engine.Mode{}}
	l.standings = newStandings(c.Now, c.Logger, l.tell)
	l.outbox = newOutbox(func(err error) { c.Logger.Warn("not announced", "error", err) })
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	for _, step := range []func(context.Context) error{l.openConsole, l.openLog, l.openBus, l.openGovernance, l.openGuard, l.openEngine, l.startGovernance, l.openWatchers, l.recordStart} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// close gives back what was opened, in reverse order.
func (l *loop) close() error {
	var errs []error
	for _, f := range slices.Backward(l.closers) {
		errs = append(errs, f())
	}
	l.closers = nil
	return errors.Join(errs...)
}

func (l *loop) onClose(f func() error) { l.closers = append(l.closers, f) }

// openConsole takes the port, first of all: when it is taken, so is probably
// the rest.
func (l *loop) openConsole(ctx context.Context) error {
	if l.config.Console == "" {
		return nil
	}
	var c net.ListenConfig
	ln, err := c.Listen(ctx, "tcp", l.config.Console)
	if err != nil {
		hint := "choose another console.listen"
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "another process has the port, perhaps another evenkeel: stop it, or " + hint
		}
		return &exitError{exitFailed, fmt.Errorf("console: %w", err), hint}
	}
	l.listener = ln
	l.onClose(func() error { // its server may have closed it already
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

// openAudit opens the log of an environment in dir for writing. Its errors come
// with the next step.
func openAudit(dir, env string, now func() time.Time) (*audit.Log, error) {
	log, err := audit.Open(dir, audit.Options{Origin: "evenkeel/" + env + "/audit", Env: env, Now: now})
	switch {
	case errors.Is(err, audit.ErrTampered):
		err = &exitError{exitTampered, err, "run 'evenkeel audit verify --data " + dir + "', keep the directory as it is, and begin with an empty one"}
	case errors.Is(err, audit.ErrInUse):
		err = &exitError{exitFailed, err, "one evenkeel writes a data directory: stop the other one, or choose another directory"}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		err = &exitError{exitFailed, err, "the data directory must be one that this user may write to"}
	case errors.Is(err, syscall.ENOSPC):
		err = &exitError{exitFailed, err, "make room on the disk of the data directory"}
	}
	return log, err
}

func (l *loop) openLog(context.Context) error {
	log, err := openAudit(l.config.Data, l.config.Env, l.config.Now)
	if err != nil {
		return err
	}
	l.log = &watchedLog{log, log, l.standings}
	l.standings.expect(partLog, "", 0)
	l.onClose(log.Close)
	return nil
}

const (
	partBus   = "bus"
	partStore = "store" // of the embedded broker
)

func (l *loop) openBus(ctx context.Context) error {
	c := l.config.Bus
	c.Env, c.Logger = l.config.Env, l.config.Logger
	c.Backlog = true // the engine refuses what is out of date, and says so in the log
	if c.URL == "" {
		c.StoreDir = filepath.Join(l.config.Data, busDir)
		l.standings.expect(partStore, "", 0)
	}
	c.OnState = func(up bool, cause error) {
		if up {
			l.standings.good(partBus, "")
			return
		}
		if cause == nil {
			cause = bus.ErrUnreachable
		}
		l.standings.bad(partBus, cause)
	}
	c.OnRefused = l.refuse
	l.standings.expect(partBus, "", 0)
	b, err := bus.Open(ctx, c)
	if errors.Is(err, bus.ErrUnreachable) {
		return &exitError{exitFailed, err, "start the broker named by nats.url, or use nats: {embedded: true}"}
	}
	if err != nil {
		return err
	}
	l.bus = b
	l.standings.good(partBus, "")
	l.onClose(b.Close)
	if c.StoreDir != "" {
		l.store, err = os.Stat(c.StoreDir)
	}
	return err
}

// refuse records a message that is not a fact.
func (l *loop) refuse(ctx context.Context, r bus.Refusal) error {
	_, err := l.log.Append(ctx, audit.Entry{Type: "fact.refused", Actor: "bus", Corr: r.Digest, Body: struct {
		Bytes   int    `json:"bytes"`
		Digest  string `json:"digest"`
		Seq     uint64 `json:"stream_seq"`
		Subject string `json:"subject"`
		Why     string `json:"why"`
	}{r.Bytes, r.Digest, r.Seq, r.Subject, r.Err.Error()}})
	return err
}

// openGuard gives a hand to every group that has one. Where the mode is not
// act the engine submits nothing; the guard still settles what an earlier
// process left behind.
func (l *loop) openGuard(ctx context.Context) (err error) {
	c := actions.Config{Log: l.log, Env: l.config.Env, Now: l.config.Now, OnOutcome: l.onOutcome,
		StopFile: filepath.Join(l.config.Data, stopFile)}
	if l.governance != nil {
		c.Verify = l.governance.actuator.verify
	}
	for _, g := range l.config.Groups {
		l.modes[g.Name] = g.maximum(g.Pack)
		if l.governance != nil {
			l.modes[g.Name] = engine.Observe // until something is live
		}
		if g.Executor == nil {
			if l.modes[g.Name] == engine.Act {
				return fmt.Errorf("group %s: mode act without an executor, want one, or mode suggest", g.Name)
			}
			continue
		}
		limits, err := packLimits(g.Pack)
		if err != nil {
			return fmt.Errorf("pack %s of group %s: %w", g.Pack.Name, g.Name, err)
		}
		part := "balancer " + g.Name
		l.standings.expect(part, g.Name, 0)
		c.Groups = append(c.Groups, actions.Group{Name: g.Name, Limits: limits,
			Executor: watchedExecutor{g.Executor, part, l.standings}})
	}
	l.guard, err = actions.NewGuard(ctx, c)
	return err
}

// openEngine compiles the packs and restores what was known.
func (l *loop) openEngine(ctx context.Context) (err error) {
	groups := slices.Collect(maps.Keys(l.modes))
	l.desk = newDesk(groups, l.submit, l.dropped)
	crowd := newTogether(groups, l.desk.Submit, l.dropped)
	c := engine.Config{Env: l.config.Env, Groups: map[string]engine.Group{}, Log: l.log, Guard: crowd, Now: l.config.Now,
		OnDecision: func(f facts.Fact, d engine.Decision) {
			crowd.see(f)
			if d.Cut != "" {
				l.config.Logger.Warn("decision cut", "group", d.Group, "by", d.Cut)
			}
			if l.governance != nil {
				l.governance.overseer.decided(f, d)
			}
			l.tell(loopEvent{Time: d.Clock.Time, Group: d.Group, Decision: &d})
		}, OnAside: l.aside}
	for _, g := range l.config.Groups {
		p, err := compilePack(g.Pack)
		if err != nil {
			return fmt.Errorf("pack %s of group %s:\n%w", g.Pack.Name, g.Name, err)
		}
		c.Groups[g.Name] = engine.Group{Program: p, Mode: l.modes[g.Name]}
		if g.Because != "" {
			l.standings.note(fmt.Sprintf("group %s runs in %s: %s", g.Name, l.modes[g.Name], g.Because))
			l.config.Logger.Warn("held back", "group", g.Name, "mode", l.modes[g.Name], "because", g.Because)
		}
	}
	if l.engine, err = engine.New(c); err != nil {
		return err
	}
	return l.engine.Restore(ctx, l.log)
}

func (l *loop) openWatchers(context.Context) error {
	l.scribe, l.keepers = newScribe(l.log, l.config.Logger), map[string]*keeper{}
	for _, g := range l.config.Groups {
		c := g.Detect
		c.Env, c.Group, c.ID, c.Build = l.config.Env, g.Name, localName, buildVersion()
		d, store, err := l.openBaseline(c)
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
		k := &keeper{group: g.Name, detector: d, store: store, scribe: l.scribe, now: l.config.Now,
			version: d.Baseline().Version, kept: l.config.Now(), begun: map[string]bool{}}
		part := "source " + g.Name
		l.standings.expect(part, g.Name, freshTicks*cmp.Or(c.Tick, time.Second))
		w, err := detect.NewWatcher(detect.WatcherConfig{Detector: d, Source: &watchedSource{inner: g.Source, part: part, standings: l.standings}, Publisher: l,
			Passing: func(err error) bool { return errors.Is(err, source.ErrSilent) }, After: k.after})
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
		l.watchers, l.keepers[g.Name] = append(l.watchers, watch{w, l, &g, k}), k
	}
	return nil
}

// tell tells the narrator, one event at a time.
func (l *loop) tell(e loopEvent) {
	if l.config.Observe == nil {
		return
	}
	l.telling.Lock()
	defer l.telling.Unlock()
	l.config.Observe(e)
}
