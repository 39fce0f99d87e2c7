package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/detect"
	"github.com/evenkeel/evenkeel/facts/source"
)

const (
	fleetMembers  = 10
	fleetPatience = 2 * time.Minute // of a test for something that takes milliseconds on an idle machine
)

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(fleetPatience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", fleetPatience, what)
		}
	}
}

// fleet is a group of members behind a balancer, in memory: a source of frames
// and an executor, so that the loop closes. Its clock runs, and jumps to the
// next tick when the loop has done what the last frame brought: minutes of
// health take a second, and an act takes its time.
type fleet struct {
	settled func() bool    // nil: do not wait
	pause   time.Duration  // before each frame
	happens map[int]func() // before the frame of that number, the first being 1
	last    int            // number of the frame after which none comes; 0: none is the last

	mu       sync.Mutex
	ahead    time.Duration // of the wall clock
	random   *rand.Rand
	standing [fleetMembers]actions.Standing
	sick     int           // the member that answers without a body, until it is drained and looked after; -1: none
	away     error         // what source and balancer answer in place of everything
	broken   error         // what the source answers, and will for ever
	begun    chan struct{} // told when an act begins, if slow
	slow     chan struct{} // not nil: an act lasts until it is closed
	applied  []actions.Act
	times    []time.Time // of the frames
}

func newFleet() *fleet {
	f := &fleet{random: rand.New(rand.NewPCG(1, 1)), sick: -1}
	for i := range f.standing {
		f.standing[i] = actions.InService
	}
	return f
}

func (f *fleet) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Add(f.ahead)
}

func (f *fleet) do(change func()) { f.mu.Lock(); defer f.mu.Unlock(); change() }

func (f *fleet) acts() int { f.mu.Lock(); defer f.mu.Unlock(); return len(f.applied) }

func (f *fleet) ticks() int { f.mu.Lock(); defer f.mu.Unlock(); return len(f.times) }

// tickOf returns how many frames there were up to at. How far the fleet was when
// something happened does not depend on when a test looks.
func (f *fleet) tickOf(at time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, t := range f.times {
		if !t.After(at) {
			n++
		}
	}
	return n
}

// fallsIll makes m07 sick from the frame of a number on.
func (f *fleet) fallsIll(from int) {
	f.happens = map[int]func(){from: func() { f.do(func() { f.sick = 6 }) }}
}

func memberName(i int) string { return fmt.Sprintf("m%02d", i+1) }

var fleetMetrics = []string{"hx_admin", "hx_bout", "hx_hrsp_2xx", "hx_scur", "hx_stot", "hx_up", "hx_weight"}

// Next implements frameSource.
func (f *fleet) Next(ctx context.Context) (*facts.Frame, error) {
	if err := f.wait(ctx); err != nil {
		return nil, err
	}
	if change := f.happens[f.ticks()+1]; change != nil {
		change()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return nil, f.broken
	}
	if f.away != nil {
		return nil, fmt.Errorf("%w: %w", source.ErrSilent, f.away)
	}
	now := time.Now().Add(f.ahead)
	tick := now.Truncate(time.Second).Add(time.Second)
	f.ahead += tick.Sub(now)
	f.times = append(f.times, tick)
	names := make([]string, fleetMembers)
	for i := range names {
		names[i] = memberName(i)
	}
	frame := facts.NewFrame(tick.UTC(), "web", names, fleetMetrics)
	for i, s := range f.standing {
		rate, admin := 40+math.Sqrt(40)*f.random.NormFloat64(), 0.0
		if s != actions.InService {
			rate, admin = 0, 1
		}
		bytes := rate * 9000 * (1 + 0.02*f.random.NormFloat64())
		if i == f.sick {
			rate, bytes = rate*5, 0
		}
		copy(frame.Row(i), []float64{admin, bytes, rate, 4, rate, 1, 100})
	}
	return frame, ctx.Err()
}

func (f *fleet) over() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last > 0 && len(f.times) >= f.last
}

// wait returns when the next frame is due.
func (f *fleet) wait(ctx context.Context) error {
	for first := true; first && f.pause > 0 || f.settled != nil && !f.settled() || f.over(); first = false {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(max(f.pause, 200*time.Microsecond)):
		}
	}
	return nil
}

// Observe implements actions.Executor.
func (f *fleet) Observe(_ context.Context, group string) (actions.Inventory, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	inv := actions.Inventory{Group: group, Instance: "fleet"}
	for i, s := range f.standing {
		inv.Members = append(inv.Members, actions.Member{Name: memberName(i), Standing: s, Up: true, Weight: 100, Generation: string(s)})
	}
	return inv, f.away
}

// Apply implements actions.Executor.
func (f *fleet) Apply(_ context.Context, a actions.Act) error {
	if f.slow != nil {
		f.begun <- struct{}{}
		select {
		case <-f.slow:
		case <-time.After(fleetPatience): // the test has failed
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i, err := strconv.Atoi(strings.TrimPrefix(a.Member, "m"))
	if err != nil || f.away != nil {
		return errors.Join(err, f.away)
	}
	f.standing[i-1] = map[actions.Verb]actions.Standing{actions.Drain: actions.Drained, actions.Restore: actions.InService}[a.Verb]
	if i-1 == f.sick {
		f.sick = -1
	}
	f.applied = append(f.applied, a)
	return nil
}

// story is what a loop told.
type story struct {
	mu     sync.Mutex
	events []loopEvent
}

func (s *story) hear(e loopEvent) { s.mu.Lock(); defer s.mu.Unlock(); s.events = append(s.events, e) }

// count returns how many events were as wanted.
func (s *story) count(want func(loopEvent) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, e := range s.events {
		if want(e) {
			n++
		}
	}
	return n
}

// firstAlarm returns the time of the first alarm, of whatever kind; none has no time.
func (s *story) firstAlarm() (at time.Time) {
	s.count(func(e loopEvent) bool {
		alarm := e.Fact != nil && e.Fact.State == facts.Alarm
		if alarm && at.IsZero() {
			at = e.Fact.Time.Time
		}
		return alarm
	})
	return at
}

func (s *story) outcomes(verb actions.Verb, r actions.Result) int {
	return s.count(func(e loopEvent) bool { return e.Outcome != nil && e.Outcome.Verb == verb && e.Outcome.Result == r })
}

// toEngine returns how many facts are on their way to the engine or there.
func (s *story) toEngine() int {
	return s.count(func(e loopEvent) bool {
		return e.Fact != nil || e.Outcome != nil && e.Outcome.Result != actions.Sent && e.Outcome.Result != actions.Refused
	})
}

// testLoop returns a loop over the fleet that runs until the test ends.
func testLoop(t *testing.T, f *fleet, change func(*loopConfig), before ...func(*loop)) (*loop, *story, func() error) {
	t.Helper()
	s := &story{}
	c := testConfig(t, t.TempDir())
	c.Observe, c.Now = s.hear, f.clock
	c.Groups[0].Source, c.Groups[0].Executor = f, f
	c.Groups[0].Detect = detect.Config{Tick: time.Second, Warmup: 60 * time.Second, Epoch: 20 * time.Second, MinEpochs: 10,
		Alpha: 0.1, Margin: 2, Pool: true, Windows: []int{1, 3}}
	change(&c)
	l, err := openLoop(t.Context(), c)
	if err != nil {
		t.Fatalf("openLoop: %v", err)
	}
	for _, b := range before {
		b(l)
	}
	f.settled = func() bool {
		e := l.engine.Stats()
		flux := slices.ContainsFunc(l.guard.Open(), func(a actions.OpenAct) bool { return a.Phase != "holding" && a.Phase != "escalated" })
		handled := int(e.Accepted+e.Refused+e.Duplicates) >= s.toEngine()
		return handled && l.busy.Load() == 0 && l.desk.waiting.Load() == 0 && !flux
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
		verified(t, c.Data)
	})
	return l, s, stop
}

// verified checks the whole log and returns its entries.
func verified(t *testing.T, dir string) []audit.Stored {
	t.Helper()
	report, err := audit.Verify(dir)
	if err != nil || !report.Verified {
		t.Fatalf("Verify = %+v, %v, want a log that is as it was written", report, err)
	}
	r, err := audit.OpenReader(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all []audit.Stored
	err = r.Scan(context.Background(), 0, -1, func(r audit.Record) error {
		e, err := audit.Decode(r.Bytes)
		all = append(all, e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func types(entries []audit.Stored) map[string]int {
	n := map[string]int{}
	for _, e := range entries {
		n[e.Type]++
	}
	return n
}

const baselineTicks = 60 + 10*20 + 10 // warm-up, epochs, and a little

func TestLoopDrainsASickMemberAndPutsItBack(t *testing.T) {
	f := newFleet()
	f.fallsIll(baselineTicks)
	var data string
	l, s, stop := testLoop(t, f, func(c *loopConfig) { data = c.Data })
	eventually(t, "m07 is drained, and the drain verified", func() bool { return s.outcomes(actions.Drain, actions.Done) > 0 })
	eventually(t, "m07 is put back, by the rule or at the end of its hold", func() bool {
		return s.outcomes(actions.Drain, actions.Released) > 0
	})
	if err := stop(); err != nil {
		t.Fatalf("Run = %v, want nil after its context ended", err)
	}
	if n := f.tickOf(s.firstAlarm()); n < baselineTicks {
		t.Errorf("an alarm at frame %d, in health, want none before frame %d", n, baselineTicks)
	}
	if len(f.applied) != 2 || f.applied[0].Verb != actions.Drain || f.applied[1].Verb != actions.Restore ||
		f.applied[0].Member != "m07" || f.applied[1].Member != "m07" {
		t.Errorf("applied %+v, want a drain and a restore of m07", f.applied)
	}
	if open := l.guard.Open(); len(open) != 0 {
		t.Errorf("open acts %+v, want none", open)
	}
	n := types(verified(t, data))
	for _, e := range verified(t, data) {
		if e.Type == typeStop && !strings.Contains(string(e.Body), `"reason":"told to stop"`) {
			t.Errorf("entry %s, want that it was told to stop", e.Body)
		}
	}
	for _, typ := range []string{typeStart, typeStop, "fact.accepted", "decision", "intent", "action.sent", "action.result", "outcome"} {
		if n[typ] == 0 {
			t.Errorf("no entry of type %s in %v", typ, n)
		}
	}
}

func TestLoopEndsAnActBeforeItStops(t *testing.T) {
	f := newFleet()
	f.begun, f.slow = make(chan struct{}, 1), make(chan struct{})
	f.fallsIll(baselineTicks)
	var data string
	l, _, stop := testLoop(t, f, func(c *loopConfig) { data = c.Data })
	<-f.begun
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	eventually(t, "the loop is stopping", l.ended.Load)
	close(f.slow)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if n, f := types(verified(t, data)), f.acts(); n["action.sent"] != 1 || n["action.result"] != 1 || f != 1 {
		t.Errorf("entries %v, %d acts, want one, sent and answered", n, f)
	}
}

func TestLoopInObserveTouchesNothing(t *testing.T) {
	f := newFleet()
	f.fallsIll(baselineTicks)
	l, _, _ := testLoop(t, f, func(c *loopConfig) { c.Groups[0].Mode, c.Groups[0].Because = engine.Observe, "it is a test" })
	eventually(t, "a drain is withheld", func() bool { return l.engine.Stats().Withheld > 0 })
	if f.acts() > 0 || l.engine.Stats().Intents > 0 {
		t.Errorf("%d acts, stats %+v, want none", f.acts(), l.engine.Stats())
	}
	if notes := l.standings.report().Notes; !slices.Contains(notes, "group web runs in observe: it is a test") {
		t.Errorf("notes %q, want the reason", notes)
	}
}

func TestLoopSurvivesASourceThatGoesSilent(t *testing.T) {
	f := newFleet()
	l, s, _ := testLoop(t, f, func(*loopConfig) {})
	eventually(t, "ready", func() bool { return l.report().Ready() })
	f.do(func() { f.away = errors.New("connection refused") })
	eventually(t, "the source and the balancer are said to be away", func() bool {
		return s.count(func(e loopEvent) bool { return e.Trouble != nil && e.Trouble.Err != nil }) >= 1 && !l.report().Ready()
	})
	f.do(func() { f.away = nil })
	eventually(t, "ready again", func() bool { return l.report().Ready() })
	if n := s.count(func(e loopEvent) bool {
		return e.Trouble != nil && e.Trouble.Err == nil && e.Trouble.Part == "source web"
	}); n != 1 {
		t.Errorf("told %d times that the source is back, want once", n)
	}
}

// fullDisk refuses entries while it is full.
type fullDisk struct {
	engine.Recorder
	mu   sync.Mutex
	full bool
}

var errFullDisk = errors.New("write audit-0.db: no space left on device")

func (d *fullDisk) Append(ctx context.Context, e ...audit.Entry) ([]audit.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return nil, errFullDisk
	}
	return d.Recorder.Append(ctx, e...)
}

func (d *fullDisk) set(full bool) { d.mu.Lock(); defer d.mu.Unlock(); d.full = full }

func TestLoopDoesNothingWhileTheLogIsFull(t *testing.T) {
	f := newFleet()
	disk := &fullDisk{}
	f.happens = map[int]func(){baselineTicks: func() { disk.set(true); f.do(func() { f.sick = 6 }) }}
	l, s, _ := testLoop(t, f, func(*loopConfig) {}, func(l *loop) { disk.Recorder, l.log.recorder = l.log.recorder, disk })
	eventually(t, "not ready, because of the log", func() bool {
		return strings.Contains(fmt.Sprint(l.standings.report().Checks), errFullDisk.Error())
	})
	if n := f.acts(); n > 0 {
		t.Errorf("%d acts, want none without a record", n)
	}
	disk.set(false)
	eventually(t, "m07 is drained after all", func() bool { return s.outcomes(actions.Drain, actions.Done) > 0 })
}

func TestLoopEndsWhenAPartBreaks(t *testing.T) {
	f := newFleet()
	f.broken = errors.New("the source is not what it seemed")
	c := testConfig(t, t.TempDir())
	c.Groups[0].Source = f
	l, err := openLoop(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(t.Context()); !errors.Is(err, f.broken) || !strings.Contains(err.Error(), "watch web stopped: ") {
		t.Errorf("Run = %v, want the part and its error", err)
	}
	if err := l.healthy(); err == nil {
		t.Error("healthy = nil after the end, want an error")
	}
	n := types(verified(t, c.Data))
	if n[typeStart] != 1 || n[typeStop] != 1 {
		t.Errorf("entries %v, want a start and a stop", n)
	}
}
