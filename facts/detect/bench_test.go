package detect

import (
	"fmt"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// BenchmarkObserve measures the cost of one tick of a group that is judged, with
// all windows, in ns per cell: members × features, of which there are 16.
func BenchmarkObserve(b *testing.B) {
	for _, n := range []int{10, 30, 1000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			s := newSynthetic(1, n)
			d, err := New(Config{Env: "test", Group: "web", Warmup: 40 * time.Second, Epoch: time.Hour})
			if err != nil {
				b.Fatal(err)
			}
			frames := make([]*facts.Frame, max(16, 8192/n))
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
			for i := range b.N {
				tick(warm + i)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*len(d.Features())), "ns/cell")
		})
	}
}
