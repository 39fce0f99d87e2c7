package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Defaults and bounds of a client.
const (
	defaultInFlight = 1000            // requests; a pool of 10 has 40 when it is well
	DefaultTimeout  = 8 * time.Second // longer than any balancer here waits for its member
	MaxRate         = 20_000          // requests per second: one machine sends no more
	lateAfter       = time.Second     // a good answer that took longer is counted as late
)

// ClientConfig describes a client.
type ClientConfig struct {
	URL         string
	Rate        float64       // requests per second, above 0, at most MaxRate
	Seed        uint64        // of the arrivals
	MaxInFlight int           // 0: defaultInFlight; above it a request is counted as shed, and not sent
	Timeout     time.Duration // 0: DefaultTimeout
}

// Client is an open-loop load: requests are sent at the times of a Poisson
// process, whether or not earlier ones were answered. They are POSTs, which
// nobody on the way may repeat on his own, so that a lost request is lost.
type Client struct {
	url     string
	timeout time.Duration
	http    *http.Client
	slots   chan struct{} // a token for each request in flight
	tally   tally

	mu   sync.Mutex
	rate float64    // requests per second
	rng  *rand.Rand // of the arrivals
}

// NewClient returns a client that is ready to run.
func NewClient(c ClientConfig) (*Client, error) {
	if u, err := url.Parse(c.URL); err != nil || u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("sim: client of %.60q, want an address like http://127.0.0.1:8080", c.URL)
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = defaultInFlight
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.MaxInFlight < 0 || c.Timeout < 0 {
		return nil, fmt.Errorf("sim: client with %d requests in flight and a timeout of %v, want neither below 0", c.MaxInFlight, c.Timeout)
	}
	cl := &Client{url: c.URL, timeout: c.Timeout, slots: make(chan struct{}, c.MaxInFlight),
		rng: rand.New(rand.NewPCG(c.Seed, 2)), //nolint:gosec // reproducible by intent
		http: &http.Client{Transport: &http.Transport{
			MaxIdleConns: c.MaxInFlight, MaxIdleConnsPerHost: c.MaxInFlight, DisableCompression: true,
		}}}
	return cl, cl.SetRate(c.Rate)
}

// SetRate changes the rate, in requests per second, from the next arrival on.
func (c *Client) SetRate(rate float64) error {
	if math.IsNaN(rate) || rate <= 0 || rate > MaxRate {
		return fmt.Errorf("sim: client rate %g a second, want above 0 and at most %d", rate, MaxRate)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rate = rate
	return nil
}

// gap draws the time to the next arrival.
func (c *Client) gap() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(c.rng.ExpFloat64() / c.rate * float64(time.Second))
}

// Tally sums up the requests that were sent from from to before to, in steps of
// [TallyStep]: those that begin in the interval count, so that intervals that
// meet share none. What came of a request is known only later: see
// [Tally.Pending].
func (c *Client) Tally(from, to time.Time) Tally { return c.tally.sum(from, to) }

// Run sends until ctx ends, then waits for what is in flight, which it gives
// up. It returns nil.
func (c *Client) Run(ctx context.Context) error {
	var inFlight sync.WaitGroup
	defer c.http.CloseIdleConnections()
	defer inFlight.Wait()
	for next := time.Now(); ; next = next.Add(c.gap()) {
		// A pause of the machine is made up for: arrivals do not depend on it.
		if wait := time.Until(next); wait > 0 && !sleep(ctx, wait) || ctx.Err() != nil {
			return nil
		}
		sent := time.Now()
		select {
		case c.slots <- struct{}{}:
		default:
			c.tally.send(sent)
			c.tally.end(sent, shed, 0)
			continue
		}
		c.tally.send(sent)
		inFlight.Go(func() {
			defer func() { <-c.slots }()
			fate := c.ask(ctx)
			if ctx.Err() == nil || fate == good {
				c.tally.end(sent, fate, time.Since(sent))
			}
		})
	}
}

// ask sends one request and judges the answer.
func (c *Client) ask(ctx context.Context) fate {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, http.NoBody)
	if err != nil {
		return lostConn
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fateOf(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end below, or of no use
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return fateOf(err)
	case resp.StatusCode != http.StatusOK:
		return lostStatus
	}
	switch err := checkBody(body); {
	case err == nil:
		return good
	case errors.Is(err, errBodyEmpty):
		return lostEmpty
	}
	return lostBad
}

func fateOf(err error) fate {
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return lostTimeout
	}
	return lostConn
}
