package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// past is a log that engines wrote one after the other, and the programs that
// were in force.
type past struct {
	log      *memoryLog
	clock    time.Time
	programs map[string]*Program
	made     int // decisions
	restarts int
}

// livePast runs engines over two days of random facts in two groups. They are
// restarted now and then, sometimes in another mode; another version is loaded;
// a rule fails, is put aside, and is lifted.
func livePast(t testing.TB, rounds int) *past {
	t.Helper()
	p := &past{clock: t0, programs: map[string]*Program{}}
	p.log = &memoryLog{now: func() time.Time { return p.clock }}
	for _, version := range []string{"h1:one", "h1:two"} {
		p.programs[version] = must(Compile(version, []Source{
			source("alarmed", 7, "C.AlarmedMembers >= 1 && C.QuietSeconds < 100", `Propose("drain", F.Member, "`+version+`");`),
			source("half_done", 4, `F.Kind == "absent" && F.Member == ""`, `Propose("drain", F.Member, "x");`),
			source("back", 2, `F.Kind == "membership" && C.OutSeconds > 60 && C.DrainsLastHour < 3`, `Propose("restore", F.Member, "x");`),
			source("quiet", 1, `C.QuietSeconds > 600 && C.OutMembers > 0 && C.Mode == "act"`, `Note("quiet");`),
		}, everything))
	}
	random := rand.New(rand.NewPCG(5, 8))
	var e *Engine
	var live string // the version of web
	for i := range rounds {
		if i%60 == 0 {
			e, live = p.restart(t, []Mode{Act, Suggest}[i/60%2]), "h1:one"
		}
		if i%45 == 44 {
			if err := e.Load("web", p.programs["h1:two"], []Mode{Suggest, Act}[i%2]); err != nil {
				t.Fatal(err)
			}
			live = "h1:two"
		}
		p.clock = p.clock.Add(time.Duration(random.IntN(240)) * time.Second)
		for _, group := range []string{"web", "db"} {
			f := randomFact(random, p.clock.Sub(t0))
			f.Group = group
			p.handle(t, e, f)
		}
		if i%20 < 4 { // too often for the rule that fails
			f := fact(facts.Absent, facts.Alarm, "", when(p.clock.Sub(t0)))
			f.Cohort, f.Detector.ID = "", fmt.Sprint("det-", i)
			p.handle(t, e, f)
		}
		if i%20 == 15 {
			_ = e.Lift(t.Context(), Lift{Group: "web", Rule: "half_done", Version: live, By: []string{"ana", "ben"}, Reason: "x"}) // nothing to lift in another version
		}
	}
	return p
}

func (p *past) restart(t testing.TB, mode Mode) *Engine {
	p.restarts++
	e := must(New(Config{Env: "test", Log: p.log, Guard: &obedientGuard{log: &memoryLog{}}, Now: func() time.Time { return p.clock },
		Groups: map[string]Group{"web": {p.programs["h1:one"], mode}, "db": {p.programs["h1:two"], mode}}}))
	if err := e.Restore(t.Context(), p.log); err != nil {
		t.Fatal(err)
	}
	return e
}

func (p *past) handle(t testing.TB, e *Engine, f facts.Fact) {
	t.Helper()
	before := e.Stats().Accepted
	if err := e.Handle(t.Context(), f, ""); err != nil {
		t.Fatal(err)
	}
	p.made += int(e.Stats().Accepted - before)
}

// again decides again, and returns how many decisions there were.
func (p *past) again(t testing.TB, from, to int64) int {
	t.Helper()
	n := 0
	err := Revisit(t.Context(), p.log, from, to, func(m Moment) error {
		n++
		d, err := p.programs[m.Decision.Version].Again(&m.Decision, m.Memory)
		if err == nil && string(d.Encode()) != string(m.Recorded) {
			t.Fatalf("entry %d, revisited from %d:\n%s\nwant\n%s", m.Seq, from, d.Encode(), m.Recorded)
		}
		if id := idOf(t, m.Fact); id != m.Decision.Facts[0] || m.Seq < from || m.Seq >= to || m.Decision.Digest() != facts.Digest(m.Recorded) {
			t.Fatalf("entry %d of %d to %d: fact %s, decision %s, want those recorded", m.Seq, from, to, id, m.Decision.Digest())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRevisitFindsEveryMemoryAsItWas(t *testing.T) {
	p := livePast(t, 700)
	size := p.log.Size()
	if n := p.again(t, 0, size); n != p.made {
		t.Errorf("%d decisions, want all %d", n, p.made)
	}
	text := ""
	for _, r := range p.log.entries {
		text += string(r.Bytes)
	}
	for _, want := range []string{`"type":"quarantine.lifted"`, `"quarantined":["half_done"]`, `"mode":"suggest"`, "h1:two", `"verb":"restore"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s: the test says too little", want)
		}
	}
	if p.restarts < 10 {
		t.Errorf("%d restarts: the test says too little", p.restarts)
	}
	for from := int64(1); from < size; from += 97 {
		p.again(t, from, min(from+40, size))
	}
	if n := p.again(t, size, size+9); n != 0 {
		t.Errorf("%d decisions after the end, want none", n)
	}
}

func TestRevisitSaysWhichEntryIsAtFault(t *testing.T) {
	for _, tt := range []struct {
		name     string
		old, new string // in the log
		want     string
	}{
		{"a decision that is not its digest", `"rules":4`, `"rules":5`, "want the bytes it is the digest of"},
		{"a fact that is not its digest", `"group":"web"`, `"group":"wap"`, "want the bytes it is the digest of"},
		{"a restart that read what came after it", `"outcomes":0,"size":0`, `"outcomes":0,"size":9`, "want them in order and before it"},
		{"a decision without its fact", `"type":"fact.accepted"`, `"type":"fact.forgotten"`, "want its entry before"},
		{"an entry that is none", `{"actor"`, `{"artor"`, "malformed entry"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := livePast(t, 3)
			changed := false
			for i, r := range p.log.entries {
				if s := strings.Replace(string(r.Bytes), tt.old, tt.new, 1); s != string(r.Bytes) && !changed {
					p.log.entries[i].Bytes, changed = []byte(s), true
				}
			}
			err := Revisit(t.Context(), p.log, 0, p.log.Size(), func(Moment) error { return nil })
			if !changed || err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "entry ") {
				t.Errorf("changed %t, Revisit = %v, want %q and the entry", changed, err, tt.want)
			}
		})
	}
	enough := errors.New("enough")
	p := livePast(t, 3)
	if err := Revisit(t.Context(), p.log, 0, p.log.Size(), func(Moment) error { return enough }); err != enough {
		t.Errorf("Revisit = %v, want the error of its caller as it is", err)
	}
}

func BenchmarkRevisit(b *testing.B) {
	p := livePast(b, 600)
	for b.Loop() {
		p.again(b, 0, p.log.Size())
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*p.made), "µs/decision")
}
