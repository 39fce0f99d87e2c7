package detect

import (
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// realMember is one server of a real group: the peaks of its two-hour epochs
// over 43 days, as testdata/real/NOTICE tells.
type realMember struct {
	name            string
	normal          []bool    // nothing in the epoch is labelled
	sliding, frozen []float64 // peaks of the detector as it is, and of one that learns nothing after its warm-up
	samples         []float64 // of the first few members: the score, tick by tick
}

func readReal(t *testing.T, set string) []*realMember {
	t.Helper()
	var members []*realMember
	each := func(file string, row func(m *realMember, fields []string, number func(int) float64)) {
		for _, r := range readTable(t, filepath.Join("testdata", "real", set+file)) {
			i := 0
			for i < len(members) && members[i].name != r[0] {
				i++
			}
			if i == len(members) {
				members = append(members, &realMember{name: r[0]})
			}
			row(members[i], r, func(at int) float64 {
				v, err := strconv.ParseFloat(r[at], 64)
				if err != nil {
					t.Fatal(err)
				}
				return v
			})
		}
	}
	each("-peaks.csv.gz", func(m *realMember, r []string, number func(int) float64) {
		m.normal = append(m.normal, r[1] == "true")
		m.sliding, m.frozen = append(m.sliding, number(2)), append(m.frozen, number(3))
	})
	each("-samples.csv.gz", func(m *realMember, _ []string, number func(int) float64) {
		m.samples = append(m.samples, number(1))
	})
	return members
}

func readTable(t *testing.T, file string) [][]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// realSets are the recordings, and how many servers each has.
var realSets = map[string]int{"asd": 11, "d2": 30}

// The calibration that goes on learning keeps what it promises on real servers
// within [.5, 1.3]; the one that was frozen after 100 epochs does not.
func TestSlidingCalibrationHoldsOnRealServersAndTheFrozenOneDoesNot(t *testing.T) {
	const low, high, frozenAfter = 0.5, 1.3, 100
	for set, size := range realSets {
		members := readReal(t, set)
		if len(members) != size {
			t.Fatalf("%s: %d members, want %d", set, len(members), size)
		}
		worst := 0.0
		for _, alpha := range []float64{0.05, 0.02} {
			var normal, all, frozen Tally
			for _, m := range members {
				normal.Add(SlidingT1(m.sliding, m.normal, alpha))
				all.Add(SlidingT1(m.sliding, nil, alpha))
				frozen.Add(FrozenT1(m.frozen, m.normal, alpha, frozenAfter))
			}
			t.Logf("%s, alpha %v: realised/nominal %.2f on %d normal epochs, %.2f on all %d; frozen %.2f",
				set, alpha, normal.Rate()/alpha, normal.Tests, all.Rate()/alpha, all.Tests, frozen.Rate()/alpha)
			for what, tally := range map[string]Tally{"normal epochs": normal, "all epochs": all} {
				if ratio := tally.Rate() / alpha; !(ratio >= low && ratio <= high) {
					t.Errorf("%s, %s: realised/nominal %.2f at alpha %v, want %v to %v", set, what, ratio, alpha, low, high)
				}
			}
			worst = max(worst, frozen.Rate()/alpha)
		}
		if worst <= high {
			t.Errorf("%s: the frozen calibration stays within %.2f of nominal, want it to fail", set, worst)
		}
	}
}

// What claims one false alarm in 100,000 samples, by multiplying evidence sample
// by sample, gives hundreds of times as many.
func TestProductOverSamplesFailsOnRealServers(t *testing.T) {
	const reference, claim = 2400, 1e5
	for set := range realSets {
		var tally Tally
		for _, m := range readReal(t, set) {
			tally.Add(SampleProduct(m.samples, reference, claim))
		}
		t.Logf("%s: %d alarms in %d samples", set, tally.Alarms, tally.Tests)
		if tally.Rate() < 100/claim {
			t.Errorf("%s: %d alarms in %d samples, want far more than one in %v", set, tally.Alarms, tally.Tests, float64(claim))
		}
	}
}

// So is it by every server as a detector uses it: beside the threshold of a
// history that slides.
func TestBudgetBesideTheThresholdHoldsForEveryRealServer(t *testing.T) {
	for set := range realSets {
		alarmed, able := 0, 0.0
		for _, m := range readReal(t, set) {
			for _, peaks := range [][]float64{m.sliding, m.frozen} {
				peaks = slices.DeleteFunc(slices.Clone(peaks), math.IsNaN)
				for _, alpha := range []float64{0.05, 0.02} {
					keep := int(math.Ceil(1/alpha)) - 1
					both, _, armed := simulated(alpha, keep, len(peaks), func(e int) peak {
						return peak{peaks[e], tie(set, m.name, int64(e))}
					})
					bound := (&budget{alpha: alpha, epochs: armed}).bound()
					if armed == 0 || float64(both) > bound*float64(armed) {
						t.Errorf("%s of %s: %d alarms in %d epochs at alpha %v, want a rate of at most %v", m.name, set, both, armed, alpha, bound)
					}
					alarmed, able = alarmed+both, able+alpha*float64(armed)
				}
			}
		}
		t.Logf("%s: %d epochs alarmed, %.0f declared", set, alarmed, able)
	}
}

// The alert budget is kept by every server, labelled epochs and all.
func TestBudgetHoldsForEveryRealServer(t *testing.T) {
	for set := range realSets {
		for _, m := range readReal(t, set) {
			for _, peaks := range [][]float64{m.sliding, m.frozen} {
				for _, alpha := range []float64{0.05, 0.02, 0.01} {
					if got, bound := BudgetT5(peaks, alpha); got.Tests == 0 || got.Rate() > bound {
						t.Errorf("%s of %s: %d alarms in %d epochs at alpha %v, want a rate of at most %v",
							m.name, set, got.Alarms, got.Tests, alpha, bound)
					}
				}
			}
		}
	}
}
