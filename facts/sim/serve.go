package sim

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// headerLimit is how long a peer may take over a request's head: on loopback
// only a machine that stands still takes more than a moment.
const headerLimit = 10 * time.Second

// serveHTTP serves h on ln until ctx ends, or serving fails. Requests in flight
// then have grace to end before their connections are closed. When it returns,
// the port is free and every goroutine has ended.
func serveHTTP(ctx context.Context, ln net.Listener, h http.Handler, grace time.Duration) error {
	var all sync.WaitGroup // the accepting goroutine, and one for each open connection
	srv := &http.Server{Handler: h, ReadHeaderTimeout: headerLimit, ErrorLog: silent()}
	srv.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew: // called by the accepting goroutine, so that Add is never late for Wait
			all.Add(1)
		case http.StateClosed, http.StateHijacked:
			all.Done()
		}
	}
	served := make(chan error, 1)
	all.Go(func() { served <- srv.Serve(ln) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if srv.Shutdown(limit) != nil { // the grace was too short for somebody
		err = errors.Join(err, srv.Close())
	}
	all.Wait()
	return err
}

// silent returns a logger that drops everything: net/http would report each
// connection that a fault cuts.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }

// sleep waits for d, and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
