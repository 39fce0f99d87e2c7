package actions

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// group is the guard's half of one group. Whoever judges or advances an act
// holds mu from the read-back to the recorded answer, so that two acts never
// count the same room; it is held while the group's own balancer is called, and
// no other group waits for it.
type group struct {
	Group
	guard *Guard
	sweep time.Duration
	wake  chan struct{} // capacity 1: something changed, look again
	view  atomic.Pointer[[]OpenAct]
	later atomic.Pointer[Limits] // for the acts that begin from now on; nil: as they are

	mu      sync.Mutex // guards what follows
	ledger  *ledger
	folded  int64 // entries of the log that the ledger knows
	doubt   bool  // an append failed: the log may hold more than the ledger knows
	started time.Time
	settled bool   // no act from before the start is unresolved
	seq     uint64 // of the fence
	down    outage
	sizes   []sighting         // of the last five minutes
	reads   map[string]reading // by act: the first of two read-backs

	out outbox
}

// outage is the balancer not answering.
type outage struct {
	since time.Time // zero: it answers
	next  time.Time // not asked again before
	wait  time.Duration
	err   error
}

type sighting struct {
	at   time.Time
	size int
}

// reading is what a member taken out had been assigned when it was first seen out.
type reading struct {
	at       time.Time
	assigned int64
}

const (
	backoffFirst = 250 * time.Millisecond // before a balancer that failed is asked again
	backoffLast  = 5 * time.Second        // at most: it comes back within this
)

// begin makes the replayed group ready at its start.
func (gr *group) begin(now time.Time) {
	gr.started, gr.settled = now, len(gr.ledger.acts) == 0
	gr.reads = map[string]reading{}
	gr.ledger.forget(now)
	for _, o := range gr.ledger.recent {
		gr.out.put(o)
	}
	for _, a := range gr.ledger.open() {
		if o := gr.ledger.known[a.id]; a.phase == holding && now.Sub(o.Time) > retell {
			gr.out.put(o)
		}
	}
	gr.publish()
}

// unlock releases the group and lets others see what changed.
func (gr *group) unlock() {
	gr.publish()
	gr.mu.Unlock()
}

func (gr *group) publish() {
	open := make([]OpenAct, 0, len(gr.ledger.acts))
	for _, a := range gr.ledger.open() {
		o := a.view(gr.Name)
		o.Detail = gr.ledger.known[a.id].Detail
		if a.phase == holding {
			o.Until = a.held.Add(gr.Limits.Hold)
		}
		switch {
		case a.limit != "":
			o.Detail = "held back by limit " + a.limit
		case gr.down.err != nil:
			o.Detail = gr.down.err.Error()
		}
		open = append(open, o)
	}
	gr.view.Store(&open)
}

func (a *life) view(group string) OpenAct {
	return OpenAct{Act: a.id, Group: group, Member: a.intent.Member, Phase: string(a.phase),
		Reason: a.intent.Reason, Rule: a.intent.Rule, Since: a.since, Verb: a.verb}
}

// adopt takes over limits that were set since. Whoever begins an act or a step
// calls it, so that each is judged by one set.
func (gr *group) adopt() {
	if l := gr.later.Swap(nil); l != nil {
		gr.Limits = *l
	}
}

func (gr *group) nudge() {
	select {
	case gr.wake <- struct{}{}:
	default:
	}
}

// record makes bodies durable as entries of one act and folds them. After an
// error the ledger is as it was, and nothing more is recorded until catchUp has
// seen what became of them.
func (gr *group) record(ctx context.Context, actor, act string, bodies ...any) error {
	if gr.doubt {
		return fmt.Errorf("actions: record for %s: the last write is in doubt", gr.Name)
	}
	entries := make([]audit.Entry, len(bodies))
	for i, b := range bodies {
		entries[i] = entryOf(actor, act, b)
	}
	recs, err := gr.guard.log.Append(context.WithoutCancel(ctx), entries...)
	if err == nil && len(recs) != len(entries) {
		err = fmt.Errorf("%d records for %d entries", len(recs), len(entries))
	}
	if err != nil {
		gr.doubt = true
		return fmt.Errorf("actions: record %s for %s: %w", entries[0].Type, gr.Name, err)
	}
	for i, b := range bodies {
		gr.fold(recs[i], b)
	}
	return nil
}

func (gr *group) fold(r audit.Record, body any) {
	gr.ledger.add(r.Time, body)
	gr.folded = r.Seq + 1
	gr.guard.count.add(body)
	if o, ok := body.(*Outcome); ok {
		gr.out.put(*o)
	}
}

// catchUp folds what a failed append may have left in the log after all. The
// log is the truth: an admission it kept is an act, to be read back like one
// whose process died before it was sent.
func (gr *group) catchUp(ctx context.Context) error {
	if !gr.doubt {
		return nil
	}
	size := gr.guard.log.Size()
	err := gr.guard.scan(ctx, gr.folded, size, func(r audit.Record, _ audit.Stored, body any) {
		if groupOf(body) == gr.Name {
			gr.fold(r, body)
		}
	})
	if err != nil {
		return err
	}
	gr.folded, gr.doubt = size, false
	return nil
}

func (gr *group) outcome(id string, in Intent, r Result, limit, detail string) *Outcome {
	return &Outcome{Act: id, Detail: clip(detail, maxText), Group: gr.Name, Limit: limit, Member: in.Member,
		Result: r, Rule: in.Rule, Time: stamp(gr.guard.now()), Verb: in.Verb}
}

// observe reads the group back, whoever asked for it and went. After a failure
// the balancer is left alone for a while that doubles up to backoffLast.
func (gr *group) observe(ctx context.Context) (Inventory, error) {
	now := gr.guard.now()
	if !gr.down.since.IsZero() && now.Before(gr.down.next) && gr.down.next.Sub(now) <= backoffLast {
		return Inventory{}, fmt.Errorf("no answer since %s: %w", stamp(gr.down.since).Format(time.RFC3339), gr.down.err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gr.Limits.Lease)
	defer cancel()
	inv, err := gr.Executor.Observe(ctx, gr.Name)
	now = gr.guard.now()
	if err != nil {
		gr.guard.count.unreachable()
		d := &gr.down
		if d.since.IsZero() {
			d.since, d.wait = now, backoffFirst/2
		}
		d.wait = min(2*d.wait, backoffLast)
		d.next, d.err = now.Add(d.wait), err
		return Inventory{}, err
	}
	gr.down = outage{}
	gr.saw(now, len(inv.Members))
	return inv, nil
}

// saw remembers the size of the group for as long as it is compared.
func (gr *group) saw(now time.Time, size int) {
	for len(gr.sizes) > 0 && now.Sub(gr.sizes[0].at) > membershipMemory {
		gr.sizes = gr.sizes[1:]
	}
	// Only peaks matter: what is older and not larger can never be the largest.
	for n := len(gr.sizes); n > 0 && gr.sizes[n-1].size <= size; n-- {
		gr.sizes = gr.sizes[:n-1]
	}
	gr.sizes = append(gr.sizes, sighting{now, size})
}

// outbox hands outcomes to the callback in order, outside the group's lock, and
// lets the callback submit intents.
type outbox struct {
	mu      sync.Mutex // guards what follows
	waiting []Outcome
	busy    bool
}

func (b *outbox) put(o Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, o)
}

func (b *outbox) deliver(ctx context.Context, f func(context.Context, Outcome)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy {
		return // whoever delivers sees what was put meanwhile
	}
	b.busy = true
	for len(b.waiting) > 0 {
		o := b.waiting[0]
		b.waiting = b.waiting[1:]
		if f != nil {
			b.mu.Unlock()
			f(ctx, o)
			b.mu.Lock()
		}
	}
	b.busy = false
}
