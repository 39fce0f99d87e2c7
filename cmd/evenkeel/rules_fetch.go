package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/knowledge"
)

// changesPath is where the daemon answers with what people proposed.
const changesPath = "/v1/changes"

// maxStatus bounds what a daemon says of how things stand: of each change that
// a ledger keeps, a few lines.
const maxStatus = 4 << 20

// remote reports whether a place is a daemon's address, and not a folder.
func remote(from string) bool {
	return strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://")
}

// errNoSuch reports that the daemon has nothing of the name.
var errNoSuch = errors.New("the daemon has none such")

// fetch gets what a daemon answers, at most limit bytes. None of it is to be
// believed.
func fetch(ctx context.Context, from string, limit int64, path ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	at, err := url.JoinPath(from, path...)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--from: %w", err), ""}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--from: %w", err), ""}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, unreachable(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, unreachable(fmt.Errorf("%s: %w", at, err))
	case resp.StatusCode == http.StatusNotFound:
		return nil, &exitError{exitFailed, fmt.Errorf("%w: %s", errNoSuch, oneLine(b)), "'evenkeel rules status --from " + from + "' lists the changes"}
	case resp.StatusCode != http.StatusOK:
		return nil, &exitError{exitFailed, fmt.Errorf("%s answered %s: %s", at, resp.Status, oneLine(b)), "try again in a second; its log says more"}
	case int64(len(b)) > limit:
		return nil, &exitError{exitTampered, fmt.Errorf("%s answered with more than %d bytes", at, limit), "this is no daemon of ours: ask who runs it"}
	}
	return b, nil
}

// unreachable says that nobody answered.
func unreachable(err error) error {
	return &exitError{exitUnreachable, err, "is 'evenkeel serve' running, and is this its console.listen, or a tunnel to it?"}
}

// oneLine returns the beginning of what somebody answered, for an error.
func oneLine(b []byte) string {
	const most = 300
	return escapeLine(strings.Join(strings.Fields(string(b[:min(len(b), most)])), " "))
}

// fetchStatus asks a daemon how things stand.
func fetchStatus(ctx context.Context, from string) (statusReport, error) {
	var r statusReport
	b, err := fetch(ctx, from, maxStatus, changesPath)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil || r.V != 1 {
		return r, &exitError{exitFailed, fmt.Errorf("%s%s is no status of version 1: %w", from, changesPath, err), "is it the console of 'evenkeel serve'?"}
	}
	return r, nil
}

// changeDigits is how a change may be named to a daemon.
var changeDigits = regexp.MustCompile(`^(sha256:)?[0-9a-f]{8,64}$`)

// fetchCase asks a daemon for a change. All that it answers is verified under
// the pinned trust as if a stranger had sent it: the worst that it can do is to
// show nothing.
func fetchCase(ctx context.Context, id, from, trust string) (*changeCase, error) {
	if !changeDigits.MatchString(id) {
		return nil, &exitError{exitUsage, fmt.Errorf("change %q, want at least 8 hexadecimal digits of its digest", id), "'evenkeel rules status --from " + from + "' lists them"}
	}
	b, err := fetch(ctx, from, maxParcelBytes, changesPath, id)
	if err != nil {
		return nil, err
	}
	p, err := unpackParcel(b)
	if err != nil {
		return nil, lied(from, err)
	}
	k, err := newCase(p, id, trust, time.Now())
	if errors.Is(err, errNotAmong) {
		return nil, lied(from, err)
	}
	if err != nil {
		return nil, err
	}
	if k.live, err = fetchLive(ctx, from); err != nil {
		return nil, err
	}
	return k, k.fetchBase(ctx, from)
}

// fetchLive asks a daemon what is live. Who signs what it says is shown it, and
// what is wrong is worth nothing.
func fetchLive(ctx context.Context, from string) (liveReport, error) {
	r, err := fetchStatus(ctx, from)
	return r.Live, err
}

// fetchBase asks a daemon for the register in force and for what the change would
// replace, which may be gone.
func (k *changeCase) fetchBase(ctx context.Context, from string) error {
	b, err := fetch(ctx, from, maxParcelBytes, changesPath, k.digest, "base")
	if err != nil {
		return err
	}
	p, err := unpackParcel(b)
	if err != nil {
		return lied(from, err)
	}
	chain, err := knowledge.ReadChain(k.pinned, p.registers)
	if err != nil {
		return lied(from, err)
	}
	k.register, k.trust = chain.Current()
	if p.bundle == nil {
		return nil
	}
	pack, err := knowledge.ParsePack(p.bundle)
	if want := k.proposal.Field("parent"); err == nil && pack.Digest != want {
		err = fmt.Errorf("the files have the digest %s, to be replaced is %s", pack.Digest, want)
	}
	if err != nil {
		return lied(from, err)
	}
	k.parent = &packBytes{pack, pack.Digest, p.bundle}
	return nil
}

// lied says that a daemon answered something else than it was asked for.
func lied(from string, err error) error {
	return &exitError{exitTampered, fmt.Errorf("%s answered something else: %w", from, err), "do not sign it; ask who runs that"}
}
