package actions

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// BenchmarkSubmit measures one admitted drain with a real log: read-back, all
// limits, intent and call durable, the call, the answer durable.
func BenchmarkSubmit(b *testing.B) {
	g, p := benchGuard(b)
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		start := time.Now()
		if o, err := g.Submit(b.Context(), benchIntent("m001", n)); err != nil || o.Result != Sent {
			b.Fatal(o, err)
		}
		took = append(took, time.Since(start))
		b.StopTimer()
		clear(g.groups["web"].ledger.acts)
		p.other("m001", Restore, 0)
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkRefuse measures one refusal, which is one entry.
func BenchmarkRefuse(b *testing.B) {
	g, p := benchGuard(b)
	p.other("m001", Drain, 0)
	for n := 0; b.Loop(); n++ {
		if o, err := g.Submit(b.Context(), benchIntent("m001", n)); err != nil || o.Limit != limitStanding {
			b.Fatal(o, err)
		}
	}
}

// BenchmarkReplay measures the start of a guard, per entry of its own.
func BenchmarkReplay(b *testing.B) {
	g, p := benchGuard(b)
	p.other("m001", Drain, 0)
	const entries = 5000
	var all sync.WaitGroup
	for n := range entries {
		all.Go(func() {
			if _, err := g.Submit(context.Background(), benchIntent("m001", n)); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	for b.Loop() {
		g.orphan = map[string]*ledger{}
		if err := g.replay(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/entry")
}

func benchGuard(b *testing.B) (*Guard, *pool) {
	log, err := audit.Open(b.TempDir(), audit.Options{Origin: "evenkeel.example/bench/audit", Env: "test"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	limits := crashLimits()
	limits.Lease = 5 * time.Second
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("m%03d", i)
	}
	p := newPool(names...)
	g, err := NewGuard(b.Context(), Config{Log: log, Groups: []Group{{Name: "web", Executor: p, Limits: limits}}})
	if err != nil {
		b.Fatal(err)
	}
	g.groups["web"].Limits.PerMinute, g.groups["web"].Limits.PerHour, g.groups["web"].Limits.Attempts = 1<<40, 1<<40, 1<<40
	return g, p
}

func benchIntent(member string, n int) Intent {
	now := time.Now().UTC()
	return Intent{Decision: fmt.Sprint(n), Env: "test", Expires: now.Add(time.Minute), Group: "web", Member: member, Rule: "bench", Time: now, V: 1,
		Verb: Drain, Seen: Seen{At: now, Members: 100, Present: 100, Shift: "none"}}
}
