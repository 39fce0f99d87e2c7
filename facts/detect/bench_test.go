package detect

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// crowd returns a synthetic group of n members with d features, from 16 on: to
// what a balancer and its members show come noisy metrics of nobody's kind.
func crowd(n, d int) *synthetic {
	s := newSynthetic(1, n)
	for i := range s.members {
		s.members[i] = fmt.Sprintf("m%05d", i+1)
	}
	more := make([]string, d-16)
	for k := range more {
		more[k] = fmt.Sprintf("zz_more_%d", k)
	}
	s.metrics = slices.Concat(syntheticMetrics, more)
	slices.Sort(s.metrics)
	s.override = func(f *facts.Frame) {
		for _, m := range more {
			k, _ := slices.BinarySearch(f.Metrics, m)
			for i := range f.Members {
				f.Row(i)[k] = 10 + s.rng.ExpFloat64()
			}
		}
	}
	return s
}

// loop shows the frames of a group to a detector, again and again: so many
// that a processor does not learn them by heart.
type loop struct {
	detector *Detector
	frames   []*facts.Frame
	ticks    int // shown
}

// record fills the loop with new frames of s.
func (l *loop) record(s *synthetic) {
	l.frames = make([]*facts.Frame, max(16, 8192/len(s.members)))
	for i := range l.frames {
		l.frames[i] = s.frame()
	}
}

// tick shows one frame and returns the number of facts it gave.
func (l *loop) tick(t testing.TB) int {
	f := l.frames[l.ticks%len(l.frames)]
	l.ticks++
	f.Time = at(l.ticks)
	out, err := l.detector.Observe(f)
	if err != nil {
		t.Fatal(err)
	}
	return len(out)
}

// judged returns a loop over s whose detector judges by what it learnt from
// one epoch, with a margin that keeps it quiet in health.
func judged(t testing.TB, s *synthetic) *loop {
	t.Helper()
	const warmup, epoch, margin = 40, 240, 3
	d, err := New(Config{Env: "test", Group: "web", Warmup: warmup * time.Second, Epoch: epoch * time.Second, MinEpochs: 1, Margin: margin})
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{detector: d}
	l.record(s)
	for !d.Judging() {
		if l.ticks > warmup+2*epoch {
			t.Fatalf("nothing is judged after %d ticks", l.ticks)
		}
		l.tick(t)
	}
	return l
}

// observeLoop measures one tick of a group that is judged, blocks and epochs
// included, in ns a cell and cells a second.
func observeLoop(b *testing.B, n, features int, fault string) {
	s := crowd(n, features)
	l := judged(b, s)
	if got := len(l.detector.Features()); got != features {
		b.Fatalf("%d features, want %d", got, features)
	}
	if fault != "" {
		s.fault[n/2] = fault
		l.record(s)
		for range 20 { // until every window is full of it
			l.tick(b)
		}
	}
	told := 0
	b.ReportAllocs()
	for b.Loop() {
		told += l.tick(b)
	}
	if fault != "" && told < b.N {
		b.Fatalf("%d facts in %d ticks of an alarm, want one a tick", told, b.N)
	}
	cells := float64(b.N) * float64(n*features)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/cells, "ns/cell")
	b.ReportMetric(cells/b.Elapsed().Seconds()/1e6, "Mcells/s")
}

// BenchmarkObserve measures the cost of a tick in health and while an alarm
// stands. A cell is one feature of one member at one tick.
func BenchmarkObserve(b *testing.B) {
	for _, size := range []struct{ members, features int }{{10, 16}, {30, 16}, {1000, 16}, {10000, 20}} {
		for _, state := range []struct{ name, fault string }{{"health", ""}, {"alarm", "empty"}} {
			b.Run(fmt.Sprintf("n=%d/d=%d/%s", size.members, size.features, state.name), func(b *testing.B) {
				observeLoop(b, size.members, size.features, state.fault)
			})
		}
	}
}

// BenchmarkScaling measures how the cost of a cell grows with the members: it
// may grow as their logarithm.
func BenchmarkScaling(b *testing.B) {
	for n := 10; n <= 10000; n = n * 10 / 3 {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) { observeLoop(b, n, 16, "") })
	}
}

// BenchmarkMemory measures what a detector of 10,000 members with 20 features
// holds once it judges, frames not counted.
func BenchmarkMemory(b *testing.B) {
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		s := crowd(10000, 20)
		before := held()
		l := judged(b, s)
		l.frames = nil
		b.ReportMetric(float64(held()-before)/1e6, "MB")
		runtime.KeepAlive(l)
	}
}

func TestAQuietTickDoesNotAllocate(t *testing.T) {
	for _, n := range []int{2, 5, 30, 100} {
		l := judged(t, crowd(n, 16))
		const pairs = 60 // of ticks
		quiet := 0
		for range pairs {
			told, epoch := 0, l.detector.epoch.start
			allocs := allocations(1, func() { told += l.tick(t) })
			if told > 0 || l.detector.epoch.start != epoch {
				continue // it had something to tell, or an epoch to learn from
			}
			quiet++
			if allocs != 0 {
				t.Errorf("n = %d, tick %d: %v allocations, want none", n, l.ticks, allocs)
			}
		}
		if quiet < pairs/2 {
			t.Errorf("n = %d: %d of %d pairs of ticks were quiet, want most", n, quiet, pairs)
		}
	}
}

// BenchmarkLearnt is the cost of keeping what was learnt of a large group with
// all its pasts: of taking it, and of reading and writing its bytes.
func BenchmarkLearnt(b *testing.B) {
	for _, members := range []int{30, 1000, 9999} {
		s := newSynthetic(97, members)
		d := four(b, func(c *Config) {
			for i := range 5 { // to make it 20
				c.Features = append(c.Features, Feature{Name: fmt.Sprintf("more_%d", i), Form: FormPlain, Of: []string{"threads_usage"}})
			}
		})
		for d.Learnt() == nil || d.group.members[0].past == nil {
			observe(b, d, s.frame())
		}
		encoded := d.Learnt().Encode()
		for _, step := range []struct {
			name string
			do   func()
		}{
			{"take", func() { d.Learnt() }},
			{"encode", func() { d.Learnt().Encode() }},
			{"decode", func() {
				if _, err := DecodeLearnt(encoded); err != nil {
					b.Fatal(err)
				}
			}},
		} {
			b.Run(fmt.Sprintf("members=%d/features=%d/%s", members, len(d.Features()), step.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					step.do()
				}
				b.ReportMetric(float64(len(encoded))/1e6, "MB")
			})
		}
	}
}
