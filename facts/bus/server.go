package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// syncInterval is how much a power failure may take of what was
	// acknowledged; the server's own default is two minutes.
	syncInterval = time.Second

	// storeBytes is above what the bounds of the streams add up to, so that no
	// stream is refused for the sake of another.
	storeBytes = maxMaxBytes + intentMaxBytes + resultMaxBytes + paperMaxBytes + 1<<30

	// memoryBytes bounds memory streams, of which there are none.
	memoryBytes = 1 << 20

	// startWait is how long a started server may take to accept connections;
	// its recovery of the store is not part of it.
	startWait = 10 * time.Second

	// healEvery bounds how often the store is recovered while its disk is full:
	// each time a publisher waits for an answer in vain.
	healEvery = 5 * time.Second
)

// broker is a NATS server in this process that listens nowhere.
type broker struct {
	srv   *server.Server
	store string
	lock  *os.File
	log   *serverLog

	mu     sync.Mutex
	closed bool
	sick   bool      // it does not store what it is sent
	mended time.Time // when heal last tried to change that
}

// startBroker takes the store directory and starts a server on it.
func startBroker(c Config) (_ *broker, err error) {
	lock, err := lockStore(c.StoreDir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	srv, err := server.NewServer(&server.Options{
		ServerName:         "evenkeel",
		DontListen:         true,
		NoSigs:             true,
		NoLog:              true, // ours is set below
		JetStream:          true,
		StoreDir:           c.StoreDir,
		SyncInterval:       syncInterval,
		JetStreamMaxMemory: memoryBytes,
		JetStreamMaxStore:  storeBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	log := &serverLog{out: c.Logger}
	srv.SetLoggerV2(log, false, false, false)
	srv.Start() // returns when the store is recovered, for it listens nowhere
	if !srv.JetStreamEnabled() || !srv.ReadyForConnections(startWait) {
		srv.Shutdown()
		srv.WaitForShutdown()
		_, why := log.complaints()
		return nil, fmt.Errorf("embedded broker on store %s: %s: want a writable directory with an intact store", c.StoreDir, why)
	}
	return &broker{srv: srv, store: c.StoreDir, lock: lock, log: log}, nil
}

// unanswered tells the broker that it did not answer a message sent when it had
// complained before times. If it complained since, it is sick.
func (b *broker) unanswered(before int) {
	if n, _ := b.log.complaints(); n == before && b.srv.JetStreamEnabled() {
		return // slow, but not sick
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sick = true
}

// heal brings a sick broker back, if it is time to try, and reports whether it
// did something. A server whose disk was full once answers no publisher any
// more, whatever room there is later: only recovering the store helps. The
// error says why it is still sick.
func (b *broker) heal(now time.Time) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.sick || b.closed {
		return false, nil
	}
	if now.Sub(b.mended) < healEvery {
		return false, b.complaint()
	}
	b.mended = now
	if err := b.srv.ShutdownJetStream(); err != nil {
		return false, fmt.Errorf("store %s: %w", b.store, err)
	}
	err := b.srv.EnableJetStream(&server.JetStreamConfig{MaxMemory: memoryBytes, MaxStore: storeBytes,
		StoreDir: b.store, SyncInterval: syncInterval})
	if err != nil {
		return false, fmt.Errorf("store %s: %w", b.store, err)
	}
	b.sick = false
	return true, nil
}

func (b *broker) isSick() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sick
}

// complaint returns what the server said last, as an error.
func (b *broker) complaint() error {
	_, last := b.log.complaints()
	return fmt.Errorf("store %s: %s: want a disk with room that can be written", b.store, last)
}

// close stops the server, waits for it, and gives the store up.
func (b *broker) close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.srv.Shutdown()
	b.srv.WaitForShutdown()
	return b.lock.Close()
}

// lockStore creates dir when missing and takes the lock that one process at a
// time may hold. The server itself has none: two on one store destroy it.
func lockStore(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: %w: want a directory this process may write", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w: want a directory this process may write", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(
			fmt.Errorf("store %s: in use by another process (%w): want one evenkeel a data directory", dir, err), f.Close())
	}
	return f, nil
}

// serverLog hands the server's words to slog, and counts and keeps its
// complaints: the server has no other way to explain itself.
type serverLog struct {
	out *slog.Logger

	mu    sync.Mutex
	count int
	last  string
}

func (l *serverLog) log(level slog.Level, format string, v []any) {
	l.out.Log(context.Background(), level, "broker", "text", fmt.Sprintf(format, v...))
}

func (l *serverLog) complain(format string, v []any) {
	l.mu.Lock()
	l.count++
	l.last = fmt.Sprintf(format, v...)
	l.mu.Unlock()
	l.log(slog.LevelError, format, v)
}

// complaints returns how many there were, and the last.
func (l *serverLog) complaints() (int, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == 0 {
		return 0, "it did not say why"
	}
	return l.count, l.last
}

// The server's Logger interface.

func (l *serverLog) Noticef(format string, v ...any) { l.log(slog.LevelDebug, format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log(slog.LevelWarn, format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.complain(format, v) }
func (l *serverLog) Fatalf(format string, v ...any)  { l.complain(format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log(slog.LevelDebug, format, v) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log(slog.LevelDebug, format, v) }
