package sim

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRestartBeginsANewLife restarts a member and asks for its first work after
// that. A sleep never ends early, so that a request takes at least what it is
// meant to take, on any machine: that of a cold member at the age it had at most.
func TestRestartBeginsANewLife(t *testing.T) {
	t.Parallel()
	p, err := NewPool(PoolConfig{Members: 1, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	url := "http://" + p.Servers()[0].Address
	first := newProcess(p.members[0], false).admit().service // of the first request of a life
	if _, body := post(t, url); checkBody(body) != nil {
		t.Fatal("no whole body from a member that is well")
	}
	if page := page(url); !strings.Contains(page, "\nbe_requests_total 1\n") {
		t.Fatalf("after one request: page %q", page)
	}

	asked := time.Now()
	if err := p.Begin("m01", Fault{Kind: Restart}); err != nil {
		t.Fatal(err)
	}
	const limit = 2 * time.Minute // for what takes RestartGap
	for !strings.Contains(page(url), "\nbe_requests_total 0\n") {
		if time.Since(asked) > limit {
			t.Fatalf("no member that counts from 0 within %v", limit)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if gone := time.Since(asked); gone < RestartGap {
		t.Errorf("back after %v, want it gone for %v", gone, RestartGap)
	}
	took, body := post(t, url)
	if err := checkBody(body); err != nil {
		t.Errorf("after the restart: %v, want a whole body", err)
	}
	born := asked.Add(RestartGap) // or later
	age := min(time.Since(born), ColdStart)
	if least := scale(first, coldFactor-(coldFactor-1)*float64(age)/float64(ColdStart)); took < least {
		t.Errorf("the first request after the restart took %v, want the %v of a member that is %v old, or more", took, least, age)
	}
}

// post asks for work and returns how long the answer took, and its body.
func post(t *testing.T, url string) (time.Duration, []byte) {
	t.Helper()
	begun := time.Now()
	resp, err := http.Post(url, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return time.Since(begun), body
}

// page returns the member's metrics, and nothing while it does not answer.
func page(url string) string {
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return string(body)
}
