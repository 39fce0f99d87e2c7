package bus

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/evenkeel/evenkeel/facts"
)

const (
	// settleWait bounds one attempt to acknowledge, settleTries how many are
	// made while the broker is connected.
	settleWait  = time.Second
	settleTries = 2

	// retryMin and retryMax bound the pause before a fact whose handling
	// failed is delivered again. There is no last time: a decision that cannot
	// be recorded must not be dropped, and expired facts are cheap to refuse.
	retryMin = 50 * time.Millisecond
	retryMax = 5 * time.Second
)

// factFlow is the facts of the environment on their way to handle.
func (b *Bus) factFlow(handle Handler) flow {
	return flow{stream: factStream, filter: []string{subject(b.cfg.Env, "fact") + ".>"}, backlog: b.cfg.Backlog,
		take: func(ctx context.Context, m jetstream.Msg, seq uint64) (bool, error) {
			f, id, bad := decode(m.Subject(), m.Headers(), m.Data())
			if bad != nil {
				return true, b.cfg.OnRefused(ctx, Refusal{Subject: m.Subject(), ID: claimedID(m.Headers()),
					Digest: facts.Digest(m.Data()), Bytes: len(m.Data()), Seq: seq, Err: bad})
			}
			return false, handle(ctx, f, id)
		},
		taken: func(s *Stats, seq uint64, refused bool) {
			if refused {
				s.Refused++
				return
			}
			s.Handled++
			s.Seq = seq
		}}
}

// deliver hands one message to whom it concerns and settles it. It returns the
// message if that could not be done because ctx ended.
func (b *Bus) deliver(ctx context.Context, m jetstream.Msg, w flow) (held jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil { // not from the stream: the reply subject is not one of its
		b.cfg.Logger.Warn("message without metadata", "subject", m.Subject(), "error", err)
		return nil
	}
	seq, refused := meta.Sequence.Stream, false
	err = whileHeld(m, b.ackWait/3, func() (err error) {
		refused, err = w.take(ctx, m, seq)
		return err
	})
	if err != nil && ctx.Err() != nil {
		return m
	}
	if err != nil {
		b.again(m, meta, err)
		return nil
	}
	settled := b.settle(ctx, m, refused)
	b.update(func(s *Stats) {
		if settled != nil {
			s.Unsettled++
			return
		}
		w.taken(s, seq, refused)
	})
	if settled != nil && ctx.Err() == nil {
		b.cfg.Logger.Warn("message not acknowledged", "subject", m.Subject(), "seq", seq, "error", settled)
	}
	return nil
}

// again asks for the message to be delivered once more, later.
func (b *Bus) again(m jetstream.Msg, meta *jetstream.MsgMetadata, cause error) {
	b.update(func(s *Stats) { s.Retried++ })
	wait := pause(int(min(meta.NumDelivered, 32)), retryMin, retryMax)
	b.cfg.Logger.Warn("message not handled", "subject", m.Subject(), "seq", meta.Sequence.Stream, "error", cause, "retry_in", wait)
	if err := m.NakWithDelay(wait); err != nil { // the broker will notice after ackWait
		b.cfg.Logger.Debug("fact not returned", "subject", m.Subject(), "error", err)
	}
}

// settle tells the broker that it may forget the message, and waits until it
// knows. While the connection is down it keeps trying, so that a restart of the
// broker does not repeat a fact that was handled; not past the end of ctx,
// except once.
func (b *Bus) settle(ctx context.Context, m jetstream.Msg, refused bool) error {
	for try := 1; ; try++ {
		err := b.settleOnce(ctx, m, refused)
		if err == nil || ctx.Err() != nil || (try >= settleTries && b.nc.IsConnected()) {
			return err
		}
		b.rest(ctx, pause(try, redialMin, redialMax))
	}
}

func (b *Bus) settleOnce(ctx context.Context, m jetstream.Msg, refused bool) error {
	if refused {
		return m.TermWithReason("refused") // the broker does not answer this
	}
	epoch, leave := b.thisEpoch(context.WithoutCancel(ctx))
	defer leave()
	limited, cancel := context.WithTimeout(epoch, settleWait)
	defer cancel()
	return m.DoubleAck(limited)
}

// whileHeld runs f and tells the broker meanwhile, once in every, that m is
// being worked on.
func whileHeld(m jetstream.Msg, every time.Duration, f func() error) error {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				_ = m.InProgress() // unheard, the fact is delivered twice, as it may be
			}
		}
	})
	defer wg.Wait()
	defer close(done)
	return f()
}
