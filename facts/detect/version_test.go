package detect

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

func TestBaselineVersions(t *testing.T) {
	s, d := newSynthetic(51, 6), four(t, nil)
	s.metrics = append([]string{metricUptime}, s.metrics...)
	slices.Sort(s.metrics)
	column, _ := slices.BinarySearch(s.metrics, metricUptime)
	up := map[string]float64{}
	s.override = func(f *facts.Frame) {
		for i, m := range f.Members {
			up[m]++
			f.Row(i)[column] = up[m]
		}
	}
	settle := d.cfg.ticks(d.cfg.Settle)
	for _, step := range []struct {
		name   string
		act    func()
		ticks  int
		reason string // of the version then; "": as before
	}{
		{"there is none in the warm-up", func() {}, 30, ""},
		{"the first is fitted", func() {}, 30, "fitted"},
		{"a process that restarts begins another, once it has settled", func() { up["m0003"] = 0 }, settle + 2, "restart of m0003"},
		{"a short absence does not", func() { s.away[4] = true }, restartTicks - 2, ""},
		{"but its return does not either", func() { s.away[4] = false }, settle + 10, ""},
		{"a member that stays away does", func() { s.away[4] = true }, settle + restartTicks + 2, "membership"},
		{"and when it is back for good", func() { s.away[4] = false }, 2*settle + restartTicks + 2, "membership"},
		{"as long as nothing happens, evidence gathers", func() {}, 3 * 10, ""},
		{"a person may ask for one", func() { d.Reset("new racks") }, 1, "new racks"},
	} {
		before, r := d.Baseline(), len(d.slow.sequential.members)
		step.act()
		for range step.ticks {
			observe(t, d, s.frame())
		}
		got := d.Baseline()
		if step.reason == "" {
			if got != before {
				t.Fatalf("%s: version %+v, want %+v", step.name, got, before)
			}
			continue
		}
		if got.Version != before.Version+1 || got.Reason != step.reason || !got.Since.After(before.Since) {
			t.Fatalf("%s: version %+v after %+v, want the next, for %q", step.name, got, before, step.reason)
		}
		if got.Digest == before.Digest || !strings.HasPrefix(got.Digest, "sha256:") {
			t.Errorf("%s: digest %s, was %s", step.name, got.Digest, before.Digest)
		}
		if step.reason == "new racks" && (r == 0 || len(d.slow.sequential.members) != 0) {
			t.Errorf("%s: slow evidence of %d members before, %d after, want some and none", step.name, r, len(d.slow.sequential.members))
		}
	}
}

func TestResetMakesWhatIsTheAnchor(t *testing.T) {
	s, d := newSynthetic(52, 5), four(t, func(c *Config) { c.Slide = c.Epoch })
	d.Reset("too early")
	if d.Baseline().Version != 0 {
		t.Error("a reset before the fit began a version")
	}
	for range 200 {
		observe(t, d, s.frame())
	}
	m := d.group.members[1]
	if m.anchor[0] == m.cells[0] {
		t.Fatal("the baseline did not move, so that nothing can be shown")
	}
	d.Reset("as it is")
	for k := range m.cells {
		if m.anchor[k] != m.cells[k] {
			t.Errorf("feature %d: anchor %+v, want %+v", k, m.anchor[k], m.cells[k])
		}
	}
	if m.drift.blocks != 0 {
		t.Errorf("%d blocks of drift after a reset, want none", m.drift.blocks)
	}
}

func TestNothingIsLearntFromAnEpochWithAnAct(t *testing.T) {
	s, d := newSynthetic(53, 5), four(t, nil)
	joined(t, d, s)
	observeUntil(t, d, s, 20, func() bool { return d.closing.done && d.closing.epoch.Learnt })
	before := [tests]int{}
	for i := range d.tests {
		before[i] = len(d.tests[i].history.whole)
	}
	last := d.tests[peerTest].history.whole[before[peerTest]-1]
	d.Acted()
	observe(t, d, s.frame())
	for _, m := range d.group.members {
		if !m.hold {
			t.Errorf("%s follows its baseline after an act", m.name)
		}
	}
	observeUntil(t, d, s, 20, func() bool { return d.closing.done })
	if c, _ := d.Closed(); c.Learnt {
		t.Error("the epoch of the act was learnt")
	}
	h := d.tests[peerTest].history
	if h.whole[h.len()-1] != last {
		t.Error("the history has grown by the epoch of the act")
	}
	observe(t, d, s.frame())
	if d.group.members[0].hold {
		t.Error("baselines are held after the epoch of the act")
	}
}

// While an alarm stands against a member its baselines do not follow it.
func TestAnAlarmedMemberIsHeld(t *testing.T) {
	s, d := newSynthetic(54, 5), four(t, nil)
	joined(t, d, s)
	s.fault[2] = "empty"
	run(t, d, s, 6)
	for i, m := range d.group.members {
		if m.hold != (i == 2) {
			t.Errorf("%s is held: %v", m.name, m.hold)
		}
	}
}

func TestClosedEpochs(t *testing.T) {
	s, d := newSynthetic(55, 4), four(t, nil)
	joined(t, d, s)
	closed := 0
	for closed < 3 {
		observe(t, d, s.frame())
		c, ok := d.Closed()
		if !ok {
			continue
		}
		closed++
		if want := d.epoch.start.Add(-d.cfg.Epoch); !c.Start.Equal(want) {
			t.Errorf("epoch of %v, want %v", c.Start, want)
		}
		for i, x := range c.Tests {
			if x.Test != []string{"peer", "anchor", "own", "common"}[i] || !x.Joined || x.Alpha <= 0 || x.Threshold <= 0 || x.Epochs == 0 || !(x.P > 0 && x.P <= 1) {
				t.Errorf("test %d: %+v", i, x)
			}
			if i == commonTest {
				continue
			}
			if len(x.Members) != 4 {
				t.Errorf("%s: %d members, want 4", x.Test, len(x.Members))
			}
			most := 0.0
			for _, m := range x.Members {
				most = max(most, m.Peak)
				if !(m.P > 0 && m.P <= 1) || m.Threshold <= 0 {
					t.Errorf("%s: member %+v", x.Test, m)
				}
			}
			if most != x.Peak {
				t.Errorf("%s: peak %v, the members' largest is %v", x.Test, x.Peak, most)
			}
		}
	}
	observe(t, d, s.frame())
	if _, ok := d.Closed(); ok {
		t.Error("a tick later there is still an epoch closed")
	}
}

// An alarm that nobody can explain is learnt as it was, and costs the budget
// half a unit; an epoch that is under alarm from end to end teaches nothing.
func TestAnUnexplainedAlarmIsLearntAsItWas(t *testing.T) {
	s, d := newSynthetic(56, 6), four(t, func(c *Config) { c.Horizon = 500 })
	joined(t, d, s)
	observeUntil(t, d, s, 200, func() bool { return d.closing.done && d.closing.epoch.Learnt })
	peer := &d.tests[peerTest]
	before, budget, limit := peer.history.len(), peer.budget.q, peer.limit.score
	run(t, d, s, 2)
	s.fault[3] = "err"
	run(t, d, s, 33) // two whole epochs are under alarm
	if !d.epoch.episode.open || peer.history.len() != before {
		t.Fatalf("alarm stands: %v, %d epochs learnt, want none as long as it does", d.epoch.episode.open, peer.history.len()-before)
	}
	s.fault = map[int]string{}
	observeUntil(t, d, s, 60, func() bool { return d.closing.done && !d.epoch.episode.open })
	learnt := peer.history.whole[before:]
	if len(learnt) != 2 || learnt[0].score <= limit {
		t.Errorf("learnt %v above a threshold of %v, want the epochs in which the alarm began and ended", learnt, limit)
	}
	if peer.budget.q <= budget {
		t.Errorf("the budget is at %v, was at %v", peer.budget.q, budget)
	}
}

func TestTheBudgetBinds(t *testing.T) {
	x := test{budget: &budget{alpha: 0.1}, limit: peak{score: 2}, joined: true}
	raised := 2 * math.E
	for _, tt := range []struct {
		name   string
		score  float64
		margin float64
		q      float64
		over   bool
		c      float64
		binds  bool
	}{
		{"above the history's threshold and within the budget", 2.1, 1, 0, true, 2, false},
		{"the slack is used up", 2.1, 1, budgetSlack + 1, false, raised, true},
		{"above what is raised", 5.5, 1, budgetSlack + 1, true, raised, true},
		{"the margin counts first", 2.9, 1.5, 0, false, 3, false},
		{"the budget is used up", 1e9, 1, budgetCeiling, false, math.Inf(1), true},
	} {
		x.budget.q = tt.q
		c, binds := x.threshold(tt.margin)
		if over := x.exceeds(peak{score: tt.score}, tt.margin); over != tt.over || !(c == tt.c || math.Abs(c-tt.c) < 1e-9) || binds != tt.binds {
			t.Errorf("%s: exceeds %v, threshold %v of the budget: %v; want %v, %v, %v", tt.name, over, c, binds, tt.over, tt.c, tt.binds)
		}
	}
}

func TestHealthTellsWhatIsCertified(t *testing.T) {
	d, err := New(Config{Env: "test", Group: "web", Epoch: time.Hour, Tick: 10 * time.Second, Alpha: 1.0 / 720})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 199 {
		d.tests[peerTest].history.add(peak{score: float64(i)}, nil)
	}
	d.relearn()
	want := "certified 1/200h of 1/30d: 199 healthy epochs of 1h; members alike, p-values pooled"
	if got := d.age(); got != want {
		t.Errorf("age() = %q, want %q", got, want)
	}
	if _, certain := d.certifiedAlpha(); certain {
		t.Error("199 epochs certify one in 720")
	}
}
