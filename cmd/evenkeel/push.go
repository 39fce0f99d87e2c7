package main

import (
	"context"
	"errors"
	"syscall"

	"github.com/evenkeel/evenkeel/cmd/internal/config"
	"github.com/evenkeel/evenkeel/cmd/internal/console"
	"github.com/evenkeel/evenkeel/facts/source"
)

// pushPort is the port to which the members of a group push, and what came.
type pushPort struct {
	push   *source.Push
	server *source.PushServer
}

// openPush opens the port that c describes. Nobody is answered before the
// server runs.
func openPush(ctx context.Context, c *config.Group) (*pushPort, error) {
	o := c.OTLP
	push, err := source.NewPush(source.PushConfig{Group: c.Name, Member: o.Member, Metrics: o.Metrics, Tick: c.Tick, Stale: o.Stale,
		TokenFile: o.TokenFile})
	if err != nil {
		return nil, err
	}
	server, err := push.Listen(ctx, source.PushListen{Address: o.Listen, CertFile: o.TLS.Cert, KeyFile: o.TLS.Key})
	if errors.Is(err, syscall.EADDRINUSE) {
		err = &exitError{exitFailed, err, "each group has a port of its own: choose another source.otlp.listen"}
	}
	if err != nil {
		return nil, err
	}
	return &pushPort{push, server}, nil
}

// close gives the port back, unless the server that ran has.
func (p *pushPort) close() {
	p.server.Close() //nolint:errcheck // nothing is lost with a port that is given up
}

// pushMetrics counts what was pushed.
func (l *loop) pushMetrics() []console.Metric {
	counts := []struct {
		console.Metric
		of func(source.PushStats) int64
	}{
		{console.Metric{Name: "evenkeel_push_requests_total", Help: "Pushes taken, wholly or in part."}, func(s source.PushStats) int64 { return s.Requests }},
		{console.Metric{Name: "evenkeel_push_failed_total", Help: "Pushes answered with an error."}, func(s source.PushStats) int64 { return s.Failed }},
		{console.Metric{Name: "evenkeel_push_points_total", Help: "Data points taken."}, func(s source.PushStats) int64 { return s.Points }},
		{console.Metric{Name: "evenkeel_push_points_refused_total", Help: "Data points refused; their senders were told why."}, func(s source.PushStats) int64 { return s.Refused }},
	}
	var all []console.Metric
	for _, c := range counts {
		c.Kind = console.Counter
		for _, g := range l.config.Groups {
			if g.Push != nil {
				c.Samples = append(c.Samples, console.Sample{Label: "group", Text: g.Name, Value: float64(c.of(g.Push.push.Stats()))})
			}
		}
		if c.Samples != nil {
			all = append(all, c.Metric)
		}
	}
	return all
}
