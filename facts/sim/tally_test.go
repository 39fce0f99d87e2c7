package sim

import (
	"math"
	"testing"
	"time"
)

func TestCapture(t *testing.T) {
	// The column "law" of the sweep that was measured with HAProxy: share of the
	// black hole of n members with L requests in flight, in per cent.
	for _, tt := range []struct {
		n    int
		l    float64
		want float64
	}{
		{10, 4, 15}, {10, 8, 25}, {10, 12, 38}, {10, 20, 59}, {10, 30, 71}, {10, 40, 78},
		{10, 50, 82}, {10, 64, 86}, {5, 20, 81}, {20, 80, 77}, {10, 0, 10}, {1, 5, 100},
	} {
		if got := Capture(tt.n, tt.l) * 100; math.Abs(got-tt.want) > 0.5 {
			t.Errorf("Capture(%d, %g) = %.1f %%, want %g", tt.n, tt.l, got, tt.want)
		}
	}
}

func TestTally(t *testing.T) {
	t0 := time.Unix(1_000_000, 0)
	type event struct {
		at      time.Duration // after t0
		fate    fate
		latency time.Duration
	}
	events := []event{
		{0, good, 100 * time.Millisecond},
		{50 * time.Millisecond, good, 1500 * time.Millisecond},
		{time.Second, lostEmpty, 0},
		{time.Second, lostTimeout, 0},
		{2 * time.Second, shed, 0},
	}
	var y tally
	for _, e := range events {
		y.send(t0.Add(e.at))
		y.end(t0.Add(e.at), e.fate, e.latency)
	}
	y.send(t0.Add(2 * time.Second)) // and no answer yet
	for _, tt := range []struct {
		name                      string
		from, to                  time.Duration
		sent, ok, late, lost, due int
	}{
		{"everything", 0, time.Hour, 6, 2, 1, 3, 1},
		{"the end is not included", 0, time.Second, 2, 2, 1, 0, 0},
		{"the start is", time.Second, 2 * time.Second, 2, 0, 0, 2, 0},
		{"nothing was sent", time.Minute, time.Hour, 0, 0, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := y.sum(t0.Add(tt.from), t0.Add(tt.to))
			if got.Sent != tt.sent || got.OK != tt.ok || got.Late != tt.late || got.Lost() != tt.lost || got.Pending() != tt.due {
				t.Errorf("got %+v, %d lost, %d pending, want %+v", got, got.Lost(), got.Pending(), tt)
			}
		})
	}
	if got := y.sum(t0, t0.Add(time.Second)).MeanLatency(); got != 800*time.Millisecond {
		t.Errorf("mean latency %v, want 800ms", got)
	}
	if got := y.sum(t0.Add(time.Second), t0.Add(3*time.Second)).LostShare(); got != 0.75 {
		t.Errorf("lost share %v, want 0.75", got)
	}
}

func TestTallyForgets(t *testing.T) {
	t0 := time.Unix(1_000_000, 0)
	round := tallySteps * TallyStep
	var y tally
	y.send(t0)
	y.send(t0.Add(round))
	y.end(t0, good, 0) // its step is gone: it must not be counted in another's
	if got := y.sum(t0, t0.Add(2*round)); got.Sent != 1 || got.OK != 0 {
		t.Errorf("got %+v, want the newer request alone, without an answer", got)
	}
}
