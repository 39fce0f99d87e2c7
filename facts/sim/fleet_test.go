package sim_test

import (
	"context"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts/sim"
)

// balancer is what the tests need of either of the two.
type balancer interface {
	Front() sim.Front
	Ready(ctx context.Context) error
	Run(ctx context.Context) error
}

// balancers are both of them: every claim about a fleet is checked for each.
// They need a real haproxy on the PATH (Debian: apt-get install haproxy, which
// puts it into /usr/sbin).
var balancers = map[string]func(context.Context, sim.BalancerConfig) (balancer, error){
	"haproxy": func(ctx context.Context, c sim.BalancerConfig) (balancer, error) { return sim.NewHAProxy(ctx, c) },
	"builtin": func(_ context.Context, c sim.BalancerConfig) (balancer, error) { return sim.NewBuiltin(c) },
}

// fleet is a pool behind a balancer with a client, all running.
type fleet struct {
	pool   *sim.Pool
	front  sim.Front
	client *sim.Client
}

// limit bounds every wait of a test, and patience every request: a busy machine
// may stand still for seconds, and what is tested is not its speed.
const (
	limit    = 2 * time.Minute
	patience = 30 * time.Second
)

// background runs f until the test ends, and waits for it.
func background(t testing.TB, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// startFleet puts which balancer in front of a pool, and of others that the
// test looks after.
func startFleet(t testing.TB, which string, c sim.PoolConfig, rate float64, others ...sim.Server) *fleet {
	t.Helper()
	c.Seed = 1
	pool, err := sim.NewPool(c)
	if err != nil {
		t.Fatal(err)
	}
	background(t, pool.Run)
	servers := append(pool.Servers(), others...)
	b, err := balancers[which](t.Context(), sim.BalancerConfig{Backend: "web", Servers: servers, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	background(t, b.Run)
	if err := b.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	client, err := sim.NewClient(sim.ClientConfig{URL: b.Front().URL, Rate: rate, Seed: 1, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	background(t, client.Run)
	return &fleet{pool, b.Front(), client}
}

// await polls until f holds.
func await(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %v still waiting until %s", limit, what)
		}
	}
}

// after waits until n requests that were sent from start on have their answer,
// and returns what became of all that were sent since.
func (f *fleet) after(t testing.TB, start time.Time, n int) sim.Tally {
	t.Helper()
	var got sim.Tally
	await(t, "requests are answered", func() bool {
		got = f.client.Tally(start, time.Now())
		return got.Sent-got.Pending() >= n
	})
	return got
}

// ask sends one command to the balancer's admin socket.
func (f *fleet) ask(t *testing.T, command string) string {
	t.Helper()
	conn, err := net.Dial("unix", strings.TrimPrefix(f.front.Admin, "unix:"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFleet(t *testing.T) {
	t.Parallel()
	for which := range balancers {
		t.Run("a black hole behind "+which+" takes far more than its share, and a drain ends it", func(t *testing.T) {
			t.Parallel()
			// 20 requests in flight, half a second each: beside that it matters
			// little how late a busy machine lets the black hole answer.
			f := startFleet(t, which, sim.PoolConfig{Members: 6, Service: 500 * time.Millisecond}, 40)
			if got := f.after(t, time.Now(), 60); got.Lost() > 0 || got.MeanLatency() == 0 {
				t.Errorf("healthy pool: %+v, want nothing lost", got)
			}
			onset := time.Now()
			if err := f.pool.Begin("m03", sim.Fault{Kind: sim.Empty}); err != nil {
				t.Fatal(err)
			}
			if got := f.after(t, onset, 120); got.Empty < got.Sent/4 || got.Lost() > got.Empty {
				t.Errorf("black hole: %+v, want more than a quarter lost, all of it as empty bodies", got)
			}
			if got := f.ask(t, "set server web/m03 state drain"); got != "\n" {
				t.Errorf("drain answered %q, want an empty line", got)
			}
			if got := f.after(t, time.Now(), 60); got.Lost() > 0 {
				t.Errorf("after the drain: %+v, want nothing lost", got)
			}
			for member, fault := range map[string]sim.Kind{"m05": sim.Drop, "m06": sim.Hang} {
				if err := f.pool.Begin(member, sim.Fault{Kind: fault}); err != nil {
					t.Fatal(err)
				}
			}
			onset = time.Now()
			await(t, "answers of m05 and m06 are given up", func() bool {
				eresp := f.column(t, "eresp")
				return eresp["m05"] != "0" && eresp["m06"] != "0"
			})
			if got := f.column(t, "hrsp_5xx"); got["m05"] != "0" || got["m06"] != "0" {
				t.Errorf("hrsp_5xx %v, want the balancer's own answers not counted as the members'", got)
			}
			// What the client had no room for was never sent.
			if got := f.after(t, onset, 40); got.Status == 0 || got.Status+got.Conn+got.Shed != got.Lost() {
				// HAProxy closes a kept client connection where it cannot know what became of a request.
				t.Errorf("cut and unanswered requests: %+v, want them answered 502 or 504, or their connections closed", got)
			}
		})
	}
}

// BenchmarkFleet measures what a request costs this process: client, members
// and, for the built-in one, the balancer. 400 requests a second at 500 µs are
// a fifth of a core.
func BenchmarkFleet(b *testing.B) {
	for which := range balancers {
		b.Run(which, func(b *testing.B) {
			f := startFleet(b, which, sim.PoolConfig{Members: 10}, 400)
			f.after(b, time.Now(), 400)
			before, start := cpuTime(b), time.Now()
			var got sim.Tally
			for b.Loop() {
				got = f.after(b, start, got.Sent-got.Pending()+100)
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(time.Microsecond)/float64(got.Sent), "cpu-µs/request")
			b.ReportMetric(got.LostShare()*100, "lost-%")
		})
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
