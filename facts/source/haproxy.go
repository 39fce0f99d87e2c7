package source

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// HAProxyConfig tells which servers of which HAProxy to read.
type HAProxyConfig struct {
	// Address of the stats socket: "unix:/run/haproxy/admin.sock" or
	// "tcp:127.0.0.1:9999". Level user suffices.
	Address string
	Backend string // name of the backend or listen section
	Group   string // name of the group in frames; empty: the backend's

	// Timeout bounds one reading, from the connection to the last byte.
	// Zero: one second, a hundred times what 1,000 servers need.
	Timeout time.Duration
}

// HAProxy reads the servers of one backend from HAProxy's stats socket: one
// call sees every member at the same instant, as the balancer sees it.
//
// Gauges are given as they are, counters as rates per second over the time
// that really passed since the previous reading. When a counter falls, HAProxy
// was restarted, reloaded or told to clear: every rate is missing from that one
// frame, because counters that did not fall may have been reset too. A restart
// that no counter betrays, after hardly any traffic, makes rates too low once.
//
// It is not for concurrent use.
type HAProxy struct {
	socket  statsSocket
	backend string
	group   string
	now     func() time.Time // replaced in tests

	all    bool // ask for the servers of all backends: a frontend has the backend's name
	before map[string]tally
	shape  shape
}

// defaultTimeout bounds one conversation with a balancer or a member: a second
// is the finest tick that is sensible for averages over requests.
const defaultTimeout = time.Second

// NewHAProxy returns a reader of c. It checks c and does not connect.
func NewHAProxy(c HAProxyConfig) (*HAProxy, error) {
	s, err := newStatsSocket(c.Address, cmp.Or(c.Timeout, defaultTimeout))
	if err != nil {
		return nil, err
	}
	for _, n := range []struct{ what, name string }{{"backend", c.Backend}, {"group", cmp.Or(c.Group, c.Backend)}} {
		if err := facts.CheckName(n.what, n.name); err != nil {
			return nil, fmt.Errorf("source: haproxy %s: %w", c.Address, err)
		}
	}
	return &HAProxy{socket: s, backend: c.Backend, group: cmp.Or(c.Group, c.Backend), now: time.Now}, nil
}

// Read returns the servers of the backend now, as the frame of tick t. It holds
// [facts.MetricUp] and [facts.MetricAdmin] of every server; the first frame
// has no rates.
//
// Errors name the address and the next step; none of them is partial.
func (h *HAProxy) Read(ctx context.Context, t time.Time) (*facts.Frame, error) {
	stats, at, err := h.stats(ctx)
	if err != nil {
		return nil, fmt.Errorf("source: haproxy %s: backend %s: %w", h.socket.address, h.backend, err)
	}
	return h.frame(t, at, stats), nil
}

// stats asks for the servers by the backend's name. HAProxy answers for the
// first proxy of that name, which may be a frontend and has no servers: then
// the answer for all backends is asked for, now and from now on.
func (h *HAProxy) stats(ctx context.Context) ([]serverStat, time.Time, error) {
	for {
		proxy := h.backend
		if h.all {
			proxy = "-1"
		}
		reply, err := h.socket.ask(ctx, "show stat "+proxy+" 4 -1") // 4: servers; -1: each
		if err != nil {
			return nil, time.Time{}, err
		}
		at := h.now()
		if err := refusal(reply); err != nil {
			return nil, at, err
		}
		stats, err := parseStats(bytes.NewReader(reply), h.backend)
		switch {
		case err != nil:
			return nil, at, err
		case len(stats) > 0:
			return stats, at, nil
		case h.all:
			h.all = false
			return nil, at, errors.New("it has no servers: want at least one 'server' line in it")
		}
		h.all = true
	}
}

// frame turns counters into rates and remembers them for the next reading;
// servers that vanished are forgotten.
func (h *HAProxy) frame(t, at time.Time, stats []serverStat) *facts.Frame {
	d := len(statMetrics)
	members, values := make([]string, len(stats)), make([]float64, 0, len(stats)*d)
	now := make(map[string]tally, len(stats))
	reset := false
	for i, s := range stats {
		members[i] = s.name
		values = append(values, s.gauges...)
		now[s.name] = tally{at, s.counts}
		reset = reset || now[s.name].fell(h.before[s.name])
	}
	for i, s := range stats {
		var before tally
		if !reset {
			before = h.before[s.name]
		}
		now[s.name].rates(before, values[i*d:(i+1)*d])
	}
	h.before = now
	return h.shape.frame(t, h.group, members, statMetrics, values)
}
