package main

import (
	"maps"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
	"github.com/evenkeel/evenkeel/knowledge"
)

const (
	// imbalanceMemory is how far back the imbalance of a group reaches: longer
	// than an alarm that comes and goes, shorter than a stage.
	imbalanceMemory = time.Minute
	// maxUnseen is the longest time between two looks that counts as watched. The
	// governor looks five times a second; where nobody looked for longer the process
	// was down or hung, or somebody set the clock.
	maxUnseen = 10 * time.Second
	// maxOverseenActs bounds the acts of a candidate whose outcome is awaited.
	maxOverseenActs = 10_000
)

// overseer measures what a bundle that is being rolled out does, in the groups
// of its rings and in shadow in the others, for the watch that may halt it.
type overseer struct {
	mu    sync.Mutex // guards what follows
	stage overseen
	watch *knowledge.Watch // of the stage; nil: nothing is rolled out
	sum   knowledge.Measurement
	seen  time.Duration   // for which this process watched the stage
	last  time.Time       // of the looks at it, or when it began
	acts  map[string]bool // by the candidate, whose outcome is awaited

	standing map[string]standingAlarm // by group
	mean     map[string]float64       // imbalance by group
	looked   time.Time
	before   map[string]float64 // mean, when the rollout began
}

// overseen is a stage of a rollout.
type overseen struct {
	change, bundle, name string
	dwell                time.Duration // for which it has to be watched
}

// standingAlarm is the share of a group's members that are alarmed, as its
// newest fact says.
type standingAlarm struct {
	share   float64
	expires time.Time
}

// newOverseer returns an overseer of groups of which no fact was seen yet: a
// group in balance has none.
func newOverseer(groups []string) *overseer {
	o := &overseer{acts: map[string]bool{}, standing: map[string]standingAlarm{}, mean: map[string]float64{}}
	for _, g := range groups {
		o.mean[g] = 0
	}
	return o
}

// begin watches a stage from now on. A stage that is watched already goes on;
// without a change nothing is watched.
func (o *overseer) begin(to overseen, d *knowledge.Dossier, ring []string, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if to == o.stage {
		return
	}
	if to.change != o.stage.change {
		o.before = maps.Clone(o.mean)
		clear(o.acts)
	}
	o.stage, o.watch, o.sum, o.seen, o.last = to, nil, newMeasurement(), 0, now
	if to.change != "" {
		o.watch = knowledge.NewWatch(d, ring, o.before, now)
	}
}

func newMeasurement() knowledge.Measurement {
	return knowledge.Measurement{Fired: map[string]int64{}, Refused: map[string]int64{}}
}

// shadowed takes in what the candidate decided without effect. An error is that
// it could not decide.
func (o *overseer) shadowed(f facts.Fact, d engine.Decision, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.watch == nil {
		return
	}
	if err != nil {
		o.sum.Decisions++
		o.sum.Overruns++
		return
	}
	o.count(&d)
}

// decided takes in a live decision and the fact that it is about.
func (o *overseer) decided(f facts.Fact, d engine.Decision) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := f.GroupState; s != nil && s.Members > 0 {
		o.standing[f.Group] = standingAlarm{float64(s.Alarmed) / float64(s.Members), f.Expires.Time}
	}
	if o.watch == nil || d.Version != o.stage.bundle {
		return
	}
	o.count(&d)
	for _, i := range d.Intents() {
		if len(o.acts) < maxOverseenActs {
			o.acts[i.ID()] = true
		}
	}
}

// count adds a decision of the candidate. mu is held.
func (o *overseer) count(d *engine.Decision) {
	o.sum.Decisions++
	if d.Cut != "" {
		o.sum.Overruns++
	}
	for _, m := range d.Matched {
		o.sum.Fired[m.Rule]++
	}
	for _, r := range d.Refused {
		o.sum.Refused[r.Rule]++
	}
	o.sum.Aside = append(o.sum.Aside[:0:0], d.Quarantined...)
}

// outcome takes in what became of an act.
func (o *overseer) outcome(a actions.Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.acts[a.Act] || a.Result == actions.Sent {
		return
	}
	delete(o.acts, a.Act)
	o.sum.Acts++
	switch a.Result {
	case actions.Failed:
		o.sum.Failed++
	case actions.Undone, actions.Escalated:
		o.sum.Undone++
	}
}

// look judges what was measured since the last look, and returns why the rollout
// must be halted, "" when it need not be.
func (o *overseer) look(now time.Time) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.weigh(now)
	o.seen += min(max(now.Sub(o.last), 0), maxUnseen)
	o.last = now
	if o.watch == nil {
		return ""
	}
	m := o.sum
	m.Time, m.Imbalance = now, maps.Clone(o.mean)
	o.sum = newMeasurement()
	return o.watch.Observe(m)
}

// weigh brings the mean imbalance of each group up to date. mu is held.
func (o *overseer) weigh(now time.Time) {
	part := min(now.Sub(o.looked).Seconds()/imbalanceMemory.Seconds(), 1)
	if o.looked.IsZero() {
		part = 1
	}
	o.looked = now
	for group, s := range o.standing {
		if now.After(s.expires) {
			s.share = 0
		}
		o.mean[group] += (s.share - o.mean[group]) * max(part, 0)
	}
}

// ripe reports whether this process has watched a change's stage for as long as
// it dwells there. Time in which nobody watched, because the process was down or
// somebody set the clock on, is no dwelling.
func (o *overseer) ripe(change string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stage.change == change && o.seen >= o.stage.dwell
}

// end judges the stage when its time is over.
func (o *overseer) end(now time.Time) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.watch == nil {
		return ""
	}
	return o.watch.End(now)
}
