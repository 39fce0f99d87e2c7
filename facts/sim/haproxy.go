package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// ErrNoHAProxy says that there is no haproxy on the PATH.
var ErrNoHAProxy = errors.New("no haproxy on the PATH")

// HAProxy is a real HAProxy process in front of a pool: least connections, an
// HTTP check of each member every second, an admin socket.
type HAProxy struct {
	*endpoints
	program string
	config  string // path of its configuration
}

// stopWait is how long HAProxy may take to end after SIGTERM before it is
// killed; it needs a few milliseconds.
const stopWait = 2 * time.Second

var haproxyConfig = template.Must(template.New("haproxy.cfg").Parse(`# Written by evenkeel.
global
    maxconn {{.MaxConns}}
    nbthread 1
    stats socket {{.Socket}} mode 600 level admin

defaults
    mode http
    timeout connect {{.ConnectWait.Milliseconds}}ms
    timeout client {{.ClientWait.Milliseconds}}ms
    timeout server {{.ServerWait.Milliseconds}}ms
    timeout queue {{.ServerWait.Milliseconds}}ms
    # A refused connection is offered to another member; a request that was
    # sent is never sent again.
    retries 3
    retry-on conn-failure
    option redispatch 1

frontend clients
    bind fd@3
    default_backend {{.Backend}}

backend {{.Backend}}
    balance leastconn
    option httpchk GET /health
    default-server check inter {{.CheckEvery.Milliseconds}}ms fall {{.Fall}} rise {{.Rise}} weight {{.Weight}}
{{- range .Servers}}
    server {{.Name}} {{.Address}}
{{- end}}
`))

// NewHAProxy writes the configuration and takes the clients' port; Run must be
// called to give it back. The error wraps [ErrNoHAProxy] when there is none.
func NewHAProxy(ctx context.Context, c BalancerConfig) (*HAProxy, error) {
	program, err := exec.LookPath("haproxy")
	if err != nil {
		return nil, fmt.Errorf("sim: %w: %w", ErrNoHAProxy, err)
	}
	version, err := haproxyVersion(ctx, program)
	if err != nil {
		return nil, err
	}
	e, err := newEndpoints(c)
	if err != nil {
		return nil, err
	}
	e.Version = "haproxy/" + version
	h := &HAProxy{endpoints: e, program: program, config: filepath.Join(c.Dir, "haproxy.cfg")}
	if err := os.WriteFile(h.config, h.configuration(c), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("sim: haproxy: write its configuration: %w", err), e.release())
	}
	return h, nil
}

func (h *HAProxy) configuration(c BalancerConfig) []byte {
	var b bytes.Buffer
	err := haproxyConfig.Execute(&b, struct {
		BalancerConfig
		Socket                                          string
		ConnectWait, ClientWait, ServerWait, CheckEvery time.Duration
		MaxConns, Fall, Rise, Weight                    int
	}{c, h.socket, connectWait, clientWait, serverWait, checkEvery, maxConns, checkFall, checkRise, fullWeight})
	if err != nil {
		panic("sim: the template and its data are both ours: " + err.Error())
	}
	return b.Bytes()
}

// haproxyVersion returns "2.6.12" from the first line of haproxy -v, "HAProxy
// version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/".
func haproxyVersion(ctx context.Context, program string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	out, err := exec.CommandContext(limited, program, "-v").Output()
	if err != nil {
		return "", fmt.Errorf("sim: %s -v: %w", program, err)
	}
	fields := strings.Fields(string(out))
	if len(fields) < 3 || fields[1] != "version" {
		return "", fmt.Errorf("sim: %s -v says %.60q, want \"HAProxy version …\"", program, out)
	}
	version, _, _ := strings.Cut(fields[2], "-")
	return version, nil
}

// Front tells how the balancer is reached.
func (h *HAProxy) Front() Front { return h.endpoints.Front }

// Ready waits until HAProxy answers on its admin socket.
func (h *HAProxy) Ready(ctx context.Context) error { return h.ready(ctx) }

// Run starts HAProxy and waits for it. When ctx ends it ends HAProxy and
// returns nil; when HAProxy ends by itself the error holds what it said.
func (h *HAProxy) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, h.release()) }()
	port, err := h.listener.File()
	if err != nil {
		return fmt.Errorf("sim: haproxy: hand over the port: %w", err)
	}
	defer func() { err = errors.Join(err, port.Close()) }()
	var said tail
	cmd := exec.CommandContext(ctx, h.program, "-db", "-f", h.config)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.ExtraFiles = []*os.File{port} // becomes file 3
	// In a group of its own the terminal's Ctrl-C does not reach it: it is ended
	// after the clients, not before.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithParent(cmd.SysProcAttr)
	runtime.LockOSThread() // the thread that starts it has to last as long as it
	defer runtime.UnlockOSThread()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopWait
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil
	}
	if err == nil {
		err = errors.New("told to by somebody else")
	}
	return fmt.Errorf("sim: %s ended: %w: %s", h.Version, err, said.String())
}

// tail keeps the last bytes written to it.
type tail struct{ b []byte }

const tailBytes = 2048 // of what HAProxy says, for an error message

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - tailBytes; over > 0 {
		t.b = t.b[over:]
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.b)) }
