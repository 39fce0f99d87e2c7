package detect

import (
	"bytes"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// resumed returns a detector that goes on with what d has learnt, by way of
// the bytes of it.
func resumed(t testing.TB, d *Detector, change func(*Config)) *Detector {
	t.Helper()
	l, err := DecodeLearnt(d.Learnt().Encode())
	if err != nil {
		t.Fatal(err)
	}
	c := d.cfg
	c.Learnt = l
	if change != nil {
		change(&c)
	}
	out, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// joinedAtClose returns a detector of which all tests have joined, and that
// has just closed an epoch in which nobody was alarmed.
func joinedAtClose(t testing.TB, s *synthetic, change func(*Config)) *Detector {
	t.Helper()
	d := four(t, change)
	joined(t, d, s)
	observeUntil(t, d, s, 60, func() bool { return d.closing.done && !d.epoch.episode.open })
	return d
}

// A run that is split in two has the thresholds of one that is not, and once
// windows are full the scores: where baselines do not slide, to the last bit.
func TestASplitRunGoesOnAsOneThatIsNot(t *testing.T) {
	s := newSynthetic(81, 5)
	whole := joinedAtClose(t, s, func(c *Config) { c.Slide = -1 })
	part := resumed(t, whole, nil)
	if a, b := whole.certified(), part.certified(); a != b {
		t.Errorf("certified %v, want %v", b, a)
	}
	epochs := 0
	for tick := range 100 {
		f := s.frame()
		observe(t, whole, f)
		observe(t, part, f)
		if !part.Judging() {
			t.Fatalf("tick %d after it is not judged: %s", tick, part.age())
		}
		if tick == 0 {
			if got, want := part.Baseline(), whole.Baseline(); got != want {
				t.Fatalf("version %+v, want %+v", got, want)
			}
		}
		longest := whole.cfg.Windows[len(whole.cfg.Windows)-1]
		for i, m := range whole.group.members {
			if o := part.group.members[i]; tick >= longest && (m.u != o.u || !slices.Equal(m.z, o.z)) {
				t.Fatalf("tick %d: %s scored %v, want %v", tick, m.name, o.u, m.u)
			}
		}
		for i := range whole.tests {
			a, b := &whole.tests[i], &part.tests[i]
			if epochs == 0 && !whole.closing.done && (a.limit != b.limit || a.alpha != b.alpha || a.joined != b.joined || whole.alike(i) != part.alike(i) || *a.budget != *b.budget) {
				t.Fatalf("tick %d: test %s has threshold %v, want %v", tick, testNames[i], b.limit, a.limit)
			}
		}
		if whole.closing.done != part.closing.done {
			t.Fatalf("tick %d: an epoch closed: %v, want %v", tick, part.closing.done, whole.closing.done)
		}
		if whole.closing.done {
			epochs++
		}
	}
}

func TestAnAlarmIsRaisedRightAfterAResume(t *testing.T) {
	s := newSynthetic(82, 5)
	d := joinedAtClose(t, s, nil)
	d = resumed(t, d, nil)
	s.fault[3] = "empty"
	alarms, _ := run(t, d, s, 3)
	if _, ok := alarms[sighting{"m0004", facts.StatisticPeer}]; !ok {
		t.Errorf("alarms %v, want one against m0004 within three ticks", alarms)
	}
}

func TestTheFactsTellThatItWasResumed(t *testing.T) {
	s := newSynthetic(83, 5)
	d := resumed(t, joinedAtClose(t, s, nil), nil)
	s.ticks += 30
	for _, f := range observe(t, d, s.frame()) {
		if f.Kind == facts.Health {
			if want := "; resumed version 1 after 30s"; !strings.HasSuffix(f.Health.Detail, want) {
				t.Errorf("health %q, want %q at its end", f.Health.Detail, want)
			}
			return
		}
	}
	t.Error("no fact about health with the first frame")
}

func TestTheSameStateGivesTheSameBytes(t *testing.T) {
	of := func() []byte {
		s := newSynthetic(84, 6)
		return joinedAtClose(t, s, nil).Learnt().Encode()
	}
	one := of()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	two := of()
	if !bytes.Equal(one, two) {
		t.Error("the same frames gave other bytes")
	}
	l, err := DecodeLearnt(one)
	if err != nil {
		t.Fatal(err)
	}
	if again := l.Encode(); !bytes.Equal(again, one) {
		t.Error("decoded and encoded again it is other bytes")
	}
	if LearntDigest(one) != LearntDigest(two) || len(LearntDigest(one)) != len("sha256:")+64 {
		t.Errorf("digests %s and %s", LearntDigest(one), LearntDigest(two))
	}
	d := resumed(t, joinedAtClose(t, newSynthetic(84, 6), nil), nil)
	if !bytes.Equal(d.Learnt().Encode(), one) {
		t.Error("what was resumed from is not what is learnt before the first frame")
	}
}

func TestLearntSaysWhatItIs(t *testing.T) {
	s := newSynthetic(85, 5)
	d := four(t, nil)
	if d.Learnt() != nil {
		t.Error("something was learnt before the warm-up")
	}
	joined(t, d, s)
	l := d.Learnt()
	want := LearntInfo{Baseline: d.Baseline(), Certified: l.Certified, Declared: 0.2, Env: "test", Epoch: int64(10 * time.Second), Features: d.Features(),
		Group: "web", Members: s.members, Taken: at(s.ticks), Tests: l.Tests, Tick: int64(time.Second), Windows: []int{1, 3}}
	if !reflect.DeepEqual(l.LearntInfo, want) {
		t.Errorf("it says %+v, want %+v", l.LearntInfo, want)
	}
	for i, x := range l.Tests {
		if x.Test != testNames[i] || !x.Joined || x.Epochs != d.tests[i].history.len() || x.Threshold != d.tests[i].limit.score || !(x.Certified > 0) {
			t.Errorf("test %d: %+v", i, x)
		}
	}
	cells := l.Cells("latency_ms")
	if len(cells) != 5 || cells[2].Member != "m0003" || !(cells[2].Scale > 0) || cells[2].Slope < 0.5 {
		t.Errorf("cells %+v, want those of five members", cells)
	}
	if l.Cells("no such feature") != nil {
		t.Error("cells of a feature that is not there")
	}
}

func TestWhatIsLearntIsNotShared(t *testing.T) {
	s := newSynthetic(86, 4)
	d := joinedAtClose(t, s, func(c *Config) { c.Slide = c.Epoch })
	l := d.Learnt()
	before := l.Encode()
	other := resumed(t, d, nil)
	for range 50 {
		f := s.frame()
		observe(t, d, f)
		observe(t, other, f)
	}
	if !bytes.Equal(before, l.Encode()) {
		t.Error("what was learnt changed afterwards")
	}
}

func TestResumeRefusesWhatDoesNotFit(t *testing.T) {
	s := newSynthetic(87, 4)
	l := joinedAtClose(t, s, nil).Learnt()
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"another environment", func(c *Config) { c.Env = "prod" }, "of environment test, want prod"},
		{"another group", func(c *Config) { c.Group = "db" }, "of group web, want db"},
		{"another tick", func(c *Config) { c.Tick = 2 * time.Second }, "of tick 1s, want 2s"},
		{"another epoch", func(c *Config) { c.Epoch = 20 * time.Second }, "of epoch 10s, want 20s"},
		{"other windows", func(c *Config) { c.Windows = []int{1, 2} }, "of windows [1 3], want [1 2]"},
		{"a metric that is not to be used", func(c *Config) { c.Ignore = []string{"zz_other"} }, "of a feature zz_other that is not made"},
		{"a feature that is made otherwise", func(c *Config) {
			c.Features = []Feature{{Name: "request_rate", Form: FormRate, Of: []string{"be_served"}}}
		}, "of a feature request_rate that is not made, or made otherwise"},
		{"cohorts", func(c *Config) { c.Cohorts = map[string]string{"m0001": "a"} }, "of cohorts [], want [ a]"},
		{"a calibration", func(c *Config) { c.Calibration = &Calibration{windows: c.Windows, epoch: c.Epoch} }, "want one of the two"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := four(t, nil).cfg
			c.Learnt = l
			tt.change(&c)
			if _, err := New(c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("New = %v, want %q", err, tt.want)
			}
		})
	}
}

// Features that are new at a resume are fitted late, as others are: declared
// ones, and metrics that were there for too short a time.
func TestFeaturesThatAreNewAtAResume(t *testing.T) {
	s := newSynthetic(94, 4)
	all := s.metrics
	s.metrics = all[:len(all)-1]
	d := joinedAtClose(t, s, nil)
	s.metrics = all
	for range 5 {
		observe(t, d, s.frame())
	}
	before := d.Features()
	d = resumed(t, d, func(c *Config) { c.Features = []Feature{{Name: "mine", Form: FormRate, Of: []string{"be_served"}}} })
	observe(t, d, s.frame())
	if got := d.Features(); !slices.Equal(got, before) {
		t.Errorf("features %v, want those of before: %v", got, before)
	}
	for range 80 {
		observe(t, d, s.frame())
		d = resumed(t, d, nil) // does not make them begin anew for ever, but for as long as it goes on
		observe(t, d, s.frame())
	}
	if got := d.Features(); !slices.Equal(got, before) {
		t.Errorf("features %v while it was resumed at every other tick, want %v", got, before)
	}
	for range 200 {
		observe(t, d, s.frame())
	}
	if got := d.Features(); len(got) != len(before)+2 || !slices.Contains(got, "mine") || !slices.Contains(got, "zz_other") {
		t.Errorf("features %v, want two more than %v", got, before)
	}
	if got := d.judge.law.features; len(got) != len(before)+2 {
		t.Errorf("the law has features %v", got)
	}
	d = resumed(t, d, nil)
	observe(t, d, s.frame())
	if n := len(d.slowly.own.features); n != len(before) || !d.Judging() {
		t.Errorf("the past knows %d features, want the %d of before", n, len(before))
	}
}

// What is asked of a group may change: thresholds are those of the same epochs
// for the new rate.
func TestAResumeMayDeclareAnotherRate(t *testing.T) {
	s := newSynthetic(88, 4)
	d := joinedAtClose(t, s, nil)
	loose := resumed(t, d, func(c *Config) { c.Alpha = 0.6 })
	if !d.tests[peerTest].limit.exceeds(loose.tests[peerTest].limit, 1) {
		t.Errorf("threshold %v at three times the rate, want below %v", loose.tests[peerTest].limit, d.tests[peerTest].limit)
	}
	short := resumed(t, d, func(c *Config) { c.Horizon = 12 })
	if n := short.tests[peerTest].history.len(); n != 12 {
		t.Errorf("%d epochs are kept, want the 12 asked for", n)
	}
	observe(t, short, s.frame())
}

func TestTimeAway(t *testing.T) {
	const enough = 40 // ticks, to fit members from
	for _, tt := range []struct {
		name   string
		away   int // ticks
		judged bool
		reason string // of the version with the first frame; "": as before
	}{
		{"a minute: judged at once", 60, true, ""},
		{"less than baselines slide in", 7 * 3600, true, ""},
		{"longer: members are fitted anew, and a new version begins", 50 * 3600, false, "away for 50h0m0s"},
		{"a clock that was set back", -3600, false, "the clock was set back"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSynthetic(89, 5)
			s.ticks = 7200
			before := joinedAtClose(t, s, nil)
			d := resumed(t, before, nil)
			s.ticks += tt.away
			told := observe(t, d, s.frame())
			if d.Judging() != tt.judged {
				t.Errorf("judging is %v with the first frame, want %v", d.Judging(), tt.judged)
			}
			if b := d.Baseline(); tt.reason == "" && b != before.Baseline() || tt.reason != "" && (b.Reason != tt.reason || b.Version != before.Baseline().Version+1) {
				t.Errorf("version %+v after %+v, want one for %q", b, before.Baseline(), tt.reason)
			}
			for _, f := range told {
				if f.Kind == facts.Health && !strings.Contains(f.Health.Detail, "resumed version") && tt.judged {
					t.Errorf("health %q, want the time away in it", f.Health.Detail)
				}
			}
			for range enough {
				observe(t, d, s.frame())
			}
			if !d.Judging() {
				t.Errorf("not judging %d ticks later", enough)
			}
			if d.tests[peerTest].history.len() < before.tests[peerTest].history.len() {
				t.Error("the thresholds' epochs were forgotten")
			}
		})
	}
}

// Members come, go and restart while nobody looks.
func TestMembersChangeWhileAway(t *testing.T) {
	s := newSynthetic(90, 6)
	s.metrics = append([]string{metricUptime}, s.metrics...)
	slices.Sort(s.metrics)
	column, _ := slices.BinarySearch(s.metrics, metricUptime)
	born := make([]int, 6)
	s.override = func(f *facts.Frame) {
		for r, m := range f.Members {
			f.Row(r)[column] = float64(s.ticks - born[slices.Index(s.members, m)])
		}
	}
	s.away[5] = true
	d := resumed(t, joinedAtClose(t, s, nil), nil)
	s.ticks += 600
	s.away[4], s.away[5] = true, false // one is gone, one is new
	born[2] = s.ticks - 400            // started since, and up for longer than the epochs before
	s.ticks++
	observe(t, d, s.frame())
	if got := d.Baseline().Reason; got != "restart of m0003" {
		t.Errorf("version for %q, want the restart of m0003", got)
	}
	for i, want := range map[int]bool{0: true, 4: false, 5: false} {
		at := slices.IndexFunc(d.group.members, func(m *member) bool { return m.name == s.members[i] })
		if at < 0 || d.group.members[at].scored != want {
			t.Errorf("%s: place %d, want it known and scored: %v", s.members[i], at, want)
		}
	}
	for range 120 {
		observe(t, d, s.frame())
	}
	at := slices.IndexFunc(d.group.members, func(m *member) bool { return m.name == "m0006" })
	if !d.group.members[at].scored {
		t.Error("the new member was not fitted")
	}
	if got := d.Baseline().Reason; got != "membership" {
		t.Errorf("version for %q, want one for the membership", got)
	}
}

func TestCohortsAreResumed(t *testing.T) {
	s := newSynthetic(91, 9)
	of := map[string]string{}
	for i, m := range s.members {
		of[m] = []string{"a", "b"}[i%2]
	}
	d := joinedAtClose(t, s, func(c *Config) { c.Cohorts, c.Slide = of, -1 })
	moved := map[string]string{}
	for m, c := range of {
		moved[m] = c
	}
	moved["m0001"] = "b"
	same, other := resumed(t, d, nil), resumed(t, d, func(c *Config) { c.Cohorts = moved })
	for range 5 {
		f := s.frame()
		observe(t, d, f)
		observe(t, same, f)
		observe(t, other, f)
	}
	for i, m := range d.group.members {
		if !slices.Equal(same.group.members[i].z, m.z) {
			t.Errorf("%s has residuals %v, want %v", m.name, same.group.members[i].z, m.z)
		}
	}
	if other.group.members[0].cells != nil || other.group.members[1].cells == nil {
		t.Error("who was moved to another cohort is to be fitted anew, and nobody else")
	}
}

// A law that was learnt from much is not replaced by one that was learnt from
// little, only because the sample was not kept.
func TestAResumeNeverMakesALawWorse(t *testing.T) {
	s := newSeason(92, 4)
	s.days(t, 4)
	h := newHistory([]int{1, 3, 12}, seasonFeatures, seasonBlock)
	x := s.h.state(s.h.version)
	h.restore(&x)
	if h.version != s.h.version || h.judge == nil {
		t.Fatalf("version %d, want %d", h.version, s.h.version)
	}
	for _, p := range s.series {
		q := newPast(h)
		q.restore(p.state())
		*p = *q
	}
	version := h.version
	s.h = h
	for h.version == version {
		s.next(t)
		if n := len(h.sample.runs); n > lawRuns {
			t.Fatalf("no law after %d runs", n)
		}
	}
	if n := s.block; n < 4*288+lawRuns*lawRun {
		t.Errorf("a law after %d blocks, want one after %d more at least", n, lawRuns*lawRun)
	}
	if u := slices.Max(s.days(t, 1)); math.IsNaN(u) || u == 0 {
		t.Errorf("the largest score of a day is %v", u)
	}
}
