package detect

import (
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string // in the error; empty: none
	}{
		{"defaults", func(*Config) {}, ""},
		{"ten-second ticks", func(c *Config) { c.Tick = 10 * time.Second }, ""},
		{"no environment", func(c *Config) { c.Env = "" }, "environment name"},
		{"a group that is no name", func(c *Config) { c.Group = "a b" }, "group name"},
		{"a tick too short", func(c *Config) { c.Tick = time.Microsecond }, "tick 1µs, want 1ms to 1h"},
		{"an epoch below a tick", func(c *Config) { c.Epoch = time.Millisecond }, "epoch 1ms, want 1s"},
		{"a warm-up too short", func(c *Config) { c.Warmup = 5 * time.Second }, "warm-up 5s, want 16s"},
		{"negative settling", func(c *Config) { c.Settle = -time.Second }, "settling -1s"},
		{"alpha of one", func(c *Config) { c.Alpha = 1 }, "alpha 1 per epoch"},
		{"alpha that nobody lives to certify", func(c *Config) { c.Alpha = 1e-7 }, "choose longer epochs"},
		{"a margin that loosens", func(c *Config) { c.Margin = 0.5 }, "margin 0.5, want 1"},
		{"windows that do not ascend", func(c *Config) { c.Windows = []int{1, 8, 3} }, "windows [1 8 3]"},
		{"the same window twice", func(c *Config) { c.Windows = []int{1, 3, 3} }, "windows [1 3 3]"},
		{"a window too long", func(c *Config) { c.Windows = []int{1, 1000} }, "windows [1 1000]"},
		{"no single tick", func(c *Config) { c.Windows = []int{3} }, "the first 1"},
		{"shares that leave the peers' test nothing", func(c *Config) { c.Shares = Shares{Own: 0.5, Anchor: 0.5} }, "shares of alpha {Anchor:0.5 Own:0.5"},
		{"a share below zero", func(c *Config) { c.Shares = Shares{Own: 0.3, Slow: -0.1} }, "want none below 0"},
		{"some tests only", func(c *Config) { c.Shares = Shares{Own: 0.2} }, ""},
		{"a horizon before the first alarm", func(c *Config) { c.Horizon = 5 }, "horizon of 5 epochs, want 10"},
		{"a calibration of other epochs", func(c *Config) { c.Calibration = &Calibration{windows: []int{1, 3, 8, 20}, epoch: time.Hour} }, "made with 1h0m0s"},
		{"a calibration of other windows", func(c *Config) { c.Calibration = &Calibration{windows: []int{1}} }, "made with [1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{Env: "test", Group: "web"}
			tt.change(&c)
			_, err := New(c)
			if tt.want == "" && err != nil {
				t.Errorf("New: %v, want no error", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("New: %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestDeclaredRate(t *testing.T) {
	for _, tt := range []struct {
		epoch time.Duration
		alpha float64
		want  string
	}{
		{time.Minute, 1.0 / 30, "1/30m"},
		{time.Hour, 1.0 / 720, "1/30d"},
		{3 * time.Second, 1.0 / 11, "1/33s"},
	} {
		c := Config{Epoch: tt.epoch, Alpha: tt.alpha}
		if got := c.declared().String(); got != tt.want {
			t.Errorf("alpha %v per %v is %s, want %s", tt.alpha, tt.epoch, got, tt.want)
		}
	}
}

func TestHorizonHoldsTwiceWhatAShareTakes(t *testing.T) {
	c := Config{Alpha: 1.0 / 720, MinEpochs: 10}
	for _, tt := range []struct {
		name    string
		part    float64
		horizon int
		want    int
	}{
		{"all of alpha", 1, 0, 1440},
		{"a tenth of it", 0.1, 0, 14400},
		{"as the operator says", 0.1, 500, 500},
		{"so little that twice is too much", 0.005, 0, maxEpochs},
		{"none, that never joins", 0, 0, 40},
	} {
		c.Horizon = tt.horizon
		if got := c.horizon(tt.part); got != tt.want {
			t.Errorf("%s: %d epochs, want %d", tt.name, got, tt.want)
		}
	}
	c = Config{Alpha: 0.5, MinEpochs: 30}
	if got := c.horizon(1); got != 120 {
		t.Errorf("a coarse alpha: %d epochs, want four times those before the first alarm", got)
	}
}
