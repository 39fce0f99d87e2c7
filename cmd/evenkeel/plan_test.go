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
			"web: observe; first alarm after 1h10m, 1 per 30d certified after 30d, tests against the past join after 300d"},
		{"epochs that are too short", config.Group{Tick: time.Second, Epoch: time.Minute, FalseAlarms: 30 * 24 * time.Hour},
			"web: observe; first alarm after 20m, 1 per 30d certified after 30d, tests against the past never join: they take longer epochs"},
		{"slow ticks", config.Group{Tick: 10 * time.Second, Epoch: time.Hour, FalseAlarms: 365 * 24 * time.Hour},
			"web: observe; first alarm after 11h40m, 1 per 365d certified after 365d1h, tests against the past join after 3650d1h"},
		{"a rate that is certified before the first alarm", config.Group{Tick: time.Second, Epoch: 10 * time.Minute, FalseAlarms: time.Hour},
			"web: observe; first alarm after 1h50m, 1 per 1h certified after 1h50m, tests against the past join after 10h"},
		{"fast ticks", config.Group{Tick: 100 * time.Millisecond, Epoch: 6 * time.Second, FalseAlarms: 2 * time.Hour},
			"web: observe; first alarm after 2m, 1 per 2h certified after 2h1m, tests against the past join after 20h1m"},
		{"with a past that is long enough", config.Group{Tick: 15 * time.Second, Epoch: 90 * time.Minute, FalseAlarms: 30 * 24 * time.Hour, Backfill: 14 * 24 * time.Hour},
			"web: observe; learns from 14d of the past; then first alarm at once, 1 per 30d certified after 16d1h, tests against the past join after 286d1h"},
		{"with a past that is too short", config.Group{Tick: 15 * time.Second, Epoch: 90 * time.Minute, FalseAlarms: 30 * 24 * time.Hour, Backfill: time.Hour},
			"web: observe; learns from 1h of the past; then first alarm after 16h30m, 1 per 30d certified after 30d, tests against the past join after 300d"},
		{"with a warm-up of its own", config.Group{Tick: time.Second, Epoch: 10 * time.Minute, FalseAlarms: time.Hour, Warmup: time.Minute},
			"web: observe; first alarm after 1h41m, 1 per 1h certified after 1h41m, tests against the past join after 9h51m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.group.Name, tt.group.Mode = "web", config.Observe
			if got, err := plan(&config.Config{Env: "test"}, &tt.group); got != tt.want || err != nil {
				t.Errorf("plan = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
