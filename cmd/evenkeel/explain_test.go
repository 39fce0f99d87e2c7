package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/engine"
	"github.com/evenkeel/evenkeel/facts"
)

// decided makes a log of four decisions, made by the pack in a directory.
func decided(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(decidedInto(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

// idleGuard takes every intent and does nothing.
type idleGuard struct{}

func (idleGuard) Submit(context.Context, actions.Intent) (actions.Outcome, error) {
	return actions.Outcome{}, nil
}

// copyDemoPack copies the pack of the demonstration, by another name: it is no
// longer the one that is built in.
func copyDemoPack(t *testing.T, dir string) {
	t.Helper()
	demo, err := fs.Sub(builtInPacks, "packs/demo")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, demo); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pack.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte("name: demo"), []byte("name: other"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

// decidedInto makes a log in which an engine with the pack in dir decided on two
// alarms, was restarted, and decided on an outcome and a membership.
func decidedInto(data, dir string) error {
	pack, err := readPack(dir)
	if err != nil {
		return err
	}
	program, err := compilePack(pack)
	if err != nil {
		return err
	}
	sick := sickFact("m07", 5)
	hung := sickFact("m08", 0)
	back := facts.Fact{V: 1, Env: "test", Group: "web", Kind: facts.Membership, State: facts.Watch, Member: "m07", Detector: sick.Detector,
		Time: sick.Time, Onset: sick.Time, Expires: sick.Expires, Members: []facts.MemberState{{Name: "m07", State: facts.StandingDrain}}}
	done := back
	done.Kind, done.Members = facts.Result, nil
	done.Outcome = &facts.OutcomeInfo{Act: facts.Digest(nil), Result: "done", Rule: "black_hole", Verb: "drain"}
	for _, run := range [][]facts.Fact{{sick, hung}, {done, back}} {
		if err := decideAll(data, program, run); err != nil {
			return err
		}
	}
	return nil
}

func sickFact(member string, ticks int) facts.Fact {
	at := facts.At(testTime())
	return facts.Fact{V: 1, Env: "test", Group: "web", Kind: facts.Imbalance, State: facts.Alarm, Member: member,
		Time: at, Onset: facts.At(at.Add(-5 * time.Second)), Expires: facts.At(at.Add(time.Hour)),
		Detector: facts.Detector{Build: "test", ID: "local", Params: facts.Digest([]byte("parameters"))}, Window: facts.Digest([]byte("samples")),
		Evidence: &facts.Evidence{Certified: facts.Rate(time.Hour), Declared: facts.Rate(time.Hour), Epochs: 30, Margin: "1", Score: "9.12",
			Threshold: "4.2", Ticks: ticks, Tier: "T2"},
		GroupState: &facts.GroupState{Alarmed: 1, Members: 10, Present: 10, Shift: "none"},
		Effect: []facts.Effect{{Metric: "request_rate", Value: "212", Peers: "41", Score: "4.9"},
			{Metric: "bytes_per_request", Value: "120", Peers: "9200", Score: "-4.4"}}}
}

// decideAll opens the log, restores what it tells, and decides.
func decideAll(data string, program *engine.Program, all []facts.Fact) (err error) {
	now := func() time.Time { return testTime().Add(time.Second) }
	log, err := openAudit(data, "test", now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	e, err := engine.New(engine.Config{Env: "test", Groups: map[string]engine.Group{"web": {Program: program, Mode: engine.Act}},
		Log: log, Guard: idleGuard{}, Now: now})
	if err != nil {
		return err
	}
	if err := e.Restore(context.Background(), log); err != nil {
		return err
	}
	for _, f := range all {
		if err := e.Handle(context.Background(), f, ""); err != nil {
			return err
		}
	}
	return nil
}
