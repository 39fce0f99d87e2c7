package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// fullWeight is a server's weight in both balancers until it is changed: that
// of the recorded traces. HAProxy's highest is maxWeight.
const (
	fullWeight = 64
	maxWeight  = 256
)

const bestHealth = checkRise + checkFall - 1

// Builtin is a least-connections reverse proxy for machines without HAProxy.
// On its admin socket it speaks the part of HAProxy's runtime protocol that
// watching and draining need: show stat, show info, show servers state, set
// server … state, set server … weight and set weight. What it does not know
// it answers as HAProxy does.
type Builtin struct {
	*endpoints
	admin     net.Listener
	transport *http.Transport
	backend   string
	started   time.Time
	slots     chan struct{} // a token for each request in flight

	mu      sync.Mutex // guards servers' fields and turn
	servers []*server
	turn    uint64 // grows with each request that is assigned
}

// server is a member as the proxy sees it; guarded by Builtin.mu but for the
// first line.
type server struct {
	name, address string

	admin  adminState
	weight int // 0 to maxWeight
	up     bool
	health int // as HAProxy counts: bestHealth is as well as can be, below checkRise is down
	since  time.Time
	last   uint64 // turn of the last request that was assigned

	current, most                  int // sessions
	assigned, bytesIn, bytesOut    uint64
	econ, eresp, redispatched      uint64
	clientAborts, serverAborts     uint64
	answers                        [6]uint64 // by the first digit of the status
	checksFailed                   uint64
	connectMs, responseMs, totalMs slidingMean
}

// adminState is what was decided about a server, as HAProxy writes it in the
// column srv_admin_state: a bit mask.
type adminState int

const (
	adminReady adminState = 0
	adminMaint adminState = 1 // forced maintenance
	adminDrain adminState = 8 // forced drain
)

// NewBuiltin takes the clients' port and the admin socket; Run must be called
// to give them back.
func NewBuiltin(c BalancerConfig) (*Builtin, error) {
	e, err := newEndpoints(c)
	if err != nil {
		return nil, err
	}
	e.Version = "builtin/1"
	admin, err := net.Listen("unix", e.socket)
	if err == nil {
		err = os.Chmod(e.socket, 0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sim: balancer: admin socket: %w", err), e.release())
	}
	b := &Builtin{endpoints: e, admin: admin, backend: c.Backend, started: time.Now(), slots: make(chan struct{}, maxConns), transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: connectWait}).DialContext,
		MaxIdleConnsPerHost: maxConns, DisableCompression: true, ResponseHeaderTimeout: serverWait,
	}}
	for _, s := range c.Servers {
		b.servers = append(b.servers, &server{name: s.Name, address: s.Address, weight: fullWeight,
			up: true, health: checkRise, since: b.started})
	}
	return b, nil
}

// Front tells how the balancer is reached.
func (b *Builtin) Front() Front { return b.endpoints.Front }

// Ready waits until the admin socket answers.
func (b *Builtin) Ready(ctx context.Context) error { return b.ready(ctx) }

// Run serves clients and the admin socket and checks the members until ctx
// ends; then it returns nil.
func (b *Builtin) Run(ctx context.Context) (err error) {
	live, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	defer func() { err = errors.Join(err, b.release()) }()
	defer b.transport.CloseIdleConnections()
	var wg sync.WaitGroup
	start := func(what string, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(live); err != nil {
				fail(fmt.Errorf("sim: balancer: %s: %w", what, err))
			}
		})
	}
	start("serve clients", func(ctx context.Context) error {
		return serveHTTP(ctx, b.listener, http.HandlerFunc(b.forward), 0)
	})
	start("serve the admin socket", b.serveAdmin)
	for _, s := range b.servers {
		start("check", func(ctx context.Context) error { b.check(ctx, s); return nil })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(live)
}

// assign picks the server for a request, other than those that refused it, and
// counts it in: the one with the fewest sessions for its weight, of several the
// one that has waited longest. It returns nil when no server takes requests.
func (b *Builtin) assign(refused map[*server]bool) *server {
	b.mu.Lock()
	defer b.mu.Unlock()
	var best *server
	for _, s := range b.servers {
		if !s.takes() || refused[s] {
			continue
		}
		if best == nil || s.load() < best.load() || s.load() == best.load() && s.last < best.last {
			best = s
		}
	}
	if best != nil {
		b.turn++
		best.last = b.turn
		best.assigned++
		best.current++
		best.most = max(best.most, best.current)
	}
	return best
}

func (s *server) takes() bool { return s.up && s.admin == adminReady && s.weight > 0 }

func (s *server) load() float64 { return float64(s.current) / float64(s.weight) }

// change lets f change a server's counters.
func (b *Builtin) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// slidingMean is a mean over about the last meanOver values, as HAProxy keeps
// it: each new value replaces one average one.
type slidingMean struct {
	sum float64
	n   int
}

const meanOver = 1024

func (m *slidingMean) add(v float64) {
	if m.n < meanOver {
		m.n++
	} else {
		m.sum -= m.sum / meanOver
	}
	m.sum += v
}

func (m *slidingMean) mean() float64 {
	if m.n == 0 {
		return 0
	}
	return m.sum / float64(m.n)
}
