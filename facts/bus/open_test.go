package bus

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/evenkeel/evenkeel/facts"
)

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		c    Config
		want string
	}{
		{"no environment", Config{StoreDir: dir}, "env name"},
		{"no broker", Config{Env: "a"}, "want one of them"},
		{"two brokers", Config{Env: "a", StoreDir: dir, URL: "nats://h:1"}, "want one of them"},
		{"credentials for the embedded broker", Config{Env: "a", StoreDir: dir, CredsFile: "x"}, "external broker only"},
		{"a certificate without a key", Config{Env: "a", URL: "tls://h:1", CertFile: "x"}, "want both or none"},
		{"too little room", Config{Env: "a", StoreDir: dir, MaxBytes: 1000}, "want 1048576 to"},
		{"negative room", Config{Env: "a", StoreDir: dir, MaxBytes: -1}, "want 1048576 to"},
		{"too short an age", Config{Env: "a", StoreDir: dir, MaxAge: time.Second}, "want 2m0s or more"},
		{"no facts of a subject", Config{Env: "a", StoreDir: dir, MaxPerSubject: -1}, "want 1 or more"},
		{"a url of something else", Config{Env: "a", URL: "http://h:1"}, "want nats://host:port"},
		{"a url without a host", Config{Env: "a", URL: "nats://"}, "want nats://host:port"},
		{"a url that is none", Config{Env: "a", URL: "nats://me:secret@h:port"}, "is not a url"},
		{"the second url is bad", Config{Env: "a", URL: "nats://h:1,h2"}, `url "h2"`},
		{"a store below a file", Config{Env: "a", StoreDir: filepath.Join(file, "store")}, "not a directory"},
		{"a store that is a file", Config{Env: "a", StoreDir: file}, "not a directory"},
		{"credentials that are missing", Config{Env: "a", URL: "nats://127.0.0.1:1", CredsFile: filepath.Join(dir, "no")}, "no such file"},
		{"authorities that are missing", Config{Env: "a", URL: "tls://127.0.0.1:1", CAFile: filepath.Join(dir, "no")}, "no such file"},
		{"authorities that are none", Config{Env: "a", URL: "tls://127.0.0.1:1", CAFile: file}, "certificate"},
		{"a certificate that is missing", Config{Env: "a", URL: "tls://127.0.0.1:1", CertFile: "no", KeyFile: "no"}, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Open(t.Context(), tt.c)
			if err == nil {
				t.Fatal(errors.Join(errors.New("Open succeeded"), b.Close()))
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "bus: open") {
				t.Errorf("Open = %v, want %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("Open = %v, which tells the password", err)
			}
		})
	}
}

func TestBrokerOutOfReachIsToldAtOpen(t *testing.T) {
	_, err := Open(t.Context(), Config{Env: "fra1", URL: "nats://me:secret@127.0.0.1:" + freePort(t)})
	if !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("Open = %v, want %v without the password", err, ErrUnreachable)
	}
	plain := listen(t, func(o *server.Options) { o.JetStream = false })
	if _, err := Open(t.Context(), Config{Env: "fra1", URL: plain.ClientURL()}); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "want a NATS server with JetStream") {
		t.Errorf("Open of a server without JetStream = %v, want %v that says so", err, ErrUnreachable)
	}
	small := listen(t, func(o *server.Options) { o.MaxPayload = 4096 })
	if _, err := Open(t.Context(), Config{Env: "fra1", URL: small.ClientURL()}); !errors.Is(err, ErrSettings) {
		t.Errorf("Open of a server with max_payload 4096 = %v, want %v", err, ErrSettings)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, Config{Env: "fra1", StoreDir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with an ended context = %v, want %v", err, context.Canceled)
	}
}

func TestSmallestBoundsWork(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		c.MaxBytes, c.MaxAge, c.MaxPerSubject = minMaxBytes, dedupWindow, 1
		b := open(t, c)
		if err := b.Publish(t.Context(), bigFact(0)); err != nil {
			t.Error(err)
		}
	})
}

func TestExternalBrokerWithAPassword(t *testing.T) {
	s := listen(t, func(o *server.Options) { o.Username, o.Password = "me", "secret" })
	b := open(t, Config{URL: "nats://me:secret@" + s.Addr().String()})
	if err := b.Publish(t.Context(), fact(0)); err != nil {
		t.Error(err)
	}
	_, err := Open(t.Context(), Config{Env: "fra1", URL: "nats://me:secrets@" + s.Addr().String()})
	if !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("Open with another password = %v, want %v without it", err, ErrUnreachable)
	}
}

func TestStoreBelongsToOneBusAtATime(t *testing.T) {
	c := Config{Env: "fra1", StoreDir: filepath.Join(t.TempDir(), "made", "on", "the", "way")}
	first := open(t, c)
	if _, err := Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("second Open = %v, want an error that says why", err)
	}
	if err := first.Publish(t.Context(), fact(0)); err != nil {
		t.Errorf("Publish over the first = %v, want nil", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if seq, err := open(t, c).LastSeq(t.Context()); err != nil || seq != 1 {
		t.Errorf("LastSeq after the first has closed = %d, %v, want 1", seq, err)
	}
}

func TestClosedBusSaysSo(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		in := consume(t, b, nil)
		if err := errors.Join(b.Close(), b.Close()); err != nil {
			t.Fatal(err)
		}
		if err := in.end(t); !errors.Is(err, ErrClosed) {
			t.Errorf("running Consume = %v, want %v", err, ErrClosed)
		}
		for what, err := range map[string]error{
			"Publish": b.Publish(t.Context(), fact(0)),
			"Beat":    b.Beat(t.Context(), "engine", "a", nil),
			"Consume": b.Consume(t.Context(), "engine", nil),
		} {
			if !errors.Is(err, ErrClosed) {
				t.Errorf("%s = %v, want %v", what, err, ErrClosed)
			}
		}
		if _, err := b.LastSeq(t.Context()); err == nil {
			t.Error("LastSeq = nil error, want one")
		}
		if s := b.Stats(); s.Connected || s.Consuming != 0 {
			t.Errorf("Stats = %+v, want not connected, not consuming", s)
		}
	})
}

func TestCloseLetsTheHandlerFinishAndAcknowledges(t *testing.T) {
	onBoth(t, func(t *testing.T, c Config) {
		b := open(t, c)
		entered := make(chan struct{})
		in := consume(t, b, func(ctx context.Context, _ facts.Fact, _ string) error {
			close(entered)
			<-ctx.Done() // the bus is closing, and this fact is recorded all the same
			return nil
		})
		if err := b.Publish(t.Context(), fact(0)); err != nil {
			t.Fatal(err)
		}
		<-entered
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if err := in.end(t); !errors.Is(err, ErrClosed) || b.Stats().Handled != 1 || b.Stats().Unsettled != 0 {
			t.Errorf("Consume = %v, Stats = %+v, want %v with one fact handled", err, b.Stats(), ErrClosed)
		}
	})
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	alive := func() (n int, stacks string) {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		return strings.Count(stacks, "nats-io/") + strings.Count(stacks, "facts/bus.("), stacks
	}
	before, _ := alive()
	for range 3 {
		b := open(t, Config{StoreDir: t.TempDir()})
		in := consume(t, b, nil)
		if err := b.Publish(t.Context(), fact(0)); err != nil {
			t.Fatal(err)
		}
		wait(t, "the fact", func() bool { return b.Stats().Handled == 1 })
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		in.end(t)
	}
	deadline := time.After(patience)
	for n, stacks := alive(); n > before; n, stacks = alive() {
		select {
		case <-deadline:
			t.Fatalf("%d frames of goroutines are left, %d before:\n%s", n, before, stacks)
		default:
			runtime.Gosched()
		}
	}
}

func TestBrokerSpeaksThroughTheLogger(t *testing.T) {
	var out bytes.Buffer
	l := &serverLog{out: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if n, last := l.complaints(); n != 0 || last == "" {
		t.Errorf("complaints = %d, %q, want none and a word about it", n, last)
	}
	l.Noticef("notice %d", 1)
	l.Debugf("debug %d", 2)
	l.Tracef("trace %d", 3)
	l.Warnf("warning %d", 4)
	l.Errorf("error %d", 5)
	l.Fatalf("fatal %d", 6)
	for _, want := range []string{`DEBUG msg=broker text="notice 1"`, `DEBUG msg=broker text="debug 2"`, `DEBUG msg=broker text="trace 3"`,
		`WARN msg=broker text="warning 4"`, `ERROR msg=broker text="error 5"`, `ERROR msg=broker text="fatal 6"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("log %q, want %s", out.String(), want)
		}
	}
	if n, last := l.complaints(); n != 2 || last != "fatal 6" {
		t.Errorf("complaints = %d, %q, want 2 and the last", n, last)
	}
}

// certificate writes a self-signed certificate of 127.0.0.1 and its key.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestExternalBrokerOverTLS(t *testing.T) {
	cert, key := certificate(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(pair.Leaf)
	s := listen(t, func(o *server.Options) {
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
			MinVersion: tls.VersionTLS12}
		o.TLSTimeout = patience.Seconds()
	})
	url := "tls://" + s.Addr().String()
	b := open(t, Config{URL: url, CAFile: cert, CertFile: cert, KeyFile: key})
	if err := b.Publish(t.Context(), fact(0)); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]Config{
		"without the authority":       {Env: "fra1", URL: url, CertFile: cert, KeyFile: key},
		"without a certificate":       {Env: "fra1", URL: url, CAFile: cert},
		"with the scheme of no TLS":   {Env: "fra1", URL: "nats://" + s.Addr().String()},
		"to a name it does not carry": {Env: "fra1", URL: strings.Replace(url, "127.0.0.1", "localhost", 1), CAFile: cert, CertFile: cert, KeyFile: key},
	} {
		if _, err := Open(t.Context(), c); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: Open = %v, want %v", name, err, ErrUnreachable)
		}
	}
}
