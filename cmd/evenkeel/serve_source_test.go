package main

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/cmd/internal/config"
	"github.com/evenkeel/evenkeel/facts/source"
)

func TestOnlyAServerAloneRemembers(t *testing.T) {
	balancer := &config.HAProxy{Address: "unix:/run/haproxy/admin.sock", Backend: "web"}
	pages := &config.Prometheus{Members: map[string]string{"m1": "http://127.0.0.1:1/metrics"}}
	server := &config.PromQL{URL: "http://127.0.0.1:1", Queries: map[string]string{"cpu": "cpu"}, Delay: time.Second}
	for _, tt := range []struct {
		name     string
		group    config.Group
		joined   bool
		remember bool
	}{
		{"a balancer", config.Group{HAProxy: balancer}, false, false},
		{"members", config.Group{Prometheus: pages}, false, false},
		{"a server", config.Group{PromQL: server}, false, true},
		{"a balancer and a server", config.Group{HAProxy: balancer, PromQL: server}, true, false},
		{"all of them", config.Group{HAProxy: balancer, Prometheus: pages, PromQL: server}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.group.Name = "web"
			s, err := sourceFor(t.Context(), &tt.group)
			defer s.close()
			if err != nil {
				t.Fatal(err)
			}
			if _, joined := s.Reader.(*source.Join); joined != tt.joined || (s.server != nil) != tt.remember {
				t.Errorf("sourceFor: %T, remembers %v, want joined %v, remembers %v", s.Reader, s.server != nil, tt.joined, tt.remember)
			}
		})
	}
}

func TestSourceForRefuses(t *testing.T) {
	for _, c := range []config.Group{
		{HAProxy: &config.HAProxy{Address: "nowhere"}},
		{Prometheus: &config.Prometheus{}},
		{PromQL: &config.PromQL{URL: "nowhere"}},
	} {
		c.Name = "web"
		s, err := sourceFor(t.Context(), &c)
		s.close()
		if err == nil {
			t.Errorf("sourceFor(%+v): no error", c)
		}
	}
}
