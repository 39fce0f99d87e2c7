package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Exit codes are an interface: scripts branch on them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnmet       = 3   // a condition that was asked about does not hold
	exitRefused     = 4   // refused by policy
	exitUnreachable = 6   // nobody answers where a daemon should
	exitTampered    = 7   // verification failed: page someone
	exitInterrupted = 130 // by a signal, before there was a result
)

// exitError is an error that chooses the exit code, and may carry a hint: the
// next step, printed on a line of its own.
type exitError struct {
	code int
	err  error
	hint string
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	code, hint := exitFailed, ""
	if e, ok := errors.AsType[*exitError](err); ok {
		code, hint = e.code, e.hint
	}
	fmt.Fprintf(stderr, "evenkeel: error: %v\n", err)
	if hint != "" {
		fmt.Fprintf(stderr, "evenkeel: hint: %s\n", hint)
	}
	return code
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "evenkeel",
		Short:         "Keep load-balanced fleets on an even keel while nobody is watching",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exitError{exitUsage, err, "see '" + cmd.CommandPath() + " --help'"}
	})
	root.AddCommand(demoCommand(), serveCommand(), detectCommand(), recordCommand(),
		rulesCommand(), peopleCommand(), auditCommand(), explainCommand(), replayCommand(), baselineCommand(), configCommand(), stopCommand(), resumeCommand(), versionCommand())
	misuse(root)
	return root
}

// misuse makes wrong arguments of a command and of those below it exit as wrong
// usage, with a hint.
func misuse(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &exitError{exitUsage, err, "see '" + cmd.CommandPath() + " --help'"}
		}
		return nil
	}
	for _, sub := range c.Commands() {
		misuse(sub)
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this build",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "evenkeel", buildVersion())
			return err
		},
	}
}

// buildVersion names this build as the toolchain recorded it: the module
// version, or the commit it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (version == "" || version == "(devel)") {
			version = s.Value
		}
	}
	if version == "" {
		version = "(devel)"
	}
	return version
}
