package sim_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/actions/executor"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/sim"
	"github.com/evenkeel/evenkeel/facts/source"
)

// TestAdminContract holds the built-in balancer to what HAProxy answers: one
// list of commands, and both must say exactly this.
func TestAdminContract(t *testing.T) {
	const (
		done      = "\n"
		wantState = "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"
	)
	for which := range balancers {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, which, sim.PoolConfig{Members: 3}, 1)
			for _, tt := range []struct{ command, want string }{
				{"set server web/m01 state drain", done},
				{"set server web/m01 state drain", done},
				{"set server web/m01 state ready", done},
				{"set server web/m02 state maint", done},
				{"set server web/m02 state ready;set server web/m03 state drain", done + done},
				{"set server web/m03 state ready", done},
				{"set server web/m01 weight 20", done},
				{"set weight web/m01 0", done},
				{"set weight web/m01 50%", done},
				{"set weight web/m01 64", done},
				{"set server web/m01 state bogus", wantState},
				{"set server web/m01 state", wantState},
				{"set server web/m99 state drain", "No such server.\n\n"},
				{"set server api/m01 state drain", "No such backend.\n\n"},
				{"set server web state drain", "Require 'backend/server'.\n\n"},
				{"set weight web/m01 300", "Absolute weight can only be between 0 and 256 inclusive.\n\n"},
				{"set weight web/m01", "Require <weight> or <weight%>.\n\n"},
				{"set weight web/m01 x", "Empty weight string empty or preceded by garbage\n"},
				{"show servers state api", "Can't find backend.\n\n"},
				{"show stat api 4 -1", "No such proxy.\n\n"},
			} {
				if got := f.ask(t, tt.command); got != tt.want {
					t.Errorf("%s: got %q, want %q", tt.command, got, tt.want)
				}
			}
			for command, prefix := range map[string]string{
				"set server web/m01 colour red": "usage: set server <backend>/<server> ",
				"shutdown everything":           "Unknown command",
			} {
				if got := f.ask(t, command); !strings.HasPrefix(got, prefix) {
					t.Errorf("%s: got %q, want it to begin %q", command, got, prefix)
				}
			}
		})
	}
}

// column returns the named column of each server's line in show stat.
func (f *fleet) column(t *testing.T, name string) map[string]string {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(f.ask(t, "show stat web 4 -1"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, l := range lines[1:] {
		for i, column := range lines[0] {
			if column == name {
				got[l[1]] = l[i]
			}
		}
	}
	return got
}

// stateOf returns two columns of a server's line in show servers state.
func (f *fleet) stateOf(t *testing.T, server string) (op, admin string) {
	t.Helper()
	for line := range strings.Lines(f.ask(t, "show servers state web")) {
		if w := strings.Fields(line); len(w) > 6 && w[3] == server {
			return w[5], w[6]
		}
	}
	t.Fatalf("no server %s in show servers state", server)
	return "", ""
}

func TestSourceContract(t *testing.T) {
	t.Parallel()
	for which := range balancers {
		t.Run("the HAProxy source and the scrape read a fleet behind "+which, func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, which, sim.PoolConfig{Members: 3}, 100)
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			proxy, err := source.NewHAProxy(source.HAProxyConfig{Address: f.front.Admin, Backend: "web", Timeout: patience})
			if err != nil {
				t.Fatal(err)
			}
			pages := map[string]string{}
			for _, s := range f.pool.Servers() {
				pages[s.Name] = "http://" + s.Address + "/metrics"
			}
			members, err := source.NewPrometheus(source.PrometheusConfig{Group: "web", Members: pages, Timeout: patience})
			if err != nil {
				t.Fatal(err)
			}
			both, err := source.NewJoin("web", proxy, members)
			if err != nil {
				t.Fatal(err)
			}
			// Means are those of the last second: one in which a busy machine did
			// nothing says nothing.
			var wrong []string
			await(t, "a reading tells of work on both sides", func() bool {
				f.after(t, time.Now(), 50)
				frame, err := both.Read(ctx, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if more := faultsOf(frame); !slices.Equal(more, wrong) {
					wrong = more
					t.Log("reading:", wrong)
				}
				return len(wrong) == 0
			})
		})
	}
}

func TestExecutorContract(t *testing.T) {
	t.Parallel()
	for which := range balancers {
		t.Run("the HAProxy executor drains and restores a member behind "+which, func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, which, sim.PoolConfig{Members: 3}, 20)
			hand, err := executor.NewHAProxy(executor.HAProxyConfig{Address: f.front.Admin, Backend: "web", Timeout: patience})
			if err != nil {
				t.Fatal(err)
			}
			see := func() actions.Member {
				inv, err := hand.Observe(t.Context(), "web")
				if err != nil || len(inv.Members) != 3 || inv.Instance == "" {
					t.Fatalf("observe: %+v, %v, want 3 members of a process", inv, err)
				}
				return inv.Members[1]
			}
			before := see()
			if before.Name != "m02" || before.Standing != actions.InService || !before.Up || before.Weight == 0 {
				t.Errorf("before: %+v, want m02 up and ready", before)
			}
			for _, tt := range []struct {
				verb actions.Verb
				want actions.Standing
			}{{actions.Drain, actions.Drained}, {actions.Maint, actions.InMaintenance}, {actions.Restore, actions.InService}} {
				act := actions.Act{Group: "web", Member: "m02", Verb: tt.verb, Expect: see().Generation, Deadline: time.Now().Add(patience)}
				if err := hand.Apply(t.Context(), act); err != nil {
					t.Fatalf("%s: %v", tt.verb, err)
				}
				if got := see().Standing; got != tt.want {
					t.Errorf("after %s: %s, want %s", tt.verb, got, tt.want)
				}
				if tt.verb != actions.Drain {
					continue
				}
				assigned := see().Assigned
				f.after(t, time.Now(), 10)
				if got := see().Assigned; got != assigned {
					t.Errorf("drained, and %d requests were assigned to it", got-assigned)
				}
			}
		})
	}
}

// faultsOf returns what is not as it must be in the reading of a pool at work.
func faultsOf(f *facts.Frame) (wrong []string) {
	if got := strings.Join(f.Members, " "); got != "m01 m02 m03" {
		return []string{"members " + got}
	}
	for _, m := range f.Members {
		for _, metric := range []string{"hx_lbtot", "hx_hrsp_2xx", "hx_bin", "hx_bout", "hx_rtime", "hx_weight", "be_requests",
			"be_served", "be_bytes_out", "be_downstream", "be_svc_ms", "be_cpu", "be_mem_mb"} {
			if v := f.At(m, metric); !(v > 0) {
				wrong = append(wrong, fmt.Sprintf("%s of %s is %v, want more than 0", metric, m, v))
			}
		}
		if up, admin := f.At(m, facts.MetricUp), f.At(m, facts.MetricAdmin); up != 1 || admin != 0 {
			wrong = append(wrong, fmt.Sprintf("%s: up %v, admin %v, want 1 and 0", m, up, admin))
		}
		if v := f.At(m, "be_errors"); v != 0 {
			wrong = append(wrong, fmt.Sprintf("be_errors of %s is %v, want 0", m, v))
		}
	}
	return wrong
}

func TestBalancerRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	one := []sim.Server{{Name: "m01", Address: "127.0.0.1:1"}}
	for _, tt := range []struct {
		name string
		c    sim.BalancerConfig
		want string
	}{
		{"a port that is taken", sim.BalancerConfig{Backend: "web", Servers: one, Listen: taken.Addr().String()}, "address already in use"},
		{"an address that others can reach", sim.BalancerConfig{Backend: "web", Servers: one, Listen: "0.0.0.0:0"}, "want an address on loopback"},
		{"an address that is none", sim.BalancerConfig{Backend: "web", Servers: one, Listen: "here"}, "want an address on loopback"},
		{"a backend without a name", sim.BalancerConfig{Servers: one}, "want the name of a backend"},
		{"no servers", sim.BalancerConfig{Backend: "web"}, "at least one server"},
	} {
		for which, open := range balancers {
			t.Run(which+" refuses "+tt.name, func(t *testing.T) {
				tt.c.Dir = t.TempDir()
				t.Setenv("TMPDIR", tt.c.Dir)
				if _, err := open(t.Context(), tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want an error with %q", err, tt.want)
				}
				if left, _ := filepath.Glob(tt.c.Dir + "/ek*"); len(left) > 0 {
					t.Errorf("it left %v behind", left)
				}
			})
		}
	}
}

func TestHAProxyFails(t *testing.T) {
	one := []sim.Server{{Name: "m01", Address: "127.0.0.1:1"}}
	t.Run("none on the PATH is an error of its own", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		_, err := sim.NewHAProxy(t.Context(), sim.BalancerConfig{Backend: "web", Servers: one, Dir: t.TempDir()})
		if !errors.Is(err, sim.ErrNoHAProxy) {
			t.Errorf("got %v, want %v", err, sim.ErrNoHAProxy)
		}
	})
	t.Run("a directory that cannot be written to is named", func(t *testing.T) {
		gone := filepath.Join(t.TempDir(), "gone")
		_, err := sim.NewHAProxy(t.Context(), sim.BalancerConfig{Backend: "web", Servers: one, Dir: gone})
		if err == nil || !strings.Contains(err.Error(), gone) {
			t.Errorf("got %v, want an error that names %s", err, gone)
		}
	})
	t.Run("one that ends by itself says why", func(t *testing.T) {
		bad := []sim.Server{{Name: "m01", Address: "not-an-address"}}
		h, err := sim.NewHAProxy(t.Context(), sim.BalancerConfig{Backend: "web", Servers: bad, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "not-an-address") {
			t.Errorf("got %v, want what haproxy said about not-an-address", err)
		}
	})
}

func TestAdminSocket(t *testing.T) {
	for which := range balancers {
		t.Run("that of "+which+" is its owner's alone, and gone when it ends", func(t *testing.T) {
			var path string
			t.Run("running", func(t *testing.T) {
				path = strings.TrimPrefix(startFleet(t, which, sim.PoolConfig{Members: 2}, 1).front.Admin, "unix:")
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("got %v, %v, want mode 0600", info, err)
				}
			})
			if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("its directory: got %v, want it gone", err)
			}
		})
	}
}
