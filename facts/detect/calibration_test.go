package detect

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// alarmsIn runs a detector and returns the ticks at which a new alarm was raised.
func alarmsIn(t *testing.T, d *Detector, s *synthetic, ticks int) (raised []int, members map[string]bool) {
	t.Helper()
	members = map[string]bool{}
	standing := map[string]bool{}
	for range ticks {
		for _, f := range observe(t, d, s.frame()) {
			if f.Kind != facts.Imbalance {
				continue
			}
			if f.State == facts.Alarm && !standing[f.Member] {
				raised = append(raised, s.ticks)
				members[f.Member] = true
			}
			standing[f.Member] = f.State == facts.Alarm
		}
	}
	return raised, members
}

func observe(t testing.TB, d *Detector, f *facts.Frame) []facts.Fact {
	t.Helper()
	found, err := d.Observe(f)
	if err != nil {
		t.Fatalf("Observe(%v): %v", f.Time, err)
	}
	return found
}

// A group that learns from itself keeps the rate it was told, whatever its
// size: the share of alarmed epochs is within four standard errors of alpha.
func TestHealthyGroupsKeepTheDeclaredRate(t *testing.T) {
	const epochTicks, alpha = 6, 0.1
	for n, epochs := range map[int]int{3: 200, 5: 200, 10: 150, 30: 80} {
		epochCount := float64(epochs)
		for _, pool := range []bool{false, true} {
			t.Run(fmt.Sprintf("n=%d pool=%v", n, pool), func(t *testing.T) {
				t.Parallel()
				d, err := New(Config{Env: "test", Group: "web", Warmup: 60 * time.Second, Epoch: epochTicks * time.Second,
					Alpha: alpha, MinEpochs: 19, Pool: pool, Windows: []int{1, 3}})
				if err != nil {
					t.Fatal(err)
				}
				s := newSynthetic(uint64(n), n)
				raised, _ := alarmsIn(t, d, s, 60+(19+epochs)*epochTicks)
				alarmed := map[int]bool{}
				for _, tick := range raised {
					alarmed[(tick-61)/epochTicks] = true
				}
				limit := alpha*epochCount + 4*math.Sqrt(alpha*(1-alpha)*epochCount)
				if got := float64(len(alarmed)); got > limit {
					t.Errorf("%v of %d healthy epochs alarmed, want at most %.0f at alpha %v", got, epochs, limit, alpha)
				}
				if !pool && float64(len(alarmed)) < alpha*epochCount/5 {
					t.Errorf("%d of %d healthy epochs alarmed: far below alpha %v, the threshold is not that of the test", len(alarmed), epochs, alpha)
				}
			})
		}
	}
}
