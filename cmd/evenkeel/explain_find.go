package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
)

var (
	entryNumber  = regexp.MustCompile(`^[0-9]{1,15}$`)
	digestPrefix = regexp.MustCompile(`^[0-9a-f]{4,64}$`)
)

// maxCandidates bounds the decisions that are named when several are meant.
const maxCandidates = 5

// findDecision returns the number of the entry of the decision that is meant:
// by its own number or that of an entry of its story, or by the beginning of the
// digest of the decision, of its fact, or of an act that it led to.
func findDecision(ctx context.Context, r *audit.Reader, what string) (int64, error) {
	if entryNumber.MatchString(what) {
		if n, err := strconv.ParseInt(what, 10, 64); err == nil && n < r.Size() {
			return decisionOf(ctx, r, n)
		}
	}
	prefix := strings.TrimSuffix(strings.TrimPrefix(what, "sha256:"), "…")
	if !digestPrefix.MatchString(prefix) {
		return 0, &exitError{exitUsage, fmt.Errorf("explain %.80q: want the number of one of %d entries, or the first 4 to 64 digits of a digest", what, r.Size()),
			"'evenkeel audit show --type decision' lists decisions"}
	}
	return byDigest(ctx, r, prefix)
}

// decisionOf returns the decision to whose story entry n belongs.
func decisionOf(ctx context.Context, r *audit.Reader, n int64) (int64, error) {
	rec, err := recordAt(ctx, r, n)
	if err != nil {
		return 0, err
	}
	e, err := audit.Decode(rec.Bytes)
	if err != nil {
		return 0, err
	}
	switch corr := strings.TrimPrefix(e.Corr, "sha256:"); {
	case e.Type == "decision":
		return n, nil
	case e.Type != "fact.refused" && digestPrefix.MatchString(corr):
		return byDigest(ctx, r, corr)
	}
	return 0, &exitError{exitFailed, fmt.Errorf("explain: entry %d is a %s, which no decision was made on or led to", n, e.Type),
		"'evenkeel audit show --type decision' lists decisions"}
}

// recordAt returns an entry of the log, as stored.
func recordAt(ctx context.Context, r *audit.Reader, n int64) (found audit.Record, err error) {
	err = r.Scan(ctx, n, n+1, func(rec audit.Record) error {
		found = rec
		return nil
	})
	return found, err
}

// byDigest returns the one decision that prefix means.
func byDigest(ctx context.Context, r *audit.Reader, prefix string) (int64, error) {
	var found []string
	at, n := int64(0), 0
	err := r.Scan(ctx, 0, -1, func(rec audit.Record) error {
		if !bytes.HasSuffix(rec.Bytes, []byte(`"type":"decision","v":1}`)) ||
			!bytes.Contains(rec.Bytes, []byte(prefix)) && !bytes.Contains(rec.Bytes, []byte(`"intents":[`)) {
			return nil
		}
		id, err := meant(rec, prefix)
		if err != nil {
			return fmt.Errorf("explain: entry %d: %w", rec.Seq, err)
		}
		if id != "" {
			if at, n = rec.Seq, n+1; n <= maxCandidates {
				found = append(found, fmt.Sprintf("%d (%s)", rec.Seq, id))
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, err
	case n == 0:
		return 0, &exitError{exitFailed, fmt.Errorf("explain %s: no decision, fact or act of a decision begins so", prefix),
			"'evenkeel audit show --type decision' lists decisions"}
	case n > 1:
		return 0, &exitError{exitUsage, fmt.Errorf("explain %s: %d decisions are meant: entries %s", prefix, n, strings.Join(found, ", ")),
			"give more digits, or the number of the entry"}
	}
	return at, nil
}

// meant returns the digest of a decision's story that begins with prefix; empty:
// none does.
func meant(rec audit.Record, prefix string) (string, error) {
	e, err := audit.Decode(rec.Bytes)
	if err != nil {
		return "", err
	}
	d, _, err := engine.DecodeDecision(e)
	if err != nil {
		return "", err
	}
	ids := []string{d.Digest(), e.Corr}
	for _, i := range d.Intents() {
		ids = append(ids, i.ID())
	}
	for _, id := range ids {
		if strings.HasPrefix(id, "sha256:"+prefix) {
			return id, nil
		}
	}
	return "", nil
}
