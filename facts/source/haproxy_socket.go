package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"time"
)

// maxReplyBytes bounds an answer of the stats socket: a server takes about 230
// bytes, so that this is room for four times [facts.MaxMembers], which other
// backends of the same process may need.
const maxReplyBytes = 16 << 20

// statsSocket talks to HAProxy's runtime API: one command a connection, the
// answer ends with the connection.
type statsSocket struct {
	address       string // as configured, for errors
	network, name string
	timeout       time.Duration
}

func newStatsSocket(address string, timeout time.Duration) (statsSocket, error) {
	network, name, _ := strings.Cut(address, ":")
	s := statsSocket{address, network, name, timeout}
	switch {
	case name == "" || network != "unix" && network != "tcp":
		return s, fmt.Errorf("source: haproxy address %.100q: want unix:/path/of/socket or tcp:host:port", address)
	case timeout < 0:
		return s, fmt.Errorf("source: haproxy %s: timeout %v: want more than 0", address, timeout)
	}
	if network == "tcp" {
		if _, _, err := net.SplitHostPort(name); err != nil {
			return s, fmt.Errorf("source: haproxy address %.100q: want tcp:host:port: %w", address, err)
		}
	}
	return s, nil
}

// ask sends one command and returns the whole answer.
func (s statsSocket) ask(ctx context.Context, command string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	reply, err := s.converse(limited, command)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, errors.New("no answer in time: is the balancer overloaded, or is this another kind of socket?")
	case err != nil:
		return nil, explain(err)
	case len(reply) > maxReplyBytes:
		return nil, fmt.Errorf("answer to %q has more than %d bytes", command, maxReplyBytes)
	case len(bytes.TrimSpace(reply)) == 0:
		return nil, fmt.Errorf("no answer to %q: is this the 'stats socket' of an haproxy?", command)
	}
	return reply, nil
}

func (s statsSocket) converse(ctx context.Context, command string) ([]byte, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, s.network, s.name)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() }) // also at the deadline
	defer stop()
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(conn, maxReplyBytes+1))
}

// explain adds the next step to what the network says.
func explain(err error) error {
	step := ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		step = ": run as a member of the socket's group (usually haproxy), or set 'mode 660' and 'group' on its 'stats socket' line"
	case errors.Is(err, fs.ErrNotExist):
		step = ": want the path on a 'stats socket' line of the configuration of a running haproxy"
	case errors.Is(err, syscall.ECONNREFUSED):
		step = ": is haproxy running?"
	}
	return fmt.Errorf("%w%s", err, step)
}

// refusals lists how HAProxy 2.6 answers what it does not do, and what to do
// about it. It has no codes: an answer that is not the CSV is a refusal.
var refusals = []struct{ text, step string }{
	{"Permission denied", "want a 'stats socket' of level user or higher"},
	{"No such proxy", "want the name of one of its 'backend' or 'listen' sections"},
	{"Unknown command", "want an haproxy that knows 'show stat'"},
}

// refusal returns the error that an answer to "show stat" is, or nil when it
// is the CSV.
func refusal(reply []byte) error {
	if bytes.HasPrefix(reply, []byte("# ")) {
		return nil
	}
	line, _, _ := strings.Cut(string(reply[:min(len(reply), 200)]), "\n")
	for _, r := range refusals {
		if strings.HasPrefix(line, r.text) {
			return fmt.Errorf("haproxy answers %q: %s", line, r.step)
		}
	}
	return fmt.Errorf("haproxy answers %q: want the statistics as CSV", line)
}
