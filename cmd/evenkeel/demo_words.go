package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/facts/sim"
)

// striking says what begins.
func striking(c demoConfig) string {
	size := c.kind.Size
	switch c.kind.Kind {
	case sim.Empty:
		return c.victim + " answers every request at once with 200 and an empty body; its health check stays green"
	case sim.Err:
		return c.victim + " answers every request at once with 500; its health check stays green"
	case sim.Drop:
		return c.victim + " closes the connection on every request; its health check stays green"
	case sim.Hang:
		return c.victim + " never answers a request; its health check stays green"
	case sim.Hollow:
		return c.victim + " answers 200 after the usual time, without doing the work, with an empty body"
	case sim.Partial:
		return fmt.Sprintf("%s answers %.0f %% of its requests at once with 200 and an empty body", c.victim, 100*size)
	case sim.Slow:
		return fmt.Sprintf("%s takes %g times as long over everything", c.victim, size)
	case sim.Hog:
		return fmt.Sprintf("a neighbour takes the processor of %s: computing takes %g times as long", c.victim, size)
	case sim.Flap:
		return fmt.Sprintf("%s answers with an empty body for %v, works for %[2]v, and so on", c.victim, sim.FlapPeriod)
	case sim.Surge:
		return fmt.Sprintf("the clients send %g times as much for %v; nobody is at fault", size, disturbance)
	case sim.Restart:
		return fmt.Sprintf("%s restarts: gone for %v, then cold for %v; nobody is at fault", c.victim, sim.RestartGap, sim.ColdStart)
	case sim.Dependency:
		return fmt.Sprintf("what all members depend on takes %g times as long for %v; no member is at fault", size, disturbance)
	}
	return "nothing happens: all is well"
}

// mending says what ended.
func mending(c demoConfig) string {
	if c.victim == "" {
		return "it is over: all is as before"
	}
	return "somebody has mended " + c.victim
}

// expectedLoss returns the share of all requests that the fault loses for as
// long as nobody does anything, by the fluid law of the black hole or by the
// member's fair share; 0 where it loses next to none.
func expectedLoss(c demoConfig) float64 {
	hole := sim.Capture(c.members, c.rate*sim.MeanService.Seconds())
	switch c.kind.Kind {
	case sim.Empty, sim.Err, sim.Drop:
		return hole
	case sim.Flap:
		return hole / 2
	case sim.Hollow:
		return 1 / float64(c.members)
	case sim.Partial:
		return c.kind.Size / float64(c.members)
	}
	return 0
}

// comparison says what would have been lost.
func comparison(c demoConfig) string {
	share := expectedLoss(c)
	switch {
	case c.noAct:
		return ", because nothing was done"
	case share < 0.005:
		return ""
	}
	return fmt.Sprintf("; without evenkeel about %.0f %% (see for yourself: --no-act)", 100*share)
}

// hear takes in what the loop tells.
func (s *demoStory) hear(e loopEvent) {
	switch {
	case e.Fact != nil:
		s.hearFact(e.Fact)
	case e.Decision != nil:
		s.hearDecision(e.Decision)
	case e.Outcome != nil:
		s.hearOutcome(e.Outcome)
	case e.Trouble != nil && e.Trouble.Err != nil:
		s.say("out of reach: %s: %v", e.Trouble.Part, e.Trouble.Err)
	case e.Trouble != nil:
		s.say("back: %s", e.Trouble.Part)
	}
}

func (s *demoStory) hearFact(f *facts.Fact) {
	who := cmp.Or(f.Member, f.Cohort, "the group")
	switch {
	case f.Kind == facts.Imbalance && f.State == facts.Alarm && !s.standing[who]:
		s.standing[who] = true
		s.alarms++
		if s.alarm.IsZero() && f.Member != "" && f.Member == s.c.victim && !s.onset.IsZero() {
			s.alarm = time.Now()
		}
		s.say("seen: %s is out of balance%s", who, evidence(f))
	case f.Kind == facts.Imbalance && f.State == facts.Clear && s.standing[who]:
		s.standing[who] = false
		s.say("seen: %s is in balance again", who)
	case f.Kind == facts.Health:
		if s.learnt = f.Health.Status == "ok"; s.learnt {
			s.once("learnt", "learnt enough: %s", f.Health.Detail)
		}
	case f.Kind == facts.Absent && f.State == facts.Alarm:
		s.once("absent "+who+f.Onset.String(), "seen: no word from %s", who)
	case f.Kind == facts.Absent && f.State == facts.Clear:
		s.say("seen: %s reports again", who)
	}
}

// effectsTold is how many of an alarm's reasons are told.
const effectsTold = 3

func evidence(f *facts.Fact) string {
	var b strings.Builder
	if v := f.Evidence; v != nil {
		fmt.Fprintf(&b, ", score %.1f above %.1f", v.Score.Float(), v.Threshold.Float())
		fmt.Fprintf(&b, " (%s, %d healthy epochs: certified one false alarm in %s)", v.Tier, v.Epochs, span(time.Duration(v.Certified)))
	}
	for _, e := range f.Effect[:min(effectsTold, len(f.Effect))] {
		fmt.Fprintf(&b, "\n%12s%s %.4g, its peers %.4g", "", e.Metric, e.Value.Float(), e.Peers.Float())
	}
	return b.String()
}

func (s *demoStory) hearDecision(d *engine.Decision) {
	for _, w := range d.Wanted {
		verb := "decided"
		if !d.Acts() {
			verb = "would be done"
		}
		s.once(fmt.Sprint("want ", w.Verb, w.Member, s.alarms), "%s: %s %s, by rule %s: %s", verb, w.Verb, w.Member, w.Rules[0], w.Reason)
	}
	for _, v := range d.Vetoes {
		s.once("veto "+v.Rule, "held back: no %s, by rule %s: %s", v.Verb, v.Rule, v.Reason)
	}
}

func (s *demoStory) hearOutcome(o *actions.Outcome) {
	taking := o.Verb == actions.Drain || o.Verb == actions.Maint || o.Verb == actions.Weight
	touched := o.Result != actions.Refused && o.Result != actions.DryRun && o.Result != actions.Failed
	if taking && touched && (o.Member != s.c.victim || s.c.kind.Benign() || s.onset.IsZero()) {
		s.acted[o.Member] = true
	}
	switch {
	case o.Result == actions.Refused:
		s.once(fmt.Sprint("refused ", o.Verb, o.Member, o.Limit, s.alarms), "refused: %s %s, by the limit %s: %s", o.Verb, o.Member, o.Limit, o.Detail)
	case o.Result == actions.Done && taking:
		if o.Member == s.c.victim && s.drained.IsZero() {
			s.drained = time.Now()
		}
		s.say("done: %s takes no new work, read back from the balancer", o.Member)
	case o.Result == actions.Done || o.Result == actions.Released:
		s.once(fmt.Sprint("back ", o.Member, o.Time), "done: %s is back in service", o.Member)
	case o.Result == actions.Undone, o.Result == actions.Escalated, o.Result == actions.Failed:
		s.say("%s: %s %s: %s", o.Result, o.Verb, o.Member, o.Detail)
	}
}
