package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"

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
	for _, name := range slices.Sorted(maps.Keys(families)) {
		as, explicit := pick.name(name)
		if as == "" {
			continue
		}
		s, err := familySample(families[name])
		switch {
		case errors.Is(err, errOtherKind) && !explicit:
			continue
		case err != nil:
			return nil, fmt.Errorf("metric %s: %w", name, err)
		}
		if _, twice := samples[as]; twice {
			return nil, fmt.Errorf("metric %s: another one is also named %s in the frame: want different names", name, as)
		}
		samples[as] = s
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

// errOtherKind says that a family is neither a counter nor a gauge.
var errOtherKind = errors.New("want a counter or a gauge")

// familySample reduces a family to one number. A family without a declared
// type is a counter when its name ends in _total.
func familySample(f *dto.MetricFamily) (sample, error) {
	var value func(*dto.Metric) float64
	counter := false
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		counter, value = true, func(m *dto.Metric) float64 { return m.GetCounter().GetValue() }
	case dto.MetricType_GAUGE:
		value = func(m *dto.Metric) float64 { return m.GetGauge().GetValue() }
	case dto.MetricType_UNTYPED:
		counter = strings.HasSuffix(f.GetName(), counterSuffix)
		value = func(m *dto.Metric) float64 { return m.GetUntyped().GetValue() }
	default:
		return sample{}, fmt.Errorf("it is a %s: %w", strings.ToLower(f.GetType().String()), errOtherKind)
	}
	if !counter {
		if n := len(f.GetMetric()); n != 1 {
			return sample{}, fmt.Errorf("gauge with %d label sets: want one, or name the metrics to read", n)
		}
		return sample{false, finite(value(f.GetMetric()[0]))}, nil
	}
	sum := 0.0
	for _, m := range f.GetMetric() {
		v := value(m)
		if v < 0 {
			v = math.NaN()
		}
		sum += v
	}
	return sample{true, finite(sum)}, nil
}

// counterSuffix ends the name of a counter, and is no part of its rate's name.
const counterSuffix = "_total"

// ownPrefix begins the names of the metrics that are read when none are named.
const ownPrefix = "be_"

// picker decides which metrics of a page are read, and under which name.
type picker struct{ names map[string]string }

func newPicker(names map[string]string) (picker, error) {
	used := map[string]string{}
	for _, from := range slices.Sorted(maps.Keys(names)) {
		to := names[from]
		if err := facts.CheckName("metric", to); err != nil {
			return picker{}, fmt.Errorf("metric %s: %w", from, err)
		}
		if other, twice := used[to]; twice {
			return picker{}, fmt.Errorf("metrics %s and %s are both named %s: want different names", other, from, to)
		}
		used[to] = from
	}
	if len(names) > facts.MaxMetrics {
		return picker{}, fmt.Errorf("%d metrics, want at most %d", len(names), facts.MaxMetrics)
	}
	return picker{maps.Clone(names)}, nil
}

// name returns the frame's name for the named metric of a page, or "" when it
// is not read, and whether it was asked for by name.
func (p picker) name(name string) (as string, explicit bool) {
	if len(p.names) > 0 {
		return p.names[name], true
	}
	if !strings.HasPrefix(name, ownPrefix) || facts.CheckName("metric", name) != nil {
		return "", false
	}
	return strings.TrimSuffix(name, counterSuffix), false
}

// String says what is wanted, for errors.
func (p picker) String() string {
	if len(p.names) == 0 {
		return "counters and gauges named " + ownPrefix + "…"
	}
	return "one of " + strings.Join(slices.Sorted(maps.Keys(p.names)), " ")
}
