package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/actions"
)

const (
	// deskSize bounds the intents that wait for one group's balancer. They come
	// by the decision and are out of date in seconds: more than this is a group
	// in which everything is sick, and the limits allow a few acts at a time.
	deskSize = 256
	// deskGrace is for what still waits when the process ends: the intents of
	// one decision. What is in hand is ended in any case, by its own lease.
	deskGrace = 2 * time.Second
)

// desk takes intents from the engine at once, and hands those of each group to
// the guard one after the other, in order. So a balancer that hangs holds up
// its own group's acts, and no decision, neither its own group's nor another's.
//
// What waits when the process dies is lost, and its decision is in the log: a
// condition that lasts comes back as another fact.
type desk struct {
	submit func(context.Context, actions.Intent)        // takes one to its answer
	refuse func(context.Context, actions.Intent, error) // told what is not handed on, and why
	queues map[string]*deskQueue                        // by group, never changed

	waiting atomic.Int64 // taken, and neither answered nor dropped yet
	dropped atomic.Int64
}

// deskQueue is one group's.
type deskQueue struct {
	intents chan actions.Intent
	since   atomic.Int64 // unix nanoseconds since when one is in hand; 0: none is
}

func newDesk(groups []string, submit func(context.Context, actions.Intent),
	refuse func(context.Context, actions.Intent, error)) *desk {
	d := &desk{submit: submit, refuse: refuse, queues: map[string]*deskQueue{}}
	for _, g := range groups {
		d.queues[g] = &deskQueue{intents: make(chan actions.Intent, deskSize)}
	}
	return d
}

// Submit takes an intent; it never waits for a machine and never fails, and
// knows no outcome yet. What finds no room is refused.
func (d *desk) Submit(ctx context.Context, i actions.Intent) (actions.Outcome, error) {
	d.waiting.Add(1)
	q := d.queues[i.Group]
	if q == nil {
		d.drop(ctx, i, fmt.Errorf("no group %.40q here", i.Group))
		return actions.Outcome{}, nil
	}
	select {
	case q.intents <- i:
	default:
		d.drop(ctx, i, fmt.Errorf("%d intents of the group wait for its balancer already", deskSize))
	}
	return actions.Outcome{}, nil
}

func (d *desk) drop(ctx context.Context, i actions.Intent, why error) {
	d.dropped.Add(1)
	d.refuse(ctx, i, why)
	d.waiting.Add(-1)
}

// run hands intents on until ctx ends, and then for deskGrace those that still
// wait. It returns when all that was in hand has been answered.
func (d *desk) run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, q := range d.queues {
		wg.Go(func() { d.serve(ctx, q) })
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (d *desk) serve(ctx context.Context, q *deskQueue) {
	base := context.WithoutCancel(ctx) // what is in hand is ended although the process stops
	for ctx.Err() == nil {
		select {
		case i := <-q.intents:
			d.hand(base, q, i)
		case <-ctx.Done():
		}
	}
	for end := time.Now().Add(deskGrace); ; {
		select {
		case i := <-q.intents:
			if time.Now().Before(end) {
				d.hand(base, q, i)
				continue
			}
			d.drop(base, i, fmt.Errorf("the process ends, and it waited for more than %v", deskGrace))
		default:
			return
		}
	}
}

// hand takes one intent to its answer.
func (d *desk) hand(ctx context.Context, q *deskQueue, i actions.Intent) {
	defer d.waiting.Add(-1)
	q.since.Store(time.Now().UnixNano())
	defer q.since.Store(0)
	ctx, cancel := context.WithTimeout(ctx, handleTime)
	defer cancel()
	d.submit(ctx, i)
}

// stuck returns a group whose intent has been in hand for longer than limit,
// empty when there is none.
func (d *desk) stuck(limit time.Duration) (group string) {
	for g, q := range d.queues {
		if since := q.since.Load(); since != 0 && time.Since(time.Unix(0, since)) > limit {
			return g
		}
	}
	return ""
}
