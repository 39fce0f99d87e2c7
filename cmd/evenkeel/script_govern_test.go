package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestGovernmentByEveryChannel tells each script of governance over every channel
// by which papers reach a daemon: what a person types is the same. In a script
// $VIA is where papers are sent, $FROM where a change is read, $NATS the daemon's
// broker, and the channel's name a condition.
func TestGovernmentByEveryChannel(t *testing.T) {
	for _, channel := range []string{inboxDir, viaHTTP, viaBus} {
		t.Run(channel, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{Dir: "../../testdata/govern", RequireExplicitExec: true,
				Cmds:      scriptCommands(),
				Condition: func(name string) (bool, error) { return name == channel, nil },
				Setup:     func(e *testscript.Env) error { return setChannel(t, e, channel) }})
		})
	}
}

// setChannel gives a script the channel's addresses.
func setChannel(t *testing.T, e *testscript.Env, channel string) error {
	console := freePort(t)
	e.Setenv("CONSOLE", "127.0.0.1:"+console)
	e.Setenv("NATS", "{embedded: true}")
	e.Setenv("VIA", "")
	e.Setenv("FROM", "")
	switch channel {
	case viaHTTP:
		e.Setenv("VIA", "http://127.0.0.1:"+console)
		e.Setenv("FROM", "http://127.0.0.1:"+console)
	case viaBus:
		b := newBroker(t)
		e.Setenv("NATS", "{url: '"+b.url()+"'}")
		e.Setenv("VIA", b.url())
	}
	return nil
}

// fill writes the script's variables into files.
func fill(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		b := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(b), 0o644))
	}
}

// untilPatience is for a daemon that starts, and a rollout of two seconds, on a
// machine that does other things.
const untilPatience = 3 * time.Minute

// until runs a command again and again until what it prints matches:
// until PATTERN COMMAND…
func until(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND...")
	}
	want := regexp.MustCompile("(?m)" + args[0])
	for end := time.Now().Add(untilPatience); ; time.Sleep(100 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		got := ts.ReadFile("stdout")
		if err == nil && want.MatchString(got) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("in vain for %v: %s\nerror %v\n%s%s", untilPatience, strings.Join(args[1:], " "), err, got, ts.ReadFile("stderr"))
		}
	}
}

// capture gives a variable what the first group of a pattern matches in what the
// last command printed: capture NAME PATTERN.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: capture NAME PATTERN")
	}
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("no match for %s with one group", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// exits runs a command that must end with an exit code: exits CODE COMMAND…
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	code := 0
	if e, ok := errors.AsType[*exec.ExitError](ts.Exec(args[1], args[2:]...)); ok {
		code = e.ExitCode()
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s\n%s%s", code, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}
