package sim

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// member is one simulated machine: an HTTP server with a pool of workers that
// answers POST or GET on any path with a framed body, on /health with 200, and
// on /metrics with Prometheus text. A restart starts a new life of it, with all
// counters at zero, on the same port.
type member struct {
	name    string
	address string
	work    workload
	restart chan struct{} // capacity 1: a restart that is asked for and not yet begun

	mu         sync.Mutex
	listener   net.Listener // of the life that Run serves next; nil while it serves
	fault      Fault
	since      time.Time // when fault began
	dependency float64   // factor on the shared dependency
}

// workload is what a request costs a member, the same for all of a pool.
type workload struct {
	workers int
	mean    time.Duration // of the service time
	bodies  [][]byte
	seed    uint64
}

// newMember listens on a free loopback port; Run gives it back.
func newMember(name string, w workload) (*member, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("sim: listen for member %s: %w", name, err)
	}
	return &member{name: name, address: ln.Addr().String(), work: w, listener: ln, dependency: 1,
		fault: Fault{Kind: None}, restart: make(chan struct{}, 1)}, nil
}

// set makes f the member's conduct from now on.
func (m *member) set(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault, m.since = f, time.Now()
}

func (m *member) setDependency(factor float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dependency = factor
}

// conduct returns how a request that begins now is treated.
func (m *member) conduct(u float64) conduct {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.fault.conduct(time.Since(m.since), u)
	c.dependency *= m.dependency
	return c
}

// askRestart makes run end the member's life; a second request before the first
// began is the same request.
func (m *member) askRestart() {
	select {
	case m.restart <- struct{}{}:
	default:
	}
}

// Bounds on the ends of a life.
const (
	lastWork      = 2 * time.Second        // for requests in flight when a life ends: well above the service time
	relistenTry   = 100 * time.Millisecond // pause between attempts to have the port back
	relistenLimit = 5 * time.Second        // a stranger that holds the port longer will keep it
)

// run serves life after life until ctx ends.
func (m *member) run(ctx context.Context) error {
	for cold := false; ; cold = true {
		m.mu.Lock()
		ln := m.listener
		m.listener = nil
		m.mu.Unlock()
		if err := m.live(ctx, ln, cold); err != nil || ctx.Err() != nil {
			return err
		}
		next, err := m.relisten(ctx)
		if err != nil || next == nil {
			return err
		}
		m.mu.Lock()
		m.listener = next
		m.mu.Unlock()
	}
}

// live serves one life, until a restart is asked for or ctx ends; work in
// flight has lastWork to end.
func (m *member) live(ctx context.Context, ln net.Listener, cold bool) error {
	life, end := context.WithCancel(ctx)
	defer end()
	p := newProcess(m, cold)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { p.sample(life) })
	wg.Go(func() {
		select {
		case <-m.restart:
			end()
		case <-life.Done():
		}
	})
	defer end()
	if err := serveHTTP(life, ln, p.handler(), lastWork); err != nil {
		return fmt.Errorf("sim: member %s: %w", m.name, err)
	}
	return nil
}

// relisten waits out the gap of a restart and takes the port again. It returns
// nil when ctx ended first.
func (m *member) relisten(ctx context.Context) (net.Listener, error) {
	if !sleep(ctx, RestartGap) {
		return nil, nil
	}
	for deadline := time.Now().Add(relistenLimit); ; {
		ln, err := net.Listen("tcp", m.address)
		if err == nil {
			return ln, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("sim: restart member %s: %w", m.name, err)
		}
		if !sleep(ctx, relistenTry) {
			return nil, nil
		}
	}
}
