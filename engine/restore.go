package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts"
)

// History is the log, to be read. *audit.Log is one.
type History interface {
	Size() int64
	Scan(ctx context.Context, from, to int64, f func(audit.Record) error) error // to is exclusive
}

const (
	// restoreWindow is how far back outcomes are read: who is held out by our
	// hand. A hold lasts a day at most before it must be renewed.
	restoreWindow = 25 * time.Hour
	// restoreFacts is how far back all facts are read: the last hour's drains.
	// Rosters come every few seconds, alarms stand for seconds.
	restoreFacts = drainWindow
)

// Restore rebuilds the memory of every group, and the identities of the facts
// handled lately, from the log: a memory is a fold of the accepted facts, so
// nothing else is needed. Call it once, before the first Handle.
//
// It reads who is held out by our hand in the last day, and all else in the
// last hour. A quiet that is longer begins anew: C.QuietSeconds may be less than
// before the restart, never more.
func (e *Engine) Restore(ctx context.Context, h History) error {
	now := e.now()
	size := h.Size()
	from, err := firstAfter(ctx, h, size, now.Add(-restoreWindow))
	if err != nil {
		return fmt.Errorf("engine: restore: %w", err)
	}
	err = h.Scan(ctx, from, size, func(r audit.Record) error {
		if err := e.remember(r, now.Sub(r.Time) > restoreFacts); err != nil {
			return fmt.Errorf("entry %d: %w", r.Seq, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("engine: restore: %w", err)
	}
	return nil
}

// firstAfter returns the first entry that is not before t. Times never go back
// in a log.
func firstAfter(ctx context.Context, h History, size int64, t time.Time) (int64, error) {
	var failed error
	i := sort.Search(int(size), func(i int) bool {
		found := false
		err := h.Scan(ctx, int64(i), int64(i)+1, func(r audit.Record) error {
			found = !r.Time.Before(t)
			return nil
		})
		failed = errors.Join(failed, err)
		return found || err != nil
	})
	return int64(i), failed
}

// outcomeKind is in the encoding of every outcome fact; where it is not, an old
// fact need not be decoded.
var outcomeKind = []byte(`"kind":"outcome"`)

// remember takes an entry into the memory it belongs to. Of an old entry only
// an outcome matters.
func (e *Engine) remember(r audit.Record, old bool) error {
	s, err := audit.Decode(r.Bytes)
	if err != nil {
		return err
	}
	switch {
	case s.Env != e.env:
	case s.Type == "fact.accepted":
		return e.rememberFact(s.Body, old)
	case s.Type == "decision" && !old:
		return e.rememberDecision(s.Body)
	case s.Type == "quarantine.lifted" && !old:
		return e.rememberLift(s.Body)
	case s.Type == "fact.refused" && !old:
		e.recent.add(s.Corr)
	}
	return nil
}

func (e *Engine) rememberFact(body json.RawMessage, old bool) error {
	if old && !bytes.Contains(body, outcomeKind) {
		return nil
	}
	var b acceptedBody
	if err := json.Unmarshal(body, &b); err != nil {
		return err
	}
	var f facts.Fact
	if err := json.Unmarshal(b.Fact, &f); err != nil {
		return err
	}
	if id, err := f.ID(); err != nil || id != b.ID {
		return fmt.Errorf("fact %s: found %s, want the bytes it is the digest of: %w", b.ID, id,
			errors.Join(err, facts.ErrFact))
	}
	g, known := e.groups[f.Group]
	if !known || old && f.Kind != facts.Result {
		return nil
	}
	e.recent.add(b.ID)
	g.mu.Lock()
	defer g.mu.Unlock()
	_, err := g.memory.Apply(f, b.ID)
	return err
}

func (e *Engine) rememberDecision(body json.RawMessage) error {
	var b decisionBody
	if err := json.Unmarshal(body, &b); err != nil {
		return err
	}
	var d Decision
	if err := json.Unmarshal(b.Decision, &d); err != nil {
		return err
	}
	g, known := e.groups[d.Group]
	if !known {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.memory.Record(&d)
	return nil
}

func (e *Engine) rememberLift(body json.RawMessage) error {
	var b liftedBody
	if err := json.Unmarshal(body, &b); err != nil {
		return err
	}
	g, known := e.groups[b.Group]
	if !known {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.memory.lift(b.Rule)
	return nil
}
