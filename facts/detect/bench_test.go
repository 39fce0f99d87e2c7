package detect

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// BenchmarkObserve measures the cost of one tick, in ns per cell: members ×
// features. The statistic with all its windows is part of it.
func BenchmarkObserve(b *testing.B) {
	for _, n := range []int{10, 30, 1000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			s := newSynthetic(1, n)
			d, err := New(Config{Env: "test", Group: "web", Warmup: 40 * time.Second, Epoch: time.Hour})
			if err != nil {
				b.Fatal(err)
			}
			frames := make([]*facts.Frame, 64)
			for i := range frames {
				frames[i] = s.frame()
			}
			tick := func(i int) {
				f := frames[i%len(frames)]
				f.Time = at(i + 1)
				if _, err := d.Observe(f); err != nil {
					b.Fatal(err)
				}
			}
			warm := 60
			for i := range warm {
				tick(i)
			}
			b.ReportAllocs()
			b.ResetTimer()
			start := cpu(b, 0)
			for i := range b.N {
				tick(warm + i)
			}
			b.ReportMetric(cpu(b, start)/float64(b.N*n*len(d.group.features)), "cpu-ns/cell")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*len(d.group.features)), "ns/cell")
		})
	}
}

func cpu(b *testing.B, since float64) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) - since
}
