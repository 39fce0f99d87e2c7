package detect

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// four is a detector whose tests join within 60 short epochs: of ten ticks, a
// block being two of them, at alpha 1/5, of which each test has a fifth.
func four(t testing.TB, change func(*Config)) *Detector {
	t.Helper()
	return quick(t, func(c *Config) {
		c.Epoch, c.Alpha, c.Margin, c.Pool, c.Windows = 10*time.Second, 0.2, 1, false, []int{1, 3}
		c.Shares = Shares{Anchor: 0.2, Own: 0.2, Common: 0.2, Slow: 0.1}
		if change != nil {
			change(c)
		}
	})
}

// joined runs d in health until all its tests have joined.
func joined(t testing.TB, d *Detector, s *synthetic) {
	t.Helper()
	for range 1000 {
		observe(t, d, s.frame())
		if d.tests[anchorTest].joined && d.tests[ownTest].joined && d.tests[commonTest].joined && d.slow.joined {
			return
		}
	}
	t.Fatalf("after %d ticks: %s", s.ticks, d.age())
}

// sighting is an alarm of one statistic against one member.
type sighting struct {
	member    string
	statistic facts.Statistic
}

// run observes so many ticks and returns the first fact of each alarm, and all
// shifts of the group.
func run(t testing.TB, d *Detector, s *synthetic, ticks int) (alarms map[sighting]facts.Fact, shifts []string) {
	t.Helper()
	alarms = map[sighting]facts.Fact{}
	for range ticks {
		for _, f := range observe(t, d, s.frame()) {
			if _, err := f.Encode(); err != nil {
				t.Fatalf("a fact that cannot be encoded: %v", err)
			}
			shifts = append(shifts, f.GroupState.Shift)
			if f.Kind != facts.Imbalance || f.State != facts.Alarm {
				continue
			}
			if at := (sighting{f.Member, f.Evidence.Statistic}); alarms[at].Evidence == nil {
				alarms[at] = f
			}
		}
	}
	return alarms, shifts
}

func TestTestsJoinByTheLengthOfTheirHistoryAlone(t *testing.T) {
	s, d := newSynthetic(31, 5), four(t, nil)
	for range 700 {
		observe(t, d, s.frame())
		spent := d.slow.alpha()
		for i := range d.tests {
			x := &d.tests[i]
			want := float64(x.history.len()+1)*d.cfg.Alpha*x.part >= 1-1e-9
			if i != peerTest && x.joined != want {
				t.Fatalf("tick %d: test %d with %d epochs has joined: %v", s.ticks, i, x.history.len(), x.joined)
			}
			if x.joined {
				spent += x.alpha
			}
		}
		if d.tests[peerTest].joined && math.Abs(spent-d.cfg.Alpha) > 1e-12 {
			t.Fatalf("tick %d: the tests share %v, want alpha %v", s.ticks, spent, d.cfg.Alpha)
		}
	}
	if !d.tests[ownTest].joined || !d.tests[commonTest].joined || !d.tests[anchorTest].joined || !d.slow.joined {
		t.Errorf("after %d ticks: %s", s.ticks, d.age())
	}
}

// Every test keeps its share: of the healthy epochs, the share in which its
// statistic exceeds the threshold of its history is within four standard errors
// of its alpha, and not far below; and the alarms together keep alpha.
func TestEveryTestKeepsItsShare(t *testing.T) {
	for _, n := range []int{2, 3, 8} {
		s, d := newSynthetic(uint64(32+n), n), four(t, nil)
		joined(t, d, s)
		const count = 300
		var over [tests]int
		expected, alarmed := [tests]float64{}, 0
		for e := 0; e < count; {
			observe(t, d, s.frame())
			c, ok := d.Closed()
			if !ok {
				continue
			}
			e++
			if !c.Learnt {
				alarmed++
			}
			for i, x := range c.Tests {
				expected[i] += x.Alpha
				if x.Peak > x.Threshold {
					over[i]++
				}
			}
		}
		for i := range over {
			if limit := expected[i] + 4*math.Sqrt(expected[i]); float64(over[i]) > limit || float64(over[i]) < expected[i]/4 {
				t.Errorf("n = %d, test %d: above its threshold in %d of %d epochs, want about %.0f", n, i, over[i], count, expected[i])
			}
		}
		if limit := d.cfg.Alpha * count; float64(alarmed) > limit {
			t.Errorf("n = %d: %d of %d epochs alarmed, want at most %.0f", n, alarmed, count, limit)
		}
	}
}

// What a member loses so slowly that its baseline follows is seen against the
// anchor, or in its own past.
func TestCreepThatTheBaselineFollowsIsFound(t *testing.T) {
	s := newSynthetic(36, 5)
	d := four(t, func(c *Config) { c.Slide = 3 * c.Epoch })
	joined(t, d, s)
	s.override = func(*facts.Frame) { s.speed[2] *= 0.9996 }
	run(t, d, s, 600) // what it shows at first is as near to chance as alpha
	alarms, _ := run(t, d, s, 600)
	f, ok := alarms[sighting{"m0003", facts.StatisticAnchor}]
	if !ok {
		t.Fatalf("alarms %v, want one of the anchor against m0003", alarms)
	}
	if m := f.Effect[0].Metric; m != "latency_ms" && m != "cpu_per_request" {
		t.Errorf("effects %v, want latency or processor time first", f.Effect)
	}
}

func TestTheWholeGroupMovesIsNoImbalance(t *testing.T) {
	s, d := newSynthetic(37, 30), four(t, nil)
	joined(t, d, s)
	s.rate = 47 // too little for the fast watch of a factor of 1.25
	told, blamed := false, map[string]bool{}
	for range 40 {
		for _, f := range observe(t, d, s.frame()) {
			if f.Kind == facts.Imbalance && f.State == facts.Alarm {
				blamed[f.Member] = true
			}
			if f.Kind == facts.Health && f.GroupState.Shift == "up" && strings.HasSuffix(f.Health.Detail, "shift of the whole group: up") {
				told = true
			}
		}
	}
	if !told {
		t.Error("no health fact tells that the group moved up")
	}
	if len(blamed) > 3 { // at alpha 1/5, four epochs of health have one or two
		t.Errorf("alarms against %d of 30 members: none is out of balance", len(blamed))
	}
}

func TestTwoMembersAreToldApartByTheirPasts(t *testing.T) {
	s, d := newSynthetic(38, 2), four(t, nil)
	joined(t, d, s)
	s.fault[1] = "slow"
	alarms, _ := run(t, d, s, 30)
	f, ok := alarms[sighting{"m0002", facts.StatisticOwn}]
	if !ok {
		t.Fatalf("alarms %v, want one of its own past against m0002", alarms)
	}
	if e := f.Effect[0]; e.Metric != "latency_ms" || e.Value.Float() < 1.5*e.Peers.Float() {
		t.Errorf("effects %v, want a latency well above the usual", f.Effect)
	}
	if _, ok := alarms[sighting{"", facts.StatisticPeer}]; !ok {
		t.Errorf("alarms %v, want one of the group without a name as well", alarms)
	}
	for at := range alarms {
		if at.member == "m0001" {
			t.Errorf("alarm against the healthy member by %s", at.statistic)
		}
	}
}

// A member that is a little worse than before, in no epoch enough for an
// alarm, is found by what gathers over epochs.
func TestEvidenceGathersOverEpochs(t *testing.T) {
	s := newSynthetic(39, 5)
	d := four(t, func(c *Config) { c.Alpha, c.Slide = 0.02, -1 })
	observeUntil(t, d, s, 4000, func() bool { return d.slow.joined })
	s.speed[1] = 0.93
	alarms, _ := run(t, d, s, 600)
	f, ok := alarms[sighting{"m0002", facts.StatisticSlow}]
	if !ok {
		t.Fatalf("alarms %v, want one of slow evidence against m0002", alarms)
	}
	if e := f.Evidence; e.Tier != "T3" || e.Score.Float() < e.Threshold.Float() || e.Epochs == 0 || e.P != "" || e.E != "" {
		t.Errorf("evidence %+v, want T3 above its level", e)
	}
}

// observeUntil observes at most so many ticks until done.
func observeUntil(t testing.TB, d *Detector, s *synthetic, ticks int, done func() bool) {
	t.Helper()
	for range ticks {
		if done() {
			return
		}
		observe(t, d, s.frame())
	}
	t.Fatalf("after %d ticks: %s", s.ticks, d.age())
}

// The same frames give the same bytes, however many processors there are, with
// all tests in force.
func TestReplayOfAllTestsIsIdentical(t *testing.T) {
	replay := func(procs int) []byte {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		s, d := newSynthetic(40, 7), four(t, func(c *Config) { c.Slide = 3 * c.Epoch })
		var out bytes.Buffer
		for tick := range 1100 {
			switch tick {
			case 650:
				s.fault[2] = "slow"
			case 700:
				s.fault = map[int]string{}
				s.rate = 55
			case 750:
				s.override = func(*facts.Frame) { s.speed[4] *= 0.9985 }
			}
			for _, f := range observe(t, d, s.frame()) {
				b, err := f.Encode()
				if err != nil {
					t.Fatal(err)
				}
				out.Write(append(b, '\n'))
			}
		}
		if !d.tests[ownTest].joined || !d.tests[commonTest].joined || !d.tests[anchorTest].joined {
			t.Fatalf("not all tests have joined: %s", d.age())
		}
		return out.Bytes()
	}
	first := replay(1)
	for _, part := range []string{`"statistic":"peer"`, `"statistic":"own"`, `"statistic":"anchor"`, `"shift":"up"`} {
		if !bytes.Contains(first, []byte(part)) {
			t.Errorf("the run has no %s to compare", part)
		}
	}
	if !bytes.Equal(first, replay(2)) || !bytes.Equal(first, replay(1)) {
		t.Error("two runs over the same frames differ")
	}
}

func TestEvidenceOfAnAlarm(t *testing.T) {
	s, d := newSynthetic(41, 6), four(t, nil)
	joined(t, d, s)
	s.fault[3] = "empty"
	alarms, _ := run(t, d, s, 3)
	f, ok := alarms[sighting{"m0004", facts.StatisticPeer}]
	if !ok {
		t.Fatalf("alarms %v, want one of m0004", alarms)
	}
	e, peer := f.Evidence, &d.tests[peerTest]
	if e.Baseline != d.Baseline().Digest || e.Epochs != peer.history.len() || e.Declared != d.cfg.declared() {
		t.Errorf("evidence %+v, want that of the baseline %+v, of %d epochs", e, d.Baseline(), peer.history.len())
	}
	if p := e.P.Float(); !(p > 0 && p <= 1/float64(peer.history.len()+1)+1e-6) {
		t.Errorf("p = %v, want the least that %d epochs can give, or less when pooled", p, peer.history.len())
	}
	if e.E.Float() < 2 || e.Assured <= 0 || e.Certified <= e.Assured {
		t.Errorf("e = %s, assured %v, certified %v: want evidence, and less assured than certified", e.E, e.Assured, e.Certified)
	}
	if got := slices.Index([]string{"T1", "T5"}, e.Tier); got < 0 {
		t.Errorf("tier %s, want T1 or T5", e.Tier)
	}
}

// A member that has changed for good is unlike its own past until a person says
// that this is how it is meant to be.
func TestResetEndsTheAlarmOfALastingChange(t *testing.T) {
	s := newSynthetic(47, 5)
	d := four(t, nil)
	joined(t, d, s)
	s.override = func(f *facts.Frame) { f.Row(2)[slices.Index(f.Metrics, "threads_usage")] += 0.3 }
	alarms, _ := run(t, d, s, 200)
	if alarms[sighting{"m0003", facts.StatisticOwn}].Evidence == nil {
		t.Fatalf("alarms %v, want m0003 to be unlike itself", alarms)
	}
	m, limit := d.group.members[2], d.tests[ownTest].limit.score
	d.Reset("more threads on m0003")
	if d.tests[ownTest].joined || m.past != nil || m.score[ownTest] > 0 {
		t.Error("the own past, or the thresholds of it, outlast a reset")
	}
	run(t, d, s, 200)
	if m.score[ownTest] > limit {
		t.Errorf("200 ticks after a reset m0003 scores %v against its past, want at most %v", m.score[ownTest], limit)
	}
}
