package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/facts/detect"
)

const (
	// keepEvery is the least time between two files of a group, unless a new
	// version begins: what is lost with the process is then some epochs.
	keepEvery = 5 * time.Minute
	// lookEvery is how often a group's requests are looked for.
	lookEvery = time.Second
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

	version int             // of the baseline that was recorded last
	due     bool            // an epoch was closed since it was kept
	fresh   bool            // or a frame came
	kept    time.Time       // last
	looked  time.Time       // for requests
	begun   map[string]bool // requests that were carried out, and are not removed yet
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

// keep has the scribe write down what the detector has learnt, and once that is
// kept and recorded, what came with it. It reports whether the scribe has taken
// it on.
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
		done := err == nil
		if renewed {
			done = k.scribe.record(ctx, typeVersion, actorLoop, versionOf(k.group, l, f.name)) && done
		}
		if done && then != nil {
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
	if len(names) == 0 {
		clear(k.begun)
	}
	for _, name := range names {
		if room := len(k.scribe.jobs) < maxRequests; room && !k.begun[name] {
			k.carryOut(name)
		}
	}
}

// carryOut answers one request: it is in force at once, then kept, recorded
// and removed. When the process dies before that, or the disk or the log refuses,
// it is carried out again by the next process, which a label bears, and a reset
// too: it begins one version more.
func (k *keeper) carryOut(name string) {
	r, err := k.store.request(name)
	if err == nil && r.Group != k.group {
		err = fmt.Errorf("baselines: request for group %.40q, want %s", r.Group, k.group)
	}
	if err != nil {
		k.begun[name] = k.scribe.take(func(ctx context.Context) {
			k.scribe.logger.Warn("request refused", "group", k.group, "file", name, "error", err)
			if k.scribe.record(ctx, typeBaselineRefused, actorLoop, refusedBody{plain(name), k.group, plain(err.Error())}) {
				k.scribe.tidy(k.store.putAside(name))
			}
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
		if k.scribe.record(ctx, "baseline."+r.Kind, r.who(), requestBody{moved, r}) {
			k.scribe.tidy(k.store.answered(name))
		}
	})
}

// who is the actor of a request in the log.
func (r *baselineRequest) who() string {
	if r.By != "" {
		return "operator:" + r.By
	}
	return "incident:" + r.Incident
}
