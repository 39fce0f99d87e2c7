package source

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/evenkeel/evenkeel/facts"
)

// Bounds on asking a Prometheus server.
const (
	// DefaultAnswerBytes bounds an answer, decompressed: the values of 10,000
	// members and 20 metrics have about 24 MB.
	DefaultAnswerBytes = 32 << 20
	// defaultQueryTimeout bounds an instant query. The server needs about a
	// second for 20,000 series; a [Poller] gives up earlier when ticks are short.
	defaultQueryTimeout = 5 * time.Second
	// maxDelay bounds the delay: an older value says nothing about now.
	maxDelay = time.Hour
	// maxSeries bounds the series of an answer: one for each value of the
	// largest frame.
	maxSeries = facts.MaxMembers * facts.MaxMetrics
)

// labelForm is what Prometheus admits as a label in every version.
var labelForm = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// PromQLConfig tells which server to ask, and what.
type PromQLConfig struct {
	URL   string // of the server: http://127.0.0.1:9090; a path, if any, is kept
	Group string

	// Queries maps names of metrics in the frame to PromQL expressions, each an
	// instant vector with one series for each member:
	//
	//	request_rate: sum by (instance) (rate(http_requests_total{job="api"}[15s]))
	//
	// Where a member that is up and has no series has had none of what is counted,
	// say so:
	//
	//	errors: sum by (instance) (rate(http_requests_total{job="api",code=~"5.."}[1m])) or on (instance) 0 * (up{job="api"} == 1)
	Queries map[string]string
	Member  string // label whose value names the member; empty: "instance"

	// Delay is how long before a tick the queries are evaluated, 0 to 1 h in
	// whole milliseconds. A server knows the newest samples only after its
	// scrape, so that Delay is best as long as its scrape interval.
	Delay time.Duration

	Timeout  time.Duration // of one query; zero: 5 s
	MaxBytes int64         // of one answer, decompressed; zero: DefaultAnswerBytes

	// Files with credentials, at most one of both, read anew for each query.
	// They need https, unless the server is on loopback.
	BearerTokenFile string // the token
	BasicAuthFile   string // user:password

	CAFile string // PEM of the authorities to trust; empty: the system's
}

// PromQL reads a group from a Prometheus server, or one that speaks its query
// API: whatever the number of members and metrics, one instant query a tick. It
// evaluates all queries at the same instant, by joining them into
//
//	label_replace(QUERY, "evenkeel_metric", "request_rate", "", "") or label_replace(…
//
// The time of a frame is that of its values: the tick less the configured
// delay. NaN, which is also what 0/0 gives, and infinite values are missing. A
// query fails in part, by itself, when it has no series at all, or when one of
// its series has no member label or a histogram, or when two have the same
// member: that value is missing then, and the error names both series. What the
// server warns of is reported in the same way, as a [*PartialError].
//
// A server repeats the last sample of a series that went silent without a
// farewell for its lookback, 5 minutes unless set otherwise; a rate over a
// short range does not.
//
// It follows no redirect and uses no proxy. It is not for concurrent use.
type PromQL struct {
	group   string
	member  model.LabelName
	names   []string // of the metrics, sorted
	query   joinedQuery
	delay   time.Duration
	timeout time.Duration
	api     promv1.API
	idle    func() // drops the connections kept open
	shape   shape
}

// NewPromQL returns a reader of c. It checks c, reads the files it names, and
// does not connect.
func NewPromQL(c PromQLConfig) (*PromQL, error) {
	if err := facts.CheckName("group", c.Group); err != nil {
		return nil, fmt.Errorf("source: promql: %w", err)
	}
	p := &PromQL{group: c.Group, member: model.LabelName(cmp.Or(c.Member, model.InstanceLabel)), delay: c.Delay,
		timeout: cmp.Or(c.Timeout, defaultQueryTimeout)}
	if err := p.configure(c); err != nil {
		return nil, fmt.Errorf("source: promql %s: %w", c.Group, err)
	}
	return p, nil
}

func (p *PromQL) configure(c PromQLConfig) error {
	switch {
	case !labelForm.MatchString(string(p.member)):
		return fmt.Errorf("member label %.60q: want a name like %s", p.member, model.InstanceLabel)
	case c.Delay < 0 || c.Delay > maxDelay || c.Delay%time.Millisecond != 0:
		return fmt.Errorf("delay %v: want whole milliseconds from 0 to %v", c.Delay, maxDelay)
	case c.Timeout < 0 || c.MaxBytes < 0:
		return fmt.Errorf("timeout %v, max bytes %d: want neither below 0", c.Timeout, c.MaxBytes)
	}
	p.names = slices.Sorted(maps.Keys(c.Queries))
	var err error
	if p.query, err = joinQueries(p.names, c.Queries); err != nil {
		return err
	}
	t, err := newQueryTransport(c)
	if err != nil {
		return err
	}
	client, err := api.NewClient(api.Config{Address: c.URL, Client: &http.Client{Transport: t, CheckRedirect: refuseRedirect}})
	if err != nil {
		return err
	}
	p.api, p.idle = promv1.NewAPI(client), t.base.CloseIdleConnections
	return nil
}

// Close drops the connections kept open to the server. The reader may be used
// again.
func (p *PromQL) Close() { p.idle() }

// Read implements [Reader]; the frame's time is t less the delay, cut to
// milliseconds. Errors say what the server says, without the query.
func (p *PromQL) Read(ctx context.Context, t time.Time) (*facts.Frame, error) {
	at := t.Add(-p.delay).UTC().Truncate(time.Millisecond)
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	value, warnings, err := p.api.Query(limited, p.query.text, at, promv1.WithTimeout(p.timeout))
	if err != nil {
		return nil, fmt.Errorf("source: query %s: %w", p.group, p.query.explain(ctx, limited, err))
	}
	a, err := p.answer(value, warnings, span{from: at, steps: 1})
	if err != nil {
		return nil, fmt.Errorf("source: query %s: %w", p.group, err)
	}
	f, err := a.frame(at)
	if f != nil || err != nil {
		return f, err
	}
	if err := a.partial(a.faults); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("source: query %s: every value is NaN or infinite: want numbers", p.group)
}
