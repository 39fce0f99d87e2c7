package knowledge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// admitProposal judges a proposal as the gate would, but for its approvals and
// its not-before.
func (l *Ledger) admitProposal(s Statement, r receipt, now time.Time) (func(time.Time), error) {
	r.Name = "proposal.txt"
	c := &change{digest: r.digest, plan: s, papers: []receipt{r}, since: now}
	if state, why := l.over(c, now); state != "" {
		return nil, fmt.Errorf("%s: %s", state, why)
	}
	begin := s.Time("not-before")
	if begin.Before(now) {
		begin = now
	}
	if end := s.Time("expires"); begin.Add(c.dwell()).After(end) {
		return nil, fmt.Errorf("its rollout takes %v from %s and would not be over at %s, when it expires", c.dwell(), formatTime(begin), formatTime(end))
	}
	v := l.judge(c, s.Field("trust"), false, begin)
	if missing := fmt.Sprintf("0 of %d approvals", c.sifted.policy.Approvals); !slices.Equal(v.Reasons, []string{missing}) {
		return nil, errors.New(strings.Join(slices.DeleteFunc(v.Reasons, func(s string) bool { return s == missing }), "; "))
	}
	if err := l.room(s.Field("author"), now); err != nil {
		return nil, err
	}
	return func(at time.Time) {
		l.forget(at)
		c.papers[0].at, c.since = at, at
		l.changes = append(l.changes, c)
	}, nil
}

// room returns why another change of the author cannot be kept.
func (l *Ledger) room(author string, now time.Time) error {
	all, mine := 0, 0
	for _, c := range l.changes {
		if !l.forgettable(c, now) {
			all++
			if c.plan.Field("author") == author {
				mine++
			}
		}
	}
	switch {
	case mine >= maxOfAuthor:
		return fmt.Errorf("%d changes by %s are known and cannot be forgotten yet", mine, author)
	case all >= maxChanges:
		return fmt.Errorf("%d changes are known and cannot be forgotten yet", all)
	}
	return nil
}

// forgettable reports whether a change has ended, and its papers would be
// refused if they came again.
func (l *Ledger) forgettable(c *change, now time.Time) bool {
	_, trust := l.chain.Current()
	return c.ended != "" && c != l.before &&
		(c.plan.Field("trust") != trust || c.plan.Number("seq") <= l.live.Seq || now.After(c.plan.Time("expires")))
}

// forget makes room for a change.
func (l *Ledger) forget(now time.Time) {
	if len(l.changes) < maxChanges {
		return
	}
	if i := slices.IndexFunc(l.changes, func(c *change) bool { return l.forgettable(c, now) }); i >= 0 {
		l.changes = slices.Delete(l.changes, i, i+1)
	}
}

// admitWord judges an approval, rejection or withdrawal of a proposal, which
// must have come before it.
func (l *Ledger) admitWord(s Statement, r receipt, now time.Time) (func(time.Time), error) {
	c := l.change(s.Field("proposal"))
	if c == nil {
		return nil, fmt.Errorf("the proposal %s is not known here, want it first", s.Field("proposal"))
	}
	id := s.Field("person")
	switch {
	case c.ended != "":
		return nil, fmt.Errorf("the change has ended: %s: %s", c.ended, c.why)
	case c.live:
		return nil, errors.New("the change is live: sign a rollback or a stop")
	case s.Kind == Withdrawal:
		if author := c.plan.Field("author"); id != author {
			return nil, fmt.Errorf("%s cannot withdraw it: the author is %s", id, author)
		}
		r.Name = "withdrawal-" + id + ".txt"
		return l.against(c, r, "withdrawn", "withdrawn by "+id+": "+s.Field("why")), nil
	case s.Field("decision") == "reject":
		r.Name = "rejection-" + id + ".txt"
		return l.against(c, r, "rejected", "rejected by "+id+": "+s.Field("meaning")), nil
	case !c.open():
		return nil, errors.New("the change has begun: there is nothing left to approve")
	case len(c.papers) == maxPapers:
		return nil, fmt.Errorf("%d papers were said of it already", maxPapers)
	case slices.Contains(l.judge(c, c.plan.Field("trust"), true, now).Approvers, id):
		return nil, fmt.Errorf("%s has approved it already: people are counted, not statements", id)
	}
	if state, why := l.over(c, now); state != "" {
		return nil, fmt.Errorf("the change is %s: %s", state, why)
	}
	policy, _ := l.policy()
	if why := (&papers{policy: policy}).no(paper{c.plan, c.digest}, paper{s, r.digest}, instant{now, "now"}); why != "" {
		return nil, fmt.Errorf("it does not count: %s", why)
	}
	r.Name = "approval-" + id + ".txt"
	return func(at time.Time) { c.add(r, at) }, nil
}

// against ends a change by somebody's no. One that is being rolled out is
// halted by the next step, so that the return to its parent is recorded.
func (l *Ledger) against(c *change, r receipt, state, why string) func(time.Time) {
	return func(at time.Time) {
		c.add(r, at)
		if c.rolling() {
			c.no = why
			return
		}
		c.end(state, why, at)
	}
}

// add keeps a paper with its change.
func (c *change) add(r receipt, at time.Time) {
	r.at = at
	c.papers, c.sifted = append(c.papers, r), nil
}
