package detect

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// quick is a detector that judges after 40 ticks and alarms after 100.
func quick(t testing.TB, change func(*Config)) *Detector {
	t.Helper()
	c := Config{Env: "test", Group: "web", ID: "det-a", Build: "v1", Warmup: 40 * time.Second, Epoch: 6 * time.Second,
		MinEpochs: 10, Alpha: 0.09, Margin: 1.5, Pool: true}
	if change != nil {
		change(&c)
	}
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const aged = 104 // ticks after which quick alarms

func TestFaultsAreFound(t *testing.T) {
	for _, tt := range []struct {
		fault  string
		within int // ticks
		metric string
		up     bool
	}{
		{"empty", 3, "bytes_per_request", false},
		{"err", 3, "error_rate", true},
		{"hollow", 4, "downstream_per_request", false},
		{"slow", 6, "latency_ms", true},
	} {
		for _, n := range []int{3, 5, 10, 30} {
			s := newSynthetic(uint64(100+n), n)
			d := quick(t, nil)
			if raised, _ := alarmsIn(t, d, s, aged); len(raised) > 0 {
				t.Fatalf("%s, n = %d: alarm in health at tick %v", tt.fault, n, raised)
			}
			sick := n / 2
			s.fault[sick] = tt.fault
			var first *facts.Fact
			for range tt.within {
				for _, f := range observe(t, d, s.frame()) {
					if f.Kind == facts.Imbalance && first == nil {
						first = &f
					}
				}
			}
			if first == nil || first.Member != s.members[sick] {
				t.Errorf("%s, n = %d: first alarm %+v, want %s within %d ticks", tt.fault, n, first, s.members[sick], tt.within)
				continue
			}
			i := slices.IndexFunc(first.Effect, func(e facts.Effect) bool { return e.Metric == tt.metric })
			if i < 0 || (first.Effect[i].Score.Float() > 0) != tt.up {
				t.Errorf("%s, n = %d: effects %v, want %s among them, up: %v", tt.fault, n, first.Effect, tt.metric, tt.up)
			}
		}
	}
}

func TestHealthyEventsAreNoImbalance(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  func(s *synthetic, tick int) // tick after ageing
	}{
		{"a surge on everybody", func(s *synthetic, _ int) { s.rate = 72 }},
		{"a dip", func(s *synthetic, _ int) { s.rate = 12 }},
		{"a slow dependency of all", func(s *synthetic, _ int) { s.slow = 4 }},
		{"a wave", func(s *synthetic, tick int) { s.rate = 40 * (1 + 0.4*math.Sin(float64(tick)/10)) }},
		{"a restart and a cold start", func(s *synthetic, tick int) {
			s.away[2] = tick < 3
			s.speed[2] = 1
			if tick < 13 {
				s.speed[2] = 0.5
			}
		}},
		{"a drain, and the way back", func(s *synthetic, tick int) {
			s.admin[4] = 0
			if tick < 20 {
				s.admin[4] = 1
			}
		}},
		{"a metric that nobody has any more", func(s *synthetic, _ int) {
			s.override = func(f *facts.Frame) { blank(f, "be_cpu", "") }
		}},
		{"gaps in one member's metrics", func(s *synthetic, tick int) {
			s.override = func(f *facts.Frame) {
				if tick%3 == 0 {
					blank(f, "be_cpu", "m0003")
					blank(f, "hx_bout", "m0003")
				}
			}
		}},
		{"a member that joins", func(s *synthetic, tick int) {
			if tick == 0 {
				s.members = append(s.members, "m9999")
				s.speed = append(s.speed, 1.3)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSynthetic(7, 10)
			d := quick(t, nil)
			alarmsIn(t, d, s, aged)
			for tick := range 60 {
				tt.act(s, tick)
				if raised, who := alarmsIn(t, d, s, 1); len(raised) > 0 {
					t.Fatalf("alarm of %v at tick %d", who, tick)
				}
			}
		})
	}
}

// blank removes a metric of a member, or of all.
func blank(f *facts.Frame, metric, member string) {
	k, ok := slices.BinarySearch(f.Metrics, metric)
	if !ok {
		return
	}
	for i, m := range f.Members {
		if member == "" || m == member {
			f.Row(i)[k] = math.NaN()
		}
	}
}

func TestUnlikeMembersAreHealthy(t *testing.T) {
	s := newSynthetic(8, 8)
	for i := range s.speed {
		s.speed[i] = 0.6 + 0.1*float64(i)
	}
	if raised, who := alarmsIn(t, quick(t, nil), s, 400); len(raised) > 0 {
		t.Errorf("alarms at %v of %v: members of unlike speed are no imbalance", raised, who)
	}
}

func TestBaselineSurvivesARestartInTheWarmup(t *testing.T) {
	s := newSynthetic(9, 10)
	d := quick(t, nil)
	for tick := range aged {
		s.away[1] = tick >= 4 && tick < 6
		s.speed[1] = 1
		if tick >= 6 && tick < 16 {
			s.speed[1] = 0.5
		}
		observe(t, d, s.frame())
	}
	if raised, who := alarmsIn(t, d, s, 60); len(raised) > 0 {
		t.Errorf("alarm of %v at %v", who, raised)
	}
	s.fault[1] = "hollow"
	if _, who := alarmsIn(t, d, s, 6); !who[s.members[1]] {
		t.Errorf("alarms of %v, want the restarted member %s", who, s.members[1])
	}
}

func TestTwoMembersHaveNoName(t *testing.T) {
	s := newSynthetic(10, 2)
	d := quick(t, nil)
	if raised, _ := alarmsIn(t, d, s, aged); len(raised) > 0 {
		t.Fatalf("alarm in health at %v", raised)
	}
	s.fault[0] = "empty"
	if _, who := alarmsIn(t, d, s, 6); !who[""] || len(who) != 1 {
		t.Errorf("alarms of %v, want one of the group without a name", who)
	}
	s.fault = map[int]string{}
	var last facts.Fact
	for range 30 {
		for _, f := range observe(t, d, s.frame()) {
			if f.Kind == facts.Imbalance {
				last = f
			}
		}
	}
	if last.State != facts.Clear {
		t.Errorf("the last word on the pair is %q, want %q", last.State, facts.Clear)
	}
}

func TestOneMemberIsNeverJudged(t *testing.T) {
	s := newSynthetic(11, 1)
	d := quick(t, nil)
	s.fault[0] = "empty"
	if raised, _ := alarmsIn(t, d, s, 200); len(raised) > 0 || d.group.fitted {
		t.Errorf("alarms at %v, fitted %v: a single member has no peers", raised, d.group.fitted)
	}
}

// The life of an alarm: every tick a fact that is fresh for three, with the
// same onset, until it is over.
func TestAlarmIsRepeatedUntilItIsOver(t *testing.T) {
	s := newSynthetic(12, 10)
	d := quick(t, func(c *Config) { c.Windows = []int{1, 3} })
	alarmsIn(t, d, s, aged)
	began := s.ticks
	s.fault[3] = "empty"
	var states []facts.State
	var onset time.Time
	for tick := range 30 {
		if tick == 10 {
			s.fault = map[int]string{}
		}
		for _, f := range observe(t, d, s.frame()) {
			if f.Kind != facts.Imbalance {
				continue
			}
			states = append(states, f.State)
			if onset.IsZero() {
				onset = f.Onset.Time
			}
			if !f.Onset.Equal(onset) {
				t.Errorf("tick %d: onset %v, was %v", tick, f.Onset, onset)
			}
			if got, want := f.Expires.Sub(f.Time.Time), 3*time.Second; got != want {
				t.Errorf("tick %d: expires after %v, want %v", tick, got, want)
			}
			if f.GroupState.Alarmed != 1 && f.State == facts.Alarm {
				t.Errorf("tick %d: %d members alarmed, want 1", tick, f.GroupState.Alarmed)
			}
			if _, err := f.Encode(); err != nil {
				t.Error(err)
			}
		}
	}
	// Ten ticks of fault, up to two that the window of three keeps it, and up
	// to three until it is quiet.
	alarms := len(states) - 1
	if alarms < 10 || alarms > 15 || states[alarms] != facts.Clear || slices.Contains(states[:alarms], facts.Clear) {
		t.Errorf("states %v, want 10 to 15 alarms and then clear", states)
	}
	if !onset.Equal(at(began)) {
		t.Errorf("onset %v, want %v", onset, at(began))
	}
}

func TestAlarmOfAMemberThatLeaves(t *testing.T) {
	s := newSynthetic(13, 10)
	d := quick(t, nil)
	alarmsIn(t, d, s, aged)
	certified, epochs := d.certified(), d.tests[peerTest].history.len()
	s.fault[3] = "empty"
	alarmsIn(t, d, s, 3)
	s.admin[3] = 1
	got := observe(t, d, s.frame())
	var kinds []string
	for _, f := range got {
		kinds = append(kinds, string(f.Kind)+" "+string(f.State)+" "+f.Member)
	}
	want := []string{"membership watch ", "membership watch m0004", "imbalance watch m0004"}
	if !slices.Equal(kinds, want) {
		t.Errorf("facts when it leaves: %v, want %v", kinds, want)
	}
	s.fault = map[int]string{}
	alarmsIn(t, d, s, 1)
	if d.certified() != certified || d.tests[peerTest].history.len() != epochs {
		t.Errorf("certified %v of %d epochs, want %v of %d: the episode is explained by the drain", d.certified(), d.tests[peerTest].history.len(), certified, epochs)
	}
}

func TestMembershipFacts(t *testing.T) {
	s := newSynthetic(15, 4)
	d := quick(t, nil)
	told := func() (group []facts.MemberState, single []string) {
		for _, f := range observe(t, d, s.frame()) {
			if f.Kind == facts.Membership && f.Member == "" {
				group = f.Members
			} else if f.Kind == facts.Membership {
				single = append(single, f.Member+" "+f.Members[0].State)
			}
		}
		return group, single
	}
	if group, single := told(); len(group) != 4 || len(single) != 0 {
		t.Errorf("at first: %v %v, want four members in service", group, single)
	}
	for range 9 {
		if group, _ := told(); group != nil {
			t.Errorf("tick %d: told again: %v", s.ticks, group)
		}
	}
	if group, _ := told(); len(group) != 4 {
		t.Error("not told again after ten seconds")
	}
	s.admin[0], s.admin[1], s.away[2] = 1, 2, true
	s.override = func(f *facts.Frame) {
		if k, ok := slices.BinarySearch(f.Metrics, facts.MetricUp); ok {
			f.Row(len(f.Members) - 1)[k] = 0
		}
	}
	if _, single := told(); !slices.Equal(single, []string{"m0001 drain", "m0002 maint", "m0003 absent", "m0004 down"}) {
		t.Errorf("out of service: %v", single)
	}
}

func TestHealthFacts(t *testing.T) {
	s := newSynthetic(17, 5)
	d := quick(t, nil)
	var got []string
	for range 130 {
		if s.ticks == 120 {
			s.away = map[int]bool{0: true, 1: true, 2: true, 3: true}
		}
		for _, f := range observe(t, d, s.frame()) {
			if f.Kind == facts.Health {
				got = append(got, f.Health.Status)
			}
		}
	}
	if want := []string{"ageing", "ageing", "ok", "degraded"}; !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v (the second after a minute)", got, want)
	}
}

func TestShortUptimeIsARestart(t *testing.T) {
	s := newSynthetic(18, 5)
	s.metrics = append([]string{metricUptime}, slices.DeleteFunc(slices.Clone(syntheticMetrics), func(m string) bool { return m == "be_cpu" })...)
	slices.Sort(s.metrics)
	up := 100.0
	s.override = func(f *facts.Frame) {
		k, _ := slices.BinarySearch(f.Metrics, metricUptime)
		for i := range f.Members {
			f.Row(i)[k] = up
		}
		up++
	}
	d := quick(t, nil)
	alarmsIn(t, d, s, 60)
	up = 1
	observe(t, d, s.frame())
	for _, m := range d.group.members {
		if m.peer || m.standing != facts.StandingIn {
			t.Errorf("%s: peer %v, standing %s, want it in service and settling", m.name, m.peer, m.standing)
		}
	}
}

func TestMembersAreForgotten(t *testing.T) {
	s := newSynthetic(19, 5)
	d := quick(t, nil)
	alarmsIn(t, d, s, 60)
	s.away[4] = true
	for range maxIdleTicks + 1 {
		observe(t, d, s.frame())
	}
	s.away[3] = true // a change makes room
	observe(t, d, s.frame())
	if n := len(d.group.members); n != 4 {
		t.Errorf("%d members known, want 4", n)
	}
	if d.group.byName[0] != 0 || len(d.group.byName) != 4 {
		t.Errorf("order %v after one was forgotten", d.group.byName)
	}
}

func TestObserveRefuses(t *testing.T) {
	s := newSynthetic(20, 3)
	d := quick(t, nil)
	observe(t, d, s.frame())
	other, late, bad := s.frame(), s.frame(), s.frame()
	other.Group = "api"
	late.Time = at(1)
	bad.Values = bad.Values[1:]
	for name, f := range map[string]*facts.Frame{"another group": other, "out of order": late, "malformed": bad} {
		if _, err := d.Observe(f); !errors.Is(err, facts.ErrShape) {
			t.Errorf("%s: %v, want %v", name, err, facts.ErrShape)
		}
	}
	if d.group.ticks != 1 {
		t.Errorf("%d frames were taken in, want 1", d.group.ticks)
	}
}

// The same frames give the same bytes, however many processors there are.
func TestReplayIsIdentical(t *testing.T) {
	run := func(procs int) []byte {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		s := newSynthetic(21, 7)
		d := quick(t, nil)
		var out bytes.Buffer
		for tick := range 140 {
			if tick == 120 {
				s.fault[2] = "hollow"
			}
			for _, f := range observe(t, d, s.frame()) {
				b, err := f.Encode()
				if err != nil {
					t.Fatal(err)
				}
				out.Write(b)
				out.WriteByte('\n')
			}
		}
		return out.Bytes()
	}
	first := run(1)
	if !bytes.Contains(first, []byte(`"state":"alarm"`)) {
		t.Fatal("the run has no alarm to compare")
	}
	if !bytes.Equal(first, run(2)) || !bytes.Equal(first, run(1)) {
		t.Error("two runs over the same frames differ")
	}
}

func TestQuietTicksAllocateNothing(t *testing.T) {
	s := newSynthetic(22, 10)
	d := quick(t, func(c *Config) { c.Epoch, c.MinEpochs = time.Minute, 2 })
	for !d.armed() || d.group.block.at != 1 { // a block has just begun
		observe(t, d, s.frame())
	}
	f := s.frame()
	if n := allocations(defaultBlockTicks-4, func() {
		f.Time = f.Time.Add(time.Millisecond) // no fact is due again
		observe(t, d, f)
	}); n != 0 {
		t.Errorf("%v allocations a tick, want none", n)
	}
}

// Metrics that come in late, but within the warm-up, are measured too.
func TestMetricsThatComeInLate(t *testing.T) {
	s := newSynthetic(23, 6)
	s.override = func(f *facts.Frame) {
		if s.ticks < 12 {
			for _, m := range f.Metrics {
				if strings.HasPrefix(m, "be_") {
					blank(f, m, "")
				}
			}
			dropMissing(f)
		}
	}
	d := quick(t, nil)
	alarmsIn(t, d, s, aged+20)
	if !slices.Contains(d.group.featureNames(), "downstream_per_request") || !d.armed() {
		t.Fatalf("features %v, armed %v, want those of the members among them", d.group.featureNames(), d.armed())
	}
	s.fault[2] = "hollow"
	if _, who := alarmsIn(t, d, s, 6); !who["m0003"] {
		t.Errorf("alarms of %v, want m0003", who)
	}
}

// dropMissing removes the metrics that nobody has, as a source does.
func dropMissing(f *facts.Frame) {
	var kept []string
	for k, m := range f.Metrics {
		for i := range f.Members {
			if !math.IsNaN(f.Row(i)[k]) {
				kept = append(kept, m)
				break
			}
		}
	}
	out := facts.NewFrame(f.Time, f.Group, f.Members, kept)
	for i, member := range f.Members {
		for k, m := range kept {
			out.Row(i)[k] = f.At(member, m)
		}
	}
	*f = *out
}

func TestLargeGroupsTellWhoIsOut(t *testing.T) {
	s := newSynthetic(24, maxMembersTold+50)
	s.metrics = []string{"hx_admin", "hx_stot"}
	s.admin[maxMembersTold+20] = 1
	d := quick(t, nil)
	f := observe(t, d, s.frame())[0]
	if len(f.Members) != maxMembersTold || f.GroupState.Members != maxMembersTold+50 || f.GroupState.Present != maxMembersTold+49 {
		t.Errorf("%d members told, group state %+v", len(f.Members), f.GroupState)
	}
	if last := f.Members[len(f.Members)-1]; last.State != facts.StandingDrain {
		t.Errorf("the last member told is %+v, want the drained one", last)
	}
	if _, err := f.Encode(); err != nil {
		t.Error(err)
	}
}
