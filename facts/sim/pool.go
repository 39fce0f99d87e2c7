package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// The pool that PoolConfig's zero values mean, and its bounds.
const (
	MeanService    = 100 * time.Millisecond
	DefaultWorkers = 8
	MaxPool        = 200 // members: more than that, one machine cannot serve
)

// PoolConfig describes a pool.
type PoolConfig struct {
	Members int           // 1 to MaxPool; they are called m01, m02, …
	Seed    uint64        // of service times, body sizes and chance
	Workers int           // of a member, 0: DefaultWorkers
	Service time.Duration // mean service time, 0: MeanService
}

// Pool is a set of like members behind one balancer.
type Pool struct {
	members []*member
}

// Server is a member as a balancer knows it.
type Server struct{ Name, Address string }

// NewPool makes the members of a pool, each on a free loopback port. Run must
// be called to give the ports back.
func NewPool(c PoolConfig) (*Pool, error) {
	if c.Members < 1 || c.Members > MaxPool {
		return nil, fmt.Errorf("sim: pool of %d members, want 1 to %d", c.Members, MaxPool)
	}
	w := workload{workers: c.Workers, mean: c.Service}
	if w.workers == 0 {
		w.workers = DefaultWorkers
	}
	if w.mean == 0 {
		w.mean = MeanService
	}
	if w.workers < 0 || w.mean < 0 {
		return nil, fmt.Errorf("sim: pool with %d workers a member and a service time of %v, want neither below 0", w.workers, w.mean)
	}
	rng := rand.New(rand.NewPCG(c.Seed, 0)) //nolint:gosec // reproducible by intent
	w.bodies = newBodies(rng)
	p := &Pool{}
	for i := range c.Members {
		w.seed = rng.Uint64()
		m, err := newMember(fmt.Sprintf("m%02d", i+1), w)
		if err != nil {
			p.release()
			return nil, err
		}
		p.members = append(p.members, m)
	}
	return p, nil
}

// release gives back the ports of members that never ran.
func (p *Pool) release() {
	for _, m := range p.members {
		_ = m.listener.Close() // nothing was accepted on it
	}
}

// Servers returns the members' names and addresses, in the order of the names.
func (p *Pool) Servers() []Server {
	out := make([]Server, len(p.members))
	for i, m := range p.members {
		out[i] = Server{m.name, m.address}
	}
	return out
}

// Run serves until ctx ends, or a member fails: then all stop, and the error
// says which. It returns nil when ctx ended.
func (p *Pool) Run(ctx context.Context) error {
	live, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var wg sync.WaitGroup
	for _, m := range p.members {
		wg.Go(func() {
			if err := m.run(live); err != nil {
				fail(err)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(live)
}

// Begin starts f: a fault inside the named member, or Restart of it; Dependency
// makes the dependency of all members slower, whatever the name. Surge is the
// client's, see [Client.SetRate], and is refused here. A fault replaces the one
// before it.
func (p *Pool) Begin(member string, f Fault) error {
	if f.Kind == Dependency {
		for _, m := range p.members {
			m.setDependency(f.Size)
		}
		return nil
	}
	if f.Kind == Surge {
		return fmt.Errorf("sim: begin %s: want a fault of the pool: a surge comes from the client", f)
	}
	for _, m := range p.members {
		if m.name != member {
			continue
		}
		if f.Kind == Restart {
			m.askRestart()
		} else {
			m.set(f)
		}
		return nil
	}
	return fmt.Errorf("sim: begin %s: no member %.40q, want m01 to %s", f, member, p.members[len(p.members)-1].name)
}

// Heal ends every fault and makes the dependency as fast as it was.
func (p *Pool) Heal() {
	for _, m := range p.members {
		m.set(Fault{Kind: None})
		m.setDependency(1)
	}
}
