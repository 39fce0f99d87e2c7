package main

import (
	"time"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts/detect"
)

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
		File  string `json:"file"`
		Group string `json:"group"`
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
		l.found = append(l.found, audit.Entry{Type: typeBaselineRefused, Actor: actorLoop, Body: refusedBody{f.name, c.Group, plain(why.Error())}})
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
