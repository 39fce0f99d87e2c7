package sim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts/sim"
	"github.com/evenkeel/evenkeel/facts/source"
)

// TestFaults checks what each fault does to the requests and to the member's
// own counters, on one member without a balancer.
func TestFaults(t *testing.T) {
	t.Parallel()
	cases := []struct {
		fault string
		lost  func(sim.Tally) int // all that is lost is lost in this way
		all   bool                // every request
		page  func(m func(string) float64) bool
	}{
		{"empty", func(t sim.Tally) int { return t.Empty }, true,
			func(m func(string) float64) bool { return m("be_served") == 0 && m("be_requests") > 0 }},
		{"err", func(t sim.Tally) int { return t.Status }, true,
			func(m func(string) float64) bool { return m("be_errors") > 0 && m("be_served") == 0 }},
		{"drop", func(t sim.Tally) int { return t.Conn }, true,
			func(m func(string) float64) bool { return m("be_requests") > 0 && m("be_served") == 0 }},
		{"hang", func(t sim.Tally) int { return t.Timeout }, true,
			func(m func(string) float64) bool { return m("be_inflight") > 3 && m("be_served") == 0 }},
		{"hollow", func(t sim.Tally) int { return t.Empty }, true,
			func(m func(string) float64) bool {
				return m("be_served") > 0 && m("be_downstream") == 0 && m("be_bytes_out") == 0 && m("be_svc_ms") > 20
			}},
		{"partial=0.5", func(t sim.Tally) int { return t.Empty }, false,
			func(m func(string) float64) bool { return m("be_served") > 0 && m("be_served") < m("be_requests") }},
		{"slow=4", sim.Tally.Lost, false,
			func(m func(string) float64) bool { return m("be_svc_ms") > 200 && m("be_cpu") < 1 }},
		{"hog", sim.Tally.Lost, false,
			func(m func(string) float64) bool { return m("be_cpu") > 0.75 && m("be_svc_ms") > 130 }},
	}
	for _, tt := range cases {
		t.Run(tt.fault, func(t *testing.T) {
			timeout := patience
			if tt.fault == "hang" {
				timeout = time.Second
			}
			member := startMember(t, timeout)
			f, err := sim.ParseFault(tt.fault)
			if err != nil {
				t.Fatal(err)
			}
			if err := member.pool.Begin("m01", f); err != nil {
				t.Fatal(err)
			}
			got := member.after(t, time.Now(), 25)
			if tt.lost(got) != got.Lost() || tt.all && got.OK > 0 {
				t.Errorf("requests: %+v, want all that is lost to be lost in its way, and %v that all is", got, tt.all)
			}
			await(t, "its page shows it", func() bool { return tt.page(member.read(t)) })
			if resp, err := http.Get(member.front.URL + "/health"); err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("health: %v, %v, want it green", resp, err)
			} else {
				resp.Body.Close()
			}
		})
	}
}

// startMember runs a pool of one and a client that asks it directly.
func startMember(t *testing.T, timeout time.Duration) *fleet {
	t.Helper()
	pool, err := sim.NewPool(sim.PoolConfig{Members: 1, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + pool.Servers()[0].Address
	client, err := sim.NewClient(sim.ClientConfig{URL: url, Rate: 30, Seed: 3, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	background(t, pool.Run)
	background(t, client.Run)
	return &fleet{pool, sim.Front{URL: url}, client}
}

// read reads the page of the only member twice, so that counters become rates.
func (f *fleet) read(t *testing.T) func(metric string) float64 {
	t.Helper()
	p, err := source.NewPrometheus(source.PrometheusConfig{Group: "web", Timeout: patience,
		Members: map[string]string{"m01": f.front.URL + "/metrics"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if _, err := p.Read(ctx, time.Now()); err != nil {
		t.Fatal(err)
	}
	f.after(t, time.Now(), 6)
	frame, err := p.Read(ctx, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return func(metric string) float64 { return frame.At("m01", metric) }
}

func TestPoolRefuses(t *testing.T) {
	for _, n := range []int{0, sim.MaxPool + 1} {
		if _, err := sim.NewPool(sim.PoolConfig{Members: n}); err == nil {
			t.Errorf("a pool of %d: got no error", n)
		}
	}
	pool, err := sim.NewPool(sim.PoolConfig{Members: 2})
	if err != nil {
		t.Fatal(err)
	}
	background(t, pool.Run)
	for _, tt := range []struct {
		member string
		kind   sim.Kind
		want   string
	}{
		{"m03", sim.Empty, "want m01 to m02"},
		{"m01", sim.Surge, "comes from the client"},
	} {
		if err := pool.Begin(tt.member, sim.Fault{Kind: tt.kind}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("begin %s in %s: got %v, want an error with %q", tt.kind, tt.member, err, tt.want)
		}
	}
}

func TestClientRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    sim.ClientConfig
	}{
		{"no address", sim.ClientConfig{Rate: 1}},
		{"no rate", sim.ClientConfig{URL: "http://127.0.0.1:1"}},
		{"a rate no machine sends", sim.ClientConfig{URL: "http://127.0.0.1:1", Rate: sim.MaxRate + 1}},
		{"less than nothing in flight", sim.ClientConfig{URL: "http://127.0.0.1:1", Rate: 1, MaxInFlight: -1}},
	} {
		if _, err := sim.NewClient(tt.c); err == nil {
			t.Errorf("%s: got no error", tt.name)
		}
	}
}

func TestClientShedsWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	pool, err := sim.NewPool(sim.PoolConfig{Members: 1, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	client, err := sim.NewClient(sim.ClientConfig{URL: "http://" + pool.Servers()[0].Address, Rate: 100, MaxInFlight: 4, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	background(t, pool.Run)
	background(t, client.Run)
	f := &fleet{pool: pool, client: client}
	if got := f.after(t, time.Now(), 100); got.Shed < 20 || got.Shed != got.Lost() {
		t.Errorf("ten times too much: %+v, want most of it shed and nothing else lost", got)
	}
}
