package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/facts"
)

// classes orders the verbs that take capacity away by how much they do; verbs
// that do not are missing.
var classes = map[actions.Verb]int{actions.Weight: 1, actions.Drain: 2, actions.Maint: 3}

// maxReasonBytes bounds the joined reasons of an intent.
const maxReasonBytes = 1024

// The words of [Conflict.Why].
const (
	whyVeto      = "veto"      // a rule vetoed the verb
	whyCut       = "cut"       // not all rules were evaluated: one of them might have vetoed it
	whyTier      = "tier"      // the pack does not accept the evidence's tier for this verb
	whyAgeing    = "ageing"    // the evidence certifies less than the pack demands for this verb
	whySalience  = "salience"  // a rule of higher salience proposed another verb
	whyClass     = "class"     // a rule of equal salience proposed a less invasive verb
	whyEscalated = "escalated" // neither is less invasive: a human is told
)

// settle turns claims into wants by a fixed table:
//
//  1. a veto beats every proposal of its verb, and the want of a rule that was
//     not evaluated every proposal but that of telling a human;
//  2. evidence of a tier that the pack does not accept, or that certifies less
//     than the pack demands, takes no capacity away;
//  3. the same verb on the same member is wanted once, with all reasons;
//  4. of different verbs on one member, the higher salience wins;
//  5. at equal salience the less invasive wins;
//  6. else none does, and a human is told.
//
// Telling a human excludes nothing. Claims come in canonical order, so the
// outcome does not depend on the order of files; strata do not count here.
func (p *Program) settle(d *Decision, all []claim, f *facts.Fact) {
	slices.SortStableFunc(all, func(a, b claim) int { return cmp.Compare(b.salience, a.salience) })
	var stand []claim
	for _, c := range all {
		why, winner := "", ""
		if i := slices.IndexFunc(d.Vetoes, func(v Veto) bool { return v.Verb == c.verb }); i >= 0 {
			why, winner = whyVeto, d.Vetoes[i].Rule
		} else if d.Cut != "" && c.verb != actions.Notify {
			why = whyCut
		} else if classes[c.verb] > 0 {
			why = p.doubts(f.Evidence)
		}
		if why != "" {
			d.lose(c, why, winner)
			continue
		}
		stand = append(stand, c)
	}
	best := strongest(stand)
	for _, c := range stand {
		switch {
		case c.verb == actions.Notify || best != nil && c.verb == best.verb:
			d.want(c.verb, c.member, c.reason, c.rule)
		case best == nil: // told to a human below
		case c.salience < best.salience:
			d.lose(c, whySalience, best.rule)
		default:
			d.lose(c, whyClass, best.rule)
		}
	}
	if best == nil {
		d.escalate(stand)
	}
}

// doubts says why evidence is not good enough to take capacity away; empty:
// it is. Facts that are not about a test carry none, and are not judged by it.
func (p *Program) doubts(e *facts.Evidence) string {
	if e == nil {
		return ""
	}
	demanded := e.Declared
	if p.certified != nil {
		demanded = *p.certified
	}
	switch {
	case !slices.Contains(p.tiers, e.Tier):
		return whyTier
	case e.Certified < demanded: // a rate is the time between two false alarms
		return whyAgeing
	}
	return ""
}

// strongest returns the claim whose verb stands, of those that exclude each
// other: nil when there is none, or when the first two cannot be compared.
func strongest(claims []claim) *claim {
	var best *claim
	for i := range claims {
		c := &claims[i]
		switch {
		case c.verb == actions.Notify:
		case best == nil:
			best = c
		case c.verb == best.verb || c.salience < best.salience:
		case !ordered(*c, *best):
			return nil
		case classes[c.verb] < classes[best.verb]:
			best = c
		}
	}
	return best
}

// ordered says whether one of two verbs is the less invasive: both take
// capacity away.
func ordered(a, b claim) bool {
	return classes[a.verb] > 0 && classes[b.verb] > 0
}

// escalate tells a human of proposals that exclude each other.
func (d *Decision) escalate(claims []claim) {
	var verbs []string
	var first *claim
	for i, c := range claims {
		if c.verb == actions.Notify {
			continue
		}
		if first == nil {
			first = &claims[i]
		}
		d.lose(c, whyEscalated, "")
		verbs = append(verbs, fmt.Sprintf("%s by %s", c.verb, c.rule))
	}
	if first != nil {
		d.want(actions.Notify, first.member, "rules of equal salience disagree: "+strings.Join(verbs, ", "), first.rule)
	}
}

func (d *Decision) lose(c claim, why, winner string) {
	d.Conflicts = append(d.Conflicts, Conflict{Lost: c.rule, Verb: c.verb, Why: why, Winner: winner})
}

// want adds an intent, or a reason to one that is there.
func (d *Decision) want(v actions.Verb, member, reason, rule string) {
	for i := range d.Wanted {
		w := &d.Wanted[i]
		if w.Verb != v || w.Member != member {
			continue
		}
		if joined := w.Reason + "; " + reason; !strings.Contains(w.Reason, reason) && len(joined) <= maxReasonBytes {
			w.Reason = joined
		}
		if !slices.Contains(w.Rules, rule) {
			w.Rules = append(w.Rules, rule)
		}
		return
	}
	d.Wanted = append(d.Wanted,
		Want{Member: member, Reason: reason[:min(len(reason), maxReasonBytes)], Rules: []string{rule}, Verb: v})
}
