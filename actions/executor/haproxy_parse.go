package executor

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/actions"
)

// Bits of srv_admin_state in "show servers state": 0x01 FMAINT, explicitly
// forced into maintenance; 0x02 IMAINT, inherited from a tracked server; 0x04
// CMAINT, in maintenance because of the configuration; 0x08 FDRAIN, explicitly
// forced into drain state; 0x10 IDRAIN, inherited; 0x20 RMAINT, an address
// resolution failure; 0x40 HMAINT, the name was set from the stats socket.
//
// 0x04 and 0x40 say where a state came from and not that the server is out: one
// that is "disabled" in the configuration reads 5, and 4 once it is set ready
// and serves (seen with 2.6.12).
//
// Source: HAProxy 2.6 Management Guide, section 9.3, "show servers state".
const (
	maintBits = 0x01 | 0x02 | 0x20
	drainBits = 0x08 | 0x10
)

// Values of srv_op_state, from the same section, in which a server takes work;
// 0 is down and 3 up but stopping.
const (
	opStarting = 1 // up, its share of work still growing
	opRunning  = 2
)

// server is one line of "show servers state".
type server struct {
	name, id, addr, port string
	op, admin, weight    int
}

func (s server) member() actions.Member {
	m := actions.Member{Name: s.name, Standing: actions.InService, Up: s.op == opStarting || s.op == opRunning,
		Weight: s.weight, Generation: s.generation()}
	switch {
	case s.admin&maintBits != 0:
		m.Standing = actions.InMaintenance
	case s.admin&drainBits != 0:
		m.Standing = actions.Drained
	}
	return m
}

// generation holds what an act depends on and what does not change by itself:
// who the server is, and what people or programs decided about it. The result
// of health checks is not in it.
func (s server) generation() string {
	return fmt.Sprintf("id=%s addr=%s:%s admin=%d weight=%d", s.id, s.addr, s.port, s.admin, s.weight)
}

// parseServersState reads the answer to "show servers state" for one backend:
// a version line "1", a header "# be_id be_name …", one line a server.
func parseServersState(text, backend string) ([]server, error) {
	version, rest, _ := strings.Cut(text, "\n")
	if strings.TrimSpace(version) != "1" {
		return nil, answerError(strings.TrimSpace(text))
	}
	header, rest, _ := strings.Cut(rest, "\n")
	names := strings.Fields(strings.TrimPrefix(header, "#"))
	need := []string{"be_name", "srv_id", "srv_name", "srv_addr", "srv_op_state", "srv_admin_state", "srv_uweight", "srv_port"}
	at := make(map[string]int, len(need))
	for _, n := range need {
		if at[n] = slices.Index(names, n); at[n] < 0 {
			return nil, fmt.Errorf("header %.120q has no column %s", header, n)
		}
	}
	var out []server
	for line := range strings.Lines(rest) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) < len(names) {
			return nil, fmt.Errorf("line %.120q has %d fields, want %d", line, len(f), len(names))
		}
		s := server{name: f[at["srv_name"]], id: f[at["srv_id"]], addr: f[at["srv_addr"]], port: f[at["srv_port"]]}
		if f[at["be_name"]] != backend {
			return nil, fmt.Errorf("line %.120q is of backend %.40q, want %s", line, f[at["be_name"]], backend)
		}
		if err := checkName("server", s.name); err != nil {
			return nil, err
		}
		for _, n := range []struct {
			to   *int
			name string
		}{{&s.op, "srv_op_state"}, {&s.admin, "srv_admin_state"}, {&s.weight, "srv_uweight"}} {
			v, err := strconv.Atoi(f[at[n.name]])
			if err != nil || v < 0 {
				return nil, fmt.Errorf("server %s: %s is %.20q, want a number", s.name, n.name, f[at[n.name]])
			}
			*n.to = v
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b server) int { return strings.Compare(a.name, b.name) })
	for i := range out {
		if i > 0 && out[i].name == out[i-1].name {
			return nil, fmt.Errorf("server %s is there twice", out[i].name)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no servers in the backend")
	}
	return out, nil
}

// load is a server's part in "show stat".
type load struct{ sessions, assigned int64 }

// parseStat reads the answer to "show stat" for one backend, CSV with a header
// that begins "# pxname,svname". scur are the sessions now, stot those ever.
//
// Source: HAProxy 2.6 Management Guide, section 9.1, "CSV format".
func parseStat(text, backend string) (map[string]load, error) {
	if !strings.HasPrefix(text, "# pxname,svname,") {
		return nil, answerError(strings.TrimSpace(text))
	}
	r := csv.NewReader(strings.NewReader(text[len("# "):]))
	lines, err := r.ReadAll() // refuses a line that is not as long as the header
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	header := lines[0]
	scur, stot := slices.Index(header, "scur"), slices.Index(header, "stot")
	if scur < 0 || stot < 0 {
		return nil, errors.New("header has no column scur or stot")
	}
	out := map[string]load{}
	for _, f := range lines[1:] {
		if f[0] != backend || f[1] == "FRONTEND" || f[1] == "BACKEND" {
			continue
		}
		var l load
		for _, n := range []struct {
			to *int64
			at int
		}{{&l.sessions, scur}, {&l.assigned, stot}} {
			if *n.to, err = strconv.ParseInt(f[n.at], 10, 64); err != nil || *n.to < 0 {
				return nil, fmt.Errorf("server %.40s: %s is %.20q, want a number", f[1], header[n.at], f[n.at])
			}
		}
		out[f[1]] = l
	}
	return out, nil
}

// parseInfo returns the identity of the process from "show info": its process
// id and start time. A reload in master-worker mode forks a new worker.
func parseInfo(text string) (string, error) {
	var pid, start string
	for line := range strings.Lines(text) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch k {
		case "Pid":
			pid = v
		case "Start_time_sec":
			start = v
		}
	}
	if _, err := strconv.ParseUint(pid, 10, 32); err != nil {
		return "", answerError(strings.TrimSpace(text))
	}
	if start != "" {
		if _, err := strconv.ParseInt(start, 10, 64); err != nil {
			return "", fmt.Errorf("start time is %.20q, want seconds since 1970", start)
		}
	}
	return pid + "@" + start, nil
}
