package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/bus"
	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/knowledge"
)

// loopConfig is what one process needs to watch, decide and act: serve fills
// it from evenkeel.yaml, demo from its own pool.
type loopConfig struct {
	Keep    bool         // what detectors learn is kept in Data, and taken up at the next start
	Data    string       // directory of the log and of the embedded broker's store; created when missing
	Env     string       // environment, part of every subject and entry
	Bus     bus.Config   // URL and credentials of an external broker; zero: embedded. The rest is the loop's
	Groups  []loopGroup  // at least one
	Console string       // HOST:PORT of the console, on loopback; empty: none
	Digest  string       // of the configuration file; empty: there is none
	Trust   string       // digest of version 1 of the people register, pinned by hand; empty: nobody governs, and groups run their packs as they are
	Logger  *slog.Logger // nil: nothing is said

	Observe func(loopEvent)  // nil: nobody listens. Called with one event at a time; must not block nor call the loop
	Now     func() time.Time // nil: time.Now
}

// loopGroup is one watched group.
type loopGroup struct {
	Name     string
	Source   frameSource
	Past     func(since, now time.Time) (frameSource, error) // what is learnt from before the first frame, until io.EOF; nil: nothing
	Detect   detect.Config                                   // Env, Group, ID and Build are the loop's
	Push     *pushPort                                       // where members push what Source reads; nil: they do not
	Executor actions.Executor                                // the hand; nil: none, and Mode is not act
	Pack     *knowledge.Pack                                 // its rules, and the limits that hold the hand back; with a pinned register until something is live
	Mode     engine.Mode                                     // may only lower what a pack allows; empty: what the pack allows
	Because  string                                          // why Mode is lower than was asked for; empty: it is not
}

// frameSource yields one frame a tick. No frame and an error that wraps
// source.ErrSilent: the tick is lost, and the next call may bring one.
type frameSource interface {
	Next(ctx context.Context) (*facts.Frame, error)
}

// loopEvent is one thing that happened, for a narrator. Exactly one of the
// pointers is set.
type loopEvent struct {
	Time     time.Time
	Group    string
	Fact     *facts.Fact      // published by a watcher; a standing alarm is published every tick
	Decision *engine.Decision // durable in the log; most of them want nothing
	Outcome  *actions.Outcome // durable in the log: an act was sent, refused, or ended
	Trouble  *troubleEvent    // something outside is away, or is back
}

// troubleEvent tells of a part of the world outside the process.
type troubleEvent struct {
	Part string // log, bus, "source GROUP" or "balancer GROUP"
	Err  error  // nil: it is back
}

// maximum returns how far the group may go with a pack: the lower of what the
// pack and its configuration say.
func (g *loopGroup) maximum(p *knowledge.Pack) engine.Mode {
	rank := map[engine.Mode]int{engine.Observe: 1, engine.Suggest: 2, engine.Act: 3}
	m := engine.Mode(p.Mode)
	if rank[g.Mode] > 0 && rank[g.Mode] < rank[m] {
		m = g.Mode
	}
	return m
}
