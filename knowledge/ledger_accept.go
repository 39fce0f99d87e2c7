package knowledge

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// The bounds of what a ledger keeps.
const (
	// maxVersions of a people register: a new one each day for three years.
	maxVersions = 1024
	// maxChanges that a ledger remembers, and maxOfAuthor of one author, who then
	// locks nobody else out. One that ended is forgotten only when its papers can
	// begin nothing any more.
	maxChanges, maxOfAuthor = 512, 64
	// maxPapers of one change: an approval by each person of the largest register,
	// and again with another key.
	maxPapers = 128
	// maxOrders is how often one change can be undone, or one standby used.
	maxOrders = 64
	// maxPaperBytes is the room for a text and its signatures in one entry.
	maxPaperBytes = audit.MaxEntryBytes - 8<<10
)

// admission is a paper that may be taken in: the entry that records it, and what
// applying the entry does.
type admission struct {
	entry audit.Entry
	take  func(at time.Time)
}

// Accept judges a paper that came in: a version of the people register or a
// statement of any kind. It returns the entry to record; nothing has changed
// until that is applied. Signatures that do not hold are left out of it.
//
// A statement has to be of this environment and signed, in time, by somebody who
// may make it under the register in force. An approval has to follow its
// proposal and count for it; a rollback or break-glass has to pass as it would be
// carried out. What says no, a rejection, withdrawal or stop, is asked less: it
// counts under an expired register and whatever register it names.
//
// The error wraps [ErrKnown] if the paper was taken in before, and says
// otherwise why it is refused (see [Refusal]).
func (l *Ledger) Accept(t SignedText, clock time.Time) (audit.Entry, error) {
	a, err := l.admit(t, l.now(clock))
	switch {
	case errors.Is(err, ErrKnown):
		return audit.Entry{}, fmt.Errorf("knowledge: accept %q: %w", plain(t.Name)[0], ErrKnown)
	case err != nil:
		return audit.Entry{}, fmt.Errorf("knowledge: accept %q: %s", plain(t.Name)[0], strings.TrimPrefix(err.Error(), "knowledge: "))
	}
	return a.entry, nil
}

func (l *Ledger) admit(t SignedText, now time.Time) (*admission, error) {
	if t.fault != nil {
		return nil, t.fault
	}
	if bytes.HasPrefix(t.Text, []byte(registerHeader+"\n")) {
		return l.admitRegister(t, now)
	}
	return l.admitStatement(t, now)
}

// admitRegister judges the next version of the register. One that has expired
// may still be a link to one that has not.
func (l *Ledger) admitRegister(t SignedText, now time.Time) (*admission, error) {
	digest := TextDigest(t.Text)
	switch {
	case slices.Contains(l.chain.Digests, digest):
		return nil, ErrKnown
	case len(l.chain.Versions) == 0 && digest != l.trust:
		return nil, fmt.Errorf("register has digest %s, want the trusted %s", digest, l.trust)
	case len(l.chain.Versions) == maxVersions:
		return nil, fmt.Errorf("register has %d versions already, want a new one, pinned by hand", maxVersions)
	}
	next, err := ParseRegister(t.Text)
	if err != nil {
		return nil, err
	}
	if next.Time.After(now.Add(clockSkew)) {
		return nil, fmt.Errorf("the register was made at %s, which is in the future", formatTime(next.Time))
	}
	t = SignedText{Name: fmt.Sprintf("%04d.txt", next.Version), Text: t.Text, Signatures: t.holding(registerNamespace, next.allKeys())}
	chain := &Chain{slices.Clone(l.chain.Versions), slices.Clone(l.chain.Digests)}
	if err := chain.add(l.believed(t, now)); err != nil {
		return nil, err
	}
	entry := audit.Entry{Type: typeRegister, Actor: "people", Corr: digest, Body: registerBody{digest, t.armour(), string(t.Text), next.Version}}
	return fitting(entry, t, func(time.Time) {
		l.chain = chain
		l.registers = append(l.registers, t)
		l.generation++
		l.named()
		maps.DeleteFunc(l.reviews, func(id string, _ review) bool { _, ok := next.Person(id); return !ok })
	})
}

// fitting returns the admission unless its papers are too large to be recorded.
func fitting(e audit.Entry, t SignedText, take func(time.Time)) (*admission, error) {
	size := len(t.Text)
	for _, s := range t.Signatures {
		size += len(s)
	}
	if size > maxPaperBytes {
		return nil, fmt.Errorf("text and signatures have %d bytes, want at most %d", size, maxPaperBytes)
	}
	return &admission{e, take}, nil
}

// signatory is who has to have signed a statement of a kind.
type signatory struct {
	field string   // that names them
	roles []string // of which they need one; none: any
	no    bool     // it says no: asked less
}

func signatoryOf(s Statement) signatory {
	switch s.Kind {
	case Proposal:
		return signatory{"author", []string{"author"}, false}
	case Withdrawal:
		return signatory{"person", nil, true}
	case Stop:
		return signatory{"person", []string{"operator", "approver"}, true}
	case Review: // ends an observation, but where it tells of a theft
		return signatory{"person", nil, strings.HasPrefix(s.Field("meaning"), theftWords)}
	case Approval:
		return signatory{"person", []string{"approver"}, s.Field("decision") == "reject"}
	}
	return signatory{"person", []string{"approver"}, false} // Resume, Rollback, Breakglass, Archive
}

// admitStatement judges what holds for every kind of statement, and hands it on.
func (l *Ledger) admitStatement(t SignedText, now time.Time) (*admission, error) {
	s, err := ParseStatement(t.Text)
	if err != nil {
		return nil, err
	}
	if l.env == "" {
		return nil, errNoEnv
	}
	if env, has := s.values["env"]; has && env != l.env {
		return nil, fmt.Errorf("%s is for %s, want %s", s.Kind, env, l.env)
	}
	digest := TextDigest(t.Text)
	if l.knows(digest) {
		return nil, ErrKnown
	}
	who := signatoryOf(s)
	register, trust, err := l.register(now)
	policy, unknown := l.policy()
	if !who.no {
		if err := errors.Join(err, unknown); err != nil {
			return nil, err
		}
		if s.Field("trust") != trust {
			return nil, fmt.Errorf("%s names the register %s, in force is %s", s.Kind, s.Field("trust"), trust)
		}
	}
	if made := cmpTime(s); made.After(now.Add(clockSkew)) {
		return nil, fmt.Errorf("%s was made at %s, which is in the future", s.Kind, formatTime(made))
	}
	id := s.Field(who.field)
	person, _ := register.Person(id)
	if len(who.roles) > 0 && person.ID != "" && !slices.ContainsFunc(who.roles, person.Has) {
		return nil, fmt.Errorf("%s does not hold the role %s", id, strings.Join(who.roles, " or "))
	}
	t = l.believed(t, now)
	if err := (&papers{register: register, policy: policy}).signed(t, s, id, "", policy.Hardware && !who.no); err != nil {
		return nil, err
	}
	t.Signatures = t.holding(s.Kind.Namespace(), person.Keys)
	take, err := l.admitKind(s, receipt{t, digest, now}, now)
	if err != nil {
		return nil, err
	}
	typ, corr := paperTypes[s.Kind], digest
	if s.Kind == Approval && s.Field("decision") == "reject" {
		typ = typeRejected
	}
	if p := s.Field("proposal"); p != "" {
		corr = p
	}
	entry := audit.Entry{Type: typ, Actor: "person:" + id, Corr: corr, Body: paperBody{digest, s.Kind, t.armour(), string(t.Text)}}
	return fitting(entry, t, take)
}

// cmpTime returns when a statement says that it was made.
func cmpTime(s Statement) time.Time {
	if s.Kind == Proposal {
		return s.Time("created")
	}
	return s.Time("time")
}

func (l *Ledger) admitKind(s Statement, r receipt, now time.Time) (func(time.Time), error) {
	switch s.Kind {
	case Proposal:
		return l.admitProposal(s, r, now)
	case Approval, Withdrawal:
		return l.admitWord(s, r, now)
	case Rollback, Breakglass:
		return l.admitOrder(s, r, now)
	case Stop:
		return l.admitStop(s, r, now)
	case Resume:
		return l.admitResume(s, r)
	case Review:
		return l.admitReview(s, r)
	}
	return func(time.Time) { // Archive: who counts them counts them in the log
		l.archive = append(l.archive[max(0, len(l.archive)+1-maxOrders):], r.digest)
	}, nil
}

// knows reports whether a statement was taken in before.
func (l *Ledger) knows(digest string) bool {
	has := func(r receipt) bool { return r.digest == digest }
	for _, c := range l.changes {
		if slices.ContainsFunc(c.papers, has) || slices.ContainsFunc(c.orders, has) {
			return true
		}
	}
	for _, review := range l.reviews {
		if review.digest == digest {
			return true
		}
	}
	return l.knowsStop(digest) || slices.Contains(l.archive, digest)
}
