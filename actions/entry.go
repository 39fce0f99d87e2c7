package actions

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// The types of the entries that the guard writes, and reads back at its start.
// Each is one arrow in the life of an act, or a turn of the stop switch.
const (
	typeEpoch   = "lease.acquired" // a start: later acts carry a higher epoch
	typeIntent  = "intent"         // admitted: budget taken
	typeRefused = "action.refused" // held back by a limit
	typeSent    = "action.sent"    // a call to the executor is about to be made
	typeResult  = "action.result"  // what the call answered, or a read-back showed
	typeOutcome = "outcome"        // how the act stands or ended
	typeStop    = "stop"           // no more acts
	typeResume  = "resume"         // acts again
)

var types = []string{typeEpoch, typeIntent, typeRefused, typeSent, typeResult, typeOutcome, typeStop, typeResume}

// actorGuard is the actor of what the guard does by itself: verify, undo, sweep.
const actorGuard = "guard"

// The bodies. Field order is the sorted order of the keys: the log insists on
// it. Numbers are integers, times strings.
type (
	epochBody struct {
		Epoch  uint64   `json:"epoch"`
		Groups []string `json:"groups"`
	}
	intentBody struct {
		Act         string `json:"act"`
		Group       string `json:"group"`
		Instance    string `json:"instance"` // of the balancer
		Intent      Intent `json:"intent"`
		Member      string `json:"member"`
		Out         int    `json:"out"`          // members that are out after the act
		PriorWeight int    `json:"prior_weight"` // what undoing a Weight sets
		Size        int    `json:"size"`         // members in the group
	}
	refusedBody struct {
		Act    string    `json:"act"`
		Detail string    `json:"detail"`
		Group  string    `json:"group"`
		Limit  string    `json:"limit"`
		Member string    `json:"member"`
		Rule   string    `json:"rule"`
		Time   time.Time `json:"time"`
		Verb   Verb      `json:"verb"`
		Why    why       `json:"why"`
	}
	sentBody struct {
		Act      string    `json:"act"`
		Deadline time.Time `json:"deadline"`
		Epoch    uint64    `json:"epoch"`
		Expect   string    `json:"expect"`
		Group    string    `json:"group"`
		Member   string    `json:"member"`
		Seq      uint64    `json:"seq"`
		Verb     Verb      `json:"verb"` // what is asked of the executor; to undo a drain it is restore
		Weight   int       `json:"weight"`
		Why      why       `json:"why"`
	}
	resultBody struct {
		Act      string `json:"act"`
		Answer   answer `json:"answer"`
		Detail   string `json:"detail"`
		Group    string `json:"group"`
		Instance string `json:"instance"` // of the balancer that answered or was read; may be empty
		Member   string `json:"member"`
	}
	stopBody struct {
		By     []string `json:"by"`
		Freeze int      `json:"freeze"` // 1: restores wait too
		Reason string   `json:"reason"`
		Scope  Scope    `json:"scope"` // old entries have none: everything
	}
)

// why says what a call to the executor is for.
type why string

const (
	whyAct     why = "act"     // what the intent asks for
	whyUndo    why = "undo"    // it had no effect in time: put back
	whyReapply why = "reapply" // the balancer restarted and forgot it
	whyRelease why = "release" // held long enough: put back
)

// answer says what is known of a call to the executor.
type answer string

const (
	answerApplied    answer = "applied"     // it said so
	answerNotApplied answer = "not applied" // certainly without effect
	answerUnknown    answer = "unknown"     // lost: read back after the deadline
	answerSeen       answer = "seen"        // read back: the effect is there
	answerMissed     answer = "missed"      // the effect was not read back in time
)

// decode returns the body of an entry of the guard's, nil for one of others.
func decode(s audit.Stored) (any, error) {
	var body any
	switch s.Type {
	case typeEpoch:
		body = new(epochBody)
	case typeIntent:
		body = new(intentBody)
	case typeRefused:
		body = new(refusedBody)
	case typeSent:
		body = new(sentBody)
	case typeResult:
		body = new(resultBody)
	case typeOutcome:
		body = new(Outcome)
	case typeStop, typeResume:
		body = new(stopBody)
	default:
		return nil, nil
	}
	if err := json.Unmarshal(s.Body, body); err != nil {
		return nil, fmt.Errorf("actions: entry %d, %s: %w", s.Seq, s.Type, err)
	}
	return body, nil
}

// ours reports whether a stored entry is of one of the guard's types, by its
// last bytes: most entries of a log are not, and need not be decoded.
func ours(b []byte) bool {
	b, ok := bytes.CutSuffix(b, []byte(`","v":1}`))
	if !ok {
		return true // not as expected: let decoding say so
	}
	for _, t := range types {
		if rest, ok := bytes.CutSuffix(b, []byte(t)); ok && bytes.HasSuffix(rest, []byte(`,"type":"`)) {
			return true
		}
	}
	return false
}

// groupOf returns the group an entry's body is about, "" for none.
func groupOf(body any) string {
	switch b := body.(type) {
	case *intentBody:
		return b.Group
	case *refusedBody:
		return b.Group
	case *sentBody:
		return b.Group
	case *resultBody:
		return b.Group
	case *Outcome:
		return b.Group
	}
	return ""
}

func (b *refusedBody) outcome() Outcome {
	return Outcome{Act: b.Act, Detail: b.Detail, Group: b.Group, Limit: b.Limit, Member: b.Member,
		Result: Refused, Rule: b.Rule, Time: b.Time, Verb: b.Verb}
}

// entryOf returns the entry that records body, a pointer to one of the above.
func entryOf(actor, act string, body any) audit.Entry {
	kind := ""
	switch body.(type) {
	case *epochBody:
		kind = typeEpoch
	case *intentBody:
		kind = typeIntent
	case *refusedBody:
		kind = typeRefused
	case *sentBody:
		kind = typeSent
	case *resultBody:
		kind = typeResult
	case *Outcome:
		kind = typeOutcome
	}
	return audit.Entry{Type: kind, Actor: actor, Corr: act, Body: body}
}
