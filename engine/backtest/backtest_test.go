package backtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
)

var update = flag.Bool("update", false, "write what is found as what is wanted")

// TestGolden holds the encoding of a small report to the bytes that were read by
// people: a proposal names their digest.
func TestGolden(t *testing.T) {
	base, candidate := over(t, "8"), over(t, "6.5")
	r := mustRun(t, Config{Candidate: candidate, Base: &base, Facts: feed(
		alarm(0, "m01", "9"), alarm(time.Second, "m02", "7"), alarm(2*time.Second, "m03", "5"),
		alarm(time.Hour, "m04", "8.5"), outcome(time.Hour+time.Second, "m04", "drain", "done"), alarm(2*time.Hour, "m02", "7.5"))})
	name := filepath.Join("testdata", "small.json")
	got := string(r.Encode())
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("report:\n got %s\nwant %s", got, want)
	}
	again, err := Decode(want)
	if err != nil || again.Digest() != r.Digest() || facts.Digest(want) != r.Digest() {
		t.Errorf("Decode: digest %v, %v, want %s", again, err, r.Digest())
	}
}

func TestDifference(t *testing.T) {
	scores := []string{"9", "7", "5", "7.5", "8.5", "6"}
	var all []Fact
	for i, s := range scores {
		all = append(all, alarm(time.Duration(i)*20*time.Minute, fmt.Sprintf("m%02d", i), s))
	}
	both := pack(t, "h1:both", rule{"too_far", `F.Kind == "imbalance" && F.Evidence > 8`, `Propose("drain", F.Member, "far off");`},
		rule{"look", `F.Kind == "imbalance" && F.Evidence > 8.7`, `Propose("notify", F.Member, "look");`})
	for _, tt := range []struct {
		name            string
		base, candidate Pack
		want            Difference
		rule            Difference // of too_far
	}{
		{"a pack does not differ from itself", over(t, "8"), over(t, "8"), Difference{}, Difference{}},
		{"a lower threshold adds the decisions between", over(t, "8"), over(t, "6.5"), Difference{Added: 2}, Difference{Added: 2}},
		{"a higher one removes them", over(t, "6.5"), over(t, "8"), Difference{Removed: 2}, Difference{Removed: 2}},
		{"a second intent changes the decision", over(t, "8"), both, Difference{Changed: 1}, Difference{Changed: 1}},
		{"a pack without rules wants nothing", over(t, "8"), pack(t, "h1:none"), Difference{Removed: 2}, Difference{Removed: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := mustRun(t, Config{Candidate: tt.candidate, Base: &tt.base, Facts: feed(all...)})
			if *r.Difference != tt.want {
				t.Errorf("difference %+v, want %+v", *r.Difference, tt.want)
			}
			var hours, targets Difference
			for _, h := range r.Hours {
				hours.add(h.Difference)
			}
			for _, x := range r.Targets {
				targets.add(x.Difference)
			}
			if hours != tt.want || targets != tt.want {
				t.Errorf("by hour %+v, by target %+v, want %+v", hours, targets, tt.want)
			}
			for _, x := range r.Rules {
				if x.Rule == "too_far" && x.Difference != tt.rule {
					t.Errorf("rule %+v, want %+v", x.Difference, tt.rule)
				}
			}
		})
	}
	if r := mustRun(t, Config{Candidate: over(t, "8"), Facts: feed(all...)}); r.Base != nil || r.Difference != nil || r.Candidate.Intents != 2 {
		t.Errorf("one pack: base %v, difference %v, %d intents, want none, none, 2", r.Base, r.Difference, r.Candidate.Intents)
	}
}

// TestGuardHoldsBack plays the limits of a pack over what it wants.
func TestGuardHoldsBack(t *testing.T) {
	at := func(i int) time.Duration { return time.Duration(i) * 5 * time.Minute }
	many := func(n int, change ...func(*facts.Fact)) []Fact {
		var out []Fact
		for i := range n {
			out = append(out, alarm(at(i), fmt.Sprintf("m%02d", i%10), "9", change...))
		}
		return out
	}
	of := func(members int) func(*facts.Fact) {
		return func(f *facts.Fact) { f.GroupState.Members, f.GroupState.Present = members, members }
	}
	for _, tt := range []struct {
		name  string
		facts []Fact
		acts  int64
		limit string // of the others
	}{
		{"one in ten may be out", many(4), 1, "max out"},
		{"of forty four may", many(4, of(40)), 4, ""},
		{"who is out is not taken out again", []Fact{alarm(0, "m01", "9"), alarm(time.Hour, "m01", "9")}, 1, "held"},
		{"two in a minute", []Fact{alarm(0, "m01", "9", of(90)), alarm(time.Second, "m02", "9", of(90)), alarm(2*time.Second, "m03", "9", of(90))}, 2, "rate"},
		{"two are left in service", many(2, of(2)), 0, "max out"},
		{"many that look sick are a panic", many(1, func(f *facts.Fact) { f.GroupState.Alarmed = 4 }), 0, "panic"},
		{"so is a group that moves together", many(1, func(f *facts.Fact) { f.GroupState.Shift = "up" }), 0, "panic"},
		{"a member that the roster does not know", []Fact{roster(0, "in", "in", "in"), alarm(1, "x", "9")}, 0, "target"},
		{"a member that another hand took out", []Fact{roster(0, "in", "drain", "in", "in"), alarm(1, "m01", "9")}, 0, "standing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := mustRun(t, Config{Candidate: over(t, "8"), Facts: feed(tt.facts...)})
			c := r.Candidate
			if c.Acts["drain"] != tt.acts || c.Acts["drain"]+c.Refused[tt.limit] != c.Intents {
				t.Errorf("acts %v, refused %v of %d intents, want %d drains and the rest %q", c.Acts, c.Refused, c.Intents, tt.acts, tt.limit)
			}
			if c.Worst.Acts > tt.acts || c.Worst.Hour == "" {
				t.Errorf("worst hour %+v, want one of at most %d acts", c.Worst, tt.acts)
			}
		})
	}
}

// TestCriticalRuleWithoutASay wants the guard not to be asked, as live.
func TestCriticalRuleWithoutASay(t *testing.T) {
	source := func(name, when, then string) engine.Source {
		return engine.Source{Name: "rules/" + name + ".grl", Text: fmt.Appendf(nil, "rule %s { when %s then %s }", name, when, then)}
	}
	p, err := engine.Compile("h1:critical", []engine.Source{
		source("too_far", "F.Evidence > 8", `Propose("drain", F.Member, "far off");`), // fails where there is no member
		source("look", "F.Evidence > 7", `Propose("notify", F.Member, "look");`),
	}, engine.Allow{Verbs: []actions.Verb{actions.Drain, actions.Notify}, Tiers: []string{"T1"}, Critical: []string{"too_far"}})
	if err != nil {
		t.Fatal(err)
	}
	limits := actions.DefaultLimits()
	limits.Verbs = []actions.Verb{actions.Notify}
	c := mustRun(t, Config{Candidate: Pack{Name: "web", Program: p, Limits: limits}, Facts: feed(alarm(0, "", "7.5"), alarm(time.Hour, "", "9"))}).Candidate
	if c.Acts["notify"] != 1 || c.Refused[adviseOnly] != 1 || c.RefusedRules != 1 {
		t.Errorf("acts %v, held back %v, %d rules refused, want one notice, then one held back as the critical rule is refused", c.Acts, c.Refused, c.RefusedRules)
	}
}

// TestFactsAreCounted wants no fact lost without a word.
func TestFactsAreCounted(t *testing.T) {
	old := alarm(-time.Hour, "m05", "9")
	old.Past = true
	other := alarm(time.Minute, "m01", "7") // as in the first recording
	other.Stream = "b.csv.gz"
	r := mustRun(t, Config{Candidate: over(t, "8"), Facts: feed(old, alarm(time.Minute, "m01", "7"), alarm(time.Minute, "m01", "7"),
		alarm(0, "m02", "9"), alarm(time.Minute-time.Second, "m03", "9"), roster(2*time.Minute, "in", "in"), other)})
	f := r.Facts
	if f.Count != 7 || f.Past != 1 || f.Duplicates != 1 || f.Late != 1 || f.Decided != 4 || f.Full != 0 || f.Groups != 2 {
		t.Errorf("facts %+v, want 7: 1 past, 1 again, 1 late, 4 decided, of two groups", f)
	}
	if f.First != "2026-11-22T05:00:59.000Z" || f.Last != "2026-11-22T05:02:00.000Z" || f.Kinds["imbalance"] != 3 || f.Kinds["membership"] != 1 {
		t.Errorf("facts %+v, want those of two minutes, 3 imbalances and a roster", f)
	}
}

// TestBand wants the fewest and the most firings of an hour, and that an hour
// without one counts.
func TestBand(t *testing.T) {
	var all []Fact
	for hour, n := range []int{3, 1, 2} {
		for i := range n {
			all = append(all, alarm(time.Duration(hour)*time.Hour+time.Duration(i)*time.Minute, "m01", "9"))
		}
	}
	band := func(all []Fact) string {
		f := mustRun(t, Config{Candidate: over(t, "8"), Facts: feed(all...)}).Rules[0].Candidate
		return fmt.Sprint(f.Total, " in ", f.Hours, " hours, ", f.Low, " to ", f.High)
	}
	if got, want := band(all), "6 in 3 hours, 1 to 3"; got != want {
		t.Errorf("band %s, want %s", got, want)
	}
	if got, want := band(append(all, alarm(9*time.Hour, "m01", "2"))), "6 in 3 hours, 0 to 3"; got != want {
		t.Errorf("band with a quiet hour %s, want %s", got, want)
	}
}

// TestSameEverywhere wants the same bytes on one processor and on several,
// whatever the size of the batches' ends.
func TestSameEverywhere(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	r := rand.New(rand.NewPCG(5, 6))
	var all []Fact
	for i := range 3*batchFacts + 7 {
		f := alarm(time.Duration(i)*5*time.Second, fmt.Sprintf("m%02d", r.IntN(10)), fmt.Sprint(5+r.IntN(5)))
		f.Group = fmt.Sprintf("web-%d", r.IntN(5))
		if r.IntN(9) == 0 {
			f = outcome(time.Duration(i)*5*time.Second, f.Member, "drain", "done")
		}
		all = append(all, f)
	}
	base := over(t, "7")
	want := ""
	for _, procs := range []int{1, 2, 8} {
		runtime.GOMAXPROCS(procs)
		got := mustRun(t, Config{Candidate: over(t, "6.5"), Base: &base, Facts: feed(all...)})
		if want == "" {
			want = got.Digest()
		}
		if got.Digest() != want || got.Facts.Decided == 0 {
			t.Errorf("%d processors: report %s, want %s", procs, got.Digest(), want)
		}
	}
}

// TestRunStops wants the error of what went wrong, and no goroutine left.
func TestRunStops(t *testing.T) {
	errDisk := errors.New("disk full")
	ctx, cancel := context.WithCancel(t.Context())
	endless := func(ctx context.Context, take func(Recorded) error) error {
		for i := 0; ; i++ {
			if i == 5*batchFacts {
				cancel()
			}
			if err := take(func() (Fact, error) { return alarm(time.Duration(i)*time.Second, "m01", "9"), nil }); err != nil {
				return err
			}
		}
	}
	if _, err := Run(ctx, Config{Candidate: over(t, "8"), Facts: endless}); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted run ends with %v, want %v", err, context.Canceled)
	}
	broken := func(_ context.Context, take func(Recorded) error) error {
		_ = take(func() (Fact, error) { return alarm(0, "m01", "9"), nil })
		return errDisk
	}
	if _, err := Run(t.Context(), Config{Candidate: over(t, "8"), Facts: broken}); !errors.Is(err, errDisk) {
		t.Errorf("a broken feed ends with %v, want %v", err, errDisk)
	}
	if _, err := Run(t.Context(), Config{Facts: broken}); err == nil {
		t.Error("no program: want an error")
	}
	groups := func(_ context.Context, take func(Recorded) error) error {
		for i := range maxGroups + 1 {
			f := alarm(0, "m01", "9")
			f.Group = fmt.Sprint("g", i)
			if err := take(func() (Fact, error) { f.ID = f.Group; return f, nil }); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := Run(t.Context(), Config{Candidate: over(t, "8"), Facts: groups}); err == nil || !strings.Contains(err.Error(), "one more than 4096") {
		t.Errorf("too many groups end with %v, want that they are too many", err)
	}
}
