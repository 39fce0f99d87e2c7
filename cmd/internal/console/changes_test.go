package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// governed is a configuration with changes to read.
func governed() Config {
	c := fine()
	c.Papers = func(context.Context, []byte) (any, bool, error) { return nil, false, nil }
	c.Changes = func(context.Context) (any, error) { return map[string]int{"v": 1}, nil }
	c.Change = func(_ context.Context, id string) ([]byte, error) {
		switch id {
		case "gone":
			return nil, fmt.Errorf("change %s: %w", id, ErrUnknown)
		case "broken":
			return nil, errors.New("/var/lib/evenkeel: input/output error")
		}
		return []byte("papers of " + id), nil
	}
	c.Base = func(_ context.Context, id string) ([]byte, error) { return []byte("base of " + id), nil }
	return c
}

// ask returns what a console answers.
func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1"+path, nil))
	return w
}

func TestChanges(t *testing.T) {
	unread := governed()
	unread.Changes = func(context.Context) (any, error) { return nil, errors.New("/var/lib/evenkeel: gone") }
	for _, tt := range []struct {
		name         string
		config       Config
		method, path string
		status       int
		media, want  string
	}{
		{"how things stand is told", governed(), "GET", "/v1/changes", 200, "application/json", "{\"v\":1}\n"},
		{"why they are not known stays here", unread, "GET", "/v1/changes", 503, "text/plain; charset=utf-8", "the log cannot be read\n"},
		{"a change comes as an archive", governed(), "GET", "/v1/changes/3fa41b02", 200, "application/zip", "papers of 3fa41b02"},
		{"so does what it would change", governed(), "GET", "/v1/changes/3fa41b02/base", 200, "application/zip", "base of 3fa41b02"},
		{"a digest is a name", governed(), "GET", "/v1/changes/sha256:3fa41b02", 200, "application/zip", "papers of sha256:3fa41b02"},
		{"that there is none is told", governed(), "GET", "/v1/changes/gone", 404, "text/plain; charset=utf-8", "change gone: not known here\n"},
		{"why one cannot be read stays here", governed(), "GET", "/v1/changes/broken", 503, "text/plain; charset=utf-8", "the change cannot be read\n"},
		{"nothing can be written there", governed(), "POST", "/v1/changes", 405, "text/plain; charset=utf-8", "Method Not Allowed\n"},
		{"nor deleted", governed(), "DELETE", "/v1/changes/3fa41b02", 405, "text/plain; charset=utf-8", "Method Not Allowed\n"},
		{"where nobody governs there is none", fine(), "GET", "/v1/changes", 404, "text/plain; charset=utf-8", "404 page not found\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(New(tt.config).Handler(), tt.method, tt.path)
			if w.Code != tt.status || w.Header().Get("Content-Type") != tt.media || w.Body.String() != tt.want {
				t.Errorf("%d %s %q, want %d %s %q", w.Code, w.Header().Get("Content-Type"), w.Body, tt.status, tt.media, tt.want)
			}
		})
	}
}

func TestChangesAreReadByAFewAtATime(t *testing.T) {
	c := governed()
	begun, end := make(chan struct{}, maxReaders), make(chan struct{})
	c.Change = func(context.Context, string) ([]byte, error) {
		begun <- struct{}{}
		<-end
		return nil, nil
	}
	h := New(c).Handler()
	done := make(chan int, maxReaders)
	for range maxReaders {
		go func() { done <- ask(h, "GET", "/v1/changes/a").Code }()
	}
	for range maxReaders {
		<-begun
	}
	if w := ask(h, "GET", "/v1/changes"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one more: %d, want it sent away for now", w.Code)
	}
	if w := ask(h, "GET", "/healthz"); w.Code != http.StatusOK {
		t.Errorf("the probe: %d, want it answered all the same", w.Code)
	}
	close(end)
	for range maxReaders {
		if got := <-done; got != http.StatusOK {
			t.Errorf("those who were first: %d, want them answered", got)
		}
	}
}
