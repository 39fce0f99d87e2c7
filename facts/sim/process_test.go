package sim

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// The tests of this file ask a member's handler itself, in virtual time: there
// a request takes what it is meant to take to the nanosecond, whatever else the
// machine does.

// inPool runs f with a pool of one, which serves nobody.
func inPool(t *testing.T, f func(t *testing.T, p *Pool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, err := NewPool(PoolConfig{Members: 1, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		defer p.release()
		f(t, p)
	})
}

// works returns how long each of n requests takes, one after the other, in a
// new life of the pool's member.
func works(t *testing.T, p *Pool, n int) []time.Duration {
	t.Helper()
	h := newProcess(p.members[0], false).handler()
	took := make([]time.Duration, n)
	for i := range took {
		begun, w := time.Now(), httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody))
		if err := checkBody(w.Body.Bytes()); w.Code != http.StatusOK || err != nil {
			t.Fatalf("request %d: status %d, %v, want a whole body", i, w.Code, err)
		}
		took[i] = time.Since(begun)
	}
	return took
}

// near reports whether two durations are equal but for the rounding of parts.
func near(a, b time.Duration) bool { return (a - b).Abs() < time.Microsecond }

func TestWork(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fault  Fault
		factor float64 // on the time of every request
	}{
		{"a member that is well", Fault{Kind: None}, 1},
		{"a slow one takes longer over everything", Fault{Kind: Slow, Size: 5}, 5},
		{"a hogged one over the 60 % that are computing", Fault{Kind: Hog, Size: 3}, 0.6*3 + 0.4},
		{"a slow dependency over the 40 % that are a call to it", Fault{Kind: Dependency, Size: 4}, 0.6 + 0.4*4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inPool(t, func(t *testing.T, p *Pool) {
				const n = 20
				well := works(t, p, n)
				if err := p.Begin("m01", tt.fault); err != nil {
					t.Fatal(err)
				}
				faulty := works(t, p, n)
				p.Heal()
				healed := works(t, p, n)
				for i := range n {
					if want := scale(well[i], tt.factor); !near(faulty[i], want) {
						t.Errorf("request %d took %v, want %v: %g times the %v of health", i, faulty[i], want, tt.factor, well[i])
					}
					if !near(healed[i], well[i]) {
						t.Errorf("request %d took %v after the cure, want the %v of health", i, healed[i], well[i])
					}
				}
			})
		})
	}
}

func TestServiceTime(t *testing.T) {
	inPool(t, func(t *testing.T, p *Pool) {
		var sum time.Duration
		const n = 2000
		for _, d := range works(t, p, n) {
			sum += d
		}
		// The logarithm has a standard deviation of 0.5, the time itself one of
		// 53 ms, and the mean of 2000 one of 1.2 ms.
		if mean := sum / n; mean < 95*time.Millisecond || mean > 105*time.Millisecond {
			t.Errorf("mean service time %v, want about %v", mean, MeanService)
		}
	})
}

func TestColdStart(t *testing.T) {
	inPool(t, func(t *testing.T, p *Pool) {
		cold, warm := newProcess(p.members[0], true), newProcess(p.members[0], false)
		for _, tt := range []struct {
			age    time.Duration
			factor float64
		}{{0, 2}, {ColdStart / 4, 1.75}, {ColdStart / 2, 1.5}, {ColdStart, 1}, {time.Hour, 1}} {
			time.Sleep(time.Until(cold.born.Add(tt.age)))
			want := scale(warm.admit().service, tt.factor) // the same draw as that of the cold life
			if got := cold.admit().service; !near(got, want) {
				t.Errorf("%v after its restart a member needs %v, want %v: %g times what a warm one does", tt.age, got, want, tt.factor)
			}
		}
	})
}
