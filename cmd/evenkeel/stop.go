package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evenkeel/evenkeel/actions"
	"github.com/evenkeel/evenkeel/audit"
)

// stopOptions are the flags of stop and resume.
type stopOptions struct {
	data, reason string
	by           []string
}

func (o *stopOptions) flags(cmd *cobra.Command, who string) {
	cmd.Flags().StringVar(&o.data, "data", "", "data directory of 'evenkeel serve'")
	cmd.Flags().StringArrayVar(&o.by, "by", nil, who)
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, one line")
}

// check trims what was given and refuses what is not complete.
func (o *stopOptions) check(people int) error {
	o.reason = strings.TrimSpace(o.reason)
	for i, name := range o.by {
		o.by[i] = strings.TrimSpace(name)
	}
	switch {
	case o.data == "":
		return &exitError{exitUsage, errors.New("no data directory given"), "add --data DIR"}
	case len(o.by) != people:
		return &exitError{exitUsage, fmt.Errorf("%d names given, want %d", len(o.by), people), "add --by NAME for each person"}
	case o.reason == "" || strings.ContainsFunc(o.reason, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return &exitError{exitUsage, fmt.Errorf("reason %q, want one line", o.reason), "add --reason TEXT"}
	}
	for _, name := range o.by {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return &exitError{exitUsage, fmt.Errorf("name %q, want one line", name), "add --by NAME"}
		}
	}
	return nil
}

func (o *stopOptions) file() string { return filepath.Join(o.data, stopFile) }

func stopCommand() *cobra.Command {
	var o stopOptions
	cmd := &cobra.Command{
		Use:   "stop --data DIR --by NAME --reason TEXT",
		Short: "Take no more members out, at once",
		Long: `Take no more members out. It writes the file STOP to the data directory: a
daemon that runs obeys at once and records it within a second, and one that
starts later finds it. What is out can still be put back.

A stop outlives the file and a restart: 'evenkeel resume' ends it. One person
suffices. The name is recorded and not proven: there are no keys of people yet.`,
		Example: "  evenkeel stop --data /var/lib/evenkeel --by ana --reason 'the balancer is being upgraded'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(1); err != nil {
				return err
			}
			if err := o.stop(); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "stopped by %s: nothing is taken out any more; 'evenkeel resume' ends it\n", o.file())
			return err
		},
	}
	o.flags(cmd, "who stops")
	return cmd
}

// stop writes the stop file, all of it at once. One that is there stays: it may
// ask for more.
func (o *stopOptions) stop() error {
	if logs, err := filepath.Glob(filepath.Join(o.data, "audit-*.db")); err != nil || len(logs) == 0 {
		// A file that no daemon looks at would stop nothing.
		source := auditSource{data: o.data}
		return source.explain(fmt.Errorf("stop: no log in %s: %w", o.data, fs.ErrNotExist))
	}
	f, err := os.CreateTemp(o.data, ".stop-")
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	_, err = fmt.Fprintf(f, "by %s: %s\n", o.by[0], o.reason)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()) // the daemon may be another user
	if err == nil {
		err = os.Link(f.Name(), o.file())
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

func resumeCommand() *cobra.Command {
	var o stopOptions
	cmd := &cobra.Command{
		Use:   "resume --data DIR --by NAME --by NAME --reason TEXT",
		Short: "End a stop, of a daemon that does not run",
		Long: `End a stop: from its next start on the daemon may act again. It is recorded in
the log, so the daemon must not be running; and it is refused while the file
STOP is in the data directory.

It takes two different people. The names are compared and recorded and not
proven: there are no keys of people yet.

Exit code 3 when nothing is stopped, 4 when it is refused.`,
		Example: "  evenkeel resume --data /var/lib/evenkeel --by ana --by ben --reason 'the upgrade is done'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(2); err != nil {
				return err
			}
			was, err := o.resume(cmd.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "resumed: it was stopped since %s by %s: %s\n", was.Since.Format(time.RFC3339), was.By, was.Reason)
			return err
		},
	}
	o.flags(cmd, "who resumes; twice")
	return cmd
}

// resume records the end of a stop and returns the stop.
func (o *stopOptions) resume(ctx context.Context) (was actions.StopState, err error) {
	if strings.EqualFold(o.by[0], o.by[1]) {
		return was, &exitError{exitRefused, fmt.Errorf("resume by %s and %s: want two different people", o.by[0], o.by[1]), ""}
	}
	if _, err := os.Lstat(o.file()); !errors.Is(err, fs.ErrNotExist) {
		return was, &exitError{exitRefused, fmt.Errorf("resume: %s still asks for a stop", o.file()), "remove it first"}
	}
	env, err := o.env()
	if err != nil {
		return was, err
	}
	log, err := openAudit(o.data, env, time.Now)
	if err != nil {
		return was, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	guard, err := actions.NewGuard(ctx, actions.Config{Log: log, Env: env, StopFile: o.file()})
	if err != nil {
		return was, err
	}
	stops := guard.Stops()
	if len(stops) == 0 || stops[0].Scope != actions.Everything {
		return was, &exitError{exitUnmet, errors.New("resume: nothing is stopped"), ""}
	}
	return stops[0], guard.Resume(ctx, o.by, actions.Everything, o.reason)
}

// env returns the environment that the log in the data directory is about.
func (o *stopOptions) env() (string, error) {
	source := auditSource{data: o.data}
	r, err := source.open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	env := ""
	err = r.Scan(context.Background(), 0, 1, func(r audit.Record) error {
		e, err := audit.Decode(r.Bytes)
		env = e.Env
		return err
	})
	if err == nil && env == "" {
		err = &exitError{exitUnmet, fmt.Errorf("the log in %s is empty: nothing has run there", o.data), ""}
	}
	return env, err
}
