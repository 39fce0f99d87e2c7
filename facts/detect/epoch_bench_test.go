package detect

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// withEpochs returns a detector of n members behind each test of which are m epochs,
// as many as it keeps; the cells are of the latest, as far as there is room.
func withEpochs(t testing.TB, n, m int) (*Detector, *rand.Rand) {
	t.Helper()
	d := judged(t, crowd(n, 16)).detector
	rng := rand.New(rand.NewPCG(91, uint64(n)))
	for i := range d.tests {
		h := &d.tests[i].history
		h.keep = m
		for e := h.len(); e < m; e++ {
			var cells []memberPeak
			if i != commonTest && (m-e)*n <= maxCells+n {
				for _, m := range d.group.members {
					cells = append(cells, memberPeak{m.name, peak{rng.ExpFloat64(), rng.Uint64()}})
				}
			}
			h.addAt(int64(e), peak{2 + rng.ExpFloat64(), rng.Uint64()}, cells)
		}
	}
	return d, rng
}

// endEpoch makes it the end of an epoch in health that was judged throughout.
func (d *Detector) endEpoch(rng *rand.Rand) {
	d.order.last = d.epoch.start.Add(d.cfg.Epoch)
	d.epoch.ticks = d.cfg.ticks(d.cfg.Epoch)
	for i := range d.tests {
		d.tests[i].ticks = d.epoch.ticks
	}
	for _, m := range d.group.members {
		m.ticks = d.epoch.ticks
		for i := range m.peaks {
			m.peaks[i] = rng.ExpFloat64()
		}
	}
}

// BenchmarkCloseEpoch measures what the end of an epoch costs, the digest of
// what was learnt included, with m epochs behind each test.
func BenchmarkCloseEpoch(b *testing.B) {
	for _, m := range []int{720, 10_000, 72_000} {
		for _, n := range []int{10, 30, 1000} {
			b.Run(fmt.Sprintf("m=%d/n=%d", m, n), func(b *testing.B) {
				d, rng := withEpochs(b, n, m)
				b.ReportAllocs()
				for b.Loop() {
					d.endEpoch(rng)
					d.closeEpoch()
					d.health(nil)
				}
			})
		}
	}
}
