package console

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPapers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		media  string
		body   string
		answer any
		no     bool
		err    error
		status int
		want   string
	}{
		{"what was taken is answered", "application/zip", "a", []string{"taken"}, false, nil, 200, "[\"taken\"]\n"},
		{"what was refused is answered too", "application/zip; x=y", "a", []string{"refused"}, true, nil, 422, "[\"refused\"]\n"},
		{"what cannot be recorded is to be offered again, and why is nobody's", "application/zip", "a", nil, false, errors.New("/var/lib: disk full"), 503, "nothing could be recorded: offer them again\n"},
		{"what is too large is not read", "application/zip", strings.Repeat("a", 11), nil, false, nil, 413, "too large\n"},
		{"a form of another site is not read", "multipart/form-data", "a", nil, false, nil, 415, "want application/zip\n"},
		{"nor is what says nothing of itself", "", "a", nil, false, nil, 415, "want application/zip\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := fine()
			c.MaxPapers = 10
			c.Papers = func(_ context.Context, archive []byte) (any, bool, error) {
				if string(archive) != tt.body {
					t.Errorf("handed on %q, want %q", archive, tt.body)
				}
				return tt.answer, tt.no, tt.err
			}
			w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "http://127.0.0.1/v1/papers", bytes.NewBufferString(tt.body))
			r.Header.Set("Content-Type", tt.media)
			New(c).Handler().ServeHTTP(w, r)
			if w.Code != tt.status || w.Body.String() != tt.want {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, tt.status, tt.want)
			}
		})
	}
}

func TestPapersAreTakenOneAtATime(t *testing.T) {
	c := fine()
	begun, end := make(chan struct{}), make(chan struct{})
	c.MaxPapers = 10
	c.Papers = func(context.Context, []byte) (any, bool, error) {
		close(begun)
		<-end
		return nil, false, nil
	}
	h := New(c).Handler()
	post := func() int {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "http://127.0.0.1/v1/papers", bytes.NewBufferString("a"))
		r.Header.Set("Content-Type", "application/zip")
		h.ServeHTTP(w, r)
		return w.Code
	}
	first := make(chan int, 1)
	go func() { first <- post() }()
	<-begun
	if second := post(); second != http.StatusServiceUnavailable {
		t.Errorf("the second: %d, want it sent away for now", second)
	}
	close(end)
	if got := <-first; got != http.StatusOK {
		t.Errorf("the first: %d, want it taken", got)
	}
}
