package main

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/cmd/internal/config"
)

func TestPlan(t *testing.T) {
	for _, tt := range []struct {
		name  string
		group config.Group
		want  string
	}{
		{"the defaults", config.Group{Tick: time.Second, Epoch: 6 * time.Minute, FalseAlarms: 30 * 24 * time.Hour},
			"web: observe; first alarm after 1h10m, 1 per 30d certified after 30d"},
		{"slow ticks", config.Group{Tick: 10 * time.Second, Epoch: time.Hour, FalseAlarms: 365 * 24 * time.Hour},
			"web: observe; first alarm after 11h40m, 1 per 365d certified after 365d1h"},
		{"a rate that is certified before the first alarm", config.Group{Tick: time.Second, Epoch: 10 * time.Minute, FalseAlarms: time.Hour},
			"web: observe; first alarm after 1h50m, 1 per 1h certified after 1h50m"},
		{"fast ticks", config.Group{Tick: 100 * time.Millisecond, Epoch: 6 * time.Second, FalseAlarms: 2 * time.Hour},
			"web: observe; first alarm after 2m, 1 per 2h certified after 2h1m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.group.Name, tt.group.Mode = "web", config.Observe
			if got := plan(&tt.group); got != tt.want {
				t.Errorf("plan = %q, want %q", got, tt.want)
			}
		})
	}
}
