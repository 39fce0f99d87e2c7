package executor

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// realHAProxy is a haproxy in master-worker mode with the backends web (least
// connections, members m01 to m04) and fixed (static, member m01).
type realHAProxy struct {
	admin, operator string // addresses of its stats sockets
	tcp             string
	frontend        string // path of the unix socket of the service
	master          *os.Process
}

// startHAProxy starts the haproxy of this machine. Without one the test fails:
// what it tests would otherwise be tested nowhere.
func startHAProxy(t *testing.T, target string) *realHAProxy {
	t.Helper()
	path, err := exec.LookPath("haproxy")
	if err != nil {
		if path = "/usr/sbin/haproxy"; exec.Command(path, "-v").Run() != nil {
			t.Fatalf("haproxy is not installed: %v: on Debian, apt-get install haproxy", err)
		}
	}
	dir := shortDir(t)
	tcp := freePort(t)
	h := &realHAProxy{admin: "unix:" + filepath.Join(dir, "a"), operator: "unix:" + filepath.Join(dir, "o"),
		tcp: "tcp:" + tcp, frontend: filepath.Join(dir, "f")}
	var servers strings.Builder
	for i := range 4 {
		fmt.Fprintf(&servers, "  server m%02d %s weight 100\n", i+1, target)
	}
	conf := filepath.Join(dir, "c")
	text := fmt.Sprintf(`global
  stats socket %[1]s/a mode 600 level admin
  stats socket %[1]s/o mode 600 level operator
  stats socket ipv4@%[2]s level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend service
  bind unix@%[1]s/f
  default_backend web
backend web
  balance leastconn
%[3]sbackend fixed
  balance static-rr
  server m01 %[4]s
  server m02 %[4]s disabled
`, dir, tcp, servers.String(), target)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-W", "-f", conf)
	var out strings.Builder
	cmd.Stderr, cmd.Stdout = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.master = cmd.Process
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		hard := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		hard.Stop()
		if t.Failed() {
			t.Logf("haproxy said:\n%s", out.String())
		}
	})
	eventually(t, "haproxy answers", func() error {
		_, err := h.executor(t, h.admin, "web").Observe(t.Context(), "web")
		return err
	})
	return h
}

func (h *realHAProxy) executor(t *testing.T, address, backend string) *HAProxy {
	t.Helper()
	e, err := NewHAProxy(HAProxyConfig{Address: address, Backend: backend, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// patience is the longest a test waits for what takes milliseconds; only a test
// that fails does.
const patience = time.Minute

// eventually calls f until it returns nil, as long as there is patience.
func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v: %v", what, patience, err)
		}
	}
}

// shortDir returns a directory whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ek")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
