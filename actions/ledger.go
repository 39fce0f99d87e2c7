package actions

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// ledger is what the log says about one group: the fold of its entries. It is
// changed by [ledger.add] alone, so that the ledger of a running guard and the
// one a restart rebuilds are the same.
type ledger struct {
	acts    map[string]*life     // acts that have not ended, by id
	known   map[string]Outcome   // how each act and refusal last stood, while its intent might come again
	fresh   []remembered         // the keys of known, oldest first
	spent   []time.Time          // when acts took a member out, the last hour's, oldest first
	members map[string]*history  // by member
	noted   map[string]time.Time // by rule and member: when a human was last notified
	panic   time.Time            // when a human was last told of a panic
	recent  []Outcome            // outcomes of the last minutes, oldest first: told again after a restart
}

type remembered struct {
	act string
	at  time.Time
}

// history is what cooldown and attempts know of a member.
type history struct {
	attempts int       // acts that took it out, in this incident
	last     time.Time // the latest of them, or its end
	ended    time.Time // when the last act that reached the balancer ended
	told     bool      // a human knows that attempts are used up
}

// phase is where an open act stands.
type phase string

const (
	sending   phase = "sending"   // recorded; whether it was applied is not known yet
	verifying phase = "verifying" // applied; the effect is being read back
	holding   phase = "holding"   // the member is out, and ours
	undoing   phase = "undoing"   // being put back
	escalated phase = "escalated" // a human's, until the member is seen in service
)

// life is one open act.
type life struct {
	id       string
	intent   Intent
	verb     Verb
	weight   int    // for Weight
	prior    int    // weight before the act
	instance string // of the balancer that last showed or took the effect
	number   int    // order of admission

	phase   phase
	since   time.Time     // of the phase
	held    time.Time     // when it first held; zero before
	why     why           // of the last call
	flying  bool          // a call was recorded and its answer is not known
	sent    time.Time     // of that call
	until   time.Time     // its deadline
	lease   time.Duration // what it was given
	tries   int           // calls in this phase
	reached bool          // the balancer may have been changed by it
	limit   string        // that last held back a reapply
}

// pause returns how long after its last call an act that is being undone is
// left alone: nothing before the first call, then doubling up to backoffLast.
func (a *life) pause() time.Duration {
	if a.tries == 0 {
		return 0
	}
	return min(backoffFirst<<min(a.tries-1, 8), backoffLast)
}

func newLedger() *ledger {
	return &ledger{acts: map[string]*life{}, known: map[string]Outcome{},
		members: map[string]*history{}, noted: map[string]time.Time{}}
}

// retell is how far back outcomes are told again after a restart: a crash
// between a durable outcome and its publication loses nothing.
const retell = time.Minute

// add folds one entry, recorded at t. Entries that do not fit the state, as an
// append that failed after all may leave behind, change nothing.
func (l *ledger) add(t time.Time, body any) {
	l.forget(t)
	switch b := body.(type) {
	case *intentBody:
		l.admit(t, b)
	case *refusedBody:
		l.refuse(t, b)
	case *sentBody:
		l.send(t, b)
	case *resultBody:
		l.answer(t, b)
	case *Outcome:
		l.conclude(t, b)
	}
}

func (l *ledger) admit(t time.Time, b *intentBody) {
	in := b.Intent
	l.remember(t, Outcome{Act: b.Act, Group: in.Group, Member: in.Member, Result: Sent, Rule: in.Rule, Time: t, Verb: in.Verb})
	if in.Verb == Notify {
		l.noted[in.Rule+"\x00"+in.Member] = t
		return
	}
	a := &life{id: b.Act, intent: in, verb: in.Verb, prior: b.PriorWeight, instance: b.Instance,
		number: len(l.acts), phase: sending, since: t, why: whyAct}
	for _, other := range l.acts {
		a.number = max(a.number, other.number+1)
	}
	if in.Verb == Weight {
		a.weight, _ = in.weight() // checked before it was admitted
	}
	l.acts[b.Act] = a
	if !in.Verb.removes() {
		return
	}
	l.spent = append(l.spent, t)
	h := l.history(in.Member)
	if t.Sub(h.last) >= incidentMemory {
		h.attempts, h.told = 0, false
	}
	h.attempts++
	h.last = t
}

func (l *ledger) refuse(t time.Time, b *refusedBody) {
	a := l.acts[b.Act]
	if b.Why != whyAct {
		if a != nil {
			a.limit = b.Limit
		}
		return
	}
	l.remember(t, b.outcome())
	l.close(t, a)
}

func (l *ledger) send(t time.Time, b *sentBody) {
	a := l.acts[b.Act]
	if a == nil {
		return
	}
	if b.Why == whyReapply {
		l.spent = append(l.spent, t)
	}
	next := sending
	if b.Why == whyUndo || b.Why == whyRelease {
		next = undoing
	}
	if a.phase != next {
		a.phase, a.since, a.tries = next, t, 0
	}
	a.why, a.flying, a.until, a.limit = b.Why, true, b.Deadline, ""
	a.sent, a.lease = t, b.Deadline.Sub(t)
	a.tries++
}

func (l *ledger) answer(t time.Time, b *resultBody) {
	a := l.acts[b.Act]
	if a == nil {
		return
	}
	switch b.Answer {
	case answerUnknown:
		a.reached = true
		o := l.known[b.Act]
		o.Detail = "no answer, to be read back: " + b.Detail
		l.known[b.Act] = o
	case answerMissed:
		a.phase, a.since, a.why, a.tries = undoing, t, whyUndo, 0
	case answerNotApplied:
		a.flying = false
		if a.why == whyReapply && a.phase == sending {
			a.phase, a.since = holding, t
		}
	case answerApplied, answerSeen:
		a.flying, a.reached = false, true
		if b.Instance != "" {
			a.instance = b.Instance
		}
		if a.phase == sending {
			a.phase, a.since = verifying, t
		}
	}
}

func (l *ledger) conclude(t time.Time, o *Outcome) {
	l.remember(t, *o)
	l.recent = append(l.recent, *o)
	switch {
	case o.Result == Escalated && o.Limit == limitAttempts:
		l.history(o.Member).told = true
	case o.Result == Escalated && o.Limit == limitPanic:
		l.panic = t
	}
	a := l.acts[o.Act]
	if a == nil {
		return
	}
	switch {
	case o.Result == Done && a.verb.removes():
		a.phase, a.since = holding, t
		if a.held.IsZero() {
			a.held = t
		}
	case o.Result == Escalated && a.verb.removes():
		a.phase, a.since, a.flying = escalated, t, false
		l.rest(t, a)
	case o.Result == DryRun:
		l.history(o.Member).attempts--
		a.reached = true // paced like an act
		l.close(t, a)
	default:
		l.close(t, a)
	}
}

// close ends an act; nil is none.
func (l *ledger) close(t time.Time, a *life) {
	if a == nil {
		return
	}
	if a.reached && a.verb.removes() {
		l.rest(t, a)
	}
	delete(l.acts, a.id)
}

// rest starts the member's cooldown.
func (l *ledger) rest(t time.Time, a *life) {
	h := l.history(a.intent.Member)
	h.last, h.ended = t, t
}

func (l *ledger) history(member string) *history {
	h := l.members[member]
	if h == nil {
		h = &history{}
		l.members[member] = h
	}
	return h
}

func (l *ledger) remember(t time.Time, o Outcome) {
	if _, ok := l.known[o.Act]; !ok {
		l.fresh = append(l.fresh, remembered{o.Act, t})
	}
	l.known[o.Act] = o
}

// forget drops what no decision will ask for again. The outcome of an act is
// kept as long as its intent can be fresh.
func (l *ledger) forget(t time.Time) {
	for len(l.fresh) > 0 && t.Sub(l.fresh[0].at) > maxLife {
		act := l.fresh[0].act
		l.fresh = l.fresh[1:]
		if l.acts[act] != nil {
			l.fresh = append(l.fresh, remembered{act, t})
		} else {
			delete(l.known, act)
		}
	}
	for len(l.spent) > 0 && t.Sub(l.spent[0]) >= time.Hour {
		l.spent = l.spent[1:]
	}
	for len(l.recent) > 0 && t.Sub(l.recent[0].Time) > retell {
		l.recent = l.recent[1:]
	}
	if len(l.noted) > maxMembers || len(l.members) > 2*maxMembers {
		maps.DeleteFunc(l.noted, func(_ string, at time.Time) bool { return t.Sub(at) > maxHold })
		maps.DeleteFunc(l.members, func(_ string, h *history) bool { return t.Sub(h.last) > maxHold })
	}
}

// open returns the acts that have not ended in the order of their admission.
func (l *ledger) open() []*life {
	return slices.SortedFunc(maps.Values(l.acts), func(a, b *life) int { return cmp.Compare(a.number, b.number) })
}

// owner returns the act that took the member out, or nil.
func (l *ledger) owner(member string) *life {
	for _, a := range l.acts {
		if a.intent.Member == member && a.verb.removes() {
			return a
		}
	}
	return nil
}

// restoring returns the act that is putting the member back, or nil.
func (l *ledger) restoring(member string) *life {
	for _, a := range l.acts {
		if a.intent.Member == member && a.verb == Restore {
			return a
		}
	}
	return nil
}

// spentSince counts the acts that took a member out since t; the log's clock
// shows whole milliseconds, rounded down.
func (l *ledger) spentSince(t time.Time) int {
	n := 0
	for _, s := range l.spent {
		if !s.Before(stamp(t)) {
			n++
		}
	}
	return n
}
