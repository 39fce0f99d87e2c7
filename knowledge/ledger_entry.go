package knowledge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/evenkeel/evenkeel/audit"
)

// The types of the entries that make a ledger.
const (
	typeRegister  = "register.accepted"
	typeProposed  = "change.proposed"
	typeApproved  = "change.approved"
	typeRejected  = "change.rejected"
	typeWithdrawn = "change.withdrawn"
	typeRollback  = "change.rollback"
	typeGlass     = "change.breakglass"
	typeStop      = "stop.signed"
	typeResume    = "resume.signed"
	typeReview    = "review.signed"
	typeArchive   = "archive.signed"

	typeScheduled  = "activation.scheduled"
	typeShadow     = "activation.shadow"
	typeRing       = "activation.ring"
	typeActivated  = "activation.activated"
	typeStandby    = "activation.standby"
	typeRolledback = "activation.rolledback"
	typeOpened     = "activation.breakglass.opened"
	typeClosed     = "activation.breakglass.closed"
	typeHalted     = "activation.halted"
	typeExpired    = "activation.expired"
	typeStale      = "activation.stale"

	typeSwitch    = "stop"              // by the guard: somebody used the switch file, or stopped without a key
	typeSwitchOff = "resume"            // by the guard: acts again
	typeBegun     = "quarantine.begun"  // by the engine: a rule was put aside
	typeLifted    = "quarantine.lifted" // by the engine: it is evaluated again

	typeRefused = "paper.refused" // written and not read
	typeVerdict = "gate.verdict"  // written and not read
)

// The bodies. Field order is the sorted order of the keys: the log insists on it.
type (
	registerBody struct {
		Digest     string   `json:"digest"`
		Signatures []string `json:"signatures"` // armoured, those that hold
		Text       string   `json:"text"`
		Version    uint64   `json:"version"`
	}
	paperBody struct {
		Digest     string   `json:"digest"`
		Kind       Kind     `json:"kind"`
		Signatures []string `json:"signatures"` // armoured, those that hold
		Text       string   `json:"text"`
	}
	stepBody struct {
		Bundle   string   `json:"bundle"`
		Groups   []string `json:"groups"`
		Parent   string   `json:"parent"`
		Proposal string   `json:"proposal"`
		Seq      uint64   `json:"seq"`
		Stage    string   `json:"stage"`
		Why      string   `json:"why"`
	}
	refusedBody struct {
		Digest string   `json:"digest"`
		Name   string   `json:"name"`
		Via    string   `json:"via"`
		Why    []string `json:"why"`
	}
	verdictBody struct {
		Accepted  bool     `json:"accepted"`
		Active    string   `json:"active"`
		Approvers []string `json:"approvers"`
		Bundle    string   `json:"bundle"`
		Proposal  string   `json:"proposal"`
		Purpose   string   `json:"purpose"`
		Reasons   []string `json:"reasons"`
		Seq       uint64   `json:"seq"`
	}
)

// paperTypes is the entry that records each kind of paper.
var paperTypes = map[Kind]string{Proposal: typeProposed, Approval: typeApproved, Withdrawal: typeWithdrawn, Rollback: typeRollback,
	Breakglass: typeGlass, Stop: typeStop, Resume: typeResume, Review: typeReview, Archive: typeArchive}

// entryType returns the type of a stored entry without decoding it: it is the
// last text but one, and holds nothing that is escaped.
func entryType(b []byte) string {
	i := bytes.LastIndex(b, []byte(`,"type":"`))
	if i < 0 {
		return ""
	}
	word, _, _ := strings.Cut(string(b[i+len(`,"type":"`):min(len(b), i+64)]), `"`)
	return word
}

// IsRegister reports whether an entry of the log is a version of the people
// register: from the first one on nobody ends a stop without signing.
func IsRegister(r audit.Record) bool { return entryType(r.Bytes) == typeRegister }

// readBody decodes a body into one of the structs above, and no other keys.
func readBody(e audit.Stored, into any) error {
	d := json.NewDecoder(bytes.NewReader(e.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("body: found more after its end")
	}
	return nil
}

// The bounds of what an entry says in words.
const (
	maxWhy      = 16  // reasons
	maxWhyBytes = 512 // of one
)

// plain makes words from outside fit to be recorded and shown: valid UTF-8, one
// line, what cannot be seen as an escape, not too many.
func plain(words ...string) []string {
	out := []string{}
	for _, s := range words[:min(len(words), maxWhy)] {
		var b strings.Builder
		for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
			if b.Len() >= maxWhyBytes {
				b.WriteString("…")
				break
			}
			if unseen(r) {
				fmt.Fprintf(&b, "%U", r)
				continue
			}
			b.WriteRune(r)
		}
		out = append(out, b.String())
	}
	if len(words) > maxWhy {
		out = append(out, fmt.Sprintf("and %d more", len(words)-maxWhy))
	}
	return out
}

// Refusal returns the entry that records a paper which was not taken in: every
// attempt leaves its trace. via is the channel on which it came, such as inbox;
// why is what [Ledger.Accept] said.
func Refusal(t SignedText, via string, why error) audit.Entry {
	return audit.Entry{Type: typeRefused, Actor: via, Corr: TextDigest(t.Text),
		Body: refusedBody{TextDigest(t.Text), plain(t.Name)[0], via, plain(strings.Split(why.Error(), "\n")...)}}
}

// Entry returns the entry that records a verdict. purpose is why the gate was
// asked: activate, start or act. active and seq are what was live when it was.
func (v Verdict) Entry(purpose, active string, seq uint64) audit.Entry {
	return audit.Entry{Type: typeVerdict, Actor: "gate", Corr: v.Proposal, Body: verdictBody{v.Accepted, active, v.Approvers,
		v.Plan.Field("bundle"), v.Proposal, purpose, plain(v.Reasons...), seq}}
}
