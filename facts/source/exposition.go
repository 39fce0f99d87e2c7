package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/evenkeel/evenkeel/facts"
)

// sample is one metric of one member: a counter's sum over label sets, or a
// gauge.
type sample struct {
	counter bool
	value   float64
}

// maxHeaderBytes bounds the header of a member's answer, which has a few hundred
// bytes.
const maxHeaderBytes = 64 << 10

// newClient returns a client that follows no redirect, asks no proxy and
// accepts any page that ends before the context does.
func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			MaxIdleConns: facts.MaxMembers, MaxIdleConnsPerHost: maxScrapes,
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a redirected scrape may be another member's
		},
	}
}

// fetch scrapes the target once.
func (g *target) fetch(ctx context.Context, client *http.Client, pick picker) (map[string]sample, error) {
	limited, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	page, err := g.page(limited, client)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, errors.New("no answer in time")
	case err != nil:
		return nil, err
	}
	return parseExposition(page, pick)
}

func (g *target) page(ctx context.Context, client *http.Client) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	resp, err := client.Do(req)
	if err != nil {
		return nil, errors.Unwrap(err) // a url.Error, which repeats the address
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode/100 == 3:
		return nil, fmt.Errorf("redirected to %.100q: want the address of the page itself", resp.Header.Get("Location"))
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %s: want 200 OK", resp.Status)
	}
	page, err := io.ReadAll(io.LimitReader(resp.Body, g.maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	if int64(len(page)) > g.maxBytes {
		return nil, fmt.Errorf("the page has more than %d bytes: raise the limit, or expose less", g.maxBytes)
	}
	return page, nil
}

// parseExposition reads a page in the Prometheus text format, version 0.0.4,
// and returns the samples picked, by their names in the frame.
func parseExposition(page []byte, pick picker) (map[string]sample, error) {
	families, err := parseFamilies(page)
	if err != nil {
		return nil, fmt.Errorf("page is not in the Prometheus text format: %w", err)
	}
	samples := map[string]sample{}
	for _, w := range pick.from(families) {
		_, twice := samples[w.as]
		if twice && w.common {
			continue
		}
		s, found, err := w.sample(families)
		switch {
		case err != nil && (w.common || errors.Is(err, errOtherKind) && !w.explicit), err == nil && !found:
			continue
		case err != nil:
			return nil, fmt.Errorf("metric %s: %w", w.selector, err)
		case twice:
			return nil, fmt.Errorf("metric %s: another one is also named %s in the frame: want different names", w.selector, w.as)
		}
		samples[w.as] = s
	}
	if len(samples) == 0 {
		return nil, fmt.Errorf("%w among the page's %d: want %s", ErrNoMetric, len(families), pick)
	}
	return samples, nil
}

// parseFamilies runs the parser of expfmt. Its release 0.67.5 panics on a page
// that begins with braces, as in "{} 0": one member's page must not end the
// process.
func parseFamilies(page []byte) (families map[string]*dto.MetricFamily, err error) {
	defer func() {
		if r := recover(); r != nil {
			families, err = nil, fmt.Errorf("the parser gave up on it: %v", r)
		}
	}()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	return parser.TextToMetricFamilies(bytes.NewReader(page))
}
