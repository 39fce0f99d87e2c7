package actions

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// Recorder makes entries durable: when Append returns nil all of them are, in
// order; when it returns an error the guard takes it that they may or may not
// be. It returns one record for each entry.
type Recorder interface {
	Append(ctx context.Context, e ...audit.Entry) ([]audit.Record, error)
}

// Scanner reads entries back. Scan calls f for those from sequence number from
// up to, not including, to.
type Scanner interface {
	Scan(ctx context.Context, from, to int64, f func(audit.Record) error) error
	Size() int64
}

// Log is the audit log, the guard's only store.
type Log interface {
	Recorder
	Scanner
}

// Group is one group of members, the hand that touches them and the limits
// that hold it back.
type Group struct {
	Name     string
	Executor Executor
	Limits   Limits
}

// Config is what a guard is made of.
type Config struct {
	Log    Log
	Groups []Group

	// Env, unless empty, is the only environment whose intents are accepted.
	Env string
	// Now is the clock; nil is [time.Now].
	Now func() time.Time
	// Sweep is how often members that are held out are looked at; 0 is a second.
	Sweep time.Duration
	// StopFile, unless empty, is a path: while a file is there nothing is taken
	// out, and if its first word is "freeze" nothing is put back either. It
	// works when everything else is down.
	StopFile string
	// Verify, unless nil, says whether what an intent wants is approved now, and
	// the limits by which it is judged; its error is why not, and refuses the
	// intent. The limits are not to be modified. It is asked when an intent that
	// takes capacity or tells a human is judged, again right before each call
	// that takes capacity, those that the guard repeats by itself among them, and
	// never for what puts back. It is called with the group's lock held: it must
	// return soon and must not call the guard.
	Verify func(context.Context, Intent, Limits) error
	// OnOutcome, unless nil, is called with every recorded outcome but a
	// refusal, after it is durable, in order for each group, never with a lock
	// held. Outcomes of open acts and of the last minute are told again after
	// a start. It must not block for long: acts of the group wait for it.
	OnOutcome func(context.Context, Outcome)
}

// Guard is the last judge before a machine is touched. Its methods are safe for
// concurrent use.
type Guard struct {
	log    Log
	env    string
	now    func() time.Time
	tell   func(context.Context, Outcome)
	epoch  uint64
	groups map[string]*group
	orphan map[string]*ledger // groups of the log that are not configured, while they have open acts
	stop   *stopSwitch
	verify func(context.Context, Intent, Limits) error // nil: nobody is asked
	count  counters
}

// NewGuard replays the log and returns a guard that knows every open act,
// budget, cooldown and stop recorded in it. It raises the epoch, durably, and
// touches no machine: acts that were open are settled by [Guard.Run], and a
// group that has any refuses every intent until that is done.
func NewGuard(ctx context.Context, c Config) (*Guard, error) {
	g := &Guard{log: c.Log, env: c.Env, now: c.Now, tell: c.OnOutcome, groups: map[string]*group{}, orphan: map[string]*ledger{},
		stop: newStopSwitch(c.StopFile), verify: c.Verify}
	g.count.init()
	if g.log == nil {
		return nil, errors.New("actions: guard without a log: no record, no action")
	}
	if g.now == nil {
		g.now = time.Now
	}
	if c.Sweep == 0 {
		c.Sweep = time.Second
	}
	if c.Sweep < time.Millisecond || c.Sweep > time.Minute {
		return nil, fmt.Errorf("actions: guard: sweep every %v, want 1ms to 1m", c.Sweep)
	}
	for _, gc := range c.Groups {
		switch err := gc.Limits.Check(); {
		case err != nil:
			return nil, fmt.Errorf("actions: group %q: %w", gc.Name, err)
		case gc.Name == "" || len(gc.Name) > maxName:
			return nil, fmt.Errorf("actions: group %.40q: want a name of 1 to %d bytes", gc.Name, maxName)
		case gc.Executor == nil:
			return nil, fmt.Errorf("actions: group %q has no executor", gc.Name)
		case g.groups[gc.Name] != nil:
			return nil, fmt.Errorf("actions: group %q is configured twice", gc.Name)
		}
		g.groups[gc.Name] = &group{Group: gc, guard: g, sweep: c.Sweep,
			ledger: newLedger(), wake: make(chan struct{}, 1)}
	}
	if err := g.replay(ctx); err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(g.groups))
	if _, err := g.log.Append(ctx, entryOf(actorGuard, "", &epochBody{g.epoch, names})); err != nil {
		return nil, fmt.Errorf("actions: record epoch %d: %w", g.epoch, err)
	}
	for _, gr := range g.groups {
		gr.begin(g.now())
	}
	return g, nil
}

// replay folds the log into the groups' ledgers, the stop switch and the epoch.
func (g *Guard) replay(ctx context.Context) error {
	size := g.log.Size()
	err := g.scan(ctx, 0, size, func(r audit.Record, s audit.Stored, body any) {
		switch b := body.(type) {
		case *epochBody:
			g.epoch = max(g.epoch, b.Epoch)
		case *stopBody:
			g.stop.fold(s, b)
		default:
			g.ledgerOf(groupOf(body)).add(r.Time, body)
		}
	})
	if err != nil {
		return err
	}
	for _, gr := range g.groups {
		gr.folded = size
	}
	maps.DeleteFunc(g.orphan, func(_ string, l *ledger) bool { return len(l.acts) == 0 })
	g.epoch++
	return nil
}

// scan calls f with the guard's own entries from ≤ seq < to.
func (g *Guard) scan(ctx context.Context, from, to int64, f func(audit.Record, audit.Stored, any)) error {
	err := g.log.Scan(ctx, from, to, func(r audit.Record) error {
		if !ours(r.Bytes) {
			return nil
		}
		s, err := audit.Decode(r.Bytes)
		if err != nil {
			return err
		}
		body, err := decode(s)
		if err == nil && body != nil {
			f(r, s, body)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("actions: read the log from entry %d: %w", from, err)
	}
	return nil
}

// ledgerOf returns the ledger that entries about the named group belong to.
func (g *Guard) ledgerOf(name string) *ledger {
	if gr := g.groups[name]; gr != nil {
		return gr.ledger
	}
	if g.orphan[name] == nil {
		g.orphan[name] = newLedger()
	}
	return g.orphan[name]
}

// Submit judges an intent and, if no limit holds it back, records it and calls
// the executor. It returns when the call has been answered; whether it had the
// effect is read back in [Guard.Run] and told by the outcome callback. The
// outcome is Sent, Refused (with the limit), Failed or DryRun, or Done for
// Notify. An intent that was seen before is answered with how it stands now,
// and nothing is done twice.
//
// An error means that the log could not be written: then nothing was done,
// unless the outcome says Sent.
func (g *Guard) Submit(ctx context.Context, in Intent) (Outcome, error) {
	id := in.ID()
	gr := g.groups[in.Group]
	if gr != nil {
		o, err := gr.submit(ctx, id, in)
		return o, err
	}
	b := g.refusal(id, in, refusal{limitTarget, fmt.Sprintf("no group %.40q here", in.Group)})
	if _, err := g.log.Append(ctx, entryOf(in.actor(), id, b)); err != nil {
		return Outcome{}, fmt.Errorf("actions: record the refusal of %s %s/%s: %w", in.Verb, clip(in.Group, maxName), clip(in.Member, maxName), err)
	}
	g.count.add(b)
	return b.outcome(), nil
}

// refusal returns the body of the entry that records it.
func (g *Guard) refusal(id string, in Intent, r refusal) *refusedBody {
	return &refusedBody{Act: id, Detail: clip(r.detail, maxText), Group: clip(in.Group, maxName), Limit: r.limit,
		Member: clip(in.Member, maxName), Rule: clip(in.Rule, maxName), Time: stamp(g.now()), Verb: Verb(clip(string(in.Verb), maxName)), Why: whyAct}
}

// SetLimits gives a group other limits: for every act that is judged from now
// on, and for what is done from now on about those that are open. It waits for
// no machine, records nothing and does not outlive the guard: that is for the
// caller. An error means that the limits are out of range or the group is not
// configured; nothing has changed then.
func (g *Guard) SetLimits(group string, l Limits) error {
	if err := l.Check(); err != nil {
		return fmt.Errorf("actions: group %.40q: %w", group, err)
	}
	gr := g.groups[group]
	if gr == nil {
		return fmt.Errorf("actions: limits for group %.40q: it is not configured", group)
	}
	l.Verbs = slices.Clone(l.Verbs)
	gr.later.Store(&l)
	gr.nudge()
	return nil
}

// Run verifies, undoes, escalates, sweeps and reconciles until ctx ends, one
// goroutine a group, so that a balancer that hangs holds up no other; it
// returns ctx's cause. When it stops nothing changes: what is held stays held,
// and the next guard on the same log goes on with it.
func (g *Guard) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, gr := range g.groups {
		wg.Go(func() { gr.run(ctx) })
	}
	wg.Go(func() { g.watchStop(ctx) })
	wg.Wait()
	return context.Cause(ctx)
}

// OpenAct is one act that has not ended, for people to look at.
type OpenAct struct {
	Act    string    `json:"act"`
	Detail string    `json:"detail,omitempty"` // what holds it back or went wrong
	Group  string    `json:"group"`
	Member string    `json:"member"`
	Phase  string    `json:"phase"` // sending, verifying, holding, undoing or escalated
	Reason string    `json:"reason"`
	Rule   string    `json:"rule"`
	Since  time.Time `json:"since"`          // of the phase
	Until  time.Time `json:"until,omitzero"` // for holding: when the hold ends
	Verb   Verb      `json:"verb"`
}

// Open returns the acts that have not ended, by group in order of admission,
// and those of groups that are no longer configured, which nobody looks after.
// It never waits for a machine.
func (g *Guard) Open() []OpenAct {
	var open []OpenAct
	for _, name := range slices.Sorted(maps.Keys(g.orphan)) {
		for _, a := range g.orphan[name].open() {
			o := a.view(name)
			o.Detail = "the group is no longer configured: put the member back by hand"
			open = append(open, o)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.groups)) {
		if p := g.groups[name].view.Load(); p != nil {
			open = append(open, *p...)
		}
	}
	return open
}

// Stats are counts since the start.
type Stats struct {
	Outcomes    map[Result]int64 // recorded, by result; Sent counts the acts admitted
	Refusals    map[string]int64 // by limit
	Reapplied   int64            // holds put back after a balancer forgot them
	Unreachable int64            // read-backs that failed
}

// Stats returns the counts since the start.
func (g *Guard) Stats() Stats { return g.count.stats() }

type counters struct {
	mu sync.Mutex // guards s
	s  Stats
}

func (c *counters) init() {
	c.s.Outcomes, c.s.Refusals = map[Result]int64{}, map[string]int64{}
}

// add counts what an entry with this body says.
func (c *counters) add(body any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch b := body.(type) {
	case *intentBody:
		c.s.Outcomes[Sent]++
	case *refusedBody:
		c.s.Outcomes[Refused]++
		c.s.Refusals[b.Limit]++
	case *Outcome:
		c.s.Outcomes[b.Result]++
	case *sentBody:
		if b.Why == whyReapply {
			c.s.Reapplied++
		}
	}
}

func (c *counters) unreachable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Unreachable++
}

func (c *counters) stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.Outcomes, s.Refusals = maps.Clone(s.Outcomes), maps.Clone(s.Refusals)
	return s
}
