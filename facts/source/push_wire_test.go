package source

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// everything returns a request that has each kind of message that nests.
func everything(t testing.TB) pmetric.Metrics {
	t.Helper()
	all := pushLines(t, tick0, 0, "m01 gauge g 1 a=b", "m01 total c 1 a=b start=-9", "m01 histogram h 2/3 a=b", "m01 exponential e 2/3 a=b", "m01 summary s 2 a=b")
	metrics := all.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
	all.ResourceMetrics().At(0).ScopeMetrics().At(0).Scope().Attributes().PutStr("a", "b")
	metrics.At(0).Metadata().PutStr("a", "b")
	metrics.At(0).Gauge().DataPoints().At(0).Exemplars().AppendEmpty().FilteredAttributes().PutEmptyMap("m").PutEmptySlice("s").AppendEmpty().SetStr("x")
	metrics.At(2).Histogram().DataPoints().At(0).Exemplars().AppendEmpty().FilteredAttributes().PutStr("a", "b")
	metrics.At(3).ExponentialHistogram().DataPoints().At(0).Exemplars().AppendEmpty().FilteredAttributes().PutStr("a", "b")
	metrics.At(4).Summary().DataPoints().At(0).QuantileValues().AppendEmpty().SetValue(1)
	return all
}

// nested returns a request with an attribute of so many lists within lists.
func nested(levels int) pmetric.Metrics {
	all := pmetric.NewMetrics()
	v := all.ResourceMetrics().AppendEmpty().Resource().Attributes().PutEmpty("a")
	for range levels {
		v = v.SetEmptySlice().AppendEmpty()
	}
	return all
}

func TestBoundPush(t *testing.T) {
	points := func(n int) pmetric.Metrics {
		all := pmetric.NewMetrics()
		g := all.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge()
		g.DataPoints().EnsureCapacity(n)
		for range n {
			g.DataPoints().AppendEmpty()
		}
		return all
	}
	for _, tt := range []struct {
		name string
		all  pmetric.Metrics
		want error
	}{
		{"nothing", pmetric.NewMetrics(), nil},
		{"one of each kind", everything(t), nil},
		{"attributes within attributes", nested(10), nil},
		{"too deep ones", nested(20), errNesting},
		{"as many points as may be", points(maxElements - 20), nil},
		{"too many points", points(maxElements), errElements},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := boundProto(asProto(t, tt.all)); !errors.Is(err, tt.want) {
				t.Errorf("boundProto: got error %v, want %v", err, tt.want)
			}
			if err := boundJSON(asText(t, tt.all)); !errors.Is(err, tt.want) {
				t.Errorf("boundJSON: got error %v, want %v", err, tt.want)
			}
		})
	}
}

// What the bound counts is what the decoder builds: elements that the table of
// fields does not know would be missing here.
func TestBoundProtoKnowsEveryMessage(t *testing.T) {
	left := maxElements
	if err := boundMessage(asProto(t, everything(t)), wireRequest, maxNesting, &left); err != nil {
		t.Fatal(err)
	}
	// The request, 1 resource with an attribute, 1 scope with one, 5 metrics with
	// their data and points and an attribute each: an attribute is a pair and a
	// value. Then 1 of metadata; exemplars with an attribute, of which the first
	// is a map with a list; the buckets of the exponential histogram, positive
	// and negative; and 1 quantile.
	want := 1 + (1 + 1 + 2) + (1 + 1 + 2) + 5*(1+1+1+2) + 2 + (1 + 2 + 1 + 2 + 1 + 1) + 2*(1+2) + 2 + 1
	if got := maxElements - left; got != want {
		t.Errorf("elements counted: got %d, want %d", got, want)
	}
}

func TestBoundJSONPassesOverText(t *testing.T) {
	body := `{"a":"` + strings.Repeat(`{[`, 100) + `\"` + strings.Repeat(`{[`, 100) + `\\"}`
	if err := boundJSON([]byte(body)); err != nil {
		t.Errorf("boundJSON of braces in text: got error %v, want none", err)
	}
}

// A decoder without the bound overflows its stack on sixteen times as much,
// which ends the process.
func TestDecodeMetricsSurvivesNesting(t *testing.T) {
	var reversed []byte // the message from its end on: a length is known after what it measures
	for len(reversed) < 1<<20 {
		for _, tag := range []byte{1<<3 | wireBytes, 5<<3 | wireBytes} {
			length := binary.AppendUvarint(nil, uint64(len(reversed)))
			slices.Reverse(length)
			reversed = append(append(reversed, length...), tag)
		}
	}
	slices.Reverse(reversed)
	value := string(reversed)
	for _, field := range []byte{2, 1, 1, 1} { // of a pair, an attribute, a resource, a request
		value = string(appendBytes(nil, field, value))
	}
	if _, err := decodeMetrics([]byte(value), false); !errors.Is(err, errNesting) {
		t.Errorf("decodeMetrics of %d bytes of nested lists: got error %v, want %v", len(value), err, errNesting)
	}
}

// Whatever comes, the decoder and the intake bear it, frames are well formed,
// and a request that was decoded means the same when it is encoded again.
func FuzzPush(f *testing.F) {
	f.Add(asProto(f, everything(f)), false)
	f.Add(asText(f, everything(f)), true)
	f.Add(asText(f, nested(3)), true)
	f.Add([]byte(specification), true)
	f.Add(asProto(f, pushLines(f, tick0, 0, "m01 delta-total a 6 start=-2", "m01 updown b -1", "m01 total c 3", "m01 total c 2 at=0.1")), false)
	f.Add([]byte{0x0a, 0x80}, false)
	f.Fuzz(func(t *testing.T, body []byte, json bool) {
		all, err := decodeMetrics(body, json)
		if err != nil {
			return
		}
		again, err := decodeMetrics(asProto(t, all), false)
		if err != nil {
			t.Fatalf("decode what was encoded: %v", err)
		}
		moveTimes(all)
		moveTimes(again)
		p, q := newFuzzPush(), newFuzzPush()
		for i, now := range []time.Time{tick0, tick0.Add(time.Second)} {
			r, s := p.take(all, now), q.take(again, now)
			if r.points != s.points || r.String() != s.String() {
				t.Errorf("refused %d: %s; and, encoded again, %d: %s", r.points, r.String(), s.points, s.String())
			}
			f, _ := p.Read(t.Context(), now)
			g, _ := q.Read(t.Context(), now)
			if (f == nil) != (g == nil) || f != nil && !framesAgree(f, g) {
				t.Errorf("tick %d: got %v, and, encoded again, %v", i, f, g)
			}
			if f != nil {
				if err := f.Check(); err != nil {
					t.Error(err)
				}
			}
			checkPushCounts(t, p)
		}
	})
}

// newFuzzPush returns a source without a token, for takes and readings alone.
func newFuzzPush() *Push {
	c := PushConfig{Group: "web", Tick: time.Second, TokenFile: "none", MaxMembers: 3, MaxMetrics: 5}
	if err := c.complete(); err != nil {
		panic(err)
	}
	return &Push{config: c, seed: maphash.MakeSeed(), members: map[string]*pushMember{}, columns: newPushColumns(nil, c.MaxMetrics)}
}

// moveTimes brings the times of points near tick0: nearly all of those that
// come by chance would be refused as late.
func moveTimes(all pmetric.Metrics) {
	near := func(t pcommon.Timestamp) pcommon.Timestamp {
		return pcommon.NewTimestampFromTime(tick0.Add(time.Duration(t % 3e9)))
	}
	for _, rm := range all.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				switch m.Type() {
				case pmetric.MetricTypeGauge:
					for _, d := range m.Gauge().DataPoints().All() {
						d.SetTimestamp(near(d.Timestamp()))
					}
				case pmetric.MetricTypeSum:
					for _, d := range m.Sum().DataPoints().All() {
						d.SetTimestamp(near(d.Timestamp()))
					}
				}
			}
		}
	}
}

// A field whose number has more bits than a decoder keeps would be seen here as
// another one than the decoder sees.
func TestFieldsThatProtobufDoesNotKnowAreRefused(t *testing.T) {
	for _, field := range []uint64{0, 1 << 29, 1<<32 | 1, 1<<32 | 5, 1 << 60} {
		body := append(binary.AppendUvarint(nil, field<<3|wireBytes), 0)
		if _, err := decodeMetrics(body, false); !errors.Is(err, errWire) {
			t.Errorf("field %d: got error %v, want %v", field, err, errWire)
		}
	}
}
