package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/evenkeel/evenkeel/cmd/internal/config"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/source"
)

// groupSource is where the frames of a group come from.
type groupSource struct {
	source.Reader
	server  *source.PromQL // when it is all there is, because it remembers; nil: none
	port    *pushPort      // nil: nobody pushes
	closers []func()
}

// close gives the connections back.
func (s *groupSource) close() {
	for _, f := range s.closers {
		f()
	}
}

// sourceFor returns the source of a group: the balancer, the members, a
// Prometheus server, what members push, or several of them joined. It is to be
// closed even when there is an error.
func sourceFor(ctx context.Context, c *config.Group) (s *groupSource, err error) {
	s = &groupSource{}
	var readers []source.Reader
	if c.HAProxy != nil {
		h, err := source.NewHAProxy(source.HAProxyConfig{Address: c.HAProxy.Address, Backend: c.HAProxy.Backend, Group: c.Name})
		if err != nil {
			return s, err
		}
		readers = append(readers, h)
	}
	if c.Prometheus != nil {
		p, err := pagesFor(c)
		if err != nil {
			return s, err
		}
		readers, s.closers = append(readers, chosenMetrics{p, "groups." + c.Name + ".source.prometheus.metrics"}), append(s.closers, p.Close)
	}
	if q := c.PromQL; q != nil {
		server, err := source.NewPromQL(source.PromQLConfig{URL: q.URL, Group: c.Name, Member: q.Member, Queries: q.Queries,
			Delay: q.Delay, Timeout: q.Timeout, BearerTokenFile: q.BearerTokenFile, BasicAuthFile: q.BasicAuthFile, CAFile: q.CAFile})
		if err != nil {
			return s, err
		}
		readers, s.closers = append(readers, server), append(s.closers, server.Close)
		s.server = server
	}
	if c.OTLP != nil {
		if s.port, err = openPush(ctx, c); err != nil {
			return s, err
		}
		readers, s.closers = append(readers, s.port.push), append(s.closers, s.port.close)
	}
	if len(readers) == 1 {
		s.Reader = readers[0]
		return s, nil
	}
	s.server = nil
	s.Reader, err = source.NewJoin(c.Name, readers[0], readers[1:]...)
	return s, err
}

// pagesFor returns the reader of the members' own pages.
func pagesFor(c *config.Group) (*source.Prometheus, error) {
	metrics := c.Prometheus.Metrics
	if len(metrics) == 0 {
		metrics = nil // the source's own list
	}
	return source.NewPrometheus(source.PrometheusConfig{Group: c.Name, Members: c.Prometheus.Members, Metrics: metrics})
}

// chosenMetrics is a source whose metrics are chosen in the configuration.
type chosenMetrics struct {
	source.Reader
	key string // where they are chosen
}

// Read adds the next step when the choice finds nothing.
func (c chosenMetrics) Read(ctx context.Context, t time.Time) (*facts.Frame, error) {
	f, err := c.Reader.Read(ctx, t)
	if errors.Is(err, source.ErrNoMetric) {
		err = fmt.Errorf("%w: name those of the page under %s", err, c.key)
	}
	return f, err
}

// try reads a source once. A source that is away may come back and is waited
// for; one that may not be read will not change its mind.
func try(ctx context.Context, group string, r source.Reader, logger *slog.Logger) error {
	f, err := r.Read(ctx, time.Now())
	switch {
	case errors.Is(err, fs.ErrPermission):
		return err
	case f == nil:
		logger.Warn("no reading yet", "group", group, "error", err)
	case err != nil:
		logger.Warn("first reading is not whole", "group", group, "members", len(f.Members), "metrics", len(f.Metrics), "error", err)
	default:
		logger.Info("first reading", "group", group, "members", len(f.Members), "metrics", len(f.Metrics))
	}
	return nil
}
