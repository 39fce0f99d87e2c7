package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/cmd/internal/console"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/bus"
)

const (
	// handleTime bounds one fact from the bus to the record of its decision, and
	// one intent from there to the answer of its call. An act's own lease is far
	// shorter; this is for a disk that hangs.
	handleTime = 30 * time.Second
	// wedged is when a fact or an intent that is still in hand makes the process
	// unhealthy: it will not get better by itself.
	wedged = 2 * handleTime
	// beatEvery is how often the process says on the bus that it lives.
	beatEvery = time.Second
	// lastWords bounds the record of the stop.
	lastWords = 5 * time.Second
)

// Run watches, decides and acts until ctx ends or a part fails, and then gives
// everything back: watchers first, so that no fact is left half handled; then
// the decider; the desk, which ends the acts under way; the guard, the outbox,
// and at last broker and log. It returns nil when it was ctx that ended, else why.
//
// Sources, balancers and the broker may go away and come back: they are no
// part of the process, and the standings tell.
func (l *loop) Run(ctx context.Context) error {
	live, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	c := &crew{base: context.WithoutCancel(ctx), fail: fail}
	c.start("scribe", l.scribe.run)
	c.start("outbox", l.outbox.run)
	c.start("guard", l.guard.Run)
	c.start("desk", l.desk.run)
	c.start("decide", func(ctx context.Context) error { return l.bus.Consume(ctx, engineName, l.handle) })
	c.start("heartbeat", l.beat)
	if l.governance != nil {
		l.governance.begin(c)
	}
	for _, g := range l.config.Groups {
		if g.Push != nil {
			c.start("push "+g.Name, g.Push.server.Run)
		}
	}
	for i, w := range l.watchers {
		c.start("watch "+l.config.Groups[i].Name, w.Run)
	}
	if l.listener != nil {
		c.start("console", func(ctx context.Context) error { return l.console().Serve(ctx, l.listener) })
	}
	<-live.Done()
	l.ended.Store(true)
	cause := context.Cause(live)
	if cause == context.Canceled { // without a cause of its own
		cause = toldToStop
	}
	c.stop()
	bounded, cancel := context.WithTimeout(c.base, lastWords)
	defer cancel()
	err := errors.Join(l.recordStop(bounded, cause), l.close())
	if ctx.Err() == nil { // nobody asked us to stop: a part failed
		err = errors.Join(cause, err)
	}
	return err
}

// handle takes a fact from the bus to the record of its decision: then it may
// be forgotten, and its intents are on the desk. What was begun is ended
// although the process stops.
func (l *loop) handle(ctx context.Context, f facts.Fact, id string) error {
	l.busy.Store(time.Now().UnixNano())
	defer l.busy.Store(0)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), handleTime)
	defer cancel()
	return l.engine.Handle(ctx, f, id)
}

// beat says on the bus that the process lives, and where the log stands, and
// looks after what nobody tells the process: the stop switch and the store.
func (l *loop) beat(ctx context.Context) error {
	t := time.NewTicker(beatEvery)
	defer t.Stop()
	said := ""
	for {
		said = l.sayStop(said)
		l.lookAtStore()
		body := encoded(struct {
			Build string     `json:"build"`
			Size  int64      `json:"log_entries"`
			Time  facts.Time `json:"time"`
			V     int        `json:"v"`
		}{buildVersion(), l.log.Size(), facts.At(l.config.Now()), 1})
		if err := l.bus.Beat(ctx, engineName, localName, body); err != nil && ctx.Err() == nil && !errors.Is(err, bus.ErrUnreachable) {
			l.config.Logger.Warn("no heartbeat", "error", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.C:
		}
	}
}

// Publish takes a fact from a watcher to the bus.
func (l *loop) Publish(ctx context.Context, f facts.Fact) error {
	err := l.bus.Publish(ctx, f)
	switch {
	case err == nil:
		l.standings.good(partBus, "")
		l.tell(loopEvent{Time: f.Time.Time, Group: f.Group, Fact: &f})
	case errors.Is(err, bus.ErrFull), errors.Is(err, bus.ErrUnreachable):
		l.standings.bad(partBus, err)
	}
	return err
}

// console returns what looks into the loop from outside.
func (l *loop) console() *console.Console {
	c := console.Config{Healthy: l.healthy, Ready: l.report, Metrics: l.metrics}
	if l.governance != nil {
		c.Papers, c.MaxPapers = l.governance.post, maxParcelBytes
		g := l.governance.governor
		c.Changes, c.Change, c.Base = g.status, g.change, g.base
	}
	return console.New(c)
}

func (l *loop) healthy() error {
	if l.ended.Load() {
		return errors.New("stopping")
	}
	if since := l.busy.Load(); since != 0 && time.Since(time.Unix(0, since)) > wedged {
		return fmt.Errorf("a fact has been in hand for more than %v", wedged)
	}
	if g := l.desk.stuck(wedged); g != "" {
		return fmt.Errorf("an intent for group %s has been in hand for more than %v", g, wedged)
	}
	return nil
}
