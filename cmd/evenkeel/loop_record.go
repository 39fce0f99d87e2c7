package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
)

// The types of the entries that the loop itself writes.
const (
	typeStart  = "system.start"
	typeStop   = "system.stop"
	typeConfig = "config.changed"
	typeGap    = "stream.gap"

	typeDropped = "intent.dropped"
)

// The bodies of the entries; keys sorted.
type (
	startBody struct {
		Build  string                `json:"build"`
		Config string                `json:"config,omitempty"` // sha256:… of the file
		Groups map[string]startGroup `json:"groups"`
		Seq    uint64                `json:"stream_seq"` // of the last fact the broker had
	}
	startGroup struct {
		Because string      `json:"because,omitempty"`
		Mode    engine.Mode `json:"mode"`
		Pack    string      `json:"pack"` // h1:…
	}
	stopBody struct {
		Reason string `json:"reason"`
		Seq    uint64 `json:"stream_seq"`
	}
	configBody struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	gapBody struct {
		Found uint64 `json:"found"` // the last sequence the broker knows of
		Want  uint64 `json:"want"`  // at least this, after what the log has seen
	}
	droppedBody struct {
		Group  string       `json:"group"`
		Member string       `json:"member"`
		Rule   string       `json:"rule"`
		Verb   actions.Verb `json:"verb"`
		Why    string       `json:"why"`
	}
)

// recordStart records that the process starts, and how; what is different from
// the last time; and that the broker lost facts, if it did.
func (l *loop) recordStart(ctx context.Context) error {
	last, err := l.lastRun(ctx)
	if err != nil {
		return err
	}
	seq, err := l.bus.LastSeq(ctx)
	if err != nil {
		return err
	}
	b := startBody{Build: buildVersion(), Config: l.config.Digest, Groups: map[string]startGroup{}, Seq: seq}
	for _, g := range l.config.Groups {
		b.Groups[g.Name] = startGroup{g.Because, l.modes[g.Name], g.Pack.Digest}
	}
	if l.governance != nil {
		b.Groups, _ = l.governance.turner.now()
	}
	entries := []audit.Entry{{Type: typeStart, Actor: actorLoop, Body: b}}
	if last.found && last.config != b.Config {
		entries = append(entries, audit.Entry{Type: typeConfig, Actor: actorLoop, Body: configBody{last.config, b.Config}})
	}
	if seq < last.seq {
		entries = append(entries, audit.Entry{Type: typeGap, Actor: actorLoop, Body: gapBody{seq, last.seq}})
		l.config.Logger.Warn("the broker lost facts", "found_seq", seq, "want_seq", last.seq)
	}
	_, err = l.log.Append(ctx, append(entries, l.found...)...)
	return err
}

// recordStop records that the process stops. The broker may be away by now.
func (l *loop) recordStop(ctx context.Context, reason error) error {
	b := stopBody{Reason: reason.Error()}
	if seq, err := l.bus.LastSeq(ctx); err == nil {
		b.Seq = seq
	}
	_, err := l.log.Append(ctx, audit.Entry{Type: typeStop, Actor: actorLoop, Body: b})
	return err
}

// lastRun is what the log tells of the process before this one.
type lastRun struct {
	found  bool
	config string // digest of its configuration
	seq    uint64 // the broker's last sequence is not below it, unless it lost facts
}

// lastRun reads the log backwards to the newest start. Each fact that was
// recorded since had a sequence of its own.
func (l *loop) lastRun(ctx context.Context) (run lastRun, err error) {
	var since, known uint64
	err = l.backwards(ctx, func(e audit.Stored) (more bool, err error) {
		switch e.Type {
		case "fact.accepted", "fact.refused":
			if known == 0 {
				since++
			}
		case typeStop:
			var b stopBody
			err = json.Unmarshal(e.Body, &b)
			known = max(known, b.Seq)
		case typeStart:
			var b startBody
			err = json.Unmarshal(e.Body, &b)
			known = max(known, b.Seq)
			run.found, run.config = true, b.Config
		}
		return !run.found, err
	})
	run.seq = known + since
	return run, err
}

// backwards calls f with the entries of the log, newest first, until it wants
// no more.
func (l *loop) backwards(ctx context.Context, f func(audit.Stored) (more bool, err error)) error {
	for r, err := range audit.Backward(ctx, l.log, l.log.Size()) {
		var e audit.Stored
		if err == nil {
			e, err = audit.Decode(r.Bytes)
		}
		if err != nil {
			return fmt.Errorf("read the log backwards: %w", err)
		}
		if more, err := f(e); err != nil || !more {
			return err
		}
	}
	return nil
}
