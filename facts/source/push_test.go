package source

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/evenkeel/evenkeel/facts"
)

const testToken = "0123456789abcdef"

// newTestPush returns a source of group web with a tick of one second.
func newTestPush(t testing.TB, change func(*PushConfig)) *Push {
	t.Helper()
	c := PushConfig{Group: "web", Tick: time.Second, TokenFile: filepath.Join(t.TempDir(), "token")}
	if err := os.WriteFile(c.TokenFile, []byte(testToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&c)
	}
	p, err := NewPush(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pushLines returns a request with one data point for each line, as in
//
//	m01 total requests 12 start=-60 at=3 code=200
//
// Times are seconds after base; at is the given second unless the line has
// another one. Lines of a member follow one another.
func pushLines(t testing.TB, base time.Time, second float64, lines ...string) pmetric.Metrics {
	t.Helper()
	all := pmetric.NewMetrics()
	last := ""
	for _, line := range lines {
		w := strings.Fields(line)
		if w[0] != last {
			last = w[0]
			rm := all.ResourceMetrics().AppendEmpty()
			if last != "-" {
				rm.Resource().Attributes().PutStr("service.instance.id", last)
			}
			rm.ScopeMetrics().AppendEmpty()
		}
		rms := all.ResourceMetrics()
		m := rms.At(rms.Len() - 1).ScopeMetrics().At(0).Metrics().AppendEmpty()
		m.SetName(w[2])
		stamp := func(s string) pcommon.Timestamp {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatal(err)
			}
			return pcommon.NewTimestampFromTime(base.Add(time.Duration(v * float64(time.Second))))
		}
		at, start, flags := stamp(fmt.Sprint(second)), pcommon.Timestamp(0), pmetric.DefaultDataPointFlags
		attributes := pcommon.NewMap()
		for _, option := range w[4:] {
			switch key, value, _ := strings.Cut(option, "="); key {
			case "at":
				at = stamp(value)
			case "start":
				start = stamp(value)
			case "timeless":
				at = 0
			case "gone":
				flags = flags.WithNoRecordedValue(true)
			case "unit":
				m.SetUnit(value)
			default:
				attributes.PutStr(key, value)
			}
		}
		pushPoints(t, m, w[1], w[3]).set(at, start, flags, attributes)
	}
	return all
}

// settable is a point whose value is set already.
type settable struct {
	at, start  func(pcommon.Timestamp)
	flags      func(pmetric.DataPointFlags)
	attributes pcommon.Map
}

func (s settable) set(at, start pcommon.Timestamp, flags pmetric.DataPointFlags, attributes pcommon.Map) {
	s.at(at)
	s.start(start)
	s.flags(flags)
	attributes.CopyTo(s.attributes)
}

// pushPoints adds a point of the given kind and value to m.
func pushPoints(t testing.TB, m pmetric.Metric, kind, value string) settable {
	t.Helper()
	count, sum, isHistogram := strings.Cut(value, "/")
	v, err := strconv.ParseFloat(count, 64)
	if err != nil {
		t.Fatal(err)
	}
	total := math.NaN()
	if isHistogram {
		if total, err = strconv.ParseFloat(sum, 64); err != nil {
			t.Fatal(err)
		}
	}
	temporality := pmetric.AggregationTemporalityCumulative
	if bare, ok := strings.CutPrefix(kind, "delta-"); ok {
		kind, temporality = bare, pmetric.AggregationTemporalityDelta
	}
	switch kind {
	case "gauge":
		d := m.SetEmptyGauge().DataPoints().AppendEmpty()
		d.SetDoubleValue(v)
		return settable{d.SetTimestamp, d.SetStartTimestamp, d.SetFlags, d.Attributes()}
	case "total", "updown":
		s := m.SetEmptySum()
		s.SetIsMonotonic(kind == "total")
		s.SetAggregationTemporality(temporality)
		d := s.DataPoints().AppendEmpty()
		if v == math.Trunc(v) {
			d.SetIntValue(int64(v))
		} else {
			d.SetDoubleValue(v)
		}
		return settable{d.SetTimestamp, d.SetStartTimestamp, d.SetFlags, d.Attributes()}
	case "histogram":
		h := m.SetEmptyHistogram()
		h.SetAggregationTemporality(temporality)
		d := h.DataPoints().AppendEmpty()
		d.SetCount(uint64(v))
		d.BucketCounts().FromRaw([]uint64{uint64(v), 0})
		d.ExplicitBounds().FromRaw([]float64{1})
		if isHistogram {
			d.SetSum(total)
		}
		return settable{d.SetTimestamp, d.SetStartTimestamp, d.SetFlags, d.Attributes()}
	case "exponential":
		h := m.SetEmptyExponentialHistogram()
		h.SetAggregationTemporality(temporality)
		d := h.DataPoints().AppendEmpty()
		d.SetCount(uint64(v))
		d.Positive().BucketCounts().FromRaw([]uint64{uint64(v)})
		if isHistogram {
			d.SetSum(total)
		}
		return settable{d.SetTimestamp, d.SetStartTimestamp, d.SetFlags, d.Attributes()}
	case "summary":
		d := m.SetEmptySummary().DataPoints().AppendEmpty()
		d.SetCount(uint64(v))
		return settable{d.SetTimestamp, d.SetStartTimestamp, d.SetFlags, d.Attributes()}
	}
	t.Fatalf("kind %s of a point is none", kind)
	return settable{}
}

// pushStep is what came at one second, and the frame of that tick.
type pushStep struct {
	second  int
	lines   []string
	want    string
	refused string // in the answer
}

func TestPushReadings(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*PushConfig)
		steps  []pushStep
	}{
		{"a counter is a rate from its second push on", nil, []pushStep{
			{0, []string{"m01 total requests 100 start=-60"}, "", ""},
			{1, []string{"m01 total requests 110 start=-60"}, "m01,requests,10", ""},
			{2, []string{"m01 total requests 110 start=-60"}, "m01,requests,0", ""},
		}},
		{"a rate is over the time between the pushes, by the clock of the member", nil, []pushStep{
			{0, []string{"m01 total requests 100 at=0.2"}, "", ""},
			{1, []string{"m01 total requests 110 at=0.7"}, "m01,requests,20", ""},
			{4, []string{"m01 total requests 143 at=4"}, "m01,requests,10", ""},
		}},
		{"several pushes within half a tick are one interval", nil, []pushStep{
			{0, []string{"m01 total requests 100 at=-0.5"}, "", ""},
			{0, []string{"m01 total requests 101 at=-0.4"}, "", ""},
			{1, []string{"m01 total requests 104 at=0.5"}, "m01,requests,4", ""},
		}},
		{"a value is repeated until it is stale", nil, []pushStep{
			{0, []string{"m01 gauge cpu 0.5", "m02 gauge cpu 0.25"}, "m01,cpu,0.5 m02,cpu,0.25", ""},
			{3, []string{"m02 gauge cpu 0.75"}, "m01,cpu,0.5 m02,cpu,0.75", ""},
			{4, nil, "m02,cpu,0.75", ""},
			{7, nil, "", ""},
		}},
		{"a process that started again has no rates until its second push, others have", nil, []pushStep{
			{0, []string{"m01 total a 100 start=-60", "m01 total b 5 start=-60", "m01 gauge cpu 1", "m02 total a 100"}, "m01,cpu,1", ""},
			{1, []string{"m01 total a 110 start=-60", "m01 total b 6 start=-60", "m01 gauge cpu 1", "m02 total a 101"}, "m01,a,10 m01,b,1 m01,cpu,1 m02,a,1", ""},
			{5, []string{"m01 total a 200 start=4", "m01 total b 7 start=4", "m01 gauge cpu 1", "m02 total a 105"}, "m01,cpu,1 m02,a,1", ""},
			{6, []string{"m01 total a 201 start=4", "m01 total b 7 start=4", "m01 gauge cpu 1", "m02 total a 106"}, "m01,a,1 m01,b,0 m01,cpu,1 m02,a,1", ""},
		}},
		{"a counter that falls started again", nil, []pushStep{
			{0, []string{"m01 total a 100", "m01 total b 5"}, "", ""},
			{1, []string{"m01 total a 3", "m01 total b 9"}, "", ""},
			{2, []string{"m01 total a 5", "m01 total b 9"}, "m01,a,2 m01,b,0", ""},
		}},
		{"a start time that wanders by a second is the same start", nil, []pushStep{
			{0, []string{"m01 total a 100 start=-60"}, "", ""},
			{1, []string{"m01 total a 101 start=-59"}, "m01,a,1", ""},
			{2, []string{"m01 total a 103 start=-61"}, "m01,a,2", ""},
		}},
		{"counters with different attributes are added up", nil, []pushStep{
			{0, []string{"m01 total a 100 code=200", "m01 total a 7 code=500"}, "", ""},
			{1, []string{"m01 total a 110 code=200", "m01 total a 8 code=500"}, "m01,a,11", ""},
		}},
		{"attributes that are new count from zero when they began with the others", nil, []pushStep{
			{0, []string{"m01 total a 100 start=-60 code=200"}, "", ""},
			{1, []string{"m01 total a 100 start=-60 code=200", "m01 total a 4 start=-60 code=500"}, "m01,a,4", ""},
			{2, []string{"m01 total a 100 start=-60 code=200", "m01 total a 6 start=-60 code=500", "m01 total a 3 start=1.5 code=503"}, "m01,a,5", ""},
		}},
		{"attributes that are new and of unknown age do not", nil, []pushStep{
			{0, []string{"m01 total a 100 start=-60 code=200"}, "", ""},
			{1, []string{"m01 total a 101 start=-60 code=200", "m01 total a 4000 start=-900 code=500", "m01 total a 4000 code=503"}, "m01,a,1", ""},
			{2, []string{"m01 total a 102 start=-60 code=200", "m01 total a 4001 start=-900 code=500", "m01 total a 4001 code=503"}, "m01,a,3", ""},
		}},
		{"the second half of a first push does not count from zero", nil, []pushStep{
			{0, []string{"m01 total a 100 start=-60 code=200"}, "", ""},
			{0, []string{"m01 total a 4000 start=-60 code=500"}, "", ""},
			{1, []string{"m01 total a 101 start=-60 code=200", "m01 total a 4001 start=-60 code=500"}, "m01,a,2", ""},
		}},
		{"delta sums are rates from the first push on", nil, []pushStep{
			{0, []string{"m01 delta-total a 6 start=-2"}, "m01,a,3", ""},
			{1, []string{"m01 delta-total a 5 start=0 code=500", "m01 delta-total a 1 start=0"}, "m01,a,6", ""},
			{3, []string{"m01 delta-total a 8 start=2"}, "m01,a,8", ""},
			{4, []string{"m01 delta-total a 8 start=4"}, "m01,a,8", ""},
		}},
		{"delta sums without a start count from the one before", nil, []pushStep{
			{0, []string{"m01 delta-total a 6"}, "", ""},
			{2, []string{"m01 delta-total a 6"}, "m01,a,3", ""},
		}},
		{"gauges with different attributes are added up while they are fresh", nil, []pushStep{
			{0, []string{"m01 gauge queue 3 name=a", "m01 gauge queue 4 name=b"}, "m01,queue,7", ""},
			{3, []string{"m01 gauge queue 5 name=a"}, "m01,queue,9", ""},
			{4, nil, "m01,queue,5", ""},
			{5, []string{"m01 gauge queue 5 name=a gone"}, "", ""},
		}},
		{"a sum that may fall is a gauge", nil, []pushStep{
			{0, []string{"m01 updown inflight 3 start=-60"}, "m01,inflight,3", ""},
			{1, []string{"m01 updown inflight -2 start=-60"}, "m01,inflight,-2", ""},
		}},
		{"histograms are rates of their count and their sum", nil, []pushStep{
			{0, []string{"m01 histogram latency 10/5.5 start=-60", "m01 exponential size 4/100 start=-60", "m01 histogram bare 3 start=-60"}, "", ""},
			{2, []string{"m01 histogram latency 14/7.5 start=-60", "m01 exponential size 8/300 start=-60", "m01 histogram bare 5 start=-60"},
				"m01,bare_count,1 m01,latency_count,2 m01,latency_sum,1 m01,size_count,2 m01,size_sum,100", ""},
		}},
		{"delta histograms likewise", nil, []pushStep{
			{0, []string{"m01 delta-histogram latency 10/5 start=-2", "m01 delta-exponential size 4/100 start=-2"},
				"m01,latency_count,5 m01,latency_sum,2.5 m01,size_count,2 m01,size_sum,50", ""},
		}},
		{"requests are also counted by whether they failed, from the first push on", nil, []pushStep{
			{0, []string{"m01 histogram http.server.request.duration 10/5 unit=s start=-60 http.response.status_code=200",
				"m02 total http_requests_total 10 start=-60 code=200"}, "", ""},
			{1, []string{"m01 histogram http.server.request.duration 12/6 unit=s start=-60 http.response.status_code=200",
				"m01 histogram http.server.request.duration 3/1 unit=s start=-60 http.response.status_code=503",
				"m02 total http_requests_total 14 start=-60 code=200", "m02 total http_requests_total 2 start=-60 code=404"},
				"m01,http_server_request_duration_seconds_count,5 m01,http_server_request_duration_seconds_count_5xx,3 " +
					"m01,http_server_request_duration_seconds_sum,2 m02,http_requests,6 m02,http_requests_5xx,0", ""},
		}},
		{"named metrics are read under the names given, and no others",
			func(c *PushConfig) {
				c.Metrics = map[string]string{"http.server.duration": "be_svc", "requests": "be_requests"}
			}, []pushStep{
				{0, []string{"m01 gauge cpu 1", "m01 total requests 1 unit={request}", "m01 histogram http.server.duration 1/1 unit=s", "m01 summary s 1"}, "", ""},
				{1, []string{"m01 gauge cpu 1", "m01 total requests 3 unit={request}", "m01 histogram http.server.duration 2/3 unit=s", "m01 summary s 1"},
					"m01,be_requests,2 m01,be_svc_count,1 m01,be_svc_sum,2", ""},
			}},
		{"late, future, repeated and older points are refused", nil, []pushStep{
			{0, []string{"m01 gauge cpu 1", "m01 total a 5"}, "m01,cpu,1", ""},
			{5, []string{"m01 gauge cpu 2 at=1.9"}, "", "metric cpu of m01: its time is 3s from the time here: want at most 3s, it is late or the clocks differ"},
			{5, []string{"m01 gauge cpu 2 at=8.1"}, "", "it is late or the clocks differ"},
			{5, []string{"m01 gauge cpu 2", "m01 total a 15"}, "m01,a,2 m01,cpu,2", ""},
			{6, []string{"m01 gauge cpu 3 at=5", "m01 total a 15 at=5"}, "m01,a,2 m01,cpu,2", "it is not newer than the last"},
			{6, []string{"m01 gauge cpu 3 at=4", "m01 total a 19 at=6"}, "m01,a,4 m01,cpu,2", "it is not newer than the last"},
			{6, []string{"m01 gauge cpu 3 timeless"}, "m01,a,4 m01,cpu,2", "it has no time"},
		}},
		{"a clock that is ahead does not keep a member alive", nil, []pushStep{
			{0, []string{"m01 gauge cpu 1 at=2.9"}, "m01,cpu,1", ""},
			{3, nil, "m01,cpu,1", ""},
			{4, nil, "", ""},
		}},
		{"what is not a finite number is refused", nil, []pushStep{
			{0, []string{"m01 gauge cpu NaN", "m01 gauge load 1"}, "m01,load,1", "metric cpu of m01: it is not a finite number"},
			{1, []string{"m01 gauge cpu +Inf", "m01 gauge load 1"}, "m01,load,1", "not a finite number"},
			{2, []string{"m01 total a -1.5", "m01 gauge load 1"}, "m01,load,1", "counts below zero"},
			{3, []string{"m01 histogram h 2/-Inf", "m01 gauge load 1"}, "m01,load,1", "not a finite number"},
		}},
		{"two gauges that add up to infinity are missing", nil, []pushStep{
			{0, []string{"m01 gauge cpu 1e308 a=1", "m01 gauge cpu 1e308 a=2", "m01 gauge load 1"}, "m01,load,1", ""},
		}},
		{"summaries and delta sums that may fall are refused", nil, []pushStep{
			{0, []string{"m01 summary s 1", "m01 delta-updown u 1", "m01 gauge cpu 1"}, "m01,cpu,1", "want a histogram; metric u of m01: it is a delta sum that may fall"},
		}},
		{"two processes under one name: the one that started last counts", nil, []pushStep{
			{0, []string{"m01 total a 100 start=-60"}, "", ""},
			{1, []string{"m01 total a 10 start=-10"}, "", ""},
			{2, []string{"m01 total a 11 start=-10"}, "m01,a,1", ""},
			{3, []string{"m01 total a 101 start=-60"}, "m01,a,1", "another process with a later start pushes under this name"},
			{4, []string{"m01 total a 15 start=-10"}, "m01,a,2", ""},
		}},
		{"a resource needs a name that can be a member's", nil, []pushStep{
			{0, []string{"- gauge cpu 1", "m01 gauge cpu 1"}, "m01,cpu,1", "a resource without the attribute service.instance.id or host.name"},
			{1, []string{"m01 gauge cpu 1", "a,b gauge cpu 1"}, "m01,cpu,1", `member name "a,b" holds ','`},
			{2, []string{"- gauge a 1", "- total b 1", "- histogram c 1", "- exponential d 1", "- summary e 1"}, "m01,cpu,1", "a resource without"},
		}},
		{"names that fall together, or change their kind, are refused", nil, []pushStep{
			{0, []string{"m01 gauge a.b 1", "m01 gauge a_b 2"}, "m01,a_b,1", "metric a_b of m01: it is a_b in the frame, as a.b is"},
			{1, []string{"m01 gauge a.b 1", "m02 total a.b 2"}, "m01,a_b,1", "it is a counter here, and a gauge when first seen"},
		}},
		{"there are bounds on members and metrics, and places are given back", func(c *PushConfig) { c.MaxMembers, c.MaxMetrics = 2, 2 }, []pushStep{
			{0, []string{"m01 gauge a 1", "m01 gauge b 1", "m01 gauge c 1"}, "m01,a,1 m01,b,1", "metric c of m01: it is one metric too many"},
			{1, []string{"m02 gauge a 1", "m03 gauge a 1"}, "m01,a,1 m01,b,1 m02,a,1", "member m03 is one too many: want at most 2"},
			{4, nil, "m02,a,1", ""},
			{5, nil, "", ""},
			{5, []string{"m01 gauge c 1", "m01 gauge d 1"}, "m01,c,1 m01,d,1", ""},
			{700, nil, "", ""},
			{701, []string{"m03 gauge a 1", "m04 gauge b 1"}, "m03,a,1 m04,b,1", ""},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newTestPush(t, tt.change)
			for _, step := range tt.steps {
				now := tick0.Add(time.Duration(step.second) * time.Second)
				refused := p.take(pushLines(t, tick0, float64(step.second), step.lines...), now)
				if (refused.points == 0) != (step.refused == "") || !strings.Contains(refused.String(), step.refused) {
					t.Errorf("at %d s: refused %d points: %s; want %q", step.second, refused.points, refused.String(), step.refused)
				}
				f, _ := p.Read(t.Context(), now)
				if f != nil {
					if err := f.Check(); err != nil {
						t.Error(err)
					}
				}
				if got := compact(t, f); got != step.want {
					t.Errorf("at %d s: got %s, want %s", step.second, got, step.want)
				}
			}
			checkPushCounts(t, p)
		})
	}
}

// checkPushCounts compares what is counted as things come and go with what is
// there.
func checkPushCounts(t *testing.T, p *Push) {
	t.Helper()
	all, held := 0, make([]int, len(p.columns.bySlot))
	for name, m := range p.members {
		all += len(m.series)
		if len(m.index) != len(m.series) {
			t.Errorf("member %s: %d series under %d names", name, len(m.series), len(m.index))
		}
		for i, s := range m.series {
			held[s.id.slot]++
			if m.index[s.id] != i {
				t.Errorf("member %s: series %d is found as %d", name, i, m.index[s.id])
			}
		}
	}
	if all != p.series {
		t.Errorf("%d series are there, %d were counted", all, p.series)
	}
	for slot, n := range held {
		if p.columns.bySlot[slot].series != n {
			t.Errorf("column %s: %d series are there, %d were counted", p.columns.bySlot[slot].name, n, p.columns.bySlot[slot].series)
		}
	}
}

func TestPushTellsWhyThereIsNoFrame(t *testing.T) {
	p := newTestPush(t, nil)
	read := func(second int) string {
		_, err := p.Read(t.Context(), tick0.Add(time.Duration(second)*time.Second))
		return fmt.Sprint(err)
	}
	check := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("Read: got error %s, want one with %q", got, want)
		}
	}
	check(read(0), "source: push web: no member has pushed: want OTLP metrics at /v1/metrics")
	p.take(pushLines(t, tick0, 0, "m01 gauge cpu NaN"), tick0)
	check(read(0), "no value yet: counters need two pushes; refused was metric cpu of m01: it is not a finite number")
	p.take(pushLines(t, tick0, 1, "m01 gauge cpu 1", "m02 gauge cpu 1"), tick0.Add(time.Second))
	check(read(1), "<nil>")
	p.take(pushLines(t, tick0, 3, "m02 gauge cpu 1"), tick0.Add(3*time.Second))
	check(read(5), "source: read web: 1 of 2 failed: m01 has pushed nothing for 4s: want a push at least every 3s")
	check(read(300), "source: read web: 2 of 2 failed")
	check(read(700), "no member has pushed")
}

func TestPushBoundsAttributeSets(t *testing.T) {
	p := newTestPush(t, nil)
	lines := make([]string, maxMemberSeries+2)
	for i := range lines {
		lines[i] = fmt.Sprintf("m01 gauge cpu 1 n=%d", i)
	}
	refused := p.take(pushLines(t, tick0, 0, lines...), tick0)
	if refused.points != 2 || !strings.Contains(refused.String(), "more than 4096 attribute sets of a member") {
		t.Errorf("%d attribute sets: refused %d points: %s; want 2", len(lines), refused.points, refused.String())
	}
	p.series = maxGroupSeries
	if r := p.take(pushLines(t, tick0, 0, "m02 gauge cpu 1"), tick0); r.points != 1 {
		t.Errorf("one more than the group may have: refused %d points, want 1", r.points)
	}
}

func TestPushAttributes(t *testing.T) {
	p := newTestPush(t, nil)
	in := &intake{Push: p}
	hash := func(pairs ...any) uint64 {
		m := pcommon.NewMap()
		for i := 0; i < len(pairs); i += 2 {
			if err := m.PutEmpty(pairs[i].(string)).FromRaw(pairs[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		return in.hash(kindTotal, m)
	}
	if hash("a", "x", "b", "y") != hash("b", "y", "a", "x") {
		t.Error("the order of attributes matters, want that it does not")
	}
	different := []uint64{hash(), hash("a", "x"), hash("a", "y"), hash("b", "x"), hash("a", "x", "b", "y"), hash("a", "y", "b", "x"),
		hash("a", "1"), hash("a", 1), hash("a", true), hash("ax", ""), hash("a", []any{"x"}), hash("a", map[string]any{"x": 1})}
	slices.Sort(different)
	if n := len(slices.Compact(different)); n != 12 {
		t.Errorf("12 sets of attributes have %d hashes, want 12", n)
	}
}

func TestFrameName(t *testing.T) {
	for _, tt := range []struct {
		from, unit string
		counter    bool
		want       string
	}{
		{"http.server.request.duration", "s", false, "http_server_request_duration_seconds"},
		{"http.server.active_requests", "{request}", false, "http_server_active_requests"},
		{"system.cpu.utilization", "1", false, "system_cpu_utilization_ratio"},
		{"requests", "1", true, "requests"},
		{"http_requests_total", "", true, "http_requests"},
		{"http_requests_total", "", false, "http_requests_total"},
		{"system.network.io", "By", true, "system_network_io_bytes"},
		{"rpc.duration_milliseconds", "ms", false, "rpc_duration_milliseconds"},
		{"a..b/c-d", "furlongs", false, "a_b_c_d"},
		{"grün", "", false, "gr_n"},
	} {
		if got := frameName(tt.from, tt.unit, tt.counter); got != tt.want {
			t.Errorf("frameName(%s, %s, %t) = %s, want %s", tt.from, tt.unit, tt.counter, got, tt.want)
		}
	}
}

func TestNewPushRefuses(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	for name, text := range map[string]string{"open": testToken, "short": "0123456789abcde", "blank": "0123456789 abcdef"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(open), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(good, []byte(testToken), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		config PushConfig
		want   string
	}{
		{"a group that is no name", PushConfig{Group: "a b"}, "source: push: facts: group name"},
		{"no tick", PushConfig{Group: "web", TokenFile: good}, "tick 0s: want 10ms to 1h"},
		{"staleness below a tick", PushConfig{Group: "web", TokenFile: good, Tick: time.Second, Stale: time.Millisecond}, "stale after 1ms: want a tick, 1s, to 1h"},
		{"too large requests", PushConfig{Group: "web", TokenFile: good, Tick: time.Second, MaxBytes: 1 << 30}, "want at most 20971520"},
		{"too many members", PushConfig{Group: "web", TokenFile: good, Tick: time.Second, MaxMembers: 1 << 20}, "want at most 16384"},
		{"too many metrics", PushConfig{Group: "web", TokenFile: good, Tick: time.Second, MaxMetrics: 257}, "want at most 256"},
		{"two metrics of one name", PushConfig{Group: "web", TokenFile: good, Tick: time.Second, Metrics: map[string]string{"a": "x", "b": "x"}}, "both named x"},
		{"no token", PushConfig{Group: "web", Tick: time.Second}, "no token file"},
		{"a token file that is not there", PushConfig{Group: "web", Tick: time.Second, TokenFile: good + "s"}, "no such file"},
		{"a token that others may read", PushConfig{Group: "web", Tick: time.Second, TokenFile: open}, "readable by others (mode 0640), want 0600"},
		{"a short token", PushConfig{Group: "web", Tick: time.Second, TokenFile: filepath.Join(filepath.Dir(open), "short")}, "want at least 16 characters"},
		{"a token with a blank", PushConfig{Group: "web", Tick: time.Second, TokenFile: filepath.Join(filepath.Dir(open), "blank")}, "without a blank"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewPush(tt.config)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("NewPush: got error %v, want one with %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "0123456789") {
				t.Errorf("NewPush: error %v repeats the token", err)
			}
		})
	}
}

// framesAgree reports whether two frames are the same but for missing values.
func framesAgree(a, b *facts.Frame) bool {
	return slices.Equal(a.Members, b.Members) && slices.Equal(a.Metrics, b.Metrics) &&
		slices.EqualFunc(a.Values, b.Values, func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) })
}
