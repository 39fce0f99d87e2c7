package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// past is a server's memory: what it answers to a range query about one metric
// named cpu of the members, whose value at second s is s modulo 1,000.
type past struct {
	members    []string
	since      int64              // seconds; nothing before
	gone       func(s int64) bool // instants without a value
	maxSteps   int                // the server refuses more; 0: no limit
	fail       int                // queries that fail, from the first on
	most, asks int                // steps in the longest query answered, queries
}

func (p *past) answer(w http.ResponseWriter, _ string, form url.Values) {
	number := func(key string) int64 {
		n, err := strconv.ParseInt(form.Get(key), 10, 64)
		if err != nil {
			http.Error(w, key, http.StatusBadRequest)
		}
		return n
	}
	start, end, step := number("start"), number("end"), number("step")
	p.asks++
	if p.fail > 0 {
		p.fail--
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	steps := int((end-start)/step) + 1
	if p.maxSteps > 0 && steps > p.maxSteps {
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprint(w, `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}`)
		return
	}
	p.most = max(p.most, steps)
	result := []any{}
	for _, m := range p.members {
		values := [][2]any{}
		for s := start; s <= end; s += step {
			if s >= p.since && (p.gone == nil || !p.gone(s)) {
				values = append(values, [2]any{s, strconv.FormatInt(s%1000, 10)})
			}
		}
		if len(values) > 0 {
			result = append(result, map[string]any{"metric": map[string]string{metricLabel: "cpu", "instance": m}, "values": values})
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix", "result": result}})
}

// newTestHistory returns the history of metric cpu as the server knows it.
func newTestHistory(t *testing.T, past *past, from, to time.Time, step time.Duration) *History {
	t.Helper()
	c := testPromQL(newFakeServer(t, past.answer).URL)
	delete(c.Queries, "rate")
	h, err := newTestPromQL(t, c).History(from, to, step)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// rest returns the frames that are left, which must be whole.
func rest(t *testing.T, h *History) []*facts.Frame {
	t.Helper()
	var frames []*facts.Frame
	for {
		f, err := h.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Check(); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
}

func TestHistoryGivesEveryInstantOnceAndInOrder(t *testing.T) {
	second := func(s int64) time.Time { return tick0.Add(time.Duration(s) * time.Second) }
	three := []string{"a", "b", "c"}
	for _, tt := range []struct {
		name        string
		past        past
		from, to    int64 // seconds since tick0
		step        time.Duration
		frames      int
		first, last int64
	}{
		{"the end is not part of it", past{members: three}, 0, 60, 15 * time.Second, 4, 0, 45},
		{"instants are multiples of the step", past{members: three}, 1, 61, 15 * time.Second, 4, 15, 60},
		{"one instant", past{members: three}, 0, 1, 15 * time.Second, 1, 0, 0},
		{"two weeks", past{members: three}, 0, 14 * 86400, 15 * time.Second, 80640, 0, 14*86400 - 15},
		{"more than a server returns at once", past{members: three, maxSteps: 100}, 0, 9990, 10 * time.Second, 999, 0, 9980},
		{"a server that knows only the end", past{members: three, since: tick0.Unix() + 86400}, 0, 2 * 86400, time.Minute, 1440, 86400, 2*86400 - 60},
		{"instants without a value", past{members: three, gone: func(s int64) bool { return s/600%2 == 1 }}, 0, 3600, 10 * time.Second, 180, 0, 2990},
		{"a server that knows nothing", past{}, 0, 86400, time.Minute, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			frames := rest(t, newTestHistory(t, &tt.past, second(tt.from), second(tt.to), tt.step))
			if len(frames) != tt.frames {
				t.Fatalf("frames: got %d, want %d", len(frames), tt.frames)
			}
			for i, f := range frames {
				if i > 0 && !f.Time.After(frames[i-1].Time) {
					t.Fatalf("frame %d: got time %v after %v", i, f.Time, frames[i-1].Time)
				}
				if want := float64(f.Time.Unix() % 1000); len(f.Members) != 3 || f.At("a", "cpu") != want || f.At("c", "cpu") != want {
					t.Fatalf("frame %d: got %+v, want three members with the value %v", i, f, want)
				}
			}
			if n := len(frames); n > 0 && (!frames[0].Time.Equal(second(tt.first)) || !frames[n-1].Time.Equal(second(tt.last))) {
				t.Errorf("frames: got %v to %v, want %v to %v", frames[0].Time, frames[n-1].Time, second(tt.first), second(tt.last))
			}
			if limit := tt.past.maxSteps; tt.past.most > maxChunkSteps || limit > 0 && tt.past.most > limit {
				t.Errorf("longest query: got %d steps, want at most %d and %d", tt.past.most, maxChunkSteps, limit)
			}
		})
	}
}

func TestHistoryAsksForLittleWhenTheGroupIsLarge(t *testing.T) {
	p := past{members: make([]string, 500)}
	for i := range p.members {
		p.members[i] = fmt.Sprintf("m%04d", i)
	}
	c := testPromQL(newFakeServer(t, p.answer).URL)
	delete(c.Queries, "rate")
	c.MaxBytes = 1 << 20 // the first answer is larger
	h, err := newTestPromQL(t, c).History(tick0, tick0.Add(300*time.Second), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(rest(t, h)); n != 300 || p.most > 240 || p.asks > 8 {
		t.Errorf("got %d frames by %d queries; want 300 by at most 8", n, p.asks)
	}
}

func TestHistoryGoesOnAfterAnError(t *testing.T) {
	h := newTestHistory(t, &past{members: []string{"a"}, fail: 2}, tick0, tick0.Add(time.Minute), time.Second)
	for range 2 {
		if f, err := h.Next(t.Context()); f != nil || err == nil || !strings.Contains(err.Error(), "source: history of api: the server says: server_error: server error: 503: starting") {
			t.Fatalf("Next: got %v, %v; want what the server says", f, err)
		}
	}
	if n := len(rest(t, h)); n != 60 {
		t.Errorf("frames after the errors: got %d, want 60", n)
	}
}

func TestHistoryEndsWithItsContext(t *testing.T) {
	h := newTestHistory(t, &past{members: []string{"a"}}, tick0, tick0.Add(time.Minute), time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Next: got error %v, want %v", err, context.Canceled)
	}
}

func TestHistoryTellsOfSeriesThatCannotBeUsed(t *testing.T) {
	at := tick0.Unix()
	stream := func(labels string, values ...int64) string {
		var b []string
		for _, s := range values {
			b = append(b, fmt.Sprintf(`[%d,"1"]`, at+s))
		}
		return fmt.Sprintf(`{"metric":{"evenkeel_metric":"cpu"%s},"values":[%s]}`, labels, strings.Join(b, ","))
	}
	const a1, a2 = `,"instance":"a","v":"1"`, `,"instance":"a","v":"2"`
	for _, tt := range []struct {
		name   string
		result []string
		want   string // frames as "+" whole, "-" without a frame, "p" partial
		err    string // of the last error
	}{
		{"two series that take turns are one", []string{stream(a1, 0, 10), stream(a2, 20, 30)}, "++++", ""},
		{"two at once are missing, when they are", []string{stream(a1, 0, 10), stream(a2, 10, 20), stream(`,"instance":"b"`, 0, 10, 20)}, "+p+", "member a has two series"},
		{"two at once and nothing else give no frame", []string{stream(a1, 0, 10), stream(a2, 10, 20)}, "+-+", "member a has two series"},
		{"series without a member", []string{stream(`,"instance":"b"`, 0, 10), stream("", 0)}, "pp", "metric cpu: {} has no label instance"},
		{"no series with a member", []string{stream("", 0)}, "-", "metric cpu: {} has no label instance"},
		{"an instant that was not asked for", []string{stream(a1, 0, 5)}, "-", "has a value at 2026-03-01T12:00:05.000Z"},
		{"an instant after the end", []string{stream(a1, 0, 40)}, "-", "has a value at 2026-03-01T12:00:40.000Z"},
		{"instants out of order", []string{stream(a1, 10, 0)}, "-", "has a value at 2026-03-01T12:00:00.000Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := `{"status":"success","data":{"resultType":"matrix","result":[` + strings.Join(tt.result, ",") + `]}}`
			c := testPromQL(newFakeServer(t, func(w http.ResponseWriter, _ string, _ url.Values) { fmt.Fprint(w, answer) }).URL)
			delete(c.Queries, "rate")
			h, err := newTestPromQL(t, c).History(tick0, tick0.Add(40*time.Second), 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			got, last := "", error(nil)
			for len(got) < len(tt.want) {
				f, err := h.Next(t.Context())
				switch {
				case f == nil:
					got += "-"
				case err == nil:
					got += "+"
				default:
					got += "p"
				}
				if err != nil {
					last = err
				}
			}
			if got != tt.want || (last == nil) != (tt.err == "") || last != nil && !strings.Contains(last.Error(), tt.err) {
				t.Errorf("frames: got %s and error %v, want %s and one with %q", got, last, tt.want, tt.err)
			}
		})
	}
}

func TestHistoryRefuses(t *testing.T) {
	p := newTestPromQL(t, testPromQL("http://127.0.0.1:1"))
	for _, tt := range []struct {
		name string
		long time.Duration
		step time.Duration
		want string
	}{
		{"a step of nothing", time.Hour, 0, "step 0s: want whole milliseconds"},
		{"a step of more than an hour", 24 * time.Hour, 2 * time.Hour, "step 2h0m0s"},
		{"a step finer than a frame's time", time.Hour, time.Second + 1, "whole milliseconds"},
		{"no time", 0, time.Second, "want a longer time"},
		{"a time that ends before it begins", -time.Hour, time.Second, "want a longer time"},
		{"more steps than anybody has patience for", 365 * 24 * time.Hour, time.Second, "choose a longer step"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := p.History(tick0, tick0.Add(tt.long), tt.step); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("History: got error %v, want one with %q", err, tt.want)
			}
		})
	}
}
