package console

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func fine() Config {
	return Config{
		Healthy: func() error { return nil },
		Ready: func() Report {
			return Report{Checks: []Check{{"bus", true, "connected"}}, Notes: []string{"group web runs in observe"}}
		},
		Metrics: func() []Metric {
			return []Metric{
				{"evenkeel_facts_total", "Facts\nof \\ all.", Counter, One(3)},
				{"evenkeel_up", "By group.", Gauge, []Sample{{"group", `a"b\`, 1}, {"group", "web", 0.5}}},
			}
		},
	}
}

func TestAnswers(t *testing.T) {
	sick, waiting := fine(), fine()
	sick.Healthy = func() error { return errors.New("the loop has ended") }
	waiting.Ready = func() Report {
		return Report{Checks: []Check{{"bus", true, "connected"}, {"source web", false, "silent for 12s"}}}
	}
	for _, tt := range []struct {
		name   string
		config Config
		method string
		url    string
		status int
		body   string
	}{
		{"a healthy process says so", fine(), "GET", "http://localhost/healthz", 200, "ok\n"},
		{"a probe may ask for the head alone", fine(), "HEAD", "http://localhost:8420/healthz", 200, "ok\n"}, // cut off by a real server
		{"a process that ends says why", sick, "GET", "http://127.0.0.1/healthz", 503, "the loop has ended\n"},
		{"a ready process says so", fine(), "GET", "http://[::1]:8420/readyz", 200,
			`{"ready":true,"checks":[{"part":"bus","ok":true,"detail":"connected"}],"notes":["group web runs in observe"]}` + "\n"},
		{"a silent source makes it wait", waiting, "GET", "http://127.0.0.1/readyz", 503,
			`{"ready":false,"checks":[{"part":"bus","ok":true,"detail":"connected"},{"part":"source web","ok":false,"detail":"silent for 12s"}],"notes":null}` + "\n"},
		{"numbers come as Prometheus reads them", fine(), "GET", "http://127.0.0.1/metrics", 200, "# HELP evenkeel_facts_total Facts\\nof \\\\ all.\n" +
			"# TYPE evenkeel_facts_total counter\nevenkeel_facts_total 3\n# HELP evenkeel_up By group.\n# TYPE evenkeel_up gauge\n" +
			"evenkeel_up{group=\"a\\\"b\\\\\"} 1\nevenkeel_up{group=\"web\"} 0.5\n"},
		{"nothing can be changed", fine(), "POST", "http://127.0.0.1/readyz", 405, "Method Not Allowed\n"},
		{"there is no other page", fine(), "GET", "http://127.0.0.1/", 404, "404 page not found\n"},
		{"a name that only leads here is turned away", fine(), "GET", "http://evil.example:8420/readyz", 421, "asked for another host than localhost\n"},
		{"another address is turned away", fine(), "GET", "http://10.0.0.1/readyz", 421, "asked for another host than localhost\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			New(tt.config).Handler().ServeHTTP(w, httptest.NewRequest(tt.method, tt.url, nil))
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("%s %s = %d %q, want %d %q", tt.method, tt.url, w.Code, w.Body, tt.status, tt.body)
			}
			if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options = %q, want nosniff", got)
			}
		})
	}
}

func TestTooManyRequestsAreTurnedAway(t *testing.T) {
	c := fine()
	entered, leave := make(chan struct{}), make(chan struct{})
	c.Healthy = func() error { entered <- struct{}{}; <-leave; return nil }
	h := New(c).Handler()
	ask := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/healthz", nil))
		return w.Code
	}
	codes := make(chan int)
	for range maxRequests {
		go func() { codes <- ask() }()
	}
	for range maxRequests {
		<-entered
	}
	if got := ask(); got != http.StatusServiceUnavailable {
		t.Errorf("request %d = %d, want 503", maxRequests+1, got)
	}
	close(leave)
	for range maxRequests {
		if got := <-codes; got != http.StatusOK {
			t.Errorf("a request within the bound = %d, want 200", got)
		}
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- New(fine()).Serve(ctx, l) }()
	client := http.Client{Timeout: time.Minute}
	r, err := client.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Body.Close() != nil || strings.TrimSpace(string(body)) != "ok" {
		t.Errorf("GET /healthz = %q, %v, want ok", body, err)
	}
	client.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
}

func TestServeTellsThatItsListenerFailed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := New(fine()).Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener = %v, want net.ErrClosed", err)
	}
}
