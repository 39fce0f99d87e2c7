package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts"
)

// collector takes entries of the log into the memories that they belong to.
type collector struct {
	memory  func(env, group string) *Memory // nil: nobody asks for it
	handled func(id string)                 // told of each fact that was decided upon or refused
}

// rebuild takes in the entries that a restart read.
func (c *collector) rebuild(ctx context.Context, h History, r restored) error {
	if err := c.putAside(ctx, h, r); err != nil {
		return err
	}
	return h.Scan(ctx, r.Outcomes, r.Size, func(rec audit.Record) error {
		s, err := audit.Decode(rec.Bytes)
		if err == nil {
			err = c.take(s, rec.Seq < r.Facts)
		}
		if err != nil {
			return fmt.Errorf("entry %d: %w", rec.Seq, err)
		}
		return nil
	})
}

// putAside puts aside the rules that were so when the log had the size.
func (c *collector) putAside(ctx context.Context, h History, r restored) error {
	if len(r.Groups) == 0 {
		return nil
	}
	a := newAsideReader(r.Groups)
	if err := a.read(ctx, h, r.Size); err != nil {
		return err
	}
	for key, p := range a.aside {
		if m := c.memory(key.env, key.group); m != nil {
			m.aside[key.rule] = p.Version
		}
	}
	return nil
}

// outcomeKind is in the encoding of every outcome fact; where it is not, an old
// fact need not be decoded.
var outcomeKind = []byte(`"kind":"outcome"`)

// take takes an entry into the memory it belongs to. Of an old entry only an
// outcome matters.
func (c *collector) take(s audit.Stored, old bool) error {
	switch {
	case s.Type == "fact.accepted":
		return c.takeFact(s, old)
	case s.Type == "decision" && !old:
		d, _, err := DecodeDecision(s)
		if m := c.memory(s.Env, d.Group); err == nil && m != nil {
			m.Record(&d)
		}
		return err
	case s.Type == typeLifted && !old:
		var b liftedBody
		err := json.Unmarshal(s.Body, &b)
		if m := c.memory(s.Env, b.Group); err == nil && m != nil {
			m.lift(b.Rule)
		}
		return err
	case s.Type == "fact.refused" && !old:
		c.handled(s.Corr)
	}
	return nil
}

func (c *collector) takeFact(s audit.Stored, old bool) error {
	if old && !bytes.Contains(s.Body, outcomeKind) {
		return nil
	}
	f, id, err := DecodeAccepted(s)
	if err != nil {
		return err
	}
	m := c.memory(s.Env, f.Group)
	if m == nil || old && f.Kind != facts.Result {
		return nil
	}
	c.handled(id)
	_, err = m.Apply(f, id)
	return err
}

// DecodeAccepted returns the fact of an entry of type fact.accepted, and its ID.
// An error means that the entry holds none, or one that is not what its ID says.
func DecodeAccepted(s audit.Stored) (f facts.Fact, id string, err error) {
	var b acceptedBody
	if err := json.Unmarshal(s.Body, &b); err != nil {
		return f, "", err
	}
	if err := json.Unmarshal(b.Fact, &f); err != nil {
		return f, "", err
	}
	if id, err = f.ID(); err != nil || id != b.ID {
		return f, "", fmt.Errorf("fact %.80s: found %s, want the bytes it is the digest of: %w", b.ID, id,
			errors.Join(err, facts.ErrFact))
	}
	return f, id, nil
}

// DecodeDecision returns the decision of an entry of type decision, and its
// encoding as recorded. An error means that the entry holds none, or one that is
// not what its digest says.
func DecodeDecision(s audit.Stored) (d Decision, recorded []byte, err error) {
	var b decisionBody
	if err := json.Unmarshal(s.Body, &b); err != nil {
		return d, nil, err
	}
	if id := facts.Digest(b.Decision); id != b.ID {
		return d, nil, fmt.Errorf("decision %s: found %s, want the bytes it is the digest of", b.ID, id)
	}
	err = json.Unmarshal(b.Decision, &d)
	return d, b.Decision, err
}
