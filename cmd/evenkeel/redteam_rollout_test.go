package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

// still is a source that brings nothing.
type still struct{}

func (still) Next(ctx context.Context) (*facts.Frame, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// ruleOnEverything fires on every fact of a standing alarm about a sick member;
// alarms by chance are about none.
const ruleOnEverything = `rule everything "fires on everything" salience 5 {
  when
    F.Kind == "imbalance" && F.State == "alarm" && F.Member != "" && F.Ticks >= 1 &&
    F.Score("bytes_per_request") < 0 && F.Ratio("bytes_per_request") < 0.5
  then
    Note("again");
}
`

// TestBadRulesReturnToTheirParent rolls rules out on a running loop that do other
// than their dossier says: each ends in shadow or in the first ring, the group
// outside of the ring never runs them, and the parent is live again.
func TestBadRulesReturnToTheirParent(t *testing.T) {
	for _, tt := range []struct {
		name string
		band map[string]knowledge.Band
		at   string // the stage in which the fault begins
		want string
	}{
		{"one that fires on everything, in shadow", nil, "shadow", "everything fired"},
		{"one that fires on everything, in the first ring", nil, "ring1", "everything fired"},
		{"one that never fires", map[string]knowledge.Band{"everything": {Fired: 36_000_000, Most: 3600}}, "", "everything never fired"},
		{"one that burns its budget", nil, "budget", "took longer than their budget"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &town{office: newOffice(t), fleet: newFleet(), data: t.TempDir()}
			w.take(t, &parcel{registers: []knowledge.SignedText{w.register}})
			w.fleet.pause = time.Millisecond
			outside := newFleet()
			var firing atomic.Int64 // unix nanoseconds of the fourth time that it fired
			fired := 0
			w.loop, w.story, w.end = testLoop(t, w.fleet, func(c *loopConfig) {
				c.Data, c.Env, c.Trust = w.data, "fra1", w.trust
				other := c.Groups[0]
				other.Name, other.Source, other.Executor = "other", still{}, outside
				c.Groups = append(c.Groups, other)
				hear := c.Observe
				c.Observe = func(e loopEvent) {
					if e.Decision != nil && slices.ContainsFunc(e.Decision.Matched, func(m engine.Match) bool { return m.Rule == "everything" }) {
						if fired++; fired == 4 {
							firing.Store(time.Now().UnixNano())
						}
					}
					hear(e)
				}
			})
			eventually(t, "a baseline", func() bool { return w.fleet.ticks() >= baselineTicks })
			parent := w.activate(t)
			if tt.at == "shadow" || tt.at == "ring1" { // either bundle would drain the member, and the alarm would end
				w.drop(t, "3-stop", w.stop(t, "rule/black_hole"))
				eventually(t, "the rule is stopped", func() bool { return len(w.loop.guard.Stops()) > 0 })
			}
			bad := w.bad(t, parent, tt.band)
			digest, g := digestOf(t, bad), w.loop.governance
			state := func() string { return w.stateOf(bad) }
			begun := func(stage string) func() bool {
				return func() bool { return strings.Contains(state(), stage+"[") }
			}
			defer func() {
				if t.Failed() {
					t.Logf("the change is %s", state())
				}
			}()
			switch tt.at {
			case "shadow", "ring1":
				eventually(t, "it is in "+tt.at, begun(tt.at))
				w.fleet.do(func() { w.fleet.sick = 6 })
			case "budget": // what the engine tells of a candidate whose decisions are cut
				eventually(t, "it is in shadow", begun("shadow"))
				firing.Store(time.Now().UnixNano())
				for range 3 {
					g.overseer.shadowed(facts.Fact{Group: "web"}, engine.Decision{Version: digest, Cut: engine.CutBySteps}, nil)
				}
			}
			back := func() bool {
				running, ok := g.turner.now()
				if running["other"].Pack == digest {
					t.Error("the group outside of the ring runs it")
				}
				return ok && running["web"].Pack == parent && running["other"].Pack == parent
			}
			eventually(t, "it is halted", func() bool { return strings.HasPrefix(state(), "halted ") })
			eventually(t, "the parent runs again", back)
			if at := firing.Load(); at != 0 {
				t.Logf("the parent ran again %v after the rule left its band", time.Since(time.Unix(0, at)).Round(time.Millisecond))
			}
			if s := state(); !strings.Contains(s, tt.want) || w.live() != parent || outside.acts() > 0 {
				t.Errorf("%s, live %s, %d acts outside of the ring, want it halted for %q, the parent live and none", s, w.live(), outside.acts(), tt.want)
			}
		})
	}
}

// stateOf returns the state, stage and reasons of a parcel's change in the loop,
// "" as long as it is not known.
func (w *town) stateOf(p *parcel) string {
	g := w.loop.governance.governor
	g.mu.Lock()
	defer g.mu.Unlock()
	c, err := g.ledger.Change(changeOf(p), w.fleet.clock())
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %s%q", c.State, c.Stage, c.Reasons)
}

// bad has people approve a rule that fires on everything, after a backtest in
// which it behaved.
func (w *town) bad(t *testing.T, parent string, band map[string]knowledge.Band) *parcel {
	t.Helper()
	files := w.bundle(t)
	files["rules/everything.grl"] = []byte(ruleOnEverything)
	digest, err := knowledge.BundleDigest(files)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]knowledge.Band{}
	for name := range band {
		all[name] = band[name]
	}
	for _, rule := range []string{"black_hole", "error_burst", "restore_after_quiet", "shared_cause", "slow_member"} {
		all[rule] = knowledge.Band{Fired: 5000, Most: 5000} // one in 16 hours: often at times, and a stage without them is nothing
	}
	d := knowledge.Dossier{V: 1, Bundle: digest, Parent: parent, Hours: 80_000, Band: all}
	w.now()
	p := w.proposal(t, files, map[string]string{"seq": "2", "parent": parent, "evidence": knowledge.TextDigest(d.Encode()),
		"rollout": "shadow=5m,ring1=5m,all=0s", "expires": stamp(w.clock.Add(100 * time.Hour))})
	p.dossier = d.Encode()
	w.drop(t, "4-proposal", p)
	for _, person := range []string{"ben", "cleo"} {
		w.drop(t, "5-"+person, w.answer(t, person, "approve", p))
	}
	return p
}
