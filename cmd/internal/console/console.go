package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Bounds on what the console spends on those who ask.
const (
	maxRequests    = 32               // at a time; a person, a probe and a scraper need three
	maxHeaderBytes = 8 << 10          // ours are empty, a browser's cookies for localhost may be not
	requestTime    = 5 * time.Second  // to send a request, and to take the answer
	idleTime       = 30 * time.Second // between two requests of one connection; longer than usual scrape intervals
	shutdownTime   = 2 * time.Second  // for answers under way when the process ends
)

// Config is where the console looks. The first three functions are required, are
// called concurrently and must return at once.
type Config struct {
	Healthy func() error    // nil while the loop runs
	Ready   func() Report   // the standing of each part
	Metrics func() []Metric // in the order in which they are to be shown

	// Papers takes an archive of papers that people signed, of at most MaxPapers
	// bytes, one at a time; nil: the console takes none. It returns what is
	// answered, as JSON, and whether something in it was refused; an error says
	// that nothing could be recorded. It may take its time.
	Papers    func(ctx context.Context, archive []byte) (answer any, refused bool, err error)
	MaxPapers int64

	// Changes returns how things stand with the rules, as JSON; Change the papers
	// of one change with what they are about, as a zip archive, and Base the people
	// register in force and the files that it would replace, likewise. They are not nil if Papers is not, and
	// may take their time. What an error says stays here, but for [ErrUnknown].
	Changes      func(ctx context.Context) (any, error)
	Change, Base ChangeReader
}

// ChangeReader reads an archive about the change that id names: the beginning
// of a digest, as it was asked for. An error that wraps [ErrUnknown] says that
// there is none, and is told to whoever asked.
type ChangeReader func(ctx context.Context, id string) (archive []byte, err error)

// Report is the answer of /readyz.
type Report struct {
	Checks []Check
	Notes  []string
}

// Check is the standing of one part.
type Check struct {
	Part   string `json:"part"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Ready reports whether every check holds.
func (r Report) Ready() bool {
	for _, c := range r.Checks {
		if !c.OK {
			return false
		}
	}
	return true
}

// Console answers HTTP. It is safe for concurrent use.
type Console struct {
	config Config
	slots  chan struct{} // one for each request under way
	papers chan struct{} // the one request that brings papers

	readers chan struct{} // one for each request that is answered with papers
}

// New returns a console that looks where c says.
func New(c Config) *Console {
	return &Console{config: c, slots: make(chan struct{}, maxRequests), papers: make(chan struct{}, 1), readers: make(chan struct{}, maxReaders)}
}

// Serve answers on l, which it closes, until ctx ends; then it returns nil. It
// returns an error when l fails.
func (c *Console) Serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{
		Handler:           c.Handler(),
		ReadHeaderTimeout: requestTime,
		ReadTimeout:       requestTime,
		WriteTimeout:      requestTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := s.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.Close() // whoever is still reading has had their time
	}
	<-ended
	return err
}

// Handler returns the pages, for a server of the caller's own.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", c.healthz)
	mux.HandleFunc("GET /readyz", c.readyz)
	mux.HandleFunc("GET /metrics", c.metrics)
	if c.config.Papers != nil {
		mux.HandleFunc("POST /v1/papers", c.takePapers)
		mux.HandleFunc("GET /v1/changes", c.reader(c.changes))
		mux.HandleFunc("GET /v1/changes/{id}", c.reader(c.archive(c.config.Change)))
		mux.HandleFunc("GET /v1/changes/{id}/base", c.reader(c.archive(c.config.Base)))
	}
	return c.guarded(mux)
}

// guarded bounds and secures every answer, errors included.
func (c *Console) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		if !addressedToLoopback(r.Host) {
			http.Error(w, "asked for another host than localhost", http.StatusMisdirectedRequest)
			return
		}
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		default:
			h.Set("Retry-After", "1")
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// addressedToLoopback reports whether host, of a request, names this host.
func addressedToLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func (c *Console) healthz(w http.ResponseWriter, _ *http.Request) {
	if err := c.config.Healthy(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "ok\n") //nolint:errcheck // the asker is gone: nobody to tell
}

func (c *Console) readyz(w http.ResponseWriter, _ *http.Request) {
	r := c.config.Ready()
	body, err := json.Marshal(struct {
		Ready  bool     `json:"ready"`
		Checks []Check  `json:"checks"`
		Notes  []string `json:"notes"`
	}{r.Ready(), r.Checks, r.Notes})
	if err != nil {
		http.Error(w, "the report has no encoding", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if !r.Ready() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	w.Write(append(body, '\n')) //nolint:errcheck // the asker is gone: nobody to tell
}

func (c *Console) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(appendMetrics(nil, c.config.Metrics())) //nolint:errcheck // the asker is gone: nobody to tell
}
