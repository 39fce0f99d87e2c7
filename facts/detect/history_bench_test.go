package detect

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkHistoryBlock is the cost of one block of a group; a block is due
// once in so many ticks.
func BenchmarkHistoryBlock(b *testing.B) {
	for _, size := range []struct{ members, features int }{{1, 16}, {30, 16}, {1000, 16}, {10000, 20}} {
		b.Run(fmt.Sprintf("members=%d/features=%d", size.members, size.features), func(b *testing.B) {
			var features []string
			for k := range size.features {
				features = append(features, fmt.Sprintf("f%02d", k))
			}
			s := newSeason(1, 0)
			s.h = newHistory([]int{1, 3, 12}, features, 12*time.Second)
			for range size.members {
				s.series = append(s.series, newPast(s.h))
			}
			values := make([]float64, 1<<16)
			for i := range values {
				values[i] = s.rng.NormFloat64()
			}
			block := func() {
				s.block++
				for i, p := range s.series {
					copy(p.y, values[(i*7919+s.block*104729)%(len(values)-len(p.y)):])
				}
				if err := s.h.observe(at(12*s.block), s.series); err != nil {
					b.Fatal(err)
				}
			}
			for s.h.judge == nil {
				block()
			}
			block()
			b.ReportAllocs()
			for b.Loop() {
				block()
			}
			cells := float64(b.N * size.members * size.features)
			b.ReportMetric(cells/b.Elapsed().Seconds()/1e6, "Mcells/s")
		})
	}
}
