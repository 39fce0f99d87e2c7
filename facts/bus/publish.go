package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/evenkeel/evenkeel/facts"
)

// publishWait is the longest a publisher waits for the broker: two ticks of a
// group. The caller's deadline holds when it is sooner.
const publishWait = 2 * time.Second

// MaxBodyBytes bounds the body of an intent, a result or a heartbeat.
const MaxBodyBytes = 64 << 10

var (
	// ErrFull reports that a stream has no room. Publishing an old fact again
	// is of no use; a newer one may find room.
	ErrFull = errors.New("stream is full")

	// ErrUnreachable reports that the broker could not be reached or did not
	// answer in time. Whether the message was stored is then unknown;
	// publishing it again is safe.
	ErrUnreachable = errors.New("broker out of reach")
)

// Publish stores f in EK_FACTS under its id. A fact the stream holds already
// is a success. f.Env must be the environment of the bus.
//
// Errors: one that wraps [facts.ErrFact] for a fact that is not valid or too
// large, [ErrFull], [ErrUnreachable] (also when ctx's deadline came first),
// [ErrClosed], or the cause of ctx's cancellation.
func (b *Bus) Publish(ctx context.Context, f facts.Fact) error {
	if f.Env != b.cfg.Env {
		return b.failed(fmt.Errorf("bus: publish fact of %s: env %q, want %q", f.Group, f.Env, b.cfg.Env))
	}
	m, id, err := encode(&f)
	if err != nil {
		return b.failed(fmt.Errorf("bus: publish: %w", err))
	}
	return b.publish(ctx, factStream, m, id)
}

// PublishIntent stores an intent for executors outside this process. id makes
// it unique: publishing it again within two minutes stores it once. The body
// is the caller's, at most [MaxBodyBytes]. Errors as [Bus.Publish].
func (b *Bus) PublishIntent(ctx context.Context, group, verb, id string, body []byte) error {
	m, err := b.message(body, id, "intent", group, verb)
	if err != nil {
		return b.failed(err)
	}
	return b.publish(ctx, intentStream, m, id)
}

// PublishResult stores what an executor did for a group. id, body and errors
// as [Bus.PublishIntent].
func (b *Bus) PublishResult(ctx context.Context, executor, group, id string, body []byte) error {
	m, err := b.message(body, id, "result", executor, group)
	if err != nil {
		return b.failed(err)
	}
	return b.publish(ctx, resultStream, m, id)
}

// Beat tells that the named instance of a role is alive. It is not stored: who
// does not listen now does not hear it.
func (b *Bus) Beat(ctx context.Context, role, id string, body []byte) error {
	m, err := b.message(body, id, "hb", role, id)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = b.reachable()
	}
	if err == nil {
		err = b.nc.PublishMsg(m)
	}
	if err != nil {
		return fmt.Errorf("bus: beat of %s %s: %w", role, id, err)
	}
	return nil
}

// message returns a message of body under the subject ek.<env>.what.tokens….
func (b *Bus) message(body []byte, id, what string, tokens ...string) (*nats.Msg, error) {
	for _, name := range append(tokens, id) {
		if err := facts.CheckName(what, name); err != nil {
			return nil, fmt.Errorf("bus: publish %s: %w", what, err)
		}
	}
	if len(body) > MaxBodyBytes {
		return nil, fmt.Errorf("bus: publish %s %s: body of %d bytes, want at most %d", what, id, len(body), MaxBodyBytes)
	}
	m := nats.NewMsg(subject(append([]string{b.cfg.Env, what}, tokens...)...))
	m.Data = body
	return m, nil
}

func (b *Bus) publish(ctx context.Context, stream string, m *nats.Msg, id string) error {
	ack, err := b.send(ctx, stream, m, id)
	if err != nil {
		return b.failed(fmt.Errorf("bus: publish %s to %s: %w", m.Subject, stream, b.explain(ctx, err)))
	}
	b.update(func(s *Stats) {
		s.Published++
		if ack.Duplicate {
			s.Duplicates++
		}
	})
	return nil
}

// send hands m to the broker and waits for its answer.
func (b *Bus) send(ctx context.Context, stream string, m *nats.Msg, id string) (*jetstream.PubAck, error) {
	if err := b.reachable(); err != nil {
		return nil, err
	}
	complaints := 0
	if b.broker != nil {
		healed, err := b.broker.heal(time.Now())
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		if healed {
			b.nextEpoch()
		}
		complaints, _ = b.broker.log.complaints()
	}
	epoch, leave := b.thisEpoch(ctx)
	defer leave()
	limited, cancel := context.WithTimeout(epoch, b.publishWait)
	defer cancel()
	ack, err := b.js.PublishMsg(limited, m, jetstream.WithMsgID(id), jetstream.WithExpectStream(stream))
	silent := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, jetstream.ErrNoStreamResponse)
	if silent && b.broker != nil {
		b.broker.unanswered(complaints)
	}
	return ack, err
}

func (b *Bus) failed(err error) error {
	b.update(func(s *Stats) { s.Failed++ })
	return err
}

// reachable returns an error at once when the connection is known to be down.
func (b *Bus) reachable() error {
	if b.live.Err() != nil {
		return ErrClosed
	}
	if !b.nc.IsConnected() {
		return fmt.Errorf("%w: no connection to %s: it is being retried", ErrUnreachable, b.where)
	}
	return nil
}

// explain sorts what the broker or the connection said into this package's
// errors. ctx is the caller's.
func (b *Bus) explain(ctx context.Context, err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, ErrClosed), errors.Is(err, ErrUnreachable):
		return err
	case b.live.Err() != nil:
		return ErrClosed
	case errors.Is(ctx.Err(), context.Canceled):
		return context.Cause(ctx)
	case errors.As(err, &api):
		return explainAnswer(api)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: connection to %s lost before it answered", ErrUnreachable, b.where)
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%w: no answer from %s in time", ErrUnreachable, b.where)
	default:
		err = fmt.Errorf("%w: %s: %w", ErrUnreachable, b.where, err)
	}
	if b.broker != nil && b.broker.isSick() {
		err = fmt.Errorf("%w: %w", err, b.broker.complaint())
	}
	return err
}

// Codes of the server's answer to a message it did not store.
const (
	codeStoreFailed    jetstream.ErrorCode = 10077 // the stream's own bounds, or its disk
	codeNoResources    jetstream.ErrorCode = 10023 // the server's bounds, or its disk
	codeAccountStorage jetstream.ErrorCode = 10047 // the account's bounds
)

func explainAnswer(api *jetstream.APIError) error {
	switch api.ErrorCode {
	case codeNoResources, codeAccountStorage:
		return fmt.Errorf("%w: broker said %q: want room on its disk or in its account", ErrFull, api.Description)
	case codeStoreFailed:
		if strings.HasPrefix(api.Description, "maximum ") {
			return fmt.Errorf("%w: broker said %q: want older messages to age out, or a higher bound", ErrFull, api.Description)
		}
	}
	return fmt.Errorf("broker refused it: %w", api)
}
