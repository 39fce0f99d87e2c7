package knowledge

import (
	"fmt"
	"strings"
	"time"
)

// clockSkew is how far two people's clocks may differ: what is dated further in
// the future counts for nothing.
const clockSkew = 5 * time.Minute

// Question is all that the gate looks at: it reads no file, no clock and no
// network, so that anybody gets the same answer from the same papers.
type Question struct {
	Trust      string       // digest of version 1 of the people register, pinned by hand
	Env        string       // NAME/ID of the environment in which the bundle would go live
	Registers  []SignedText // versions of the people register, from the first
	Statements []SignedText // in any order
	Bundle     string       // h1: digest of the very bytes that would go live
	Active     string       // digest of the bundle now live, or "none"
	Seq        uint64       // its sequence; 0 when there is none
	Since      time.Time    // when it went live; zero: not known, and no rollback by one person
	Now        time.Time    // the later of the clock and the last entry of the log
}

// Verdict is the gate's answer.
type Verdict struct {
	Accepted  bool      `json:"accepted"`
	Reasons   []string  `json:"reasons"`   // why it was refused, and what was left uncounted
	Proposal  string    `json:"proposal"`  // digest of the statement that was judged; "": there was none
	Approvers []string  `json:"approvers"` // sorted ids of the people whose yes counts
	Plan      Statement `json:"-"`         // the statement itself, a proposal or a rollback: its kind and rollout bind the caller
}

// Judge answers whether the bundle may go live. It may when a proposal by an
// enrolled author is for exactly this bundle, environment, parent, sequence and
// register, is in time, neither rejected nor withdrawn, and has been signed,
// exactly as it is, by as many enrolled approvers as the environment's policy
// asks, none of whom wrote any part of it. It also may when one approver asks,
// inside the window that was approved with the live bundle, to go back to its
// immediate parent.
//
// A text that is no valid statement, or whose signature does not hold, never
// counts, is named in the reasons and voids nothing: else anybody who can leave
// a file could stop every change. A valid rejection or withdrawal refuses.
//
// Cost: one signature check for each statement and each version of the register,
// about 0.1 ms each.
func Judge(q Question) Verdict {
	chain, err := ReadChain(q.Trust, q.Registers)
	if err != nil {
		return refuse(err)
	}
	return chain.judge(q)
}

func refuse(err error) Verdict {
	return Verdict{Reasons: []string{strings.TrimPrefix(err.Error(), "knowledge: ")}, Approvers: []string{}}
}

func (c *Chain) judge(q Question) Verdict {
	register, digest := c.Current()
	if err := register.inForce(q.Now); err != nil {
		return refuse(err)
	}
	policy, ok := register.Policy(q.Env)
	if !ok {
		return refuse(fmt.Errorf("environment %q is not in the register, want one of %s", q.Env, register.environments()))
	}
	g := &gate{Question: q, chain: c, digest: digest, papers: sift(register, policy, q.Statements)}
	return g.verdict()
}

// environments returns what a caller may name, each with its id.
func (r *Register) environments() string {
	var names []string
	for _, p := range r.Policies {
		names = append(names, p.Env)
	}
	return strings.Join(names, ", ")
}

func (r *Register) inForce(now time.Time) error {
	if now.After(r.Expires) {
		return fmt.Errorf("the register expired at %s", formatTime(r.Expires))
	}
	if r.Time.After(now.Add(clockSkew)) {
		return fmt.Errorf("the register was made at %s, which is in the future", formatTime(r.Time))
	}
	return nil
}

// gate is one judgement under way.
type gate struct {
	Question
	*papers
	chain  *Chain
	digest string // of the register in force
}

// verdict judges each proposal and rollback, and returns the first that may
// pass, or else the one that came nearest.
func (g *gate) verdict() Verdict {
	best := Verdict{Approvers: []string{}, Reasons: []string{"no proposal that its author signed"}}
	first := true
	for _, p := range g.kept {
		var v Verdict
		switch p.Kind {
		case Proposal:
			v = g.change(p)
		case Rollback:
			v = g.rollback(p)
		default:
			continue
		}
		v.Proposal, v.Plan, v.Accepted = p.digest, p.Statement, len(v.Reasons) == 0
		if v.Accepted || first || len(v.Reasons) < len(best.Reasons) {
			best, first = v, false
		}
		if v.Accepted {
			break
		}
	}
	best.Reasons = append(append([]string{}, best.Reasons...), g.notes...)
	return best
}

// complaints collects what is not as it should be.
type complaints []string

func (c *complaints) want(ok bool, format string, args ...any) {
	if !ok {
		*c = append(*c, fmt.Sprintf(format, args...))
	}
}
