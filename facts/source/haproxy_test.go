package source

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// tick0 is the time of the first tick of most tests.
var tick0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fakeSocket answers commands as a stats socket does: one
// command a connection.
type fakeSocket struct {
	Address string
	mu      sync.Mutex
	answer  func(command string) string
	asked   []string
}

func newFakeSocket(t *testing.T, answer func(command string) string) *fakeSocket {
	t.Helper()
	return fakeSocketOn(t, "unix", filepath.Join(shortDir(t), "s"), answer)
}

func fakeSocketOn(t *testing.T, network, name string, answer func(command string) string) *fakeSocket {
	t.Helper()
	ln, err := net.Listen(network, name)
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeSocket{Address: network + ":" + ln.Addr().String(), answer: answer}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return s
}

func (s *fakeSocket) serve(conn net.Conn) {
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return
	}
	command := strings.TrimSuffix(line, "\n")
	s.mu.Lock()
	s.asked = append(s.asked, command)
	reply := s.answer(command)
	s.mu.Unlock()
	_, _ = io.WriteString(conn, reply) // a client that is gone asks again
}

// say changes what is answered to every command.
func (s *fakeSocket) say(reply string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = func(string) string { return reply }
}

// shortDir is a directory whose name leaves room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ek")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// newTestHAProxy returns a reader of backend web whose clock is *now.
func newTestHAProxy(t *testing.T, address string, now *time.Time) *HAProxy {
	t.Helper()
	h, err := NewHAProxy(HAProxyConfig{Address: address, Backend: "web", Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	h.now = func() time.Time { return *now }
	return h
}

func TestHAProxyRates(t *testing.T) {
	type server struct {
		name, status string
		sessions     int
	}
	type reading struct {
		after   time.Duration // since the one before
		servers []server
		want    map[string]string // hx_stot of each member in the frame
	}
	up := func(name string, n int) server { return server{name, "UP", n} }
	for _, tt := range []struct {
		name     string
		readings []reading
	}{
		{"the first reading has no rates", []reading{
			{0, []server{up("m01", 10), up("m02", 20)}, map[string]string{"m01": "NaN", "m02": "NaN"}},
		}},
		{"a rate is over the time that really passed", []reading{
			{0, []server{up("m01", 10), up("m02", 20)}, map[string]string{"m01": "NaN", "m02": "NaN"}},
			{2 * time.Second, []server{up("m01", 40), up("m02", 20)}, map[string]string{"m01": "15", "m02": "0"}},
			{500 * time.Millisecond, []server{up("m01", 50), up("m02", 21)}, map[string]string{"m01": "20", "m02": "2"}},
		}},
		{"no time, no rate", []reading{
			{0, []server{up("m01", 10)}, map[string]string{"m01": "NaN"}},
			{0, []server{up("m01", 40)}, map[string]string{"m01": "NaN"}},
		}},
		{"one counter that fell means that all were reset", []reading{
			{0, []server{up("m01", 10), up("m02", 20)}, map[string]string{"m01": "NaN", "m02": "NaN"}},
			{time.Second, []server{up("m01", 12), up("m02", 3)}, map[string]string{"m01": "NaN", "m02": "NaN"}},
			{time.Second, []server{up("m01", 15), up("m02", 7)}, map[string]string{"m01": "3", "m02": "4"}},
		}},
		{"a new server has no rate at first, and one that vanished leaves", []reading{
			{0, []server{up("m01", 10), up("m02", 20)}, map[string]string{"m01": "NaN", "m02": "NaN"}},
			{time.Second, []server{up("m03", 5), up("m01", 11)}, map[string]string{"m01": "1", "m03": "NaN"}},
			{time.Second, []server{up("m03", 8), up("m01", 13)}, map[string]string{"m01": "2", "m03": "3"}},
		}},
		{"a server that comes back is new", []reading{
			{0, []server{up("m01", 10), up("m02", 20)}, map[string]string{"m01": "NaN", "m02": "NaN"}},
			{time.Second, []server{up("m01", 11)}, map[string]string{"m01": "1"}},
			{time.Second, []server{up("m01", 12), up("m02", 0)}, map[string]string{"m01": "1", "m02": "NaN"}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, now := newFakeSocket(t, nil), tick0
			h := newTestHAProxy(t, s.Address, &now)
			for i, r := range tt.readings {
				now = now.Add(r.after)
				reply := statsHead
				for _, v := range r.servers {
					reply += statsLine(v.name, v.status, v.sessions)
				}
				s.say(reply)
				f, err := h.Read(t.Context(), tick0.Add(time.Duration(i)*time.Second))
				if err != nil {
					t.Fatalf("reading %d: %v", i, err)
				}
				checkColumn(t, f, "hx_stot", r.want)
				if got := f.At(r.servers[0].name, "hx_scur"); got != 2 {
					t.Errorf("reading %d: hx_scur: got %v, want 2", i, got)
				}
			}
		})
	}
}

// checkColumn compares one metric of all members, and checks the frame.
func checkColumn(t *testing.T, f *facts.Frame, metric string, want map[string]string) {
	t.Helper()
	if err := f.Check(); err != nil {
		t.Error(err)
	}
	if len(f.Members) != len(want) {
		t.Errorf("members at %v: got %v, want %v", f.Time, f.Members, want)
	}
	for _, m := range f.Members {
		if got := string(appendValue(nil, f.At(m, metric))); got != want[m] {
			t.Errorf("%s of %s at %v: got %s, want %s", metric, m, f.Time, got, want[m])
		}
	}
}

func TestHAProxyFrameIsInNormalForm(t *testing.T) {
	s, now := newFakeSocket(t, nil), tick0
	h := newTestHAProxy(t, s.Address, &now)
	var frames []*facts.Frame
	for i := range 4 {
		s.say(statsHead + statsLine("m02", "UP", 10*i) + statsLine("m01", "DRAIN", 10*i))
		f, err := h.Read(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
		now = now.Add(time.Second)
	}
	if f := frames[0]; !f.Time.Equal(tick0) || f.Group != "web" || slices.Contains(f.Metrics, "hx_stot") {
		t.Errorf("first frame: got %v of %s with %v, want that of the tick without rates", f.Time, f.Group, f.Metrics)
	}
	if got := frames[1].Metrics; !slices.Equal(got, statMetrics) {
		t.Errorf("metrics of the second frame: got %v, want %v", got, statMetrics)
	}
	if &frames[2].Members[0] != &frames[3].Members[0] || &frames[2].Metrics[0] != &frames[3].Metrics[0] {
		t.Error("names of the last two frames: got copies, want the same slices")
	}
}

func TestHAProxyAsksForAllWhenAFrontendHasTheName(t *testing.T) {
	s := newFakeSocket(t, func(command string) string {
		if command == "show stat web 4 -1" {
			return statsHead + "\n"
		}
		return statsHead + statsLine("m01", "UP", 1) + "\n"
	})
	now := tick0
	h := newTestHAProxy(t, s.Address, &now)
	for range 2 {
		if f, err := h.Read(t.Context(), now); err != nil || len(f.Members) != 1 {
			t.Fatalf("Read: got %v, %v; want one member", f, err)
		}
	}
	want := []string{"show stat web 4 -1", "show stat -1 4 -1", "show stat -1 4 -1"}
	if !slices.Equal(s.asked, want) {
		t.Errorf("commands: got %q, want %q", s.asked, want)
	}
}

func TestHAProxyOverTCP(t *testing.T) {
	s, now := fakeSocketOn(t, "tcp", "127.0.0.1:0", func(string) string { return statsHead + statsLine("m01", "UP", 1) }), tick0
	f, err := newTestHAProxy(t, s.Address, &now).Read(t.Context(), tick0)
	if err != nil || len(f.Members) != 1 {
		t.Errorf("Read: got %v, %v; want one member", f, err)
	}
}

func TestHAProxyErrors(t *testing.T) {
	answers := func(reply string) func(t *testing.T) string {
		return func(t *testing.T) string {
			return newFakeSocket(t, func(string) string { return reply }).Address
		}
	}
	for _, tt := range []struct {
		name    string
		address func(t *testing.T) string
		want    string
	}{
		{"a refusal of the socket's level", answers("Permission denied\n\n"), `"Permission denied": want a 'stats socket' of level user`},
		{"a backend it does not have", answers("No such proxy.\n\n"), "want the name of one of its 'backend' or 'listen' sections"},
		{"a command it does not know", answers("Unknown command, but maybe\n  help\n"), "knows 'show stat'"},
		{"any other text", answers("Can't find 'x'\nmore\n"), `haproxy answers "Can't find 'x'": want the statistics as CSV`},
		{"no text at all", answers("\n"), "is this the 'stats socket' of an haproxy?"},
		{"a backend without servers", answers(statsHead + "\n"), "it has no servers"},
		{"statistics that make no sense", answers(statsHead + statsLine("m01", "SLEEPING", 1)), `stats:2: server m01: column status: found "SLEEPING"`},
		{"an answer without end", answers("# " + strings.Repeat("x", maxReplyBytes)), "has more than 16777216 bytes"},
		{"no socket of that name", func(t *testing.T) string { return "unix:" + filepath.Join(shortDir(t), "none") }, "want the path on a 'stats socket' line"},
		{"a socket that nobody listens on", deadSocket, "is haproxy running?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address, now := tt.address(t), tick0
			_, err := newTestHAProxy(t, address, &now).Read(t.Context(), tick0)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Read: got error %v, want one with %q", err, tt.want)
			}
			if prefix := "source: haproxy " + address + ": backend web: "; !strings.HasPrefix(err.Error(), prefix) {
				t.Errorf("Read: got error %v, want it to begin with %q", err, prefix)
			}
		})
	}
}

// deadSocket returns a socket whose listener is gone but whose file is there.
func deadSocket(t *testing.T) string {
	path := filepath.Join(shortDir(t), "dead")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	return "unix:" + path
}

func TestHAProxyExplainsASocketWithoutRights(t *testing.T) {
	err := explain(&net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", fs.ErrPermission)})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "'mode 660'") {
		t.Errorf("explain: got %v, want the cause and the next step", err)
	}
}

func TestHAProxyGivesUpOnASocketThatDoesNotAnswer(t *testing.T) {
	release := make(chan struct{})
	s := newFakeSocket(t, func(string) string { <-release; return "" })
	t.Cleanup(func() { close(release) })
	h, err := NewHAProxy(HAProxyConfig{Address: s.Address, Backend: "web", Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Read(t.Context(), tick0); err == nil || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("Read: got error %v, want that there was no answer in time", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Read(ctx, tick0); !errors.Is(err, context.Canceled) {
		t.Errorf("Read after cancel: got error %v, want %v", err, context.Canceled)
	}
}

func TestNewHAProxyRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    HAProxyConfig
		want string
	}{
		{"no address", HAProxyConfig{Backend: "web"}, "want unix:/path/of/socket or tcp:host:port"},
		{"a bare path", HAProxyConfig{Address: "/run/s", Backend: "web"}, "want unix:"},
		{"another network", HAProxyConfig{Address: "udp:127.0.0.1:1", Backend: "web"}, "want unix:"},
		{"tcp without a port", HAProxyConfig{Address: "tcp:localhost", Backend: "web"}, "want tcp:host:port"},
		{"no backend", HAProxyConfig{Address: "unix:/s"}, "backend name"},
		{"a backend that ends the command", HAProxyConfig{Address: "unix:/s", Backend: "web; shutdown"}, "backend name"},
		{"a group that no frame may have", HAProxyConfig{Address: "unix:/s", Backend: "web", Group: "a b"}, "group name"},
		{"a timeout in the past", HAProxyConfig{Address: "unix:/s", Backend: "web", Timeout: -1}, "want more than 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewHAProxy(tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("NewHAProxy(%+v): got error %v, want one with %q", tt.c, err, tt.want)
			}
		})
	}
}
