package audit

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// entry512 is stored in about 512 bytes.
var entry512 = Entry{Type: "decision", Actor: "engine", Corr: "sha256:" + strings.Repeat("0f", 32),
	Body: map[string]any{"facts": 1, "text": strings.Repeat("x", 300)}}

func BenchmarkAppend(b *testing.B) {
	for _, bm := range []struct {
		name      string
		producers int
	}{{"serial", 1}, {"producers=256", 256}} {
		b.Run(bm.name, func(b *testing.B) {
			l := openLog(b, b.TempDir(), Options{})
			b.ReportAllocs()
			b.ResetTimer()
			cpu := cpuMicros(b)
			appendFrom(b, l, bm.producers, b.N)
			cpu = cpuMicros(b) - cpu
			b.StopTimer()
			s := l.Stats()
			b.ReportMetric(float64(s.Appended)/float64(s.Commits), "entries/commit")
			b.ReportMetric(float64(s.Appended)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(cpu/float64(b.N), "cpu-µs/op")
		})
	}
}

// appendFrom has producers append n entries, one at a time each.
func appendFrom(tb testing.TB, l *Log, producers, n int) {
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	for range producers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := l.Append(tb.Context(), entry512); err != nil {
					tb.Errorf("Append = %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkVerify(b *testing.B) {
	const entries = 50000
	dir := b.TempDir()
	l := openLog(b, dir, Options{})
	appendFrom(b, l, 256, entries)
	b.ResetTimer()
	for b.Loop() {
		if r, err := Verify(dir); err != nil || r.Entries != entries {
			b.Fatalf("Verify = %+v, %v", r, err)
		}
	}
	b.ReportMetric(entries*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkProve(b *testing.B) {
	l := openLog(b, b.TempDir(), Options{})
	appendFrom(b, l, 256, 20000)
	b.ResetTimer()
	for b.Loop() {
		if _, err := l.Prove(777); err != nil {
			b.Fatal(err)
		}
	}
}
