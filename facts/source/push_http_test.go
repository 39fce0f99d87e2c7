package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// asProto and asText encode requests as exporters do.
func asProto(t testing.TB, all pmetric.Metrics) []byte {
	t.Helper()
	b, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func asText(t testing.TB, all pmetric.Metrics) []byte {
	t.Helper()
	b, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func zipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// post returns a request as an exporter makes it; change makes it another.
func post(body []byte, change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/metrics", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", "application/x-protobuf")
	if change != nil {
		change(r)
	}
	return r
}

func answered(p *Push, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func header(key, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(key, value) }
}

// The answers' bytes are written out after the definitions of their messages.
func TestPushAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPush(t, func(c *PushConfig) { c.MaxBytes = 4096 })
		good := pushLines(t, time.Now(), 0, "m01 gauge cpu 1")
		bad := pushLines(t, time.Now(), 0, "m02 gauge cpu NaN")
		large := pmetric.NewMetrics()
		large.ResourceMetrics().AppendEmpty().Resource().Attributes().PutStr("a", strings.Repeat("x", 5000))
		json := header("Content-Type", "application/json; charset=utf-8")
		for _, tt := range []struct {
			name   string
			r      *http.Request
			status int
			header string // key: value of the answer
			body   string // all of it, or the beginning with …
		}{
			{"a good request in protobuf", post(asProto(t, good), nil), 200, "Content-Type: application/x-protobuf", ""},
			{"an empty one is a success", post(nil, nil), 200, "Content-Type: application/x-protobuf", ""},
			{"an empty one in JSON", post([]byte("{}"), json), 200, "Content-Type: application/json", "{}"},
			{"an unknown field is passed over", post([]byte(`{"resourceMetrics":[{"resource":{"x":[{}]}}],"y":1}`), json), 200, "", "{}"},
			{"a refused point in protobuf", post(asProto(t, bad), nil), 200, "Content-Type: application/x-protobuf",
				"\x0a\x30\x08\x01\x12\x2cmetric cpu of m02: it is not a finite number"},
			{"a refused point in JSON", post(asText(t, bad), json), 200, "Content-Type: application/json",
				`{"partialSuccess":{"rejectedDataPoints":"1","errorMessage":"metric cpu of m02: it is not a finite number"}}`},
			{"no token", post(nil, func(r *http.Request) { r.Header.Del("Authorization") }), 401, "WWW-Authenticate: Bearer",
				"\x12\x36want Authorization: Bearer and the token of this group"},
			{"another token", post(nil, header("Authorization", "Bearer 0123456789abcdeF")), 401, "", "…"},
			{"the token by another scheme", post(nil, header("Authorization", "Basic "+testToken)), 401, "", "…"},
			{"without a token everything is refused alike", httptest.NewRequest(http.MethodGet, "/", nil), 401, "Content-Type: application/json",
				`{"message":"want Authorization: Bearer and the token of this group"}`},
			{"another path", post(nil, func(r *http.Request) { json(r); r.URL.Path = "/v1/traces" }), 404, "", `{"message":"path /v1/traces: want /v1/metrics"}`},
			{"another method", post(nil, func(r *http.Request) { json(r); r.Method = "PUT" }), 405, "Allow: POST", `{"message":"method PUT: want POST"}`},
			{"another type", post(nil, header("Content-Type", "text/plain")), 415, "Content-Type: application/json", `{"message":"content type text/plain: want application/x-protobuf or application/json"}`},
			{"another compression", post(nil, func(r *http.Request) { json(r); r.Header.Set("Content-Encoding", "zstd") }), 415, "Accept-Encoding: gzip",
				`{"message":"content encoding zstd: want gzip or none"}`},
			{"what is not JSON", post([]byte("<html>"), json), 400, "", `{"message":"decode: …`},
			{"nothing at all is not JSON", post(nil, json), 400, "", `{"message":"decode: …`},
			{"what is not protobuf", post([]byte("<html>"), nil), 400, "", "…"},
			{"what is cut off", post(asProto(t, good)[:20], nil), 400, "", "…"},
			{"what is not gzip", post([]byte("<html>"), func(r *http.Request) { json(r); r.Header.Set("Content-Encoding", "gzip") }), 400, "", `{"message":"gzip: …`},
			{"gzip that is cut off", post(zipped(t, asText(t, good))[:60], func(r *http.Request) { json(r); r.Header.Set("Content-Encoding", "gzip") }), 400, "",
				`{"message":"read the body: unexpected EOF"}`},
			{"too large by its own word", post(asProto(t, large), json), 413, "", `{"message":"the body has more than 4096 bytes: push fewer data points at a time"}`},
			{"too large without a word", post(asProto(t, large), func(r *http.Request) { json(r); r.ContentLength = -1 }), 413, "", "…"},
			{"too large when decompressed", post(zipped(t, asProto(t, large)), func(r *http.Request) { json(r); r.Header.Set("Content-Encoding", "gzip") }), 413, "", "…"},
			{"a good request in gzip", post(zipped(t, asProto(t, pushLines(t, time.Now(), 0, "m03 gauge cpu 1"))), header("Content-Encoding", "gzip")), 200, "", ""},
		} {
			w := answered(p, tt.r)
			if w.Code != tt.status {
				t.Errorf("%s: got status %d, want %d", tt.name, w.Code, tt.status)
			}
			if key, value, ok := strings.Cut(tt.header, ": "); ok && w.Header().Get(key) != value {
				t.Errorf("%s: got header %s: %s, want %s", tt.name, key, w.Header().Get(key), value)
			}
			body := w.Body.String()
			if want, cut := strings.CutSuffix(tt.body, "…"); body != tt.body && !(cut && strings.HasPrefix(body, want)) {
				t.Errorf("%s: got %q, want %q", tt.name, body, tt.body)
			}
			if strings.Contains(body, testToken) {
				t.Errorf("%s: the answer %q repeats the token", tt.name, body)
			}
		}
		f, err := p.Read(t.Context(), time.Now())
		if got, want := compact(t, f), "m01,cpu,1 m03,cpu,1"; got != want || err != nil {
			t.Errorf("Read: got %s, %v; want %s", got, err, want)
		}
		if got, want := p.Stats(), (PushStats{Requests: 7, Failed: 17, Points: 2, Refused: 2}); got != want {
			t.Errorf("Stats: got %+v, want %+v", got, want)
		}
	})
}

// The bytes of an answer with a refused point, and of one with an error, as
// protoc encodes them:
//
//	printf 'partial_success {rejected_data_points: 300, error_message: "no"}' | protoc --encode=…ExportMetricsServiceResponse
//	printf 'message: "no"' | protoc --encode=google.rpc.Status
func TestPushAnswerBytes(t *testing.T) {
	if got, want := string(pushForm{}.success(pushRefusals{300, []string{"no"}})), "\x0a\x07\x08\xac\x02\x12\x02no"; got != want {
		t.Errorf("success with 300 points refused: got %q, want %q", got, want)
	}
	if got, want := string(pushForm{}.failure("no")), "\x12\x02no"; got != want {
		t.Errorf("failure: got %q, want %q", got, want)
	}
}

// specification is the example of a request that the protocol's repository
// has, with its times replaced. Numbers of 64 bits may be text or not.
const specification = `{
  "resourceMetrics": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}},
      {"key": "host.name", "value": {"stringValue": "m01"}}]},
    "scopeMetrics": [{
      "scope": {"name": "my.library", "version": "1.0.0",
        "attributes": [{"key": "my.scope.attribute", "value": {"stringValue": "some scope attribute"}}]},
      "metrics": [
        {"name": "my.counter", "unit": "1", "description": "I am a Counter",
          "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [
            {"asDouble": 5, "startTimeUnixNano": "START", "timeUnixNano": "TIME",
              "attributes": [{"key": "my.counter.attr", "value": {"stringValue": "some value"}}]}]}},
        {"name": "my.gauge", "unit": "1", "description": "I am a Gauge",
          "gauge": {"dataPoints": [
            {"asInt": "10", "timeUnixNano": TIME,
              "attributes": [{"key": "my.gauge.attr", "value": {"stringValue": "some value"}}]}]}},
        {"name": "my.histogram", "unit": "1", "description": "I am a Histogram",
          "histogram": {"aggregationTemporality": 1, "dataPoints": [
            {"startTimeUnixNano": START, "timeUnixNano": TIME, "count": 2, "sum": 2,
              "bucketCounts": [1, "1"], "explicitBounds": [1], "min": 0, "max": 2,
              "attributes": [{"key": "my.histogram.attr", "value": {"stringValue": "some value"}}]}]}},
        {"name": "my.exponential.histogram", "unit": "1", "description": "I am an Exponential Histogram",
          "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [
            {"startTimeUnixNano": "START", "timeUnixNano": "TIME", "count": 3, "sum": 10, "scale": 0, "zeroCount": 1,
              "positive": {"offset": 1, "bucketCounts": [0, 2]}, "min": 0, "max": 5, "zeroThreshold": 0,
              "attributes": [{"key": "my.exponential.histogram.attr", "value": {"stringValue": "some value"}}]}]}}
      ]
    }]
  }]
}`

func TestPushTakesTheExampleOfTheProtocol(t *testing.T) {
	// Two seconds from start to time, the second one at the tick.
	body := strings.NewReplacer("START", "1544712658000000000", "TIME", "1544712660000000000").Replace(specification)
	now := time.Unix(1544712660, 0)
	all, err := decodeMetrics([]byte(body), true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decodeMetrics(asProto(t, all), false)
	if err != nil {
		t.Fatal(err)
	}
	const want = "m01,my_counter,2.5 m01,my_exponential_histogram_count,1.5 m01,my_exponential_histogram_sum,5 " +
		"m01,my_gauge_ratio,10 m01,my_histogram_count,1 m01,my_histogram_sum,1"
	for name, request := range map[string]pmetric.Metrics{"JSON": all, "protobuf": again} {
		p := newTestPush(t, nil)
		if r := p.take(request, now); r.points != 0 {
			t.Errorf("%s: refused %s", name, r.String())
		}
		f, err := p.Read(t.Context(), now)
		if got := compact(t, f); got != want || err != nil {
			t.Errorf("%s: got %s, %v; want %s", name, got, err, want)
		}
	}
}

func TestPushNamesTheMemberByTheConfiguredAttribute(t *testing.T) {
	all := pushLines(t, tick0, 0, "m01 gauge cpu 1")
	attributes := all.ResourceMetrics().At(0).Resource().Attributes()
	attributes.PutStr("host.name", "h01")
	attributes.PutInt("shard", 7)
	for key, want := range map[string]string{"": "m01,cpu,1", "host.name": "h01,cpu,1", "shard": "7,cpu,1", "absent": ""} {
		p := newTestPush(t, func(c *PushConfig) { c.Member = key })
		p.take(all, tick0)
		f, _ := p.Read(t.Context(), tick0)
		if got := compact(t, f); got != want {
			t.Errorf("member %q: got %s, want %s", key, got, want)
		}
	}
}

// slowBody is a body that comes when it is let.
type slowBody struct {
	started func()
	let     chan struct{}
}

func (b slowBody) Read([]byte) (int, error) {
	b.started()
	<-b.let
	return 0, io.EOF
}

func TestPushServesSoManyRequestsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPush(t, nil)
		let := make(chan struct{})
		var reading, done sync.WaitGroup
		for range maxReading {
			reading.Add(1)
			r := post(nil, nil)
			r.Body, r.ContentLength = io.NopCloser(slowBody{sync.OnceFunc(reading.Done), let}), -1
			done.Go(func() {
				if w := answered(p, r); w.Code != http.StatusOK {
					t.Errorf("a slow request: got status %d, want 200", w.Code)
				}
			})
		}
		reading.Wait()
		before := time.Now()
		w := answered(p, post(nil, nil))
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" {
			t.Errorf("one request more: got status %d, Retry-After %q; want 429 and 1", w.Code, w.Header().Get("Retry-After"))
		}
		if waited := time.Since(before); waited != placeTime {
			t.Errorf("one request more waited for %v, want %v", waited, placeTime)
		}
		close(let)
		done.Wait()
		if w := answered(p, post(nil, nil)); w.Code != http.StatusOK {
			t.Errorf("a request when the others are served: got status %d, want 200", w.Code)
		}
	})
}

func TestPushServesAndIsReadAtTheSameTime(t *testing.T) {
	const senders, pushes = 8, 50
	p := newTestPush(t, nil)
	base := time.Now()
	var done sync.WaitGroup
	for i := range senders {
		done.Go(func() {
			for k := range pushes {
				second := float64(k) / pushes
				all := pushLines(t, base, second, fmt.Sprintf("m%d total requests %d", i, k), fmt.Sprintf("m%d gauge cpu %d", i, k))
				if w := answered(p, post(asProto(t, all), nil)); w.Code != http.StatusOK || w.Body.Len() > 0 {
					t.Errorf("push: got status %d: %s", w.Code, w.Body)
				}
			}
		})
	}
	for range pushes {
		if f, _ := p.Read(t.Context(), base); f != nil {
			if err := f.Check(); err != nil {
				t.Error(err)
			}
		}
	}
	done.Wait()
	f, err := p.Read(t.Context(), base)
	if err != nil || len(f.Members) != senders || f.At("m7", "cpu") != pushes-1 {
		t.Errorf("Read: got %v, %v; want %d members with cpu %d", f, err, senders, pushes-1)
	}
	checkPushCounts(t, p)
}

func TestPushReadEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newTestPush(t, nil).Read(ctx, tick0); err == nil {
		t.Error("Read after the end of its context: got no error, want one")
	}
}
