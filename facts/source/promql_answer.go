package source

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/evenkeel/evenkeel/facts"
)

// maxWarnings bounds the warnings of an answer that are reported.
const maxWarnings = 4

// span is the instants of an answer: from, from+step, … (steps of them).
type span struct {
	from  time.Time
	step  time.Duration
	steps int
}

// at returns instant i.
func (s span) at(i int) time.Time { return s.from.Add(time.Duration(i) * s.step) }

// holds reports whether t is one of the instants.
func (s span) holds(t time.Time) bool {
	d := t.Sub(s.from)
	return d == 0 || s.step > 0 && d > 0 && d%s.step == 0 && d/s.step < time.Duration(s.steps)
}

// answer is what the server said about one instant or several, sorted out: the
// series that have a place in a frame, and what was wrong with the others.
type answer struct {
	p        *PromQL
	found    int // series in the answer, those without a place included
	series   []series
	members  []string // sorted
	faults   faults
	warnings []string
}

// series is the values of one metric of one member, in order of time.
type series struct {
	metric, row int // in the names of the reader, in the members of the answer
	member      string
	labels      model.Metric
	points      []model.SamplePair
}

// faults holds what was wrong with the series of each metric.
type faults []fault

// fault counts the series concerned and keeps the first cause.
type fault struct {
	n     int
	first error
}

func (f faults) add(metric int, cause error) {
	if f[metric].n++; f[metric].n == 1 {
		f[metric].first = cause
	}
}

// answer sorts out what the server returned for the instants of s.
func (p *PromQL) answer(value model.Value, warnings promv1.Warnings, s span) (*answer, error) {
	streams, err := streamsOf(value)
	if err != nil {
		return nil, err
	}
	a := &answer{p: p, found: len(streams), faults: make(faults, len(p.names))}
	if len(streams) > maxSeries {
		return nil, fmt.Errorf("%d series, want at most %d", len(streams), maxSeries)
	}
	seen := make([]bool, len(p.names))
	for _, m := range streams {
		name := string(m.Metric[metricLabel])
		metric, known := slices.BinarySearch(p.names, name)
		if !known {
			return nil, fmt.Errorf("series %.200s: label %s is %.40q, want one of the metrics asked for", m.Metric, metricLabel, name)
		}
		seen[metric] = true
		if err := a.admit(metric, m, s); err != nil {
			return nil, err
		}
	}
	for metric := range p.names {
		if !seen[metric] {
			a.faults.add(metric, errNoSeries)
		}
	}
	a.arrange()
	if n := len(a.members); n > facts.MaxMembers {
		return nil, fmt.Errorf("%d members, want at most %d", n, facts.MaxMembers)
	}
	for _, w := range warnings[:min(len(warnings), maxWarnings)] {
		a.warnings = append(a.warnings, oneLine(w))
	}
	return a, nil
}

// errNoSeries says that a query found nothing.
var errNoSeries = errors.New("no series: want one for each member, if need be by 'or on (instance) 0 * (up == 1)'")

// streamsOf returns a vector or a matrix as series of samples.
func streamsOf(value model.Value) ([]*model.SampleStream, error) {
	switch v := value.(type) {
	case model.Matrix:
		return v, nil
	case model.Vector:
		streams := make([]*model.SampleStream, len(v))
		for i, s := range v {
			m := &model.SampleStream{Metric: s.Metric}
			if s.Histogram != nil {
				m.Histograms = []model.SampleHistogramPair{{Timestamp: s.Timestamp, Histogram: s.Histogram}}
			} else {
				m.Values = []model.SamplePair{{Timestamp: s.Timestamp, Value: s.Value}}
			}
			streams[i] = m
		}
		return streams, nil
	case nil:
		return nil, errors.New("the answer holds no result: want a vector or a matrix")
	}
	return nil, fmt.Errorf("the answer is a %s: want a vector or a matrix", value.Type())
}

// admit gives a series its place, or notes why it has none. Its error is about
// an answer that cannot be trusted at all.
func (a *answer) admit(metric int, m *model.SampleStream, s span) error {
	member := string(m.Metric[a.p.member])
	switch {
	case len(m.Histograms) > 0:
		a.faults.add(metric, fmt.Errorf("%.200s is a histogram: want numbers", plain(m.Metric)))
		return nil
	case member == "":
		a.faults.add(metric, fmt.Errorf("%.200s has no label %s: want the member's name in it", plain(m.Metric), a.p.member))
		return nil
	}
	if err := facts.CheckName("member", member); err != nil {
		a.faults.add(metric, fmt.Errorf("%.200s: %w", plain(m.Metric), err))
		return nil
	}
	for i, point := range m.Values {
		t := point.Timestamp.Time().UTC()
		if !s.holds(t) || i > 0 && point.Timestamp <= m.Values[i-1].Timestamp {
			return fmt.Errorf("%.200s has a value at %s: want one at each of the instants asked for, from %s on every %v",
				plain(m.Metric), facts.At(t), facts.At(s.from), s.step)
		}
	}
	a.series = append(a.series, series{metric: metric, member: member, labels: m.Metric, points: m.Values})
	return nil
}

// arrange names the members and gives each series its row.
func (a *answer) arrange() {
	for i := range a.series {
		a.members = append(a.members, a.series[i].member)
	}
	slices.Sort(a.members)
	a.members = slices.Compact(a.members)
	rows := make(map[string]int, len(a.members))
	for i, name := range a.members {
		rows[name] = i
	}
	for i := range a.series {
		a.series[i].row = rows[a.series[i].member]
	}
}

// frame returns the frame of instant t, beside a [*PartialError] when something
// is missing from it. Without a value at t there is no frame, and no error
// unless that is because all were given twice. Instants are asked for in order.
func (a *answer) frame(t time.Time) (*facts.Frame, error) {
	d, now := len(a.p.names), model.TimeFromUnixNano(t.UnixNano())
	values, owner := missing(len(a.members)*d), make([]int, len(a.members)*d)
	bad, doubled := slices.Clone(a.faults), false
	for i := range a.series {
		s := &a.series[i]
		for len(s.points) > 0 && s.points[0].Timestamp < now {
			s.points = s.points[1:]
		}
		if len(s.points) == 0 || s.points[0].Timestamp != now {
			continue
		}
		cell := s.row*d + s.metric
		if first := owner[cell]; first > 0 {
			values[cell], doubled = math.NaN(), true
			bad.add(s.metric, twice(s.member, a.series[first-1].labels, s.labels))
			continue
		}
		owner[cell] = i + 1
		values[cell] = finite(float64(s.points[0].Value))
	}
	switch seen := slices.ContainsFunc(values, func(v float64) bool { return !math.IsNaN(v) }); {
	case seen:
		return a.p.shape.frame(t, a.p.group, a.members, a.p.names, values), a.partial(bad)
	case doubled:
		return nil, a.partial(bad)
	}
	return nil, nil
}

// twice names two series of one member, in an order that does not depend on the
// server's.
func twice(member string, a, b model.Metric) error {
	x, y := plain(a), plain(b)
	if x > y {
		x, y = y, x
	}
	return fmt.Errorf("member %s has two series, %.200s and %.200s: want one: aggregate them, or select one", member, x, y)
}

// partial returns the faults as a [*PartialError], one part for each metric and
// one for the warnings, or nil when there are none.
func (a *answer) partial(bad faults) error {
	lost := &PartialError{Group: a.p.group, Of: len(bad)}
	if len(a.warnings) > 0 {
		lost.Of++
		lost.add(fmt.Errorf("the server warns: %q", a.warnings))
	}
	for metric, f := range bad {
		switch {
		case f.n == 1:
			lost.add(fmt.Errorf("metric %s: %w", a.p.names[metric], f.first))
		case f.n > 1:
			lost.add(fmt.Errorf("metric %s: %w (and %d more like this)", a.p.names[metric], f.first, f.n-1))
		}
	}
	return lost.orNil()
}

// plain returns the labels of a series as the server knows them, without ours.
func plain(m model.Metric) string {
	m = m.Clone()
	delete(m, metricLabel)
	return m.String()
}
