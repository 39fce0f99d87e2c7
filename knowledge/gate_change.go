package knowledge

import (
	"slices"
	"strings"
	"time"
)

// instant is a point in time with the words for it.
type instant struct {
	time.Time
	name string
}

// change judges one proposal.
func (g *gate) change(p paper) Verdict {
	var c complaints
	g.fits(&c, p)
	g.inTime(&c, p)
	g.rollout(&c, p)
	people, uncounted := g.yes(p, instant{g.Now, "now"})
	if uint64(len(people)) < g.policy.Approvals {
		c.want(false, "%d of %d approvals", len(people), g.policy.Approvals)
		c = append(c, uncounted...)
	}
	g.objections(&c, p)
	return Verdict{Reasons: c, Approvers: people}
}

// fits complains about a proposal or rollback for anything but this register,
// environment, bundle, parent and sequence.
func (g *gate) fits(c *complaints, p paper) {
	c.want(p.Field("trust") == g.digest, "%s names the register %s, in force is %s", p.Kind, p.Field("trust"), g.digest)
	c.want(p.Field("env") == g.Env, "%s is for %s, want %s", p.Kind, p.Field("env"), g.Env)
	c.want(p.Field("bundle") == g.Bundle, "%s is for the bundle %s, the bytes are %s", p.Kind, p.Field("bundle"), g.Bundle)
	c.want(p.Field("parent") == g.Active, "%s replaces %s, live is %s: stale", p.Kind, p.Field("parent"), g.Active)
	c.want(p.Number("seq") == g.Seq+1, "%s has sequence %d, want %d", p.Kind, p.Number("seq"), g.Seq+1)
}

// inTime complains about a proposal outside its own times, or the policy's.
func (g *gate) inTime(c *complaints, p paper) {
	created, begin, end := p.Time("created"), p.Time("not-before"), p.Time("expires")
	life := end.Sub(created)
	c.want(!created.After(g.Now.Add(clockSkew)), "proposal was created at %s, which is in the future", formatTime(created))
	c.want(!begin.After(g.Now), "not before %s", formatTime(begin))
	c.want(!g.Now.After(end), "proposal expired at %s", formatTime(end))
	c.want(life > 0 && !begin.After(end), "proposal expires at %s, before it can begin", formatTime(end))
	c.want(life <= g.policy.MaxAge, "proposal lives for %v, the policy allows %v", life, g.policy.MaxAge)
	for _, w := range g.policy.Freeze {
		frozen := !g.Now.Before(w.From) && !g.Now.After(w.To)
		c.want(!frozen || p.Field("kind") == "rollback", "frozen from %s to %s", formatTime(w.From), formatTime(w.To))
	}
}

// rollout complains about a plan that goes everywhere at once, or too fast.
func (g *gate) rollout(c *complaints, p paper) {
	stages := p.Rollout()
	last := len(stages) - 1
	c.want(stages[0].Name == "shadow" && strings.HasSuffix(p.Field("rollout"), ",all=0s"),
		"rollout %s does not begin with shadow and end with all=0s", p.Field("rollout"))
	c.want(uint64(len(stages)) >= g.policy.MinRings, "rollout has %d stages, the policy wants %d", len(stages), g.policy.MinRings)
	for _, s := range stages[:last] {
		c.want(s.Dwell >= g.policy.MinDwell, "rollout stays in %s for %v, the policy wants %v", s.Name, s.Dwell, g.policy.MinDwell)
	}
}

// objections complains about a proposal that an approver rejected, or its author
// withdrew. Both name it by its digest; nothing else about them has to fit.
func (g *gate) objections(c *complaints, p paper) {
	var said []string
	for _, o := range g.kept {
		switch {
		case o.Field("proposal") != p.digest:
		case o.Kind == Approval && o.Field("decision") == "reject":
			said = append(said, "rejected by "+o.Field("person")+": "+o.Field("meaning"))
		case o.Kind == Withdrawal && o.Field("person") == p.Field("author"):
			said = append(said, "withdrawn by "+o.Field("person")+": "+o.Field("why"))
		}
	}
	slices.Sort(said)
	*c = append(*c, slices.Compact(said)...)
}
