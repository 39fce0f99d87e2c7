package detect

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// racks is a group of members in cohorts of the given sizes, the rest in none,
// each cohort with a small noise of its own.
type racks struct {
	*synthetic
	of    map[string]string
	touch func(f *facts.Frame, usage int) // column of threads_usage, whose noise is .02
}

func newRacks(seed uint64, n int, sizes ...int) *racks {
	r := &racks{synthetic: newSynthetic(seed, n), of: map[string]string{}}
	at := 0
	for c, size := range sizes {
		for range size {
			r.of[r.members[at]] = fmt.Sprintf("rack-%d", c+1)
			at++
		}
	}
	r.override = func(f *facts.Frame) {
		if r.touch != nil {
			r.touch(f, slices.Index(f.Metrics, "threads_usage"))
		}
	}
	return r
}

// move is a touch that moves the usage of members from to until by so many of
// its standard deviations.
func move(from, until int, sd float64) func(*facts.Frame, int) {
	return func(f *facts.Frame, usage int) {
		for r := from; r < until; r++ {
			f.Row(r)[usage] += 0.02 * sd
		}
	}
}

// watchful judges racks by T1, after forty epochs of 20 ticks.
func watchful(t testing.TB, r *racks) *Detector {
	t.Helper()
	d := quick(t, func(c *Config) {
		c.Warmup, c.Epoch, c.MinEpochs, c.Alpha, c.Margin, c.Pool = 200*time.Second, 20*time.Second, 40, 0.02, 1.15, false
		c.Shares, c.Cohorts = Shares{Anchor: 0.01}, r.of
	})
	for !d.Judging() {
		observe(t, d, r.frame())
	}
	return d
}

// told returns whom the facts of so many ticks say to be out of balance, in the
// order of the first alarm; cohorts in brackets, watched members with a mark.
func told(t testing.TB, d *Detector, r *racks, ticks int) (who []string) {
	t.Helper()
	for range ticks {
		for _, f := range observe(t, d, r.frame()) {
			if _, err := f.Encode(); err != nil {
				t.Fatal(err)
			}
			if f.Kind != facts.Imbalance || f.State == facts.Clear {
				continue
			}
			name := f.Member
			if name == "" {
				name = "(" + f.Cohort + ")"
			}
			if f.State == facts.Watch {
				name += "?"
			}
			if !slices.Contains(who, name) {
				who = append(who, name)
			}
		}
	}
	return who
}

func TestWhoIsToldWhenARackMoves(t *testing.T) {
	for _, tt := range []struct {
		name  string
		n     int
		sizes []int
		touch func(*facts.Frame, int)
		want  []string
	}{
		{"a rack of five among twenty", 20, []int{5, 5, 5, 5}, move(5, 10, 2), []string{"(rack-2)"}},
		{"a rack among members of none", 20, []int{5}, move(0, 5, 2), []string{"(rack-1)"}},
		{"one of three racks", 15, []int{5, 5, 5}, move(5, 10, 3), []string{"(rack-2)"}},
		{"one of two racks, and nothing tells which", 10, []int{5, 5}, move(0, 5, 3), []string{"()"}},
		{"a single member of a rack", 20, []int{5, 5, 5, 5}, move(5, 6, 6), []string{"m0006"}},
		{"a single member of a small rack", 20, []int{3, 5, 5}, move(0, 1, 6), []string{"m0001"}},
		{"two members of one of ten", 20, []int{10, 10}, move(0, 2, 6), []string{"m0001", "m0002"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRacks(61, tt.n, tt.sizes...)
			d := watchful(t, r)
			if who := told(t, d, r, 3); who != nil {
				t.Fatalf("%v in health", who)
			}
			r.touch = tt.touch
			got := told(t, d, r, 25) // the longest window is 20
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("told of %v within 25 ticks, want %v", got, tt.want)
			}
		})
	}
}

// Racks that are too small for a median of their own are held up to the group:
// when half of one alarms, it is told in place of its members.
func TestMembersThatAlarmTogetherAreToldAsTheirRack(t *testing.T) {
	r := newRacks(62, 20, 3, 3, 4, 4)
	d := watchful(t, r)
	r.touch = move(0, 3, 8)
	got := told(t, d, r, 10)
	if !slices.Contains(got, "(rack-1)") {
		t.Fatalf("told of %v, want rack-1", got)
	}
	alarms := 0
	for _, f := range observe(t, d, r.frame()) {
		if f.Kind == facts.Imbalance {
			alarms++
			if f.Cohort != "rack-1" || f.Member != "" || f.State != facts.Alarm || len(f.Effect) == 0 || f.Effect[0].Metric != "threads_usage" {
				t.Errorf("told of %q, cohort %q, state %s, effects %v; want the alarm of rack-1 alone, by threads_usage", f.Member, f.Cohort, f.State, f.Effect)
			}
		}
	}
	if alarms != 1 {
		t.Errorf("%d facts about imbalance at one tick, want one", alarms)
	}
	r.touch = nil
	told(t, d, r, 40)
	if who := told(t, d, r, 5); who != nil || d.standing() > 0 {
		t.Errorf("told of %v after it ended, want nobody", who)
	}
}

// Members that are taken out one after the other still count: never are half of
// a rack told by themselves.
func TestARackIsNotTakenOutMemberByMember(t *testing.T) {
	r := newRacks(63, 20, 4, 4, 4, 4)
	d := watchful(t, r)
	var members []string
	for sick := range 4 {
		r.touch = move(sick, sick+1, 12)
		for range 6 {
			for _, f := range observe(t, d, r.frame()) {
				if f.Kind == facts.Imbalance && f.State == facts.Alarm && f.Member != "" && !slices.Contains(members, f.Member) {
					members = append(members, f.Member)
				}
			}
		}
		r.admin[sick] = 1
	}
	if !slices.Equal(members, []string{"m0001"}) {
		t.Errorf("alarms of members %v, want of m0001 alone: with the second it is half of the rack", members)
	}
}

// The largest score of an epoch is over members and cohorts alike, so that the
// declared rate holds for both together.
func TestCohortsKeepTheDeclaredRate(t *testing.T) {
	const count, groups, alpha = 100, 3, 0.1
	alarmed, byCohort := 0, 0
	for g := range groups {
		r := newRacks(uint64(70+g), 16, 4, 4, 4)
		level := [4]float64{}
		r.touch = func(f *facts.Frame, usage int) { // each rack has a level of its own that wanders
			for c := range level {
				level[c] += 0.03*r.rng.NormFloat64() - 0.3*level[c]
			}
			for i := range f.Members {
				f.Row(i)[usage] += level[i/4]
			}
		}
		d := quick(t, func(c *Config) {
			c.Warmup, c.Epoch, c.MinEpochs, c.Alpha, c.Margin, c.Pool = 200*time.Second, 20*time.Second, 60, alpha, 1, false
			c.Shares, c.Cohorts, c.Windows = Shares{Anchor: 0.01}, r.of, []int{1, 3}
		})
		for !d.Judging() {
			observe(t, d, r.frame())
		}
		for e := 0; e < count; {
			observe(t, d, r.frame())
			if c, ok := d.Closed(); ok {
				e++
				if c.Tests[peerTest].Peak > c.Tests[peerTest].Threshold {
					alarmed++
				}
			}
			for _, c := range d.group.cohorts {
				if c.alarm.standing && c.alarm.over == 1 {
					byCohort++
				}
			}
		}
	}
	n := float64(count * groups)
	if limit := alpha*n + 4*math.Sqrt(alpha*n); float64(alarmed) > limit || float64(alarmed) < alpha*n/4 {
		t.Errorf("%d of %.0f epochs alarmed, want about %.0f, at most %.0f", alarmed, n, alpha*n, limit)
	}
	if byCohort == 0 {
		t.Error("no alarm of a cohort, want some: they are of the same test")
	}
}

// A black hole changes much, of itself and of who works beside it; its rack is
// none the less in order.
func TestABlackHoleIsNoRack(t *testing.T) {
	for _, fault := range []string{"empty", "err", "hollow", "slow"} {
		r := newRacks(65, 20, 5, 5, 5)
		d := watchful(t, r)
		r.fault[6] = fault
		if got := told(t, d, r, 40); !slices.Equal(got, []string{"m0007"}) {
			t.Errorf("%s: told of %v, want m0007", fault, got)
		}
	}
}

func TestFactsAboutCohortsAreReplayed(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var runs [2][]byte
	for i := range runs {
		runtime.GOMAXPROCS(i + 1)
		r := newRacks(64, 20, 5, 5, 3)
		d := watchful(t, r)
		for _, touch := range []func(*facts.Frame, int){move(5, 10, 3), nil, move(10, 13, 8)} {
			r.touch = touch
			for range 60 {
				for _, f := range observe(t, d, r.frame()) {
					b, err := f.Encode()
					if err != nil {
						t.Fatal(err)
					}
					runs[i] = append(runs[i], b...)
				}
			}
		}
	}
	if !bytes.Contains(runs[0], []byte(`"cohort":"rack-2"`)) || !bytes.Equal(runs[0], runs[1]) {
		t.Error("two runs over the same frames differ, or tell of no rack")
	}
}
