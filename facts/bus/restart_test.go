package bus

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// startBrokerProcess starts a broker that can be killed, and waits for it.
func startBrokerProcess(t *testing.T, store, port string) *exec.Cmd {
	t.Helper()
	cmd := process(t, "broker", store, port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait(t, "the broker's port", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
	return cmd
}

func TestKilledBrokerLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	store, port := t.TempDir(), freePort(t)
	cmd := startBrokerProcess(t, store, port)
	var mu sync.Mutex
	var states []bool
	b := open(t, Config{URL: "nats://127.0.0.1:" + port, OnState: func(up bool, _ error) {
		mu.Lock()
		defer mu.Unlock()
		states = append(states, up)
	}})
	b.ackWait = 300 * time.Millisecond // the fact that is out when the broker dies comes back after it
	in := consume(t, b, nil)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var acknowledged []string
	var strange []error
	published := 0
	var publisher sync.WaitGroup
	publisher.Go(func() {
		for ; ctx.Err() == nil; published++ {
			err := b.Publish(ctx, fact(published))
			switch {
			case err == nil:
				acknowledged = append(acknowledged, idOf(t, fact(published)))
			case !errors.Is(err, ErrUnreachable) && !errors.Is(err, context.Canceled):
				strange = append(strange, err)
			}
			sleep(ctx, time.Millisecond)
		}
	})
	for range 3 {
		n := b.Stats().Handled
		wait(t, "facts to flow", func() bool { return b.Stats().Handled >= n+50 })
		kill(t, cmd)
		wait(t, "the loss to be noticed", func() bool { return !b.Stats().Connected })
		failed := b.Stats().Failed
		wait(t, "a publisher to be told", func() bool { return b.Stats().Failed > failed })
		cmd = startBrokerProcess(t, store, port)
		wait(t, "the connection", func() bool { return b.Stats().Connected })
	}
	n := b.Stats().Handled
	wait(t, "facts to flow", func() bool { return b.Stats().Handled >= n+50 })
	cancel()
	publisher.Wait()
	wait(t, "everything acknowledged", func() bool { return len(missing(acknowledged, in.got())) == 0 })

	if len(strange) > 0 {
		t.Errorf("publisher was told %v, want %v only", strange, ErrUnreachable)
	}
	if got := inOrder(in.got()); !slices.IsSortedFunc(got, byNumber(t, published)) {
		t.Error("facts came out of order")
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []bool{false, true, false, true, false, true}; !slices.Equal(states, want) {
		t.Errorf("told of the connection %v, want %v", states, want)
	}
	if got := b.Stats().Reconnects; got != 3 {
		t.Errorf("Stats.Reconnects = %d, want 3", got)
	}
}

// missing returns the ids of want that are not in got.
func missing(want, got []string) []string {
	have := make(map[string]bool, len(got))
	for _, id := range got {
		have[id] = true
	}
	return slices.DeleteFunc(slices.Clone(want), func(id string) bool { return have[id] })
}

// inOrder returns ids without the later ones of a pair: a fact that comes twice
// has its place where it came first.
func inOrder(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		again := seen[id]
		seen[id] = true
		return again
	})
}

// byNumber compares the ids of fact(0), fact(1), … fact(n-1).
func byNumber(t *testing.T, n int) func(a, b string) int {
	t.Helper()
	number := make(map[string]int, n)
	for i := range n {
		number[idOf(t, fact(i))] = i
	}
	return func(a, b string) int { return number[a] - number[b] }
}

func TestKilledProcessKeepsWhatItsBrokerAcknowledged(t *testing.T) {
	t.Parallel()
	store := t.TempDir()
	cmd := process(t, "publisher", store, "")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for lines := bufio.NewScanner(out); acknowledged < 500 && lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		acknowledged = n + 1
	}
	kill(t, cmd)
	b := open(t, Config{StoreDir: store, Backlog: true})
	in := consume(t, b, nil)
	wait(t, "what was acknowledged", func() bool { return len(in.got()) >= acknowledged })
	for i, id := range in.got()[:acknowledged] {
		if want := idOf(t, fact(i)); id != want {
			t.Fatalf("fact %d is %s, want %s", i, id, want)
		}
	}
}

func TestUnreachableBrokerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	store, port := t.TempDir(), freePort(t)
	cmd := startBrokerProcess(t, store, port)
	b := open(t, Config{URL: "nats://127.0.0.1:" + port})
	kill(t, cmd)
	wait(t, "the loss to be noticed", func() bool { return !b.Stats().Connected })
	for what, err := range map[string]error{
		"Publish":       b.Publish(t.Context(), fact(0)),
		"PublishIntent": b.PublishIntent(t.Context(), "web", "drain", "1", nil),
		"PublishResult": b.PublishResult(t.Context(), "haproxy", "web", "1", nil),
		"Beat":          b.Beat(t.Context(), "engine", "a", nil),
	} {
		if !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s = %v, want %v", what, err, ErrUnreachable)
		}
	}
}

func TestLostStoreIsNoticedAndTheLoopGoesOn(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	cmd := startBrokerProcess(t, t.TempDir(), port)
	b := open(t, Config{URL: "nats://127.0.0.1:" + port})
	in := consume(t, b, nil)
	for i := range 5 {
		if err := b.Publish(t.Context(), fact(i)); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, "the facts", func() bool { return b.Stats().Handled == 5 })
	kill(t, cmd)
	wait(t, "the loss to be noticed", func() bool { return !b.Stats().Connected })
	startBrokerProcess(t, t.TempDir(), port) // comes back with nothing
	wait(t, "the consumer to start over", func() bool { return b.Stats().Interrupts > 0 && b.Stats().Consuming == 1 })
	if seq, err := b.LastSeq(t.Context()); err != nil || seq != 0 {
		t.Errorf("LastSeq = %d, %v, want 0: below the %d handled", seq, err, b.Stats().Seq)
	}
	if err := b.Publish(t.Context(), fact(9)); err != nil {
		t.Fatal(err)
	}
	wait(t, "the next fact", func() bool { return slices.Contains(in.got(), idOf(t, fact(9))) })
}

func TestFactHandledWhileItsBrokerIsAwayKeepsItsPlace(t *testing.T) {
	t.Parallel()
	store, port := t.TempDir(), freePort(t)
	cmd := startBrokerProcess(t, store, port)
	b := open(t, Config{URL: "nats://127.0.0.1:" + port})
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	in := consume(t, b, func(context.Context, facts.Fact, string) error {
		entered <- struct{}{}
		<-leave
		return nil
	})
	for i := range 2 {
		if err := b.Publish(t.Context(), fact(i)); err != nil {
			t.Fatal(err)
		}
	}
	<-entered
	kill(t, cmd)
	wait(t, "the loss to be noticed", func() bool { return !b.Stats().Connected })
	close(leave) // the fact is handled while its broker is away
	startBrokerProcess(t, store, port)
	want := []string{idOf(t, fact(0)), idOf(t, fact(1))}
	wait(t, "both facts", func() bool { return len(missing(want, in.got())) == 0 })
	if got := inOrder(in.got()); !slices.Equal(got, want) { // the first may come twice: the broker may have forgotten that it sent it
		t.Errorf("handled %q, want %q", got, want)
	}
}

func TestFrozenBrokerIsNotWaitedForBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	cmd := startBrokerProcess(t, t.TempDir(), port)
	b := open(t, Config{URL: "nats://127.0.0.1:" + port})
	in := consume(t, b, nil)
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var want []string
	wait(t, "a publisher to be told", func() bool { // a process stops a little after its signal
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		err := b.Publish(ctx, fact(len(want)))
		if err == nil {
			want = append(want, idOf(t, fact(len(want))))
		}
		return errors.Is(err, ErrUnreachable)
	})
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first may have been stored before
		f := fact(len(want))
		if err := b.Publish(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		want = append(want, idOf(t, f))
	}
	wait(t, "the facts", func() bool { return len(missing(want, in.got())) == 0 })
	if got := inOrder(in.got()); !slices.Equal(got, want) {
		t.Errorf("handled %q, want %q", got, want)
	}
}
