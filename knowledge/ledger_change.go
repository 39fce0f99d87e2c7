package knowledge

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The states of a change that has not ended or is live. Those that end one are
// said where they end it: rejected, withdrawn, expired, stale, halted, undone
// (somebody went back to its parent), superseded.
const (
	stateProposed   = "proposed"
	stateApproved   = "approved" // and would begin now, or waits for what its reasons say
	stateScheduled  = "scheduled"
	stateShadow     = "shadow"
	stateRing       = "ring"
	stateLive       = "live"
	stateStandby    = "standby"
	stateBreakglass = "breakglass" // a standby that runs now
)

// Change is a proposal and everything said of it.
type Change struct {
	Digest    string    // of the proposal; names the change
	Statement Statement // the proposal
	State     string    // proposed, approved, scheduled, shadow, ring, live, superseded, rejected, withdrawn, expired, stale, halted, undone, standby, breakglass
	Stage     string    // of its rollout, as far as it came
	Since     time.Time // when it came to the state and stage
	Until     time.Time // when the clock alone takes it further; zero: it does not
	Approvers []string  // sorted ids of the people whose yes counts
	Missing   int       // approvals that are wanted still
	Reasons   []string  // why it does not go on, or why it ended
}

// change is a Change as the ledger keeps it.
type change struct {
	digest string
	plan   Statement
	papers []receipt // the proposal first
	orders []receipt // rollbacks of it, or break-glasses that name it

	ended string // the state that it ended in
	stage string // of its rollout, standby once that is what it is; "": not begun
	live  bool
	since time.Time // of the state and stage
	why   string    // it ended

	no        string    // somebody said so while it was rolled out
	scheduled bool      // that it waits for its time is in the log
	began     time.Time // the instant as of which its approvals are judged
	entry     int64     // of the log, by which it began
	under     int       // versions of the register that there were then
	said      int       // papers that there were then
	approvers []string  // by whose yes it began

	sifted     *papers // its papers under the register in force
	generation int     // of the ledger for which they were sifted
	doubt      string  // why its approvals are in doubt
	doubted    int     // generation of the ledger for which that was judged
}

// receipt is a paper that was taken in, and when.
type receipt struct {
	SignedText
	digest string
	at     time.Time
}

// open reports whether the change has neither begun nor ended.
func (c *change) open() bool { return c.ended == "" && c.stage == "" && !c.live }

// rolling reports whether the change is being rolled out.
func (c *change) rolling() bool {
	return c.ended == "" && !c.live && c.stage != "" && c.stage != stateStandby
}

func (c *change) end(state, why string, at time.Time) {
	c.ended, c.why, c.since, c.live = state, why, at, false
}

// next returns the stage after the one that it is in.
func (c *change) next() (now, next Stage) {
	stages := c.plan.Rollout()
	i := slices.IndexFunc(stages, func(s Stage) bool { return s.Name == c.stage })
	if i < 0 || i+1 == len(stages) {
		return Stage{}, Stage{}
	}
	return stages[i], stages[i+1]
}

func (l *Ledger) change(digest string) *change {
	i := slices.IndexFunc(l.changes, func(c *change) bool { return c.digest == digest })
	if i < 0 {
		return nil
	}
	return l.changes[i]
}

func (l *Ledger) rollout() *change {
	if i := slices.IndexFunc(l.changes, (*change).rolling); i >= 0 {
		return l.changes[i]
	}
	return nil
}

// texts returns the papers as they are now believed: without the signatures by
// a key that somebody else had when they came in.
func (l *Ledger) texts(papers []receipt) []SignedText {
	out := make([]SignedText, len(papers))
	for i, p := range papers {
		out[i] = l.believed(p.SignedText, p.at)
	}
	return out
}

// judge puts a change to the gate as if it were to go live now, under the
// register in force; trust is the digest of the register that it has to name.
// With frozen, the policy's freeze windows count.
func (l *Ledger) judge(c *change, trust string, frozen bool, now time.Time) Verdict {
	register, _, err := l.register(now)
	if err != nil {
		return refuse(err)
	}
	policy, err := l.policy()
	if err != nil {
		return refuse(err)
	}
	if c.sifted == nil || c.generation != l.generation {
		c.sifted, c.generation = sift(register, policy, l.texts(c.papers)), l.generation
	}
	g := &gate{Question: l.question(c, now), chain: l.chain, digest: trust, papers: c.sifted}
	if !frozen {
		free := *c.sifted
		free.policy.Freeze = nil
		g.papers = &free
	}
	return g.verdict()
}

// question is what the gate is asked of a change that is not live, but for the
// papers.
func (l *Ledger) question(c *change, now time.Time) Question {
	return Question{Trust: l.trust, Env: l.env, Bundle: c.plan.Field("bundle"),
		Active: l.live.Bundle, Seq: l.live.Seq, Since: l.live.Since, Now: now}
}

// Question returns what the gate is asked of a change, or of the rollback that
// made live what is live: as things stand now as long as it has not begun, and
// as they stood when it began after that. Judge answers it as the ledger did, and
// so does 'evenkeel rules gate' with the same texts as files.
func (l *Ledger) Question(digest string, now time.Time) (Question, error) {
	if o := l.rollback(digest); o != nil {
		return l.asOrdered(o, l.now(now)), nil
	}
	c := l.change(digest)
	if c == nil {
		return Question{}, fmt.Errorf("knowledge: change %.80s is not known", digest)
	}
	if !c.began.IsZero() {
		q := l.asBegun(c)
		q.Registers = l.registers[:c.under]
		return q, nil
	}
	q := l.question(c, l.now(now))
	q.Registers, q.Statements = l.registers, l.texts(c.papers)
	return q, nil
}

// asBegun is what the gate was asked of a change when it began, but for the
// registers: without what was said later, and what is not believed any more.
func (l *Ledger) asBegun(c *change) Question {
	return Question{Trust: l.trust, Env: l.env, Statements: l.texts(c.papers[:c.said]), Bundle: c.plan.Field("bundle"),
		Active: c.plan.Field("parent"), Seq: c.plan.Number("seq") - 1, Now: c.began}
}

// Later returns what was said of a change after it began, in that order: a
// rejection or withdrawal that ended its rollout, a rollback, a break-glass. The
// gate answers as of the instant when it began, so these are no part of
// [Ledger.Question]. Names are numbered, so that each is another.
func (l *Ledger) Later(digest string) []SignedText {
	c := l.change(digest)
	if c == nil || c.began.IsZero() {
		return nil
	}
	out := l.texts(slices.Concat(c.papers[c.said:], c.orders))
	for i := range out {
		out[i].Name = fmt.Sprintf("%03d-%s", i+1, out[i].Name)
	}
	return out
}

// Verdict asks the gate what [Ledger.Question] returns.
func (l *Ledger) Verdict(digest string, now time.Time) Verdict {
	q, err := l.Question(digest, now)
	if err != nil {
		return refuse(err)
	}
	return Judge(q)
}

// minPrefix is the fewest hexadecimal digits that may stand for a digest.
const minPrefix = 8

// Change returns the change whose digest begins with id: at least 8 hexadecimal
// digits, with or without sha256: before them.
func (l *Ledger) Change(id string, now time.Time) (Change, error) {
	short := strings.TrimPrefix(id, "sha256:")
	var found *change
	for _, c := range l.changes {
		if len(short) < minPrefix || !strings.HasPrefix(c.digest, "sha256:"+short) {
			continue
		}
		if found != nil {
			return Change{}, fmt.Errorf("knowledge: change %s: more than one begins so, want more digits", short)
		}
		found = c
	}
	if found == nil {
		return Change{}, fmt.Errorf("knowledge: change %.80q is not known, want at least %d digits of its digest", id, minPrefix)
	}
	return l.tell(found, l.now(now)), nil
}

// Changes returns the changes that the ledger knows, the newest first: all that
// have not ended, and the last that have.
func (l *Ledger) Changes(now time.Time) []Change {
	out := make([]Change, 0, len(l.changes))
	for _, c := range slices.Backward(l.changes) {
		out = append(out, l.tell(c, l.now(now)))
	}
	return out
}

// Rollout returns the change that is being rolled out.
func (l *Ledger) Rollout(now time.Time) (Change, bool) {
	c := l.rollout()
	if c == nil {
		return Change{}, false
	}
	return l.tell(c, l.now(now)), true
}

// Breakglass returns the standby change that runs now, and until when.
func (l *Ledger) Breakglass(now time.Time) (Change, bool) {
	if l.glass == nil {
		return Change{}, false
	}
	return l.tell(l.glass.standby, l.now(now)), true
}

// tell returns the change as others see it.
func (l *Ledger) tell(c *change, now time.Time) Change {
	v := Change{Digest: c.digest, Statement: c.plan, Stage: c.stage, Since: c.since, Approvers: []string{}}
	switch {
	case c.ended != "":
		v.State, v.Reasons = c.ended, []string{c.why}
	case l.glass != nil && l.glass.standby == c:
		v.State, v.Until, v.Since = stateBreakglass, l.glass.until, l.glass.since
	case c.live:
		v.State = stateLive
	case c.stage == stateStandby:
		v.State, v.Reasons = stateStandby, l.unfit(c, now)
	case c.stage != "":
		v.State = stateRing
		if c.stage == stageShadow {
			v.State = stateShadow
		}
		stage, _ := c.next()
		v.Until, v.Reasons = c.since.Add(stage.Dwell), l.holds(c, now)
	default:
		return l.tellOpen(c, v, now)
	}
	if c.approvers != nil {
		v.Approvers = c.approvers
	}
	return v
}

// tellOpen tells of a change that has not begun.
func (l *Ledger) tellOpen(c *change, v Change, now time.Time) Change {
	_, digest, _ := l.register(now)
	g := l.judge(c, digest, true, now)
	v.State, v.Approvers, v.Reasons = stateProposed, g.Approvers, g.Reasons
	policy, err := l.policy()
	if err == nil {
		v.Missing = max(int(policy.Approvals)-len(g.Approvers), 0)
	}
	state, why := l.over(c, now)
	switch begin := c.plan.Time("not-before"); {
	case state != "":
		v.State, v.Reasons = state, []string{why}
	case err != nil || v.Missing > 0:
	case now.Before(begin):
		v.State, v.Until = stateScheduled, begin
	default:
		v.State, v.Reasons = stateApproved, append(v.Reasons, l.waits(c, now)...)
	}
	return v
}
