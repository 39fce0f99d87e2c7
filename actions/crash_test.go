package actions

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// The crash test kills a process that runs a guard on a real log, again and
// again in the middle of its acts, and looks at the balancer, which lives on
// and finishes what the dead process had sent.
const (
	crashKills   = 200
	crashLeast   = 50              // of them, on a machine that needs longer than crashTime for all
	crashTime    = 5 * time.Minute // a quarter of what the package has
	crashMembers = 10
	crashOut     = 3                      // limit on members out
	crashDelay   = 20 * time.Millisecond  // of a call to the balancer, at most
	crashLease   = 100 * time.Millisecond // so that waiting it out is quick
	crashStuck   = 95 * time.Millisecond  // of one call in eight: it may land after the next victim is up
	crashSkew    = 20 * time.Millisecond
	crashPause   = 15 * time.Millisecond // between two intents of a worker, at most: refusals are entries too
	crashPatient = 2 * time.Minute       // with what takes milliseconds: reached only by a test that fails

	crashDir  = "EVENKEEL_TEST_CRASH_DIR" // set: this process is the victim
	crashSeed = "EVENKEEL_TEST_CRASH_SEED"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, victim(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func crashLimits() Limits {
	l := DefaultLimits()
	l.Verbs = []Verb{Drain, Maint, Weight, Restore}
	l.MaxOut, l.MinHealthy, l.Panic = 100*crashOut/crashMembers, 2, 100
	l.PerMinute, l.PerHour, l.Cooldown, l.Attempts, l.WarmUp = maxRate, maxRate, 0, maxRate, 0
	l.Lease, l.Skew, l.Settle = crashLease, crashSkew, 5*time.Millisecond
	l.Verify, l.Undo = 300*time.Millisecond, time.Second
	return l
}

func crashGuard(ctx context.Context, dir string) (*audit.Log, *Guard, error) {
	log, err := audit.Open(dir, audit.Options{Origin: "evenkeel.example/test/audit", Env: "test"})
	if err != nil {
		return nil, nil, err
	}
	g, err := NewGuard(ctx, Config{Log: log, Sweep: 20 * time.Millisecond,
		Groups: []Group{{Name: "web", Limits: crashLimits(), Executor: remote(filepath.Join(dir, "s"))}}})
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	return log, g, nil
}

// victim acts at random until it is killed.
func victim(dir string) error {
	ctx := context.Background()
	_, g, err := crashGuard(ctx, dir)
	if err != nil {
		return err
	}
	var seed uint64
	if _, err := fmt.Sscan(os.Getenv(crashSeed), &seed); err != nil {
		return err
	}
	go func() { _ = g.Run(ctx) }()
	var ready sync.Once
	failed := make(chan error)
	for worker := range uint64(3) {
		go func() {
			r := rand.New(rand.NewPCG(seed, worker))
			for n := 0; ; n++ {
				o, err := g.Submit(ctx, crashIntent(r, g.Open(), fmt.Sprint(seed, worker, n)))
				if err != nil {
					failed <- err
				}
				if o.Limit == limitRecovery {
					time.Sleep(crashSkew)
					continue
				}
				ready.Do(func() { fmt.Println("ready") })
				time.Sleep(time.Duration(r.Int64N(int64(crashPause))))
			}
		}()
	}
	return <-failed
}

// crashIntent wants to put back one of the open acts' members or to take any
// member out.
func crashIntent(r *rand.Rand, open []OpenAct, decision string) Intent {
	now := time.Now().UTC()
	in := Intent{Decision: decision, Env: "test", Expires: now.Add(3 * time.Second), Group: "web", Rule: "crash", Time: now, V: 1,
		Member: fmt.Sprintf("m%02d", r.IntN(crashMembers)), Verb: []Verb{Drain, Drain, Maint, Weight}[r.IntN(4)],
		Seen: Seen{At: now, Members: crashMembers, Present: crashMembers, Shift: "none"}}
	if len(open) > 0 && r.IntN(crashOut) < len(open) {
		in.Verb, in.Member = Restore, open[r.IntN(len(open))].Member
	}
	if in.Verb == Weight {
		in.Params = map[string]string{"weight": "0"}
	}
	return in
}

// remote is an executor that calls the balancer of the test over its socket.
type remote string

type request struct {
	Act *Act
}

type reply struct {
	Inventory Inventory
	Error     string
}

func (r remote) call(ctx context.Context, q request) (reply, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", string(r))
	if err != nil {
		return reply{}, err
	}
	defer c.Close()
	if d, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(d); err != nil {
			return reply{}, err
		}
	}
	if err := json.NewEncoder(c).Encode(q); err != nil {
		return reply{}, err
	}
	var a reply
	return a, json.NewDecoder(c).Decode(&a)
}

func (r remote) Observe(ctx context.Context, _ string) (Inventory, error) {
	a, err := r.call(ctx, request{})
	return a.Inventory, err
}

func (r remote) Apply(ctx context.Context, a Act) error {
	got, err := r.call(ctx, request{Act: &a})
	if err == nil && got.Error != "" {
		err = fmt.Errorf("%s: %w", got.Error, ErrNotApplied)
	}
	return err
}

// stubborn is the balancer: it finishes every call, whoever made it.
type stubborn struct {
	*pool
	t     *testing.T
	calls sync.WaitGroup

	mu   sync.Mutex // guards what follows
	most int
	sent map[Fence]string // applied calls, by fence
}

func (b *stubborn) serve(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		b.calls.Go(func() {
			defer c.Close()
			var q request
			if json.NewDecoder(c).Decode(&q) != nil {
				return // killed before it had sent all
			}
			var a reply
			if q.Act == nil {
				a.Inventory, _ = b.pool.Observe(context.Background(), "web")
			} else if err := b.apply(*q.Act); err != nil {
				a.Error = err.Error()
			}
			_ = json.NewEncoder(c).Encode(a) // nobody may be there to hear
		})
	}
}

// apply takes its time and then does what was asked.
func (b *stubborn) apply(a Act) error {
	delay := crashDelay
	if rand.IntN(8) == 0 {
		delay = crashStuck
	}
	time.Sleep(time.Duration(rand.Int64N(int64(delay))))
	// A call is never on its way for longer than lease and skew: that is what the
	// guard relies on. The pool looks at it again in the moment of the change.
	a.Deadline = a.Deadline.Add(crashSkew)
	if err := b.pool.Apply(context.Background(), a); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent[a.Fence] = a.Member
	b.most = max(b.most, len(b.out()))
	return nil
}

// applied returns how many calls were applied.
func (b *stubborn) applied() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.sent)
}

// out returns the members that get no work.
func (b *stubborn) out() []string {
	b.pool.mu.Lock()
	defer b.pool.mu.Unlock()
	var out []string
	for n, m := range b.members {
		if m.Standing != InService || m.Weight == 0 {
			out = append(out, n)
		}
	}
	return out
}

func TestKilledInTheMiddleOfActs(t *testing.T) {
	dir, err := os.MkdirTemp("", "ek") // a short path: it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ln, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	b := &stubborn{pool: newPool(numbered(crashMembers)...), t: t, sent: map[Fence]string{}}
	// The cap is looked at inside the balancer, at every change.
	b.check = func(p *pool, a Act) {
		n := 0
		for name, m := range p.members {
			if m.Standing != InService || m.Weight == 0 || name == a.Member && a.Verb.removes() && !(a.Verb == Weight && a.Weight > 0) {
				n++
			}
		}
		if n > crashOut {
			t.Errorf("%s %s by epoch %d: %d members are out, limit %d", a.Verb, a.Member, a.Fence.Epoch, n, crashOut)
		}
	}
	var serving sync.WaitGroup
	serving.Go(func() { b.serve(ln) })
	t.Cleanup(func() { _ = ln.Close(); serving.Wait(); b.calls.Wait() })

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	kills, begun := 0, time.Now()
	for kill := range crashKills {
		if kill >= crashLeast && time.Since(begun) > crashTime {
			break
		}
		kills++
		b.killOne(r, dir, seed+uint64(kill), kill == 0 || r.IntN(5) > 0)
		if kill%4 == 0 {
			b.checkOwners(dir)
		}
		if kill%20 == 0 {
			if _, err := audit.Verify(dir); err != nil {
				t.Fatalf("after kill %d: %v", kill, err)
			}
		}
		if t.Failed() {
			t.Fatalf("at kill %d", kill)
		}
	}
	b.finish(dir, kills)
}

// killOne starts a victim and kills it: up to 85 ms after one to three of its
// calls were applied, or while it is still coming up.
func (b *stubborn) killOne(r *rand.Rand, dir string, seed uint64, up bool) {
	b.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir, fmt.Sprint(crashSeed, "=", seed))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	enough := b.applied() + 1 + r.IntN(3)
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	if up {
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			b.t.Errorf("victim: %v", err)
		}
		for wait := time.Now().Add(crashPatient); b.applied() < enough && !b.t.Failed(); time.Sleep(time.Millisecond) {
			if time.Now().After(wait) {
				b.t.Errorf("victim: %d calls applied in %v, want %d", b.applied(), crashPatient, enough)
			}
		}
	}
	time.Sleep(time.Duration(r.Int64N(int64(85 * time.Millisecond))))
	if err := cmd.Process.Kill(); err != nil {
		b.t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != -1 {
		b.t.Errorf("victim ended by itself: %v", err)
	}
}

// checkOwners reads the log as it was left and looks for members that are out
// without an open act. What a dead process had sent may still arrive meanwhile.
func (b *stubborn) checkOwners(dir string) {
	b.t.Helper()
	out := b.out()
	reader, err := audit.OpenReader(dir, "")
	if err != nil {
		b.t.Errorf("open the log: %v", err)
		return
	}
	defer reader.Close()
	l := newLedger()
	err = reader.Scan(b.t.Context(), 0, reader.Size(), func(rec audit.Record) error {
		if !ours(rec.Bytes) {
			return nil
		}
		s, err := audit.Decode(rec.Bytes)
		if err != nil {
			return err
		}
		body, err := decode(s)
		l.add(rec.Time, body)
		return err
	})
	if err != nil {
		b.t.Errorf("read the log: %v", err)
	}
	for _, m := range out {
		if l.owner(m) == nil {
			b.t.Errorf("%s is out and nobody owns it", m)
		}
	}
}

// finish lets a last guard settle everything and checks the whole log.
func (b *stubborn) finish(dir string, kills int) {
	ctx, cancel := context.WithCancel(b.t.Context())
	log, g, err := crashGuard(ctx, dir)
	if err != nil {
		b.t.Fatal(err)
	}
	var run sync.WaitGroup
	run.Go(func() { _ = g.Run(ctx) })
	for wait := time.Now().Add(crashPatient); ; time.Sleep(10 * time.Millisecond) {
		open := g.Open()
		done := true
		for _, o := range open {
			done = done && (o.Phase == string(holding) || o.Phase == string(escalated))
		}
		if done && len(open) == len(b.out()) {
			break
		}
		if time.Now().After(wait) {
			b.t.Errorf("open acts after %v: %+v, want them settled; out: %v", crashPatient, open, b.out())
			break
		}
	}
	cancel()
	run.Wait()
	if err := log.Close(); err != nil {
		b.t.Error(err)
	}
	b.checkOwners(dir)
	report, err := audit.Verify(dir)
	if err != nil {
		b.t.Errorf("verify: %v: %+v", err, report)
	}
	b.checkRecorded(dir)
	b.t.Logf("%d kills, %d calls applied, at most %d of %d members out (limit %d), %+v",
		kills, len(b.sent), b.most, crashMembers, crashOut, report)
}

// checkRecorded looks for a call that the log does not know: record, then act.
func (b *stubborn) checkRecorded(dir string) {
	reader, err := audit.OpenReader(dir, "")
	if err != nil {
		b.t.Fatal(err)
	}
	defer reader.Close()
	recorded := map[Fence]string{}
	err = reader.Scan(b.t.Context(), 0, reader.Size(), func(rec audit.Record) error {
		s, err := audit.Decode(rec.Bytes)
		if err != nil {
			return err
		}
		body, err := decode(s)
		if c, ok := body.(*sentBody); ok {
			recorded[Fence{c.Epoch, c.Seq}] = c.Member
		}
		return err
	})
	if err != nil {
		b.t.Error(err)
	}
	for f, m := range b.sent {
		if recorded[f] != m {
			b.t.Errorf("call %+v on %s was applied, the log has %q", f, m, recorded[f])
		}
	}
}
