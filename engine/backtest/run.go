package backtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
)

const (
	// batchFacts is how many facts are decoded, and then decided upon, together:
	// enough to keep the cores busy between two waits for each other, and at 64
	// KiB for the largest fact no more than 32 MiB.
	batchFacts = 512
	// maxGroups bounds the memories that are kept: ten times the groups that one
	// daemon is planned for.
	maxGroups = 4096
)

// Pack is a version that is ready to decide, with the limits of its guard.
type Pack struct {
	Name    string
	Program *engine.Program
	Limits  actions.Limits
}

// Fact is a recorded fact.
type Fact struct {
	facts.Fact
	ID string // its digest
	// Stream is the name of the recording it belongs to, when there are several:
	// groups of two streams have nothing to do with each other.
	Stream string
	// Past: it is remembered, and not decided upon.
	Past bool
}

// Recorded decodes a recorded fact. It is called once, by any goroutine, and
// its error, which says where the fact is from, ends the run.
type Recorded func() (Fact, error)

// Feed gives recorded facts in the order in which they were recorded. It returns
// the error of take at once, and keeps no memory that it gave away.
type Feed func(ctx context.Context, take func(Recorded) error) error

// Config is what a run needs. Base may be nil: then there is nothing to compare
// with.
type Config struct {
	Candidate Pack
	Base      *Pack
	Engine    string // the build that decides, for the report
	Facts     Feed
}

// Run decides upon all facts and reports. An error is that of the feed or of a
// fact, that there are more groups, members or hours than a report counts, or
// that ctx ended; there is no report then.
func Run(ctx context.Context, c Config) (*Report, error) {
	if c.Candidate.Program == nil || c.Facts == nil || c.Base != nil && c.Base.Program == nil {
		return nil, errors.New("backtest: run: want a program and facts")
	}
	r := &run{config: c, packs: []*Pack{&c.Candidate}, lanes: map[laneKey]*lane{}, stream: map[string]int{"": 0}}
	if c.Base != nil {
		r.packs = append(r.packs, c.Base)
	}
	r.tally = newTally(r.packs)
	if err := r.all(ctx); err != nil {
		return nil, fmt.Errorf("backtest: %w", err)
	}
	return r.tally.report(&c, len(r.lanes)), nil
}

// run is one run. The packs are the candidate and, when there is one, the base.
type run struct {
	config Config
	packs  []*Pack
	lanes  map[laneKey]*lane
	stream map[string]int // number of each that was named, from 1, in the order in which they come
	recent engine.Recent
	tally  *tally
}

// entry is a fact on its way through a run.
type entry struct {
	recorded Recorded
	fact     Fact
	err      error
	stream   int
	fate     fate
	judged   [2]judged // by the packs
}

// fate says what became of a fact.
type fate int

const (
	decided   fate = iota
	past           // remembered only
	duplicate      // handled before
	late           // out of date when it came
	full           // one member more than a memory holds
)

// all passes the facts on in batches: while one is decided upon, the next is
// decoded and the one after it is read.
func (r *run) all(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	read, decoded := make(chan []entry), make(chan []entry)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var fed error
	wg.Go(func() {
		defer close(read)
		fed = r.feed(ctx, read)
	})
	wg.Go(func() {
		defer close(decoded)
		for batch := range read {
			spread(len(batch), func(i int) { batch[i].fact, batch[i].err = batch[i].recorded() })
			if !send(ctx, decoded, batch) {
				return
			}
		}
	})
	for batch := range decoded {
		if err := r.take(batch); err != nil {
			return err
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return fed // written before read was closed, and that before decoded was
}

// feed reads the facts into batches.
func (r *run) feed(ctx context.Context, to chan<- []entry) error {
	var batch []entry
	err := r.config.Facts(ctx, func(f Recorded) error {
		batch = append(batch, entry{recorded: f})
		if len(batch) < batchFacts {
			return nil
		}
		full := batch
		batch = nil
		if !send(ctx, to, full) {
			return context.Cause(ctx)
		}
		return nil
	})
	if err == nil && len(batch) > 0 {
		send(ctx, to, batch)
	}
	return err
}

func send(ctx context.Context, to chan<- []entry, batch []entry) bool {
	select {
	case to <- batch:
		return true
	case <-ctx.Done():
		return false
	}
}

// take decides upon a batch and counts what came of it.
func (r *run) take(batch []entry) error {
	var busy []*lane
	for i := range batch {
		e := &batch[i]
		if e.err != nil {
			return e.err
		}
		l, err := r.assign(e)
		if err != nil {
			return err
		}
		if l != nil && len(l.waiting) == 1 {
			busy = append(busy, l)
		}
	}
	sides := len(r.packs)
	errs := make([]error, len(busy)*sides)
	spread(len(errs), func(i int) { errs[i] = busy[i/sides].judge(i % sides) })
	for _, l := range busy {
		l.waiting = l.waiting[:0]
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i := range batch {
		if err := r.tally.add(&batch[i]); err != nil {
			return err
		}
	}
	return nil
}

// assign has a fact wait in the lane of its group, which it returns; nil when it
// was handled before.
func (r *run) assign(e *entry) (*lane, error) {
	e.recorded = nil
	number, known := r.stream[e.fact.Stream]
	if !known {
		if number = len(r.stream); number > maxGroups {
			return nil, fmt.Errorf("%.80s is one more than %d recordings: run it over fewer at a time", e.fact.Stream, maxGroups)
		}
		r.stream[e.fact.Stream] = number
	}
	e.stream = number
	identity := e.fact.ID
	if number > 0 { // two recordings may tell the same
		identity = fmt.Sprint(number, " ", identity)
	}
	if r.recent.Has(identity) {
		e.fate = duplicate
		return nil, nil
	}
	r.recent.Add(identity)
	l, err := r.lane(&e.fact)
	if err == nil {
		l.waiting = append(l.waiting, e)
	}
	return l, err
}

// lane returns the lane of a fact's group.
func (r *run) lane(f *Fact) (*lane, error) {
	key := laneKey{f.Stream, f.Env, f.Group}
	if l := r.lanes[key]; l != nil {
		return l, nil
	}
	if len(r.lanes) == maxGroups {
		return nil, fmt.Errorf("group %s/%s is one more than %d: run it over fewer groups or recordings at a time", f.Env, f.Group, maxGroups)
	}
	l, err := newLane(key, r.packs)
	if err != nil {
		return nil, err
	}
	r.lanes[key] = l
	return l, nil
}

// spread calls f with 0 to n-1, on all cores, and returns when all are done.
func spread(n int, f func(int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}
