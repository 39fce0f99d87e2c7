package sim_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts/sim"
)

func TestStandingContract(t *testing.T) {
	t.Parallel()
	for which := range balancers {
		t.Run(which+" shows what was set", func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, which, sim.PoolConfig{Members: 3}, 1)
			for _, tt := range []struct{ state, status, op, admin string }{
				{"ready", "UP", "2", "0"},
				{"drain", "DRAIN", "2", "8"},
				{"maint", "MAINT", "0", "1"},
				{"ready", "UP", "2", "0"},
			} {
				f.ask(t, "set server web/m02 state "+tt.state)
				// A check that a busy machine answers late shows for a while: "UP 1/3" is up.
				await(t, "m02 is shown as "+tt.status, func() bool {
					status, _, _ := strings.Cut(f.column(t, "status")["m02"], " ")
					op, admin := f.stateOf(t, "m02")
					return status == tt.status && op == tt.op && admin == tt.admin
				})
			}
		})
		t.Run(which+" takes out a member that is gone, loses nothing by it, and takes it back", func(t *testing.T) {
			t.Parallel()
			address, open := absent(t)
			f := startFleet(t, which, sim.PoolConfig{Members: 2}, 30, sim.Server{Name: "m03", Address: address})
			start := time.Now()
			await(t, "m03 is out", func() bool { return f.column(t, "status")["m03"] == "DOWN" })
			if got := f.after(t, start, 30); got.Lost() > 0 {
				t.Errorf("while m03 was gone: %+v, want nothing lost: refused connections are offered to another member", got)
			}
			if failed := f.column(t, "chkfail")["m03"]; failed == "0" {
				t.Error("m03 was taken out by no check that failed")
			}
			before := f.column(t, "stot")["m03"]
			open(f.pool.Servers()[0])
			await(t, "m03 is up again", func() bool { return f.column(t, "status")["m03"] == "UP" })
			await(t, "m03 has work", func() bool { return f.column(t, "stot")["m03"] != before })
		})
	}
}

// absent takes a port on which connections are refused until open is called:
// then they are passed on to another member.
func absent(t *testing.T) (address string, open func(to sim.Server)) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "member")
	t.Cleanup(func() { _ = file.Close() }) // once is enough
	syscall.CloseOnExec(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address = fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
	return address, func(to sim.Server) {
		t.Helper()
		if err := syscall.Listen(fd, syscall.SOMAXCONN); err != nil {
			t.Fatal(err)
		}
		ln, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: to.Address}))
		_ = s.Listener.Close() // ours is in its place
		s.Listener = ln
		s.Config.ErrorLog = log.New(io.Discard, "", 0) // of requests cut at the end of the test
		s.Start()
		t.Cleanup(s.Close)
	}
}
