package bus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/evenkeel/evenkeel/facts"
)

// patience is the longest a test waits for something that should come soon; it
// is reached only by a test that fails.
const patience = 2 * time.Minute

var t0 = time.Date(2026, 11, 22, 5, 51, 46, 0, time.UTC)

// fact returns a valid fact, different for each n.
func fact(n int) facts.Fact {
	at := t0.Add(time.Duration(n) * time.Second)
	return facts.Fact{V: 1, Kind: facts.Absent, State: facts.Alarm, Env: "fra1", Group: "web.fra1", Member: "web-07:80",
		Time: facts.At(at), Onset: facts.At(at), Expires: facts.At(at.Add(3 * time.Second)),
		Detector: facts.Detector{ID: "det-a@host/1", Build: "test", Params: facts.Digest(nil)}}
}

// bigFact returns a valid fact of about 40 KiB, different for each n.
func bigFact(n int) facts.Fact {
	f := fact(n)
	f.Kind, f.State, f.Member = facts.Membership, facts.Watch, ""
	for i := range 1000 {
		f.Members = append(f.Members, facts.MemberState{Name: fmt.Sprintf("member-%06d", i), State: facts.StandingIn})
	}
	return f
}

func idOf(t testing.TB, f facts.Fact) string {
	t.Helper()
	id, err := f.ID()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// open opens a bus that is closed with the test, and whose publishers have the
// patience of a test: on a machine that is busy elsewhere a broker is not away
// because it is slow.
func open(t testing.TB, c Config) *Bus {
	t.Helper()
	if c.Env == "" {
		c.Env = "fra1"
	}
	b, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	b.publishWait = patience
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return b
}

// onBoth runs the test against either broker.
func onBoth(t *testing.T, test func(t *testing.T, c Config)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, Config{StoreDir: t.TempDir()})
	})
	t.Run("external", func(t *testing.T) {
		t.Parallel()
		test(t, Config{URL: listen(t, nil).ClientURL()})
	})
}

// listen starts a server on a free port of the loopback, as somebody else
// would run it.
func listen(t testing.TB, change func(*server.Options)) *server.Server {
	t.Helper()
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(),
		NoSigs: true, NoLog: true, JetStreamMaxMemory: 1 << 20, JetStreamMaxStore: 1 << 40}
	if change != nil {
		change(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(s.Start)
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
		wg.Wait()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server did not come up")
	}
	return s
}

// stranger returns a connection of somebody else to the broker of b.
func stranger(t testing.TB, b *Bus) *nats.Conn {
	t.Helper()
	var o []nats.Option
	if b.broker != nil {
		o = append(o, nats.InProcessServer(b.broker.srv))
	}
	nc, err := nats.Connect(b.cfg.URL, o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// overhear returns what a stranger hears on a subject from now on.
func overhear(t testing.TB, b *Bus, subject string) *nats.Subscription {
	t.Helper()
	nc := stranger(t, b)
	sub, err := nc.SubscribeSync(subject)
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func strangerStreams(t testing.TB, b *Bus) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(stranger(t, b))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// consumer runs Consume and keeps the ids it was given.
type consumer struct {
	stop func()
	done chan error

	mu  sync.Mutex
	ids []string
}

// consume starts a consumer of b and waits until it is attached. handle may be
// nil; its error keeps the fact out of ids.
func consume(t testing.TB, b *Bus, handle Handler) *consumer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &consumer{stop: cancel, done: make(chan error, 1)}
	before := b.Stats().Consuming
	go func() {
		c.done <- b.Consume(ctx, "engine", func(ctx context.Context, f facts.Fact, id string) error {
			if handle != nil {
				if err := handle(ctx, f, id); err != nil {
					return err
				}
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.ids = append(c.ids, id)
			return nil
		})
	}()
	t.Cleanup(func() { c.end(t) })
	wait(t, "a consumer", func() bool { return b.Stats().Consuming > before })
	return c
}

func (c *consumer) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.ids...)
}

// end stops the consumer and returns why Consume ended.
func (c *consumer) end(t testing.TB) error {
	t.Helper()
	c.stop()
	select {
	case err := <-c.done:
		c.done <- err
		return err
	case <-time.After(patience):
		t.Error("Consume did not return")
		return nil
	}
}

// wait polls until ok, and ends the test when that takes too long.
func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}

// TestMain makes this binary a broker, or a publisher, when a test started it
// as one: only a process can be killed.
func TestMain(m *testing.M) {
	switch os.Getenv("BUS_TEST_ROLE") {
	case "broker":
		os.Exit(runBroker(os.Getenv("BUS_TEST_STORE"), os.Getenv("BUS_TEST_PORT")))
	case "publisher":
		os.Exit(runPublisher(os.Getenv("BUS_TEST_STORE")))
	}
	os.Exit(m.Run())
}

func runBroker(store, port string) int {
	n, err := strconv.Atoi(port)
	if err != nil {
		return 2
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: n, JetStream: true, StoreDir: store,
		NoSigs: true, NoLog: true, JetStreamMaxMemory: 1 << 20, JetStreamMaxStore: 1 << 40})
	if err != nil {
		return 1
	}
	s.Start()
	s.WaitForShutdown()
	return 0
}

// runPublisher publishes facts over an embedded broker and says so after each,
// until it is killed.
func runPublisher(store string) int {
	b, err := Open(context.Background(), Config{Env: "fra1", StoreDir: store})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for n := 0; ; n++ {
		if err := b.Publish(context.Background(), fact(n)); err != nil {
			fmt.Fprintln(os.Stderr, errors.Join(err, b.Close()))
			return 1
		}
		fmt.Println(n)
	}
}

// process starts this binary in a role; it is killed with the test.
func process(t *testing.T, role, store, port string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BUS_TEST_ROLE="+role, "BUS_TEST_STORE="+store, "BUS_TEST_PORT="+port)
	cmd.Stderr = os.Stderr
	t.Cleanup(func() { kill(t, cmd) })
	return cmd
}

// kill ends a process at once, if it runs, and waits for it.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if cmd.Process == nil || cmd.ProcessState != nil {
		return
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
}

// freePort returns a port of the loopback that nobody uses now, below those that
// the system gives to whoever asks for any: nobody gets it while its broker is
// away.
func freePort(t *testing.T) string {
	t.Helper()
	const first, ports, tries = 20_000, 10_000, 100
	for range tries {
		port := strconv.Itoa(first + rand.IntN(ports))
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
