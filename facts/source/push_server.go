package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Bounds on the connections of a [PushServer].
const (
	// maxPushConns is one for each member of the largest group.
	maxPushConns = facts.MaxMembers
	// Times until a sender that dawdles is cut off: for the head of a request,
	// all of it, and its answer, which comes at the latest when its place and
	// those before it are free.
	headTime   = 5 * time.Second
	bodyTime   = 10 * time.Second
	answerTime = bodyTime + 5*time.Second
	// idleTime is two of the longest usual periods of an exporter.
	idleTime = 2 * time.Minute
	// pushHeadBytes bounds the head of a request, which has a few hundred bytes.
	pushHeadBytes = 16 << 10
	// pushGrace is how long requests under way may take at the end.
	pushGrace = 2 * time.Second
)

// PushListen tells where pushes are taken.
type PushListen struct {
	Address string // HOST:PORT; anywhere but on loopback only with a certificate

	CertFile, KeyFile string // PEM; both or neither
}

// PushServer is an open port for a [Push].
type PushServer struct {
	listener net.Listener
	server   *http.Server
}

// Listen opens the port. Nothing is answered before [PushServer.Run], and who
// does not call that closes it.
func (p *Push) Listen(ctx context.Context, c PushListen) (*PushServer, error) {
	s, err := p.listen(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("source: push %s: listen on %s: %w", p.config.Group, c.Address, err)
	}
	return s, nil
}

func (p *Push) listen(ctx context.Context, c PushListen) (*PushServer, error) {
	host, _, err := net.SplitHostPort(c.Address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("want HOST:PORT, such as 127.0.0.1:4318: %w", err)
	case (c.CertFile == "") != (c.KeyFile == ""):
		return nil, errors.New("want a certificate and its key, or neither")
	case c.CertFile == "" && !loopback(host):
		return nil, errors.New("want a certificate and its key, or a loopback address: tokens are not taken in the clear")
	}
	var secure *tls.Config
	if c.CertFile != "" {
		if err := ownFile(c.KeyFile); err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		secure = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", c.Address)
	if err != nil {
		return nil, err
	}
	return newPushServer(ln, secure, p), nil
}

// newPushServer returns a server of what comes to ln, which is its own; secure
// may be nil.
func newPushServer(ln net.Listener, secure *tls.Config, p *Push) *PushServer {
	ln = &fewConns{Listener: ln, places: make(chan struct{}, maxPushConns), closed: make(chan struct{})}
	if secure != nil {
		ln = tls.NewListener(ln, secure)
	}
	one := new(http.Protocols)
	one.SetHTTP1(true) // one request at a time on each connection
	return &PushServer{ln, &http.Server{Handler: p, Protocols: one, MaxHeaderBytes: pushHeadBytes,
		ReadHeaderTimeout: headTime, ReadTimeout: bodyTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		ErrorLog: log.New(io.Discard, "", 0)}}
}

// Addr returns where the server listens.
func (s *PushServer) Addr() net.Addr { return s.listener.Addr() }

// Run answers until ctx ends, then finishes what is under way, and says why it
// ended.
func (s *PushServer) Run(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.server.Serve(s.listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("source: push on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushGrace)
	defer cancel()
	err := s.server.Shutdown(grace)
	if err != nil {
		err = errors.Join(err, s.server.Close())
	}
	<-ended
	return errors.Join(fmt.Errorf("source: push on %s: %w", s.Addr(), ctx.Err()), err)
}

// Close closes the port. It is for a server that does not run.
func (s *PushServer) Close() error {
	if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// fewConns is a listener that accepts no more connections while all places
// are taken.
type fewConns struct {
	net.Listener
	places chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (l *fewConns) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &placedConn{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

func (l *fewConns) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// placedConn gives its place back when it is closed.
type placedConn struct {
	net.Conn
	leave func()
}

func (c *placedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
