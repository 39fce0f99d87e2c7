package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// fakeServer answers queries as it was told, and keeps what it was asked.
type fakeServer struct {
	*httptest.Server
	mu    sync.Mutex
	asked []url.Values
}

// newFakeServer starts a server whose answers f writes.
func newFakeServer(t *testing.T, f func(w http.ResponseWriter, path string, form url.Values)) *fakeServer {
	t.Helper()
	s := &fakeServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.asked = append(s.asked, r.Form)
		s.mu.Unlock()
		f(w, r.URL.Path, r.Form)
	}))
	t.Cleanup(s.Close)
	return s
}

// vectorOf writes samples as the result of an instant query at tick0. A sample
// is "metric,labels,value"; labels are JSON without braces.
func vectorOf(samples ...string) string {
	for i, s := range samples {
		name, rest, _ := strings.Cut(s, "|")
		labels, value, _ := strings.Cut(rest, "|")
		samples[i] = fmt.Sprintf(`{"metric":{"evenkeel_metric":%q%s},"value":[%d,%q]}`, name, labels, tick0.Unix(), value)
	}
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(samples, ",") + `]}}`
}

// testPromQL returns the configuration of a reader of metrics cpu and rate.
func testPromQL(url string) PromQLConfig {
	return PromQLConfig{URL: url, Group: "api", Queries: map[string]string{"rate": "r", "cpu": "c"}}
}

func newTestPromQL(t *testing.T, c PromQLConfig) *PromQL {
	t.Helper()
	p, err := NewPromQL(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestPromQLReadings(t *testing.T) {
	const a, b = `,"instance":"a:1"`, `,"instance":"b:1"`
	for _, tt := range []struct {
		name, answer string
		want         string
		err          string
	}{
		{"each series gives one value", vectorOf("rate|"+a+"|41", "cpu|"+b+"|0.5", "cpu|"+a+"|0.25", "rate|"+b+"|1e3"),
			"a:1,cpu,0.25 a:1,rate,41 b:1,cpu,0.5 b:1,rate,1000", ""},
		{"labels that are not asked for do not matter", vectorOf("rate|"+a+`,"__name__":"up","job":"x"|41`, "cpu|"+a+"|1"), "a:1,cpu,1 a:1,rate,41", ""},
		{"NaN and infinities are missing", vectorOf("rate|"+a+"|NaN", "cpu|"+a+"|1", "rate|"+b+"|+Inf", "cpu|"+b+"|-Inf"), "a:1,cpu,1", ""},
		{"a metric without series is named", vectorOf("rate|" + a + "|41"), "a:1,rate,41",
			"source: read api: 1 of 2 failed: metric cpu: no series: want one for each member"},
		{"two series of a member are both named, whatever their order", vectorOf("cpu|"+a+"|1", "rate|"+a+`,"code":"500"|2`, "rate|"+a+`,"code":"200"|40`), "a:1,cpu,1",
			`1 of 2 failed: metric rate: member a:1 has two series, {code="200", instance="a:1"} and {code="500", instance="a:1"}: want one`},
		{"a third one does not make it good again, and is counted", vectorOf("cpu|"+a+"|1", "rate|"+a+`,"c":"1"|2`, "rate|"+a+`,"c":"2"|2`, "rate|"+a+`,"c":"3"|2`), "a:1,cpu,1",
			"(and 1 more like this)"},
		{"a twin without a number counts", vectorOf("cpu|"+a+"|1", "rate|"+a+`,"c":"1"|2`, "rate|"+a+`,"c":"2"|NaN`), "a:1,cpu,1", "has two series"},
		{"series without a member are counted", vectorOf("cpu|"+a+"|1", "rate||2", `rate|,"job":"x"|2`, "rate|"+a+"|7"), "a:1,cpu,1 a:1,rate,7",
			"1 of 2 failed: metric rate: {} has no label instance: want the member's name in it (and 1 more like this)"},
		{"a member of no valid name is told", vectorOf("cpu|"+a+"|1", `rate|,"instance":"a b"|2`), "a:1,cpu,1", `metric rate: {instance="a b"}: facts: member name "a b" holds ' '`},
		{"a histogram is no number", `{"status":"success","data":{"resultType":"vector","result":[
			{"metric":{"evenkeel_metric":"rate","instance":"a:1"},"histogram":[1772366400,{"count":"1","sum":"1","buckets":[[0,"1","2","1"]]}]},
			{"metric":{"evenkeel_metric":"cpu","instance":"a:1"},"value":[1772366400,"1"]}]}}`, "a:1,cpu,1", `metric rate: {instance="a:1"} is a histogram: want numbers`},
		{"warnings are passed on", strings.Replace(vectorOf("cpu|"+a+"|1", "rate|"+a+"|2"), `"data"`, `"warnings":["store\nlost"],"data"`, 1), "a:1,cpu,1 a:1,rate,2",
			`source: read api: 1 of 3 failed: the server warns: ["store lost"]`},

		{"no series at all is no frame", vectorOf(), "", "2 of 2 failed: metric cpu: no series: want one for each member, if need be by 'or on (instance) 0 * (up == 1)'; metric rate: no series"},
		{"no number at all is no frame", vectorOf("cpu|"+a+"|NaN", "rate|"+a+"|NaN"), "", "every value is NaN or infinite"},
		{"only twins are no frame", vectorOf("cpu|"+a+"|1", "cpu|"+a+`,"c":"2"|2`), "", "has two series"},
		{"a scalar is refused", `{"status":"success","data":{"resultType":"scalar","result":[1772366400,"1"]}}`, "", "the answer is a scalar: want a vector"},
		{"no result is refused", `{"status":"success","data":{"resultType":"vector"}}`, "", "source: query api: "},
		{"a metric that was not asked for is refused", vectorOf("load|" + a + "|1"), "", `label evenkeel_metric is "load", want one of the metrics asked for`},
		{"values of another time are refused", strings.ReplaceAll(vectorOf("cpu|"+a+"|1"), "1772366400", "1772366399"), "",
			"has a value at 2026-03-01T11:59:59.000Z: want one at each of the instants asked for, from 2026-03-01T12:00:00.000Z on"},
		{"an answer that is cut off is refused", `{"status":"success","data":{"resultType":"vector","result":[{`, "", "source: query api: the server says: bad_response: "},
		{"a page of something else is refused", `<html>hello</html>`, "", "the server says: bad_response: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newFakeServer(t, func(w http.ResponseWriter, _ string, _ url.Values) { fmt.Fprint(w, tt.answer) })
			f, err := newTestPromQL(t, testPromQL(s.URL)).Read(t.Context(), tick0)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Read: got error %v, want one with %q", err, tt.err)
			}
			if f != nil && err != nil && !partial(err) {
				t.Errorf("Read: got a frame and error %v, want a *PartialError beside a frame", err)
			}
			if got := compact(t, f); got != tt.want {
				t.Errorf("Read: got %s, want %s", got, tt.want)
			}
			if f != nil && !f.Time.Equal(tick0) {
				t.Errorf("time of the frame: got %v, want %v", f.Time, tick0)
			}
		})
	}
}

func TestPromQLAsksOnceATick(t *testing.T) {
	s := newFakeServer(t, func(w http.ResponseWriter, path string, _ url.Values) {
		if path != "/behind/api/v1/query" {
			http.NotFound(w, nil)
			return
		}
		fmt.Fprint(w, strings.ReplaceAll(vectorOf(`cpu|,"host":"a"|1`, `rate|,"host":"a"|2`), "1772366400", "1772366394.5"))
	})
	c := testPromQL(s.URL + "/behind/")
	c.Member, c.Delay, c.Timeout = "host", 5500*time.Millisecond, 1500*time.Millisecond
	c.Queries["cpu"] = "avg by (host) (c) # of all cores"
	f, err := newTestPromQL(t, c).Read(t.Context(), tick0)
	if err != nil || !f.Time.Equal(tick0.Add(-c.Delay)) {
		t.Fatalf("Read: got %v, %v; want a frame of the tick less the delay", f, err)
	}
	if len(s.asked) != 1 {
		t.Fatalf("queries: got %d, want 1", len(s.asked))
	}
	for key, want := range map[string]string{
		"time": "1772366394.5", "timeout": "1.5s",
		"query": "label_replace((\navg by (host) (c) # of all cores\n), \"evenkeel_metric\", \"cpu\", \"\", \"\") or label_replace((\nr\n), \"evenkeel_metric\", \"rate\", \"\", \"\")",
	} {
		if got := s.asked[0].Get(key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

func TestPromQLTellsWhatTheServerSays(t *testing.T) {
	reply := func(status int, text string) func(http.ResponseWriter, string, url.Values) {
		return func(w http.ResponseWriter, _ string, _ url.Values) {
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
	}
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, path string, form url.Values)
		want   string
	}{
		{"an error of execution", reply(422, `{"status":"error","errorType":"execution","error":"many-to-many matching"}`), "the server says: execution: many-to-many matching"},
		{"a parse error, with the metric and its own line", reply(400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 5:3: parse error: unexpected )"}`),
			`the server says: bad_data: query of metric rate: invalid parameter "query": 2:3: parse error: unexpected )`},
		{"a parse error before all metrics, as it is", reply(400, `{"status":"error","errorType":"bad_data","error":"1:1: parse error: no"}`), "bad_data: 1:1: parse error: no"},
		{"a server that has too much to do", reply(503, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`), "server error: 503: query timed out in expression evaluation"},
		{"a proxy that wants a login", reply(401, "<html>\n\x1b[31mlog in</html>"), "client_error: client error: 401: <html> [31mlog in</html>"},
		{"no more than the beginning of a long page", reply(500, strings.Repeat("x", 4000)), strings.Repeat("x", 200)},
		{"a redirect, which is not followed", func(w http.ResponseWriter, _ string, _ url.Values) {
			w.Header().Set("Location", "http://u:secret@elsewhere/api")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, `redirected to "http://u:xxxxx@elsewhere/api": want the address of the server itself`},
		{"an answer that is too large", reply(200, strings.Repeat(" ", 5000)), "the answer has more than 4096 bytes: raise the limit, or ask for less"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testPromQL(newFakeServer(t, tt.answer).URL)
			c.Queries["rate"], c.MaxBytes = "r\n+ )", 4096
			f, err := newTestPromQL(t, c).Read(t.Context(), tick0)
			if f != nil || err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "label_replace") {
				t.Errorf("Read: got %v, %v; want an error with %q and without the query", f, err, tt.want)
			}
			if err != nil && len(err.Error()) > 600 {
				t.Errorf("Read: got an error of %d bytes, want at most 600", len(err.Error()))
			}
		})
	}
}

func TestPromQLGivesUpInTime(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // reads the body, without which the end of the client goes unseen
		<-r.Context().Done()
	}))
	defer hang.Close()
	c := testPromQL(hang.URL)
	c.Timeout = 20 * time.Millisecond
	if _, err := newTestPromQL(t, c).Read(t.Context(), tick0); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("Read: got error %v, want that there was no answer in time", err)
	}
}

func TestPromQLNobodyListens(t *testing.T) {
	s := newFakeServer(t, nil)
	s.Close()
	_, err := newTestPromQL(t, testPromQL(s.URL)).Read(t.Context(), tick0)
	if err == nil || !strings.HasPrefix(err.Error(), "source: query api: dial tcp 127.0.0.1:") {
		t.Errorf("Read: got error %v, want where and why", err)
	}
}

func TestPromQLEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newTestPromQL(t, testPromQL("http://127.0.0.1:1")).Read(ctx, tick0); !errors.Is(err, context.Canceled) {
		t.Errorf("Read: got error %v, want %v", err, context.Canceled)
	}
}

func TestPromQLBoundsTheMembersOfAGroup(t *testing.T) {
	samples := make([]string, facts.MaxMembers+1)
	for i := range samples {
		samples[i] = fmt.Sprintf(`cpu|,"instance":"m%d"|1`, i)
	}
	answer := vectorOf(samples...)
	s := newFakeServer(t, func(w http.ResponseWriter, _ string, _ url.Values) { fmt.Fprint(w, answer) })
	if _, err := newTestPromQL(t, testPromQL(s.URL)).Read(t.Context(), tick0); err == nil || !strings.Contains(err.Error(), "16385 members, want at most 16384") {
		t.Errorf("Read: got error %v, want the limit", err)
	}
}

func TestNewPromQLRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(c *PromQLConfig)
		want   string
	}{
		{"no group", func(c *PromQLConfig) { c.Group = "" }, "source: promql: facts: group name"},
		{"no queries", func(c *PromQLConfig) { c.Queries = nil }, "source: promql api: 0 queries, want 1 to 256"},
		{"an empty query", func(c *PromQLConfig) { c.Queries["cpu"] = " " }, "query of metric cpu has 1 bytes"},
		{"a query that is too long", func(c *PromQLConfig) { c.Queries["cpu"] = strings.Repeat("x", 4097) }, "at most 4096"},
		{"a metric of no valid name", func(c *PromQLConfig) { c.Queries[`a"b`] = "x" }, "metric name"},
		{"a label of no valid name", func(c *PromQLConfig) { c.Member = "a-b" }, `member label "a-b": want a name like instance`},
		{"a delay below zero", func(c *PromQLConfig) { c.Delay = -time.Second }, "delay -1s"},
		{"a delay of more than an hour", func(c *PromQLConfig) { c.Delay = 2 * time.Hour }, "delay 2h0m0s"},
		{"a delay finer than a frame's time", func(c *PromQLConfig) { c.Delay = 1 }, "whole milliseconds"},
		{"a timeout below zero", func(c *PromQLConfig) { c.Timeout = -1 }, "want neither below 0"},
		{"no address", func(c *PromQLConfig) { c.URL = "" }, "want one like http://127.0.0.1:9090"},
		{"an address of a file", func(c *PromQLConfig) { c.URL = "file:///etc/passwd" }, "want one like http://"},
		{"an address with a password, which is not repeated", func(c *PromQLConfig) { c.URL = "http://u:secret@127.0.0.1" }, "want the credentials in a file"},
		{"a bad address with a password, which is not repeated", func(c *PromQLConfig) { c.URL = "ftp://u:secret@a" }, "u:xxxxx@a"},
		{"an address with a query", func(c *PromQLConfig) { c.URL = "http://127.0.0.1/?x=1" }, "want no ?"},
		{"two kinds of credentials", func(c *PromQLConfig) { c.BearerTokenFile, c.BasicAuthFile = "a", "b" }, "want one of them"},
		{"credentials in the clear", func(c *PromQLConfig) { c.URL, c.BearerTokenFile = "http://prometheus:9090", "a" }, "want https"},
		{"a token file that is not there", func(c *PromQLConfig) { c.BearerTokenFile = "/does/not/exist" }, "bearer token: open /does/not/exist"},
		{"authorities that are not there", func(c *PromQLConfig) { c.CAFile = "/does/not/exist" }, "authorities: open /does/not/exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testPromQL("http://127.0.0.1:9090")
			tt.change(&c)
			if _, err := NewPromQL(c); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("NewPromQL: got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func BenchmarkPromQLRead1000Members(b *testing.B) {
	c := PromQLConfig{Group: "api", Queries: map[string]string{}}
	var samples []string
	for k := range 20 {
		name := fmt.Sprintf("metric_%02d", k)
		c.Queries[name] = "x"
		for i := range 1000 {
			samples = append(samples, fmt.Sprintf(`%s|,"instance":"10.0.%d.%d:9100"|%d.25`, name, i/250, i%250, 1000*k+i))
		}
	}
	answer := []byte(vectorOf(samples...))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(answer) // a client that is gone asks again
	}))
	defer s.Close()
	c.URL = s.URL
	p, err := NewPromQL(c)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Read(b.Context(), tick0); err != nil {
			b.Fatal(err)
		}
	}
}
