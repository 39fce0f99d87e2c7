package source

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/evenkeel/evenkeel/facts"
)

// maxReasons bounds what an answer says of refused points: enough to see the
// pattern.
const maxReasons = 8

// pushRefusals collects why data points of a request are refused.
type pushRefusals struct {
	points  int
	reasons []string // different ones, the first 8
}

// add counts n points refused for the same reason.
func (r *pushRefusals) add(n int, reason string) {
	if n == 0 {
		return
	}
	r.points += n
	if len(r.reasons) == maxReasons {
		return
	}
	reason = oneLine(reason)
	for _, known := range r.reasons {
		if known == reason {
			return
		}
	}
	r.reasons = append(r.reasons, reason)
}

func (r *pushRefusals) String() string { return strings.Join(r.reasons, "; ") }

// intake is one request being taken.
type intake struct {
	*Push
	now     time.Time
	refused pushRefusals

	name   string // of the member
	member *pushMember
	scope  uint64 // hash
}

// take takes the data points of a request that came now, and returns those
// refused.
func (p *Push) take(all pmetric.Metrics, now time.Time) pushRefusals {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := &intake{Push: p, now: now}
	for _, rm := range all.ResourceMetrics().All() {
		if err := in.enter(rm.Resource().Attributes()); err != nil {
			n := 0
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					n += countPoints(m)
				}
			}
			in.refused.add(n, err.Error())
			continue
		}
		for _, sm := range rm.ScopeMetrics().All() {
			in.scope = maphash.String(p.seed, sm.Scope().Name()) ^ maphash.String(p.seed, sm.Scope().Version())<<1
			for _, m := range sm.Metrics().All() {
				if p.columns.wanted(m.Name()) {
					in.metric(m)
				}
			}
		}
	}
	n := all.DataPointCount()
	p.stats.points.Add(int64(n - in.refused.points))
	p.stats.refused.Add(int64(in.refused.points))
	if in.refused.points > 0 {
		p.refused = in.refused.reasons[0]
	}
	return in.refused
}

// enter finds the member that a resource is, or makes it.
func (in *intake) enter(attributes pcommon.Map) error {
	keys := []string{instanceAttribute, hostAttribute}
	if in.config.Member != "" {
		keys = []string{in.config.Member}
	}
	in.name = ""
	for _, key := range keys {
		if v, ok := attributes.Get(key); ok {
			in.name = cmp.Or(in.name, scalar(v))
		}
	}
	if in.name == "" {
		return fmt.Errorf("a resource without the attribute %s: want the name of the member in it", strings.Join(keys, " or "))
	}
	if err := facts.CheckName("member", in.name); err != nil {
		return err
	}
	m, ok := in.members[in.name]
	switch {
	case !ok && len(in.members) == in.config.MaxMembers:
		return fmt.Errorf("member %s is one too many: want at most %d", in.name, in.config.MaxMembers)
	case !ok:
		m = &pushMember{index: map[seriesName]int{}}
		in.members[in.name], in.sorted = m, nil
	}
	in.member, m.arrived = m, in.now
	return nil
}

// countPoints returns how many data points a metric has.
func countPoints(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	case pmetric.MetricTypeSummary:
		return m.Summary().DataPoints().Len()
	}
	return 0
}
