package executor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
)

// rig is an executor under contract with a backend "web" whose members m01 to
// m04 are in service with weight 100.
type rig struct {
	actions.Executor
	dry bool // changes nothing
}

func rigs(t *testing.T) map[string]func(t *testing.T) rig {
	t.Helper()
	fake := func(t *testing.T) *HAProxy {
		f := startFake(t, "m01", "m02", "m03", "m04")
		h, err := NewHAProxy(HAProxyConfig{Address: "unix:" + f.socket, Backend: "web", Timeout: patience})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	return map[string]func(t *testing.T) rig{
		"fake":    func(t *testing.T) rig { return rig{Executor: fake(t)} },
		"dry run": func(t *testing.T) rig { return rig{Executor: NewDryRun(fake(t)), dry: true} },
		"haproxy over a unix socket": func(t *testing.T) rig {
			h := startHAProxy(t, "127.0.0.1:1")
			return rig{Executor: h.executor(t, h.admin, "web")}
		},
		"haproxy over tcp": func(t *testing.T) rig {
			h := startHAProxy(t, "127.0.0.1:1")
			return rig{Executor: h.executor(t, h.tcp, "web")}
		},
	}
}

// TestContract holds every executor to what the guard relies on.
func TestContract(t *testing.T) {
	for name, start := range rigs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t)
			inv := r.observe(t)
			var names []string
			for _, m := range inv.Members {
				names = append(names, m.Name)
				if m.Standing != actions.InService || !m.Up || m.Weight != 100 || m.Generation == "" {
					t.Errorf("member at first: got %+v, want it in service", m)
				}
			}
			if want := []string{"m01", "m02", "m03", "m04"}; !slices.Equal(names, want) || inv.Group != "web" || inv.Instance == "" {
				t.Fatalf("inventory: got %+v, want group web of %v", inv, want)
			}
			if again := r.observe(t); again.Instance != inv.Instance || again.Members[0].Generation != inv.Members[0].Generation {
				t.Errorf("read again: got %s %+v, want the same instance and generation as %s %+v",
					again.Instance, again.Members[0], inv.Instance, inv.Members[0])
			}
			r.changes(t)
			r.refusals(t)
		})
	}
}

func (r rig) observe(t *testing.T) actions.Inventory {
	t.Helper()
	inv, err := r.Observe(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// act returns an act with time enough for a machine that is busy elsewhere.
func act(v actions.Verb, member string) actions.Act {
	return actions.Act{ID: "sha256:x", Group: "web", Member: member, Verb: v, Deadline: time.Now().Add(patience)}
}

// changes applies each verb twice, the second time with nothing left to do.
func (r rig) changes(t *testing.T) {
	t.Helper()
	seen := map[string]bool{}
	for _, tt := range []struct {
		verb     actions.Verb
		weight   int
		standing actions.Standing
		left     int // weight after it
	}{
		{actions.Drain, 0, actions.Drained, 100},
		{actions.Restore, 0, actions.InService, 100},
		{actions.Maint, 0, actions.InMaintenance, 100},
		{actions.Drain, 0, actions.Drained, 100},
		{actions.Restore, 0, actions.InService, 100},
		{actions.Weight, 10, actions.InService, 10},
		{actions.Weight, 0, actions.InService, 0},
		{actions.Weight, 256, actions.InService, 256},
		{actions.Weight, 100, actions.InService, 100},
	} {
		a := act(tt.verb, "m02")
		a.Weight, a.Expect = tt.weight, r.observe(t).Members[1].Generation
		err := r.Apply(t.Context(), a)
		if r.dry {
			if m := r.observe(t).Members[1]; !errors.Is(err, actions.ErrDryRun) || m.Standing != actions.InService || m.Weight != 100 {
				t.Errorf("dry %s: got %v and %+v, want ErrDryRun and no change", tt.verb, err, m)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s %d: %v", tt.verb, tt.weight, err)
		}
		inv := r.observe(t)
		if m := inv.Members[1]; m.Standing != tt.standing || m.Weight != tt.left {
			t.Errorf("after %s %d: got %+v, want standing %s, weight %d", tt.verb, tt.weight, m, tt.standing, tt.left)
		}
		if m := inv.Members[0]; m.Standing != actions.InService || m.Weight != 100 {
			t.Errorf("after %s of m02: m01 is %+v, want it untouched", tt.verb, m)
		}
		seen[inv.Members[1].Generation] = true
		a.Expect = ""
		if err := r.Apply(t.Context(), a); err != nil {
			t.Errorf("%s %d again: %v", tt.verb, tt.weight, err)
		}
	}
	if !r.dry && len(seen) != 6 {
		t.Errorf("generations of six states: got %d: %v", len(seen), seen)
	}
}

// refusals are acts that must touch nothing and say so.
func (r rig) refusals(t *testing.T) {
	t.Helper()
	if r.dry {
		return
	}
	before := r.observe(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		change func(a *actions.Act)
	}{
		{"a generation that is not the expected one", t.Context(), func(a *actions.Act) { a.Expect = "id=9" }},
		{"a deadline that has passed", t.Context(), func(a *actions.Act) { a.Deadline = time.Now().Add(-time.Millisecond) }},
		{"a caller that has gone", gone, func(*actions.Act) {}},
		{"a server that is not there", t.Context(), func(a *actions.Act) { a.Member = "m99" }},
		{"a server that is not there, with a generation", t.Context(), func(a *actions.Act) { a.Member, a.Expect = "m99", "id=1" }},
		{"a name that holds another command", t.Context(), func(a *actions.Act) { a.Member = "m01 state ready;shutdown sessions server web/m01" }},
		{"a name with a line end", t.Context(), func(a *actions.Act) { a.Member = "m01\nset server web/m02 state maint" }},
		{"an empty name", t.Context(), func(a *actions.Act) { a.Member = "" }},
		{"a verb that touches no machine", t.Context(), func(a *actions.Act) { a.Verb = actions.Notify }},
		{"a weight beyond 256", t.Context(), func(a *actions.Act) { a.Verb, a.Weight = actions.Weight, 257 }},
	} {
		a := act(actions.Drain, "m01")
		tt.change(&a)
		if err := r.Apply(tt.ctx, a); !errors.Is(err, actions.ErrNotApplied) {
			t.Errorf("%s: got %v, want ErrNotApplied", tt.name, err)
		}
	}
	for i, m := range r.observe(t).Members {
		if m.Generation != before.Members[i].Generation {
			t.Errorf("after the refusals: got %+v, want %+v", m, before.Members[i])
		}
	}
}

func TestDryRunRemembersTheLastActs(t *testing.T) {
	d := NewDryRun(nil)
	for i := range dryRunKept + 10 {
		a := act(actions.Drain, "m01")
		a.Fence.Seq = uint64(i)
		if err := d.Apply(t.Context(), a); !errors.Is(err, actions.ErrDryRun) {
			t.Fatal(err)
		}
	}
	acts := d.Acts()
	if len(acts) != dryRunKept || acts[0].Fence.Seq != 10 || acts[dryRunKept-1].Fence.Seq != dryRunKept+9 {
		t.Errorf("kept %d acts, %d to %d, want the last %d", len(acts), acts[0].Fence.Seq, acts[len(acts)-1].Fence.Seq, dryRunKept)
	}
}
