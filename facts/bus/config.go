package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts"
)

// Defaults and bounds of [Config].
const (
	// DefaultMaxBytes holds about a million facts of 1 KiB.
	DefaultMaxBytes = 1 << 30

	// DefaultMaxAge is far longer than a fact may be believed and than an engine
	// is away: the stream is transport, and the log keeps what was heard. Kept
	// longer, a few standing alarms would fill it and shut the next one out.
	DefaultMaxAge = time.Hour

	// DefaultMaxPerSubject lets one alarm of a group be repeated every second
	// for far longer than DefaultMaxAge, while one detector gone
	// mad cannot take the room of all others.
	DefaultMaxPerSubject = 1 << 20

	// minMaxBytes leaves room for a few facts of the largest size.
	minMaxBytes = 1 << 20

	// maxMaxBytes is far above any use and far below overflow when the bounds
	// of the streams are added up.
	maxMaxBytes = 1 << 40
)

// Config says which broker to use and how much it may keep. The zero value of
// a field is its default; Env and one of StoreDir and URL are required.
type Config struct {
	// Env is the environment; only its facts are published and consumed.
	Env string

	// StoreDir is the embedded broker's own directory, created with mode 0700
	// when missing. Used when URL is empty.
	StoreDir string

	// URL is an external broker: "nats://host:port" or "tls://host:port",
	// several separated by commas. Empty: the broker is embedded.
	URL string

	// CredsFile is a NATS credentials file (JWT and NKEY seed) for URL.
	CredsFile string

	// CAFile, CertFile and KeyFile are PEM files for TLS to URL: who may have
	// signed the broker's certificate (default: the system's roots), and this
	// client's own certificate and key, which go together.
	CAFile, CertFile, KeyFile string

	// MaxBytes bounds EK_FACTS on disk, 1 MiB to 1 TiB; default 1 GiB.
	// EK_INTENT and EK_RESULT have small fixed bounds of their own.
	MaxBytes int64

	// MaxAge bounds how long a fact is kept, 2 minutes or more; default an hour.
	MaxAge time.Duration

	// MaxPerSubject bounds the facts kept of one detector, group and kind;
	// default 1,048,576.
	MaxPerSubject int64

	// Backlog makes a durable that is consumed for the first time start with
	// the oldest fact kept. By default it starts with the next one published:
	// what was seen before anyone listened is not acted on. The same holds for
	// a durable that the broker has lost.
	Backlog bool

	// Logger receives what the broker and the connection have to say; nil is
	// silence. Their notices are logged at debug level.
	Logger *slog.Logger

	// OnRefused is told of each message on a fact subject that is not a fact,
	// from the goroutine of Consume. The message is dropped only after it
	// returned nil; an error delays and repeats it, as with a handler.
	OnRefused func(context.Context, Refusal) error

	// OnState is told when the connection to the broker is lost (with the
	// cause, which may be nil) and when it is back. It is not told of Close. It
	// is called from one goroutine, and must neither block nor call Close.
	OnState func(connected bool, cause error)
}

// Refusal describes a message that was refused. Its content is not kept: it is
// somebody else's bytes.
type Refusal struct {
	Subject string // as received
	ID      string // what the header ce-id claims, at most 128 bytes of it
	Digest  string // sha256:… of the body
	Bytes   int    // length of the body
	Seq     uint64 // sequence in EK_FACTS
	Err     error  // what is wrong
}

func (c Config) withDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.MaxAge == 0 {
		c.MaxAge = DefaultMaxAge
	}
	if c.MaxPerSubject == 0 {
		c.MaxPerSubject = DefaultMaxPerSubject
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.OnRefused == nil {
		c.OnRefused = func(context.Context, Refusal) error { return nil }
	}
	if c.OnState == nil {
		c.OnState = func(bool, error) {}
	}
	return c
}

func (c Config) check() error {
	if err := facts.CheckName("env", c.Env); err != nil {
		return err
	}
	if (c.URL == "") == (c.StoreDir == "") {
		return fmt.Errorf("store directory %q and url %q: want one of them", c.StoreDir, redact(c.URL))
	}
	if c.URL == "" && c.CredsFile+c.CAFile+c.CertFile+c.KeyFile != "" {
		return errors.New("credentials or certificates without a url: want them for an external broker only")
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return fmt.Errorf("certificate file %q and key file %q: want both or none", c.CertFile, c.KeyFile)
	}
	if c.MaxBytes < minMaxBytes || c.MaxBytes > maxMaxBytes {
		return fmt.Errorf("max bytes %d, want %d to %d", c.MaxBytes, minMaxBytes, int64(maxMaxBytes))
	}
	if c.MaxAge < dedupWindow {
		return fmt.Errorf("max age %s, want %s or more", c.MaxAge, dedupWindow)
	}
	if c.MaxPerSubject < 1 {
		return fmt.Errorf("max per subject %d, want 1 or more", c.MaxPerSubject)
	}
	return checkURLs(c.URL)
}

func checkURLs(list string) error {
	if list == "" {
		return nil
	}
	for _, s := range strings.Split(list, ",") {
		u, err := url.Parse(s)
		if err != nil { // its text would repeat a password
			return fmt.Errorf("url %q is not a url, want one like nats://broker:4222", redact(s))
		}
		if (u.Scheme != "nats" && u.Scheme != "tls") || u.Host == "" {
			return fmt.Errorf("url %q, want nats://host:port or tls://host:port", redact(s))
		}
	}
	return nil
}

// redact returns a list of URLs without the passwords in them.
func redact(list string) string {
	urls := strings.Split(list, ",")
	for i, s := range urls {
		u, err := url.Parse(s)
		switch {
		case err == nil:
			urls[i] = u.Redacted()
		case strings.Contains(s, "@"):
			urls[i] = "…" + s[strings.LastIndex(s, "@"):]
		}
	}
	return strings.Join(urls, ",")
}
