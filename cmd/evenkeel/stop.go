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
	"github.com/evenkeel/evenkeel/knowledge"
)

// stopOptions are the flags of stop and resume.
type stopOptions struct {
	paperOptions // of the form that is signed
	data, reason string
	by           []string
}

func (o *stopOptions) flags(cmd *cobra.Command, who string) {
	o.paperOptions.flags(cmd)
	cmd.Flags().StringVar(&o.data, "data", "", "data directory of 'evenkeel serve', for the form that nobody signs")
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
	case o.as != "" || o.key != "":
		return &exitError{exitUsage, errors.New("nobody signs with --data"), "to sign, add -c FILE in place of it"}
	case o.data == "":
		return &exitError{exitUsage, errors.New("no data directory given"), "add --data DIR; or -c FILE --as ID --key KEY, to sign"}
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
	var scope string
	cmd := &cobra.Command{
		Use:   "stop -c FILE --as ID --key KEY --reason TEXT | stop --data DIR --by NAME --reason TEXT",
		Short: "Take no more members out, at once",
		Long: `Take no more members out. What is out can still be put back. A stop outlives a
restart: 'evenkeel resume' ends it. One person suffices, an operator or an
approver.

With -c the stop is a statement that you sign: of everything, of a group or of a
rule. It travels like other papers, by the inbox, the console or the broker.

With --data it is the file STOP in the data directory, which works whatever else
is down and needs no key: a daemon that runs obeys at once and records it within a
second, and one that starts later finds it. The name is recorded and not proven.`,
		Example: `  evenkeel stop -c evenkeel.yaml --as ana --key ~/.ssh/id_ed25519 --scope group/web --reason 'it drains too much'
  evenkeel stop --data /var/lib/evenkeel --by ana --reason 'the balancer is being upgraded'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.config != "" {
				return o.signStop(cmd, scope)
			}
			if err := o.check(1); err != nil {
				return err
			}
			if cmd.Flags().Changed("scope") && scope != string(actions.Everything) {
				return &exitError{exitUsage, errors.New("the file stops everything"), "sign a stop of a scope: -c FILE --as ID --key KEY"}
			}
			if err := o.stop(); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "stopped by %s: nothing is taken out any more; 'evenkeel resume' ends it\n", o.file())
			return err
		},
	}
	o.flags(cmd, "who stops, with --data")
	cmd.Flags().StringVar(&scope, "scope", string(actions.Everything), "what is stopped: all, group/NAME or rule/NAME")
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
		Use:   "resume STOP -c FILE --as ID --key KEY | resume --data DIR --by NAME --by NAME --reason TEXT",
		Short: "End a stop, or the quarantine of a rule",
		Long: `End a stop, or the quarantine of a rule that was put aside. It takes two different
people, or as many as the people register asks for.

With -c each of them signs a resume that names the same digest, as 'evenkeel rules
status' prints it; its beginning suffices. The daemon goes on when it has the
last of them. While the file STOP is in the data directory everything stays
stopped.

With --data, where no people register is pinned, two names end it: the daemon
must not be running, and is not stopped from its next start on. The names are
compared and recorded and not proven.

Exit code 3 when nothing of the kind is stopped, 4 when it is refused.`,
		Example: `  evenkeel resume 5d1c0a77 -c evenkeel.yaml --as ben --key ~/.ssh/id_ed25519
  evenkeel resume --data /var/lib/evenkeel --by ana --by ben --reason 'the upgrade is done'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.config != "" {
				return o.signResume(cmd, strings.Join(args, ""))
			}
			if len(args) > 0 {
				return &exitError{exitUsage, errors.New("a stop is named by those who sign"), "add -c FILE --as ID --key KEY, in place of --data"}
			}
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
	o.flags(cmd, "who resumes, with --data; twice")
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
	if err := o.ungoverned(ctx); err != nil {
		return was, err
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
	env := ""
	err := o.scan(context.Background(), 1, func(r audit.Record) error {
		e, err := audit.Decode(r.Bytes)
		env = e.Env
		return err
	})
	if err == nil && env == "" {
		err = &exitError{exitUnmet, fmt.Errorf("the log in %s is empty: nothing has run there", o.data), ""}
	}
	return env, err
}

// ungoverned returns an error if the log holds a people register: a resume has to
// be signed there.
func (o *stopOptions) ungoverned(ctx context.Context) error {
	return o.scan(ctx, -1, func(r audit.Record) error {
		if knowledge.IsRegister(r) {
			return &exitError{exitRefused, errors.New("resume: there is a people register: names do not suffice"),
				"two people sign: evenkeel resume STOP -c FILE --as ID --key KEY; 'evenkeel rules status' prints STOP"}
		}
		return nil
	})
}

// scan calls f with the entries of the log in the data directory below to.
func (o *stopOptions) scan(ctx context.Context, to int64, f func(audit.Record) error) (err error) {
	source := auditSource{data: o.data}
	r, err := source.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return r.Scan(ctx, 0, to, f)
}
