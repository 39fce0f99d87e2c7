package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/evenkeel/evenkeel/facts"
)

// The contract holds for either broker; restart_test.go has the part that only
// an external one can be put to.

func TestPublishedFactIsConsumed(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		var got facts.Fact
		in := consume(t, b, func(_ context.Context, f facts.Fact, _ string) error { got = f; return nil })
		want := fact(1)
		if err := b.Publish(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		wait(t, "the fact", func() bool { return b.Stats().Handled == 1 })
		if id := idOf(t, want); !slices.Equal(in.got(), []string{id}) || idOf(t, got) != id {
			t.Errorf("handled %q (%+v), want %q once", in.got(), got, id)
		}
		s := b.Stats()
		if seq, err := b.LastSeq(t.Context()); err != nil || seq != 1 || s.Seq != 1 {
			t.Errorf("LastSeq = %d, %v, Stats.Seq = %d, want 1, 1", seq, err, s.Seq)
		}
		want2 := Stats{Connected: true, Published: 1, Handled: 1, Consuming: 1, Seq: 1}
		if s != want2 {
			t.Errorf("Stats = %+v, want %+v", s, want2)
		}
	})
}

func TestFactTravelsAsCloudEvent(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		sub := overhear(t, b, "ek.fra1.fact.>")
		f := fact(1)
		if err := b.Publish(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		m, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if want := "ek.fra1.fact.det-a%40host%2F1.web%2Efra1.absent"; m.Subject != want {
			t.Errorf("subject %s, want %s", m.Subject, want)
		}
		for name, want := range map[string]string{
			"Nats-Msg-Id": idOf(t, f), "ce-id": idOf(t, f), "ce-specversion": "1.0",
			"ce-source": "/evenkeel/fra1/det-a@host/1", "ce-type": "com.evenkeel.fact.absent.v1",
			"ce-subject": "web.fra1/web-07:80", "ce-time": "2026-11-22T05:51:47.000Z",
			"ce-datacontenttype": "application/json",
		} {
			if got := m.Header.Values(name); !slices.Equal(got, []string{want}) {
				t.Errorf("header %s = %q, want %q", name, got, want)
			}
		}
	})
}

func TestDuplicateIsStoredOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		in := consume(t, b, nil)
		for range 3 {
			if err := b.Publish(t.Context(), fact(1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Publish(t.Context(), fact(2)); err != nil {
			t.Fatal(err)
		}
		wait(t, "two facts", func() bool { return b.Stats().Handled == 2 })
		if want := []string{idOf(t, fact(1)), idOf(t, fact(2))}; !slices.Equal(in.got(), want) {
			t.Errorf("handled %q, want %q", in.got(), want)
		}
		if s := b.Stats(); s.Published != 4 || s.Duplicates != 2 {
			t.Errorf("published %d, duplicates %d, want 4 and 2", s.Published, s.Duplicates)
		}
	})
}

func TestOrderIsKeptOverManyFacts(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		n := uint64(10_000)
		if c.URL != "" {
			n = 1_000 // the same code over a slower road
		}
		b := open(t, c)
		next, wrong := uint64(0), 0
		consume(t, b, func(_ context.Context, f facts.Fact, _ string) error {
			if !f.Time.Equal(t0.Add(time.Duration(next) * time.Second)) {
				wrong++
			}
			next++
			return nil
		})
		for i := range n {
			if err := b.Publish(t.Context(), fact(int(i))); err != nil {
				t.Fatal(err)
			}
		}
		wait(t, "all facts", func() bool { return b.Stats().Handled == n })
		if next != n || wrong != 0 {
			t.Errorf("handled %d facts, %d out of place, want %d and none", next, wrong, n)
		}
	})
}

func TestFailedFactHoldsThoseBehindIt(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		var calls []string
		failures := 3
		in := consume(t, b, func(_ context.Context, _ facts.Fact, id string) error {
			calls = append(calls, id)
			if id == idOf(t, fact(1)) && failures > 0 {
				failures--
				return errors.New("log: disk full")
			}
			return nil
		})
		ids := make([]string, 4)
		for i := range ids {
			ids[i] = idOf(t, fact(i))
			if err := b.Publish(t.Context(), fact(i)); err != nil {
				t.Fatal(err)
			}
		}
		wait(t, "all facts", func() bool { return b.Stats().Handled == 4 })
		if !slices.Equal(in.got(), ids) {
			t.Errorf("handled %q, want %q", in.got(), ids)
		}
		if want := []string{ids[0], ids[1], ids[1], ids[1], ids[1], ids[2], ids[3]}; !slices.Equal(calls, want) {
			t.Errorf("called with %q, want %q", calls, want)
		}
		if got := b.Stats().Retried; got != 3 {
			t.Errorf("Stats.Retried = %d, want 3", got)
		}
	})
}

func TestCancelledHandlerLeavesTheFactToTheNext(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		reason := errors.New("shift over")
		ctx, cancel := context.WithCancelCause(t.Context())
		entered := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			done <- b.Consume(ctx, "engine", func(ctx context.Context, _ facts.Fact, _ string) error {
				close(entered)
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		wait(t, "a consumer", func() bool { return b.Stats().Consuming == 1 })
		for i := range 2 {
			if err := b.Publish(t.Context(), fact(i)); err != nil {
				t.Fatal(err)
			}
		}
		<-entered
		cancel(reason)
		if err := <-done; !errors.Is(err, reason) {
			t.Errorf("Consume = %v, want %v", err, reason)
		}
		in := consume(t, b, nil)
		wait(t, "both facts", func() bool { return b.Stats().Handled == 2 })
		if want := []string{idOf(t, fact(0)), idOf(t, fact(1))}; !slices.Equal(in.got(), want) {
			t.Errorf("handled %q, want %q", in.got(), want)
		}
	})
}

func TestHandlerThatSucceedsAfterCancelIsAcknowledged(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		var first *consumer
		first = consume(t, b, func(context.Context, facts.Fact, string) error { first.stop(); return nil })
		if err := b.Publish(t.Context(), fact(0)); err != nil {
			t.Fatal(err)
		}
		if err := <-first.done; !errors.Is(err, context.Canceled) {
			t.Errorf("Consume = %v, want %v", err, context.Canceled)
		}
		first.done <- nil
		in := consume(t, b, nil)
		if err := b.Publish(t.Context(), fact(1)); err != nil {
			t.Fatal(err)
		}
		wait(t, "the second fact", func() bool { return len(in.got()) > 0 })
		if got := in.got()[0]; got != idOf(t, fact(1)) {
			t.Errorf("the next consumer got %s first, want the second fact %s", got, idOf(t, fact(1)))
		}
	})
}

func TestLongHandlerKeepsItsFact(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		b.ackWait = 2 * time.Second // three signs of life: a busy machine may miss one
		var calls atomic.Int32
		consume(t, b, func(ctx context.Context, _ facts.Fact, _ string) error {
			calls.Add(1)
			sleep(ctx, 2*b.ackWait)
			return nil
		})
		if err := b.Publish(t.Context(), fact(0)); err != nil {
			t.Fatal(err)
		}
		wait(t, "the fact", func() bool { return b.Stats().Handled == 1 })
		if n := calls.Load(); n != 1 {
			t.Errorf("handled %d times, want once", n)
		}
	})
}

func TestForeignMessagesAreRefusedAndTheLoopGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		var mu sync.Mutex
		var refused []Refusal
		failures := 2 // of the log that refusals are recorded in
		c.OnRefused = func(_ context.Context, r Refusal) error {
			mu.Lock()
			defer mu.Unlock()
			if failures > 0 {
				failures--
				return errors.New("log: disk full")
			}
			refused = append(refused, r)
			return nil
		}
		b := open(t, c)
		in := consume(t, b, nil)
		nc := stranger(t, b)
		js := strangerStreams(t, b)
		good, _, err := encode(new(fact(7)))
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := nats.NewMsg("ek.fra1.fact.det-a%40host%2F1.api.absent")
		elsewhere.Data, elsewhere.Header = good.Data, good.Header
		for _, m := range []*nats.Msg{
			{Subject: "ek.fra1.fact.x", Data: []byte("hello")},
			{Subject: "ek.fra1.fact.a.b.c", Data: []byte(`{"v":1}`)},
			{Subject: "ek.fra1.fact.a.b.c", Data: nil},
			{Subject: "ek.fra1.fact.a.b.c", Data: []byte(strings.Repeat("x", maxMessageBytes-100))},
			{Subject: good.Subject, Data: good.Data}, // no attributes
			elsewhere,
		} {
			if _, err := js.PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
		if err := nc.Publish("ek.ams1.fact.a.b.c", []byte("not ours")); err != nil {
			t.Fatal(err)
		}
		if err := b.Publish(t.Context(), fact(8)); err != nil {
			t.Fatal(err)
		}
		wait(t, "the fact behind them", func() bool { return b.Stats().Handled == 1 })
		if want := []string{idOf(t, fact(8))}; !slices.Equal(in.got(), want) {
			t.Errorf("handled %q, want %q", in.got(), want)
		}
		mu.Lock()
		defer mu.Unlock()
		if s := b.Stats(); len(refused) != 6 || s.Refused != 6 || s.Retried != 2 {
			t.Fatalf("told of %d refusals, counted %d and %d retries, want 6, 6 and 2", len(refused), s.Refused, s.Retried)
		}
		last := refused[5]
		if last.Digest != facts.Digest(good.Data) || last.ID != last.Digest || last.Subject != elsewhere.Subject ||
			last.Bytes != len(good.Data) || last.Seq != 6 || !strings.Contains(fmt.Sprint(last.Err), `group is "api" in the subject`) {
			t.Errorf("refusal %+v, want one that says what was found where", last)
		}
	})
}

func TestTooLargeIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		f := bigFact(0)
		for i := range 1000 {
			f.Members = append(f.Members, facts.MemberState{Name: fmt.Sprintf("other-%06d", i), State: facts.StandingIn})
		}
		if err := b.Publish(t.Context(), f); !errors.Is(err, facts.ErrFact) {
			t.Errorf("Publish of a fact above 64 KiB = %v, want %v", err, facts.ErrFact)
		}
		big := make([]byte, MaxBodyBytes+1)
		if err := b.PublishIntent(t.Context(), "web", "drain", "7", big); err == nil || !strings.Contains(err.Error(), "want at most 65536") {
			t.Errorf("PublishIntent = %v, want an error that names the bound", err)
		}
		if err := b.PublishIntent(t.Context(), "web", "drain", "7", big[:MaxBodyBytes]); err != nil {
			t.Errorf("PublishIntent of %d bytes = %v, want nil", MaxBodyBytes, err)
		}
		if _, err := strangerStreams(t, b).Publish(t.Context(), "ek.fra1.fact.a.b.c", make([]byte, maxMessageBytes+1)); err == nil {
			t.Errorf("the stream took %d bytes, want at most %d", maxMessageBytes+1, maxMessageBytes)
		}
		if got := b.Stats().Failed; got != 2 {
			t.Errorf("Stats.Failed = %d, want 2", got)
		}
	})
}

func TestFullStreamSaysSo(t *testing.T) {
	for _, tt := range []struct {
		name    string
		bounds  Config
		fact    func(int) facts.Fact
		atLeast int
	}{
		{"by bytes", Config{MaxBytes: minMaxBytes}, bigFact, 10},
		{"by facts of one subject", Config{MaxPerSubject: 3}, fact, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, c Config) {
				c.MaxBytes, c.MaxPerSubject = tt.bounds.MaxBytes, tt.bounds.MaxPerSubject
				b := open(t, c)
				n, err := 0, error(nil)
				for err == nil && n < 1000 {
					if err = b.Publish(t.Context(), tt.fact(n)); err == nil {
						n++
					}
				}
				if !errors.Is(err, ErrFull) || n < tt.atLeast {
					t.Fatalf("after %d facts: %v, want %v after %d or more", n, err, ErrFull, tt.atLeast)
				}
				if err := b.Publish(t.Context(), tt.fact(0)); err != nil {
					t.Errorf("a fact that the full stream holds = %v, want nil", err)
				}
				if seq, err := b.LastSeq(t.Context()); err != nil || seq != uint64(n) {
					t.Errorf("LastSeq = %d, %v, want %d: nothing lost", seq, err, n)
				}
			})
		})
	}
}

func TestBacklogIsAnOption(t *testing.T) {
	for _, tt := range []struct {
		name    string
		backlog bool
		want    []int
	}{
		{"facts from before the first consumer are left alone", false, []int{2}},
		{"facts from before the first consumer are consumed when asked for", true, []int{0, 1, 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, c Config) {
				c.Backlog = tt.backlog
				b := open(t, c)
				for i := range 2 {
					if err := b.Publish(t.Context(), fact(i)); err != nil {
						t.Fatal(err)
					}
				}
				in := consume(t, b, nil)
				if err := b.Publish(t.Context(), fact(2)); err != nil {
					t.Fatal(err)
				}
				wait(t, "the facts", func() bool { return len(in.got()) == len(tt.want) })
				for i, n := range tt.want {
					if got := in.got()[i]; got != idOf(t, fact(n)) {
						t.Errorf("fact %d is %s, want %s", i, got, idOf(t, fact(n)))
					}
				}
			})
		})
	}
}

func TestDurableGoesOnWhereItWas(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		const n = 20
		first := open(t, c)
		in := consume(t, first, nil)
		for i := range n {
			if err := first.Publish(t.Context(), fact(i)); err != nil {
				t.Fatal(err)
			}
		}
		wait(t, "the facts", func() bool { return first.Stats().Handled == n })
		if err := in.end(t); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err := first.Publish(t.Context(), fact(n)); err != nil { // while nobody listens
			t.Fatal(err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		b := open(t, c)
		again := consume(t, b, nil)
		waited := idOf(t, fact(n))
		wait(t, "the fact that waited", func() bool { return slices.Contains(again.got(), waited) })
		// A server that stops may forget the acknowledgement of the moment
		// before, never those before that.
		got := slices.DeleteFunc(again.got(), func(id string) bool { return id == idOf(t, fact(n-1)) })
		if !slices.Equal(got, []string{waited}) {
			t.Errorf("handled %q, want %q", again.got(), waited)
		}
	})
}

func TestIntentsResultsAndBeats(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		sub := overhear(t, b, "ek.fra1.>")
		body := []byte(`{"v":1}`)
		for range 2 { // the second is a duplicate
			if err := b.PublishIntent(t.Context(), "web.fra1", "drain", "41", body); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.PublishResult(t.Context(), "haproxy@lb", "web.fra1", "41", body); err != nil {
			t.Fatal(err)
		}
		if err := b.Beat(t.Context(), "engine", "host-a:1", body); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"ek.fra1.intent.web%2Efra1.drain", "ek.fra1.intent.web%2Efra1.drain",
			"ek.fra1.result.haproxy%40lb.web%2Efra1", "ek.fra1.hb.engine.host-a%3A1"} {
			m, err := sub.NextMsg(patience)
			if err != nil {
				t.Fatal(err)
			}
			if m.Subject != want || string(m.Data) != string(body) {
				t.Errorf("message %s %q, want %s %q", m.Subject, m.Data, want, body)
			}
		}
		js := strangerStreams(t, b)
		for name, want := range map[string]uint64{intentStream: 1, resultStream: 1, factStream: 0} {
			s, err := js.Stream(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.CachedInfo().State.Msgs; got != want {
				t.Errorf("stream %s holds %d messages, want %d", name, got, want)
			}
		}
		if s := b.Stats(); s.Published != 3 || s.Duplicates != 1 {
			t.Errorf("published %d, duplicates %d, want 3 and 1", s.Published, s.Duplicates)
		}
	})
}

func TestBadArgumentsAreRefused(t *testing.T) {
	b := open(t, Config{StoreDir: t.TempDir()})
	other := fact(0)
	other.Env = "ams1"
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"fact of another environment", b.Publish(t.Context(), other), `env "ams1", want "fra1"`},
		{"fact that is none", b.Publish(t.Context(), facts.Fact{Env: "fra1"}), "field v"},
		{"intent of no group", b.PublishIntent(t.Context(), "", "drain", "1", nil), "has 0 bytes"},
		{"intent with a wildcard", b.PublishIntent(t.Context(), "web", "*", "1", nil), "holds '*'"},
		{"result without an id", b.PublishResult(t.Context(), "haproxy", "web", "", nil), "has 0 bytes"},
		{"result with a header in its id", b.PublishResult(t.Context(), "haproxy", "web", "1\r\nX: y", nil), `holds '\r'`},
		{"beat of nobody", b.Beat(t.Context(), "", "a", nil), "has 0 bytes"},
		{"paper of no kind", b.PublishPaper(t.Context(), "", "1", nil), "has 0 bytes"},
		{"paper that is too large", b.PublishPaper(t.Context(), "proposal", "1", make([]byte, MaxPaperBytes+1)), "send it another way"},
		{"durable without a name", b.Consume(t.Context(), "", nil), "has 0 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) || !strings.HasPrefix(tt.err.Error(), "bus: ") {
				t.Errorf("error %v, want one of this package with %q", tt.err, tt.want)
			}
		})
	}
}

func TestEndedCallerIsToldItsReason(t *testing.T) {
	b := open(t, Config{StoreDir: t.TempDir()})
	reason := errors.New("shift over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if err := b.Publish(ctx, fact(0)); !errors.Is(err, reason) {
		t.Errorf("Publish = %v, want %v", err, reason)
	}
	if err := b.Beat(ctx, "engine", "a", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Beat = %v, want %v", err, context.Canceled)
	}
	if err := b.Consume(ctx, "engine", nil); !errors.Is(err, reason) {
		t.Errorf("Consume = %v, want %v", err, reason)
	}
}
