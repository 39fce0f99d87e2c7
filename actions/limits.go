package actions

import (
	"fmt"
	"slices"
	"time"
)

// Limits are the envelope of a group: no intent, whoever wrote it, makes the
// guard leave it. Every field is meant as it stands, zero included; start from
// [DefaultLimits].
type Limits struct {
	// Verbs a rule or operator may ask for. An operator's Restore is always
	// allowed.
	Verbs []Verb

	// MaxOut is the share of the group, in percent, that may be out after an
	// act: ⌊MaxOut/100 × members⌋, whoever took them out and why.
	MaxOut int
	// AllowOne lets one member be out where MaxOut rounds down to none.
	AllowOne bool
	// MinHealthy is the number of members that must be left in service, up and
	// with weight after an act.
	MinHealthy int
	// MembershipDrop, in percent: no member is taken out while the group is
	// smaller by more than this than it was within the last five minutes.
	MembershipDrop int
	// Panic, in percent: no member is taken out while this share of the group,
	// and at least two members, looks sick, or the group moves together.
	Panic int

	PerMinute int // acts that take a member out, in any minute
	PerHour   int // the same, in any hour

	Cooldown time.Duration // between the end of an act on a member and the next that takes it out
	Attempts int           // acts that take the same member out, until it has been left alone for an hour

	Stale  time.Duration // age, at the act, of the newest fact about the group
	WarmUp time.Duration // after a start: knows too little to take anything out

	Lease  time.Duration // one call to the executor; it does nothing later than this
	Skew   time.Duration // beyond the lease, before a call that was not answered counts as over
	Settle time.Duration // between two read-backs that must show no new work on a member taken out
	Verify time.Duration // until the effect has been read back; then the act is undone
	Undo   time.Duration // until the undoing has been read back; then a human owns the member

	Hold    time.Duration // longest that a member is kept out; then a human owns it
	Release bool          // put the member back after Hold instead
}

// DefaultLimits returns limits that suit a group sampled every second: one
// member in ten out, no verbs.
func DefaultLimits() Limits {
	return Limits{
		MaxOut: 10, MinHealthy: 2, MembershipDrop: 20, Panic: 30,
		PerMinute: 2, PerHour: 20, Cooldown: 10 * time.Minute, Attempts: 2,
		Stale: 3 * time.Second, WarmUp: 30 * time.Second,
		Lease: 2 * time.Second, Skew: time.Second, Settle: 200 * time.Millisecond,
		Verify: 5 * time.Second, Undo: 30 * time.Second, Hold: 24 * time.Hour,
	}
}

// Check returns an error that names the first field outside its range.
func (l Limits) Check() error {
	for i, v := range l.Verbs {
		if !slices.Contains(verbs, v) {
			return fmt.Errorf("actions: limits: verb %.20q, want one of %q", v, verbs)
		}
		if slices.Contains(l.Verbs[:i], v) {
			return fmt.Errorf("actions: limits: verb %s is there twice", v)
		}
	}
	for _, p := range []struct {
		name  string
		v, hi int
	}{
		{"max out", l.MaxOut, 100}, {"min healthy", l.MinHealthy, maxMembers}, {"membership drop", l.MembershipDrop, 100},
		{"panic", l.Panic, 100}, {"acts per minute", l.PerMinute, maxRate}, {"acts per hour", l.PerHour, maxRate},
		{"attempts", l.Attempts, maxRate},
	} {
		if p.v < 0 || p.v > p.hi {
			return fmt.Errorf("actions: limits: %s %d, want 0 to %d", p.name, p.v, p.hi)
		}
	}
	for _, d := range []struct {
		name   string
		v      time.Duration
		lo, hi time.Duration
	}{
		{"cooldown", l.Cooldown, 0, maxHold}, {"stale", l.Stale, 0, maxLife}, {"warm-up", l.WarmUp, 0, maxHold},
		{"lease", l.Lease, time.Millisecond, time.Minute}, {"skew", l.Skew, time.Millisecond, time.Minute},
		{"settle", l.Settle, time.Millisecond, time.Minute}, {"verify", l.Verify, l.Settle, time.Hour},
		{"undo", l.Undo, time.Millisecond, time.Hour}, {"hold", l.Hold, l.Verify, maxHold},
	} {
		if d.v < d.lo || d.v > d.hi {
			return fmt.Errorf("actions: limits: %s %v, want %v to %v", d.name, d.v, d.lo, d.hi)
		}
	}
	return nil
}

const (
	maxMembers = 16384               // members in a group, as package facts bounds them
	maxRate    = 10_000              // acts an hour: beyond it a rate is no limit
	maxHold    = 30 * 24 * time.Hour // nobody remembers an older hold
	maxLife    = time.Hour           // an intent rests on facts of seconds; an operator's on minutes

	// incidentMemory is how long a member must have been left alone before its
	// attempts count from none again: no act-undo-act cycle more than once an
	// hour.
	incidentMemory = time.Hour
	// membershipMemory is how far back the guard compares the group's size.
	membershipMemory = 5 * time.Minute
)

var verbs = []Verb{Drain, Maint, Weight, Restore, Notify}

// Names of the limits: what Outcome.Limit and an action.refused entry may say.
const (
	limitIntent      = "intent"          // not a valid intent
	limitTarget      = "target"          // no such group, or no such member in the balancer
	limitVerb        = "verb"            // not among the verbs allowed here
	limitStop        = "stop"            // the stop switch is on, for everything, the group or the rule
	limitFreeze      = "freeze"          // the stop switch is on, for restores too
	limitUnapproved  = "unapproved"      // the version it comes from may not act here now
	limitStale       = "stale"           // rests on facts that are too old
	limitWarmUp      = "warm-up"         // started too short ago
	limitRecovery    = "recovery"        // acts open at the last crash are not settled yet
	limitUnreachable = "unreachable"     // the balancer does not answer
	limitBusy        = "busy"            // another act on the member is on its way
	limitHeld        = "held"            // the member is out by an act of ours already
	limitStanding    = "standing"        // the member is not in the standing the act starts from
	limitOwner       = "owner"           // not ours to undo
	limitRate        = "rate"            // too many acts in the last minute or hour
	limitCooldown    = "cooldown"        // too soon after the last act on the member
	limitAttempts    = "attempts"        // tried often enough: a human's turn
	limitPanic       = "panic"           // too many look sick: the observer, or a shared cause
	limitDrop        = "membership drop" // the group shrank too fast to trust its size
	limitCap         = "max out"         // too many would be out
	limitHealthy     = "min healthy"     // too few would be left
)
