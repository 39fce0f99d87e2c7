package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actions"
)

func TestDrainStopsWork(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer backend.Close()
	h := startHAProxy(t, strings.TrimPrefix(backend.URL, "http://"))
	e := h.executor(t, h.admin, "web")
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", h.frontend)
	}}}
	defer client.CloseIdleConnections()
	load := func() (assigned [4]int64) {
		for range 40 {
			resp, err := client.Get("http://service/")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		inv, err := e.Observe(t.Context(), "web")
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range inv.Members {
			assigned[i] = m.Assigned
		}
		return assigned
	}
	before := load()
	if slices.Contains(before[:], 0) {
		t.Fatalf("assigned before: %v, want each member to get work", before)
	}
	if err := e.Apply(t.Context(), act(actions.Drain, "m03")); err != nil {
		t.Fatal(err)
	}
	during := load()
	if during[2] != before[2] || during[0] == before[0] {
		t.Errorf("assigned: %v, after a drain of m03 %v, want m03 unchanged and the others growing", before, during)
	}
	if err := e.Apply(t.Context(), act(actions.Restore, "m03")); err != nil {
		t.Fatal(err)
	}
	if after := load(); after[2] == during[2] {
		t.Errorf("assigned after the restore: %v, want m03 to get work again", after)
	}
}

func TestReloadLosesADrainAndChangesTheInstance(t *testing.T) {
	t.Parallel()
	h := startHAProxy(t, "127.0.0.1:1")
	e := h.executor(t, h.admin, "web")
	if err := e.Apply(t.Context(), act(actions.Drain, "m01")); err != nil {
		t.Fatal(err)
	}
	before, err := e.Observe(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	var asked time.Time
	eventually(t, "the new process shows", func() error {
		if time.Since(asked) > 5*time.Second { // a master that is just up may miss the first
			asked = time.Now()
			if err := h.master.Signal(syscall.SIGUSR2); err != nil {
				t.Fatal(err)
			}
		}
		inv, err := e.Observe(t.Context(), "web")
		switch {
		case err != nil:
			return err
		case inv.Instance == before.Instance && inv.Members[0].Standing != actions.Drained:
			t.Fatalf("got %+v: the drain is lost and the instance is the same", inv)
		case inv.Instance == before.Instance:
			return errors.New("still the old process")
		case inv.Members[0].Standing != actions.InService:
			t.Fatalf("got %+v, want the drain lost", inv)
		}
		return nil
	})
}

func TestRefusedByHAProxy(t *testing.T) {
	t.Parallel()
	h := startHAProxy(t, "127.0.0.1:1")
	for _, tt := range []struct {
		name             string
		address, backend string
		act              actions.Act
		want             string
	}{
		{"a socket of level operator", h.operator, "web", act(actions.Drain, "m01"), "needs level admin"},
		{"a backend that is not there", h.admin, "nope", act(actions.Drain, "m01"), "backend is not in this haproxy"},
		{"a server that is not there", h.admin, "web", act(actions.Drain, "m99"), "server is not in the backend"},
		{"a weight in a static backend", h.admin, "fixed", actions.Act{Verb: actions.Weight, Member: "m01", Weight: 7, Deadline: time.Now().Add(patience)},
			"balances statically"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := h.executor(t, tt.address, tt.backend).Apply(t.Context(), tt.act)
			if !errors.Is(err, actions.ErrNotApplied) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want ErrNotApplied and %q", err, tt.want)
			}
		})
	}
	if _, err := h.executor(t, h.operator, "web").Observe(t.Context(), "web"); err != nil {
		t.Errorf("observe over a socket of level operator: %v", err)
	}
	if _, err := h.executor(t, h.admin, "nope").Observe(t.Context(), "web"); err == nil || !strings.Contains(err.Error(), "backend is not in this haproxy") {
		t.Errorf("observe a backend that is not there: got %v", err)
	}
}

func TestServerDisabledInTheConfiguration(t *testing.T) {
	t.Parallel()
	h := startHAProxy(t, "127.0.0.1:1")
	e := h.executor(t, h.admin, "fixed")
	standing := func() actions.Standing {
		inv, err := e.Observe(t.Context(), "fixed")
		if err != nil {
			t.Fatal(err)
		}
		return inv.Members[1].Standing
	}
	if got := standing(); got != actions.InMaintenance {
		t.Errorf("before: got %s, want maint", got)
	}
	if err := e.Apply(t.Context(), act(actions.Restore, "m02")); err != nil {
		t.Fatal(err)
	}
	if got := standing(); got != actions.InService {
		t.Errorf("set ready: got %s, want ready", got)
	}
}

func TestSocketGone(t *testing.T) {
	dir := shortDir(t)
	for name, address := range map[string]string{
		"no socket": "unix:" + filepath.Join(dir, "none"), "nobody listens": "tcp:" + freePort(t),
	} {
		e, err := NewHAProxy(HAProxyConfig{Address: address, Backend: "web", Timeout: patience})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Observe(t.Context(), "web"); err == nil || !strings.Contains(err.Error(), "is haproxy running") {
			t.Errorf("%s: observe: got %v, want a hint", name, err)
		}
		if err := e.Apply(t.Context(), act(actions.Drain, "m01")); !errors.Is(err, actions.ErrNotApplied) {
			t.Errorf("%s: apply: got %v, want ErrNotApplied: nothing was sent", name, err)
		}
	}
}

func TestBadAnswers(t *testing.T) {
	long := strings.Repeat("x", maxAnswer+1)
	for _, tt := range []struct {
		name, cmd, answer, want string
	}{
		{"nothing at all", "show info", "", "without an answer"},
		{"a page of HTTP", "show info", "HTTP/1.0 400 Bad request\r\n\r\n\n\n", "answered"},
		{"a table that was cut", "show servers", "1\n# be_id be_name\n3 web\n", "cut short"},
		{"a table of another version", "show servers", "2\n# be_id\n\n", "answered"},
		{"a table without the columns", "show servers", "1\n# be_id be_name\n\n", "no column srv_id"},
		{"a short line", "show servers", "1\n# be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port\nweb 1\n\n", "has 2 fields"},
		{"an empty backend", "show servers", "1\n# be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port\n\n", "no servers"},
		{"another backend", "show servers", "1\n# be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port\napi 1 m01 - 2 0 1 80\n\n", "want web"},
		{"a state that is no number", "show servers", "1\n# be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port\nweb 1 m01 - up 0 1 80\n\n", "srv_op_state"},
		{"a server that is there twice", "show servers", "1\n# be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port\nweb 1 m01 - 2 0 1 80\nweb 2 m01 - 2 0 1 80\n\n", "twice"},
		{"a counter that is no number", "show stat", "# pxname,svname,scur,stot,\nweb,m01,0,many,\n\n", "stot"},
		{"a ragged table", "show stat", "# pxname,svname,scur,stot,\nweb,m01,0\n\n", "csv"},
		{"an answer without end", "show stat", long, "longer than"},
		{"a refusal", "show stat", "Permission denied\n\n", "level admin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := startFake(t, "m01")
			f.spoil = func(cmd string) (string, bool) { return tt.answer, strings.HasPrefix(cmd, tt.cmd) }
			e, err := NewHAProxy(HAProxyConfig{Address: "unix:" + f.socket, Backend: "web", Timeout: 5 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Observe(t.Context(), "web"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestReloadInTheMiddleOfAReading(t *testing.T) {
	f := startFake(t, "m01")
	f.spoil = func(cmd string) (string, bool) {
		if cmd == "show stat web 4 -1" {
			f.pid++
		}
		return "", false
	}
	e, err := NewHAProxy(HAProxyConfig{Address: "unix:" + f.socket, Backend: "web", Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Observe(t.Context(), "web"); err == nil || !strings.Contains(err.Error(), "reloaded while it was read") {
		t.Errorf("got %v, want the reading refused", err)
	}
}

func TestLostAnswerIsNotCalledNotApplied(t *testing.T) {
	for name, answer := range map[string]string{"closed": "", "refused in words": "Strange.\n\n"} {
		f := startFake(t, "m01")
		f.spoil = func(cmd string) (string, bool) { return answer, strings.HasPrefix(cmd, "set ") }
		e, err := NewHAProxy(HAProxyConfig{Address: "unix:" + f.socket, Backend: "web", Timeout: patience})
		if err != nil {
			t.Fatal(err)
		}
		err = e.Apply(t.Context(), act(actions.Drain, "m01"))
		if err == nil || errors.Is(err, actions.ErrNotApplied) != (answer != "") {
			t.Errorf("%s: got %v, want ErrNotApplied only where haproxy said so", name, err)
		}
	}
}

func TestOnlyTheseCommandsAreSent(t *testing.T) {
	f := startFake(t, "m01", "m02")
	e, err := NewHAProxy(HAProxyConfig{Address: "unix:" + f.socket, Backend: "web", Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	inv, err := e.Observe(t.Context(), "web")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []actions.Verb{actions.Drain, actions.Maint, actions.Restore, actions.Weight} {
		a := act(v, "m01")
		a.Weight = 5
		if err := e.Apply(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	a := act(actions.Drain, "m02")
	a.Expect = inv.Members[1].Generation
	if err := e.Apply(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	want := []string{"show info", "show servers state web", "show stat web 4 -1", "show info",
		"set server web/m01 state drain", "set server web/m01 state maint", "set server web/m01 state ready", "set server web/m01 weight 5",
		"show servers state web", "set server web/m02 state drain"}
	if !slices.Equal(f.lines, want) {
		t.Errorf("sent:\n got %q\nwant %q", f.lines, want)
	}
}

func TestNewHAProxyRefusesBadConfiguration(t *testing.T) {
	for _, c := range []HAProxyConfig{
		{Address: "/run/haproxy.sock", Backend: "web"}, {Address: "unix:", Backend: "web"}, {Address: "tcp:localhost", Backend: "web"},
		{Address: "udp:h:1", Backend: "web"}, {Address: "unix:/s"}, {Address: "unix:/s", Backend: "web;show env"},
		{Address: "unix:/s", Backend: "web/m01"}, {Address: "unix:/s", Backend: "wéb"}, {Address: "unix:/s", Backend: strings.Repeat("a", 129)},
		{Address: "unix:/s", Backend: "web", Timeout: time.Hour},
	} {
		if _, err := NewHAProxy(c); err == nil {
			t.Errorf("%+v: got nil, want an error", c)
		}
	}
}

func TestAdminStates(t *testing.T) {
	for admin, want := range map[int]actions.Standing{
		0: actions.InService, 0x01: actions.InMaintenance, 0x02: actions.InMaintenance, 0x04: actions.InService, 0x05: actions.InMaintenance,
		0x08: actions.Drained, 0x09: actions.InMaintenance, 0x0c: actions.Drained, 0x10: actions.Drained, 0x20: actions.InMaintenance, 0x40: actions.InService,
	} {
		if got := (server{admin: admin, op: opRunning}).member(); got.Standing != want {
			t.Errorf("admin state %#x: got %s, want %s", admin, got.Standing, want)
		}
	}
	for op, up := range map[int]bool{0: false, 1: true, 2: true, 3: false} {
		if got := (server{op: op}).member(); got.Up != up {
			t.Errorf("operational state %d: got up %t, want %t", op, got.Up, up)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_port\n3 web 1 m01 127.0.0.1 2 8 100 80\n\n")
	f.Add("# pxname,svname,scur,stot,\nweb,m01,1,2,\n\n")
	f.Add("Name: HAProxy\nPid: 12\nStart_time_sec: 5\n\n")
	f.Add("Permission denied\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := parseServersState(text, "web"); err == nil {
			if !slices.IsSortedFunc(s, func(a, b server) int { return strings.Compare(a.name, b.name) }) || len(s) == 0 {
				t.Errorf("servers: got %+v, want some, sorted", s)
			}
			for _, s := range s {
				if _, err := (&HAProxy{backend: "web"}).command(act(actions.Drain, s.name)); err != nil {
					t.Errorf("server %q was read and cannot be named: %v", s.name, err)
				}
			}
		}
		if loads, err := parseStat(text, "web"); err == nil {
			for n, l := range loads {
				if l.sessions < 0 || l.assigned < 0 {
					t.Errorf("%s: got %+v, want no negative count", n, l)
				}
			}
		}
		if id, err := parseInfo(text); err == nil && !strings.Contains(id, "@") {
			t.Errorf("instance %q", id)
		}
	})
}

func FuzzCommandHoldsOneLine(f *testing.F) {
	for _, s := range []string{"m01", "m01;show env", "m01\nset", "m 1", "m/1", "", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, member string) {
		cmd, err := (&HAProxy{backend: "web"}).command(act(actions.Drain, member))
		if err == nil && (strings.ContainsAny(cmd, ";\n\r\\'\"#<") || cmd != fmt.Sprintf("set server web/%s state drain", member) || len(strings.Fields(cmd)) != 5) {
			t.Errorf("member %q: command %q", member, cmd)
		}
	})
}
