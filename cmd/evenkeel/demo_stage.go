package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/evenkeel/evenkeel/facts/sim"
)

// demoGroup and demoEnv name the group and the environment in facts and log.
const (
	demoGroup = "web"
	demoEnv   = "demo"
)

// demoStage is what the demo plays on: a pool, a balancer and a client, all of
// them running.
type demoStage struct {
	pool   *sim.Pool
	front  sim.Front
	client *sim.Client
}

// demoBalancer is what the demo needs of either balancer.
type demoBalancer interface {
	Front() sim.Front
	Ready(ctx context.Context) error
	Run(ctx context.Context) error
}

// openStage starts the stage's parts in crew. live ends when one of them does;
// dir takes the balancer's configuration.
func openStage(live context.Context, crew *crew, c demoConfig, dir string) (*demoStage, error) {
	pool, err := sim.NewPool(sim.PoolConfig{Members: c.members, Seed: c.seed})
	if err != nil {
		return nil, err
	}
	crew.start("pool", pool.Run)
	balancer, err := openBalancer(live, c, sim.BalancerConfig{Listen: c.listen, Backend: demoGroup, Servers: pool.Servers(), Dir: dir})
	if err != nil {
		return nil, err
	}
	crew.start("balancer", balancer.Run)
	if err := balancer.Ready(live); err != nil {
		return nil, err
	}
	front := balancer.Front()
	client, err := sim.NewClient(sim.ClientConfig{URL: front.URL, Rate: c.rate, Seed: c.seed})
	if err != nil {
		return nil, err
	}
	crew.start("client", client.Run)
	return &demoStage{pool, front, client}, nil
}

// openBalancer opens the balancer that was asked for; auto takes HAProxy when
// there is one.
func openBalancer(ctx context.Context, c demoConfig, b sim.BalancerConfig) (demoBalancer, error) {
	if c.balancer != balancerBuiltin {
		h, err := sim.NewHAProxy(ctx, b)
		if err == nil {
			return h, nil
		}
		if !errors.Is(err, sim.ErrNoHAProxy) {
			return nil, err
		}
		if c.balancer == balancerHAProxy {
			return nil, &exitError{exitFailed, fmt.Errorf("demo: %w", err),
				"install it (Debian: apt-get install haproxy; it is put into /usr/sbin), or use --balancer builtin"}
		}
	}
	return sim.NewBuiltin(b)
}

// begin starts what the demo is about.
func (s *demoStage) begin(c demoConfig) error {
	if c.kind.Kind == sim.Surge {
		return s.client.SetRate(c.rate * c.kind.Size)
	}
	if c.kind.Kind == sim.None {
		return nil
	}
	return s.pool.Begin(c.victim, c.kind)
}

// end makes everything well again.
func (s *demoStage) end(c demoConfig) error {
	s.pool.Heal()
	return s.client.SetRate(c.rate)
}

// demoDir makes the directory that the demo writes to, and returns what to call
// when it is done with it.
func demoDir(keep string) (dir string, done func() error, err error) {
	if keep == "" {
		dir, err := os.MkdirTemp("", "evenkeel-demo-")
		if err != nil {
			return "", nil, &exitError{exitFailed, fmt.Errorf("demo: %w", err), "set TMPDIR to a directory that this user may write to"}
		}
		return dir, func() error { return os.RemoveAll(dir) }, nil
	}
	hint := "choose a directory that this user may write to with --data"
	if err := os.MkdirAll(keep, 0o700); err != nil {
		return "", nil, &exitError{exitFailed, fmt.Errorf("demo: data directory: %w", err), hint}
	}
	probe, err := os.CreateTemp(keep, ".probe-")
	if err != nil {
		return "", nil, &exitError{exitFailed, fmt.Errorf("demo: data directory: %w", err), hint}
	}
	err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	return keep, func() error { return nil }, err
}
