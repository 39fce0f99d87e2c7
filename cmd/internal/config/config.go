package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Bounds on a file.
const (
	MaxBytes   = 1 << 20 // 1,000 groups, the plan for one process, need about 300 KiB
	MaxGroups  = 1000    // what one process is planned for
	MaxMembers = 16384   // members of a group, as a frame holds them
	MaxMetrics = 256     // metrics of a member, as a frame holds them
	MaxErrors  = 20      // a screen; more complaints than that follow from the first
)

// Config is a checked evenkeel.yaml.
type Config struct {
	Env     string
	Data    string // absolute path
	Trust   string // "sha256:…" or empty
	NATS    NATS
	Console Console
	Groups  []Group // sorted by name
	Digest  string  // "sha256:…" of the file's bytes
}

// NATS is the broker that carries facts.
type NATS struct {
	URL   string // empty: embedded
	Creds string // file; empty: none
	TLS   TLS
}

// TLS names the files that secure a connection.
type TLS struct {
	CA, Cert, Key string // empty: the system's authorities; no certificate of our own
}

// Console is where the process answers HTTP.
type Console struct {
	Listen string // HOST:PORT on loopback
}

// Mode says how far a group may go.
type Mode string

// The modes, from the most careful on.
const (
	Observe Mode = "observe" // facts and decisions are recorded, nothing is proposed to anybody
	Suggest Mode = "suggest" // what would be done is shown
	Act     Mode = "act"     // it is done, within the pack's limits
)

// Group is one watched group.
type Group struct {
	Name        string
	HAProxy     *HAProxy    // source; nil: none
	Prometheus  *Prometheus // source; nil: none; with HAProxy: joined
	PromQL      *PromQL     // source; nil: none; with the others: joined
	OTLP        *OTLP       // source; nil: none; with the others: joined
	Tick        time.Duration
	Epoch       time.Duration
	FalseAlarms time.Duration // mean time between two false alarms that is declared acceptable
	Warmup      time.Duration // 0: the default of the plan
	Margin      float64       // 0: none
	Backfill    time.Duration // how much of the past is learnt from at the start; 0: nothing
	Mode        Mode

	Features     []Feature         // in the order of the file
	DeclaredOnly bool              // no other features
	Ignore       []string          // metrics
	Cohorts      map[string]string // member → cohort; nil: none

	Executor *HAProxy // nil: none
	Pack     string   // absolute path of a directory

	packAt Error // where Pack is in the file
}

// PackError returns a complaint about the group's pack, with the place where
// the file names it.
func (g *Group) PackError(cause error) error {
	e := g.packAt
	e.Text += ": " + cause.Error()
	return Errors{e}
}

// HAProxy is a backend behind a stats socket.
type HAProxy struct {
	Address string // "unix:/path" or "tcp:host:port"
	Backend string
}

// Prometheus is a set of members that expose their metrics themselves.
type Prometheus struct {
	Members map[string]string // member → URL
	Metrics map[string]string // exposition name → metric name in the frame; empty: the source's own list
}

// PromQL is a Prometheus server that is asked by query.
type PromQL struct {
	URL     string
	Member  string            // label; empty: the source's own
	Queries map[string]string // metric name in the frame → expression
	Delay   time.Duration
	Timeout time.Duration // 0: the source's own

	BearerTokenFile, BasicAuthFile, CAFile string // absolute paths; empty: none
}

// OTLP is where members push their metrics.
type OTLP struct {
	Listen    string            // HOST:PORT
	TokenFile string            // absolute path
	Member    string            // resource attribute; empty: the source's own choice
	Metrics   map[string]string // OTLP name → metric name in the frame; empty: all
	Stale     time.Duration     // 0: the source's own
	TLS       TLS               // our certificate; empty: none, and Listen is on loopback
}

// Feature declares how a feature is made of metrics.
type Feature struct {
	Name       string
	Kind       string // rate, level, amount, share, time, scale or plain
	Of, Per    []string
	LessGrowth string // metric; empty: none
}

// Load reads and checks the file at path. Complaints about its content are an
// [Errors].
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	defer f.Close() // read only: nothing to lose
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("config: %s is %s, want a file", path, kind(info.Mode()))
	}
	text, err := readBounded(f)
	if err != nil {
		return nil, fmt.Errorf("config: read %s: %w", path, err)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return Parse(path, filepath.Dir(abs), text)
}

// kind names what is not a file, for people.
func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// Parse checks text, the content of the file called name, whose relative paths
// start at dir. Complaints are an [Errors].
func Parse(name, dir string, text []byte) (*Config, error) {
	d := &decoder{file: name, dir: dir}
	root := d.parse(text)
	if root == nil {
		return nil, d.errs
	}
	c := d.config(root)
	if len(d.errs) > 0 {
		slices.SortStableFunc(d.errs, func(a, b Error) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
		return nil, d.errs
	}
	sum := sha256.Sum256(text)
	c.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return c, nil
}
