package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Bounds on scraping.
const (
	// maxScrapes bounds the scrapes in flight: a tenth of a second for 1,000
	// members on loopback, and no burst that the network would notice.
	maxScrapes = 16
	// DefaultMaxBytes bounds a member's page, decompressed: large ones of real
	// services have a few hundred KiB, and parsing takes tens of times the room.
	DefaultMaxBytes = 1 << 20
)

// ErrNoMetric says that a member's page was read and nothing on it is wanted:
// another choice of metrics may find something.
var ErrNoMetric = errors.New("no wanted metric")

// PrometheusConfig tells which members to scrape and what to take from their
// pages.
type PrometheusConfig struct {
	Group   string
	Members map[string]string // member → http or https URL of its page

	// Metrics maps counters and gauges on the page to names in the frame. A
	// key is the name of a metric, _sum and _count of a histogram or summary
	// among them, or selects label sets of it as PromQL does, but that a value
	// holds no backslash:
	//
	//	http_requests_total{code=~"5..",handler!="/metrics"}
	//
	// Nil: all those whose name begins with "be_", under their own name, a
	// counter's without "_total", and in the same way those of node_exporter
	// and of common HTTP servers, client libraries and proxies that package
	// detect knows the features of (a list in this package, common.go).
	Metrics map[string]string

	Timeout  time.Duration // of one scrape; zero: one second
	MaxBytes int64         // of one page, decompressed; zero: DefaultMaxBytes
}

// Prometheus scrapes the members of a group.
//
// A counter is summed over the label sets selected and given as a rate per
// second over the time that really passed since the previous scrape of that
// member; one of which none is selected stands at zero, unless no label set has
// the labels asked for. When one of a member's counters falls, that process
// started again and all its rates are missing from the frame. A gauge is given
// as it is and must have one label set. NaN and infinite samples are missing
// values; the buckets of histograms and the quantiles of summaries are not read.
//
// A member whose scrape fails is not in the frame. Members that failed last
// time are scraped last, so that hanging ones hold up nobody else.
//
// It follows no redirect and uses no proxy. It is not for concurrent use.
type Prometheus struct {
	group   string
	targets []*target // sorted by member
	pick    picker
	client  *http.Client
	columns columns
	shape   shape
}

// target is one member's page, and what its last scrape said.
type target struct {
	member, url string
	timeout     time.Duration
	maxBytes    int64

	before  tally
	samples map[string]sample
	at      time.Time
	err     error
	ill     bool // it failed when it was last asked
}

// NewPrometheus returns a reader of c. It checks c and does not connect.
func NewPrometheus(c PrometheusConfig) (*Prometheus, error) {
	if err := facts.CheckName("group", c.Group); err != nil {
		return nil, fmt.Errorf("source: prometheus: %w", err)
	}
	fail := func(format string, args ...any) (*Prometheus, error) {
		return nil, fmt.Errorf("source: prometheus %s: %w", c.Group, fmt.Errorf(format, args...))
	}
	if n := len(c.Members); n == 0 || n > facts.MaxMembers {
		return fail("%d members, want 1 to %d", n, facts.MaxMembers)
	}
	if c.Timeout < 0 || c.MaxBytes < 0 {
		return fail("timeout %v, max bytes %d: want neither below 0", c.Timeout, c.MaxBytes)
	}
	p := &Prometheus{group: c.Group, client: newClient()}
	for _, m := range slices.Sorted(maps.Keys(c.Members)) {
		if err := facts.CheckName("member", m); err != nil {
			return fail("%w", err)
		}
		u, err := url.Parse(c.Members[m])
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			return fail("member %s: found %.100q, want an address like http://10.0.0.7:9100/metrics", m, c.Members[m])
		case u.User != nil:
			return fail("member %s: want an address without a user and a password", m)
		}
		p.targets = append(p.targets, &target{member: m, url: u.String(),
			timeout: cmp.Or(c.Timeout, defaultTimeout), maxBytes: cmp.Or(c.MaxBytes, DefaultMaxBytes)})
	}
	pick, err := newPicker(c.Metrics)
	if err != nil {
		return fail("%w", err)
	}
	p.pick = pick
	return p, nil
}

// Close drops the connections kept open to the members. The reader may be used
// again.
func (p *Prometheus) Close() { p.client.CloseIdleConnections() }

// Read scrapes every member, at most 16 at a time, and returns the frame of
// tick t; beside a [*PartialError] when some members did not answer. When none
// did, there is no frame.
func (p *Prometheus) Read(ctx context.Context, t time.Time) (*facts.Frame, error) {
	p.scrape(ctx)
	lost := &PartialError{Group: p.group, Of: len(p.targets)}
	var seen []*target
	for _, g := range p.targets {
		if g.err == nil {
			g.err = p.columns.admit(g.samples)
		}
		if g.err != nil {
			lost.add(fmt.Errorf("source: scrape %s %s: %w", g.member, g.url, g.err))
			continue
		}
		seen = append(seen, g)
	}
	if len(seen) == 0 {
		return nil, lost
	}
	return p.frame(t, seen), lost.orNil()
}

// scrape asks all targets and leaves the answers in them.
func (p *Prometheus) scrape(ctx context.Context) {
	next := make(chan *target, len(p.targets))
	for _, ill := range []bool{false, true} {
		for _, g := range p.targets {
			if g.ill == ill {
				next <- g
			}
		}
	}
	close(next)
	var wg sync.WaitGroup
	for range min(maxScrapes, len(p.targets)) {
		wg.Go(func() {
			for g := range next {
				g.scrape(ctx, p.client, p.pick)
			}
		})
	}
	wg.Wait()
}

// scrape asks the target unless it is too late to.
func (g *target) scrape(ctx context.Context, client *http.Client, pick picker) {
	if g.err = ctx.Err(); g.err == nil {
		g.samples, g.err = g.fetch(ctx, client, pick)
		g.ill = g.err != nil
	}
	g.at = time.Now()
}

// frame turns the counters of the targets seen into rates.
func (p *Prometheus) frame(t time.Time, seen []*target) *facts.Frame {
	d := len(p.columns.names)
	members, values := make([]string, len(seen)), missing(len(seen)*d)
	for i, g := range seen {
		members[i] = g.member
		row, now := values[i*d:(i+1)*d], tally{g.at, missing(d)}
		for name, s := range g.samples {
			k := p.columns.index[name]
			if s.counter {
				now.counts[k] = s.value
			} else {
				row[k] = s.value
			}
		}
		if now.fell(g.before) {
			g.before = tally{}
		}
		now.rates(g.before, row)
		g.before = now
	}
	names, values := p.columns.sorted(values)
	return p.shape.frame(t, p.group, members, names, values)
}

// columns gives every metric seen a column, and keeps it: tallies of different
// ticks are compared column by column.
type columns struct {
	index   map[string]int
	names   []string
	counter []bool
	order   []int // columns in order of their names
}

// admit gives each sample a column. It refuses samples of more metrics than a
// frame holds, and of metrics that were of the other kind when first seen.
func (c *columns) admit(samples map[string]sample) error {
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		s := samples[name]
		k, ok := c.index[name]
		switch {
		case ok && c.counter[k] != s.counter:
			return fmt.Errorf("metric %s is a %s here, and a %s when first seen: want one kind on all members",
				name, kindName(s.counter), kindName(c.counter[k]))
		case ok:
			continue
		case len(c.names) == facts.MaxMetrics:
			return fmt.Errorf("metric %s is one too many: want at most %d in a group", name, facts.MaxMetrics)
		}
		if c.index == nil {
			c.index = map[string]int{}
		}
		c.index[name] = len(c.names)
		c.names, c.counter = append(c.names, name), append(c.counter, s.counter)
		c.order = append(c.order, len(c.order))
		slices.SortFunc(c.order, func(a, b int) int { return cmp.Compare(c.names[a], c.names[b]) })
	}
	return nil
}

// sorted returns the names in order and the rows of values in that order.
func (c *columns) sorted(values []float64) ([]string, []float64) {
	d := len(c.order)
	names, out := make([]string, d), make([]float64, len(values))
	for k, from := range c.order {
		names[k] = c.names[from]
		for i := k; i < len(out); i += d {
			out[i] = values[i-k+from]
		}
	}
	return names, out
}

func kindName(counter bool) string {
	if counter {
		return "counter"
	}
	return "gauge"
}

// finite returns v, or NaN for an infinity: frames hold none.
func finite(v float64) float64 {
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}
