package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
)

// ending is why a part ends in good order: the cause of a context that was
// canceled because the work is done.
type ending string

const toldToStop ending = "told to stop"

func (e ending) Error() string { return string(e) }
func (e ending) Unwrap() error { return context.Canceled }

// crew is the goroutines of a process: started one by one, stopped in reverse.
type crew struct {
	base    context.Context
	fail    context.CancelCauseFunc // one down, all down
	why     ending                  // what members are told at the end; empty: toldToStop
	members []crewMember
}

type crewMember struct {
	leave func()
	left  chan struct{} // closed when it has ended
}

// start runs f, which must not end before its context does.
func (c *crew) start(name string, f func(context.Context) error) {
	ctx, cancel := context.WithCancelCause(c.base)
	left := make(chan struct{})
	c.members = append(c.members, crewMember{func() { cancel(cmp.Or(c.why, toldToStop)) }, left})
	go func() {
		defer close(left)
		if err := f(ctx); ctx.Err() == nil {
			if err == nil {
				err = errors.New("ended without being asked to")
			}
			c.fail(fmt.Errorf("%s stopped: %w", name, err))
		}
	}()
}

// stop ends each member and waits for it, the last one first.
func (c *crew) stop() {
	for i := len(c.members) - 1; i >= 0; i-- {
		c.members[i].leave()
		<-c.members[i].left
	}
}
