package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts/detect"
)

const (
	requestDir = "requests" // in a group's directory of baselines
	badDir     = "bad"      // in it: what was no request
	// maxRequestBytes is room for the longest lines, maxRequests how many are in
	// hand at a time, and maxLine what a person may write.
	maxRequestBytes = 16 << 10
	maxRequests     = 16
	maxLine         = 1000
)

// The kinds of request.
const (
	requestLabel = "label"
	requestReset = "reset"
)

// baselineRequest is what a person, or the record of incidents, asks of the
// detector of a group. It is a file, so that it works with everything else down:
// a daemon that runs takes it up within a tick or a second, one that starts
// later when it judges the group again.
type baselineRequest struct {
	By       string    `json:"by,omitempty"`       // the person
	From     time.Time `json:"from,omitzero"`      // of a label: epochs that began then or later
	Group    string    `json:"group"`              // whose detector
	Healthy  bool      `json:"healthy,omitempty"`  // of a label: nobody was at fault
	Incident string    `json:"incident,omitempty"` // in place of a person
	Kind     string    `json:"kind"`
	Reason   string    `json:"reason,omitempty"` // of a reset
	To       time.Time `json:"to,omitzero"`      // of a label: and before then
	V        int       `json:"v"`                // 1
}

// check returns an error unless it is whole: what was found, and what is wanted.
func (r *baselineRequest) check() error {
	line := func(s string) bool {
		return s == strings.TrimSpace(s) && len(s) <= maxLine && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
	}
	switch {
	case r.V != 1:
		return fmt.Errorf("version %d of the format, want 1", r.V)
	case (r.By == "") == (r.Incident == ""):
		return errors.New("neither a person nor an incident, or both, want one of the two")
	case !line(r.By) || !line(r.Incident) || !line(r.Reason):
		return fmt.Errorf("by %.40q, incident %.40q, reason %.40q, want one line of at most %d bytes each", r.By, r.Incident, r.Reason, maxLine)
	case r.Kind == requestReset && (r.Reason == "" || r.By == ""):
		return errors.New("a reset without a reason, or that no person asked for")
	case r.Kind == requestReset && (!r.From.IsZero() || !r.To.IsZero() || r.Healthy):
		return errors.New("a reset of a time, want it from now on")
	case r.Kind == requestLabel && (r.From.IsZero() || !r.To.After(r.From)):
		return fmt.Errorf("a label from %s to %s, want a time that ends after it began", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	case r.Kind != requestReset && r.Kind != requestLabel:
		return fmt.Errorf("kind %.40q, want %s or %s", r.Kind, requestLabel, requestReset)
	}
	return nil
}

// decodeRequest reads a request, strictly.
func decodeRequest(b []byte) (r baselineRequest, err error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, fmt.Errorf("baselines: read request: %w", err)
	}
	if len(bytes.TrimSpace(b[dec.InputOffset():])) > 0 {
		return r, errors.New("baselines: read request: more behind it, want one object")
	}
	if err := r.check(); err != nil {
		return r, fmt.Errorf("baselines: read request: %w", err)
	}
	return r, nil
}

// ask leaves a request for the daemon, all of it at once.
func (s *baselineStore) ask(r baselineRequest, now time.Time) error {
	dir := filepath.Join(s.dir, requestDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("baselines: ask: %w", err)
	}
	b := encoded(r)
	name := fmt.Sprintf("%020d-%s.json", now.UnixNano(), strings.TrimPrefix(detect.LearntDigest(b), "sha256:")[:12])
	if err := writeWhole(filepath.Join(dir, name), b, 0o644); err != nil { // the daemon may be another user
		return fmt.Errorf("baselines: ask: %w", err)
	}
	return nil
}

// requests returns the names of the requests that wait, oldest first.
func (s *baselineStore) requests() ([]string, error) {
	d, err := os.Open(filepath.Join(s.dir, requestDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("baselines: %w", err)
	}
	names, err := d.Readdirnames(0)
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, fmt.Errorf("baselines: %w", err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, ".json") || strings.HasPrefix(n, ".") })
	slices.Sort(names)
	return names, nil
}

// request reads one.
func (s *baselineStore) request(name string) (r baselineRequest, err error) {
	path := filepath.Join(s.dir, requestDir, name)
	info, err := os.Lstat(path)
	if err != nil {
		return r, fmt.Errorf("baselines: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxRequestBytes {
		return r, fmt.Errorf("baselines: read request: %d bytes, mode %v, want a file of at most %d", info.Size(), info.Mode(), maxRequestBytes)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("baselines: %w", err)
	}
	return decodeRequest(b)
}

// answered removes a request that was carried out.
func (s *baselineStore) answered(name string) error {
	return os.Remove(filepath.Join(s.dir, requestDir, name))
}

// putAside moves what is no request out of the way.
func (s *baselineStore) putAside(name string) error {
	dir := filepath.Join(s.dir, requestDir, badDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Rename(filepath.Join(s.dir, requestDir, name), filepath.Join(dir, name))
}
