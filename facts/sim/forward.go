package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"
)

// forward passes a client's request to a server and the answer back.
func (b *Builtin) forward(w http.ResponseWriter, r *http.Request) {
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	refused := map[*server]bool{}
	for {
		s := b.assign(refused)
		if s == nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if b.attempt(s, w, r) {
			return
		}
		refused[s] = true // nothing was sent: another server may have it
	}
}

// attempt lets s answer r, and reports false when s refused the connection.
func (b *Builtin) attempt(s *server, w http.ResponseWriter, r *http.Request) bool {
	begun := time.Now()
	var connect time.Duration
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connect = time.Since(begun) }}
	out := r.Clone(httptrace.WithClientTrace(r.Context(), trace))
	out.URL.Scheme, out.URL.Host, out.RequestURI = "http", s.address, ""
	if r.ContentLength == 0 {
		out.Body = nil // else the transport takes its length for unknown
	}
	resp, err := b.transport.RoundTrip(out)
	if err != nil {
		return b.unanswered(s, w, r, err)
	}
	response := time.Since(begun)
	n, readErr := reply(w, resp)
	b.change(func() {
		s.current--
		s.bytesIn += requestBytes(r)
		s.bytesOut += headerBytes(resp.Header) + uint64(n)
		s.answers[statusClass(resp.StatusCode)]++
		s.connectMs.add(ms(connect))
		s.responseMs.add(ms(response - connect))
		s.totalMs.add(ms(time.Since(begun)))
		switch {
		case readErr == nil:
		case r.Context().Err() != nil:
			s.clientAborts++
		default:
			s.serverAborts++
		}
	})
	return true
}

// unanswered settles an attempt that brought no answer.
func (b *Builtin) unanswered(s *server, w http.ResponseWriter, r *http.Request, err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.current--
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" && r.Context().Err() == nil {
		s.redispatched++
		return false
	}
	s.bytesIn += requestBytes(r)
	if r.Context().Err() != nil {
		s.clientAborts++
		return true
	}
	s.eresp++ // an answer of our own counts as none of the server's
	status := http.StatusBadGateway
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		status = http.StatusGatewayTimeout
	}
	w.WriteHeader(status)
	return true
}

// reply copies the answer to the client and returns the bytes of its body. The
// error is that of reading it, or of writing to a client that went away.
func reply(w http.ResponseWriter, resp *http.Response) (int64, error) {
	defer func() { _ = resp.Body.Close() }() // read to its end, or not wanted
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.StatusCode)
	return io.Copy(w, resp.Body)
}

// statusClass returns the first digit of a status, 0 for one that has no class.
func statusClass(status int) int {
	if c := status / 100; c >= 1 && c <= 5 {
		return c
	}
	return 0
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// requestBytes and headerBytes estimate what went over the wire: net/http does
// not say. They are the same for all members, which is what counts.
func requestBytes(r *http.Request) uint64 {
	return uint64(len(r.Method)+len(r.RequestURI)+len(" HTTP/1.1\r\n")) + headerBytes(r.Header) + uint64(max(r.ContentLength, 0))
}

func headerBytes(h http.Header) uint64 {
	n := 2
	for k, vs := range h {
		for _, v := range vs {
			n += len(k) + len(v) + len(": \r\n")
		}
	}
	return uint64(n)
}

// check asks a server for its health every checkEvery until ctx ends, and takes
// it out and back as HAProxy's fall and rise do.
func (b *Builtin) check(ctx context.Context, s *server) {
	for sleep(ctx, checkEvery) {
		err := b.checkOnce(ctx, s)
		if ctx.Err() != nil {
			return
		}
		b.change(func() { s.checked(err == nil, time.Now()) })
	}
}

func (b *Builtin) checkOnce(ctx context.Context, s *server) error {
	limited, cancel := context.WithTimeout(ctx, checkEvery)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodGet, "http://"+s.address+"/health", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := b.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // empty
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// checked takes in the result of one check: after checkFall bad ones in a row
// the server is down, after checkRise good ones up; any change of mind on the
// way starts the count again. In maintenance no check counts.
func (s *server) checked(good bool, now time.Time) {
	if s.admin == adminMaint {
		return
	}
	switch {
	case good && s.up:
		s.health = bestHealth
	case good:
		if s.health++; s.health >= checkRise {
			s.up, s.health, s.since = true, bestHealth, now
		}
	case s.up:
		s.checksFailed++
		if s.health--; s.health < checkRise {
			s.up, s.health, s.since = false, 0, now
		}
	default:
		s.checksFailed++
		s.health = 0
	}
}
