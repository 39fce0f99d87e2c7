package sim

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// The work of one request, as in the recorded traces.
const (
	cpuShare = 0.6 // of the service time is computing, the rest the call to the dependency
	sigma    = 0.5 // of the logarithm of the service time
	maxQueue = 256 // requests waiting for a worker of one member; more are answered 503
)

// process is one life of a member. The fields below mu are its counters; rng
// is guarded by mu too.
type process struct {
	m       *member
	workers chan struct{} // a token for each busy worker
	born    time.Time     // cold until ColdStart after; zero: was never restarted

	mu     sync.Mutex
	rng    *rand.Rand
	now    totals
	past   [samplesKept]totals // ring of samples, newest at next−1
	next   int
	inWork int // requests accepted and not yet answered
	queued int // of them, waiting for a worker
	onCPU  int // of them, computing
}

// totals are what a life has counted up to a time.
type totals struct {
	at         time.Time
	requests   uint64
	errors     uint64
	bytesOut   uint64
	downstream uint64
	served     uint64
	finished   uint64
	service    time.Duration // of the finished ones, waiting not included
	busy       time.Duration // of all workers together, computing
	neighbour  time.Duration // of the processor, taken by somebody else
}

func newProcess(m *member, cold bool) *process {
	p := &process{m: m, workers: make(chan struct{}, m.work.workers),
		rng: rand.New(rand.NewPCG(m.work.seed, 1))} //nolint:gosec // reproducible by intent
	p.now.at = time.Now()
	if cold {
		p.born = p.now.at
	}
	for i := range p.past {
		p.past[i].at = p.now.at
	}
	return p
}

func (p *process) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("/metrics", p.metrics)
	mux.HandleFunc("/", p.serve)
	return mux
}

// plan is what chance decided about one request.
type plan struct {
	conduct
	service time.Duration
	body    []byte
}

// admit counts a request in and draws its lot.
func (p *process) admit() plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(time.Now())
	p.now.requests++
	p.inWork++
	u, z := p.rng.Float64(), p.rng.NormFloat64()
	// exp(σz − σ²/2) has mean 1 for a standard normal z.
	service := float64(p.m.work.mean) * math.Exp(sigma*z-sigma*sigma/2)
	return plan{p.m.conduct(u), time.Duration(service * p.coldness()), p.m.work.bodies[p.rng.IntN(len(p.m.work.bodies))]}
}

// coldness returns the factor on the service time of a life that just began.
func (p *process) coldness() float64 {
	age := p.now.at.Sub(p.born)
	if p.born.IsZero() || age >= ColdStart {
		return 1
	}
	return coldFactor - (coldFactor-1)*float64(age)/float64(ColdStart)
}

// settle brings the integrals over time up to now; the caller holds mu.
func (p *process) settle(now time.Time) {
	dt := now.Sub(p.now.at)
	p.now.busy += time.Duration(p.onCPU) * dt
	p.now.neighbour += time.Duration(p.m.conduct(1).neighbour * float64(dt))
	p.now.at = now
}

// count settles and lets f change the counters.
func (p *process) count(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(time.Now())
	f()
}

func (p *process) serve(w http.ResponseWriter, r *http.Request) {
	job := p.admit()
	defer p.count(func() { p.inWork-- })
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxBody)) // a body that cannot be read is none
	switch job.kind {
	case Empty:
		w.WriteHeader(http.StatusOK)
	case Err:
		p.count(func() { p.now.errors++ })
		w.WriteHeader(http.StatusInternalServerError)
	case Drop:
		panic(http.ErrAbortHandler) // net/http closes the connection
	case Hang:
		<-r.Context().Done()
	default:
		p.perform(w, r, job)
	}
}

var errBusy = errors.New("queue full")

// perform does the work of one request: it waits for a worker, computes, calls
// the dependency and answers.
func (p *process) perform(w http.ResponseWriter, r *http.Request, job plan) {
	if err := p.take(r.Context()); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer func() { <-p.workers }()
	begun := time.Now()
	p.count(func() { p.now.served++; p.onCPU++ })
	alive := sleep(r.Context(), scale(job.service, cpuShare*job.cpu))
	p.count(func() {
		p.onCPU--
		if job.kind != Hollow {
			p.now.downstream++
		}
	})
	alive = alive && sleep(r.Context(), scale(job.service, (1-cpuShare)*job.dependency))
	body := job.body
	if job.kind == Hollow {
		body = nil
	}
	p.count(func() {
		p.now.finished++
		p.now.service += time.Since(begun)
		p.now.bytesOut += uint64(len(body))
	})
	if alive {
		_, _ = w.Write(body) // a client that is gone misses nothing
	}
}

// take waits for a worker; the caller gives it back.
func (p *process) take(ctx context.Context) error {
	select {
	case p.workers <- struct{}{}:
		return nil
	default:
	}
	full := false
	p.count(func() {
		if full = p.queued >= maxQueue; !full {
			p.queued++
		}
	})
	if full {
		return errBusy
	}
	defer p.count(func() { p.queued-- })
	select {
	case p.workers <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func scale(d time.Duration, f float64) time.Duration { return time.Duration(float64(d) * f) }
