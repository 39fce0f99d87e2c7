package sim

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The gauges that say "of the last second" look at the oldest sample kept.
const (
	sampleEvery = 100 * time.Millisecond
	samplesKept = 10
)

// sample keeps the totals of the last second until ctx ends.
func (p *process) sample(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			p.mu.Lock()
			p.settle(now)
			p.past[p.next] = p.now
			p.next = (p.next + 1) % samplesKept
			p.mu.Unlock()
		}
	}
}

// Megabytes that a member claims to use: it has no memory of its own.
const (
	idleMB    = 400
	requestMB = 2
)

// metrics writes the member's Prometheus page. Counters carry the suffix
// _total and count from the start of this life; be_svc_ms and be_cpu are means
// over the last second, be_svc_ms is 0 when nothing ended in it.
func (p *process) metrics(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	p.settle(time.Now())
	now, old := p.now, p.past[p.next] // next is the oldest
	inWork, queued := p.inWork, p.queued
	p.mu.Unlock()

	serviceMs, cpu := 0.0, 0.0
	if n := now.finished - old.finished; n > 0 {
		serviceMs = float64(now.service-old.service) / float64(n) / float64(time.Millisecond)
	}
	if dt := now.at.Sub(old.at); dt > 0 {
		own := float64(now.busy-old.busy) / float64(dt) / float64(p.m.work.workers)
		cpu = min(1, own+float64(now.neighbour-old.neighbour)/float64(dt))
	}
	var b bytes.Buffer
	for _, c := range []struct {
		name string
		v    uint64
	}{
		{"be_requests", now.requests}, {"be_errors", now.errors}, {"be_bytes_out", now.bytesOut},
		{"be_downstream", now.downstream}, {"be_served", now.served},
	} {
		fmt.Fprintf(&b, "# TYPE %[1]s_total counter\n%[1]s_total %[2]d\n", c.name, c.v)
	}
	for _, g := range []struct {
		name string
		v    float64
	}{
		{"be_svc_ms", serviceMs}, {"be_cpu", cpu}, {"be_inflight", float64(inWork)}, {"be_queue", float64(queued)},
		{"be_mem_mb", float64(idleMB + requestMB*inWork)},
	} {
		fmt.Fprintf(&b, "# TYPE %[1]s gauge\n%[1]s %[2]s\n", g.name, strconv.FormatFloat(g.v, 'g', 6, 64))
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // a scraper that is gone scrapes again
}
