package source

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"github.com/evenkeel/evenkeel/facts"
)

const (
	// counterSuffix ends the name of a counter, and is no part of its rate's name.
	counterSuffix = "_total"
	// ownPrefix begins the names of the metrics that are read, with the common
	// ones, when none are named.
	ownPrefix = "be_"
)

// picker decides which metrics of a page are read, and under which name.
type picker struct {
	named  []wanted // sorted by selector; nil: those of ownPrefix, and the common ones
	common []wanted
}

// wanted is one metric of a frame, and where on a page it is.
type wanted struct {
	selector
	as       string
	explicit bool // asked for: that it cannot be read is an error
	common   bool // one of the common metrics, which are read where they are
	process  bool // of these, of the process that serves the page
}

func newPicker(names map[string]string) (p picker, err error) {
	if names == nil {
		p.common, err = commonMetrics()
		return p, err
	}
	if err := checkFrameNames(names); err != nil {
		return picker{}, err
	}
	for _, from := range slices.Sorted(maps.Keys(names)) {
		s, err := parseSelector(from)
		if err != nil {
			return picker{}, fmt.Errorf("metric %.100q: %w", from, err)
		}
		p.named = append(p.named, wanted{selector: s, as: names[from], explicit: true})
	}
	return p, nil
}

// checkFrameNames returns an error unless the names that metrics are given in
// the frame, by their names outside, are valid and different.
func checkFrameNames(names map[string]string) error {
	if len(names) > facts.MaxMetrics {
		return fmt.Errorf("%d metrics, want at most %d", len(names), facts.MaxMetrics)
	}
	used := map[string]string{}
	for _, from := range slices.Sorted(maps.Keys(names)) {
		to := names[from]
		if err := facts.CheckName("metric", to); err != nil {
			return fmt.Errorf("metric %s: %w", from, err)
		}
		if other, twice := used[to]; twice {
			return fmt.Errorf("metrics %s and %s are both named %s: want different names", other, from, to)
		}
		used[to] = from
	}
	return nil
}

// from returns what is wanted of a page.
func (p picker) from(families map[string]*dto.MetricFamily) []wanted {
	if p.named != nil {
		return p.named
	}
	var all []wanted
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if strings.HasPrefix(name, ownPrefix) && facts.CheckName("metric", name) == nil {
			all = append(all, wanted{selector: selector{name: name}, as: strings.TrimSuffix(name, counterSuffix)})
		}
	}
	exporter := slices.ContainsFunc(exporterMetrics, func(m string) bool { return families[m] != nil })
	for _, w := range p.common {
		if !w.process || !exporter {
			all = append(all, w)
		}
	}
	return all
}

// String says what is wanted, for errors.
func (p picker) String() string {
	if p.named == nil {
		return "counters and gauges named " + ownPrefix + "…, or those of common servers and exporters"
	}
	names := make([]string, len(p.named))
	for i := range p.named {
		names[i] = p.named[i].String()
	}
	return "one of " + strings.Join(names, " ")
}

// errOtherKind says that a family is neither a counter nor a gauge.
var errOtherKind = errors.New("want a counter or a gauge, or _sum or _count of it")

// sample reduces what w selects to one number; found says whether it is on the
// page. A counter of which nothing is selected has counted nothing: a server
// counts a status when it gives it first. But a label that nobody has is not
// there.
func (w *wanted) sample(families map[string]*dto.MetricFamily) (s sample, found bool, err error) {
	family, value, counter, err := w.find(families)
	if family == nil || err != nil {
		return s, false, err
	}
	s.counter = counter
	n := 0
	labelled := len(w.matchers) == 0
	for _, m := range family.GetMetric() {
		selected, known := w.matches(m.GetLabel())
		labelled = labelled || known
		if !selected {
			continue
		}
		n++
		v := value(m)
		if counter && v < 0 {
			v = math.NaN()
		}
		s.value += v
	}
	switch {
	case !labelled, n == 0 && !counter:
		return s, false, nil
	case n > 1 && !counter && !w.common:
		return s, false, fmt.Errorf(`gauge with %d label sets: want one: select it, as in %s{name="value"}`, n, w.name)
	}
	s.value = finite(s.value)
	return s, true, nil
}

// find returns the family that w is about, how to read its numbers, and
// whether they count. A family without a declared type is a counter when its
// name ends in _total. No family: it is not on the page.
func (w *wanted) find(families map[string]*dto.MetricFamily) (f *dto.MetricFamily, value func(*dto.Metric) float64, counter bool, err error) {
	if f = families[w.name]; f == nil {
		return findPart(families, w.name)
	}
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		return f, func(m *dto.Metric) float64 { return m.GetCounter().GetValue() }, true, nil
	case dto.MetricType_GAUGE:
		return f, func(m *dto.Metric) float64 { return m.GetGauge().GetValue() }, false, nil
	case dto.MetricType_UNTYPED:
		counter = strings.HasSuffix(w.name, counterSuffix) || slices.Contains(untypedCounters, w.name)
		return f, func(m *dto.Metric) float64 { return m.GetUntyped().GetValue() }, counter, nil
	}
	return nil, nil, false, fmt.Errorf("it is a %s: %w", strings.ToLower(f.GetType().String()), errOtherKind)
}

// findPart finds the sum or the count of a histogram or a summary.
func findPart(families map[string]*dto.MetricFamily, name string) (f *dto.MetricFamily, value func(*dto.Metric) float64, counter bool, err error) {
	base, sum := strings.CutSuffix(name, "_sum")
	if !sum {
		base = strings.TrimSuffix(name, "_count")
	}
	if base == name || families[base] == nil {
		return nil, nil, false, nil
	}
	switch f = families[base]; {
	case f.GetType() == dto.MetricType_HISTOGRAM && sum:
		return f, func(m *dto.Metric) float64 { return m.GetHistogram().GetSampleSum() }, true, nil
	case f.GetType() == dto.MetricType_HISTOGRAM:
		return f, func(m *dto.Metric) float64 { return float64(m.GetHistogram().GetSampleCount()) }, true, nil
	case f.GetType() == dto.MetricType_SUMMARY && sum:
		return f, func(m *dto.Metric) float64 { return m.GetSummary().GetSampleSum() }, true, nil
	case f.GetType() == dto.MetricType_SUMMARY:
		return f, func(m *dto.Metric) float64 { return float64(m.GetSummary().GetSampleCount()) }, true, nil
	}
	return nil, nil, false, nil
}
