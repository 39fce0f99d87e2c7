package executor

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeHAProxy answers the runtime API from memory, with the texts of HAProxy
// 2.6.12, and can be made to misbehave.
type fakeHAProxy struct {
	socket string

	mu       sync.Mutex // guards what follows
	pid      int
	admin    map[string]int
	weight   map[string]int
	assigned int
	lines    []string                        // commands received
	spoil    func(cmd string) (string, bool) // answers instead, when true
}

func startFake(t *testing.T, members ...string) *fakeHAProxy {
	t.Helper()
	f := &fakeHAProxy{socket: filepath.Join(shortDir(t), "s"), pid: 1, admin: map[string]int{}, weight: map[string]int{}}
	for _, m := range members {
		f.admin[m], f.weight[m] = 0, 100
	}
	ln, err := net.Listen("unix", f.socket)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				line, err := bufio.NewReader(c).ReadString('\n')
				if err == nil {
					_, _ = c.Write([]byte(f.answer(strings.TrimSuffix(line, "\n")))) // the peer may be gone
				}
			})
		}
	})
	t.Cleanup(func() { _ = ln.Close(); wg.Wait() })
	return f
}

func (f *fakeHAProxy) answer(cmd string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, cmd)
	if f.spoil != nil {
		if text, ok := f.spoil(cmd); ok {
			return text
		}
	}
	w := strings.Fields(cmd)
	switch {
	case cmd == "show info":
		return fmt.Sprintf("Name: HAProxy\nPid: %d\nStart_time_sec: 1700000000\n\n", f.pid)
	case strings.HasPrefix(cmd, "show servers state "):
		return f.state(w[3])
	case strings.HasPrefix(cmd, "show stat "):
		return f.stat(w[2])
	case strings.HasPrefix(cmd, "set server ") && len(w) == 5:
		return f.set(w[2], w[3], w[4])
	}
	return "Unknown command, but maybe one of the following ones is a better match:\n  show info\n\n"
}

func (f *fakeHAProxy) state(backend string) string {
	if backend != "web" {
		return "Can't find backend.\n\n"
	}
	var b strings.Builder
	b.WriteString("1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_port\n")
	for m, admin := range f.admin {
		op := 2
		if admin&maintBits != 0 {
			op = 0
		}
		fmt.Fprintf(&b, "3 web %s %s 127.0.0.1 %d %d %d 100 7 80\n", m[1:], m, op, admin, f.weight[m])
	}
	return b.String() + "\n"
}

func (f *fakeHAProxy) stat(backend string) string {
	if backend != "web" {
		return "No such proxy.\n\n"
	}
	f.assigned++
	var b strings.Builder
	b.WriteString("# pxname,svname,qcur,scur,stot,\n")
	for m := range f.admin {
		fmt.Fprintf(&b, "web,%s,0,1,%d,\n", m, f.assigned)
	}
	return b.String() + "\n"
}

func (f *fakeHAProxy) set(target, what, value string) string {
	backend, server, _ := strings.Cut(target, "/")
	if backend != "web" {
		return "No such backend.\n\n"
	}
	if _, ok := f.admin[server]; !ok {
		return "No such server.\n\n"
	}
	if what == "weight" {
		w, err := strconv.Atoi(value)
		if err != nil {
			return "Empty weight string empty or preceded by garbage\n"
		}
		f.weight[server] = w
		return "\n"
	}
	admin, ok := map[string]int{"ready": 0, "drain": 8, "maint": 1}[value]
	if !ok {
		return "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"
	}
	f.admin[server] = admin
	return "\n"
}
