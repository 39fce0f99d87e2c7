package detect

import (
	"testing"
	"time"
)

func TestAges(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name   string
		config Config
		want   Ages
	}{
		{"an alarm in 30 days by epochs of an hour", Config{Tick: time.Second, Epoch: time.Hour, Alpha: 1.0 / 720, Warmup: time.Hour},
			Ages{Judged: 11 * time.Hour, Certified: 30 * day, Gathered: 800 * time.Hour, Compared: 300 * day}},
		{"an alarm in 30 days by epochs of six minutes", Config{Tick: time.Second, Epoch: 6 * time.Minute, Alpha: 1.0 / 7200, Warmup: 6 * time.Minute},
			Ages{Judged: 66 * time.Minute, Certified: 30 * day, Gathered: 800 * time.Hour, Compared: 300 * day}},
		{"shorter epochs are too many to be kept", Config{Tick: time.Second, Epoch: 3 * time.Minute, Alpha: 1.0 / 14400, Warmup: 3 * time.Minute},
			Ages{Judged: 33 * time.Minute, Certified: 30 * day, Gathered: 800 * time.Hour}},
		{"no alarm before the least number of epochs", Config{Tick: time.Second, Epoch: time.Minute, Alpha: 0.5, Warmup: time.Minute, MinEpochs: 30},
			Ages{Judged: 31 * time.Minute, Certified: 31 * time.Minute, Gathered: 31 * time.Minute, Compared: 31 * time.Minute}},
		{"a share of nothing is waited for by nobody", Config{Tick: time.Second, Epoch: time.Hour, Alpha: 1.0 / 720, Warmup: time.Hour, Shares: Shares{Own: 0.2}},
			Ages{Judged: 11 * time.Hour, Certified: 30 * day, Compared: 150 * day}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Env, tt.config.Group = "test", "web"
			if got, err := tt.config.Ages(); got != tt.want || err != nil {
				t.Errorf("Ages = %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	if _, err := (Config{}).Ages(); err == nil {
		t.Error("Ages of no group: no error")
	}
}

// A test joins with the epoch that Ages says, and not before.
func TestAgesAreThoseOfTheTests(t *testing.T) {
	c := Config{Env: "test", Group: "web", Tick: time.Second, Epoch: 20 * time.Second, Warmup: 20 * time.Second, Alpha: 0.09, MinEpochs: 2}
	a, err := c.Ages()
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	m := int((a.Compared - c.Warmup) / c.Epoch)
	for _, which := range []int{anchorTest, ownTest, commonTest} {
		x := &d.tests[which]
		for range m - 1 {
			x.history.add(peak{score: 1}, nil)
		}
		if x.joins(c.Alpha) {
			t.Errorf("test %d joins with %d epochs, want %d", which, m-1, m)
		}
		if x.history.add(peak{score: 1}, nil); !x.joins(c.Alpha) {
			t.Errorf("test %d does not join with %d epochs", which, m)
		}
	}
}
