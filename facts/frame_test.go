package facts

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestFrameCheck(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		edit func(*Frame)
		want string // part of the error; empty: valid
	}{
		{"a frame with every value missing is valid", func(*Frame) {}, ""},
		{"a frame without members is valid", func(f *Frame) { f.Members, f.Values = nil, nil }, ""},
		{"no time", func(f *Frame) { f.Time = time.Time{} }, "no time"},
		{"no group", func(f *Frame) { f.Group = "" }, "group name"},
		{"members out of order", func(f *Frame) { f.Members = []string{"b", "a"} }, "sorted"},
		{"a member twice", func(f *Frame) { f.Members = []string{"a", "a"} }, "sorted"},
		{"a metric with a comma", func(f *Frame) { f.Metrics = []string{"x,y", "z"} }, "metric name"},
		{"a long name", func(f *Frame) { f.Members[1] = strings.Repeat("m", MaxNameBytes+1) }, "129 bytes"},
		{"a value too few", func(f *Frame) { f.Values = f.Values[1:] }, "3 values, want 4"},
		{"an infinite value", func(f *Frame) { f.Values[2] = math.Inf(1) }, "cpu of b is infinite"},
		{"too many metrics", func(f *Frame) { f.Metrics = make([]string, MaxMetrics+1) }, "want at most 256"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := NewFrame(at, "web", []string{"a", "b"}, []string{"cpu", "rate"})
			tt.edit(f)
			err := f.Check()
			if tt.want == "" {
				if err != nil {
					t.Fatalf("Check() = %v, want nil", err)
				}
				return
			}
			if !errors.Is(err, ErrShape) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Check() = %v, want ErrShape that says %q", err, tt.want)
			}
		})
	}
}

func TestFrameAt(t *testing.T) {
	f := NewFrame(time.Unix(1, 0), "web", []string{"a", "b"}, []string{"cpu", "rate"})
	f.Row(1)[0] = 7
	if got := f.At("b", "cpu"); got != 7 {
		t.Errorf("At(b, cpu) = %v, want 7", got)
	}
	for _, missing := range [][2]string{{"a", "cpu"}, {"c", "cpu"}, {"b", "disk"}} {
		if got := f.At(missing[0], missing[1]); !math.IsNaN(got) {
			t.Errorf("At(%s, %s) = %v, want NaN", missing[0], missing[1], got)
		}
	}
}
