package bus

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/evenkeel/evenkeel/facts"
)

const (
	// maxAckPending is how many facts of a durable may be out at a time. One:
	// the broker then keeps the order by itself, whatever fails or restarts,
	// because it sends nothing past a fact that was not acknowledged.
	maxAckPending = 1

	// ackWait is how long the broker waits for the word of a consumer before
	// it delivers a fact again: what a crash of either costs, since nothing
	// passes the fact that was out. A handler may take longer, for the word
	// "in progress" is sent meanwhile.
	ackWait = 2 * time.Second

	// pullBatch is how many facts one request asks for; they come one by one.
	// pullExpiry renews the request. A broker that is silent for two
	// pullHeartbeats has forgotten it, and the consumer is set up anew.
	pullBatch     = 256
	pullExpiry    = 30 * time.Second
	pullHeartbeat = 2 * time.Second
)

// errEpoch is why a consumer starts over when nothing is wrong with it.
var errEpoch = errors.New("connection to the broker changed")

// Handler handles one fact. id is its [facts.Fact.ID]. nil means that all is
// recorded and the fact may be forgotten; an error has it delivered again,
// before any other. ctx ends with Consume's.
type Handler = func(ctx context.Context, f facts.Fact, id string) error

// flow is what a consumer takes from a stream, and what it does with it.
type flow struct {
	stream  string
	filter  []string // subjects
	backlog bool     // a new durable starts with the oldest message kept
	// take handles a message. refused says that it is not what belongs there: it
	// was told to whom it concerns, and is not delivered again.
	take func(ctx context.Context, m jetstream.Msg, seq uint64) (refused bool, err error)
	// taken is told that a message was handled and the broker knows.
	taken func(s *Stats, seq uint64, refused bool)
}

// Consume delivers the facts of the environment to handle, one at a time and
// in order, until ctx ends or the bus is closed, and returns the reason. The
// place reached is kept by the broker under the name durable: the next Consume
// goes on from there. Two calls with one name share the facts between them,
// still one at a time.
//
// It returns early, with an error that wraps [ErrSettings], when the broker
// has something under these names that it cannot work with; anything else that
// goes wrong is retried.
func (b *Bus) Consume(ctx context.Context, durable string, handle Handler) error {
	return b.consume(ctx, durable, b.factFlow(handle))
}

func (b *Bus) consume(ctx context.Context, durable string, w flow) error {
	if err := facts.CheckName("durable", durable); err != nil {
		return fmt.Errorf("bus: consume: %w", err)
	}
	ctx, leave, err := b.enter(ctx)
	if err != nil {
		return fmt.Errorf("bus: consume %s: %w", durable, err)
	}
	defer leave()
	for attempt := 1; ; attempt++ {
		before := b.progress()
		err := b.follow(ctx, durable, w)
		if ctx.Err() != nil {
			return fmt.Errorf("bus: consume %s: %w", durable, context.Cause(ctx))
		}
		if errors.Is(err, ErrSettings) {
			return fmt.Errorf("bus: consume %s: %w", durable, err)
		}
		if b.progress() > before {
			attempt = 1
		}
		wait := pause(attempt, redialMin, redialMax)
		b.update(func(s *Stats) { s.Interrupts++ })
		b.cfg.Logger.Warn("consumer interrupted", "durable", durable, "error", err, "retry_in", wait)
		b.rest(ctx, wait)
	}
}

// progress grows with every message that was handled.
func (b *Bus) progress() uint64 {
	s := b.Stats()
	return s.Handled + s.Papers
}

// rest waits for d, and as long as there is no connection. It ends early with
// ctx and when the state of the connection changes.
func (b *Bus) rest(ctx context.Context, d time.Duration) {
	epoch, leave := b.thisEpoch(ctx)
	defer leave()
	if b.nc.IsConnected() {
		sleep(epoch, d)
		return
	}
	<-epoch.Done()
}

// enter registers a consumer with the bus and returns a context that ends with
// ctx or with the bus.
func (b *Bus) enter(ctx context.Context) (context.Context, func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.live.Err() != nil {
		return nil, nil, ErrClosed
	}
	b.consumers.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(b.live, func() { cancel(ErrClosed) })
	return ctx, func() {
		unhook()
		cancel(nil)
		b.consumers.Done()
	}, nil
}

// follow delivers messages until something goes wrong or the epoch ends.
func (b *Bus) follow(ctx context.Context, durable string, w flow) error {
	epoch, leave := b.thisEpoch(ctx)
	defer leave()
	c, err := b.attach(epoch, durable, w)
	if err != nil {
		return err
	}
	inbox, err := c.Messages(jetstream.PullMaxMessages(pullBatch), jetstream.PullExpiry(pullExpiry),
		jetstream.PullHeartbeat(pullHeartbeat))
	if err != nil {
		return err
	}
	var held jetstream.Msg
	defer func() { b.leave(inbox, held) }()
	b.update(func(s *Stats) { s.Consuming++ })
	defer b.update(func(s *Stats) { s.Consuming-- })
	for held == nil {
		m, err := inbox.Next(jetstream.NextContext(epoch))
		if err != nil && epoch.Err() != nil {
			return errEpoch
		}
		if err != nil {
			return err
		}
		held = b.deliver(ctx, m, w)
	}
	return ctx.Err()
}

// leave takes the request for facts back and, when the broker has heard of
// that, returns the fact that is still held or on its way, so that the next
// consumer has it at once.
func (b *Bus) leave(inbox jetstream.MessagesContext, held jetstream.Msg) {
	defer inbox.Stop()
	if !b.nc.IsConnected() {
		return // the broker knows
	}
	inbox.Drain()
	for {
		m, err := inbox.Next(jetstream.NextMaxWait(settleWait))
		if err != nil {
			break // drained
		}
		held = m
	}
	if held == nil {
		return
	}
	if err := held.Nak(); err != nil { // the broker will notice after ackWait
		b.cfg.Logger.Debug("fact not returned", "subject", held.Subject(), "error", err)
	}
}

// attach returns the durable, created or brought up to date.
func (b *Bus) attach(ctx context.Context, durable string, w flow) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	if err := b.applyStreams(ctx); err != nil {
		return nil, err
	}
	name := escape(b.cfg.Env) + "_" + escape(durable)
	c, err := b.js.Consumer(ctx, w.stream, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		want := b.consumerConfig(jetstream.ConsumerConfig{Durable: name}, w)
		if w.backlog {
			want.DeliverPolicy = jetstream.DeliverAllPolicy
		} else {
			want.DeliverPolicy = jetstream.DeliverNewPolicy
		}
		return b.js.CreateConsumer(ctx, w.stream, want)
	}
	if errors.Is(err, jetstream.ErrNotPullConsumer) {
		return nil, fmt.Errorf("%w: consumer %s of %s pushes, want one that is pulled", ErrSettings, name, w.stream)
	}
	if err != nil {
		return nil, err
	}
	have := c.CachedInfo().Config
	want := b.consumerConfig(have, w)
	if have.AckPolicy != want.AckPolicy {
		return nil, fmt.Errorf("%w: consumer %s of %s: found ack policy %s, want %s: remove the consumer",
			ErrSettings, name, w.stream, have.AckPolicy, want.AckPolicy)
	}
	if reflect.DeepEqual(have, want) {
		return c, nil
	}
	return b.js.UpdateConsumer(ctx, w.stream, want)
}

// consumerConfig returns c with the settings that order and durability rest on.
func (b *Bus) consumerConfig(c jetstream.ConsumerConfig, w flow) jetstream.ConsumerConfig {
	c.FilterSubject, c.FilterSubjects = w.filter[0], nil
	if len(w.filter) > 1 {
		c.FilterSubject, c.FilterSubjects = "", w.filter
	}
	c.AckPolicy = jetstream.AckExplicitPolicy
	c.AckWait, c.MaxDeliver, c.BackOff = b.ackWait, -1, nil
	c.MaxAckPending = maxAckPending
	return c
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
