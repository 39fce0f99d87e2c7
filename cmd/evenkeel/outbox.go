package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/facts/bus"
)

const (
	// outboxSize bounds what waits while the broker is away: hours of acts at
	// the rate that limits allow. Nothing is lost with it: the log has it all.
	outboxSize = 1024
	// outboxPause is between two attempts.
	outboxPause = 500 * time.Millisecond
	// outboxGrace is for what still waits when the process ends.
	outboxGrace = time.Second
)

// outbox publishes what is durable in the log already, in order, so that
// neither an act nor a decision waits for the broker.
type outbox struct {
	letters chan letter
	dropped atomic.Int64 // letters that found no room, or that the broker will never take
	failed  func(error)  // told why one was dropped
}

// letter is one message. One that must arrive is sent again until the broker
// has it; another is a copy for whoever listens.
type letter struct {
	must bool
	send func(context.Context) error
}

func newOutbox(failed func(error)) *outbox {
	return &outbox{letters: make(chan letter, outboxSize), failed: failed}
}

// add never blocks.
func (o *outbox) add(l letter) {
	select {
	case o.letters <- l:
	default:
		o.dropped.Add(1)
		o.failed(errors.New("the outbox is full"))
	}
}

// run sends until ctx ends, and then for outboxGrace what is left.
func (o *outbox) run(ctx context.Context) error {
	for {
		select {
		case l := <-o.letters:
			o.deliver(ctx, l)
		case <-ctx.Done():
			o.drain(context.WithoutCancel(ctx))
			return context.Cause(ctx)
		}
	}
}

func (o *outbox) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, outboxGrace)
	defer cancel()
	for ctx.Err() == nil {
		select {
		case l := <-o.letters:
			o.deliver(ctx, l)
		default:
			return
		}
	}
}

// deliver sends one letter, for as long as that makes sense. An attempt is
// bounded by the bus itself and is not cut short by the end of ctx.
func (o *outbox) deliver(ctx context.Context, l letter) {
	for {
		err := l.send(context.WithoutCancel(ctx))
		if err == nil {
			return
		}
		passing := errors.Is(err, bus.ErrUnreachable) || errors.Is(err, bus.ErrFull)
		if !l.must || !passing || ctx.Err() != nil {
			o.dropped.Add(1)
			o.failed(err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(outboxPause):
		}
	}
}
