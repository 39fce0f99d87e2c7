package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/evenkeel/evenkeel/audit"
	"github.com/evenkeel/evenkeel/facts/detect"
)

// TestMain lets the scripts, and tests that need a process of their own, run
// the real program as the command evenkeel.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"evenkeel": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
		},
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "../../testdata/script", RequireExplicitExec: true, Cmds: scriptCommands()})
}

// scriptCommands returns the commands that scripts have besides testscript's own.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){"capture": capture, "decided": decided, "exits": exits,
		"fill": fill, "learn": learn, "until": until}
}

// learn makes the data directory that is its argument.
func learn(ts *testscript.TestScript, _ bool, args []string) { ts.Check(learnInto(ts.MkAbs(args[0]))) }

// learnInto makes a data directory: that of a daemon which has watched the group
// web of the environment test for ten minutes.
func learnInto(data string) error {
	log, err := openAudit(data, "test", time.Now)
	if err != nil {
		return err
	}
	_, err = log.Append(context.Background(), audit.Entry{Type: typeStart, Actor: actorLoop, Body: startBody{Groups: map[string]startGroup{}}})
	if err = errors.Join(err, log.Close()); err != nil {
		return err
	}
	d, err := detect.New(storyConfig)
	if err != nil {
		return err
	}
	for i, f := range healthy(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), 600) {
		if _, err := d.Observe(f); err != nil {
			return err
		}
		if i == 299 || i == 599 {
			if _, err := newBaselineStore(data, "web").save(d.Learnt()); err != nil {
				return err
			}
		}
	}
	return nil
}
