package executor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/actions"
)

// HAProxyConfig says which backend of which HAProxy.
type HAProxyConfig struct {
	// Address of the stats socket: "unix:/path" or "tcp:host:port". To change
	// anything the socket needs level admin; level operator can read.
	Address string
	Backend string
	// Timeout of one command, 10ms to 1m; 0 is a second.
	Timeout time.Duration
}

// HAProxy reads and changes the servers of one backend over HAProxy's runtime
// API. It sends only the commands of [command], one a connection, and takes
// every answer but an empty one to a change for an error. It is safe for
// concurrent use.
//
// Source: HAProxy 2.6 Management Guide, section 9.3, "Unix Socket commands".
type HAProxy struct {
	network, address string
	backend          string
	timeout          time.Duration
	dialer           net.Dialer
}

// NewHAProxy returns an executor for one backend. It connects to nothing yet.
func NewHAProxy(c HAProxyConfig) (*HAProxy, error) {
	network, address, ok := strings.Cut(c.Address, ":")
	if !ok || network != "unix" && network != "tcp" || address == "" {
		return nil, fmt.Errorf("executor: haproxy address %q, want unix:/path or tcp:host:port", c.Address)
	}
	if network == "tcp" {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, fmt.Errorf("executor: haproxy address %q, want tcp:host:port: %w", c.Address, err)
		}
	}
	if err := checkName("backend", c.Backend); err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = time.Second
	}
	if c.Timeout < 10*time.Millisecond || c.Timeout > time.Minute {
		return nil, fmt.Errorf("executor: haproxy timeout %v, want 10ms to 1m", c.Timeout)
	}
	return &HAProxy{network: network, address: address, backend: c.Backend, timeout: c.Timeout}, nil
}

// Observe reads the backend's servers. The inventory is that of one process:
// when HAProxy is reloaded in the middle the reading is an error, and the next
// one is of the new process.
func (h *HAProxy) Observe(ctx context.Context, group string) (actions.Inventory, error) {
	before, err := h.instance(ctx)
	if err != nil {
		return actions.Inventory{}, err
	}
	servers, err := h.servers(ctx)
	if err != nil {
		return actions.Inventory{}, err
	}
	text, err := h.ask(ctx, showStat(h.backend))
	if err != nil {
		return actions.Inventory{}, err
	}
	work, err := parseStat(text, h.backend)
	if err != nil {
		return actions.Inventory{}, h.fail(showStat(h.backend), err)
	}
	after, err := h.instance(ctx)
	if err != nil {
		return actions.Inventory{}, err
	}
	if before != after {
		return actions.Inventory{}, fmt.Errorf("executor: haproxy %s: reloaded while it was read: process %s, then %s: read again", h.address, before, after)
	}
	inv := actions.Inventory{Group: group, Instance: before}
	for _, s := range servers {
		m := s.member()
		m.Sessions, m.Assigned = work[s.name].sessions, work[s.name].assigned
		inv.Members = append(inv.Members, m)
	}
	return inv, nil
}

// Apply changes one server. The state is read and compared with the expected
// generation, and the deadline looked at, immediately before.
func (h *HAProxy) Apply(ctx context.Context, a actions.Act) error {
	cmd, err := h.command(a)
	if err != nil {
		return fmt.Errorf("%w: %w", err, actions.ErrNotApplied)
	}
	ctx, cancel := context.WithDeadline(ctx, a.Deadline)
	defer cancel()
	if a.Expect != "" {
		if err := h.expect(ctx, a); err != nil {
			return fmt.Errorf("%w: %w", err, actions.ErrNotApplied)
		}
	}
	return h.set(ctx, cmd)
}

// expect returns an error unless the member's generation is the expected one.
func (h *HAProxy) expect(ctx context.Context, a actions.Act) error {
	servers, err := h.servers(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(servers, func(s server) bool { return s.name == a.Member })
	if i < 0 {
		return fmt.Errorf("executor: haproxy %s: no server %s in backend %s", h.address, a.Member, h.backend)
	}
	if found := servers[i].generation(); found != a.Expect {
		return fmt.Errorf("executor: haproxy %s: %s/%s changed since the act was admitted: found %q, want %q: decide again",
			h.address, h.backend, a.Member, found, a.Expect)
	}
	return nil
}

// set sends a command that changes something. HAProxy answers an empty line
// for success, and text, with no code, for everything else.
func (h *HAProxy) set(ctx context.Context, cmd string) error {
	text, err := h.ask(ctx, cmd)
	switch {
	case errors.Is(err, errNotSent):
		return fmt.Errorf("%w: %w", err, actions.ErrNotApplied)
	case err != nil:
		return err
	}
	if text = strings.TrimSpace(text); text != "" {
		return fmt.Errorf("%w: %w", h.fail(cmd, answerError(text)), actions.ErrNotApplied)
	}
	return nil
}

func (h *HAProxy) servers(ctx context.Context) ([]server, error) {
	cmd := showServersState(h.backend)
	text, err := h.ask(ctx, cmd)
	if err != nil {
		return nil, err
	}
	s, err := parseServersState(text, h.backend)
	if err != nil {
		return nil, h.fail(cmd, err)
	}
	return s, nil
}

// instance names the process that answers: a reload starts another one.
func (h *HAProxy) instance(ctx context.Context) (string, error) {
	text, err := h.ask(ctx, showInfo)
	if err != nil {
		return "", err
	}
	id, err := parseInfo(text)
	if err != nil {
		return "", h.fail(showInfo, err)
	}
	return id, nil
}

func (h *HAProxy) fail(cmd string, err error) error {
	return fmt.Errorf("executor: haproxy %s: %s: %w", h.address, cmd, err)
}

// The commands HAProxy is ever sent. Names are checked before they are put in,
// so that none can hold a blank, a line end or the ";" that joins commands.
const showInfo = "show info"

func showServersState(backend string) string { return "show servers state " + backend }

// showStat asks for the servers (4) of one backend, all of them (-1).
func showStat(backend string) string { return "show stat " + backend + " 4 -1" }

// command returns the command that carries out an act.
func (h *HAProxy) command(a actions.Act) (string, error) {
	if err := checkName("server", a.Member); err != nil {
		return "", err
	}
	target := h.backend + "/" + a.Member
	switch a.Verb {
	case actions.Drain:
		return "set server " + target + " state drain", nil
	case actions.Maint:
		return "set server " + target + " state maint", nil
	case actions.Restore:
		return "set server " + target + " state ready", nil
	case actions.Weight:
		if a.Weight < 0 || a.Weight > maxWeight {
			return "", fmt.Errorf("executor: weight %d of %s, want 0 to %d", a.Weight, target, maxWeight)
		}
		return "set server " + target + " weight " + strconv.Itoa(a.Weight), nil
	}
	return "", fmt.Errorf("executor: verb %.20q, want drain, maint, weight or restore", a.Verb)
}

const (
	maxWeight = 256 // SRV_UWGHT_MAX in HAProxy
	maxName   = 128 // bytes of a backend or server name
)

// checkName accepts what HAProxy accepts as a proxy or server name: letters,
// digits, "-", "_", "." and ":" (configuration manual, section 4).
func checkName(what, s string) error {
	bad := strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.' || r == ':')
	})
	if s == "" || len(s) > maxName || bad >= 0 {
		return fmt.Errorf("executor: haproxy %s name %.40q, want 1 to %d letters, digits and -_.: only", what, s, maxName)
	}
	return nil
}
