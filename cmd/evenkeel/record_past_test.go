package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// prometheusServer answers every query with one series for each of the members
// m01 and m02, whose value is the time of the sample; before since it knows
// nothing. well is called for each query with its number and says whether the
// server answers.
func prometheusServer(t *testing.T, since time.Time, well func(n int) bool) (url string) {
	t.Helper()
	n := 0
	type result struct {
		Metric map[string]string `json:"metric"`
		Value  []any             `json:"value,omitempty"`
		Values [][]any           `json:"values,omitempty"`
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; well != nil && !well(n) {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		number := func(key string) float64 {
			v, err := strconv.ParseFloat(r.FormValue(key), 64)
			if err != nil && r.FormValue(key) != "" {
				t.Errorf("form value %s: %v", key, err)
			}
			return v
		}
		sample := func(s float64) []any { return []any{s, strconv.FormatFloat(s, 'f', -1, 64)} }
		kind, all := "vector", []result{}
		for _, m := range []string{"m01", "m02"} {
			one := result{Metric: map[string]string{"evenkeel_metric": "rate", "host": m}}
			if strings.HasSuffix(r.URL.Path, "/query") {
				one.Value = sample(number("time"))
				all = append(all, one)
				continue
			}
			kind = "matrix"
			for s := number("start"); s <= number("end"); s += number("step") {
				if s >= float64(since.Unix()) {
					one.Values = append(one.Values, sample(s))
				}
			}
			if len(one.Values) > 0 {
				all = append(all, one)
			}
		}
		data := map[string]any{"status": "success", "data": map[string]any{"resultType": kind, "result": all}}
		if err := json.NewEncoder(w).Encode(data); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestRecordThePastOfAPrometheusServer(t *testing.T) {
	url := prometheusServer(t, time.Time{}, nil)
	file := filepath.Join(t.TempDir(), "api.csv.gz")
	start := time.Now()
	stderr, err := runRecord(t.Context(), "--group", "api", "--prometheus", url, "--query", "rate=r", "--label", "host",
		"--since", "2d", "--step", "1m", "--delay", "1h", "-O", file)
	if err != nil {
		t.Fatal(err)
	}
	frames := recorded(t, file)
	if n := len(frames); n != 2*24*60 {
		t.Fatalf("frames: got %d, want one for each minute of two days", n)
	}
	for _, f := range frames {
		if want := float64(f.Time.Unix()); f.Group != "api" || len(f.Members) != 2 || f.At("m01", "rate") != want || f.At("m02", "rate") != want {
			t.Fatalf("frame: got %+v, want both members with the time as their value", f)
		}
	}
	last := frames[len(frames)-1].Time
	if age := start.Sub(last); age < time.Hour-time.Minute || age > time.Hour+2*time.Minute {
		t.Errorf("last frame: got one of %v ago, want the delay of an hour", age)
	}
	want := "evenkeel: recorded 2880 frames, 0 of them partial; last: api at " + last.Format(time.RFC3339) + ", 2 members, 1 metrics\n"
	if stderr != want {
		t.Errorf("stderr: got %q, want %q", stderr, want)
	}
}

func TestRecordAPrometheusServerLive(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	url := prometheusServer(t, time.Time{}, func(n int) bool {
		if n == 4 {
			cancel()
		}
		return true
	})
	file := filepath.Join(t.TempDir(), "api.csv")
	if _, err := runRecord(ctx, "--group", "api", "--prometheus", url, "--query", "rate=r", "--label", "host", "--delay", "2s",
		"--every", "100ms", "-O", file); err != nil {
		t.Fatal(err)
	}
	frames := recorded(t, file)
	if n := len(frames); n < 2 || n > 3 { // the first reading is not recorded, the fourth may end with ctx
		t.Errorf("frames: got %d, want 2 or 3", n)
	}
	for _, f := range frames {
		if want := float64(f.Time.UnixMilli()) / 1000; f.At("m01", "rate") != want {
			t.Errorf("value at %v: got %v, want that of the same time", f.Time, f.At("m01", "rate"))
		}
	}
}

func TestRecordKeepsWhatItHasWhenTheServerFails(t *testing.T) {
	url := prometheusServer(t, time.Time{}, func(n int) bool { return n < 3 })
	file := filepath.Join(t.TempDir(), "api.csv")
	_, err := runRecord(t.Context(), "--group", "api", "--prometheus", url, "--query", "rate=r", "--label", "host", "--since", "2d", "-O", file)
	e, ok := errors.AsType[*exitError](err)
	if !ok || e.code != exitFailed || !strings.Contains(err.Error(), "server error: 503: starting") || !strings.Contains(e.hint, "what came before") {
		t.Errorf("record: got error %v, want what the server says, and the hint that the recording holds the rest", err)
	}
	if n := len(recorded(t, file)); n != 240+960 {
		t.Errorf("frames: got %d, want those of the first two queries", n)
	}
}

func TestRecordRefusesAPastThatCannotBe(t *testing.T) {
	const server = "--group api --prometheus http://127.0.0.1:1 --query rate=r "
	for _, tt := range []struct {
		name, args string
		code       int
		want       string
	}{
		{"a server without a query", "--group api --prometheus http://127.0.0.1:1", exitUsage, "want --prometheus and --query together"},
		{"a query without a server", "--group api --query rate=r", exitUsage, "want --prometheus and --query together"},
		{"a query without a name", "--group api --prometheus http://127.0.0.1:1 --query r", exitUsage, `--query "r": want NAME=EXPR`},
		{"a query twice", server + "--query rate=x", exitUsage, "--query rate is given twice: want one EXPR for each name"},
		{"no group", "--prometheus http://127.0.0.1:1 --query rate=r --since 1d", exitUsage, "group name"},
		{"the past of members", "--group api --member m01=http://a --since 1d", exitUsage, "only a Prometheus server remembers"},
		{"the past with the balancer's present", server + "--haproxy unix:/x --backend api --since 1d", exitUsage, "want --since or --haproxy, not both"},
		{"the past for a time to come", server + "--since 1d --for 1m", exitUsage, "want --since or --for, not both"},
		{"a step of the present", server + "--step 1s", exitUsage, "--step is for --since"},
		{"a step below the least", server + "--since 1d --step 1ms", exitUsage, "step 1ms"},
		{"an address of no kind", "--group api --prometheus prom --query rate=r --since 1d", exitUsage, "want one like http://127.0.0.1:9090"},
		{"no days", server + "--since 0d", exitFailed, "want a duration such as 14d or 36h"},
		{"days without a unit", server + "--since 14", exitFailed, "want a duration such as 14d or 36h"},
		{"more days than there are", server + "--since 4000d", exitFailed, "at most 3650d"},
		{"a server that does not answer", server + "--since 1d", exitFailed, "connection refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "api.csv")
			_, err := runRecord(t.Context(), append(strings.Fields(tt.args), "-O", file)...)
			code := exitFailed // an error of a flag becomes one of usage at the root
			if e, ok := errors.AsType[*exitError](err); ok {
				code = e.code
			}
			if err == nil || code != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("record %s: got error %v, want exit code %d and %q", tt.args, err, tt.code, tt.want)
			}
			if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the file: got %v, want that there is none", err)
			}
		})
	}
}

func TestRecordAServerThatRemembersNothing(t *testing.T) {
	url := prometheusServer(t, time.Now().Add(time.Hour), nil)
	file := filepath.Join(t.TempDir(), "api.csv")
	_, err := runRecord(t.Context(), "--group", "api", "--prometheus", url, "--query", "rate=r", "--label", "host", "--since", "1d", "-O", file)
	if err == nil || !strings.Contains(err.Error(), "no query has a value from ") {
		t.Errorf("record: got error %v, want that there is nothing", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file: got %v, want that there is none", err)
	}
}

func TestDaysAreReadAsTheyAreWritten(t *testing.T) {
	for _, tt := range []struct {
		in, out string
		want    time.Duration
	}{
		{"14d", "14d", 14 * 24 * time.Hour},
		{"48h", "2d", 48 * time.Hour},
		{"36h", "36h0m0s", 36 * time.Hour},
		{"90s", "1m30s", 90 * time.Second},
	} {
		var d days
		if err := d.Set(tt.in); err != nil || time.Duration(d) != tt.want || d.String() != tt.out {
			t.Errorf("%s: got %v, written %s, error %v; want %v, written %s", tt.in, time.Duration(d), d.String(), err, tt.want, tt.out)
		}
	}
}
