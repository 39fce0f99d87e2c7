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
			r, remembers, done, err := readerFor(&tt.group)
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			if _, joined := r.(*source.Join); joined != tt.joined || (remembers != nil) != tt.remember {
				t.Errorf("readerFor: %T, remembers %v, want joined %v, remembers %v", r, remembers != nil, tt.joined, tt.remember)
			}
		})
	}
}

func TestReaderForRefuses(t *testing.T) {
	for _, c := range []config.Group{
		{HAProxy: &config.HAProxy{Address: "nowhere"}},
		{Prometheus: &config.Prometheus{}},
		{PromQL: &config.PromQL{URL: "nowhere"}},
	} {
		c.Name = "web"
		_, _, done, err := readerFor(&c)
		done()
		if err == nil {
			t.Errorf("readerFor(%+v): no error", c)
		}
	}
}
