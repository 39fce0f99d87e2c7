package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/source"
)

// memberPage serves a member's page that counts its own scrapes; after, when
// set, is called with their number, and says whether the page is well.
func memberPage(t *testing.T, after func(n int) bool) (url string) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n++
		if after != nil && !after(n) {
			http.Error(w, "ill", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "# TYPE be_requests_total counter\nbe_requests_total %d\n# TYPE be_cpu gauge\nbe_cpu 0.5\n", n)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// runRecord runs the command and returns what it wrote to stderr.
func runRecord(ctx context.Context, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := recordCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append([]string{}, args...)) // for nil it takes those of the process
	cmd.SetErr(&stderr)
	err := cmd.ExecuteContext(ctx)
	return stderr.String(), err
}

// recorded returns the frames of a recording.
func recorded(t *testing.T, file string) []*facts.Frame {
	t.Helper()
	r, err := source.OpenRecording(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var frames []*facts.Frame
	for {
		f, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f)
	}
}

func TestRecordEndsAfterItsTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.csv.gz")
	stderr, err := runRecord(t.Context(), "--group", "web", "--member", "m01="+memberPage(t, nil), "--member", "m02="+memberPage(t, nil),
		"--every", "100ms", "--for", "500ms", "-O", file)
	if err != nil {
		t.Fatal(err)
	}
	frames := recorded(t, file)
	if n := len(frames); n == 0 || n > 5 {
		t.Fatalf("frames: got %d, want 1 to 5", n)
	}
	for _, f := range frames {
		if f.Group != "web" || len(f.Members) != 2 || f.At("m01", "be_cpu") != 0.5 || !(f.At("m02", "be_requests") > 0) {
			t.Errorf("frame: got %+v, want both members with a rate, from the first frame on", f)
		}
	}
	if want := fmt.Sprintf("evenkeel: recorded %d frames, 0 of them partial;", len(frames)); !strings.HasPrefix(stderr, want) ||
		!strings.HasSuffix(stderr, "; last: web, 2 members, 2 metrics\n") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("stderr: got %q, want one line that begins with %q", stderr, want)
	}
}

func TestRecordIsWholeWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	page := memberPage(t, func(n int) bool {
		if n == 5 {
			cancel()
		}
		return true
	})
	file := filepath.Join(t.TempDir(), "web.csv.gz")
	if _, err := runRecord(ctx, "--group", "web", "--member", "m01="+page, "--every", "100ms", "-O", file); err != nil {
		t.Fatal(err)
	}
	if n := len(recorded(t, file)); n < 3 || n > 4 { // the first scrape is not recorded, the fifth may end with ctx
		t.Errorf("frames: got %d, want 3 or 4", n)
	}
}

func TestRecordTellsOfTroubleOnceAndGoesOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	page := memberPage(t, func(n int) bool {
		if n == 8 {
			cancel()
		}
		return n != 4 && n != 5
	})
	file := filepath.Join(t.TempDir(), "web.csv")
	stderr, err := runRecord(ctx, "--group", "web", "--member", "m01="+page, "--every", "100ms", "-O", file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(stderr, "status 503 Service Unavailable: want 200 OK: source silent\n") != 1 ||
		!strings.Contains(stderr, "evenkeel: the source is whole again\n") || !strings.Contains(stderr, "; 2 ticks silent,") {
		t.Errorf("stderr: got %q, want the trouble once, its end, and two silent ticks", stderr)
	}
}

func TestRecordLeavesFilesAlone(t *testing.T) {
	page := memberPage(t, nil)
	file := filepath.Join(t.TempDir(), "web.csv")
	if err := os.WriteFile(file, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--group", "web", "--member", "m01=" + page, "--every", "20ms", "--for", "20ms", "-O", file}
	_, err := runRecord(t.Context(), args...)
	if e, ok := errors.AsType[*exitError](err); !ok || e.code != exitFailed || !errors.Is(err, os.ErrExist) || !strings.Contains(e.hint, "--force") {
		t.Errorf("record over a file: got error %v, want that it exists and the hint --force", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "dear" {
		t.Errorf("the file: got %q, %v; want it untouched", b, err)
	}
	if _, err := runRecord(t.Context(), append(args, "--force")...); err != nil {
		t.Errorf("record --force: got error %v", err)
	}
	if n := len(recorded(t, file)); n != 1 {
		t.Errorf("frames after --force: got %d, want 1", n)
	}
}

func TestRecordRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "web.csv")
	for _, tt := range []struct {
		name string
		args string
		code int
		want string
	}{
		{"no file", "--group web --member m01=http://127.0.0.1:1/", exitUsage, "want -O FILE"},
		{"nothing to read", "--group web -O " + file, exitUsage, "nothing to read"},
		{"a balancer without a backend", "--haproxy unix:/x -O " + file, exitUsage, "want --haproxy and --backend together"},
		{"an address of no kind", "--haproxy /x --backend web -O " + file, exitUsage, "want unix:/path/of/socket"},
		{"a member without a page", "--group web --member m01 -O " + file, exitUsage, `--member "m01": want NAME=URL`},
		{"a member twice", "--group web --member m01=http://a --member m01=http://b -O " + file, exitUsage, "m01 is given twice"},
		{"a page that is no address", "--group web --member m01=a -O " + file, exitUsage, "want an address like http://"},
		{"a member without a group", "--member m01=http://a -O " + file, exitUsage, "group name"},
		{"a length below zero", "--group web --member m01=http://a --for -1s -O " + file, exitUsage, "want more than 0"},
		{"a tick too short", "--group web --member m01=http://a --every 1ms -O " + file, exitUsage, "poll every 1ms"},
		{"a source that does not answer", "--haproxy unix:" + dir + "/none --backend web -O " + file, exitFailed, "want the path on a 'stats socket' line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := runRecord(t.Context(), strings.Fields(tt.args)...)
			e, ok := errors.AsType[*exitError](err)
			if !ok || e.code != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("record %s: got error %v, want exit code %d and %q", tt.args, err, tt.code, tt.want)
			}
			if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the file: got %v, want that there is none", err)
			}
		})
	}
}
