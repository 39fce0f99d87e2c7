package knowledge

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/audit"
)

// takers are what applying an entry of each type does. A type that is not here
// is none of the ledger's.
var takers = map[string]func(*Ledger, audit.Stored, audit.Record) error{
	typeRegister: takeRegister,
	typeProposed: takePaper, typeApproved: takePaper, typeRejected: takePaper, typeWithdrawn: takePaper, typeRollback: takePaper,
	typeGlass: takePaper, typeStop: takePaper, typeResume: takePaper, typeReview: takePaper, typeArchive: takePaper,
	typeScheduled: takeStep, typeShadow: takeStep, typeRing: takeStep, typeActivated: takeStep, typeStandby: takeStep,
	typeRolledback: takeStep, typeOpened: takeStep, typeClosed: takeStep, typeHalted: takeStep, typeExpired: takeStep, typeStale: takeStep,
	typeSwitch: takeSwitch, typeSwitchOff: takeSwitchOff, typeBegun: takeBegun, typeLifted: takeLifted,
}

func takeRegister(l *Ledger, e audit.Stored, _ audit.Record) error {
	var b registerBody
	if err := readBody(e, &b); err != nil {
		return err
	}
	return l.again(e, "", b.Digest, b.Text, b.Signatures)
}

func takePaper(l *Ledger, e audit.Stored, _ audit.Record) error {
	var b paperBody
	if err := readBody(e, &b); err != nil {
		return err
	}
	return l.again(e, b.Kind, b.Digest, b.Text, b.Signatures)
}

// again judges a paper as of its entry's time, as when it came in, and takes it.
func (l *Ledger) again(e audit.Stored, kind Kind, digest, text string, signatures []string) error {
	t := SignedText{Name: e.Type, Text: []byte(text)}
	for _, s := range signatures {
		t.Signatures = append(t.Signatures, []byte(s))
	}
	if got := TextDigest(t.Text); got != digest {
		return fmt.Errorf("the text has digest %s, the entry says %s", got, digest)
	}
	a, err := l.admit(t, e.Time)
	if err != nil {
		return err
	}
	got, ok := kindOf(t.Text)
	if is := a.entry; is.Type != e.Type || is.Actor != e.Actor || is.Corr != e.Corr || ok && got != kind {
		return fmt.Errorf("the text makes an entry %s by %s about %s, found %s by %s about %s", is.Type, is.Actor, is.Corr, e.Type, e.Actor, e.Corr)
	}
	a.take(e.Time)
	return nil
}

// takeStep takes in that a rollout went on, or back. What goes back is believed;
// what goes on has to be due at the entry's time.
func takeStep(l *Ledger, e audit.Stored, _ audit.Record) error {
	var b stepBody
	if err := readBody(e, &b); err != nil {
		return err
	}
	switch e.Type {
	case typeRolledback, typeOpened:
		return l.carryOut(e.Type, b.Proposal, e.Time)
	case typeClosed:
		return l.close(e.Time)
	case typeExpired:
		if i := slices.IndexFunc(l.orders, func(o *order) bool { return o.digest == b.Proposal }); i >= 0 {
			l.orders = slices.Delete(l.orders, i, i+1)
			return nil
		}
	}
	c := l.change(b.Proposal)
	if c == nil || c.ended != "" {
		return fmt.Errorf("no change under way has the digest %.80s", b.Proposal)
	}
	return l.move(c, e.Type, b, e.Time)
}

// move takes a change to where a step says.
func (l *Ledger) move(c *change, typ string, b stepBody, at time.Time) error {
	switch typ {
	case typeScheduled:
		c.scheduled = true
		return nil
	case typeShadow, typeStandby:
		return l.begin(c, typ, at)
	case typeRing, typeActivated:
		return l.goOn(c, typ, b.Stage, at)
	case typeHalted:
		if !c.rolling() {
			return errors.New("the change is not being rolled out")
		}
		c.end("halted", b.Why, at)
		return nil
	}
	if !c.open() && c.stage != stateStandby {
		return errors.New("the change has begun")
	}
	c.end(map[string]string{typeExpired: "expired", typeStale: "stale"}[typ], b.Why, at)
	return nil
}

func (l *Ledger) begin(c *change, typ string, at time.Time) error {
	standby := c.plan.Field("kind") == "standby"
	if !c.open() || standby != (typ == typeStandby) {
		return errors.New("the change has begun, or is of another kind")
	}
	v, err := l.begins(c, at)
	if err != nil {
		return err
	}
	c.began, c.entry, c.approvers = at, l.seq, v.Approvers
	c.under, c.said = len(l.registers), len(c.papers)
	c.since, c.stage = at, stageShadow
	if standby {
		c.stage = stateStandby
	}
	return nil
}

func (l *Ledger) goOn(c *change, typ, stage string, at time.Time) error {
	_, next := c.next()
	if !c.rolling() || next.Name != stage || (stage == stageAll) != (typ == typeActivated) {
		return fmt.Errorf("stage %.80q does not follow %q", stage, c.stage)
	}
	if err := l.goesOn(c, at); err != nil {
		return err
	}
	c.stage, c.since = stage, at
	if typ == typeRing {
		return nil
	}
	if l.carrier != nil {
		l.carrier.end("superseded", "by "+c.digest, at)
	}
	c.live = true
	l.live = Live{Bundle: c.plan.Field("bundle"), Seq: c.plan.Number("seq"), Since: at, Proposal: c.digest, Parent: l.live.Bundle}
	l.carrier, l.before, l.undo = c, l.carrier, nil
	return nil
}

// carryOut carries out a rollback or break-glass.
func (l *Ledger) carryOut(typ, digest string, at time.Time) error {
	i := slices.IndexFunc(l.orders, func(o *order) bool { return o.digest == digest })
	if i < 0 {
		return fmt.Errorf("no rollback or break-glass with the digest %.80s is to be carried out", digest)
	}
	o := l.orders[i]
	if (o.s.Kind == Breakglass) != (typ == typeOpened) {
		return fmt.Errorf("%s is a %s", digest, o.s.Kind)
	}
	if why := l.forbids(o, at); why != "" {
		return errors.New(why)
	}
	l.orders = slices.Delete(l.orders, i, i+1)
	if typ == typeOpened {
		l.glass = &glass{o.of, at, at.Add(o.s.Span("life"))}
		if l.owed == nil {
			l.owed = &duty{by: at.Add(afterReview)}
		}
		l.owed.since, l.owed.openers = at, append(l.owed.openers, o.s.Field("person"))
		return nil
	}
	o.done, o.live, o.under = at, l.live, len(l.registers)
	l.carrier.end("undone", "by "+o.digest, at)
	if l.before != nil {
		l.before.ended, l.before.why, l.before.live, l.before.since = "", "", true, at
	}
	l.live = Live{Bundle: o.s.Field("bundle"), Seq: o.s.Number("seq"), Since: at, Proposal: o.digest, Parent: l.live.Bundle}
	l.carrier, l.before, l.undo = l.before, nil, o
	return nil
}

func (l *Ledger) close(time.Time) error {
	if l.glass == nil {
		return errors.New("no break-glass is open")
	}
	l.glass = nil
	return nil
}
