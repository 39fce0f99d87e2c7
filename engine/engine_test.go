package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts"
)

// memoryLog is a log in memory that can be made to fail.
type memoryLog struct {
	mu      sync.Mutex
	now     func() time.Time
	fail    error
	entries []audit.Record
	appends int
}

func (l *memoryLog) Append(_ context.Context, entries ...audit.Entry) ([]audit.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return nil, l.fail
	}
	l.appends++
	for _, e := range entries {
		var body bytes.Buffer
		enc := json.NewEncoder(&body)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e.Body); err != nil {
			return nil, err
		}
		seq, now := int64(len(l.entries)), l.now()
		b := fmt.Sprintf(`{"actor":%q,"body":%s,"corr":%q,"env":"test","seq":%d,"time":%q,"type":%q,"v":1}`,
			e.Actor, bytes.TrimSpace(body.Bytes()), e.Corr, seq, now.Format("2006-01-02T15:04:05.000Z"), e.Type)
		if _, err := audit.Decode([]byte(b)); err != nil {
			return nil, err
		}
		l.entries = append(l.entries, audit.Record{Seq: seq, Time: now, Bytes: []byte(b)})
	}
	return l.entries, nil
}

func (l *memoryLog) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.entries))
}

func (l *memoryLog) Scan(_ context.Context, from, to int64, f func(audit.Record) error) error {
	for _, r := range l.entries[from:to] {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// types returns the types of the entries, in order.
func (l *memoryLog) types() string {
	var out []string
	for _, r := range l.entries {
		s, err := audit.Decode(r.Bytes)
		if err != nil {
			return err.Error()
		}
		out = append(out, s.Type)
	}
	return strings.Join(out, " ")
}

// obedientGuard takes every intent, and notes how long the log was then.
type obedientGuard struct {
	mu   sync.Mutex
	log  *memoryLog
	fail error
	got  []actions.Intent
	at   []int64
}

func (g *obedientGuard) Submit(_ context.Context, i actions.Intent) (actions.Outcome, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got = append(g.got, i)
	g.at = append(g.at, g.log.Size())
	return actions.Outcome{Act: i.ID(), Result: actions.Done}, g.fail
}

type rig struct {
	clock time.Time
	log   *memoryLog
	guard *obedientGuard
	*Engine
}

func newRig(t testing.TB, mode Mode, rules ...Source) *rig {
	t.Helper()
	r := &rig{clock: t0}
	r.log = &memoryLog{now: func() time.Time { return r.clock }}
	r.guard = &obedientGuard{log: r.log}
	e, err := New(Config{Env: "test", Groups: map[string]Group{"web": {mustCompile(t, rules...), mode}},
		Log: r.log, Guard: r.guard, Now: func() time.Time { return r.clock }})
	if err != nil {
		t.Fatal(err)
	}
	r.Engine = e
	return r
}

func TestHandle(t *testing.T) {
	drain := one("F.Ticks > 1")
	type step struct {
		f    facts.Fact
		id   string // empty: the fact's own
		want int    // intents submitted so far
	}
	late := alarm("web-07", when(-3*time.Second))
	for _, tt := range []struct {
		name  string
		mode  Mode
		steps []step
		log   string
		stats Stats
	}{
		{"a fact is recorded with its decision, then the intent is submitted", Act,
			[]step{{alarm("web-07"), "", 1}}, "fact.accepted decision", Stats{Accepted: 1, Intents: 1}},
		{"that no rule fired is a decision", Act,
			[]step{{standingOf("web-07", "in"), "", 0}}, "fact.accepted decision", Stats{Accepted: 1, Undecided: 1}},
		{"the same fact again does nothing", Act,
			[]step{{alarm("web-07"), "", 1}, {alarm("web-07"), "", 1}}, "fact.accepted decision", Stats{Accepted: 1, Intents: 1, Duplicates: 1}},
		{"observe records and submits nothing", Observe,
			[]step{{alarm("web-07"), "", 0}}, "fact.accepted decision", Stats{Accepted: 1, Withheld: 1}},
		{"suggest records and submits nothing", Suggest,
			[]step{{alarm("web-07"), "", 0}}, "fact.accepted decision", Stats{Accepted: 1, Withheld: 1}},
		{"a fact that is out of date is refused, once", Act,
			[]step{{late, "", 0}, {late, "", 0}}, "fact.refused", Stats{Refused: 1, Duplicates: 1}},
		{"a fact from the future is refused", Act,
			[]step{{alarm("web-07", when(6*time.Minute)), "", 0}}, "fact.refused", Stats{Refused: 1}},
		{"a fact of a group that is not ours is refused", Act,
			[]step{{alarm("web-07", func(f *facts.Fact) { f.Group = "api" }), "", 0}}, "fact.refused", Stats{Refused: 1}},
		{"a fact of another environment is refused", Act,
			[]step{{alarm("web-07", func(f *facts.Fact) { f.Env = "lab" }), "", 0}}, "fact.refused", Stats{Refused: 1}},
		{"a fact under another's name is refused", Act,
			[]step{{alarm("web-07"), facts.Digest(nil), 0}}, "fact.refused", Stats{Refused: 1}},
		{"facts of other members are other facts", Act,
			[]step{{alarm("web-07"), "", 1}, {alarm("web-08"), "", 2}}, "fact.accepted decision fact.accepted decision", Stats{Accepted: 2, Intents: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.mode, drain)
			for i, s := range tt.steps {
				id := s.id
				if id == "" {
					id = idOf(t, s.f)
				}
				if err := r.Handle(t.Context(), s.f, id); err != nil {
					t.Fatalf("step %d: Handle = %v", i, err)
				}
				if got := len(r.guard.got); got != s.want {
					t.Errorf("step %d: %d intents submitted, want %d", i, got, s.want)
				}
			}
			if got := r.log.types(); got != tt.log {
				t.Errorf("log: %s\nwant %s", got, tt.log)
			}
			if got := r.Stats(); got != tt.stats {
				t.Errorf("Stats() = %+v, want %+v", got, tt.stats)
			}
			if r.log.appends != strings.Count(tt.log, "fact.") {
				t.Errorf("%d appends, want one for each fact", r.log.appends)
			}
			if slices.Contains(r.guard.at, 0) {
				t.Error("an intent was submitted before anything was recorded")
			}
		})
	}
}

func TestNoRecordNoAction(t *testing.T) {
	errDisk := errors.New("no space left on device")
	r := newRig(t, Act, one("F.Ticks > 1"))
	f := alarm("web-07")
	apply(t, r.groups["web"].memory, standingOf("web-01", "drain"))
	before := *r.groups["web"].memory
	r.log.fail = errDisk
	for range 2 {
		if err := r.Handle(t.Context(), f, idOf(t, f)); !errors.Is(err, errDisk) {
			t.Fatalf("Handle = %v, want %v", err, errDisk)
		}
	}
	if len(r.guard.got) != 0 || r.Stats().Accepted != 0 || !reflect.DeepEqual(&before, r.groups["web"].memory) {
		t.Errorf("after a failed record: %d intents, memory %+v", len(r.guard.got), r.groups["web"].memory)
	}
	r.log.fail = nil
	if err := r.Handle(t.Context(), f, idOf(t, f)); err != nil || len(r.guard.got) != 1 {
		t.Errorf("delivered again: Handle = %v with %d intents, want one", err, len(r.guard.got))
	}
}

func TestGuardsErrorIsReportedOnce(t *testing.T) {
	r := newRig(t, Act, one("F.Ticks > 1"))
	r.guard.fail = errors.New("log is closed")
	f := alarm("web-07")
	if err := r.Handle(t.Context(), f, ""); !errors.Is(err, r.guard.fail) {
		t.Errorf("Handle = %v, want the guard's error", err)
	}
	if err := r.Handle(t.Context(), f, ""); err != nil || len(r.guard.got) != 1 {
		t.Errorf("delivered again: Handle = %v with %d intents, want nothing done", err, len(r.guard.got))
	}
}

func TestListenerHearsRecordedDecisions(t *testing.T) {
	r := newRig(t, Act, one("F.Ticks > 1"))
	var heard []string
	r.onDecision = func(f facts.Fact, d Decision) {
		heard = append(heard, fmt.Sprintf("%s %d %d %d", f.Member, len(d.Wanted), r.log.Size(), len(r.guard.got)))
	}
	if err := r.Handle(t.Context(), alarm("web-07"), ""); err != nil {
		t.Fatal(err)
	}
	if want := []string{"web-07 1 2 0"}; !slices.Equal(heard, want) {
		t.Errorf("heard %v, want %v", heard, want)
	}
}

func TestNewRefusesWhatCannotDecide(t *testing.T) {
	p := mustCompile(t)
	log, guard := &memoryLog{}, &obedientGuard{}
	for _, c := range []Config{
		{}, {Env: "test", Log: log, Guard: guard},
		{Env: "test", Log: log, Guard: guard, Groups: map[string]Group{"web": {nil, Act}}},
		{Env: "test", Log: log, Guard: guard, Groups: map[string]Group{"web": {p, ""}}},
		{Env: "test", Guard: guard, Groups: map[string]Group{"web": {p, Act}}},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("New(%+v) = nil, want an error", c)
		}
	}
}

// TestRestore runs an engine over a day of random facts, restarts it now and
// then, and wants the decision that one that never stopped takes.
func TestRestore(t *testing.T) {
	rules := []Source{one("F.Ticks > 1"),
		source("half_done", 4, `F.Kind == "absent"`, `Propose("drain", F.Member, "x");`),
		source("back", 2, `F.Kind == "membership" && C.OutSeconds > 60 && C.DrainsLastHour < 3`, `Propose("restore", F.Member, "x");`)}
	r := newRig(t, Act, rules...)
	random := rand.New(rand.NewPCG(5, 6))
	elapsed := time.Duration(0)
	for i := range 600 {
		elapsed += time.Duration(random.IntN(240)) * time.Second
		r.clock = at(elapsed)
		roster := fact(facts.Membership, facts.Watch, "", when(elapsed))
		for i := range 5 {
			roster.Members = append(roster.Members, facts.MemberState{Name: fmt.Sprintf("web-%02d", i+1), State: "in"})
		}
		for _, f := range []facts.Fact{randomFact(random, elapsed), roster} {
			if err := r.Handle(t.Context(), f, ""); err != nil {
				t.Fatal(err)
			}
		}
		if i%37 != 0 {
			continue
		}
		again := newRig(t, Act, rules...)
		again.clock = r.clock
		if err := again.Restore(t.Context(), r.log); err != nil {
			t.Fatal(err)
		}
		next := standingOf("web-03", "drain", when(elapsed))
		want, got := r.decideOn(t, next), again.decideOn(t, next)
		before, after := want.Context["QuietSeconds"], got.Context["QuietSeconds"]
		if facts.Decimal(after).Float() > facts.Decimal(before).Float() {
			t.Errorf("after %d facts: quiet for %s before the restart, for %s after it", i, before, after)
		}
		want.Context["QuietSeconds"] = after
		if want.Digest() != got.Digest() {
			t.Fatalf("after %d facts, restored:\n%s\nwant\n%s", i, got.Encode(), want.Encode())
		}
	}
}

// decideOn returns the decision on a fact and forgets it again.
func (r *rig) decideOn(t *testing.T, f facts.Fact) Decision {
	t.Helper()
	g := r.groups["web"]
	undo, err := g.memory.Apply(f, idOf(t, f))
	if err != nil {
		t.Fatal(err)
	}
	defer undo()
	live := g.live.Load()
	g.memory.mode = live.Mode
	return must(live.Program.Decide(r.clock, g.memory))
}

func TestRestoredEngineKnowsWhatItHandled(t *testing.T) {
	r := newRig(t, Act, one("F.Ticks > 1"))
	f, stale := alarm("web-07"), alarm("web-08", when(-time.Minute))
	for _, f := range []facts.Fact{f, stale} {
		if err := r.Handle(t.Context(), f, ""); err != nil {
			t.Fatal(err)
		}
	}
	again := newRig(t, Act, one("F.Ticks > 1"))
	if err := again.Restore(t.Context(), r.log); err != nil {
		t.Fatal(err)
	}
	for _, f := range []facts.Fact{f, stale} {
		if err := again.Handle(t.Context(), f, ""); err != nil {
			t.Fatal(err)
		}
	}
	if again.Stats() != (Stats{Duplicates: 2}) || again.log.types() != typeRestored {
		t.Errorf("after a restart the same facts: %+v and %s, want duplicates, and the restart recorded", again.Stats(), again.log.types())
	}
}

func TestRestoreRefusesAFactThatIsNotItsDigest(t *testing.T) {
	r := newRig(t, Act, one("F.Ticks > 1"))
	if err := r.Handle(t.Context(), alarm("web-07"), ""); err != nil {
		t.Fatal(err)
	}
	r.log.entries[0].Bytes = []byte(strings.Replace(string(r.log.entries[0].Bytes), "9.12", "9.13", 1))
	if err := newRig(t, Act).Restore(t.Context(), r.log); !errors.Is(err, facts.ErrFact) {
		t.Errorf("Restore = %v, want %v", err, facts.ErrFact)
	}
}

func TestRecentIsBounded(t *testing.T) {
	var r Recent
	for i := range 3 * maxRecent {
		r.Add(fmt.Sprint(i))
	}
	if len(r.set) != maxRecent || len(r.ring) != maxRecent || r.Has("0") || !r.Has(fmt.Sprint(2*maxRecent)) || !r.Has(fmt.Sprint(3*maxRecent-1)) {
		t.Errorf("%d identities are kept, want the last %d", len(r.set), maxRecent)
	}
}

func TestGroupsAreHandledAtTheSameTime(t *testing.T) {
	r := newRig(t, Act, one("F.Ticks > 1"))
	p := mustCompile(t, one("F.Ticks > 1"))
	groups := map[string]Group{}
	for i := range 4 {
		groups[fmt.Sprint("g", i)] = Group{p, Act}
	}
	e, err := New(Config{Env: "test", Groups: groups, Log: r.log, Guard: r.guard, Now: func() time.Time { return t0 }})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for name := range groups {
		for i := range 20 {
			wg.Go(func() {
				f := alarm(fmt.Sprintf("web-%02d", i), func(f *facts.Fact) { f.Group = name })
				if err := e.Handle(t.Context(), f, ""); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if got := e.Stats(); got.Accepted != 80 || got.Intents != 80 || len(r.guard.got) != 80 {
		t.Errorf("Stats() = %+v with %d intents submitted, want 80 of each", got, len(r.guard.got))
	}
}

// TestWithTheRealLog handles and restores through the log that the process has.
func TestWithTheRealLog(t *testing.T) {
	dir := t.TempDir()
	open := func() *audit.Log {
		l, err := audit.Open(dir, audit.Options{Env: "test", Origin: "evenkeel.example/test/audit", Now: func() time.Time { return t0 }})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	engine := func(l *audit.Log) *Engine {
		return must(New(Config{Env: "test", Groups: map[string]Group{"web": {mustCompile(t, one(`F.Margin > 1 && F.Env != "<&>"`)), Act}},
			Log: l, Guard: &obedientGuard{log: &memoryLog{}}, Now: func() time.Time { return t0 }}))
	}
	l := open()
	e := engine(l)
	all := []facts.Fact{alarm("web-07"), standingOf("web-01", "in"), alarm("web-02", when(-time.Hour)),
		outcomeOf("web-07", "drain", "failed", func(f *facts.Fact) {})}
	all[3].Outcome.Detail = "found <drain> & \u2028 \ufffd"
	for _, f := range all {
		if err := e.Handle(t.Context(), f, idOf(t, f)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open()
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	e = engine(l)
	if err := e.Restore(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if err := e.Handle(t.Context(), f, idOf(t, f)); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.Stats(); got != (Stats{Duplicates: 4}) {
		t.Errorf("Stats() = %+v, want four duplicates", got)
	}
}
