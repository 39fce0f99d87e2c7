package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/source"
)

// syncBuffer is a buffer that may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
func (s *syncBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

// startHAProxy starts a real HAProxy in front of three real servers, in a
// directory whose name is short enough for a socket, and returns its directory,
// with the socket admin.sock, and its address.
func startHAProxy(t *testing.T) (dir, address string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ek")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	address = "127.0.0.1:" + freePort(t)
	conf := "global\n  stats socket " + dir + "/admin.sock mode 600 level admin\n" +
		"defaults\n  mode http\n  timeout connect 1s\n  timeout client 5s\n  timeout server 5s\n" +
		"frontend in\n  bind " + address + "\n  default_backend web\nbackend web\n  balance leastconn\n"
	for i := range 3 {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "a page") }))
		t.Cleanup(s.Close)
		conf += fmt.Sprintf("  server %s %s\n", memberName(i), s.Listener.Addr())
	}
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var out syncBuffer
	cmd := exec.Command("haproxy", "-db", "-f", file)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("start haproxy: %v: want the haproxy package of the distribution", err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		cmd.Wait() //nolint:errcheck // it ends by the signal it was sent
	})
	for network, a := range map[string]string{"tcp": address, "unix": dir + "/admin.sock"} {
		eventually(t, "haproxy listens on "+a, func() bool {
			c, err := net.Dial(network, a)
			return err == nil && c.Close() == nil
		})
	}
	return dir, address
}

// writeConfig writes an evenkeel.yaml for the HAProxy in dir.
func writeConfig(t *testing.T, dir, listen string) string {
	t.Helper()
	pack, err := filepath.Abs("packs/demo")
	if err != nil {
		t.Fatal(err)
	}
	where := "{haproxy: {socket: " + dir + "/admin.sock, backend: web}}"
	text := "env: test\ndata: " + dir + "/data\nconsole: {listen: '" + listen + "'}\ngroups:\n  web:\n    source: " + where +
		"\n    tick: 100ms\n    mode: act\n    executor: " + where + "\n    pack: " + pack + "\n"
	file := filepath.Join(dir, "evenkeel.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var consoleForm = regexp.MustCompile(`console=(http://\S+)`)

// consoleOf waits until serve says where its console is.
func consoleOf(t *testing.T, stderr *syncBuffer, code <-chan int) string {
	t.Helper()
	eventually(t, "serve says where its console is", func() bool {
		select {
		case c := <-code:
			t.Fatalf("serve ended with %d:\n%s", c, stderr.String())
		default:
		}
		return consoleForm.MatchString(stderr.String())
	})
	return consoleForm.FindStringSubmatch(stderr.String())[1]
}

// get returns status and body of a page.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestServeObservesARealHAProxy(t *testing.T) {
	dir, address := startHAProxy(t)
	file := writeConfig(t, dir, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr syncBuffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"serve", "-c", file}, &stdout, &stderr) }()
	console := consoleOf(t, &stderr, code)
	eventually(t, "it is ready", func() bool { status, _ := get(t, console+"/readyz"); return status == http.StatusOK })
	if status, body := get(t, "http://"+address+"/"); status != http.StatusOK || body != "a page\n" {
		t.Errorf("a page through haproxy = %d %q", status, body)
	}
	if status, body := get(t, console+"/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz = %d %q, want 200 ok", status, body)
	}
	_, ready := get(t, console+"/readyz")
	for _, part := range []string{`"part":"balancer web"`, `"part":"bus"`, `"part":"log"`, `"part":"source web"`, "group web runs in observe: " + whyObserve} {
		if !strings.Contains(ready, part) {
			t.Errorf("/readyz = %s, want %s in it", ready, part)
		}
	}
	eventually(t, "facts are decided upon", func() bool {
		_, m := get(t, console+"/metrics")
		return regexp.MustCompile(`(?m)^evenkeel_facts_accepted_total [1-9]`).MatchString(m) &&
			strings.Contains(m, `evenkeel_ready{part="source web"} 1`)
	})
	self, err := source.NewPrometheus(source.PrometheusConfig{Group: "self", Timeout: fleetPatience, Members: map[string]string{"self": console + "/metrics"},
		Metrics: map[string]string{"evenkeel_log_entries": "log_entries"}})
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	if f, err := self.Read(ctx, time.Now()); err != nil || f.At("self", "log_entries") < 1 {
		t.Errorf("/metrics read as Prometheus does = %+v, %v, want the entries of the log", f, err)
	}
	second := writeConfig(t, t.TempDir(), strings.TrimPrefix(console, "http://"))
	var refused syncBuffer
	if got := run(ctx, []string{"serve", "-c", second}, &refused, &refused); got != exitFailed ||
		!strings.Contains(refused.String(), "address already in use") || !strings.Contains(refused.String(), "evenkeel: hint: another process has the port") {
		t.Errorf("serve on a port that is taken = %d:\n%s\nwant 1, the reason and a hint", got, refused.String())
	}
	cancel() // as SIGTERM does
	if got := <-code; got != exitDone {
		t.Errorf("serve = %d, want 0:\n%s", got, stderr.String())
	}
	n := types(verified(t, filepath.Join(dir, "data")))
	if n[typeStart] != 1 || n[typeStop] != 1 || n["decision"] == 0 || n["intent"] > 0 {
		t.Errorf("entries %v, want a start, decisions and a stop, and no intent", n)
	}
	if stdout.String() != "" {
		t.Errorf("standard output %q, want nothing", stdout.String())
	}
}

func TestServeEndsBySIGTERM(t *testing.T) {
	dir, _ := startHAProxy(t)
	var stderr syncBuffer
	cmd := exec.Command("evenkeel", "serve", "-c", writeConfig(t, dir, "127.0.0.1:0")) // this program: see TestMain
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it serves", func() bool { return consoleForm.MatchString(stderr.String()) })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("serve ended by SIGTERM: %v, want exit code 0:\n%s", err, stderr.String())
	}
	all := verified(t, filepath.Join(dir, "data"))
	last := all[len(all)-1]
	if last.Type != typeStop || !strings.Contains(string(last.Body), "terminated") {
		t.Errorf("last entry %s %s, want a stop by the signal", last.Type, last.Body)
	}
	if want := "web: observe; first alarm after "; !strings.Contains(stderr.String(), want) {
		t.Errorf("standard error %q, want %q in it", stderr.String(), want)
	}
}

func TestServeComesBackWhenHAProxyDoes(t *testing.T) {
	dir, _ := startHAProxy(t)
	file := writeConfig(t, dir, "127.0.0.1:0")
	if err := os.Rename(dir+"/admin.sock", dir+"/hidden.sock"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stderr syncBuffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"serve", "-c", file}, io.Discard, &stderr) }()
	console := consoleOf(t, &stderr, code)
	status, body := get(t, console+"/readyz")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, `"part":"source web","ok":false`) {
		t.Errorf("/readyz = %d %s, want 503 and the source", status, body)
	}
	if err := os.Rename(dir+"/hidden.sock", dir+"/admin.sock"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is ready", func() bool { status, _ := get(t, console+"/readyz"); return status == http.StatusOK })
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("serve = %d, want 0:\n%s", got, stderr.String())
	}
}

// answer is a reader that always says the same.
type answer struct {
	frame *facts.Frame
	err   error
}

func (a answer) Read(context.Context, time.Time) (*facts.Frame, error) { return a.frame, a.err }

func TestTryTellsWhatWillPassFromWhatWillNot(t *testing.T) {
	denied := &net.OpError{Op: "dial", Net: "unix", Err: fs.ErrPermission}
	for _, tt := range []struct {
		name   string
		answer answer
		want   error
		said   string
	}{
		{"a source that answers", answer{frame: &facts.Frame{}}, nil, ""},
		{"a source that answers in part", answer{frame: &facts.Frame{}, err: source.ErrNoMetric}, nil, `level=WARN msg="first reading is not whole" group=web`},
		{"a source that is away", answer{err: io.ErrUnexpectedEOF}, nil, `level=WARN msg="no reading yet" group=web`},
		{"a source that may not be read", answer{err: denied}, denied, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var said bytes.Buffer
			if got := try(t.Context(), "web", tt.answer, slog.New(slog.NewTextHandler(&said, nil))); got != tt.want {
				t.Errorf("try = %v, want %v", got, tt.want)
			}
			if !strings.Contains(said.String(), tt.said) {
				t.Errorf("try said %q, want %q", said.String(), tt.said)
			}
		})
	}
}
