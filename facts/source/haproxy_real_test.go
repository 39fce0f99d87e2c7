package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// balancer is a real HAProxy in front of three members. Its front door and its
// stats sockets are unix sockets, so that it needs no free port.
type balancer struct {
	t       *testing.T
	program string
	dir     string
	admin   statsSocket
	client  *http.Client
	pages   map[string]string // of each member
	proc    *exec.Cmd         // the process started last
}

// startBalancer starts HAProxy and waits until it answers. The frontend has the
// given name and the backend is named web.
func startBalancer(t *testing.T, frontend string) *balancer {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Fatalf("haproxy is not installed: want Debian's package haproxy, which 'make test' installs: %v", err)
	}
	b := &balancer{t: t, dir: shortDir(t), program: program, pages: map[string]string{}}
	b.admin, err = newStatsSocket("unix:"+filepath.Join(b.dir, "admin"), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	b.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", filepath.Join(b.dir, "front"))
		},
	}}
	t.Cleanup(b.client.CloseIdleConnections)
	b.configure(frontend)
	b.start()
	return b
}

// start starts a process, beside or after others, and waits until it is the
// one that answers.
func (b *balancer) start(more ...string) {
	b.t.Helper()
	var log bytes.Buffer
	proc := exec.Command(b.program, append([]string{"-db", "-f", filepath.Join(b.dir, "haproxy.cfg")}, more...)...)
	proc.Stdout, proc.Stderr = &log, &log
	if err := proc.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		_ = proc.Process.Kill() // it may have ended already
		_ = proc.Wait()         // and says by which signal
		if b.t.Failed() {
			b.t.Logf("haproxy %d wrote:\n%s", proc.Process.Pid, log.String())
		}
	})
	b.proc = proc
	want := fmt.Sprint(proc.Process.Pid)
	b.until("process "+want+" answers", func() error {
		if got := b.pid(); got != want {
			return fmt.Errorf("process %q answers", got)
		}
		return nil
	})
	b.client.CloseIdleConnections() // they may lead to an older process
}

// pid returns the process that answers on the admin socket, or nothing while
// none does.
func (b *balancer) pid() string {
	reply, err := b.admin.ask(b.t.Context(), "show info")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(reply), "\nPid: ")
	pid, _, _ := strings.Cut(rest, "\n")
	return pid
}

// configure starts the members m01 to m03 and writes the configuration: m01
// has no check, m02 and m03 are checked now and then.
func (b *balancer) configure(frontend string) {
	var servers strings.Builder
	for i, check := range []string{"", "check inter 5s", "check inter 5s"} {
		var served atomic.Int64
		member := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/metrics" {
				fmt.Fprintf(w, "be_requests_total %d\nbe_cpu 0.5\n", served.Load())
				return
			}
			served.Add(1)
			fmt.Fprint(w, "hello")
		}))
		b.t.Cleanup(member.Close)
		b.pages[fmt.Sprintf("m%02d", i+1)] = member.URL + "/metrics"
		fmt.Fprintf(&servers, "  server m%02d %s %s\n", i+1, member.Listener.Addr(), check)
	}
	text := fmt.Sprintf(`global
  maxconn 100
  stats socket %[1]s/admin mode 600 level admin
  stats socket %[1]s/user mode 600 level user
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend %[2]s
  bind %[1]s/front
  default_backend web
backend web
  balance roundrobin
%[3]s`, b.dir, frontend, servers.String())
	if err := os.WriteFile(filepath.Join(b.dir, "haproxy.cfg"), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// until polls until the condition holds.
func (b *balancer) until(what string, condition func() error) {
	b.t.Helper()
	var err error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = condition(); err == nil {
			return
		}
	}
	b.t.Fatalf("haproxy: waited in vain until %s: %v", what, err)
}

// command gives an order over the admin socket, which is silent when it obeys.
func (b *balancer) command(s string) {
	b.t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(b.t.Context(), "unix", b.admin.name)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, s+"\n"); err != nil {
		b.t.Fatal(err)
	}
	if reply, err := io.ReadAll(conn); err != nil || strings.TrimSpace(string(reply)) != "" {
		b.t.Fatalf("command %q: got %q, %v; want an empty answer", s, reply, err)
	}
}

// load sends n requests one after the other, all of which must be answered.
func (b *balancer) load(n int) {
	b.t.Helper()
	for range n {
		resp, err := b.client.Get("http://web/")
		if err != nil {
			b.t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
			b.t.Fatalf("request: got %s, %v; want 200", resp.Status, err)
		}
	}
}

// reader returns a reader over the user socket, whose clock is *now.
func (b *balancer) reader(now *time.Time) *HAProxy {
	return newTestHAProxy(b.t, "unix:"+filepath.Join(b.dir, "user"), now)
}

func (b *balancer) read(h *HAProxy, now time.Time) *facts.Frame {
	b.t.Helper()
	f, err := h.Read(b.t.Context(), now)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := f.Check(); err != nil {
		b.t.Fatal(err)
	}
	return f
}

func TestRealHAProxyRates(t *testing.T) {
	b, now := startBalancer(t, "front"), tick0
	h := b.reader(&now)
	b.load(3)
	b.read(h, now)
	b.load(60)
	now = now.Add(2 * time.Second)
	f := b.read(h, now)
	for _, metric := range []string{"hx_stot", "hx_lbtot", "hx_hrsp_2xx"} {
		checkColumn(t, f, metric, map[string]string{"m01": "10", "m02": "10", "m03": "10"})
	}
	for _, metric := range []string{"hx_econ", "hx_eresp", "hx_hrsp_5xx", "hx_admin"} {
		checkColumn(t, f, metric, map[string]string{"m01": "0", "m02": "0", "m03": "0"})
	}
	checkColumn(t, f, "hx_up", map[string]string{"m01": "1", "m02": "1", "m03": "1"})
	checkColumn(t, f, "hx_weight", map[string]string{"m01": "1", "m02": "1", "m03": "1"})
	if got := f.At("m01", "hx_bout"); got < 10*float64(len("hello")) {
		t.Errorf("hx_bout of m01: got %v bytes per second, want those of ten answers", got)
	}
}

func TestRealHAProxyStandings(t *testing.T) {
	b, now := startBalancer(t, "front"), tick0
	h := b.reader(&now)
	b.command("set server web/m01 state drain")
	b.command("set server web/m02 state maint")
	f := b.read(h, now)
	checkColumn(t, f, facts.MetricAdmin, map[string]string{"m01": "1", "m02": "2", "m03": "0"})
	checkColumn(t, f, facts.MetricUp, map[string]string{"m01": "1", "m02": "1", "m03": "1"})

	b.command("set server web/m01 state ready")
	b.command("set server web/m02 state ready")
	b.command("set server web/m03 health down")
	f = b.read(h, now)
	checkColumn(t, f, facts.MetricAdmin, map[string]string{"m01": "0", "m02": "0", "m03": "0"})
	if got := f.At("m03", facts.MetricUp); got != 0 {
		t.Errorf("hx_up of m03, which is down: got %v, want 0", got)
	}
}

func TestRealHAProxyReloadResetsTheRates(t *testing.T) {
	b, now := startBalancer(t, "front"), tick0
	h := b.reader(&now)
	b.load(30)
	b.read(h, now)
	now = now.Add(time.Second)
	checkColumn(t, b.read(h, now), "hx_stot", map[string]string{"m01": "0", "m02": "0", "m03": "0"})

	b.start("-sf", fmt.Sprint(b.proc.Process.Pid)) // the old one ends when the new one is ready
	b.load(6)
	now = now.Add(time.Second)
	checkColumn(t, b.read(h, now), "hx_stot", map[string]string{"m01": "NaN", "m02": "NaN", "m03": "NaN"})
	b.load(9)
	now = now.Add(time.Second)
	checkColumn(t, b.read(h, now), "hx_stot", map[string]string{"m01": "3", "m02": "3", "m03": "3"})
}

// TestRealHAProxyRecorded joins the balancer with its members, records what is
// seen of them under load, and reads it back.
func TestRealHAProxyRecorded(t *testing.T) {
	b := startBalancer(t, "front")
	h, err := NewHAProxy(HAProxyConfig{Address: "unix:" + filepath.Join(b.dir, "user"), Backend: "web"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPrometheus(PrometheusConfig{Group: "web", Members: b.pages})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	j, err := NewJoin("web", h, p)
	if err != nil {
		t.Fatal(err)
	}
	poller, err := NewPoller(j, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(b.dir, "run.csv.gz")
	w, err := CreateRecording(file, false)
	if err != nil {
		t.Fatal(err)
	}
	var seen []*facts.Frame
	for n := 0; len(seen) < 4; n++ {
		if n == 50 {
			t.Fatalf("frames after 50 ticks: got %d, want 4", len(seen))
		}
		b.load(30)
		f, err := poller.Next(t.Context())
		if err != nil {
			t.Logf("tick: %v", err) // a busy machine may be late
			continue
		}
		seen = append(seen, f)
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	last := seen[len(seen)-1]
	for _, m := range []string{"m01", "m02", "m03"} {
		if !(last.At(m, "hx_stot") > 0) || !(last.At(m, "be_requests") > 0) || last.At(m, "be_cpu") != 0.5 || last.At(m, "hx_up") != 1 {
			t.Errorf("last frame: got %+v, want rates and gauges of %s from both sides", last, m)
		}
	}
	r, err := OpenRecording(file)
	if err != nil {
		t.Fatal(err)
	}
	again, err := readAll(t, r)
	if err := errors.Join(err, r.Close()); err != nil || !identical(seen, again) {
		t.Errorf("read back: got %v, %v; want %v", again, err, seen)
	}
}

func TestRealHAProxyWithAFrontendOfTheBackendsName(t *testing.T) {
	b, now := startBalancer(t, "web"), tick0
	checkColumn(t, b.read(b.reader(&now), now), facts.MetricUp, map[string]string{"m01": "1", "m02": "1", "m03": "1"})
}

func TestRealHAProxyRefusals(t *testing.T) {
	b, now := startBalancer(t, "front"), tick0
	h := b.reader(&now)
	h.backend = "nowhere"
	if _, err := h.Read(t.Context(), now); err == nil || !strings.Contains(err.Error(), `"No such proxy.": want the name of one of its`) {
		t.Errorf("Read of an unknown backend: got error %v", err)
	}
	reply, err := h.socket.ask(t.Context(), "set server web/m01 state drain")
	if err != nil {
		t.Fatal(err)
	}
	if err := refusal(reply); err == nil || !strings.Contains(err.Error(), "of level user or higher") {
		t.Errorf("answer to a command above the socket's level: got %v from %q", err, reply)
	}
	h.backend = "front"
	if _, err := h.Read(t.Context(), now); err == nil || !strings.Contains(err.Error(), "it has no servers") {
		t.Errorf("Read of a frontend: got error %v", err)
	}
}

func TestRealHAProxyDiesAndComesBack(t *testing.T) {
	b, now := startBalancer(t, "front"), tick0
	h := b.reader(&now)
	b.load(30)
	b.read(h, now)
	if err := b.proc.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	b.until("it is gone", func() error {
		if b.pid() != "" {
			return errors.New("it answers")
		}
		return nil
	})
	if _, err := h.Read(t.Context(), now); err == nil || !strings.Contains(err.Error(), "is haproxy running?") {
		t.Errorf("Read while it is gone: got error %v", err)
	}
	b.start()
	b.load(6)
	now = now.Add(3 * time.Second)
	checkColumn(t, b.read(h, now), "hx_stot", map[string]string{"m01": "NaN", "m02": "NaN", "m03": "NaN"})
	b.load(6)
	now = now.Add(time.Second)
	checkColumn(t, b.read(h, now), "hx_stot", map[string]string{"m01": "2", "m02": "2", "m03": "2"})
}
