package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts"
)

// version compiles rules under a name.
func version(t testing.TB, name string, rules ...Source) *Program {
	t.Helper()
	return must(Compile(name, rules, everything))
}

// ticked returns the i-th of many different alarms of web-07.
func ticked(i int) facts.Fact {
	return alarm("web-07", func(f *facts.Fact) { f.Evidence.Epochs = i })
}

func TestLoadSwapsProgramAndModeTogether(t *testing.T) {
	r := newRig(t, Act, one("F.Ticks > 1"))
	var got []string
	r.onDecision = func(_ facts.Fact, d Decision) {
		got = append(got, fmt.Sprintf("%s %s %s", d.Version, d.Mode, d.Context["Mode"]))
	}
	next := version(t, "h1:next", one("F.Ticks > 1"), source("in_act", 3, `C.Mode == "act"`, `Note("acts");`))
	for i, mode := range []Mode{Observe, Act, Suggest} {
		if err := r.Load("web", next, mode); err != nil {
			t.Fatal(err)
		}
		r.handle(t, ticked(i))
	}
	if want := []string{"h1:next observe observe", "h1:next act act", "h1:next suggest suggest"}; !slices.Equal(got, want) {
		t.Errorf("decisions %q, want %q", got, want)
	}
	if len(r.guard.got) != 1 || r.guard.got[0].Version != "h1:next" || r.Stats().Withheld != 2 {
		t.Errorf("%d intents submitted, stats %+v, want the one made in act", len(r.guard.got), r.Stats())
	}
}

func TestLoadAndShadowRefuse(t *testing.T) {
	r := newRig(t, Act, one("F.Ticks > 1"))
	p, deaf := mustCompile(t), func(facts.Fact, Decision, error) {}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"a program for an unknown group", r.Load("api", p, Act), `group "api": it is not decided upon here`},
		{"no program", r.Load("web", nil, Act), "there is no program"},
		{"a mode that is none", r.Load("web", p, "maybe"), `mode "maybe", want observe, suggest or act`},
		{"a shadow of an unknown group", r.Shadow("api", p, Act, deaf), `group "api"`},
		{"a shadow in no mode", r.Shadow("web", p, "", deaf), `mode "", want`},
		{"a shadow that nobody hears", r.Shadow("web", p, Act, nil), "nobody is told"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, tt.err, tt.want)
		}
	}
	r.handle(t, ticked(0))
	if len(r.guard.got) != 1 {
		t.Errorf("%d intents after what was refused, want the first program in force", len(r.guard.got))
	}
}

// TestLogReplaysOverLoads handles random facts while versions and modes change,
// and makes every decision of the log again from the log alone.
func TestLogReplaysOverLoads(t *testing.T) {
	programs := map[string]*Program{}
	for i, name := range []string{"h1:a", "h1:b", "h1:c"} {
		programs[name] = version(t, name, one(fmt.Sprintf("F.Ticks > %d", i)), faulty()[0],
			source("acts", 3, `C.Mode == "act"`, fmt.Sprintf(`Note("%d");`, i)),
			source("back", 2, `F.Kind == "membership" && C.OutSeconds > 60`, `Propose("restore", F.Member, "x");`))
	}
	r := newRig(t, Act, one("F.Ticks > 1"))
	random := rand.New(rand.NewPCG(7, 8))
	for i := range 400 {
		if i%10 == 0 {
			name, mode := []string{"h1:a", "h1:b", "h1:c"}[random.IntN(3)], []Mode{Observe, Suggest, Act}[random.IntN(3)]
			if err := r.Load("web", programs[name], mode); err != nil {
				t.Fatal(err)
			}
		}
		elapsed := time.Duration(i) * 20 * time.Second
		r.clock = at(elapsed)
		r.handle(t, randomFact(random, elapsed))
	}
	m, seen, quarantined := NewMemory("test", "web", Observe), map[string]bool{}, 0
	for _, rec := range r.log.entries {
		s := must(audit.Decode(rec.Bytes))
		switch s.Type {
		case "fact.accepted":
			var b struct {
				Fact facts.Fact `json:"fact"`
			}
			if err := json.Unmarshal(s.Body, &b); err != nil {
				t.Fatal(err)
			}
			apply(t, m, b.Fact)
		case "decision":
			var b struct {
				Decision json.RawMessage `json:"decision"`
			}
			var d Decision
			if err := errors.Join(json.Unmarshal(s.Body, &b), json.Unmarshal(b.Decision, &d)); err != nil {
				t.Fatal(err)
			}
			m.mode = d.Mode
			again := must(programs[d.Version].Decide(d.Clock.Time, m))
			if string(again.Encode()) != string(b.Decision) {
				t.Fatalf("entry %d again:\n%s\nwant\n%s", s.Seq, again.Encode(), b.Decision)
			}
			m.Record(&again)
			seen[d.Version+string(d.Mode)] = true
			quarantined += len(d.Quarantined)
		}
	}
	if len(seen) < 6 || quarantined == 0 {
		t.Errorf("%d pairs of version and mode, %d times a rule put aside: the walk says too little", len(seen), quarantined)
	}
}

// told notes what a shadow decides.
type told struct {
	decisions []Decision
	errs      []error
}

func (s *told) hear(_ facts.Fact, d Decision, err error) {
	s.decisions, s.errs = append(s.decisions, d), append(s.errs, err)
}

func TestShadowDecidesOnTheSameFactsWithoutEffect(t *testing.T) {
	lone, r := newRig(t, Act, one("F.Ticks > 1")), newRig(t, Act, one("F.Ticks > 1"))
	var s told
	if err := r.Shadow("web", version(t, "h1:next", source("other", 1, "C.OutMembers > 0 && F.Ticks > 1", `Propose("maint", F.Member, "y");`)), Act, s.hear); err != nil {
		t.Fatal(err)
	}
	all := []facts.Fact{ticked(1), ticked(1), standingOf("web-01", "drain"), alarm("web-08", when(-time.Minute)), ticked(2)}
	for _, f := range all {
		lone.handle(t, f)
		r.handle(t, f)
	}
	if r.log.types() != lone.log.types() || r.Stats() != lone.Stats() || len(r.guard.got) != len(lone.guard.got) {
		t.Errorf("log %s, stats %+v with a shadow, want as without: %s, %+v", r.log.types(), r.Stats(), lone.log.types(), lone.Stats())
	}
	var got []string
	for i, d := range s.decisions {
		got = append(got, fmt.Sprintf("%s %s %d %v", d.Version, d.Mode, len(d.Wanted), s.errs[i]))
	}
	if want := []string{"h1:next act 0 <nil>", "h1:next act 0 <nil>", "h1:next act 1 <nil>"}; !slices.Equal(got, want) {
		t.Errorf("the shadow decided %q, want %q: once on each fact accepted, from the memory of all", got, want)
	}
	if err := r.Shadow("web", nil, "", nil); err != nil {
		t.Fatal(err)
	}
	if r.handle(t, ticked(3)); len(s.decisions) != 3 {
		t.Errorf("%d decisions after the shadow ended, want 3", len(s.decisions))
	}
}

// TestShadowHasItsOwnFaults has a rule fail in both: each counts for itself.
func TestShadowHasItsOwnFaults(t *testing.T) {
	r := newRig(t, Act, faulty()...)
	fail := func(i int) { r.handle(t, alarm("", func(f *facts.Fact) { f.Evidence.Epochs = i })) }
	fail(0)
	var s told
	if err := r.Shadow("web", version(t, "h1:next", faulty()...), Observe, s.hear); err != nil {
		t.Fatal(err)
	}
	for i := range faultsToLeave + 1 {
		fail(i + 1)
	}
	var refused []int
	for _, d := range s.decisions {
		refused = append(refused, len(d.Refused)-len(d.Quarantined))
	}
	if want := []int{1, 1, 1, -1}; !slices.Equal(refused, want) {
		t.Errorf("refused less put aside in the shadow: %v, want %v", refused, want)
	}
	live := r.groups["web"].memory
	if len(live.faults["half_done"]) != faultsToLeave || live.aside["half_done"] != "h1:test" || live.mode != Act {
		t.Errorf("the live memory has faults %v, aside %v, mode %s: want its own", live.faults, live.aside, live.mode)
	}
}

func TestShadowThatPanicsEndsAlone(t *testing.T) {
	r := newRig(t, Act, one("F.Ticks > 1"))
	var s told
	if err := r.Shadow("web", &Program{version: "h1:broken", rules: make([]rule, 1), strata: make([]stratum, 1)}, Act, s.hear); err != nil {
		t.Fatal(err)
	}
	r.handle(t, ticked(1))
	r.handle(t, ticked(2))
	if len(s.errs) != 1 || s.errs[0] == nil || !strings.Contains(s.errs[0].Error(), "shadow of h1:broken") {
		t.Errorf("told %v, want one error that names the candidate", s.errs)
	}
	if len(r.guard.got) != 2 {
		t.Errorf("%d intents submitted, want those of both live decisions", len(r.guard.got))
	}
}
