package bus

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

func onBothBench(b *testing.B, bench func(b *testing.B, c Config)) {
	b.Run("embedded", func(b *testing.B) {
		bench(b, Config{StoreDir: b.TempDir(), MaxBytes: maxMaxBytes, MaxPerSubject: 1 << 40})
	})
	b.Run("loopback", func(b *testing.B) {
		bench(b, Config{URL: listen(b, nil).ClientURL(), MaxBytes: maxMaxBytes / 2, MaxPerSubject: 1 << 40})
	})
}

// BenchmarkPublishToConsume measures the way of one fact, with nothing else
// under way: from before Publish to the handler, and to the acknowledgement
// that Publish waits for.
func BenchmarkPublishToConsume(b *testing.B) {
	onBothBench(b, func(b *testing.B, c Config) {
		bus := open(b, c)
		arrived := make(chan time.Time, 1)
		consume(b, bus, func(context.Context, facts.Fact, string) error {
			arrived <- time.Now()
			return nil
		})
		var seen, stored []time.Duration
		n := 0
		for b.Loop() {
			f := fact(n)
			n++
			began := time.Now()
			if err := bus.Publish(b.Context(), f); err != nil {
				b.Fatal(err)
			}
			stored = append(stored, time.Since(began))
			seen = append(seen, (<-arrived).Sub(began))
		}
		report(b, "handled", seen)
		report(b, "stored", stored)
	})
}

// BenchmarkPublish measures one publisher that waits for each acknowledgement.
func BenchmarkPublish(b *testing.B) {
	onBothBench(b, func(b *testing.B, c Config) {
		bus := open(b, c)
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			if err := bus.Publish(b.Context(), fact(n)); err != nil {
				b.Fatal(err)
			}
			n++
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "facts/s")
	})
}

// BenchmarkPublishTogether measures 16 publishers a core, each of which waits
// for its acknowledgements.
func BenchmarkPublishTogether(b *testing.B) {
	onBothBench(b, func(b *testing.B, c Config) {
		bus := open(b, c)
		var n atomic.Int64
		b.SetParallelism(16)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := bus.Publish(b.Context(), fact(int(n.Add(1)))); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "facts/s")
	})
}

// BenchmarkConsume measures one durable emptying a stream, one fact at a time.
func BenchmarkConsume(b *testing.B) {
	onBothBench(b, func(b *testing.B, c Config) {
		c.Backlog = true
		bus := open(b, c)
		for i := range b.N {
			if err := bus.Publish(b.Context(), fact(i)); err != nil {
				b.Fatal(err)
			}
		}
		done, left := make(chan struct{}), b.N
		b.ResetTimer()
		consume(b, bus, func(context.Context, facts.Fact, string) error {
			if left--; left == 0 {
				close(done)
			}
			return nil
		})
		<-done
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "facts/s")
	})
}

func report(b *testing.B, what string, d []time.Duration) {
	b.Helper()
	slices.Sort(d)
	for _, q := range []struct {
		name string
		q    float64
	}{{"p50", 0.50}, {"p99", 0.99}} {
		b.ReportMetric(float64(d[int(q.q*float64(len(d)-1))].Nanoseconds())/1e3, what+"-"+q.name+"-µs")
	}
}
