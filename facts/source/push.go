package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Bounds on pushing.
const (
	// DefaultPushBytes bounds a request, decompressed: one member's export has a
	// few KiB, a collector's batch of 8,192 data points about a MiB.
	DefaultPushBytes = 4 << 20
	// MaxPushBytes is what the protocol recommends that a server accepts.
	MaxPushBytes = 20 << 20

	// staleTicks is how many ticks a value is repeated, unless told otherwise:
	// a push may be late by one tick and lost once.
	staleTicks = 3
	// maxStale: a value that is older says nothing about now.
	maxStale = time.Hour
	// pushMemory is how long a silent member is remembered, and reported, at least:
	// exporters push once a minute unless they are told otherwise.
	pushMemory = 10 * time.Minute
)

// The attributes that name the member when none is configured.
const (
	instanceAttribute = "service.instance.id"
	hostAttribute     = "host.name"
)

// PushConfig tells what members push and how their values are named.
type PushConfig struct {
	Group string

	// Member is the resource attribute whose value names the member. Empty:
	// service.instance.id, or host.name where that is missing. Many programs
	// make a new service.instance.id at every start: name another attribute
	// then, and always where a balancer has names for its servers.
	Member string

	// Metrics maps OTLP names to names in the frame; other metrics are taken
	// and passed over. Empty: all metrics, named as [Push] says.
	Metrics map[string]string

	// Tick is the period of the poller, from [MinTick] to [MaxTick]. Members
	// should push as often.
	Tick time.Duration

	// Stale is how old a value may be, by the clocks of both sides, and how long
	// it is repeated; at most an hour. Zero: three ticks.
	Stale time.Duration

	// TokenFile holds the token that every request must carry: a line of at
	// least 16 bytes, in a file that its group may read and others may not.
	TokenFile string

	MaxBytes   int64 // of a request, before and after decompression; zero: DefaultPushBytes
	MaxMembers int   // zero: facts.MaxMembers
	MaxMetrics int   // in the frame; zero: facts.MaxMetrics
}

// Push is what members push: an [http.Handler] for OTLP metrics over HTTP, in
// protobuf or JSON, and the [Reader] of what came. [Push.Listen] serves it.
//
// A reading is made of the newest data points:
//
//   - A monotonic sum is a rate per second by the clock of the member,
//     cumulative and delta ones alike, over the time between the points that
//     came since the last reading, or half a tick at least.
//   - A histogram, explicit or exponential, is two such rates: its name with
//     _sum and with _count, so that their ratio is a mean.
//   - A gauge, and a cumulative sum that may fall, is given as it is.
//
// Points of one member and metric that differ in their attributes are added up,
// for gauges too: that does not depend on the order in which they come, as the
// last one would.
//
// Between two pushes a value is repeated until it is stale, and missing then. A
// member that has pushed nothing for so long is not in the frame, and is
// reported beside it until it is forgotten. When a counter of a member falls or
// has a new start time, the process behind it started again: all its rates are
// missing until the second push after that. A counter with attributes that were
// not there before counts from zero, if its start time tells that it did.
//
// # What is refused
//
// The answer tells the sender how many data points were refused and why:
// summaries; delta sums that may fall; numbers that are not finite, and falling
// counts; points that are stale when they come, or not newer than what is known
// of the same attributes; points of a process that another one with a later
// start has replaced under the same name; and what is beyond the bounds on
// members, metrics and attribute sets.
//
// # Names
//
// Without configured names, a metric is called what a Prometheus page would
// call it: characters other than letters, digits and ":" become "_"; the unit is
// appended in words when it is known and not at the end already; counters, which
// are rates here, have no "_total". http.server.request.duration in seconds
// is http_server_request_duration_seconds_count and _sum. A count of HTTP
// requests that has their status among its attributes is also given for those
// with 500 or more: http_server_request_duration_seconds_count_5xx.
//
// Serving and reading may go on at the same time; Read is not for concurrent
// use.
type Push struct {
	config  PushConfig
	token   [32]byte // digest of the token
	seed    maphash.Seed
	reading chan struct{} // a place for each request whose body is read
	parsing chan struct{} // a place for each body that is decoded
	unzip   sync.Pool     // of *gzip.Reader

	mu      sync.Mutex // guards what follows
	members map[string]*pushMember
	sorted  []string // names of members; nil: to be sorted again
	columns pushColumns
	series  int    // of all members
	refused string // why points were last refused

	shape shape // of Read alone
	stats struct{ requests, failed, points, refused atomic.Int64 }
}

// NewPush returns a push source of c. It checks c and reads the token.
func NewPush(c PushConfig) (*Push, error) {
	if err := facts.CheckName("group", c.Group); err != nil {
		return nil, fmt.Errorf("source: push: %w", err)
	}
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("source: push %s: %w", c.Group, err)
	}
	token, err := tokenDigest(c.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("source: push %s: token: %w", c.Group, err)
	}
	return &Push{config: c, token: token, seed: maphash.MakeSeed(),
		reading: make(chan struct{}, maxReading), parsing: make(chan struct{}, maxParsing),
		members: map[string]*pushMember{}, columns: newPushColumns(c.Metrics, c.MaxMetrics)}, nil
}

// complete checks c and fills in what was left out.
func (c *PushConfig) complete() error {
	if err := checkFrameNames(c.Metrics); err != nil {
		return err
	}
	switch {
	case c.Tick < MinTick || c.Tick > MaxTick:
		return fmt.Errorf("tick %v: want %v to %v", c.Tick, MinTick, MaxTick)
	case c.Stale != 0 && (c.Stale < c.Tick || c.Stale > maxStale):
		return fmt.Errorf("stale after %v: want a tick, %v, to %v", c.Stale, c.Tick, maxStale)
	case c.MaxBytes < 0 || c.MaxBytes > MaxPushBytes:
		return fmt.Errorf("%d bytes a request: want at most %d", c.MaxBytes, MaxPushBytes)
	case c.MaxMembers < 0 || c.MaxMembers > facts.MaxMembers:
		return fmt.Errorf("%d members: want at most %d", c.MaxMembers, facts.MaxMembers)
	case c.MaxMetrics < 0 || c.MaxMetrics > facts.MaxMetrics:
		return fmt.Errorf("%d metrics: want at most %d", c.MaxMetrics, facts.MaxMetrics)
	case c.TokenFile == "":
		return errors.New("no token file: want one, so that not everybody can push")
	}
	c.Metrics = maps.Clone(c.Metrics)
	c.Stale = cmp.Or(c.Stale, min(staleTicks*c.Tick, maxStale))
	c.MaxBytes = cmp.Or(c.MaxBytes, DefaultPushBytes)
	c.MaxMembers = cmp.Or(c.MaxMembers, facts.MaxMembers)
	c.MaxMetrics = cmp.Or(c.MaxMetrics, facts.MaxMetrics)
	return nil
}

// Read implements [Reader]. It waits for nothing.
// Cost: O(attribute sets of all members).
func (p *Push) Read(ctx context.Context, t time.Time) (*facts.Frame, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(t)
	lost := &PartialError{Group: p.config.Group, Of: len(p.members)}
	var live []string
	for _, name := range p.names() {
		if silent := t.Sub(p.members[name].arrived); silent > p.config.Stale {
			lost.add(fmt.Errorf("source: %s has pushed nothing for %v: want a push at least every %v", name, silent.Round(time.Second), p.config.Stale))
			continue
		}
		live = append(live, name)
	}
	metrics, at := p.columns.sorted()
	values := missing(len(live) * len(metrics))
	for i, name := range live {
		p.members[name].read(t, &p.config, at, values[i*len(metrics):(i+1)*len(metrics)])
	}
	if f := p.shape.frame(t, p.config.Group, live, metrics, values); len(f.Members) > 0 {
		return f, lost.orNil()
	}
	return nil, p.nothing(lost)
}

// nothing says why there is no frame.
func (p *Push) nothing(lost *PartialError) error {
	err := lost.orNil()
	switch {
	case err != nil:
	case len(p.members) > 0:
		err = fmt.Errorf("source: push %s: no value yet: counters need two pushes", p.config.Group)
	default:
		err = fmt.Errorf("source: push %s: no member has pushed: want OTLP metrics at %s", p.config.Group, pushPath)
	}
	if p.refused != "" {
		err = fmt.Errorf("%w; refused was %s", err, p.refused)
	}
	return err
}

// names returns the members in order.
func (p *Push) names() []string {
	if p.sorted == nil {
		p.sorted = slices.Sorted(maps.Keys(p.members))
	}
	return p.sorted
}

// forget drops the values that are stale at t and can not count on, and the
// members that have been silent for too long.
func (p *Push) forget(t time.Time) {
	for name, m := range p.members {
		if t.Sub(m.arrived) > max(pushMemory, p.config.Stale) {
			p.drop(m, func(*pushSeries) bool { return true })
			delete(p.members, name)
			p.sorted = nil
			continue
		}
		p.drop(m, func(s *pushSeries) bool { return s.kind == kindLevel && t.UnixNano()-s.seen > int64(p.config.Stale) })
	}
}

// drop removes those series of m that it is told to.
func (p *Push) drop(m *pushMember, gone func(*pushSeries) bool) {
	p.series -= m.drop(gone, p.columns.release)
}

// PushStats counts since the start.
type PushStats struct {
	Requests int64 // requests taken, wholly or in part
	Failed   int64 // requests answered with an error
	Points   int64 // data points taken, those passed over included
	Refused  int64 // data points refused
}

// Stats may be called at any time from any goroutine.
func (p *Push) Stats() PushStats {
	s := &p.stats
	return PushStats{s.requests.Load(), s.failed.Load(), s.points.Load(), s.refused.Load()}
}
