package knowledge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// ErrKnown reports a paper that the ledger has taken in before. There is nothing
// to record: delivering a paper twice is no mistake.
var ErrKnown = errors.New("known already")

// none stands for the bundle of an environment in which nothing is live.
const none = "none"

// Ledger is what an environment's log says of its rules: who may sign, what was
// proposed and what was said of it, what is live, what stands stopped. It is a
// fold of the log: it changes by [Ledger.Apply] alone, and the same entries give
// the same ledger anywhere.
//
// It believes no entry. Each paper in the log is judged again, signatures
// included, when its entry is applied, and each activation is put to the gate as
// of its entry's time: whoever can write the log but not sign can start nothing.
// What holds somebody back, such as a halt, needs no such proof.
//
// The time that counts is the later of the caller's clock and the last entry's:
// setting a clock back revives nothing.
//
// A ledger is not safe for concurrent use.
type Ledger struct {
	trust, name string
	env         string // NAME/ID, "" until a register names it

	seq   int64     // of the last entry applied
	clock time.Time // of the last entry applied

	chain      *Chain
	registers  []SignedText
	generation int // grows when papers must be read again: another register, a key found stolen

	live    Live
	carrier *change   // whose approvals live rests on; nil: there is none, or it is forgotten
	before  *change   // whose approvals the parent of live rests on; nil: as above
	undo    *order    // the rollback that put live where it is; nil: the carrier did
	changes []*change // in the order of the log
	orders  []*order  // rollbacks and break-glass not carried out yet
	glass   *glass    // a standby bundle runs now
	owed    *duty     // a look at break-glass by somebody else; nil: none

	stops   []*standing
	asides  []*aside
	thefts  []theft
	reviews map[string]review // each person's last
	archive []string          // digests of the last archive statements
}

// Live is the bundle that finished its rollout, or to which somebody went back.
type Live struct {
	Bundle   string    // h1: digest, or "none"
	Seq      uint64    // grows by one with each activation; 0: there was none
	Since    time.Time // of the activation's entry
	Proposal string    // digest of the proposal or rollback that made it live
	Parent   string    // the bundle before it
	Tainted  string    // why its approvals are in doubt; "": they are not
	Observe  time.Time // tainted, or a break-glass not reviewed: from then on nothing is done by it; zero: never
}

// NewLedger returns the ledger of an empty log. trust is the digest of version 1
// of the people register, pinned by hand; name is the environment's, of which
// the register must hold exactly one.
func NewLedger(trust, name string) *Ledger {
	return &Ledger{trust: trust, name: name, seq: -1, chain: &Chain{}, live: Live{Bundle: none}, reviews: map[string]review{}}
}

// Env returns NAME/ID of the environment, "" as long as no register names it.
func (l *Ledger) Env() string { return l.env }

// Chain returns the versions of the people register so far. It is not to be
// modified.
func (l *Ledger) Chain() *Chain { return l.chain }

// Registers returns the versions of the people register so far, with their
// signatures. They are not to be modified.
func (l *Ledger) Registers() []SignedText { return l.registers }

// Live returns what is live, whatever is being rolled out or runs for a while.
func (l *Ledger) Live() Live {
	v := l.live
	if l.owed != nil && (v.Observe.IsZero() || l.owed.by.Before(v.Observe)) {
		v.Observe = l.owed.by
	}
	return v
}

// Runs returns the digest of the bundle by which the group decides and acts:
// that of a break-glass, or else of the rollout that has come to it, or else
// the live one. candidate is the pack being rolled out (see [Ledger.Rollout]);
// nil, or another pack, counts as no rollout.
func (l *Ledger) Runs(group string, candidate *Pack) string {
	if l.glass != nil {
		return l.glass.standby.plan.Field("bundle")
	}
	if c := l.rollout(); c != nil && candidate != nil && candidate.Digest == c.plan.Field("bundle") &&
		candidate.joined(c.plan.Rollout(), c.stage, group) {
		return candidate.Digest
	}
	return l.live.Bundle
}

// now returns the time that counts, in the log's whole milliseconds: what is due
// is due as of its entry, too.
func (l *Ledger) now(clock time.Time) time.Time {
	clock = clock.Truncate(time.Millisecond)
	if clock.Before(l.clock) {
		return l.clock
	}
	return clock
}

// Apply takes the next entry of the log in. Entries of types that are none of
// the ledger's only move its clock. An entry that says what the papers do not
// bear out is an error, and changes nothing but the clock: the caller tells
// people, and goes on.
func (l *Ledger) Apply(r audit.Record) error {
	if r.Seq <= l.seq {
		return fmt.Errorf("knowledge: apply entry %d: entry %d was applied before it", r.Seq, l.seq)
	}
	l.seq = r.Seq
	if r.Time.After(l.clock) {
		l.clock = r.Time
	}
	take, ok := takers[entryType(r.Bytes)]
	if !ok {
		return nil
	}
	e, err := audit.Decode(r.Bytes)
	if err == nil && e.Env != l.name {
		err = fmt.Errorf("it is of the environment %s, want %s", e.Env, l.name)
	}
	if err == nil {
		e.Time = l.clock // the log's times never go back, whoever wrote it
		err = take(l, e, r)
	}
	if err != nil {
		return fmt.Errorf("knowledge: apply entry %d, %s: %s", r.Seq, entryType(r.Bytes), strings.TrimPrefix(err.Error(), "knowledge: "))
	}
	return nil
}

// register returns the version in force, and why it is not, if so.
func (l *Ledger) register(now time.Time) (*Register, string, error) {
	r, digest := l.chain.Current()
	if r == nil {
		return nil, "", errors.New("there is no people register yet")
	}
	return r, digest, r.inForce(now)
}

// policy returns what the version in force asks in this environment.
func (l *Ledger) policy() (Policy, error) {
	r, _ := l.chain.Current()
	if r == nil {
		return Policy{}, errors.New("there is no people register yet")
	}
	p, ok := r.Policy(l.env)
	if !ok {
		return Policy{}, fmt.Errorf("the people register has no environment %s", l.name)
	}
	return p, nil
}

// named finds the environment by its name, once.
func (l *Ledger) named() {
	r, _ := l.chain.Current()
	if l.env != "" || r == nil {
		return
	}
	mine := func(p Policy) bool { return strings.HasPrefix(p.Env, l.name+"/") }
	if i := slices.IndexFunc(r.Policies, mine); i >= 0 && !slices.ContainsFunc(r.Policies[i+1:], mine) {
		l.env = r.Policies[i].Env
	}
}
