package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// How both balancers treat a pool. Connections to members are kept; a refused
// connection is offered to another member, because nothing was sent on it; a
// request that was sent is never sent again.
const (
	checkEvery  = time.Second     // GET /health of each member
	checkFall   = 3               // failed checks in a row that take a member out
	checkRise   = 2               // good ones that take it back
	serverWait  = 5 * time.Second // for a member's answer, then 504
	connectWait = 2 * time.Second
	clientWait  = 10 * time.Second // for a client that sends nothing
	maxConns    = 4000             // open connections of clients
)

// BalancerConfig describes a balancer.
type BalancerConfig struct {
	Listen  string   // address for the clients, on loopback; empty: a free port
	Backend string   // the name of the group in the admin protocol
	Servers []Server // at least one
	Dir     string   // HAProxy's configuration is written to haproxy.cfg in it; not used by Builtin
}

// Front is how a balancer is reached.
type Front struct {
	Version string // for example "haproxy/2.6.12"
	URL     string // of the service, for clients
	Admin   string // "unix:" and the path of the admin socket, mode 0600
}

// endpoints are what a balancer takes when it is made: the clients' port and a
// directory for the socket, the name of which must be short.
type endpoints struct {
	Front
	listener *net.TCPListener
	dir      string // temporary; holds the admin socket and nothing else
	socket   string
}

// maxSocketPath is what every Unix leaves for the path of a socket, less some.
const maxSocketPath = 100

func newEndpoints(c BalancerConfig) (_ *endpoints, err error) {
	if c.Backend == "" || len(c.Servers) == 0 {
		return nil, errors.New("sim: balancer: want the name of a backend and at least one server")
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	address, err := net.ResolveTCPAddr("tcp", c.Listen)
	if err != nil || !address.IP.IsLoopback() {
		return nil, fmt.Errorf("sim: balancer: listen on %.60q, want an address on loopback like 127.0.0.1:8080", c.Listen)
	}
	ln, err := net.ListenTCP("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("sim: balancer: %w: want a free port, or port 0 for any", err)
	}
	e := &endpoints{listener: ln, Front: Front{URL: "http://" + ln.Addr().String() + "/"}}
	if e.dir, err = os.MkdirTemp("", "ek"); err != nil {
		return nil, errors.Join(fmt.Errorf("sim: balancer: directory for the admin socket: %w", err), ln.Close())
	}
	e.socket = filepath.Join(e.dir, "admin.sock")
	if len(e.socket) > maxSocketPath {
		err := fmt.Errorf("sim: balancer: path of the admin socket %s has %d bytes, want at most %d: set TMPDIR to a shorter one",
			e.socket, len(e.socket), maxSocketPath)
		return nil, errors.Join(err, e.release())
	}
	e.Admin = "unix:" + e.socket
	return e, nil
}

// release gives the port and the directory back.
func (e *endpoints) release() error {
	err := e.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(e.dir))
}

// Readiness: how long a balancer may take, and how often it is asked.
const (
	readyLimit = 30 * time.Second
	readyEvery = 20 * time.Millisecond
	askLimit   = 10 * time.Second
	maxAnswer  = 1 << 20 // of the admin socket: 200 servers take 50 KB
)

// ready waits until the admin socket answers.
func (e *endpoints) ready(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	for {
		answer, err := e.ask(limited, "show info")
		if err == nil && strings.Contains(answer, "\nPid: ") {
			return nil
		}
		if !sleep(limited, readyEvery) {
			return fmt.Errorf("sim: %s: no answer on %s: %w", e.Version, e.Admin, errors.Join(context.Cause(limited), err))
		}
	}
}

// ask sends one command to the admin socket.
func (e *endpoints) ask(ctx context.Context, command string) (answer string, err error) {
	limited, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(limited, "unix", e.socket)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }() // everything was read
	deadline, _ := limited.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	return string(b), err
}
