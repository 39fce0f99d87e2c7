package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/facts/bus"
	"github.com/evenkeel/evenkeel/knowledge"
)

// papersPath is where the daemon takes papers over HTTP.
const papersPath = "/v1/papers"

const (
	sendTime     = 30 * time.Second // a parcel of the largest size over a slow line
	maxAnswer    = 64 << 10         // of the daemon
	archiveMedia = "application/zip"
)

// send hands a parcel to the daemon, and returns where it went.
func (s *speaker) send(ctx context.Context, kind string, p *parcel) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if err := s.resolve(); err != nil {
		return "", err
	}
	switch scheme, _, found := strings.Cut(s.via, "://"); {
	case s.via == "":
		return s.drop(p)
	case !found:
		if err := p.write(s.via); err != nil {
			return "", err
		}
		return s.via + ", to be handed on", nil
	case scheme == "http" || scheme == "https":
		return s.post(ctx, p)
	case scheme == "nats" || scheme == "tls":
		return s.publish(ctx, kind, p)
	default:
		return "", &exitError{exitUsage, fmt.Errorf("--via %q, want a folder, http, http://…, nats or nats://…", s.via), ""}
	}
}

// resolve puts the configured address in place of the words http and nats.
func (s *speaker) resolve() error {
	if s.via != viaHTTP && s.via != viaBus {
		return nil
	}
	c, err := loadTrusted(s.config)
	switch {
	case err != nil:
		return err
	case s.via == viaHTTP:
		s.via = "http://" + c.Console.Listen
	case c.NATS.URL == "":
		return &exitError{exitUsage, errors.New("--via nats: the daemon has its own broker, which cannot be reached from outside"), "leave --via out, or add --via http"}
	default:
		s.via = c.NATS.URL
	}
	return nil
}

// drop leaves the parcel in the daemon's inbox: it works whatever else is down.
func (s *speaker) drop(p *parcel) (string, error) {
	c, err := loadTrusted(s.config)
	if err != nil {
		return "", err
	}
	inbox := filepath.Join(c.Data, inboxDir)
	if _, err := os.Stat(inbox); errors.Is(err, fs.ErrNotExist) {
		return "", &exitError{exitFailed, fmt.Errorf("there is no inbox %s", inbox), "start 'evenkeel serve' once, or add --via"}
	}
	dir := filepath.Join(inbox, fmt.Sprintf("%020d-%s", time.Now().UnixNano(), randomID()[:8]))
	if err := p.write(dir); err != nil {
		return "", &exitError{exitFailed, err, "the inbox takes what its group may write; or add --via http://…"}
	}
	return dir, nil
}

// post sends the parcel over HTTP. The daemon answers what became of each paper.
func (s *speaker) post(ctx context.Context, p *parcel) (string, error) {
	b, err := p.pack()
	if err != nil {
		return "", err
	}
	to, err := url.JoinPath(s.via, papersPath)
	if err != nil {
		return "", &exitError{exitUsage, fmt.Errorf("--via: %w", err), ""}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(b))
	if err != nil {
		return "", fmt.Errorf("send papers: %w", err)
	}
	req.Header.Set("Content-Type", archiveMedia)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", unreachable(fmt.Errorf("send papers: %w", err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("send papers to %s: %w", to, err)
	}
	return to, refusedBy(to, resp, answer)
}

// refusedBy returns why a daemon refused what it was sent, nil if it did not.
func refusedBy(to string, resp *http.Response, answer []byte) error {
	var results []paperResult
	switch {
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode != http.StatusUnprocessableEntity || json.Unmarshal(answer, &results) != nil:
		return &exitError{exitFailed, fmt.Errorf("%s answered %s: %s", to, resp.Status, oneLine(answer)), "nothing was taken: send it again"}
	}
	var why []string
	for _, r := range results {
		if r.Result == resultRefused {
			why = append(why, escapeLine(r.Why))
		}
	}
	return &exitError{exitRefused, fmt.Errorf("the daemon refused it: %s", strings.Join(why, "; ")), "it is in the log; 'evenkeel rules status' says how things stand"}
}

// publish sends the parcel over the broker, which keeps it until the daemon
// has read it.
func (s *speaker) publish(ctx context.Context, kind string, p *parcel) (string, error) {
	c, err := loadTrusted(s.config)
	if err != nil {
		return "", err
	}
	b, err := p.pack()
	if err != nil {
		return "", err
	}
	conn, err := bus.Open(ctx, bus.Config{Env: c.Env, URL: s.via, CredsFile: c.NATS.Creds,
		CAFile: c.NATS.TLS.CA, CertFile: c.NATS.TLS.Cert, KeyFile: c.NATS.TLS.Key})
	if err != nil {
		return "", &exitError{exitUnreachable, err, "or leave --via out, on the daemon's host"}
	}
	err = conn.PublishPaper(ctx, kind, knowledge.TextDigest(b), b)
	if err := errors.Join(err, conn.Close()); err != nil {
		return "", err
	}
	return s.via, nil
}
