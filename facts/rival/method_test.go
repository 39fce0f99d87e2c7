package rival

import (
	"math"
	"slices"
	"testing"
	"time"
)

// healthyRuns are what the methods learn from in tests.
func healthyRuns(members int) []*Run {
	var out []*Run
	for seed := range uint64(6) {
		out = append(out, newSyntheticRun(seed+1, members, 180, nil))
	}
	return out
}

// accuser teaches a method and returns who it alarms in a run, by the
// largest score of the healthy runs' eighteen epochs of a minute.
func accuser(t *testing.T, m Method, health []*Run) func(*Run) []string {
	t.Helper()
	scorer, err := m.Learn(health)
	if err != nil {
		t.Fatal(err)
	}
	var healthy []float64
	for _, r := range health {
		healthy = append(healthy, peaks(r, scorer(r), time.Minute)...)
	}
	return func(run *Run) []string {
		var out []string
		for _, a := range alarms(run, scorer(run), threshold(healthy, 1.0/19)) {
			if !slices.Contains(out, a.Member) {
				out = append(out, a.Member)
			}
		}
		slices.Sort(out)
		return out
	}
}

func TestEachMethodFindsWhatItMustAndMissesWhatItMust(t *testing.T) {
	const members = 6
	health, accused := healthyRuns(members), map[string]func(*Run) []string{}
	for _, m := range Methods() {
		accused[m.Name()] = accuser(t, m, health)
	}
	sick := func(from int, f func(r *row)) *Run {
		return newSyntheticRun(99, members, 60, func(tick, member int, r *row) {
			if member == 2 && tick >= from {
				f(r)
			}
		})
	}
	always := -60 // from the beginning of the warm-up
	for _, tt := range []struct {
		name string
		run  *Run
		by   []string // the methods that find m2, and nobody else
	}{
		{"one metric far from the peers", sick(30, func(r *row) { r.off(2, 40) }),
			[]string{"mad", "dbscan", "mahalanobis-peer", "mahalanobis-own", "knn"}},
		{"every metric far from the peers", sick(30, func(r *row) {
			for k := range r.y {
				r.off(k, 40)
			}
		}), []string{"mad", "dbscan", "mahalanobis-peer", "mahalanobis-own", "knn", "isolation-forest"}},
		{"a single tick far from the peers, which smoothing forgives", newSyntheticRun(99, members, 60, func(tick, member int, r *row) {
			if member == 2 && tick == 30 {
				r.off(2, 12)
			}
		}), []string{"mahalanobis-peer", "mahalanobis-own", "knn"}},
		{"two metrics that always went together part", sick(30, func(r *row) { r.z[0], r.z[1] = 2, -2 }), []string{"mahalanobis-peer"}},
		{"a member that was always unlike the others", sick(always, func(r *row) { r.y[2] += 4 }), []string{"mad", "dbscan"}},
		{"a member that fails a third of its requests", sick(30, func(r *row) { r.good = 27 }), []string{"envoy-success-rate"}},
		{"a member that fails, with too few requests to tell", sick(30, func(r *row) { r.answers, r.good = 9, 3 }), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, accused := range accused {
				var want []string
				if slices.Contains(tt.by, name) {
					want = []string{"m2"}
				}
				if got := accused(tt.run); !slices.Equal(got, want) {
					t.Errorf("%s accuses %v, want %v", name, got, want)
				}
			}
		})
	}
}

func TestOnlyTheMethodWithoutPeersAccusesAGroupThatMovesAsOne(t *testing.T) {
	run := newSyntheticRun(99, 6, 60, func(tick, _ int, r *row) {
		if tick >= 30 {
			for k := range r.y {
				r.y[k] += 3
			}
		}
	})
	health := healthyRuns(6)
	for _, m := range Methods() {
		want := 0
		if m.Name() == "mahalanobis-own" {
			want = 6
		}
		if got := accuser(t, m, health)(run); len(got) != want {
			t.Errorf("%s accuses %v, want %d members", m.Name(), got, want)
		}
	}
}

func TestEnvoyAsksForFiveHosts(t *testing.T) {
	for _, tt := range []struct {
		members int
		want    []string
	}{{4, nil}, {5, []string{"m2"}}} {
		run := newSyntheticRun(99, tt.members, 60, func(_, member int, r *row) {
			if member == 2 {
				r.good = 0
			}
		})
		if got := accuser(t, envoy{}, healthyRuns(tt.members))(run); !slices.Equal(got, tt.want) {
			t.Errorf("%d hosts: %v are accused, want %v", tt.members, got, tt.want)
		}
	}
}

func TestScoresDependOnThePastAlone(t *testing.T) {
	health := healthyRuns(5)
	whole := newSyntheticRun(7, 5, 50, nil)
	cut := *whole
	cut.ticks = whole.ticks[:30]
	for _, m := range Methods() {
		scorer, err := m.Learn(health)
		if err != nil {
			t.Fatal(err)
		}
		long, short := scorer(whole), scorer(&cut)
		for i := range short {
			for j, s := range short[i] {
				if s != long[i][j] && !(math.IsNaN(s) && math.IsNaN(long[i][j])) {
					t.Fatalf("%s: tick %d of member %d scores %v, and %v when more follows", m.Name(), i, j, s, long[i][j])
				}
			}
		}
	}
}

func TestMethodsRefuseRunsOfTwoKinds(t *testing.T) {
	health := healthyRuns(4)
	health[1].features = []string{"a", "b", "c", "d"}
	for _, m := range []Method{mad{}, dbscan{}, peerMahalanobis{}, knn{}, forest{}} {
		if _, err := m.Learn(health); err == nil {
			t.Errorf("%s learns from runs of two kinds, want an error", m.Name())
		}
		if _, err := m.Learn([]*Run{{features: []string{"a"}, ticks: []tick{{}}}}); err == nil && m.Name() != "mad" && m.Name() != "dbscan" {
			t.Errorf("%s learns from nobody, want an error", m.Name())
		}
	}
}

func TestSearchDepthIsThatOfABinarySearchTree(t *testing.T) {
	// n = 256: 2·(ln 255 + γ) − 2·255/256 = 10.2448, the approximation that the
	// paper gives, is below the exact value by less than 1/255.
	for _, tt := range []struct {
		n         int
		low, high float64
	}{{0, 0, 0}, {1, 0, 0}, {2, 1, 1}, {256, 10.2448, 10.2448 + 1.0/255}} {
		if got := searchDepth(tt.n); got < tt.low || got > tt.high {
			t.Errorf("searchDepth(%d) = %v, want %v to %v", tt.n, got, tt.low, tt.high)
		}
	}
}
