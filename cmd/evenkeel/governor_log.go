package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/knowledge"
)

// governLog is the log as the governor needs it.
type governLog interface {
	Append(ctx context.Context, entries ...audit.Entry) ([]audit.Record, error)
	Scan(ctx context.Context, from, to int64, f func(audit.Record) error) error
	Size() int64
}

// restore folds the log, and refuses in it what somebody forged.
func (g *governor) restore(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.catchUp(ctx), g.refuseForged(ctx))
}

// catchUp folds what came to the log since, whoever wrote it. mu is held.
func (g *governor) catchUp(ctx context.Context) error { return g.fold(ctx, g.log.Size(), -1) }

// fold takes the entries below to into the ledger. One that its papers do not
// bear out counts for nothing: it is to be refused in the log, unless it was
// before, or is an error if it is our own. mu is held.
func (g *governor) fold(ctx context.Context, to, own int64) error {
	err := g.log.Scan(ctx, g.read, to, func(r audit.Record) error {
		err := g.ledger.Apply(r)
		g.read, g.last = r.Seq+1, r.Time
		if len(g.forged) > 0 && bytes.Contains(r.Bytes, []byte(`"actor":"`+viaLog+`"`)) {
			g.forged = slices.DeleteFunc(g.forged, func(e audit.Entry) bool { return isEntry(r, e) })
		}
		if err != nil && r.Seq != own {
			if len(g.forged) < maxForged {
				g.forged = append(g.forged, knowledge.Refusal(knowledge.SignedText{Name: fmt.Sprintf("entry %d", r.Seq), Text: r.Bytes}, viaLog, err))
			}
			err = nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("governor: read the log: %w", err)
	}
	return nil
}

const (
	// viaLog is the channel of what somebody wrote into the log past us.
	viaLog = "log"
	// maxForged bounds the forged entries whose refusal is to be recorded; the
	// rest are refused at the next start.
	maxForged = 1000
)

// isEntry reports whether a record is of an entry with the type, actor and
// correlation of e.
func isEntry(r audit.Record, e audit.Entry) bool {
	s, err := audit.Decode(r.Bytes)
	return err == nil && s.Type == e.Type && s.Actor == e.Actor && s.Corr == e.Corr
}

// refuseForged records the refusal of forged entries. mu is held.
func (g *governor) refuseForged(ctx context.Context) error {
	for range len(g.forged) {
		e := g.forged[0]
		g.logger.Error("the log holds what no paper bears out", "refused", e.Body)
		if err := g.record(ctx, e); err != nil { // which takes it off
			return err
		}
	}
	return nil
}

// clock brings the ledger up to date and returns the time that counts: the later
// of the clock and the last entry of the log, so that setting a clock back
// revives nothing. mu is held.
func (g *governor) clock(ctx context.Context) (time.Time, error) {
	err := g.catchUp(ctx)
	now := g.now()
	if g.last.After(now) {
		now = g.last
	}
	return now, err
}

// record writes an entry and takes it into the ledger, after what others wrote
// ahead of it: of which one, such as a stop, may be why it does not hold any more.
// mu is held.
func (g *governor) record(ctx context.Context, e audit.Entry) error {
	records, err := g.log.Append(ctx, e)
	if err != nil {
		return fmt.Errorf("governor: record %s: %w", e.Type, err)
	}
	return g.fold(ctx, records[0].Seq+1, records[0].Seq)
}
