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

// Moment is a decision of the log, with all it was made from but the program,
// which is that of Decision.Version.
type Moment struct {
	Seq      int64      // of its entry
	Recorded []byte     // its encoding, as recorded; not to be modified
	Decision Decision   // the same, decoded
	Fact     facts.Fact // that it is about; its entry is the one before
	Memory   *Memory    // as it was then. It changes when the call that it was given to returns
}

// Revisit calls f with each decision of the entries from (inclusive) to to
// (exclusive), in their order, and with the memory that it was made from. Where f
// asks the program of the recorded version to decide [Program.Again], the bytes
// must be the recorded ones.
//
// A memory is a fold of the entries since the engine started, and of those that
// it was restored from then, which the log says. So the entries before from are
// read back to the last restart before it, and folded from there; or from the
// first entry of the log, when there was none. Nothing later would do: who was
// the first to report may matter for as long as the engine runs.
//
// The error of f ends it, and comes back as it is. Any other says which entry is
// at fault. Cost: about 30 µs for each entry that is read.
func Revisit(ctx context.Context, h History, from, to int64, f func(Moment) error) error {
	v := visitor{f: f, from: from, memories: map[spot]*Memory{}}
	v.collector = collector{memory: v.memory, handled: func(string) {}}
	to = min(to, h.Size())
	at, err := lastRestart(ctx, h, min(from, to))
	if err != nil {
		return fmt.Errorf("engine: revisit: %w", err)
	}
	for err == nil && at < to {
		v.restart = nil
		err = h.Scan(ctx, at, to, func(r audit.Record) error {
			at = r.Seq + 1
			return v.visit(r)
		})
		if errors.Is(err, errRestart) {
			if err = v.rebuild(ctx, h, *v.restart); err != nil {
				err = fmt.Errorf("engine: revisit: restart at entry %d: %w", at-1, err)
			}
		}
	}
	return err
}

// errRestart stops a scan at a restart.
var errRestart = errors.New("restart")

// spot is a group of an environment.
type spot struct{ env, group string }

// visitor goes through a log and keeps the memories as they were.
type visitor struct {
	collector
	f        func(Moment) error
	from     int64
	memories map[spot]*Memory
	restart  *restored // at which the scan stopped
}

func (v *visitor) memory(env, group string) *Memory {
	p := spot{env, group}
	if v.memories[p] == nil {
		v.memories[p] = NewMemory(env, group, Observe) // the mode is told with each decision
	}
	return v.memories[p]
}

func (v *visitor) visit(r audit.Record) error {
	s, err := audit.Decode(r.Bytes)
	if err != nil {
		return fmt.Errorf("engine: revisit entry %d: %w", r.Seq, err)
	}
	switch {
	case s.Type == typeRestored:
		if err = v.forget(s); err == nil {
			return errRestart
		}
	case s.Type == "decision" && r.Seq >= v.from:
		return v.tell(s)
	default:
		err = v.take(s, false)
	}
	if err != nil {
		return fmt.Errorf("engine: revisit entry %d: %w", r.Seq, err)
	}
	return nil
}

// forget drops what a process before this one remembered.
func (v *visitor) forget(s audit.Stored) error {
	v.restart = &restored{}
	if err := json.Unmarshal(s.Body, v.restart); err != nil {
		return err
	}
	if r := v.restart; r.Outcomes < 0 || r.Facts < r.Outcomes || r.Size < r.Facts || s.Seq < r.Size {
		return fmt.Errorf("restored from entries %d, %d to %d, want them in order and before it", r.Outcomes, r.Facts, r.Size)
	}
	for p := range v.memories {
		if p.env == s.Env {
			delete(v.memories, p)
		}
	}
	return nil
}

// tell hands out a decision before it is remembered.
func (v *visitor) tell(s audit.Stored) error {
	d, recorded, err := DecodeDecision(s)
	if err != nil {
		return fmt.Errorf("engine: revisit entry %d: %w", s.Seq, err)
	}
	m := v.memory(s.Env, d.Group)
	if m.fact == nil || len(d.Facts) != 1 || d.Facts[0] != m.id {
		return fmt.Errorf("engine: revisit entry %d: a decision on fact %v, and the last one accepted is %q: want its entry before", s.Seq, d.Facts, m.id)
	}
	m.mode = d.Mode
	if err := v.f(Moment{Seq: s.Seq, Recorded: recorded, Decision: d, Fact: *m.fact, Memory: m}); err != nil {
		return err
	}
	m.Record(&d)
	return nil
}

// lastRestart returns the last entry below to that a restart was recorded with;
// 0 when there is none.
func lastRestart(ctx context.Context, h History, to int64) (int64, error) {
	tail := []byte(`"type":"` + typeRestored + `","v":1}`)
	for r, err := range audit.Backward(ctx, h, to) {
		if err != nil || bytes.HasSuffix(r.Bytes, tail) {
			return r.Seq, err
		}
	}
	return 0, nil
}
