package knowledge

import "slices"

// rollback judges one approver's wish to go back to the immediate parent. The
// proposal that made the live bundle live must be among the statements with its
// approvals, which are judged under the register that it names; its rollback
// window runs from the instant at which the bundle went live.
func (g *gate) rollback(r paper) Verdict {
	var c complaints
	v := Verdict{Approvers: []string{r.Field("person")}}
	g.fits(&c, r)
	made := r.Time("time")
	c.want(!made.After(g.Now.Add(clockSkew)), "rollback was made at %s, which is in the future", formatTime(made))
	if g.Since.IsZero() {
		c.want(false, "when the live bundle went live is not known, want that for a rollback by one person")
		v.Reasons = c
		return v
	}
	c.want(!made.Before(g.Since.Add(-clockSkew)), "rollback was made at %s, before the bundle went live at %s", formatTime(made), formatTime(g.Since))
	under, live, ok := g.find(r.Field("proposal"))
	if !ok {
		c.want(false, "the proposal %s that is to be undone is not here, signed by its author", r.Field("proposal"))
		v.Reasons = c
		return v
	}
	end := g.Since.Add(live.Span("rollback-window"))
	c.want(!g.Now.After(end), "the rollback window ended at %s", formatTime(end))
	c.want(live.Field("bundle") == g.Active && live.Field("parent") == g.Bundle && live.Number("seq") == g.Seq && live.Field("env") == g.Env,
		"the proposal %s did not put the live bundle in the place of this one", live.digest)
	people, uncounted := under.yes(live, instant{g.Since, "the bundle went live"})
	if uint64(len(people)) < under.policy.Approvals {
		c.want(false, "what is to be undone has %d of %d approvals", len(people), under.policy.Approvals)
		c = append(c, uncounted...)
	}
	v.Reasons = c
	return v
}

// find returns the proposal with the digest, and the papers as they stand under
// the version of the register that it names.
func (g *gate) find(digest string) (*papers, paper, bool) {
	i := slices.IndexFunc(g.Statements, func(t SignedText) bool { return TextDigest(t.Text) == digest })
	if i < 0 {
		return nil, paper{}, false
	}
	s, err := ParseStatement(g.Statements[i].Text)
	at := slices.Index(g.chain.Digests, s.Field("trust"))
	if err != nil || s.Kind != Proposal || at < 0 {
		return nil, paper{}, false
	}
	policy, ok := g.chain.Versions[at].Policy(g.Env)
	if !ok {
		return nil, paper{}, false
	}
	under := sift(g.chain.Versions[at], policy, g.Statements)
	i = slices.IndexFunc(under.kept, func(p paper) bool { return p.digest == digest })
	if i < 0 {
		return nil, paper{}, false
	}
	return under, under.kept[i], true
}
