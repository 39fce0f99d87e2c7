package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// fakeMember serves what it was told last.
type fakeMember struct {
	*httptest.Server
	mu   sync.Mutex
	page string
}

func newFakeMember(t *testing.T) *fakeMember {
	t.Helper()
	m := &fakeMember{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.page == "" {
			http.Error(w, "ill", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, m.page)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *fakeMember) say(page string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.page = page
}

// newTestPrometheus returns a reader of the members, in the order m01, m02, …
func newTestPrometheus(t *testing.T, members ...string) *Prometheus {
	t.Helper()
	c := PrometheusConfig{Group: "web", Members: map[string]string{}, Timeout: 5 * time.Second}
	for i, url := range members {
		c.Members[fmt.Sprintf("m%02d", i+1)] = url
	}
	p, err := NewPrometheus(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestPrometheusReadings(t *testing.T) {
	page := func(requests int, cpu string) string {
		return fmt.Sprintf("# TYPE be_requests_total counter\nbe_requests_total %d\n# TYPE be_cpu gauge\nbe_cpu %s\n", requests, cpu)
	}
	m1, m2 := newFakeMember(t), newFakeMember(t)
	p := newTestPrometheus(t, m1.URL, m2.URL)
	for i, tt := range []struct {
		name         string
		page1, page2 string
		want         string // "+": a rate above zero
		err          string
	}{
		{"the first reading has no rates", page(10, "0.1"), page(20, "0.2"), "m01,be_cpu,0.1 m02,be_cpu,0.2", ""},
		{"the second has", page(11, "0.3"), page(20, "0.4"), "m01,be_cpu,0.3 m01,be_requests,+ m02,be_cpu,0.4 m02,be_requests,0", ""},
		{"a member that started again has none, others have", page(2, "0.1"), page(21, "0.4"), "m01,be_cpu,0.1 m02,be_cpu,0.4 m02,be_requests,+", ""},
		{"a member that fails is not in the frame", "", page(22, "0.4"), "m02,be_cpu,0.4 m02,be_requests,+",
			"source: read web: 1 of 2 failed: scrape m01 " + m1.URL + ": status 503 Service Unavailable: want 200 OK"},
		{"its rate is over both ticks when it is back", page(3, "0.1"), page(22, "0.4"), "m01,be_cpu,0.1 m01,be_requests,+ m02,be_cpu,0.4 m02,be_requests,0", ""},
		{"a metric of another kind is refused", page(4, "0.1"), "# TYPE be_cpu counter\nbe_cpu 1\n", "m01,be_cpu,0.1 m01,be_requests,+",
			"metric be_cpu is a counter here, and a gauge when first seen"},
		{"when all fail there is no frame", "", "no page", "", "2 of 2 failed"},
		{"afterwards it goes on", page(5, "0.1"), page(22, "0.4"), "m01,be_cpu,0.1 m01,be_requests,+ m02,be_cpu,0.4 m02,be_requests,0", ""},
	} {
		m1.say(tt.page1)
		m2.say(tt.page2)
		f, err := p.Read(t.Context(), tick0.Add(time.Duration(i)*time.Second))
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.err)
		}
		if f != nil {
			for k, v := range f.Values {
				if f.Metrics[k%len(f.Metrics)] == "be_requests" && v > 0 {
					f.Values[k] = 777 // how fast this machine was does not matter
				}
			}
		}
		if got := strings.ReplaceAll(compact(t, f), "777", "+"); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestPrometheusRates(t *testing.T) {
	at := func(s int) time.Time { return tick0.Add(time.Duration(s) * time.Second) }
	p := newTestPrometheus(t, "http://m01", "http://m02")
	reading := func(second int, m1, m2 float64) *facts.Frame {
		for i, v := range []float64{m1, m2} {
			g := p.targets[i]
			g.at, g.samples = at(second), map[string]sample{"be_requests": {true, v}, "be_cpu": {false, v / 1000}}
			if err := p.columns.admit(g.samples); err != nil {
				t.Fatal(err)
			}
		}
		return p.frame(at(second), p.targets)
	}
	checkColumn(t, reading(0, 100, 200), "be_requests", map[string]string{"m01": "NaN", "m02": "NaN"})
	f := reading(4, 110, 240)
	checkColumn(t, f, "be_requests", map[string]string{"m01": "2.5", "m02": "10"})
	checkColumn(t, f, "be_cpu", map[string]string{"m01": "0.11", "m02": "0.24"})
	checkColumn(t, reading(5, 3, 241), "be_requests", map[string]string{"m01": "NaN", "m02": "1"})
	checkColumn(t, reading(5, 4, 241), "be_requests", map[string]string{"m01": "NaN", "m02": "NaN"})
	checkColumn(t, reading(6, 6, 241), "be_requests", map[string]string{"m01": "2", "m02": "0"})
}

func TestPrometheusRefusesAnswers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"a redirect, which may lead to another member", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere/metrics", http.StatusFound)
		}, `redirected to "http://elsewhere/metrics": want the address of the page itself`},
		{"a page that is too large", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, strings.Repeat("be_a 1\n", 1000))
		}, "the page has more than 4096 bytes"},
		{"a page that is cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "be_a 1\n")
		}, "read the page: unexpected EOF"},
		{"no page in time", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer in time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(tt.handler)
			defer s.Close()
			timeout := 5 * time.Second
			if strings.Contains(tt.want, "in time") {
				timeout = 20 * time.Millisecond
			}
			p, err := NewPrometheus(PrometheusConfig{Group: "web", Members: map[string]string{"m01": s.URL}, Timeout: timeout, MaxBytes: 4096})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if f, err := p.Read(t.Context(), tick0); f != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Read: got %v, %v; want an error with %q", f, err, tt.want)
			}
		})
	}
}

func TestPrometheusNobodyListens(t *testing.T) {
	m := newFakeMember(t)
	m.Close()
	_, err := newTestPrometheus(t, m.URL).Read(t.Context(), tick0)
	if err == nil || !strings.Contains(err.Error(), "scrape m01 "+m.URL+": dial tcp") || strings.Count(err.Error(), m.URL) != 1 {
		t.Errorf("Read: got error %v, want the member, its address once, and the cause", err)
	}
}

func TestPrometheusScrapesAtMostSixteenAtATime(t *testing.T) {
	var now, most atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		fmt.Fprint(w, "be_a 1\n")
	}))
	defer s.Close()
	p := newTestPrometheus(t, slices.Repeat([]string{s.URL}, 100)...)
	if f, err := p.Read(t.Context(), tick0); err != nil || len(f.Members) != 100 {
		t.Fatalf("Read: got %v, %v; want 100 members", f, err)
	}
	if most.Load() > maxScrapes {
		t.Errorf("scrapes at a time: got %d, want at most %d", most.Load(), maxScrapes)
	}
}

func TestPrometheusMembersThatHangHoldUpNobodyElse(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hang.Close()
	well := newFakeMember(t)
	well.say("be_a 1\n")
	p := newTestPrometheus(t, append(slices.Repeat([]string{hang.URL}, maxScrapes), well.URL)...)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Read(ctx, tick0); err == nil {
		t.Fatal("first Read: got no error, want that members hang")
	}
	// A Read lasts as long as those that hang: on a busy machine the member that
	// is well may need more of it.
	for limit := 200 * time.Millisecond; ; limit *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		f, err := p.Read(ctx, tick0)
		cancel()
		if f != nil && len(f.Members) == 1 && partial(err) {
			return
		}
		if limit > 30*time.Second {
			t.Fatalf("Read for %v: got %v, %v; want the member that is well, and a partial error", limit, f, err)
		}
	}
}

func TestPrometheusEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newTestPrometheus(t, newFakeMember(t).URL).Read(ctx, tick0); !errors.Is(err, context.Canceled) {
		t.Errorf("Read: got error %v, want %v", err, context.Canceled)
	}
}

func TestPrometheusBoundsTheMetricsOfAGroup(t *testing.T) {
	var page strings.Builder
	for i := range facts.MaxMetrics + 1 {
		fmt.Fprintf(&page, "be_m%04d 1\n", i)
	}
	m := newFakeMember(t)
	m.say(page.String())
	if _, err := newTestPrometheus(t, m.URL).Read(t.Context(), tick0); err == nil || !strings.Contains(err.Error(), "metric be_m0256 is one too many: want at most 256") {
		t.Errorf("Read: got error %v, want the limit", err)
	}
}

func TestNewPrometheusRefuses(t *testing.T) {
	one := map[string]string{"m01": "http://127.0.0.1:1/metrics"}
	for _, tt := range []struct {
		name string
		c    PrometheusConfig
		want string
	}{
		{"no group", PrometheusConfig{Members: one}, "group name"},
		{"no members", PrometheusConfig{Group: "web"}, "0 members, want 1 to"},
		{"a member of no valid name", PrometheusConfig{Group: "web", Members: map[string]string{"m 1": "http://a"}}, "member name"},
		{"an address without a scheme", PrometheusConfig{Group: "web", Members: map[string]string{"m01": "127.0.0.1:9"}}, "want an address like http://"},
		{"an address of a file", PrometheusConfig{Group: "web", Members: map[string]string{"m01": "file:///etc/passwd"}}, "want an address like http://"},
		{"an address with a password", PrometheusConfig{Group: "web", Members: map[string]string{"m01": "http://a:b@c/"}}, "without a user and a password"},
		{"a metric of no valid name", PrometheusConfig{Group: "web", Members: one, Metrics: map[string]string{"a": "b c"}}, "metric name"},
		{"two metrics of one name", PrometheusConfig{Group: "web", Members: one, Metrics: map[string]string{"a": "c", "b": "c"}}, "metrics a and b are both named c"},
		{"a timeout in the past", PrometheusConfig{Group: "web", Members: one, Timeout: -1}, "want neither below 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewPrometheus(tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("NewPrometheus: got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func BenchmarkPrometheusRead100Members(b *testing.B) {
	page := typicalPage()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(page) // a scraper that is gone scrapes again
	}))
	defer s.Close()
	c := PrometheusConfig{Group: "web", Members: map[string]string{}}
	for i := range 100 {
		c.Members[fmt.Sprintf("m%03d", i)] = s.URL
	}
	p, err := NewPrometheus(c)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for b.Loop() {
		if _, err := p.Read(b.Context(), time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
