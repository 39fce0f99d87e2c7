package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// dialWait bounds one attempt to connect, and each request that sets a
	// stream up.
	dialWait = 5 * time.Second

	// redialMin and redialMax bound the pause between two attempts to come
	// back to a broker: soon after a restart, cheap through a long outage, and
	// never so long that a group is left alone for more than a few ticks.
	redialMin = 50 * time.Millisecond
	redialMax = 2 * time.Second

	// pingEvery finds a connection that is dead without having been closed
	// within two intervals.
	pingEvery = 5 * time.Second

	// closeWait bounds what Close waits for the last messages to leave.
	closeWait = 2 * time.Second
)

// ErrClosed is the cause when the bus was closed meanwhile.
var ErrClosed = errors.New("bus closed")

// Bus is a connection to the broker and, unless it is external, the broker
// itself.
type Bus struct {
	cfg    Config
	where  string  // the broker, for people: no password
	broker *broker // nil: external
	nc     *nats.Conn
	js     jetstream.JetStream
	gone   chan struct{} // closed when the connection's goroutines have nothing left to say

	ackWait, publishWait time.Duration // the constants but in tests

	live context.Context // ends with Close, cause ErrClosed
	stop context.CancelCauseFunc

	closing   sync.Once
	closeErr  error
	consumers sync.WaitGroup // Consume calls; Add under mu, before live ends

	mu    sync.Mutex
	stats Stats
	epoch context.Context // ends when the connection is lost or back, or the store recovered
	turn  context.CancelFunc
}

// Stats is what a bus did since Open.
type Stats struct {
	Connected  bool   // to the broker, now
	Reconnects uint64 // times the connection came back

	Published  uint64 // facts, intents, results and papers the broker has, duplicates included
	Duplicates uint64 // of them, those it had already
	Failed     uint64 // those the caller was told were not published

	Handled    uint64 // facts handled and acknowledged
	Retried    uint64 // times a handler (or OnRefused) returned an error
	Refused    uint64 // messages that were not facts
	Unsettled  uint64 // acknowledgements that did not reach the broker: delivered again
	Interrupts uint64 // times a Consume had to start over
	Consuming  int    // Consume calls that are attached to their durable, now
	Papers     uint64 // parcels of papers handled and acknowledged
	Seq        uint64 // sequence in EK_FACTS of the last fact handled; 0: none
}

// Open starts the embedded broker or connects to the external one, and creates
// or verifies the streams. It takes at most five seconds for each server in
// the URL and five for the streams; ctx, which bounds Open alone, may end
// before. How long an embedded broker reads its store depends on what is there.
//
// Errors: an invalid Config; a store that cannot be written or is in use; a
// broker that cannot be reached ([ErrUnreachable]) or has streams of the same
// names with other settings ([ErrSettings]).
func Open(ctx context.Context, c Config) (_ *Bus, err error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("bus: open: %w", err)
	}
	b := &Bus{cfg: c, where: redact(c.URL), gone: make(chan struct{}), ackWait: ackWait, publishWait: publishWait}
	b.live, b.stop = context.WithCancelCause(context.Background())
	b.epoch, b.turn = context.WithCancel(context.Background())
	if c.URL == "" {
		b.where = "embedded broker"
		if b.broker, err = startBroker(c); err != nil {
			return nil, fmt.Errorf("bus: open: %w", err)
		}
	}
	if err := b.connect(ctx); err != nil {
		b.stop(ErrClosed)
		if b.broker != nil {
			err = errors.Join(err, b.broker.close())
		}
		return nil, fmt.Errorf("bus: open %s: %w", b.where, err)
	}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("bus: open %s: %w", b.where, err), b.Close())
	}
	return b, nil
}

func (b *Bus) connect(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	nc, err := nats.Connect(b.cfg.URL, b.options()...)
	if err != nil {
		return fmt.Errorf("%w: %w: want a running NATS server with JetStream", ErrUnreachable, err)
	}
	b.nc = nc
	b.update(func(s *Stats) { s.Connected = nc.IsConnected() })
	b.js, err = jetstream.New(nc, jetstream.WithDefaultTimeout(dialWait))
	return err
}

// prepare makes the broker ready for use, within dialWait.
func (b *Bus) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dialWait)
	defer cancel()
	if n := b.nc.MaxPayload(); n < maxMessageBytes {
		return fmt.Errorf("%w: found max_payload %d, want at least %d", ErrSettings, n, maxMessageBytes)
	}
	err := b.applyStreams(ctx)
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
		return fmt.Errorf("%w: %w: want a NATS server with JetStream, enabled for this account", ErrUnreachable, err)
	}
	return err
}

func (b *Bus) options() []nats.Option {
	o := []nats.Option{
		nats.Name("evenkeel " + b.cfg.Env),
		nats.Timeout(dialWait),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(func(attempts int) time.Duration { return pause(attempts, redialMin, redialMax) }),
		nats.ReconnectBufSize(-1), // nothing is kept to be sent later: the caller is told, and decides
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { b.connected(false, err) }),
		nats.ReconnectHandler(func(*nats.Conn) { b.connected(true, nil) }),
		nats.ClosedHandler(func(*nats.Conn) { close(b.gone) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.cfg.Logger.Warn("broker connection", "error", err)
		}),
	}
	if b.broker != nil {
		return append(o, nats.InProcessServer(b.broker.srv))
	}
	if b.cfg.CredsFile != "" {
		o = append(o, nats.UserCredentials(b.cfg.CredsFile))
	}
	if b.cfg.CAFile != "" {
		o = append(o, nats.RootCAs(b.cfg.CAFile))
	}
	if b.cfg.CertFile != "" {
		o = append(o, nats.ClientCert(b.cfg.CertFile, b.cfg.KeyFile))
	}
	return o
}

// connected records and tells a change of the connection, but for its end by
// Close.
func (b *Bus) connected(up bool, cause error) {
	b.update(func(s *Stats) {
		s.Connected = up
		if up {
			s.Reconnects++
		}
	})
	b.nextEpoch()
	if b.live.Err() != nil {
		return
	}
	if up {
		b.cfg.Logger.Info("broker connection is back", "broker", b.where)
	} else {
		b.cfg.Logger.Warn("broker connection lost", "broker", b.where, "error", cause)
	}
	b.cfg.OnState(up, cause)
}

// Stats returns the counters.
func (b *Bus) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

func (b *Bus) update(f func(*Stats)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.stats)
}

// nextEpoch ends what was begun under the old state of the connection: nothing
// asked then is answered now, and the broker may have forgotten its consumers.
func (b *Bus) nextEpoch() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn()
	b.epoch, b.turn = context.WithCancel(context.Background())
}

// thisEpoch returns a context that ends with ctx or with the epoch of now.
func (b *Bus) thisEpoch(ctx context.Context) (context.Context, context.CancelFunc) {
	b.mu.Lock()
	epoch := b.epoch
	b.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(epoch, cancel)
	return ctx, func() {
		unhook()
		cancel()
	}
}

// LastSeq returns the sequence of the last fact that EK_FACTS ever stored. A
// value below one seen earlier means that the store was lost in between.
func (b *Bus) LastSeq(ctx context.Context) (uint64, error) {
	s, err := b.js.Stream(ctx, factStream)
	if err != nil {
		return 0, fmt.Errorf("bus: stream %s: %w", factStream, err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

// Close ends every Consume, waits for their handlers, closes the connection
// and stops the embedded broker. It may be called again, but not by a handler.
func (b *Bus) Close() error {
	b.closing.Do(func() {
		b.mu.Lock()
		b.stop(ErrClosed)
		b.mu.Unlock()
		b.consumers.Wait()
		if b.nc.IsConnected() {
			// What stays behind is heartbeats and returned facts: these come
			// again, and those are missed by nobody.
			_ = b.nc.FlushTimeout(closeWait)
		}
		b.nc.Close()
		<-b.gone
		b.update(func(s *Stats) {
			s.Connected = false
			b.turn()
		})
		if b.broker != nil {
			b.closeErr = b.broker.close()
		}
	})
	return b.closeErr
}

// pause returns the delay before attempt n (1, 2, …): least, doubled each
// time, and at most most.
func pause(n int, least, most time.Duration) time.Duration {
	d := least
	for range n - 1 {
		if d *= 2; d >= most {
			return most
		}
	}
	return min(d, most)
}
