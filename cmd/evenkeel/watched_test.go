package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/source"
)

// told is a source that gives a frame beside the error it is told.
type told struct{ err error }

func (s *told) Next(context.Context) (*facts.Frame, error) { return &facts.Frame{}, s.err }

func TestWatchedSourceSaysWhatIsMissingWhenThatChanges(t *testing.T) {
	now := time.Date(2026, 11, 22, 5, 51, 46, 0, time.UTC)
	lost := func(n int) error {
		return &source.PartialError{Group: "web", Failed: n, Of: 3, Causes: []error{fmt.Errorf("no answer at %v", now)}}
	}
	var said syncBuffer
	s := newStandings(func() time.Time { return now }, slog.New(slog.NewTextHandler(&said, nil)), func(loopEvent) {})
	s.expect("source web", "web", 0)
	from := &told{}
	w := &watchedSource{inner: from, part: "source web", standings: s}
	for _, step := range []struct {
		after time.Duration
		lost  int // members
		want  string
	}{
		{time.Second, 0, ""},
		{time.Second, 1, "level=WARN msg=\"not whole\" part=\"source web\" error=\"source: read web: 1 of 3 failed"},
		{time.Second, 1, ""},
		{time.Second, 2, ""}, // within partialEvery of the last line
		{partialEvery, 2, "2 of 3 failed"},
		{partialEvery, 0, "level=INFO msg=\"whole again\" part=\"source web\""},
		{time.Hour, 0, ""},
	} {
		now = now.Add(step.after)
		from.err = nil
		if step.lost > 0 {
			from.err = lost(step.lost)
		}
		before := said.String()
		if _, err := w.Next(t.Context()); !errors.Is(err, from.err) {
			t.Fatalf("Next = %v, want the error of the source", err)
		}
		got := strings.TrimPrefix(said.String(), before)
		if !strings.Contains(got, step.want) || (got == "") != (step.want == "") {
			t.Errorf("%d members lost: said %q, want %q", step.lost, got, step.want)
		}
		if r := s.report(); !r.Ready() || step.lost > 0 && !strings.Contains(r.Checks[0].Detail, "of 3 failed") {
			t.Errorf("%d members lost: report %+v, want ready, and what is missing", step.lost, r)
		}
	}
}

func TestServeTellsOfPagesWithoutAMetricThatIsWanted(t *testing.T) {
	dir, _ := startHAProxy(t)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "# TYPE go_threads gauge\ngo_threads 7\n") //nolint:errcheck // the reader is gone: nobody to tell
	}))
	t.Cleanup(page.Close)
	file := writeConfig(t, dir, "127.0.0.1:0")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	both := strings.Replace(string(text), "backend: web}}\n    tick",
		"backend: web}, prometheus: {members: {m01: '"+page.URL+"'}}}\n    tick", 1)
	if err := os.WriteFile(file, []byte(both), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stderr syncBuffer
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"serve", "-c", file}, io.Discard, &stderr) }()
	console := consoleOf(t, &stderr, code)
	const cause, key = "no wanted metric among the page's 1: want counters and gauges named be_…", "groups.web.source.prometheus.metrics"
	eventually(t, "it is said", func() bool {
		s := stderr.String()
		return strings.Contains(s, "msg=\"not whole\"") && strings.Contains(s, cause) && strings.Contains(s, key)
	})
	eventually(t, "it is ready all the same, and shows why it is not whole", func() bool {
		status, body := get(t, console+"/readyz")
		return status == http.StatusOK && strings.Contains(body, key)
	})
	if _, m := get(t, console+"/metrics"); !strings.Contains(m, `evenkeel_source_partial_total{group="web"} `) {
		t.Errorf("/metrics has no evenkeel_source_partial_total of the group:\n%s", m)
	}
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("serve = %d, want 0:\n%s", got, stderr.String())
	}
}
