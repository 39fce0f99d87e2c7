package source

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serve runs a server of p for the rest of the test, and returns its address.
func serve(t *testing.T, p *Push, c PushListen) string {
	t.Helper()
	s, err := p.Listen(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: got error %v, want that of its context", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close after Run: %v", err)
		}
	})
	return s.Addr().String()
}

// send posts body and returns the status of the answer.
func send(t *testing.T, client *http.Client, url string, body []byte) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", typeProto)
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

func TestPushServer(t *testing.T) {
	p := newTestPush(t, nil)
	address := serve(t, p, PushListen{Address: "127.0.0.1:0"})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	now := time.Now().Truncate(time.Second)
	for i, requests := range []int{100, 110} {
		body := asProto(t, pushLines(t, now, float64(i), fmt.Sprint("m01 total requests ", requests)))
		if status := send(t, client, "http://"+address+"/v1/metrics", body); status != http.StatusOK {
			t.Errorf("push %d: got status %d, want 200", i, status)
		}
	}
	f, err := p.Read(t.Context(), now.Add(time.Second))
	if got, want := compact(t, f), "m01,requests,10"; got != want || err != nil {
		t.Errorf("Read: got %s, %v; want %s", got, err, want)
	}
}

// newCertificate writes a certificate for 127.0.0.1 and its key.
func newCertificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	roots = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(parsed)
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", private), roots
}

func TestPushServerWithCertificate(t *testing.T) {
	certFile, keyFile, roots := newCertificate(t)
	address := serve(t, newTestPush(t, nil), PushListen{Address: "127.0.0.1:0", CertFile: certFile, KeyFile: keyFile})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	if status := send(t, client, "https://"+address+"/v1/metrics", nil); status != http.StatusOK {
		t.Errorf("push over TLS: got status %d, want 200", status)
	}
	plain := &http.Client{Transport: &http.Transport{}}
	defer plain.CloseIdleConnections()
	if status := send(t, plain, "http://"+address+"/v1/metrics", nil); status != http.StatusBadRequest {
		t.Errorf("push in the clear to a port with TLS: got status %d, want 400", status)
	}
}

func TestPushListenRefuses(t *testing.T) {
	certFile, keyFile, _ := newCertificate(t)
	open := filepath.Join(t.TempDir(), "open.pem")
	if err := os.WriteFile(open, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		name   string
		listen PushListen
		want   string
	}{
		{"no port", PushListen{Address: "127.0.0.1"}, "want HOST:PORT, such as 127.0.0.1:4318"},
		{"all interfaces in the clear", PushListen{Address: ":4318"}, "tokens are not taken in the clear"},
		{"another host in the clear", PushListen{Address: "10.0.0.1:4318"}, "want a certificate and its key, or a loopback address"},
		{"a certificate without a key", PushListen{Address: "127.0.0.1:0", CertFile: certFile}, "want a certificate and its key, or neither"},
		{"a key that others may read", PushListen{Address: "127.0.0.1:0", CertFile: certFile, KeyFile: open}, "readable by others"},
		{"a key that is none", PushListen{Address: "127.0.0.1:0", CertFile: certFile, KeyFile: certFile}, "certificate: "},
		{"a certificate that is not there", PushListen{Address: "127.0.0.1:0", CertFile: certFile + "s", KeyFile: keyFile}, "no such file"},
		{"a port that is taken", PushListen{Address: taken.Addr().String()}, "address already in use"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := newTestPush(t, nil).Listen(t.Context(), tt.listen)
			if err == nil {
				t.Fatal(errors.Join(errors.New("Listen: got no error, want one"), s.Close()))
			}
			if want := "source: push web: listen on "; !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Listen: got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestPushServerSaysWhyItEnded(t *testing.T) {
	s, err := newTestPush(t, nil).Listen(t.Context(), PushListen{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run of a closed server: got error %v, want %v", err, net.ErrClosed)
	}
}

// pipes is a listener whose connections are pipes in memory.
type pipes struct {
	come   chan net.Conn
	closed chan struct{}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.come:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipes) Close() error   { close(l.closed); return nil }
func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestPushServerCutsOffWhoDawdles(t *testing.T) {
	head := "POST /v1/metrics HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + testToken + "\r\nContent-Type: application/json\r\n"
	for _, tt := range []struct {
		name, sent string
		after      time.Duration // the connection is closed
		answer     string
	}{
		{"nothing at all", "", headTime, ""},
		{"half a head", head[:50], headTime, ""},
		{"half a body", head + "Content-Length: 9\r\n\r\n{", bodyTime, "HTTP/1.1 400 Bad Request"},
		{"one request and no other", head + "Content-Length: 2\r\n\r\n{}", idleTime, "HTTP/1.1 200 OK"},
		{"no token", "POST / HTTP/1.1\r\nHost: h\r\n\r\n", 0, "HTTP/1.1 401 Unauthorized"},
		{"a head without end", head + "X: " + strings.Repeat("x", 2*pushHeadBytes) + "\r\n\r\n", 0, "HTTP/1.1 431 Request Header Fields Too Large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &pipes{make(chan net.Conn), make(chan struct{})}
				s := newPushServer(l, nil, newTestPush(t, nil))
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() { ended <- s.Run(ctx) }()
				ours, theirs := net.Pipe()
				l.come <- theirs
				before := time.Now()
				go io.WriteString(ours, tt.sent) //nolint:errcheck // what is too long is not read to its end
				answer, err := io.ReadAll(ours)
				if err != nil {
					t.Error(err)
				}
				// The server lingers for a moment when it has not read all.
				if waited := time.Since(before); waited < tt.after || waited > tt.after+time.Second {
					t.Errorf("the connection was closed after %v, want %v", waited, tt.after)
				}
				if got, _, _ := strings.Cut(string(answer), "\r\n"); got != tt.answer {
					t.Errorf("answer: got %q, want %q", got, tt.answer)
				}
				if err := ours.Close(); err != nil {
					t.Error(err)
				}
				cancel()
				<-ended
			})
		})
	}
}

func TestFewConns(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &fewConns{Listener: inner, places: make(chan struct{}, 1), closed: make(chan struct{})}
	dial := func() net.Conn {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first, second := dial(), dial()
	defer first.Close()
	defer second.Close()
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		accepted <- c
	}()
	select {
	case <-accepted:
		t.Error("a second connection was accepted, want one at a time")
	default:
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b := <-accepted
	refused := make(chan error)
	go func() {
		_, err := l.Accept()
		refused <- err
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-refused; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of a closed listener: got error %v, want %v", err, net.ErrClosed)
	}
	if err := errors.Join(b.Close()); err != nil {
		t.Error(err)
	}
	if len(l.places) != 0 {
		t.Errorf("%d places are taken when all connections are closed, want none", len(l.places))
	}
}
