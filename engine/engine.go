package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts"
)

// Recorder is the log: Append returns when the entries are durable, all or
// none. *audit.Log is one.
type Recorder interface {
	Append(ctx context.Context, entries ...audit.Entry) ([]audit.Record, error)
}

// Submitter takes an intent on its way. *actions.Guard is one, and so is a queue
// before it: the engine looks at the error only, and outcomes come back as facts.
type Submitter interface {
	Submit(ctx context.Context, i actions.Intent) (actions.Outcome, error)
}

// Group is what a group is decided by: a program, and what becomes of what its
// rules propose.
type Group struct {
	Program *Program
	Mode    Mode
}

// Config is what an engine needs. Log, Guard and at least one group are
// required.
type Config struct {
	Env    string
	Groups map[string]Group
	Log    Recorder
	Guard  Submitter
	Now    func() time.Time // nil: time.Now

	// OnDecision, when not nil, is told of each decision after it was recorded
	// and before its intents are submitted. It is called under the group's lock
	// and must not call the engine.
	OnDecision func(facts.Fact, Decision)

	// OnAside, when not nil, is given the alarm about each rule that was put
	// aside, to be published: rules may read it as they do other facts. It is
	// called after the record, and as OnDecision is.
	OnAside func(facts.Fact)
}

const (
	// maxSkew is how far in the future a fact may lie: clocks of hosts differ.
	maxSkew = 5 * time.Minute
	// decisionTime is how long the rules may take: a thousand times what they do.
	// A machine that stands still for longer has no fresh facts to decide on.
	decisionTime = 5 * time.Second
	// maxFactEntry bounds a fact that is recorded whole, with room for the entry
	// around it.
	maxFactEntry = audit.MaxEntryBytes - 1024
	actor        = "engine"
)

// Stats counts what an engine did since it started.
type Stats struct {
	Accepted   int64 // facts recorded and decided upon
	Refused    int64 // facts recorded as refused
	Duplicates int64 // facts delivered again
	Intents    int64 // submitted to the guard
	Withheld   int64 // intents not submitted, because of the group's mode
	Faults     int64 // rules refused or put aside, summed over decisions
	Undecided  int64 // rules undecided, summed over decisions
	Cut        int64 // decisions that stopped before the last rule
}

// Engine decides on facts as they come. Facts of one group are handled one
// after the other, groups at the same time. It may be used by several
// goroutines at once, and starts none.
type Engine struct {
	env        string
	log        Recorder
	guard      Submitter
	now        func() time.Time
	onDecision func(facts.Fact, Decision)
	onAside    func(facts.Fact)
	groups     map[string]*group // never changed

	recent Recent

	accepted, refused, duplicates, intents, withheld, faults, undecided, cut atomic.Int64
}

// group is what one group is decided by, and its memory.
type group struct {
	live   atomic.Pointer[Group]  // what is in force
	shadow atomic.Pointer[shadow] // nil: there is none

	mu     sync.Mutex // held from the reading of a fact to the end of its submission, and of the shadow's decision
	memory *Memory    // guarded by mu
}

// New returns an engine that remembers nothing: see [Engine.Restore].
func New(c Config) (*Engine, error) {
	if c.Env == "" || len(c.Groups) == 0 || c.Log == nil || c.Guard == nil {
		return nil, errors.New("engine: new: want an environment, a log, a guard and at least one group")
	}
	e := &Engine{env: c.Env, log: c.Log, guard: c.Guard, now: c.Now, onDecision: c.OnDecision, onAside: c.OnAside,
		groups: map[string]*group{}}
	if e.now == nil {
		e.now = time.Now
	}
	for name, g := range c.Groups {
		if err := g.check(); err != nil {
			return nil, fmt.Errorf("engine: new: group %s: %w", name, err)
		}
		e.groups[name] = &group{memory: NewMemory(c.Env, name, g.Mode)}
		e.groups[name].live.Store(&g)
	}
	return e, nil
}

// Stats returns the counts so far.
func (e *Engine) Stats() Stats {
	return Stats{Accepted: e.accepted.Load(), Refused: e.refused.Load(), Duplicates: e.duplicates.Load(),
		Intents:  e.intents.Load(),
		Withheld: e.withheld.Load(), Faults: e.faults.Load(), Undecided: e.undecided.Load(), Cut: e.cut.Load()}
}

// Handle takes a fact from the bus to its decision: it remembers the fact,
// decides, records fact and decision in one durable step, and then submits the
// decision's intents in order. id is the fact's identity; empty: computed here.
//
// A fact that must not be acted on (of an unknown group, out of date, too
// large) is recorded as refused. A fact that was handled before does nothing.
//
// An error before the record means that nothing was recorded, remembered or
// submitted: the fact is to be delivered again. An error after it joins what
// the guard answered; delivering the fact again does nothing then, and a
// condition that lasts comes back as another fact.
func (e *Engine) Handle(ctx context.Context, f facts.Fact, id string) error {
	encoded, err := f.Encode()
	if err != nil {
		return fmt.Errorf("engine: handle %s fact of %s: %w", f.Kind, f.Group, err)
	}
	own := facts.Digest(encoded)
	g, known := e.groups[f.Group]
	if !known || f.Env != e.env {
		return e.refuse(ctx, &f, own, fmt.Sprintf("group %s/%s is not decided upon here", f.Env, f.Group))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.recent.Has(own) {
		e.duplicates.Add(1)
		return nil
	}
	now := e.now()
	switch {
	case id != "" && id != own:
		return e.refuse(ctx, &f, own, fmt.Sprintf("delivered as %.80s, want its digest", id))
	case !now.Before(f.Expires.Time):
		return e.refuse(ctx, &f, own, "out of date since "+f.Expires.String())
	case f.Time.Sub(now) > maxSkew:
		return e.refuse(ctx, &f, own, "from the future: clocks differ by more than "+maxSkew.String())
	case len(encoded) > maxFactEntry:
		return e.refuse(ctx, &f, own,
			fmt.Sprintf("%d bytes, want at most %d to be recorded", len(encoded), maxFactEntry))
	}
	d, err := e.decide(ctx, g, f, own, encoded, now)
	if err != nil || d == nil {
		return err
	}
	err = e.submit(ctx, d)
	g.follow(f, now)
	return err
}

// decide applies, decides and records. The memory is as before when it fails.
// There is no decision when the fact was refused.
func (e *Engine) decide(ctx context.Context, g *group, f facts.Fact, id string,
	encoded []byte, now time.Time) (*Decision, error) {
	undo, err := g.memory.Apply(f, id)
	if err != nil {
		return nil, e.refuse(ctx, &f, id, err.Error())
	}
	live := g.live.Load()
	g.memory.mode = live.Mode
	bounded, cancel := context.WithTimeout(ctx, decisionTime)
	d, err := live.Program.DecideWithin(bounded, now, g.memory)
	cancel()
	if err != nil {
		undo()
		return nil, err
	}
	body := d.Encode()
	digest := facts.Digest(body)
	leaving := g.memory.leaving(&d)
	_, err = e.log.Append(ctx, append([]audit.Entry{
		{Type: "fact.accepted", Actor: actor, Corr: id, Body: acceptedBody{encoded, id}},
		{Type: "decision", Actor: actor, Corr: id, Body: decisionBody{body, digest}},
	}, begun(&d, digest, leaving)...)...)
	if err != nil {
		undo()
		return nil, fmt.Errorf("engine: record the decision on %s of %s: %w", f.Kind, f.Group, err)
	}
	g.memory.Record(&d)
	e.recent.Add(id)
	e.accepted.Add(1)
	e.faults.Add(int64(len(d.Refused) + len(d.Quarantined)))
	e.undecided.Add(int64(len(d.Undecided)))
	if d.Cut != "" {
		e.cut.Add(1)
	}
	if e.onDecision != nil {
		e.onDecision(f, d)
	}
	if e.onAside != nil {
		for _, r := range leaving {
			e.onAside(asideFact(&d, r))
		}
	}
	return &d, nil
}

// submit hands the intents of a recorded decision to the guard.
func (e *Engine) submit(ctx context.Context, d *Decision) error {
	intents := d.Intents()
	if !d.Acts() {
		e.withheld.Add(int64(len(intents)))
		return nil
	}
	var errs []error
	for _, i := range intents {
		e.intents.Add(1)
		if _, err := e.guard.Submit(ctx, i); err != nil {
			errs = append(errs, fmt.Errorf("engine: submit %s %s/%s: %w", i.Verb, i.Group, i.Member, err))
		}
	}
	return errors.Join(errs...)
}

// refuse records that a fact was not decided upon, and why.
func (e *Engine) refuse(ctx context.Context, f *facts.Fact, id, why string) error {
	if e.recent.Has(id) {
		e.duplicates.Add(1)
		return nil
	}
	_, err := e.log.Append(ctx, audit.Entry{Type: "fact.refused", Actor: actor, Corr: id,
		Body: refusedBody{Env: f.Env, Group: f.Group, ID: id, Kind: f.Kind, Member: f.Member, Why: why}})
	if err != nil {
		return fmt.Errorf("engine: record the refusal of %s of %s: %w", f.Kind, f.Group, err)
	}
	e.recent.Add(id)
	e.refused.Add(1)
	return nil
}

// The bodies of the entries; keys sorted.
type (
	acceptedBody struct {
		Fact json.RawMessage `json:"fact"`
		ID   string          `json:"id"`
	}
	decisionBody struct {
		Decision json.RawMessage `json:"decision"`
		ID       string          `json:"id"`
	}
	refusedBody struct {
		Env    string     `json:"env"`
		Group  string     `json:"group"`
		ID     string     `json:"id"`
		Kind   facts.Kind `json:"kind"`
		Member string     `json:"member,omitempty"`
		Why    string     `json:"why"`
	}
)
