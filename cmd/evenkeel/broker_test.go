package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts/bus"
)

// broker is a NATS server in a process of its own, so that it can be killed.
type broker struct {
	binary, store, port string
	cmd                 *exec.Cmd
}

// newBroker builds the server that go.mod names, and starts it.
func newBroker(t *testing.T) *broker {
	t.Helper()
	dir := t.TempDir()
	b := &broker{binary: filepath.Join(dir, "nats-server"), store: filepath.Join(dir, "store"), port: freePort(t)}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", b.binary, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	b.start(t)
	t.Cleanup(func() { b.kill(t) })
	return b
}

func (b *broker) url() string { return "nats://127.0.0.1:" + b.port }

func (b *broker) start(t *testing.T) {
	t.Helper()
	b.cmd = exec.Command(b.binary, "-a", "127.0.0.1", "-p", b.port, "-js", "-sd", b.store)
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the broker accepts connections", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+b.port)
		return err == nil && c.Close() == nil
	})
}

// kill ends the server as a crash would.
func (b *broker) kill(t *testing.T) {
	t.Helper()
	if err := b.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := b.cmd.Wait(); err == nil {
		t.Error("the broker ended by itself, want it killed")
	}
}

// freePort returns a port of the loopback that nobody uses now, below those that
// the system gives to whoever asks for any: nobody gets it before its server
// does.
func freePort(t *testing.T) string {
	t.Helper()
	const first, ports, tries = 20_000, 10_000, 100
	for range tries {
		port := fmt.Sprint(first + rand.IntN(ports))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return port
		}
	}
	t.Fatalf("%d ports from %d on are taken", tries, first)
	return ""
}

func TestLoopSurvivesABrokerThatDies(t *testing.T) {
	b := newBroker(t)
	f := newFleet()
	f.pause = 20 * time.Millisecond // a frame: the watcher goes on while the broker is away
	l, s, _ := testLoop(t, f, func(c *loopConfig) { c.Bus = bus.Config{URL: b.url()} })
	accepted := func() int64 { return l.engine.Stats().Accepted }
	eventually(t, "ready, and facts come through", func() bool { return l.standings.report().Ready() && accepted() > 0 })
	b.kill(t)
	eventually(t, "the broker is said to be away", func() bool { return !l.standings.report().Ready() })
	b.start(t)
	before := accepted()
	eventually(t, "ready again, and facts come through", func() bool { return l.standings.report().Ready() && accepted() > before })
	for _, gone := range []bool{true, false} {
		if n := s.count(func(e loopEvent) bool {
			return e.Trouble != nil && e.Trouble.Part == partBus && (e.Trouble.Err != nil) == gone
		}); n != 1 {
			t.Errorf("told %d times that the broker is away (%t) or back, want once", n, gone)
		}
	}
}
