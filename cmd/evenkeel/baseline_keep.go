package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts/detect"
)

const (
	// keepEvery is the least time between two files of a group, unless a new
	// version begins: what is lost with the process is then some epochs.
	keepEvery = 5 * time.Minute
	// lookEvery is how often a group's requests are looked for.
	lookEvery = time.Second
	// scribeJobs bounds what waits for the disk; a group has one or two.
	scribeJobs = 64
)

// keeper stands by a group's detector, in the goroutine of its watcher: it
// tells it of acts and of what people say, and has what it learns kept.
type keeper struct {
	group    string
	detector *detect.Detector
	store    *baselineStore // nil: nothing is kept
	scribe   *scribe
	now      func() time.Time
	acted    atomic.Bool // somebody acted on the group since the last frame

	version int       // of the baseline that was recorded last
	due     bool      // an epoch was closed since it was kept
	fresh   bool      // or a frame came
	kept    time.Time // last
	looked  time.Time // for requests
	begun   map[string]bool
}

// after does what is due after a frame.
func (k *keeper) after() {
	if k.acted.Swap(false) {
		k.detector.Acted()
	}
	if k.store == nil {
		return
	}
	now := k.now()
	k.fresh = true
	if _, closed := k.detector.Closed(); closed {
		k.due = true
	}
	if now.Sub(k.looked) >= lookEvery || now.Before(k.looked) {
		k.looked = now
		k.answer()
	}
	if k.detector.Baseline().Version != k.version || k.due && now.Sub(k.kept) >= keepEvery {
		k.keep(nil)
	}
}

// keep has the scribe write down what the detector has learnt, and then what
// came with it. It reports whether the scribe has taken it on.
func (k *keeper) keep(then func(context.Context)) bool {
	l := k.detector.Learnt()
	if l == nil {
		return false
	}
	renewed := l.Baseline.Version != k.version
	taken := k.scribe.take(func(ctx context.Context) {
		f, err := k.store.save(l)
		if err != nil {
			k.scribe.logger.Warn("baseline not kept", "group", k.group, "error", err)
		}
		if renewed {
			k.scribe.record(ctx, typeVersion, actorLoop, versionOf(k.group, l, f.name))
		}
		if then != nil {
			then(ctx)
		}
	})
	if taken {
		k.version, k.due, k.fresh, k.kept = l.Baseline.Version, false, false, k.now()
	}
	return taken
}

// close has the last of it kept, when the watcher has ended.
func (k *keeper) close() {
	if k.store != nil && k.fresh && !k.keep(nil) && k.detector.Learnt() != nil {
		k.scribe.logger.Warn("what was learnt last is not kept: too much waits to be written", "group", k.group)
	}
}

// answer carries out the requests that wait, once the group is judged.
func (k *keeper) answer() {
	if k.detector.Baseline().Version == 0 {
		return
	}
	names, err := k.store.requests()
	if err != nil {
		k.scribe.logger.Warn("requests not read", "group", k.group, "error", err)
	}
	for _, name := range names {
		if !k.begun[name] {
			k.carryOut(name)
		}
	}
}

// carryOut answers one request: it is in force at once, then kept, recorded
// and removed. When the process dies before that it is carried out again, which
// a label bears, and a reset too: it begins one version more.
func (k *keeper) carryOut(name string) {
	r, err := k.store.request(name)
	if err == nil && r.Group != k.group {
		err = fmt.Errorf("baselines: request for group %.40q, want %s", r.Group, k.group)
	}
	if err != nil {
		k.begun[name] = k.scribe.take(func(ctx context.Context) {
			k.scribe.logger.Warn("request refused", "group", k.group, "file", name, "error", err)
			k.scribe.record(ctx, typeBaselineRefused, actorLoop, refusedBody{k.group, plain(name), plain(err.Error())})
			k.scribe.tidy(k.store.putAside(name))
		})
		return
	}
	moved := 0
	switch r.Kind {
	case requestLabel:
		moved = k.detector.Label(detect.Label{From: r.From, To: r.To, Healthy: r.Healthy, Person: r.By != ""})
	case requestReset:
		k.detector.Reset(r.By + ": " + r.Reason)
	}
	k.begun[name] = k.keep(func(ctx context.Context) {
		k.scribe.logger.Info("baseline "+r.Kind, "group", k.group, "by", r.who(), "epochs", moved)
		k.scribe.record(ctx, "baseline."+r.Kind, r.who(), requestBody{moved, r})
		k.scribe.tidy(k.store.answered(name))
	})
}

// who is the actor of a request in the log.
func (r *baselineRequest) who() string {
	if r.By != "" {
		return "operator:" + r.By
	}
	return "incident:" + r.Incident
}

// suspends reports whether an outcome tells that the group was acted on, so
// that nothing is to be learnt from this epoch.
func suspends(o actions.Outcome) bool {
	switch o.Result {
	case actions.Sent, actions.Done, actions.Undone, actions.Released:
		return o.Verb != actions.Notify
	}
	return false
}

// acted tells the group's keeper of an act.
func (l *loop) acted(o actions.Outcome) {
	if k := l.keepers[o.Group]; k != nil && suspends(o) {
		k.acted.Store(true)
	}
}

// The types of the entries about baselines.
const (
	typeVersion         = "baseline.version"
	typeLoaded          = "baseline.loaded"
	typeBaselineRefused = "baseline.refused"
)

// The bodies of the entries; keys sorted.
type (
	versionBody struct {
		Digest  string    `json:"digest"`         // of the version, as in facts
		Epochs  int       `json:"epochs"`         // behind the threshold of the peers' test
		File    string    `json:"file,omitempty"` // that has it; empty: it could not be kept
		Group   string    `json:"group"`          //
		Reason  string    `json:"reason"`         //
		Taken   time.Time `json:"taken"`          // end of the last tick learnt from
		Version int       `json:"version"`        //
	}
	refusedBody struct {
		Group string `json:"group"`
		File  string `json:"file"`
		Why   string `json:"why"`
	}
	requestBody struct {
		Epochs  int             `json:"epochs"` // of the peers' test that were taken out, or put back
		Request baselineRequest `json:"request"`
	}
)

func versionOf(group string, l *detect.Learnt, file string) versionBody {
	return versionBody{Digest: l.Baseline.Digest, Epochs: l.Tests[0].Epochs, File: file, Group: group, Reason: l.Baseline.Reason, Taken: l.Taken, Version: l.Baseline.Version}
}

// scribe writes for the keepers, so that no watcher waits for a disk.
type scribe struct {
	log    engine.Recorder
	logger *slog.Logger
	jobs   chan func(context.Context)
}

func newScribe(log engine.Recorder, logger *slog.Logger) *scribe {
	return &scribe{log, logger, make(chan func(context.Context), scribeJobs)}
}

// take takes a job on, unless too much waits.
func (s *scribe) take(job func(context.Context)) bool {
	select {
	case s.jobs <- job:
		return true
	default:
		return false
	}
}

// run works until ctx ends, and then off what was taken on before.
func (s *scribe) run(ctx context.Context) error {
	base := context.WithoutCancel(ctx)
	for {
		select {
		case job := <-s.jobs:
			s.do(base, job)
		case <-ctx.Done():
			for {
				select {
				case job := <-s.jobs:
					s.do(base, job)
				default:
					return context.Cause(ctx)
				}
			}
		}
	}
}

func (s *scribe) do(ctx context.Context, job func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, handleTime)
	defer cancel()
	job(ctx)
}

// record writes an entry. That it cannot be written is told.
func (s *scribe) record(ctx context.Context, typ, actor string, body any) {
	if _, err := s.log.Append(ctx, audit.Entry{Type: typ, Actor: actor, Body: body}); err != nil {
		s.logger.Warn("not recorded", "type", typ, "error", err)
	}
}

// tidy tells of what could not be removed.
func (s *scribe) tidy(err error) {
	if err != nil {
		s.logger.Warn("request stays where it is", "error", err)
	}
}

// openBaseline returns the detector of a group, which goes on with what was
// kept of it when that can be read and fits: the newest file first. What does
// not is told and recorded, and at worst the group learns anew.
func (l *loop) openBaseline(c detect.Config) (*detect.Detector, *baselineStore, error) {
	d, err := detect.New(c)
	if err != nil || !l.config.Keep {
		return d, nil, err
	}
	s := newBaselineStore(l.config.Data, c.Group)
	files, err := s.files()
	if err != nil {
		return nil, nil, err
	}
	refused := func(f baselineFile, why error) {
		l.config.Logger.Warn("baseline not used", "group", c.Group, "file", f.name, "error", why)
		l.found = append(l.found, audit.Entry{Type: typeBaselineRefused, Actor: actorLoop, Body: refusedBody{c.Group, f.name, plain(why.Error())}})
	}
	for _, f := range files {
		learnt, err := s.read(f)
		if err != nil {
			refused(f, err)
			continue
		}
		c.Learnt = learnt
		resumed, err := detect.New(c)
		if err != nil {
			refused(f, err)
			continue
		}
		l.config.Logger.Info("baseline resumed", "group", c.Group, "version", learnt.Baseline.Version, "epochs", learnt.Tests[0].Epochs,
			"away", l.config.Now().Sub(learnt.Taken).Round(time.Second), "file", f.name)
		l.found = append(l.found, audit.Entry{Type: typeLoaded, Actor: actorLoop, Body: versionOf(c.Group, learnt, f.name)})
		return resumed, s, nil
	}
	return d, s, nil
}

// errNothingKept says that there is no baseline of a group.
var errNothingKept = errors.New("nothing is kept")
