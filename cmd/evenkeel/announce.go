package main

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts"
)

// outcomeLife is how long an outcome may be on its way to the engine. Later it
// is no ground to act on; what is held out is then known from the membership.
const outcomeLife = time.Hour

// submit hands an intent to the guard and announces what is durable of it.
func (l *loop) submit(ctx context.Context, i actions.Intent) {
	o, err := l.guard.Submit(ctx, i)
	if err != nil {
		l.config.Logger.Warn("intent not carried out", "group", i.Group, "member", i.Member, "verb", i.Verb, "error", err)
	}
	switch o.Result {
	case actions.Sent:
		l.outbox.add(letter{send: func(ctx context.Context) error {
			return l.bus.PublishIntent(ctx, i.Group, string(i.Verb), o.Act, encoded(i))
		}})
		l.announce(o)
	case actions.Refused:
		l.announce(o)
	} // other outcomes are told to onOutcome
}

// dropped records that an intent never came to the guard.
func (l *loop) dropped(ctx context.Context, i actions.Intent, why error) {
	l.config.Logger.Warn("intent dropped", "group", i.Group, "member", i.Member, "verb", i.Verb, "error", why)
	_, err := l.log.Append(ctx, audit.Entry{Type: typeDropped, Actor: actorLoop, Corr: i.ID(),
		Body: droppedBody{i.Group, i.Member, i.Rule, i.Verb, why.Error()}})
	if err != nil {
		l.config.Logger.Warn("intent dropped without a record", "group", i.Group, "error", err)
	}
}

// onOutcome takes a recorded outcome from the guard and tells the engine, by
// the same way that every fact goes.
func (l *loop) onOutcome(_ context.Context, o actions.Outcome) {
	l.announce(o)
	if l.governance != nil {
		l.governance.overseer.outcome(o)
	}
	f := l.outcomeFact(o)
	l.outbox.add(letter{must: true, send: func(ctx context.Context) error { return l.bus.Publish(ctx, f) }})
}

// announce tells the narrator, and whoever listens on the bus.
func (l *loop) announce(o actions.Outcome) {
	l.acted(o)
	l.tell(loopEvent{Time: o.Time, Group: o.Group, Outcome: &o})
	body := encoded(o)
	l.outbox.add(letter{send: func(ctx context.Context) error {
		return l.bus.PublishResult(ctx, localName, o.Group, facts.Digest(body), body)
	}})
}

// aside publishes the alarm about a rule that was put aside, which the log has
// already.
func (l *loop) aside(f facts.Fact) {
	l.config.Logger.Warn("rule put aside", "group", f.Group, "detail", f.Health.Detail)
	f.Detector.Build = buildVersion()
	l.outbox.add(letter{must: true, send: func(ctx context.Context) error { return l.bus.Publish(ctx, f) }})
}

// outcomeFact returns o as a fact. The same outcome gives the same fact.
func (l *loop) outcomeFact(o actions.Outcome) facts.Fact {
	at := facts.At(o.Time)
	return facts.Fact{
		V: 1, Kind: facts.Result, State: facts.Watch, Env: l.config.Env, Group: o.Group, Member: o.Member,
		Time: at, Onset: at, Expires: facts.At(o.Time.Add(outcomeLife)),
		Detector: facts.Detector{ID: "guard", Build: buildVersion(), Params: facts.Digest(nil)},
		Outcome: &facts.OutcomeInfo{Act: o.Act, Detail: plain(o.Detail), Result: string(o.Result),
			Rule: plain(o.Rule), Verb: string(o.Verb)},
	}
}

// encoded returns v, which holds strings, numbers and times only, as JSON in
// the form whose digest is an intent's identity.
func encoded(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("evenkeel: such a value always encodes: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// plain returns s as a fact may carry it: one line, of at most a kilobyte.
func plain(s string) string {
	const most = 1024
	b := make([]rune, 0, min(len(s), most))
	n := 0
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			r = ' '
		}
		if n += len(string(r)); n > most {
			break
		}
		b = append(b, r)
	}
	return string(b)
}
