package source

import (
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

var (
	errSummary = errors.New("it is a summary, whose quantiles cannot be added up: want a histogram")
	errFalling = errors.New("it is a delta sum that may fall, whose value nobody can tell: want a cumulative one")
	errMoment  = errors.New("it has no time")
)

// metric takes the points of one metric.
func (in *intake) metric(m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		in.numbers(m, m.Gauge().DataPoints(), kindLevel)
	case pmetric.MetricTypeSum:
		switch s := m.Sum(); {
		case s.IsMonotonic():
			in.numbers(m, s.DataPoints(), countKind(s.AggregationTemporality()))
		case s.AggregationTemporality() == pmetric.AggregationTemporalityCumulative:
			in.numbers(m, s.DataPoints(), kindLevel)
		default:
			in.refuse(m, s.DataPoints().Len(), errFalling)
		}
	case pmetric.MetricTypeHistogram:
		h := m.Histogram()
		histograms(in, m, countKind(h.AggregationTemporality()), h.DataPoints().Len(), h.DataPoints().All())
	case pmetric.MetricTypeExponentialHistogram:
		h := m.ExponentialHistogram()
		histograms(in, m, countKind(h.AggregationTemporality()), h.DataPoints().Len(), h.DataPoints().All())
	case pmetric.MetricTypeSummary:
		in.refuse(m, m.Summary().DataPoints().Len(), errSummary)
	}
}

// countKind returns the kind of a count. One that does not say what it is, is
// cumulative, as that of all exporters by default.
func countKind(t pmetric.AggregationTemporality) pushKind {
	if t == pmetric.AggregationTemporalityDelta {
		return kindDelta
	}
	return kindTotal
}

func (in *intake) refuse(m pmetric.Metric, points int, why error) {
	in.refused.add(points, fmt.Sprintf("metric %.100s of %s: %v", m.Name(), in.name, why))
}

// numbers takes the points of a gauge or a sum.
func (in *intake) numbers(m pmetric.Metric, points pmetric.NumberDataPointSlice, kind pushKind) {
	to, err := in.place(m, kind, "")
	if err != nil {
		in.refuse(m, points.Len(), err)
		return
	}
	defer in.leave(to)
	for _, d := range points.All() {
		value := d.DoubleValue()
		if d.ValueType() == pmetric.NumberDataPointValueTypeInt {
			value = float64(d.IntValue())
		}
		if err := in.put(to, kind, d, value); err != nil {
			in.refuse(m, 1, err)
		}
	}
}

// moment is what all kinds of points have in common.
type moment interface {
	StartTimestamp() pcommon.Timestamp
	Timestamp() pcommon.Timestamp
	Attributes() pcommon.Map
	Flags() pmetric.DataPointFlags
}

// distribution is a point of a histogram of either kind.
type distribution interface {
	moment
	Count() uint64
	HasSum() bool
	Sum() float64
}

// histograms takes the counts and, where there are any, the sums of the n
// points of a histogram.
func histograms[D distribution](in *intake, m pmetric.Metric, kind pushKind, n int, points iter.Seq2[int, D]) {
	count, err := in.place(m, kind, "_count")
	if err != nil {
		in.refuse(m, n, err)
		return
	}
	defer in.leave(count)
	sum, err := in.place(m, kind, "_sum")
	if err != nil {
		in.refuse(m, n, err)
		return
	}
	defer in.leave(sum)
	for _, d := range points {
		err := in.put(count, kind, d, float64(d.Count()))
		if err == nil && d.HasSum() {
			err = in.put(sum, kind, d, d.Sum())
		}
		if err != nil {
			in.refuse(m, 1, err)
		}
	}
}

// point takes one value of a point for the column in slot, or says why not.
func (in *intake) point(slot int, kind pushKind, d moment, value float64) error {
	if d.Timestamp() == 0 {
		return errMoment
	}
	if late := in.now.Sub(d.Timestamp().AsTime()); late.Abs() > in.config.Stale {
		return fmt.Errorf("its time is %v from the time here: want at most %v, it is late or the clocks differ",
			late.Abs().Round(time.Second), in.config.Stale)
	}
	at := pushPoint{id: seriesName{slot, in.hash(kind, d.Attributes())}, kind: kind,
		start: nanos(d.StartTimestamp()), at: nanos(d.Timestamp()), value: value, gone: d.Flags().NoRecordedValue()}
	known := in.member.find(at.id)
	if err := at.fits(known); err != nil {
		return err
	}
	if at.restarted(known) {
		in.drop(in.member, isCounter)
		known = nil
	}
	if known == nil && !at.gone {
		if len(in.member.series) == maxMemberSeries || in.series == maxGroupSeries {
			return errTooMany
		}
		in.series++
		in.columns.hold(slot)
	}
	in.member.take(&at, min(at.at, in.now.UnixNano()))
	return nil
}

// nanos returns t as Unix nanoseconds, or 0 when it is out of their range.
func nanos(t pcommon.Timestamp) int64 {
	if t > math.MaxInt64 {
		return 0
	}
	return int64(t)
}

// hash returns a number that tells one set of attributes of a metric from
// another, in whatever order they come. Hashes of 64 bits under a seed that
// nobody knows differ for a million sets with a probability above 1 - 1e-7.
func (in *intake) hash(kind pushKind, attributes pcommon.Map) uint64 {
	sum := in.scope + uint64(kind)
	for key, v := range attributes.All() {
		var h maphash.Hash
		h.SetSeed(in.seed)
		h.WriteString(key)
		h.WriteByte(0)
		hashValue(&h, v)
		sum += h.Sum64()
	}
	return sum
}

// hashValue adds a value to h, whose depth and size are bounded by what may be
// decoded: in its own order, and without a copy.
func hashValue(h *maphash.Hash, v pcommon.Value) {
	h.WriteByte(byte(v.Type()))
	switch v.Type() {
	case pcommon.ValueTypeMap:
		for key, each := range v.Map().All() {
			h.WriteString(key)
			h.WriteByte(0)
			hashValue(h, each)
		}
	case pcommon.ValueTypeSlice:
		for _, each := range v.Slice().All() {
			hashValue(h, each)
		}
	case pcommon.ValueTypeBytes:
		h.Write(v.Bytes().AsRaw())
	default:
		h.WriteString(scalar(v))
	}
	h.WriteByte(0)
}

// scalar returns a value that is no list, map or bytes as text, and "" for
// those: they are no name and no status, and may be large.
func scalar(v pcommon.Value) string {
	switch v.Type() {
	case pcommon.ValueTypeMap, pcommon.ValueTypeSlice, pcommon.ValueTypeBytes:
		return ""
	case pcommon.ValueTypeStr:
		return v.Str()
	}
	return v.AsString()
}
