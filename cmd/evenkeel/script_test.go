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
	testscript.Run(t, testscript.Params{Dir: "../../testdata/script", RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"learn": learn}})
}

// learn makes the data directory that is its argument: that of a daemon which
// has watched the group web of the environment test for ten minutes.
func learn(ts *testscript.TestScript, _ bool, args []string) {
	data := ts.MkAbs(args[0])
	log, err := openAudit(data, "test", time.Now)
	ts.Check(err)
	_, err = log.Append(context.Background(), audit.Entry{Type: typeStart, Actor: actorLoop, Body: startBody{Groups: map[string]startGroup{}}})
	ts.Check(errors.Join(err, log.Close()))
	d, err := detect.New(storyConfig)
	ts.Check(err)
	for i, f := range healthy(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), 600) {
		_, err := d.Observe(f)
		ts.Check(err)
		if i == 299 || i == 599 {
			_, err = newBaselineStore(data, "web").save(d.Learnt())
			ts.Check(err)
		}
	}
}
